"""Tests are pinned when RED passes, and a person lets through exactly what waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.core.story import (
    OPEN_PLAN,
    PLAN_GATE,
    RED_GATE,
    STATUSES,
    WARNING,
    WORKFLOW,
    Story,
    at,
    waiting,
)

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.binding import binding
from interlock.core.events import EventType
from interlock.core.gates.samples import OLD, SCOPE, green, red, run
from interlock.core.model import Approver, GateType, Strength, WorkflowSpec
from interlock.core.states import TaskStatus

E, S = EventType, TaskStatus


def _types(story: Story, since: int) -> list[EventType]:
    return [event.type for event in story.events[since:]]


def _with(workflow: WorkflowSpec = WORKFLOW, **gates: Any) -> WorkflowSpec:
    """The workflow with the gates of some phases replaced."""
    phases = tuple(
        replace(p, gates=(gates[p.id],)) if p.id in gates else p for p in workflow.phases
    )
    return replace(workflow, phases=phases)


# -- the frozen tests ----------------------------------------------------------------------


def test_red_pins_exactly_the_tests_that_are_red() -> None:
    story = at("IMPL")
    assert story.state.frozen is not None
    assert story.state.frozen.tree == "t1"
    assert story.state.frozen.red_tests == story.state.frozen.new_tests
    assert story.state.frozen.base_green == (OLD,)


def test_the_meaning_of_the_configuration_and_the_environment_are_pinned_as_well() -> None:
    story = at("TDD").attempt().hand_in().ask().take_over("t1")
    story.conclude(story.facts(red=replace(red(), config="cfg", environment="env")))
    assert story.state.frozen is not None
    assert (story.state.frozen.config, story.state.frozen.environment) == ("cfg", "env")


def test_a_new_test_that_passes_is_not_pinned_as_red_even_where_that_only_warns() -> None:
    lenient = replace(RED_GATE, checks=(replace(RED_GATE.checks[0], severity=WARNING),))
    story = at("TDD")
    story.workflow = _with(TDD=lenient)
    story.attempt().hand_in().ask().take_over("t1")
    story.conclude(story.facts(red=red(new=run("red", OLD, *red().new_tests))))
    assert story.state.frozen is not None
    assert story.state.frozen.red_tests == ()


def test_tests_are_pinned_also_where_a_person_approves_them() -> None:
    asked = replace(RED_GATE, type=GateType.APPROVAL, approvers=(Approver.HUMAN,))
    story = at("TDD")
    story.workflow = _with(TDD=asked)
    story.attempt().hand_in().ask().take_over("t1").conclude()
    assert story.state.status is S.AWAITING_APPROVAL
    story.must(cmd.Approve(approval=story.approval()))
    assert story.state.phase == "IMPL"
    assert story.state.frozen is not None
    assert story.state.frozen.tree == "t1"


# -- binding -----------------------------------------------------------------------------


def test_an_approval_is_bound_to_everything_that_was_shown() -> None:
    state = at("IMPL").attempt().hand_in().state
    assert state.frozen is not None
    state = replace(state, frozen=replace(state.frozen, environment="frozen"))
    measured = replace(green(), environment="measured")
    seen = [
        binding(state, gate="g", tree="t"),
        binding(state, gate="h", tree="t"),
        binding(state, gate="g", tree="u"),
        binding(state, gate="g", tree="t", green=measured),
        binding(replace(state, frozen=None), gate="g", tree="t"),
        binding(replace(state, task_id="task_2"), gate="g", tree="t"),
        binding(replace(state, workflow="other"), gate="g", tree="t"),
        binding(replace(state, artifacts={**state.artifacts, "a": "b"}), gate="g", tree="t"),
    ]
    assert len(set(seen)) == len(seen)
    same = replace(red(), environment="measured")
    assert binding(state, gate="g", tree="t", red=same) == seen[3]
    assert binding(state, gate="g", tree="t", green=green()) == seen[0]


# -- approvals -----------------------------------------------------------------------------


def test_a_person_lets_exactly_what_waits_through() -> None:
    story = waiting()
    before, approval = len(story.events), story.approval()
    story.must(cmd.Approve(approval=approval))
    assert _types(story, before) == [E.APPROVAL_GIVEN, E.GATE_PASSED, E.PHASE_CHANGED]
    assert story.state.phase == "TDD"
    given, passed = story.events[before : before + 2]
    assert given == ev.ApprovalGiven(
        approval_id=approval.id,
        gate="planned",
        by="ada",
        binding=approval.binding,
        strength="passphrase",
        reason="seen",
        confinement="none",
    )
    assert passed == ev.GatePassed(gate="planned", tree="t0")


def asked(level: str = "full", by: str = "ada", **gate: Any) -> Story:
    """A plan that waits for a person; sessions ran at ``level``, ``by`` made the task."""
    story = Story(workflow=_with(PLAN=replace(PLAN_GATE, **gate)))
    create = cmd.Create(
        title="slug", description="", base_commit="c0", base_tree="t0", branch="b", by=by
    )
    story.must(create)
    start = cmd.StartAttempt(attempt_id="a", session_id="s", agent_id="author", confinement=level)
    story.must(start)
    story.hand_in(plan_document=OPEN_PLAN, scope_definition=SCOPE).ask().take_over()
    story.conclude()
    assert story.state.status is S.AWAITING_APPROVAL
    return story


SESSION, PASSPHRASE = Strength.SESSION, Strength.PASSPHRASE


@pytest.mark.parametrize(
    "wanted,level,here,given,rule",
    [
        (PASSPHRASE, "full", "full", "passphrase", ""),
        (PASSPHRASE, "full", "full", "session", "approval.strength"),
        (SESSION, "full", "full", "session", ""),
        (SESSION, "full", "full", "passphrase", ""),
        # Below full it is asked again, whatever the gate says: for the task's sessions, and for
        # those that run beside it now.
        (SESSION, "partial", "full", "session", "approval.strength"),
        (SESSION, "full", "none", "session", "approval.strength"),
        (SESSION, "none", "none", "passphrase", ""),
        # What an older record does not say, and what nobody knows, is not strong.
        (SESSION, "", "full", "session", "approval.strength"),
        (SESSION, "full", "", "session", "approval.strength"),
        (SESSION, "full", "full", "a nod", "approval.strength"),
        (SESSION, "full", "full", "", "approval.strength"),
    ],
)
def test_an_approval_is_as_strong_as_its_gate_and_the_level_ask(
    wanted: Strength, level: str, here: str, given: str, rule: str
) -> None:
    story = asked(level, approval_strength=wanted)
    command = cmd.Approve(approval=story.approval(strength=given), confinement=here)
    if rule:
        assert story.refuses(command) == rule
        assert story.state.status is S.AWAITING_APPROVAL
        return
    story.must(command)
    (approved,) = [e for e in story.events if isinstance(e, ev.ApprovalGiven)]
    assert (approved.strength, approved.confinement) == (given, level)


def test_a_person_alone_may_approve_what_their_agent_wrote() -> None:
    story = asked(by="ada")
    story.must(cmd.Approve(approval=story.approval(by="ada"), confinement="full"))
    assert story.state.phase == "TDD"


def test_a_gate_may_ask_for_another_pair_of_eyes() -> None:
    story = asked(by="ada", four_eyes=True)
    own = cmd.Approve(approval=story.approval(by="ada"), confinement="full")
    assert story.refuses(own) == "approval.four_eyes"
    story.must(cmd.Approve(approval=story.approval(by="bob"), confinement="full"))
    assert story.state.phase == "TDD"


def test_the_person_is_told_why_they_are_asked() -> None:
    assert "Which separator?" in str(waiting().state.blockers[0]["message"])


@pytest.mark.parametrize(
    "changes,rule",
    [
        ({"binding": "0" * 64}, "approval.stale"),
        ({"id": "apr_0"}, "approval.stale"),
        ({"gate": "red"}, "approval.gate"),
    ],
)
def test_an_approval_of_something_else_is_void(changes: dict[str, str], rule: str) -> None:
    story = waiting()
    approval = story.approval(**changes)
    assert story.refuses(cmd.Approve(approval=approval)) == rule
    assert story.refuses(cmd.Reject(approval=approval)) == rule


def test_an_approval_does_not_outlive_a_rejection() -> None:
    story = waiting()
    stale = story.approval()
    story.must(cmd.Reject(approval=stale))
    assert story.refuses(cmd.Approve(approval=stale)) == "task.status"
    story.attempt().hand_in(plan_document=OPEN_PLAN, scope_definition=SCOPE)
    story.ask().take_over().conclude()
    assert story.state.status is S.AWAITING_APPROVAL
    assert story.refuses(cmd.Approve(approval=stale)) == "approval.stale"


def test_a_rejection_brings_the_phase_back_with_the_reason_and_a_new_epoch() -> None:
    story = waiting()
    epoch = story.state.epoch
    story.must(cmd.Reject(approval=story.approval(reason="no tests named")))
    assert (story.state.phase, story.state.status) == ("PLAN", S.READY)
    assert story.state.epoch > epoch
    assert "no tests named" in str(story.state.blockers[0]["message"])


@pytest.mark.parametrize("status", [s for s in STATUSES if s is not S.AWAITING_APPROVAL])
def test_nothing_is_approved_that_does_not_wait(status: TaskStatus) -> None:
    story = STATUSES[status]()
    approval = waiting().approval()
    assert story.refuses(cmd.Approve(approval=approval)) == "task.status"
    assert story.refuses(cmd.Reject(approval=approval)) == "task.status"
