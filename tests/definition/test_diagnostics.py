"""What is wrong is said at its place, with a caret and help, and all of it in one go."""

from __future__ import annotations

import json

import pytest
from tests.definition.broken import Broken
from tests.definition.golden import ALL, DIRECTORY, loaded_from, said_of
from tests.definition.small import SMALL, changed, loaded

from interlock.definition import load, load_tree
from interlock.errors import DefinitionError


def failure(text: str) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        loaded_from(text)
    return caught.value


@pytest.mark.parametrize("case", ALL.values(), ids=ALL)
def test_each_mistake_is_reported_once_and_at_its_place(case: Broken) -> None:
    text, line, column = case.text_and_place()
    errors = [d for d in failure(text).context["diagnostics"] if d["severity"] == "error"]
    assert [(d["code"], d["position"]) for d in errors] == [
        (case.code, {"file": "w.yaml", "line": line, "column": column})
    ]
    assert case.message in errors[0]["message"]


@pytest.mark.parametrize("name", ALL)
def test_what_is_said_of_each_is_kept_word_by_word_with_its_carets(name: str) -> None:
    kept = (DIRECTORY / f"{name}.txt").read_text(encoding="utf-8")
    assert said_of(ALL[name]) == kept, "if it is better now: python -m tests.definition.golden"


def test_nothing_is_kept_of_what_is_not_tried_any_more() -> None:
    assert {path.stem for path in DIRECTORY.iterdir()} == set(ALL)
    assert len(ALL) >= 120


def test_the_definition_that_the_mistakes_are_put_into_holds() -> None:
    assert load(SMALL).warnings == ()


def test_a_finding_is_shown_with_line_caret_help_and_the_other_place() -> None:
    error = failure(changed("[git_commit]", "[git_commit, Bash]"))
    assert error.context["rendered"] == (
        "w.yaml:6:35: error: The phase 'A' both allows and forbids 'bash' [IL-DEF-032]\n"
        "  6 |     forbidden_tools: [git_commit, Bash]\n"
        "    |                                   ^\n"
        "  w.yaml:5:46: allowed here\n"
        "  5 |     allowed_tools: [read_files, write_files, bash]\n"
        "    |                                              ^\n"
        "  help: Forbidden wins, so take it out of one of the lists."
    )


def test_the_caret_stands_below_its_place_behind_tabs_and_in_long_lines() -> None:
    tabbed = failure('name:\t"x"\nnmae: 1').context["rendered"]
    assert "  2 | nmae: 1\n    | ^" in tabbed
    wide = failure("a: [" + "x, " * 500 + "*y]").context["rendered"].splitlines()
    caret = wide[2].index("^")
    assert wide[1][caret:].startswith("*y")
    assert len(wide[1]) < 200
    behind_tab = failure('"name"\t: 1\t: 2').context["rendered"].splitlines()
    assert behind_tab[2].count("\t") == behind_tab[1][: behind_tab[2].index("^")].count("\t")


def test_every_mistake_is_reported_in_one_go_and_in_the_order_of_the_file() -> None:
    text = SMALL
    for old, new in (
        ("name: Small", "nmae: Small"),
        ("git_commit", "git_comit"),
        ("all_tests_pass", "all_test_pass"),
        ("to: B", "to: C"),
        ("mode: strict", "mode: strikt"),
        ("has_in_scope", "has_scope"),
    ):
        text = text.replace(old, new)
    error = failure(text)
    assert [d["code"] for d in error.context["diagnostics"]] == [
        "IL-DEF-011",
        "IL-DEF-012",
        "IL-DEF-022",
        "IL-DEF-021",
        "IL-DEF-020",
        "IL-DEF-023",
        "IL-DEF-013",
    ]
    assert error.code == "IL-DEF-011"
    assert "(and 6 more)" in error.message


@pytest.mark.parametrize(
    "old, new, meant",
    [
        ("all_tests_pass", "all_test_pass", "all_tests_pass"),
        ("bash]", "Reed]", "Read"),
        ("rule: has_in_scope", "rule: has_inscope", "has_in_scope"),
        ("to: B", "to: b", "B"),
        ("type: validation", "typ: validation", "type"),
        ("mode: strict", "mode: strickt", "strict"),
        ("schemas/plan.json", "schemas/plam.json", "plan.json"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_one(old: str, new: str, meant: str) -> None:
    helps = [d["help"] for d in failure(changed(old, new)).context["diagnostics"]]
    assert any(meant.lower() in text.lower() for text in helps)


def test_the_error_survives_json_and_keeps_its_remedy() -> None:
    error = failure(changed("mode: strict", "mode: strikt"))
    assert json.loads(json.dumps(error.problem()))["context"] == error.context
    assert error.remedy == "Did you mean 'strict'?"
    assert error.exit_code == 7


def test_a_hostile_file_does_not_make_a_hostile_report() -> None:
    keys = "".join(f"unknown_key_{n}: 1\n" for n in range(20_000))
    error = failure(keys)
    assert len(error.context["diagnostics"]) == 200
    assert "more findings" in error.context["rendered"]
    assert len(error.context["rendered"]) < 100_000


def test_errors_are_shown_however_many_warnings_come_before_them() -> None:
    edges = "".join(f"  - {{from: A, to: P{n}}}\n  - {{from: P{n}, to: B}}\n" for n in range(120))
    phases = "".join(f"  - id: P{n}\n    allowed_tools: []\n" for n in range(120))
    text = changed("transitions:\n", f"{phases}transitions:\n{edges}")
    error = failure(text + "protected_pahts: []\n")
    assert error.code == "IL-DEF-011"


def test_a_tree_without_the_file_says_how_to_get_one() -> None:
    with pytest.raises(DefinitionError) as caught:
        load_tree(lambda _path: None)
    assert caught.value.code == "IL-DEF-008"
    assert "interlock init" in caught.value.remedy


def test_a_tree_brings_the_schemas_of_its_own_directory() -> None:
    text = SMALL.replace("schemas:\n  plan.json: {type: object}\n", "schemas_dir: contracts\n")
    files = {"w.yaml": text.encode(), "contracts/plan.schema.json": b'{"maxProperties": 1}'}
    workflow = load_tree(files.get, file="w.yaml").workflow
    assert workflow.schemas == {"plan.schema.json": {"maxProperties": 1}}
    assert workflow.phases[0].required_artifacts[0].schema == "plan.schema.json"


def test_a_schema_file_that_is_not_json_is_named() -> None:
    text = SMALL.replace("schemas:\n  plan.json: {type: object}\n", "")
    for data in (b"{", b'{"a": NaN}', b'{"type": "object", "type": "array"}', b"\xff", b"[" * 9999):
        with pytest.raises(DefinitionError) as caught:
            load(text, schema_dir={"plan.json": data})
        assert caught.value.code == "IL-DEF-041"


def test_a_forward_way_without_a_gate_is_warned_about() -> None:
    text = changed("transitions:\n", "  - id: C\n    allowed_tools: []\ntransitions:\n")
    found = load(
        text.replace("gate: done}", "gate: done}\n  - {from: B, to: C}"), file="w.yaml"
    ).warnings
    assert [(w.code, w.position.line) for w in found] == [("IL-DEF-083", 20)]


def test_a_circle_that_never_ends_is_reported_at_each_of_its_phases() -> None:
    error = failure(changed("gate: done}", "gate: done}\n  - {from: B, to: A}"))
    found = [(d["code"], d["position"]["line"]) for d in error.context["diagnostics"]]
    assert found == [("IL-DEF-034", 4), ("IL-DEF-034", 14)]


def test_a_constraint_on_a_tool_that_is_not_allowed_is_warned_about() -> None:
    found = loaded("bash: {allowed", "run_tests: {allowed").warnings
    assert [w.code for w in found] == ["IL-DEF-082"]
