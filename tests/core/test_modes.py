"""What a mode below strict lets through, what it says of that, and what no mode lets through."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.story import OPEN_PLAN, WORKFLOW, Story, at

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.gates.samples import SCOPE, red
from interlock.core.model import Approver, GateSpec, GateType, Mode, Position
from interlock.core.modes import ALL_STRICT, LOOSENED, InForce, in_force, loosened, raised
from interlock.core.policy.names import CANONICAL, WRITING
from interlock.core.reasons import Reason, ToolDecision
from interlock.core.states import TaskStatus

MODES = st.sampled_from(Mode)
S = TaskStatus


def loose(mode: Mode = Mode.PERMISSIVE) -> InForce:
    return InForce(gates=mode, tools=mode, gates_origin="w.yaml:3", tools_origin="w.yaml:3")


def under(mode: Mode, phase: str = "PLAN") -> Story:
    """A task that has just entered a phase, under a mode."""
    story = at(phase)
    story.state = replace(story.state, enforcement=loose(mode))
    return story


def red_that_fails(mode: Mode) -> Story:
    """A request for the way out of TDD, whose tests do not fail."""
    story = under(mode, "TDD").attempt().hand_in().ask().take_over("t1")
    story.conclude(story.facts(red=replace(red(), problem="no test was collected")))
    return story


# -- which mode counts ---------------------------------------------------------------------


@given(MODES, MODES, MODES)
def test_the_stricter_of_workflow_and_setting_counts(gates: Mode, tools: Mode, least: Mode) -> None:
    workflow = replace(WORKFLOW, mode=gates, tool_mode=tools)
    found = in_force(workflow, least, "config.yaml")
    assert found.gates is gates.stricter(least)
    assert found.tools is tools.stricter(least)
    assert found.is_strict == (found.gates is found.tools is Mode.STRICT)
    assert bool(found.banner) != found.is_strict
    assert raised(found, least, "config.yaml") == found


def test_each_mode_says_where_it_comes_from() -> None:
    at_line, of_tools = Position("w.yaml", 3, 9), Position("w.yaml", 5, 9)
    workflow = replace(
        WORKFLOW,
        mode=Mode.ADVISORY,
        tool_mode=Mode.PERMISSIVE,
        mode_position=at_line,
        tool_mode_position=of_tools,
    )
    assert in_force(workflow, Mode.ADVISORY, "c.yaml").banner == (
        "ENFORCEMENT IS NOT STRICT: gates advisory (w.yaml:3), tools permissive (w.yaml:5)"
    )
    assert in_force(workflow, Mode.PERMISSIVE, "c.yaml").banner == (
        "ENFORCEMENT IS NOT STRICT: gates permissive (enforcement.mode of c.yaml, stricter than "
        "advisory), tools permissive (w.yaml:5)"
    )
    strict = in_force(workflow, Mode.STRICT, "default")
    assert strict.gates_origin == "enforcement.mode by default, stricter than advisory"


def test_a_task_keeps_its_mode_and_only_a_stricter_setting_changes_it() -> None:
    story = Story().create(loose())
    assert story.state.enforcement == loose()
    assert raised(loose(), Mode.ADVISORY, "c.yaml") == loose()
    stricter = raised(loose(), Mode.STRICT, "c.yaml")
    story.must(cmd.Record(event=ev.EnforcementRaised(enforcement=stricter)))
    assert story.state.enforcement.is_strict


# -- gates ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [Mode.PERMISSIVE, Mode.ADVISORY])
def test_a_gate_that_would_have_blocked_is_passed_and_on_record_as_such(mode: Mode) -> None:
    story = red_that_fails(mode)
    assert story.state.phase == "IMPL"
    passed = next(e for e in reversed(story.events) if isinstance(e, ev.GatePassed))
    assert passed.overridden_by_mode == mode
    assert [reason["rule"] for reason in passed.reasons] == ["tests_are_failing"]
    assert story.state.overridden == passed.reasons
    assert story.state.blockers == ()


def test_a_gate_that_passes_by_itself_names_no_mode() -> None:
    story = under(Mode.PERMISSIVE, "TDD").leave("t1")
    passed = next(e for e in reversed(story.events) if isinstance(e, ev.GatePassed))
    assert (passed.overridden_by_mode, passed.reasons) == ("", ())
    assert story.state.overridden == ()


def test_the_same_gate_blocks_in_strict_mode() -> None:
    story = red_that_fails(Mode.STRICT)
    assert (story.state.phase, story.state.last_outcome) == ("TDD", "blocked")


def test_missing_documents_are_let_through_also_where_no_gate_stands() -> None:
    story = under(Mode.PERMISSIVE, "DONE").attempt().ask().take_over()
    assert story.conclude().accepted
    assert story.state.status is S.LANDING
    assert [r["rule"] for r in story.state.overridden] == ["artifact.completion_summary.missing"]


def test_what_was_let_through_is_forgotten_with_the_next_request() -> None:
    story = red_that_fails(Mode.PERMISSIVE).attempt().ask()
    assert story.state.overridden == ()


# -- what is real in every mode ------------------------------------------------------------


@pytest.mark.parametrize("mode", list(Mode))
def test_a_person_is_asked_in_every_mode(mode: Mode) -> None:
    story = under(mode).attempt()
    story.hand_in(plan_document=OPEN_PLAN, scope_definition=SCOPE).ask().take_over()
    assert story.conclude().accepted
    assert story.state.status is S.AWAITING_APPROVAL


@pytest.mark.parametrize("mode", [Mode.PERMISSIVE, Mode.ADVISORY])
def test_a_person_is_shown_what_would_have_blocked_and_their_yes_says_so(mode: Mode) -> None:
    story = under(mode).attempt().ask().take_over()
    assert story.conclude().accepted
    assert story.state.status is S.AWAITING_APPROVAL
    rules = [str(reason["rule"]) for reason in story.state.blockers]
    assert "artifact.plan_document.missing" in rules
    assert rules[-1] == "approval.needed"
    story.must(cmd.Approve(approval=story.approval()))
    passed = next(e for e in reversed(story.events) if isinstance(e, ev.GatePassed))
    assert passed.overridden_by_mode == mode
    assert [reason["rule"] for reason in passed.reasons] == rules[:-1]


def test_no_yes_opens_a_gate_that_a_raised_mode_has_shut() -> None:
    story = under(Mode.PERMISSIVE).attempt().ask().take_over()
    story.conclude()
    story.must(cmd.Record(event=ev.EnforcementRaised(enforcement=ALL_STRICT)))
    assert story.refuses(cmd.Approve(approval=story.approval())) == "approval.shut"
    story.must(cmd.Reject(approval=story.approval()))


def test_reviewers_alone_are_no_people() -> None:
    gate = GateSpec(id="reviewed", type=GateType.APPROVAL, approvers=(Approver.REVIEW_AGENT,))
    phases = tuple(replace(p, gates=(gate,)) if p.id == "REVIEW" else p for p in WORKFLOW.phases)
    story = under(Mode.PERMISSIVE, "REVIEW")
    story.workflow = replace(WORKFLOW, phases=phases)
    story.attempt().ask().take_over()
    assert story.conclude().accepted
    assert story.state.phase == "DONE"
    assert [r["rule"] for r in story.state.overridden] == ["approval.needed"]


@pytest.mark.parametrize("mode", list(Mode))
def test_what_nobody_judged_does_not_land_in_any_mode(mode: Mode) -> None:
    story = under(mode, "DONE").attempt().hand_in().ask().take_over("t3")
    story.conclude()
    assert (story.state.phase, story.state.last_outcome) == ("DONE", "blocked")
    assert "completion.changed" in [r["rule"] for r in story.state.blockers]


# -- tools ---------------------------------------------------------------------------------


def denied(tool: str, *rules: str) -> ToolDecision:
    reasons = tuple(Reason(rule=rule, message="m", remedy="r") for rule in rules)
    return ToolDecision(allowed=False, tool=tool, reasons=reasons)


@given(
    st.sampled_from(sorted(CANONICAL)),
    st.lists(st.sampled_from([*sorted(LOOSENED), "path.outside", "args.malformed"]), min_size=1),
    MODES,
)
def test_a_denied_call_is_let_through_only_where_every_rule_may_be_loosened(
    tool: str, rules: list[str], mode: Mode
) -> None:
    decision = denied(tool, *rules)
    found = loosened(decision, mode)
    is_open = mode is not Mode.STRICT and tool not in WRITING and set(rules) <= LOOSENED
    assert found.allowed is is_open
    if is_open:
        assert (found.overridden, found.overridden_by_mode) == (decision.reasons, mode.value)
        assert found.reasons == ()
    else:
        assert found is decision


@pytest.mark.parametrize(
    "rule", ["tool.reviewer", "tool.unknown", "path.outside", "path.protected"]
)
def test_no_mode_loosens_identity_the_tree_or_what_cannot_be_read(rule: str) -> None:
    assert rule not in LOOSENED
    assert not loosened(denied("read_files", rule), Mode.ADVISORY).allowed
