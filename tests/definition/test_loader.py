"""A file with every key of the format, and what becomes of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.definition.small import SMALL, changed, loaded

from interlock.core.gates.catalog import ARTIFACT_RULES
from interlock.core.gates.rules import RULES
from interlock.core.model import (
    Approver,
    GateType,
    Mode,
    Position,
    Severity,
    ToolConstraint,
    TransitionSpec,
)
from interlock.definition import Loaded, load
from interlock.definition.diagnostics import Findings
from interlock.definition.known_keys import NOT_YET
from interlock.definition.yaml_compose import compose
from interlock.definition.yaml_nodes import MappingNode, Node, SequenceNode
from interlock.errors import DefinitionError

EVERY_KEY = (Path(__file__).parent / "fixtures/every_key.yaml").read_text("utf-8")
FILES = {"scope.schema.json": b'{"type": "object"}', "review.json": {"type": "object"}}


@pytest.fixture(scope="module")
def every_key() -> Loaded:
    return load(EVERY_KEY, file="f.yaml", schema_dir=FILES)


def paths(node: Node, path: str = "") -> set[str]:
    """Every key of the text as a path such as ``phases[].gates[].id``."""
    match node:
        case SequenceNode():
            return set().union(*(paths(item, f"{path}[]") for item in node.items))
        case MappingNode():
            below = {name: f"{path}.{name}".lstrip(".") for name in node.entries}
            if path.endswith("tool_constraints"):
                below = dict.fromkeys(below, f"{path}{{}}")
            found = set(below.values())
            return found.union(*(paths(e.value, below[n]) for n, e in node.entries.items()))
        case _:
            return set()


def test_the_fixture_has_every_key_that_waits_for_its_effect() -> None:
    root = compose(EVERY_KEY, file="", findings=Findings())
    assert root is not None
    assert set(NOT_YET) - paths(root) == set()


def test_each_key_without_effect_is_named_once_with_what_is_missing(every_key: Loaded) -> None:
    warned = [w.message for w in every_key.warnings if w.code == "IL-DEF-080"]
    for path, row in NOT_YET.items():
        key = path.rpartition(".")[2]
        assert f"'{key}' has no effect yet: {row.missing}" in warned, path
    assert all(w.help for w in every_key.warnings if w.code == "IL-DEF-080")


def test_the_definition_is_what_the_file_says(every_key: Loaded) -> None:
    workflow = every_key.workflow
    design, build, look, out = workflow.phases
    assert (workflow.name, workflow.version, workflow.description) == (
        "Billing changes",
        "1.10",
        "",
    )
    assert design.allowed_tools == (
        "read_files",
        "grep",
        "glob",
        "ask_user_question",
        "issue_tracker",
    )
    assert design.forbidden_tools == ("bash", "write_files")
    assert [a.schema for a in design.required_artifacts] == ["plan.json", "scope.schema.json"]
    assert [r.rule for r in design.required_artifacts[0].rules] == [
        "has_acceptance_criteria",
        "has_implementation_steps",
    ]
    (agreed,) = design.gates
    assert (agreed.type, agreed.approvers) == (GateType.APPROVAL, tuple(Approver))
    assert [c.severity for c in agreed.checks] == [
        Severity.BLOCKING,
        Severity.BLOCKING,
        Severity.INFO,
    ]
    assert build.tool_constraints == {
        "write_files": ToolConstraint(
            allowed_patterns=("billing/**", "tests/**"),
            forbidden_patterns=("billing/generated/**",),
            position=Position("f.yaml", 39, 7),
        ),
        "bash": ToolConstraint(
            allowed_commands=("pytest", "python -m pytest"),
            forbidden_commands=("git push",),
            position=Position("f.yaml", 43, 7),
        ),
    }
    parameters = {
        c.check: dict(c.params) for p in workflow.phases for g in p.gates for c in g.checks
    }
    assert parameters["coverage_threshold_met"] == {"threshold": 72.5}
    assert parameters["command"] == {
        "command": "make lint",
        "exit_code": 0,
        "timeout_seconds": 600,
    }
    assert parameters["all_review_models_completed"] == {
        "required_reviews": ("security", "quality")
    }
    assert look.gates[0].type is GateType.REVIEW
    assert out.gates == ()
    assert workflow.edge("LOOK", "BUILD") == TransitionSpec(
        source="LOOK", target="BUILD", position=Position("f.yaml", 89, 5)
    )
    assert workflow.edge("BUILD", "LOOK").gate == "built"  # type: ignore[union-attr] # it is there
    assert workflow.tokens.secret_env_var == "BILLING_SECRET"
    assert (workflow.tokens.algorithm, workflow.tokens.expiry_seconds) == ("EdDSA", 900)
    assert workflow.protected_paths == ("billing/ledger/**",)
    assert workflow.extra_tools == ("issue_tracker",)
    assert workflow.required_confinement == "partial"
    assert workflow.environment is not None
    assert workflow.environment.lockfiles == ("requirements.lock",)
    assert workflow.environment.python == "3.12"
    assert workflow.environment.directory == "billing"
    (service,) = workflow.environment.services
    assert (service.name, service.command, service.port) == ("postgres", "run-postgres", 5432)
    assert (service.ready, service.seconds) == ("pg_isready", 20)
    assert workflow.environment.secrets == ("STRIPE_TEST_KEY",)
    assert set(workflow.schemas) == {
        "plan.json",
        "test_result.schema.json",
        "scope.schema.json",
        "review.json",
        "review_verdict.schema.json",
    }


def test_everything_that_was_written_keeps_its_place(every_key: Loaded) -> None:
    rows = EVERY_KEY.splitlines()
    workflow = every_key.workflow
    for phase in workflow.phases:
        assert word_at(rows, phase.position) == "id:"
        for gate in phase.gates:
            assert word_at(rows, gate.position) == "id:"
            for check in gate.checks:
                assert word_at(rows, check.position) in ("check:", "{check:")
        for artifact in phase.required_artifacts:
            assert word_at(rows, artifact.position) in ("type:", "{type:")
            assert all(word_at(rows, rule.position) == "{rule:" for rule in artifact.rules)
    assert all(word_at(rows, t.position) in ("from:", "{from:") for t in workflow.transitions)
    assert workflow.environment is not None
    assert word_at(rows, workflow.environment.position) == "setup:"


def word_at(rows: list[str], position: Position | None) -> str:
    assert position is not None
    return rows[position.line - 1][position.column - 1 :].split()[0]


@pytest.mark.parametrize(
    "mode, action, counts, codes",
    [
        ("permissive", "reject", Mode.STRICT, []),
        ("advisory", "warn", Mode.PERMISSIVE, []),
        ("permissive", "log", Mode.PERMISSIVE, ["IL-DEF-082"]),
        ("strict", "warn", Mode.STRICT, ["IL-DEF-082"]),
        ("strict", "log", Mode.STRICT, ["IL-DEF-082"]),
        ("strict", "reject", Mode.STRICT, []),
        ("permissive", "warn", Mode.PERMISSIVE, []),
    ],
)
def test_the_stricter_of_mode_and_tool_enforcement_counts_for_tools(
    mode: str, action: str, counts: Mode, codes: list[str]
) -> None:
    found = loaded(
        "mode: strict", f"mode: {mode}, tool_enforcement: {{violation_action: {action}}}"
    )
    assert found.workflow.tool_mode is counts
    assert found.workflow.mode is Mode(mode)
    assert [w.code for w in found.warnings] == codes


@pytest.mark.parametrize("mode", ["permissive", "advisory"])
def test_a_mode_holds_for_gates_and_tools_and_knows_its_line(mode: str) -> None:
    found = loaded("mode: strict", f"mode: {mode}")
    assert found.warnings == ()
    assert (found.workflow.mode, found.workflow.tool_mode) == (Mode(mode), Mode(mode))
    assert found.workflow.mode_position == Position("w.yaml", 18, 15)


def test_a_mode_of_tools_knows_its_own_line() -> None:
    tools = "tool_enforcement: {violation_action: warn}"
    found = loaded("mode: strict", f"mode: advisory, {tools}").workflow
    assert found.tool_mode_position == Position("w.yaml", 18, 50)


def test_tokens_stay_required_outside_strict_mode_too() -> None:
    text = changed("gate: done}", "gate: done, requires_token: false}")
    found = load(text.replace("mode: strict", "mode: advisory"))
    assert [w.code for w in found.warnings] == ["IL-DEF-082"]


def test_a_transition_without_a_token_is_refused_at_its_line_in_strict_mode() -> None:
    with pytest.raises(DefinitionError) as refused:
        loaded("gate: done}", "gate: done, requires_token: false}")
    (found,) = refused.value.context["diagnostics"]
    assert found["code"] == "IL-DEF-037"
    assert "w.yaml:17:50" in refused.value.context["rendered"]


def test_parameters_that_were_left_out_have_their_defaults() -> None:
    found = loaded("check: all_tests_pass", "check: all_review_models_completed").workflow
    assert found.phases[0].gates[0].checks[0].params == {
        "required_reviews": ("security", "quality", "consistency", "holistic", "vibe_coding")
    }


def test_a_gate_says_how_sure_and_how_many_people_have_to_be() -> None:
    asks = "type: approval, approvers: [human]"
    gate = "type: validation, blockers: [{check: all_tests_pass, severity: blocking}]"

    def read(more: str) -> tuple[str, bool]:
        found = loaded(gate, asks + more).workflow.phases[0].gates[0]
        return found.approval_strength.value, found.four_eyes

    assert read("") == ("passphrase", False)
    assert read(", approval_strength: session, four_eyes: true") == ("session", True)


def test_a_file_without_a_recipe_or_enforcement_loads_strictly() -> None:
    workflow = load(SMALL.replace("enforcement: {mode: strict}\n", "")).workflow
    assert workflow.environment is None
    assert workflow.mode is Mode.STRICT
    assert workflow.required_confinement == "none"


def test_the_table_of_rules_agrees_with_what_the_gates_can_evaluate() -> None:
    assert set(ARTIFACT_RULES) == set(RULES)


@pytest.mark.parametrize("value", [True, False])
def test_a_gate_says_whether_the_server_goes_on_by_itself(value: bool) -> None:
    found = loaded("type: validation", f"type: validation, auto_advance: {str(value).lower()}")
    assert found.warnings == ()
    assert found.workflow.phases[0].gates[0].auto_advance is value


def test_a_tool_that_is_known_needs_no_declaration() -> None:
    found = loaded("schemas:\n", "tools: [Bash, tracker]\nschemas:\n")
    assert [w.code for w in found.warnings] == ["IL-DEF-082"]
    assert found.workflow.extra_tools == ("tracker",)


def test_more_than_anyone_needs_is_refused() -> None:
    phases = "".join(f"  - {{id: p{n}, allowed_tools: []}}\n" for n in range(300))
    for text, word in (
        (changed("transitions:\n", f"{phases}transitions:\n"), "phases"),
        (changed("schemas:\n", f"tools: {[f't{n}' for n in range(300)]}\nschemas:\n"), "tools"),
    ):
        with pytest.raises(DefinitionError) as caught:
            load(text)
        assert any(
            d["code"] == "IL-DEF-002" and word in d["message"]
            for d in caught.value.context["diagnostics"]
        )
