"""What becomes of each command, and why it is refused where it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.core.story import (
    DOCUMENTS,
    STATUSES,
    WORKFLOW,
    Story,
    artifact,
    at,
    phase,
)

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.events import EventType
from interlock.core.gates.samples import SCOPE
from interlock.core.model import TransitionSpec
from interlock.core.states import TaskStatus

E, S = EventType, TaskStatus


def _types(story: Story, since: int) -> list[EventType]:
    return [event.type for event in story.events[since:]]


# -- attempts ------------------------------------------------------------------------------


def test_a_task_goes_through_all_phases_on_the_tree_that_lands() -> None:
    story = at("DONE").leave()
    story.must(cmd.Complete(commit="c1"))
    assert story.state.status is S.COMPLETED
    assert story.state.tree == "t2"
    assert story.state.trees == {"PLAN": "t0", "TDD": "t1", "IMPL": "t2", "REVIEW": "t2"}
    passed = [(e.gate, e.tree) for e in story.events if isinstance(e, ev.GatePassed)]
    assert passed == [("planned", "t0"), ("red", "t1"), ("green", "t2"), ("reviewed", "t2")]


def test_the_first_attempt_starts_the_task_and_later_ones_do_not() -> None:
    story = at("PLAN").attempt()
    assert _types(story, 1) == [E.ATTEMPT_STARTED, E.TASK_STARTED]
    story.must(cmd.EndAttempt(session_id=story.state.session_id, outcome="exited"))
    story.attempt()
    assert _types(story, 3) == [E.ATTEMPT_ENDED, E.ATTEMPT_STARTED]
    assert story.state.attempts == 2


@pytest.mark.parametrize("outcome,failures", [("exited", 1), ("died", 1), ("lost", 0)])
def test_an_attempt_that_ends_by_itself_failed_unless_the_server_lost_it(
    outcome: str, failures: int
) -> None:
    for story in (at("PLAN").attempt(), at("PLAN").attempt().ask("TDD")):
        epoch = story.state.epoch
        story.must(cmd.EndAttempt(session_id=story.state.session_id, outcome=outcome))
        assert story.state.status is S.READY
        assert story.state.failures == failures
        assert story.state.epoch > epoch
        assert story.state.session_id == ""


def test_a_request_whose_session_was_lost_is_answered_as_blocked() -> None:
    story = at("PLAN").attempt().ask()
    story.must(cmd.EndAttempt(session_id=story.state.session_id, outcome="died"))
    assert story.state.last_outcome == "blocked"
    assert story.state.blockers[0]["rule"] == "transition.lost"


def test_who_leaves_after_its_tree_was_taken_over_does_not_stop_the_measurement() -> None:
    story = at("PLAN").attempt().hand_in().ask().take_over()
    story.must(cmd.EndAttempt(session_id=story.state.session_id, outcome="exited"))
    assert story.state.status is S.MEASURING
    assert story.conclude().accepted
    assert story.state.phase == "TDD"


def test_the_end_of_a_session_that_holds_nothing_changes_nothing() -> None:
    story = at("TDD").attempt()
    before = story.state
    story.must(cmd.EndAttempt(session_id="ses_of_yesterday", outcome="exited"))
    assert story.state is before


def test_a_person_lets_a_phase_be_tried_again() -> None:
    story = at("PLAN").attempt()
    story.must(cmd.EndAttempt(session_id=story.state.session_id, outcome="exited"))
    story.must(cmd.Record(event=ev.BlockerEncountered(message="help")))
    story.must(cmd.Resume(by="ada"))
    assert (story.state.failures, story.state.notices) == (0, ())
    story.attempt()
    assert story.refuses(cmd.Resume(by="ada")) == "task.status"


@pytest.mark.parametrize("status", list(STATUSES))
def test_a_person_ends_a_task_wherever_it_is_and_while_it_lands_only_if_that_is_stuck(
    status: TaskStatus,
) -> None:
    story = STATUSES[status]()
    assert story.state.status is status
    abort = cmd.Abort(by="ada", reason="changed my mind")
    if status is S.LANDING:
        assert story.refuses(abort) == "task.landing"
        story.must(cmd.Record(event=ev.BlockerEncountered(message="the repository is gone")))
    epoch = story.state.epoch
    story.must(abort)
    assert story.state.status is S.ABORTED
    assert story.state.epoch > epoch
    assert story.state.session_id == ""
    assert "changed my mind" in str(story.state.blockers[0]["message"])
    assert story.state.last_outcome != ""
    assert story.refuses(abort) == "task.final"


def test_an_answer_that_was_given_stays_when_the_task_is_aborted() -> None:
    story = at("TDD")
    story.must(cmd.Abort(by="ada", reason="enough"))
    assert story.state.last_outcome == "allowed"


def test_nothing_can_be_done_to_a_task_that_is_not_there_yet() -> None:
    story = Story()
    for command in (
        cmd.Abort(by="ada", reason="x"),
        cmd.Resume(by="ada"),
        cmd.Complete(commit="c"),
        cmd.StartReviewer(session_id="s", agent_id="r", role="security", confinement="none"),
        cmd.Record(event=ev.BlockerEncountered(message="x")),
    ):
        assert story.refuses(command) == "task.status"


def test_a_task_is_created_once() -> None:
    story = at("PLAN")
    create = cmd.Create(title="t", description="", base_commit="c", base_tree="t", branch="b")
    assert story.refuses(create) == "task.status"


def test_what_a_command_says_is_what_is_recorded() -> None:
    create = cmd.Create(
        title="slug",
        description="words",
        base_commit="c0",
        base_tree="t0",
        branch="b",
        depends_on=("task_0",),
        capabilities=("go",),
        priority=3,
        agent={"author": {"argv": ["a"]}},
    )
    story = Story()
    story.must(create)
    state = story.state
    said = (state.title, state.description, state.base_commit, state.base_tree, state.branch)
    assert said == ("slug", "words", "c0", "t0", "b")
    assert (state.tree, state.phase, state.workflow) == ("t0", "PLAN", WORKFLOW.digest)
    assert (state.depends_on, state.capabilities, state.priority) == (("task_0",), ("go",), 3)
    assert state.agent == create.agent
    story.must(cmd.Resume(by="ada"))
    assert story.events[-1] == ev.TaskResumed(by="ada")


def test_an_attempt_that_ended_leaves_the_last_answer_and_what_blocked_it() -> None:
    story = at("TDD").attempt().ask().take_over()
    story.conclude()
    blockers = story.state.blockers
    assert story.state.last_session == story.state.session_id
    story.must(cmd.EndAttempt(session_id=story.state.session_id, outcome="exited"))
    assert story.state.blockers == blockers
    assert story.state.last_outcome == "blocked"


def test_what_blocked_one_phase_is_not_shown_in_the_next() -> None:
    story = at("PLAN").attempt().ask().take_over()
    story.conclude()
    assert story.state.blockers
    story.hand_in().ask().take_over().conclude()
    assert (story.state.phase, story.state.blockers) == ("TDD", ())


# -- handing in and asking -----------------------------------------------------------------


def test_only_the_holder_hands_in_and_asks() -> None:
    story = at("TDD").attempt()
    stranger = cmd.SubmitArtifact(session_id="ses_x", artifact="test_run_result", digest="d")
    assert story.refuses(stranger) == "attempt.holder"
    asked = cmd.RequestTransition(
        request_id="r", session_id="ses_x", current_phase="TDD", target_phase="IMPL"
    )
    assert story.refuses(asked) == "attempt.holder"
    nobody = at("TDD")
    assert nobody.refuses(replace(asked, session_id="")) == "attempt.holder"


def test_nothing_is_handed_in_while_a_request_is_measured() -> None:
    story = at("TDD").attempt().ask()
    late = cmd.SubmitArtifact(
        session_id=story.state.session_id, artifact="test_run_result", digest="d"
    )
    assert story.refuses(late) == "transition.pending"


@pytest.mark.parametrize("name", ["plan_document", "completion_summary", "nonsense"])
def test_a_phase_takes_only_its_own_artifacts(name: str) -> None:
    story = at("TDD").attempt()
    command = cmd.SubmitArtifact(session_id=story.state.session_id, artifact=name, digest="d")
    assert story.refuses(command) == "artifact.not_wanted"


def test_nobody_hands_in_what_the_server_builds() -> None:
    reviewed = replace(
        WORKFLOW,
        phases=tuple(
            replace(p, required_artifacts=(artifact("review_report"),)) if p.id == "REVIEW" else p
            for p in WORKFLOW.phases
        ),
    )
    story = at("REVIEW").attempt()
    story.workflow = reviewed
    forged = cmd.SubmitArtifact(
        session_id=story.state.session_id, artifact="review_report", digest="d"
    )
    assert story.refuses(forged) == "artifact.not_wanted"


@pytest.mark.parametrize(
    "current,target,rule",
    [
        ("IMPL", "REVIEW", "transition.phase"),
        ("TDD", "REVIEW", "transition.edge"),
        ("TDD", "TDD", "transition.edge"),
        ("TDD", "DONE", "transition.edge"),
        ("TDD", "", "transition.edge"),
    ],
)
def test_a_phase_is_left_only_along_an_edge(current: str, target: str, rule: str) -> None:
    story = at("TDD").attempt()
    asked = cmd.RequestTransition(
        request_id="r",
        session_id=story.state.session_id,
        current_phase=current,
        target_phase=target,
    )
    assert story.refuses(asked) == rule


def test_a_tree_is_taken_over_once_and_for_the_pending_request() -> None:
    story = at("TDD").attempt().ask()
    request = story.state.last_request
    assert story.refuses(cmd.TakeOver(request_id="req_x", tree="t9")) == "transition.stale"
    story.take_over("t1")
    assert story.refuses(cmd.TakeOver(request_id=request, tree="t9")) == "transition.stale"
    assert story.state.request is not None
    assert story.state.request.tree == "t1"


def test_a_request_that_is_not_the_pending_one_is_not_concluded() -> None:
    story = at("IMPL").attempt().hand_in().ask().take_over("t2")
    conclude = cmd.Conclude(request_id="req_x", facts=story.good_facts(), approval_id="a")
    assert story.refuses(conclude) == "transition.stale"


def test_nobody_goes_back_on_a_tree_that_was_not_imported() -> None:
    story = at("IMPL").attempt().ask("TDD")
    assert not story.conclude().accepted
    assert story.state.phase == "IMPL"


# -- concluding ----------------------------------------------------------------------------


def test_what_is_not_imported_is_not_concluded() -> None:
    story = at("PLAN").attempt().hand_in().ask()
    decision = story.conclude(story.facts(), tree="t0")
    assert [reason.rule for reason in decision.reasons] == ["transition.stale"]
    assert story.state.status is S.MEASURING


STALE: dict[str, dict[str, Any]] = {
    "another tree": {"tree": "t9"},
    "another base": {"base_tree": "t9"},
    "artifacts of earlier": {"binding": "0" * 64},
    "no binding": {"binding": ""},
    "other authors": {"authors": ()},
    "other verdicts": {"verdicts": ("v",)},
}


@pytest.mark.parametrize("name", sorted(STALE))
def test_facts_of_another_state_decide_nothing(name: str) -> None:
    story = at("IMPL").attempt().hand_in().ask().take_over("t2")
    decision = story.conclude(**STALE[name])
    assert [reason.rule for reason in decision.reasons] == ["transition.stale"]
    assert story.state.status is S.MEASURING
    assert story.conclude().accepted


def test_a_verdict_that_came_while_facts_were_collected_is_not_overlooked() -> None:
    story = at("REVIEW").review().attempt()
    session = story.state.reviewers[0].session_id
    story.ask().take_over()
    facts = story.facts()
    story.must(cmd.SubmitVerdict(session_id=session, role="security", tree="t2", verdict="fail"))
    assert not story.conclude(facts).accepted
    assert story.conclude().accepted
    assert story.state.phase == "REVIEW"


@pytest.mark.parametrize("phase_id", ["PLAN", "TDD", "IMPL", "REVIEW", "DONE"])
def test_without_facts_no_phase_is_left(phase_id: str) -> None:
    story = at(phase_id).attempt().ask().take_over()
    decision = story.conclude(story.facts())
    assert _types(story, -1) == [E.GATE_BLOCKED]
    assert decision.reasons
    assert (story.state.phase, story.state.status) == (phase_id, S.WORKING)
    assert story.state.last_outcome == "blocked"
    assert [b["rule"] for b in story.state.blockers] == [r.rule for r in decision.reasons]


def test_a_forward_edge_without_a_gate_needs_the_artifacts() -> None:
    open_way = replace(
        WORKFLOW, transitions=(TransitionSpec(source="PLAN", target="TDD"), *WORKFLOW.transitions)
    )
    story = Story(workflow=open_way).create().attempt().ask().take_over()
    story.conclude()
    assert story.state.phase == "PLAN"
    story.hand_in(scope_definition=SCOPE, plan_document=DOCUMENTS["PLAN"]["plan_document"])
    story.ask().take_over().conclude()
    assert story.state.phase == "TDD"


def test_what_the_last_phase_changed_does_not_land() -> None:
    story = at("DONE").attempt().hand_in().ask().take_over("t3")
    decision = story.conclude()
    assert [reason.rule for reason in decision.reasons] == ["completion.changed"]
    assert (story.state.phase, story.state.status) == ("DONE", S.WORKING)
    story.ask().take_over()
    story.conclude()
    assert (story.state.phase, story.state.status) == ("DONE", S.LANDING)


def test_a_workflow_of_one_phase_lands_what_it_wrote() -> None:
    one = replace(WORKFLOW, phases=(phase("DONE", artifact("completion_summary")),), transitions=())
    story = Story(workflow=one).create().attempt().hand_in().ask().take_over("t1")
    story.conclude()
    assert (story.state.status, story.state.tree) == (S.LANDING, "t1")


def test_the_orchestrators_yes_is_recorded_like_a_persons() -> None:
    story = at("TDD")
    given = [event for event in story.events if isinstance(event, ev.ApprovalGiven)]
    assert [(g.gate, g.by, g.strength, bool(g.binding)) for g in given] == [
        ("planned", "orchestrator", "orchestrator", True)
    ]
    assert given[0].approval_id.startswith("apr_")


# -- recording -----------------------------------------------------------------------------


def test_what_moves_nothing_is_recorded_only_where_it_can_have_happened() -> None:
    evidence = ev.EvidenceRecorded(evidence_id="e", kind="red", tree="t", digest="d")
    assert at("TDD").refuses(cmd.Record(event=evidence)) == "task.status"
    story = at("TDD").attempt().ask().take_over("t1")
    story.must(cmd.Record(event=evidence))
    assert story.state.evidence == {"e": "d"}
