"""A gate over facts: what shuts it, who may open it, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.core.story import OPEN_PLAN, PLAN_GATE, WARNING, artifact, phase

from interlock.core.facts import GateFacts, ReviewIssue, ReviewVerdict
from interlock.core.gates.evaluate import evaluate_gate, evaluate_leaving, needs
from interlock.core.gates.kind import Needs
from interlock.core.gates.samples import PLAN
from interlock.core.model import (
    Approver,
    ArtifactSpec,
    CheckSpec,
    GateSpec,
    GateType,
    RuleSpec,
    Severity,
)
from interlock.core.reasons import GateStatus, Outcome

GOOD = GateFacts(tree="t", artifacts={"plan_document": PLAN})
QUESTION = GateFacts(tree="t", artifacts={"plan_document": OPEN_PLAN})
PASSED, BLOCKED, WAITING = GateStatus.PASSED, GateStatus.BLOCKED, GateStatus.AWAITING_APPROVAL
REVIEWERS = (Approver.REVIEW_AGENT,)


def _gate(*checks: CheckSpec, **more: Any) -> GateSpec:
    return GateSpec(id="g", checks=checks, **more)


def _verdict(verdict: str = "pass", *, agent: str = "r", blocking: bool = False) -> ReviewVerdict:
    issue = ReviewIssue(file="a", line=1, severity="low", blocking=blocking, message="m")
    return ReviewVerdict(
        role=agent, agent_id=agent, session_id=agent, tree="t", verdict=verdict, issues=(issue,)
    )


@pytest.mark.parametrize(
    "severity,status",
    [(Severity.BLOCKING, BLOCKED), (Severity.WARNING, PASSED), (Severity.INFO, PASSED)],
)
@pytest.mark.parametrize("check", ["no_open_questions", "tests_are_meaningful", "no_such_check"])
def test_only_a_blocking_check_shuts_a_gate(
    check: str, severity: Severity, status: GateStatus
) -> None:
    outcome = evaluate_gate(_gate(CheckSpec(check=check, severity=severity)), QUESTION)
    assert outcome.status is status
    assert not outcome.checks[0].outcome.lets_through
    assert len(outcome.blockers) == (status is BLOCKED)


def test_a_check_that_is_not_built_is_undetermined_and_listed() -> None:
    outcome = evaluate_gate(PLAN_GATE, GOOD)
    later = _gate(CheckSpec(check="tests_are_meaningful", severity=WARNING))
    assert evaluate_gate(later, GOOD).checks[0].outcome is Outcome.UNDETERMINED
    assert [check.check for check in outcome.checks] == [c.check for c in PLAN_GATE.checks]


def test_the_orchestrator_lets_a_clean_gate_through_and_is_named() -> None:
    outcome = evaluate_gate(PLAN_GATE, GOOD)
    assert (outcome.status, outcome.approved_by) == (PASSED, "orchestrator")


def test_a_failed_warning_asks_a_person_and_says_why() -> None:
    outcome = evaluate_gate(PLAN_GATE, QUESTION)
    assert outcome.status is WAITING
    (needed,) = outcome.blockers
    assert needed.rule == "approval.needed"
    assert "Which separator?" in needed.message
    assert needed.remedy.startswith("interlock approve")


@pytest.mark.parametrize(
    "check,severity,status",
    [
        ("tests_are_meaningful", Severity.WARNING, PASSED),
        ("tests_are_meaningful", Severity.INFO, PASSED),
        ("no_such_check", Severity.WARNING, WAITING),
        ("no_open_questions", Severity.INFO, WAITING),
        ("tests_are_failing", Severity.WARNING, WAITING),
    ],
)
def test_the_orchestrator_overlooks_only_what_is_not_built(
    check: str, severity: Severity, status: GateStatus
) -> None:
    gate = _gate(
        CheckSpec(check=check, severity=severity),
        type=GateType.APPROVAL,
        approvers=(Approver.ORCHESTRATOR,),
    )
    assert evaluate_gate(gate, QUESTION).status is status


def test_people_are_asked_where_only_they_may_approve() -> None:
    gate = replace(PLAN_GATE, approvers=(Approver.HUMAN,))
    assert evaluate_gate(gate, GOOD).status is WAITING


def test_nobody_is_asked_before_the_blocking_checks_let_through() -> None:
    outcome = evaluate_gate(PLAN_GATE, GateFacts())
    assert outcome.status is BLOCKED
    assert [reason.rule for reason in outcome.blockers] == ["plan_has_acceptance_criteria"]


@pytest.mark.parametrize(
    "verdicts,status",
    [
        ((_verdict(),), PASSED),
        ((), BLOCKED),
        ((_verdict("fail"),), BLOCKED),
        ((_verdict(), _verdict("fail", agent="r2")), BLOCKED),
        ((_verdict(blocking=True),), BLOCKED),
        ((_verdict(agent="author"),), BLOCKED),
        ((replace(_verdict(), tree="older"),), BLOCKED),
    ],
)
def test_review_agents_approve_by_verdicts_that_all_pass(
    verdicts: tuple[ReviewVerdict, ...], status: GateStatus
) -> None:
    gate = _gate(type=GateType.APPROVAL, approvers=REVIEWERS)
    facts = GateFacts(tree="t", authors=("author",), verdicts=verdicts)
    assert evaluate_gate(gate, facts).status is status


def test_a_person_stands_in_for_review_agents_only_where_people_may_approve() -> None:
    facts = GateFacts(tree="t", verdicts=(_verdict("fail"),))
    gate = _gate(type=GateType.APPROVAL, approvers=(*REVIEWERS, Approver.HUMAN))
    assert evaluate_gate(gate, facts).status is WAITING


def test_no_gate_still_needs_the_artifacts() -> None:
    here = phase("P", artifact("plan_document", "has_implementation_steps"))
    assert evaluate_leaving(here, None, GOOD).status is PASSED
    missing = evaluate_leaving(here, None, GateFacts())
    assert missing.status is BLOCKED
    assert [reason.rule for reason in missing.blockers] == ["artifact.plan_document.missing"]
    empty = GateFacts(artifacts={"plan_document": {"implementation_steps": []}})
    assert evaluate_leaving(here, None, empty).status is BLOCKED


def test_a_missing_artifact_shuts_a_gate_whose_checks_all_pass() -> None:
    here = phase("P", artifact("scope_definition"), gate=PLAN_GATE)
    outcome = evaluate_leaving(here, PLAN_GATE, GOOD)
    assert outcome.status is BLOCKED
    assert [reason.rule for reason in outcome.blockers] == ["artifact.scope_definition.missing"]


def test_a_rule_that_is_not_known_does_not_let_through() -> None:
    spec = ArtifactSpec(type="plan_document", schema="s", rules=(RuleSpec(rule="no_such_rule"),))
    outcome = evaluate_leaving(phase("P", spec), None, GOOD)
    assert outcome.status is BLOCKED
    assert outcome.checks[0].outcome is Outcome.UNDETERMINED


def test_the_reviews_that_a_report_needs_are_those_of_the_phases_gate() -> None:
    check = CheckSpec(check="all_review_models_completed", params={"required_reviews": ("r",)})
    here = phase("P", artifact("review_report", "all_reviews_completed"), gate=_gate(check))
    facts = GateFacts(tree="t", artifacts={"review_report": {}}, verdicts=(_verdict(),))
    assert evaluate_leaving(here, here.gates[0], facts).status is PASSED


def test_nobody_is_told_to_hand_in_what_the_server_builds() -> None:
    report = artifact("review_report", "no_blocking_issues")
    facts = GateFacts(
        tree="t", artifacts={"review_report": {}}, verdicts=(_verdict(blocking=True),)
    )
    (reason,) = evaluate_leaving(phase("P", report), None, facts).blockers
    assert "Hand in" not in reason.remedy
    assert "reviewers" in reason.remedy


def test_the_blockers_are_exactly_what_keeps_the_gate_shut() -> None:
    """Minimal: without one of the named checks the others still shut it, without all it opens."""
    gate = _gate(
        CheckSpec(check="plan_has_acceptance_criteria"),
        CheckSpec(check="scope_is_bounded"),
        CheckSpec(check="no_open_questions"),
        CheckSpec(check="coverage_threshold_met", severity=WARNING),
    )
    outcome = evaluate_gate(gate, QUESTION)
    named = {reason.rule for reason in outcome.blockers}
    assert named == {"scope_is_bounded", "no_open_questions"}
    for size in range(len(gate.checks)):
        kept = replace(gate, checks=tuple(c for c in gate.checks if c != gate.checks[size]))
        still = named - {gate.checks[size].check}
        assert {reason.rule for reason in evaluate_gate(kept, QUESTION).blockers} == still
    rest = replace(gate, checks=tuple(c for c in gate.checks if c.check not in named))
    assert evaluate_gate(rest, QUESTION).status is PASSED


def test_only_what_a_gate_needs_is_measured() -> None:
    assert needs(None) == needs(PLAN_GATE) == frozenset()
    assert needs(_gate(CheckSpec(check="tests_are_failing"))) == {Needs.RED}
    assert needs(_gate(CheckSpec(check="no_skipped_tests"))) == {Needs.GREEN}
