"""The way out as one record: everything that was looked at, and the least that is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.story import DOCUMENTS, OPEN_PLAN, PLAN_GATE, RED_GATE, WARNING, artifact, phase

from interlock.core.facts import GateFacts
from interlock.core.gates.evaluate import evaluate_leaving
from interlock.core.gates.samples import PLAN, SCOPE, red
from interlock.core.model import Approver, CheckSpec, GateSpec, GateType, Mode, PhaseSpec, Position
from interlock.core.way_out import way_out

HUMAN, ORCHESTRATOR, REVIEWER = Approver.HUMAN, Approver.ORCHESTRATOR, Approver.REVIEW_AGENT
PLANNING = phase(
    "PLAN",
    artifact("plan_document", "has_acceptance_criteria"),
    artifact("scope_definition", "has_in_scope"),
    gate=replace(PLAN_GATE, checks=(*PLAN_GATE.checks, CheckSpec(check="scope_is_bounded"))),
)
GOOD: dict[str, Any] = {"plan_document": PLAN, "scope_definition": SCOPE}
TESTING = phase(
    "TDD",
    artifact("test_files"),
    gate=replace(
        RED_GATE,
        checks=(
            CheckSpec(check="tests_exist_for_acceptance_criteria", message="No test"),
            CheckSpec(check="tests_are_failing", message="Not red"),
        ),
    ),
)


def out(
    where: PhaseSpec, facts: GateFacts, *, mode: Mode = Mode.STRICT, is_asked: bool = True
) -> dict[str, Any]:
    gate = where.gates[0]
    result = evaluate_leaving(where, gate, facts, mode)
    return way_out(where, gate, result, task_id="task_1", target="NEXT", is_asked=is_asked)


def wanted(way: dict[str, Any]) -> list[str]:
    return [leaf["rule"] for leaf in way["missing"]]


def test_every_document_rule_check_and_approval_is_there_with_how_it_stands() -> None:
    way = out(PLANNING, GateFacts(artifacts={"plan_document": OPEN_PLAN, "scope_definition": {}}))
    stands = [
        (node["kind"], node["check"], node["outcome"])
        for top in (*way["artifacts"], *way["checks"], way["approval"])
        for node in (top, *top.get("rules", ()))
    ]
    assert stands == [
        ("artifact", "plan_document", "pass"),
        ("rule", "has_acceptance_criteria", "pass"),
        ("artifact", "scope_definition", "pass"),
        ("rule", "has_in_scope", "fail"),
        ("check", "plan_has_acceptance_criteria", "pass"),
        ("check", "no_open_questions", "fail"),
        ("check", "scope_is_bounded", "fail"),
        ("approval", "human or orchestrator", "not_yet"),
    ]
    assert way["status"] == "blocked"
    assert way["checks"][1]["facts"] == {"open_questions": OPEN_PLAN["open_questions"]}


def test_a_missing_document_is_the_only_thing_missing_of_all_that_follows_from_it() -> None:
    way = out(PLANNING, GateFacts())
    assert wanted(way) == ["artifact.plan_document.missing", "artifact.scope_definition.missing"]
    because = {node["check"]: node["because"] for node in way["checks"]}
    assert because == {
        "plan_has_acceptance_criteria": "plan_document",
        "no_open_questions": "plan_document",
        "scope_is_bounded": "scope_definition",
    }
    assert all(leaf["remedy"] and leaf["who"] == "the agent" for leaf in way["missing"])
    rule = way["artifacts"][0]["rules"][0]
    assert (rule["outcome"], rule["because"]) == ("not_yet", "plan_document")


def test_a_measurement_that_failed_is_one_thing_however_many_checks_look_at_it() -> None:
    broken = replace(red(), problem="the environment does not build", remedy="interlock trust")
    facts = GateFacts(artifacts={**GOOD, "test_files": {}}, red=broken)
    way = out(TESTING, facts)
    assert wanted(way) == ["tests_exist_for_acceptance_criteria"]
    assert way["missing"][0]["who"] == "a person"
    assert [node["because"] for node in way["checks"]] == [
        "",
        "tests_exist_for_acceptance_criteria",
    ]
    assert [(b["rule"], b["because"]) for b in way["blockers"]] == [
        ("tests_exist_for_acceptance_criteria", ""),
        ("tests_are_failing", "tests_exist_for_acceptance_criteria"),
    ]


def test_what_is_only_measured_once_somebody_asks_is_missing_as_that() -> None:
    facts = GateFacts(artifacts={**GOOD, "test_files": {}})
    way = out(TESTING, facts, is_asked=False)
    assert wanted(way) == ["transition.request"]
    assert way["missing"][0]["remedy"].startswith('client.request_transition("NEXT"')
    assert {node["because"] for node in way["checks"]} == {"request"}


def test_two_checks_of_one_kind_are_two_things_unless_they_found_the_same() -> None:
    lint = CheckSpec(check="command", message="Lint"), CheckSpec(check="command", message="Types")
    where = phase("P", gate=GateSpec(id="g", checks=lint))
    assert wanted(out(where, GateFacts())) == ["command"]


@pytest.mark.parametrize(
    "approvers, remedy",
    [
        ((HUMAN,), "interlock approve task_1 planned"),
        ((HUMAN, ORCHESTRATOR), "interlock approve task_1 planned"),
        ((REVIEWER, HUMAN), "interlock approve task_1 planned"),
    ],
)
def test_of_several_approvers_any_one_is_enough(
    approvers: tuple[Approver, ...], remedy: str
) -> None:
    gate = replace(PLAN_GATE, approvers=approvers)
    facts = GateFacts(artifacts={"plan_document": OPEN_PLAN})
    way = out(phase("P", gate=gate), facts)
    (leaf,) = way["missing"]
    assert (leaf["rule"], leaf["remedy"]) == ("approval.needed", remedy)
    assert leaf["what"] == " or ".join(approvers)
    assert way["approval"]["approvers"] == list(approvers)


def test_a_person_is_missing_of_a_shut_gate_only_where_nobody_else_may_say_yes() -> None:
    def missing(*approvers: Approver) -> list[str]:
        gate = replace(PLANNING.gates[0], approvers=approvers)
        facts = GateFacts(artifacts={"plan_document": PLAN})
        return wanted(out(replace(PLANNING, gates=(gate,)), facts))

    assert missing(HUMAN) == ["artifact.scope_definition.missing", "approval.human"]
    assert missing(HUMAN, ORCHESTRATOR) == ["artifact.scope_definition.missing"]


def test_a_warning_does_not_block_and_says_so() -> None:
    questions = CheckSpec(check="no_open_questions", severity=WARNING)
    where = phase("P", gate=GateSpec(id="g", type=GateType.VALIDATION, checks=(questions,)))
    way = out(where, GateFacts(artifacts={"plan_document": OPEN_PLAN}))
    (node,) = way["checks"]
    assert (node["outcome"], node["severity"], node["blocks"]) == ("fail", "warning", False)
    assert (way["status"], way["missing"]) == ("passed", [])


def test_below_strict_nothing_is_missing_and_what_would_block_is_marked() -> None:
    way = out(TESTING, GateFacts(), mode=Mode.PERMISSIVE)
    assert (way["status"], way["missing"], way["blockers"]) == ("passed", [], [])
    assert [(n["blocks"], n["would_block"]) for n in way["checks"]] == [(False, True)] * 2
    assert len(way["overridden"]) == 3


def test_a_gate_and_its_parts_say_where_they_are_written() -> None:
    at = Position("w.yaml", 9, 5)
    check = CheckSpec(check="no_open_questions", position=at)
    where = phase("P", gate=GateSpec(id="g", checks=(check,), position=at))
    way = out(where, GateFacts())
    assert (way["position"], way["checks"][0]["position"]) == ("w.yaml:9:5", "w.yaml:9:5")


DOCUMENT_SETS = st.sets(st.sampled_from(["plan_document", "scope_definition", "test_files"]))
REDS = st.sampled_from([None, red(), replace(red(), problem="broken")])


@given(st.sampled_from([PLANNING, TESTING]), DOCUMENT_SETS, REDS, st.booleans())
def test_what_is_missing_are_roots_and_everything_that_blocks_leads_to_one(
    where: PhaseSpec, names: set[str], measured: Any, is_asked: bool
) -> None:
    known = {**GOOD, "test_files": DOCUMENTS["TDD"]}
    facts = GateFacts(artifacts={name: known[name] for name in names}, red=measured)
    way = out(where, facts, is_asked=is_asked)
    nodes = [n for top in way["artifacts"] for n in (top, *top["rules"])] + way["checks"]
    roots = {leaf["rule"] for leaf in way["missing"]} | {leaf["what"] for leaf in way["missing"]}
    for node in nodes:
        if node["blocks"]:
            assert (node["because"] or node["rule"]) in roots
    assert len(roots) >= len({leaf["rule"] for leaf in way["missing"]})
    assert bool(way["missing"]) == (way["status"] != "passed")
    assert {leaf["rule"] for leaf in way["missing"]} <= {
        *(node["rule"] for node in nodes if not node["because"]),
        "transition.request",
        "approval.needed",
    }
