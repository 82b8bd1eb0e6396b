"""A file that builds on another: what merges, what replaces, what is taken out, what is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import Position, Severity
from interlock.definition import Loaded, load, load_pack, load_tree
from interlock.definition.diagnostics import Findings
from interlock.definition.inheritance import MAX_FILES
from interlock.definition.merge import KEYED, merge
from interlock.definition.yaml_compose import MAX_NODES, compose
from interlock.definition.yaml_nodes import MappingNode, plain
from interlock.errors import DefinitionError

FILE = "agent_workflow.yaml"


def tree(text: str, **others: str) -> Loaded:
    """The workflow of a tree that holds nothing but these files (``team_yaml`` is team.yaml)."""
    files = {FILE: text, **{name.replace("_yaml", ".yaml"): data for name, data in others.items()}}
    return load_tree(lambda path: files[path].encode() if path in files else None)


def problems(text: str, **others: str) -> list[dict[str, Any]]:
    with pytest.raises(DefinitionError) as caught:
        tree(text, **others)
    found: list[dict[str, Any]] = caught.value.context["diagnostics"]
    return [item for item in found if item["severity"] == "error"]


def place(item: Mapping[str, Any]) -> str:
    return f"{item['position']['file']}:{item['position']['line']}:{item['position']['column']}"


def merged(base: str, over: str) -> Any:
    """Two texts merged, as plain values."""
    findings = Findings()
    nodes = [
        compose(text, file=name, findings=findings) for name, text in (("b", base), ("o", over))
    ]
    assert all(isinstance(node, MappingNode) for node in nodes)
    found = plain(merge(nodes[0], nodes[1], findings))  # type: ignore[arg-type] # looked at above
    assert not findings.failed
    return found


def test_a_file_that_only_extends_is_what_it_builds_on() -> None:
    pack = load_pack("tdd").workflow
    found = tree("extends: tdd\n").workflow
    assert found.digest == pack.digest
    assert found.schemas == pack.schemas
    assert load("extends: tdd\n").workflow.digest == pack.digest


def test_what_is_changed_counts_and_the_rest_stays() -> None:
    pack = load_pack("tdd").workflow
    found = tree(
        """\
extends: tdd
name: Ours
phases:
  - id: IMPL
    gates:
      - id: tests_green
        blockers:
          - {check: coverage_threshold_met, severity: blocking, threshold: 90}
          - {check: no_commented_out_code, remove: true}
    tool_constraints:
      bash: {forbidden_commands: [rm]}
"""
    ).workflow
    assert (found.name, found.version) == ("Ours", pack.version)
    impl, was = found.phase("IMPL"), pack.phase("IMPL")
    assert impl is not None
    assert was is not None
    checks = {check.check: check for check in impl.gates[0].checks}
    assert list(checks) == ["all_tests_pass", "no_skipped_tests", "coverage_threshold_met"]
    coverage = checks["coverage_threshold_met"]
    assert (coverage.severity, coverage.params["threshold"]) == (Severity.BLOCKING, 90)
    assert coverage.message == was.gates[0].checks[2].message
    assert impl.tool_constraints["bash"].forbidden_commands == ("rm",)
    assert impl.tool_constraints["write_files"] == was.tool_constraints["write_files"]
    assert impl.allowed_tools == was.allowed_tools
    assert [p.id for p in found.phases] == [p.id for p in pack.phases]
    assert found.digest != pack.digest


def test_a_reason_points_at_the_file_and_line_that_decides() -> None:
    found = tree(
        """\
extends: tdd
phases:
  - id: IMPL
    gates:
      - id: tests_green
        blockers:
          - {check: coverage_threshold_met, threshold: 90}
          - {check: no_skipped_tests, message: "A test is gone"}
  - id: PLAN
    allowed_tools: [read_files]
    forbidden_tools: []
"""
    ).workflow
    impl, plan = found.phase("IMPL"), found.phase("PLAN")
    assert impl is not None
    assert plan is not None
    assert plan.position == Position(FILE, 9, 5)  # its tools are decided here
    assert impl.position is not None
    assert impl.position.file == "packs/tdd/workflow.yaml"  # … and these there
    files = {c.check: c.position.file for c in impl.gates[0].checks if c.position}
    assert files["all_tests_pass"] == files["no_skipped_tests"] == "packs/tdd/workflow.yaml"
    assert files["coverage_threshold_met"] == FILE
    bash = impl.tool_constraints["bash"].position
    assert bash is not None
    assert bash.file == "packs/tdd/workflow.yaml"


def test_a_phase_is_put_where_it_belongs_and_its_ways_are_added() -> None:
    found = tree(
        """\
extends: tdd
phases:
  - id: AUDIT
    after: IMPL
    allowed_tools: [read_files]
    gates:
      - {id: audited, type: approval, approvers: [human]}
transitions:
  - {from: IMPL, to: REVIEW, remove: true}
  - {from: IMPL, to: AUDIT, gate: tests_green}
  - {from: AUDIT, to: REVIEW, gate: audited}
"""
    ).workflow
    assert [p.id for p in found.phases] == ["PLAN", "TDD", "IMPL", "AUDIT", "REVIEW", "COMPLETE"]
    assert found.edge("IMPL", "REVIEW") is None
    assert [(t.source, t.target) for t in found.transitions][-2:] == [
        ("IMPL", "AUDIT"),
        ("AUDIT", "REVIEW"),
    ]


def test_a_phase_that_is_taken_out_takes_its_transitions_along() -> None:
    text = """\
extends: tdd
phases:
  - {id: REVIEW, remove: true}
transitions:
  - {from: IMPL, to: COMPLETE, gate: tests_green}
"""
    found = tree(text).workflow
    assert [p.id for p in found.phases] == ["PLAN", "TDD", "IMPL", "COMPLETE"]
    assert not [t for t in found.transitions if "REVIEW" in (t.source, t.target)]
    # Nothing is guessed: a way that is missing afterwards is named.
    without_a_way = problems("extends: tdd\nphases:\n  - {id: REVIEW, remove: true}\n")
    assert {item["code"] for item in without_a_way} >= {"IL-DEF-033", "IL-DEF-035"}


COMMANDS = """\
phases:
- id: A
  gates:
  - id: g
    blockers: [{check: command, argv: [a]}, {check: t}]
"""
TWO = COMMANDS.replace("{check: t}", "{check: command, argv: [b]}")
BOTH = {
    "id": "g",
    "blockers": [
        {"check": "command", "argv": ["a"]},
        {"check": "command", "argv": ["b"]},
        {"check": "t"},
    ],
}


@pytest.mark.parametrize(
    "base, over, wanted",
    [
        ("a: {b: 1, c: 2}", "a: {c: 3, d: 4}", {"a": {"b": 1, "c": 3, "d": 4}}),
        ("a: [1, 2]", "a: [3]", {"a": [3]}),
        ("a: [1, 2]", "a: []", {"a": []}),
        ("a: {b: 1}", "a: 2", {"a": 2}),
        ("a: 1\nb: 2", "a: {remove: true}", {"b": 2}),
        ("a: {b: 1, c: 2}", "a: {b: {remove: true}}", {"a": {"c": 2}}),
        ("schemas: {p.j: {a: 1}}", "schemas: {p.j: {b: 2}}", {"schemas": {"p.j": {"b": 2}}}),
        ("phases: [{id: A}]", "phases: [{id: B}]", {"phases": [{"id": "A"}, {"id": "B"}]}),
        (
            "phases: [{id: A}, {id: B}]",
            "phases: [{id: C, before: B}, {id: D, after: A}]",
            {"phases": [{"id": "A"}, {"id": "D"}, {"id": "C"}, {"id": "B"}]},
        ),
        ("a: {b: 1, examples: [x]}", "a: {b: 2}", {"a": {"b": 2}}),
        ("a: {b: 1, examples: [x]}", "a: {c: {}}", {"a": {"b": 1, "examples": ["x"], "c": {}}}),
        (COMMANDS, TWO, {"phases": [{"id": "A", "gates": [BOTH]}]}),
    ],
    ids=[
        "mappings merge",
        "lists replace",
        "also by nothing",
        "a value for a mapping",
        "a key goes",
        "one below",
        "a schema is one value",
        "items are added",
        "before and after",
        "examples of what is changed go",
        "and of what is not stay",
        "checks repeat",
    ],
)
def test_two_files_become_one(base: str, over: str, wanted: Any) -> None:
    assert merged(base, over) == wanted


def test_files_build_on_files_of_the_tree_and_these_on_packs() -> None:
    team = "extends: tdd\nname: Team\nvariables: {area: src}\nprotected_paths: [/lock]\n"
    found = tree("extends: ./team.yaml\nname: Ours\n", team_yaml=team)
    assert list(found.sources or ()) == [FILE, "team.yaml", "packs/tdd/workflow.yaml"]
    assert found.workflow.name == "Ours"
    assert found.workflow.phase("IMPL") is not None
    # Whoever could change what a workflow is built on could change the next one.
    assert found.workflow.protected_paths == ("/lock", "/team.yaml")


def test_a_path_is_taken_from_the_file_that_says_it() -> None:
    files = {
        FILE: "extends: flows/a.yaml\n",
        "flows/a.yaml": "extends: ./b.yaml\n",
        "flows/b.yaml": "extends: ../top.yaml\n",
        "top.yaml": "extends: tdd\nname: Top\n",
    }
    read: list[str] = []

    def reader(path: str) -> bytes | None:
        read.append(path)
        return files[path].encode() if path in files else None

    assert load_tree(reader).workflow.name == "Top"
    assert [path for path in read if path.endswith(".yaml")] == list(files)


@pytest.mark.parametrize(
    "path",
    [
        "../team.yaml",
        "./a/../../team.yaml",
        "/etc/passwd.yaml",
        "https://example.org/team.yaml",
        "file:///team.yaml",
        "team*.yaml",
        "a/.git/../..//x.yaml",
        "./te\\u0000am.yaml",
        "~/team.yaml",
    ],
)
def test_nothing_outside_of_the_tree_is_read(path: str) -> None:
    read: list[str] = []

    def reader(name: str) -> bytes | None:
        read.append(name)
        return f'extends: "{path}"\n'.encode() if name == FILE else None

    with pytest.raises(DefinitionError) as caught:
        load_tree(reader)
    assert caught.value.code == "IL-DEF-092"
    assert read == [FILE]


@pytest.mark.parametrize(
    "text, others, code, at",
    [
        ("name: x\nextends: tdb\n", {}, "IL-DEF-090", f"{FILE}:2:10"),
        ("extends: ./team.yaml\n", {}, "IL-DEF-090", f"{FILE}:1:10"),
        ("extends: [tdd]\n", {}, "IL-DEF-010", f"{FILE}:1:10"),
        ("extends:\n", {}, "IL-DEF-010", f"{FILE}:1:9"),
        (f"extends: ./{FILE}\n", {}, "IL-DEF-091", f"{FILE}:1:10"),
        (
            "extends: ./team.yaml\n",
            {"team_yaml": "name: x\nextends: a.yaml\n", "a_yaml": "extends: team.yaml\n"},
            "IL-DEF-091",
            "a.yaml:1:10",
        ),
        ("extends: ./team.yaml\n", {"team_yaml": "- 1\n"}, "IL-DEF-010", "team.yaml:1:1"),
        ("extends: ./team.yaml\n", {"team_yaml": ""}, "IL-DEF-010", "team.yaml:1:1"),
        ("extends: ./team.yaml\n", {"team_yaml": "a: b: c\n"}, "IL-DEF-001", "team.yaml:1:5"),
        (
            "extends: ./team.yaml\n",
            {"team_yaml": "extends: tdd\nnaem: x\n"},
            "IL-DEF-011",
            "team.yaml:2:1",
        ),
        (
            "extends: tdd\nphases:\n- {id: REVEIW, remove: true}\n",
            {},
            "IL-DEF-094",
            f"{FILE}:3:3",
        ),
        ("extends: tdd\nlimits: {remove: true}\n", {}, "IL-DEF-094", f"{FILE}:2:1"),
        (
            "extends: tdd\nphases:\n- {id: PLAN, remove: true, name: x}\n",
            {},
            "IL-DEF-093",
            f"{FILE}:3:28",
        ),
        ("extends: tdd\nphases:\n- {id: PLAN, remove: false}\n", {}, "IL-DEF-093", f"{FILE}:3:22"),
        ("extends: tdd\nphases: []\n", {}, "IL-DEF-093", f"{FILE}:2:9"),
        ("extends: tdd\nphases:\n- {id: PLAN, after: NO}\n", {}, "IL-DEF-094", f"{FILE}:3:21"),
        (
            "extends: tdd\nphases:\n- {id: PLAN, after: TDD, before: IMPL}\n",
            {},
            "IL-DEF-093",
            f"{FILE}:3:14",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_stands(
    text: str, others: dict[str, str], code: str, at: str
) -> None:
    found = problems(text, **others)
    assert (code, at) in [(item["code"], place(item)) for item in found]


def test_a_misspelt_pack_and_a_misspelt_phase_are_guessed() -> None:
    assert "tdd" in problems("extends: tdb\n")[0]["help"]
    found = problems("extends: tdd\nphases:\n- {id: REVEIW, remove: true}\n")
    assert "Did you mean 'REVIEW'?" in found[0]["help"]


def test_a_cycle_names_every_file_of_it() -> None:
    found = problems("extends: a.yaml\n", a_yaml="extends: b.yaml\n", b_yaml="extends: a.yaml\n")
    assert [item["message"] for item in found] == [
        "'a.yaml' builds on itself: a.yaml → b.yaml → a.yaml"
    ]
    assert [place(item) for item in found[0]["related"]] == ["a.yaml:1:10"]


def test_an_error_of_the_parent_is_shown_with_the_parents_line() -> None:
    with pytest.raises(DefinitionError) as caught:
        tree("extends: team.yaml\n", team_yaml="extends: tdd\nschemas_dir: ../x\n")
    assert "team.yaml:2:14" in caught.value.context["rendered"]
    assert "  2 | schemas_dir: ../x" in caught.value.context["rendered"]


def test_chains_and_trees_have_limits() -> None:
    chain = {f"f{n}_yaml": f"extends: f{n + 1}.yaml\n" for n in range(MAX_FILES)}
    found = problems("extends: f0.yaml\n", **chain)
    assert [(item["code"], place(item)) for item in found] == [
        ("IL-DEF-002", f"f{MAX_FILES - 2}.yaml:1:10")
    ]
    half = ", ".join(["1"] * (MAX_NODES // 2))
    found = problems(f"extends: team.yaml\na: [{half}]\n", team_yaml=f"b: [{half}]\n")
    assert [item["code"] for item in found] == ["IL-DEF-002"]


def test_a_schema_of_the_tree_counts_before_that_of_the_pack() -> None:
    own = b'{"type": "object", "title": "ours"}'
    files = {FILE: b"extends: tdd\n", ".orchestrator/schemas/plan.schema.json": own}
    found = load_tree(files.get).workflow
    assert found.schemas["plan.schema.json"] == {"type": "object", "title": "ours"}
    assert set(found.schema_files) == {"plan.schema.json"}
    assert found.digest != load_pack("tdd").workflow.digest


def test_a_directive_in_a_file_without_parent_is_no_key() -> None:
    text = "name: x\nversion: 1\nphases:\n- {id: A, remove: true, allowed_tools: []}\n"
    assert [item["code"] for item in problems(text)] == ["IL-DEF-011"]


# Any two trees of the shapes that the format has, small enough to meet often.
_NAMES = st.sampled_from(["id", "check", "name", "gates", "blockers", "phases", "remove", "after"])
_VALUES = st.recursive(
    st.sampled_from(["A", "B", "true", "1"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(_NAMES, inner, max_size=4).map(
            lambda d: "{" + ", ".join(f"{k}: {v}" for k, v in d.items()) + "}"
        ),
    ),
    max_leaves=12,
)
_TREES = st.dictionaries(_NAMES, _VALUES, max_size=4).map(
    lambda d: "{" + ", ".join(f"{k}: {v}" for k, v in d.items()) + "}"
)


def nodes(text: str, file: str) -> MappingNode:
    found = compose(text, file=file, findings=Findings())
    assert isinstance(found, MappingNode)
    return found


@given(_TREES, _TREES)
def test_any_two_trees_merge_to_one_whose_size_is_true(base: str, over: str) -> None:
    below = nodes(base, "base")
    before = plain(below)
    found = merge(below, nodes(over, "over"), Findings())
    assert plain(below) == before  # a pack's tree is never changed
    assert found.size == counted(found)


@given(_TREES)
def test_an_empty_file_changes_nothing(base: str) -> None:
    assert plain(merge(nodes(base, "base"), nodes("{}", "over"), Findings())) == plain(
        nodes(base, "base")
    )


def counted(node: Any) -> int:
    if isinstance(node, MappingNode):
        return 1 + sum(1 + counted(entry.value) for entry in node.entries.values())
    return 1 + sum(map(counted, getattr(node, "items", ())))


def test_each_list_that_merges_says_by_what() -> None:
    assert all(keys for keys in KEYED.values())
