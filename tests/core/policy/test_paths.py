"""Which paths may be written, by tables and by property."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import PhaseSpec, ToolConstraint
from interlock.core.policy.paths import EVERYTHING, PathRules, writable
from interlock.core.policy.protected import PROTECTED, Protected
from interlock.errors import DefinitionError

from .workflows import FILE, TDD, TESTS, at, workflow

ALL = PathRules(EVERYTHING)
TEST_FILES = PathRules(TESTS, ("src/**", "lib/**"))
SOURCES = PathRules(EVERYTHING, ("tests/**", ".env*", "node_modules/**"))


def rule(rules: PathRules, path: str) -> str | None:
    reason = rules.why_not(path)
    return reason.rule if reason else None


@pytest.mark.parametrize(
    "path",
    [
        "tests/test_a.py",
        "tests/unit/deep/er/test_b.py",
        "tests/données/é.json",
        "tests/a b.txt",
        "tests/[x].py",
        "tests/.hidden",
        "tests/x..y",
        "tests/a~b",
        "tests/colon:name.txt",
        "pkg/server_test.go",
        "web/button.test.tsx",
        "web/a.spec.js",
        "web/__tests__/x.js",
        "tests/Test_Upper.py",
        "tests/日本/テスト.py",
    ],
)
def test_a_path_on_the_list_may_be_written(path: str) -> None:
    assert rule(TEST_FILES, path) is None


@pytest.mark.parametrize(
    "path, expected",
    [
        ("src/app.py", "path.forbidden"),
        ("src/tests/x.test.js", "path.forbidden"),
        ("SRC/app.test.py", "path.forbidden"),
        ("Lib/a_test.go", "path.forbidden"),
        ("\u017frc/a_test.go", "path.forbidden"),
        ("app.py", "path.not_allowed"),
        ("Tests/test_a.py", "path.not_allowed"),
        ("testing/x.py", "path.not_allowed"),
        ("tests", "path.not_allowed"),
        ("a/tests/x.py", "path.not_allowed"),
        ("tests/CLAUDE.md", "path.protected"),
        ("tests/.vscode/tasks.json", "path.protected"),
    ],
)
def test_a_path_off_the_list_is_refused(path: str, expected: str) -> None:
    assert rule(TEST_FILES, path) == expected


@pytest.mark.parametrize(
    "path, expected",
    [
        ("src/app.py", None),
        ("tests/test_a.py", "path.forbidden"),
        ("TESTS/test_a.py", "path.forbidden"),
        (".env", "path.forbidden"),
        (".env.local", "path.forbidden"),
        ("a/.ENV", "path.forbidden"),
        ("node_modules/x/index.js", "path.forbidden"),
        ("my_tests/x.py", None),
    ],
)
def test_forbidden_wins_over_everything(path: str, expected: str | None) -> None:
    assert rule(SOURCES, path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "/w/src/a.py",
        "//a",
        "~/.bashrc",
        "~root/x",
        "..",
        "../a",
        "src/../../a",
        "src/..",
        "./a",
        "a/./b",
        "a//b",
        "a/",
        ".",
        "a\x00b",
        "a\nb",
        "a\tb",
        "a\x7fb",
        "a\\b",
        "..\\a",
        "C:/x",
        "c:x",
        "a.",
        "a./b",
        "a ",
        " a",
        "a /b",
        "a/ b",
        "GIT~1",
        "AGENTS~1.MD",
        "x/PROGRA~1/y",
        "a\u200bb",
        "a\u202eb",
        "a\ufeffb",
        "a\u00a0b",
        "a\u2028b",
        "\ud800",
        unicodedata.normalize("NFD", "é.py"),
        "a" * 256,
        "a/" * 70 + "b",
        "/".join(["a" * 200] * 30),
    ],
)
def test_an_unusual_spelling_is_refused(path: str) -> None:
    assert rule(ALL, path) == "path.malformed"


@pytest.mark.parametrize(
    "path",
    [
        ".git",
        ".git/config",
        ".GIT/config",
        ".Git/hooks/pre-commit",
        "sub/.git/config",
        ".git::$INDEX_ALLOCATION/config",
        ".git:x",
        "\uff0egit/config",
        "agent_workflow.yaml",
        "Agent_Workflow.YAML",
        ".orchestrator/config.yaml",
        ".orchestrator/schemas/plan.schema.json",
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        "Jenkinsfile",
        ".husky/pre-commit",
        ".gitmodules",
        "sub/.gitattributes",
        ".envrc",
        "sub/.envrc",
        ".vscode/settings.json",
        ".idea/workspace.xml",
        ".claude/settings.json",
        ".cursor/rules/a.mdc",
        ".codex/config.toml",
        "AGENTS.md",
        "sub/AGENTS.md",
        "agents.MD",
        "CLAUDE.md",
        "CLAUDE.md:stream",
        "GEMINI.md",
        ".mcp.json",
        ".devcontainer/devcontainer.json",
        ".pre-commit-config.yaml",
        "CODEOWNERS",
        "docs/CODEOWNERS",
    ],
)
def test_what_runs_later_as_the_person_is_protected(path: str) -> None:
    assert rule(ALL, path) == "path.protected"


@pytest.mark.parametrize(
    "path",
    [".github/ISSUE_TEMPLATE/bug.md", ".gitignore", "docs/agents.txt", "src/github/workflows/x.py"],
)
def test_what_only_resembles_a_protected_path_is_not(path: str) -> None:
    assert rule(ALL, path) is None


def test_every_protected_pattern_says_why() -> None:
    assert all(item.why and not item.why.endswith(".") for item in PROTECTED)


def test_all_reasons_are_listed_and_the_first_decides() -> None:
    rules = [reason.rule for reason in TEST_FILES.reasons("src/CLAUDE.md")]
    assert rules == ["path.forbidden", "path.protected", "path.not_allowed"]
    assert rule(TEST_FILES, "src/CLAUDE.md") == rules[0]


def test_a_reason_names_pattern_phase_and_line() -> None:
    reason = writable(workflow(), "TDD").why_not("src/app.py")
    assert reason is not None
    assert reason.position == at(41)
    assert (reason.facts["pattern"], reason.facts["phase"]) == ("src/**", "TDD")
    assert str(reason.position).startswith(FILE)


def test_a_hostile_name_is_shown_without_control_characters() -> None:
    reason = ALL.why_not("a\x1b[31mred")
    assert reason is not None
    assert reason.message.isprintable()


def test_negated_patterns_work_as_in_gitignore_in_both_lists() -> None:
    rules = PathRules(("src/**", "!src/gen/**"), ("docs/**", "!docs/ok.md"))
    assert rule(rules, "src/a.py") is None
    assert rule(rules, "src/gen/a.py") == "path.not_allowed"
    assert rule(rules, "src/GEN/a.py") == "path.not_allowed"
    assert rule(rules, "docs/x.md") == "path.forbidden"
    assert rule(PathRules(EVERYTHING, ("docs/**", "!docs/ok.md")), "docs/ok.md") is None


def test_protection_cannot_be_lifted_by_a_pattern() -> None:
    with pytest.raises(DefinitionError):
        PathRules(EVERYTHING, protected=(Protected("!CLAUDE.md", "x"),))


@pytest.mark.parametrize(
    "pattern",
    ["[z-a]x", "a[", "\\", "# comment", "", "  ", "/", "[[:upper:]]x", "a\nb", "x" * 600, "[a--b]"],
)
def test_a_pattern_that_would_silently_match_something_else_is_an_error(pattern: str) -> None:
    with pytest.raises(DefinitionError) as error:
        PathRules(EVERYTHING, (pattern,))
    assert error.value.code == "IL-POL-002"


def test_too_many_patterns_are_an_error() -> None:
    with pytest.raises(DefinitionError):
        PathRules(tuple(f"a{number}" for number in range(600)))


@pytest.mark.parametrize("pattern", ["*a" * 20 + "b", "**/" * 12 + "x", "*a*" * 15, "[ab]*" * 20])
def test_a_hostile_glob_does_not_hang(pattern: str) -> None:
    rules = PathRules(EVERYTHING, (pattern,))
    begin = time.perf_counter()
    for path in ("a" * 60, "a" * 250, "/".join("a" * 60)):
        rules.why_not(path)
    assert time.perf_counter() - begin < 1


# -- what a phase may write ----------------------------------------------------------------------


def test_a_phase_without_writing_tools_writes_nothing() -> None:
    for phase in ("PLAN", "REVIEW", "COMPLETE"):
        assert rule(writable(workflow(), phase), "src/app.py") == "path.not_allowed"


def test_an_unknown_phase_writes_nothing() -> None:
    assert rule(writable(workflow(), "NOWHERE"), "src/app.py") == "path.not_allowed"


def test_bash_alone_gives_no_right_to_write() -> None:
    phase = PhaseSpec(id="P", allowed_tools=("bash", "run", "run_tests"))
    assert rule(writable(workflow(phase), "P"), "a") == "path.not_allowed"


def test_a_forbidden_writing_tool_gives_no_right_to_write() -> None:
    phase = PhaseSpec(id="P", allowed_tools=("write_files",), forbidden_tools=("write_files",))
    assert rule(writable(workflow(phase), "P"), "a") == "path.not_allowed"


def test_the_constraint_of_write_files_binds_its_kin() -> None:
    assert rule(writable(workflow(), "TDD"), "tests/a.py") is None
    phase = PhaseSpec(
        id="P",
        allowed_tools=("edit_files",),
        tool_constraints={"write_files": ToolConstraint(allowed_patterns=("docs/**",))},
    )
    assert rule(writable(workflow(phase), "P"), "src/a.py") == "path.not_allowed"
    assert rule(writable(workflow(phase), "P"), "docs/a.md") is None


def test_without_one_for_write_files_the_finer_constraints_count_together() -> None:
    phase = PhaseSpec(
        id="P",
        allowed_tools=("edit_files", "multi_edit"),
        tool_constraints={
            "edit_files": ToolConstraint(
                allowed_patterns=("a/**",), forbidden_patterns=("a/x", "y")
            ),
            "multi_edit": ToolConstraint(allowed_patterns=("b/**",), forbidden_patterns=("y",)),
        },
    )
    rules = writable(workflow(phase), "P")
    assert [rule(rules, path) for path in ("a/1", "a/x", "b/1", "b/y", "c")] == [
        None,
        None,
        None,
        "path.forbidden",
        "path.not_allowed",
    ]


def test_protected_paths_of_the_workflow_add_to_the_default() -> None:
    rules = writable(workflow(protected_paths=("infra/**",)), "IMPL")
    assert rule(rules, "infra/main.tf") == "path.protected"
    assert rule(rules, "CLAUDE.md") == "path.protected"
    assert rule(rules, "src/a.py") is None


def test_two_definitions_with_one_digest_do_not_share_rules() -> None:
    assert rule(writable(workflow(), "TDD"), "docs/a") == "path.not_allowed"
    other = PhaseSpec(id="TDD", allowed_tools=("write_files",))
    assert rule(writable(workflow(other), "TDD"), "docs/a") is None
    assert rule(writable(workflow(), "TDD"), "docs/a") == "path.not_allowed"


def test_the_rules_of_a_phase_are_compiled_once() -> None:
    one = workflow()
    assert writable(one, TDD.id) is writable(one, TDD.id)


# -- properties ----------------------------------------------------------------------------------

names = st.text(st.characters(codec="utf-8"), max_size=12)
paths = st.lists(names, min_size=1, max_size=4).map("/".join) | st.text(max_size=30)


@given(paths)
def test_any_text_is_decided_without_an_error(path: str) -> None:
    for rules in (ALL, TEST_FILES, SOURCES):
        found = rules.reasons(path)
        assert rules.why_not(path) == (found[0] if found else None)


@given(paths)
def test_a_dotted_prefix_never_opens_a_path(path: str) -> None:
    for rules in (ALL, TEST_FILES, SOURCES):
        if rules.why_not(f"./{path}") is None:
            assert rules.why_not(path) is None


@given(st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=12))
def test_forbidden_wins_whatever_is_allowed(name: str) -> None:
    rules = PathRules((*EVERYTHING, f"src/{name}"), ("src/**",), ())
    for spelling in ("src", "SRC", "Src", "sRc"):
        assert rules.why_not(f"{spelling}/{name}") is not None


@given(paths)
def test_what_may_be_written_has_no_disguise(path: str) -> None:
    if ALL.why_not(path) is None:
        assert not path.startswith(("/", "~"))
        assert ".." not in path.split("/")
        assert "\\" not in path
        assert path.isprintable()
        assert path == unicodedata.normalize("NFC", path)
        assert all(part.rstrip(" .").lower() != ".git" for part in path.split("/"))
