"""Kinds of work from the plan and the diff; phases that they pass by; and what happens when the
diff turns out to be more than the plan said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.core.story import DOCUMENTS, WORKFLOW, Story

from interlock.core.commands import Approve
from interlock.core.condition_facts import known_facts
from interlock.core.events import GateBlocked, LeftOut, PhaseChanged, WorkClassified
from interlock.core.facts import GateFacts, WorkFacts
from interlock.core.gates.evaluate import needs
from interlock.core.gates.kind import Needs
from interlock.core.gates.samples import PLAN, SCOPE, added, green
from interlock.core.model import CheckSpec, Mode, WorkflowSpec, WorkTypes
from interlock.core.reasons import Outcome
from interlock.core.states import TaskStatus
from interlock.core.work import Kind, Work, settled, stronger

WHEN = "work.kind in ['feature', 'fix']"


def with_phase(workflow: WorkflowSpec, phase_id: str, **changes: Any) -> WorkflowSpec:
    phases = tuple(replace(p, **changes) if p.id == phase_id else p for p in workflow.phases)
    return replace(workflow, phases=phases)


SKIPPING = with_phase(WORKFLOW, "TDD", when=WHEN)


def unchanged(kind: str = "refactor") -> Any:
    """GREEN of a kind without a RED."""
    return replace(green(), kind=kind, revert=None)


class Told(Story):
    """A story whose plan states a kind, and whose diff is measured."""

    def plan(self, kind: str | None, **more: Any) -> Told:
        document = {**PLAN, **({"kind": kind} if kind else {}), **more}
        self.attempt().hand_in(plan_document=document, scope_definition=SCOPE)
        self.ask().take_over()
        self.settle()
        return self

    def settle(self, measured: WorkFacts | None = None, **facts: Any) -> Told:
        """Conclude the request on what would be measured."""
        known: GateFacts = replace(self.good_facts(), work=measured, **facts)
        work = settled(
            self.workflow.work_types,
            known.artifacts.get("plan_document"),
            measured,
            self.state.work,
        )
        named = known_facts(
            work=work,
            title="t",
            priority=0,
            capabilities=(),
            changes=known.changes,
            confinement="none",
            mode=Mode.STRICT,
        )
        self.conclude(replace(known, named=named))
        return self

    def build(self, measured: WorkFacts, **facts: Any) -> Told:
        self.attempt().hand_in(**DOCUMENTS["IMPL"]).ask().take_over("t2")
        return self.settle(measured, **facts)


def told(workflow: WorkflowSpec = SKIPPING) -> Told:
    story = Told(workflow)
    story.create()
    return story


# -- what counts ---------------------------------------------------------------------------

MORE = WorkFacts(kind="feature", why="it adds the public name a.py::b")


@pytest.mark.parametrize(
    "stated, measured, kind",
    [
        (None, None, "feature"),
        (None, WorkFacts(kind="docs", why="w"), "feature"),
        ("", None, "feature"),
        ("docs", None, "docs"),
        ("docs", WorkFacts(kind="docs", why="w"), "docs"),
        ("docs", WorkFacts(), "docs"),
        ("docs", WorkFacts(kind="dependencies", why="w"), "refactor"),
        ("docs", WorkFacts(kind="refactor", why="w"), "refactor"),
        ("docs", MORE, "feature"),
        ("dependencies", WorkFacts(kind="fix", why="w"), "fix"),
        ("refactor", MORE, "feature"),
        ("refactor", WorkFacts(kind="docs", why="w"), "refactor"),
        ("fix", MORE, "feature"),
        ("fix", WorkFacts(kind="docs", why="w"), "fix"),
        ("feature", WorkFacts(kind="docs", why="w"), "feature"),
        ("refactor", WorkFacts(problem="no judge"), "feature"),
        ("refactor", WorkFacts(kind="something of a later release"), "refactor"),
        ("Refactor", None, "feature"),
        ("chore", None, "feature"),
        ("upkeep", None, "dependencies"),
        ("upkeep", WorkFacts(kind="fix", why="w"), "fix"),
    ],
)
def test_the_diff_raises_what_the_plan_states_and_never_lowers_it(
    stated: str | None, measured: WorkFacts | None, kind: str
) -> None:
    types = WorkTypes(names={"upkeep": "dependencies"})
    work = settled(types, {**PLAN, "kind": stated}, measured)
    assert work.kind == kind
    assert work.why


@pytest.mark.parametrize("plan", [None, [], "docs", {"kind": 1}, {"kind": ["docs"]}, {}])
def test_whatever_is_no_statement_leaves_a_feature(plan: Any) -> None:
    assert settled(WorkTypes(), plan, None).kind is Kind.FEATURE


def test_what_a_change_was_it_stays_under_the_same_plan() -> None:
    before = Work(kind=Kind.FEATURE, stated="docs", why="it added a name")
    after = settled(WorkTypes(), {"kind": "docs"}, WorkFacts(kind="docs", why="w"), before)
    assert (after.kind, after.why) == (Kind.FEATURE, "it added a name")


@pytest.mark.parametrize("one", Kind)
@pytest.mark.parametrize("other", Kind)
def test_two_kinds_together_ask_for_no_less_than_either(one: Kind, other: Kind) -> None:
    both = stronger(one, other)
    order = list(Kind)
    assert both is stronger(other, one)
    assert order.index(both) >= max(order.index(one), order.index(other))
    assert stronger(both, one) is both


# -- passing by ------------------------------------------------------------------------------


def test_work_without_new_behaviour_passes_the_tests_first_phase_by() -> None:
    story = told().plan("refactor")
    assert story.state.phase == "IMPL"
    assert story.state.work == Work(
        kind=Kind.REFACTOR, stated="refactor", why="the plan states refactor"
    )
    assert story.state.left_out == (LeftOut(phase="TDD", when=WHEN, why="work.kind is 'refactor'"),)
    assert [type(e) for e in story.events if isinstance(e, WorkClassified | PhaseChanged)] == [
        WorkClassified,
        PhaseChanged,
    ]
    story.build(WorkFacts(kind="refactor", why="w"), green=unchanged())
    assert story.state.phase == "REVIEW"


@pytest.mark.parametrize("kind", ["feature", "fix", None, "chore"])
def test_other_work_does_not(kind: str | None) -> None:
    story = told().plan(kind)
    assert story.state.phase == "TDD"
    assert story.state.left_out == ()


def test_a_plan_that_states_nothing_leaves_no_event() -> None:
    story = told(WORKFLOW).plan(None)
    assert not any(isinstance(event, WorkClassified) for event in story.events)
    assert story.state.work is None


def test_a_feature_dressed_up_as_a_refactoring_is_sent_back() -> None:
    story = told().plan("refactor")
    # The tests of the base are green, and nothing else is known to be wrong.
    story.build(MORE, green=unchanged())
    assert (story.state.phase, story.state.status) == ("IMPL", TaskStatus.WORKING)
    assert story.state.work is not None
    assert (story.state.work.kind, story.state.work.stated) == (Kind.FEATURE, "refactor")
    by_rule = {b["rule"]: b for b in story.state.blockers}
    assert "now work.kind is 'feature'" in str(by_rule["phase.left_out"]["message"])
    assert by_rule["phase.left_out"]["remedy"] == (
        "Request the transition to TDD and do its part first."
    )
    assert "all_tests_pass" in by_rule


def test_undoing_what_was_too_much_does_not_bring_the_old_kind_back() -> None:
    story = told().plan("refactor").build(MORE, green=unchanged())
    story.ask().take_over("t0")
    story.settle(WorkFacts(kind="refactor", why="w"), green=unchanged())
    assert story.state.phase == "IMPL"
    assert story.state.work is not None
    assert story.state.work.kind is Kind.FEATURE


def test_a_new_plan_may_state_it_anew() -> None:
    story = told().plan("refactor").build(MORE, green=unchanged())
    story.ask("PLAN").take_over("t0")
    story.settle()
    assert (story.state.phase, story.state.work, story.state.left_out) == ("PLAN", None, ())
    story.plan("refactor")
    assert story.state.phase == "IMPL"


def test_going_back_the_phase_is_gone_through_and_left_out_no_more() -> None:
    story = told().plan("refactor").build(MORE, green=unchanged())
    story.ask("TDD").take_over("t0")
    story.settle(MORE)
    assert (story.state.phase, story.state.left_out) == ("TDD", ())
    story.attempt().hand_in().ask().take_over("t1")
    story.settle(MORE)
    assert (story.state.phase, story.state.left_out) == ("IMPL", ())
    story.build(MORE, green=green())
    assert story.state.phase == "REVIEW"


def test_the_way_back_into_a_phase_that_does_not_apply_is_open() -> None:
    story = told().plan("docs")
    story.attempt().ask("TDD").take_over("t0")
    story.settle()
    assert story.state.phase == "TDD"


def test_what_is_found_late_is_found_all_the_same() -> None:
    story = told().plan("refactor")
    story.build(WorkFacts(kind="refactor", why="w"), green=unchanged())
    story.attempt().review().ask().take_over("t2")
    story.settle(MORE)
    assert story.state.phase == "REVIEW"
    blocker = story.state.blockers[0]
    assert blocker["rule"] == "phase.left_out"
    assert blocker["remedy"] == "Go back to TDD: request the transition to IMPL first."


def test_where_a_condition_cannot_be_told_the_phase_is_entered() -> None:
    story = told(with_phase(WORKFLOW, "TDD", when="diff.paths[9] == 'a'")).plan("docs")
    assert story.state.phase == "TDD"


def test_a_person_lets_through_to_where_the_way_led_when_they_were_asked() -> None:
    story = told().plan("docs", open_questions=["Which page?"])
    assert story.state.status is TaskStatus.AWAITING_APPROVAL
    assert story.state.request is not None
    assert (story.state.request.target, story.state.request.leads_to) == ("TDD", "IMPL")
    story.must(Approve(approval=story.approval(), confinement="none"))
    assert story.state.phase == "IMPL"
    assert [str(item) for item in story.state.left_out] == ["phase TDD"]


def test_several_phases_are_passed_by_to_the_first_that_applies() -> None:
    workflow = with_phase(SKIPPING, "IMPL", when="work.kind != 'docs'")
    story = told(workflow).plan("docs")
    assert story.state.phase == "REVIEW"
    assert [item.phase for item in story.state.left_out] == ["TDD", "IMPL"]


# -- gates and checks ------------------------------------------------------------------------


def gated(check_when: str = "", gate_when: str = "") -> WorkflowSpec:
    gate = replace(
        WORKFLOW.phases[2].gates[0],
        when=gate_when,
        checks=(
            CheckSpec(check="all_tests_pass", when=check_when),
            CheckSpec(check="no_skipped_tests"),
        ),
    )
    return with_phase(WORKFLOW, "IMPL", gates=(gate,))


def at_impl(workflow: WorkflowSpec) -> Told:
    story = told(workflow).plan("fix")
    story.attempt().hand_in().ask().take_over("t1")
    return story.settle(WorkFacts(kind="fix", why="w"))


BAD = replace(green(), twin=None)


def test_a_check_that_does_not_apply_is_not_applicable_and_says_why() -> None:
    story = at_impl(gated(check_when="work.kind == 'feature'"))
    story.build(WorkFacts(kind="fix", why="w"), green=BAD)
    assert story.state.phase == "REVIEW"
    assert [str(item) for item in story.state.left_out] == ["check all_tests_pass of IMPL"]


def test_a_check_that_applies_counts() -> None:
    story = at_impl(gated(check_when="work.kind == 'fix'"))
    story.build(WorkFacts(kind="fix", why="w"), green=BAD)
    assert story.state.phase == "IMPL"


def test_a_check_whose_condition_cannot_be_told_does_not_let_through() -> None:
    story = at_impl(gated(check_when="diff.paths[9] == 'a'"))
    story.build(WorkFacts(kind="fix", why="w"), green=green())
    assert story.state.phase == "IMPL"
    (blocked,) = [e for e in story.events if isinstance(e, GateBlocked)]
    assert blocked.checks["all_tests_pass"] == Outcome.UNDETERMINED
    assert "cannot be told" in blocked.reasons[0]["message"]


def test_a_gate_that_does_not_apply_is_passed_and_recorded() -> None:
    story = at_impl(gated(gate_when="work.kind == 'feature'"))
    story.build(WorkFacts(kind="fix", why="w"), green=BAD)
    assert story.state.phase == "REVIEW"
    assert [str(item) for item in story.state.left_out] == ["gate green of IMPL"]


def test_a_gate_that_does_not_apply_still_takes_the_artifacts() -> None:
    story = at_impl(gated(gate_when="work.kind == 'feature'"))
    story.attempt().ask().take_over("t2")
    story.settle(WorkFacts(kind="fix", why="w"), green=BAD)
    assert story.state.phase == "IMPL"
    assert story.state.blockers[0]["rule"] == "artifact.test_run_result.missing"


def test_a_gate_that_was_left_out_and_applies_by_now_shuts_the_way() -> None:
    story = at_impl(gated(gate_when="work.kind == 'feature'"))
    story.build(WorkFacts(kind="fix", why="w"), green=BAD)
    story.attempt().review().ask().take_over("t2")
    story.settle(MORE)
    assert story.state.phase == "REVIEW"
    assert "gate green of IMPL was left out" in str(story.state.blockers[0]["message"])


def test_what_does_not_apply_is_not_measured() -> None:
    gate = gated(check_when="work.kind == 'feature'").phases[2].gates[0]
    alone = replace(gate, checks=gate.checks[:1])
    assert needs(alone) == {Needs.GREEN}
    assert needs(alone, {"work.kind": "docs"}) == frozenset()
    assert needs(alone, {"work.kind": "feature"}) == {Needs.GREEN}
    assert needs(alone, {}) == {Needs.GREEN}


# -- what a team allows ----------------------------------------------------------------------


def test_a_kind_that_the_workflow_does_not_take_shuts_the_way() -> None:
    workflow = replace(SKIPPING, work_types=WorkTypes(allowed=("docs", "refactor")))
    assert told(workflow).plan("refactor").state.phase == "IMPL"
    refused = told(workflow).plan("dependencies")
    assert refused.state.phase == "PLAN"
    assert refused.state.blockers[0]["rule"] == "work.not_allowed"
    assert "takes docs, refactor alone" in str(refused.state.blockers[0]["message"])
    more = told(workflow).plan("docs").build(MORE, green=unchanged("docs"))
    assert "work.not_allowed" in {b["rule"] for b in more.state.blockers}


def test_the_changes_of_a_diff_are_facts() -> None:
    workflow = with_phase(WORKFLOW, "TDD", when="size(diff.paths) > 5")
    story = told(workflow)
    story.attempt().hand_in().ask().take_over()
    story.settle(changes=added(*"abcdef"))
    assert story.state.phase == "TDD"
