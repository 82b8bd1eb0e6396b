"""Going back voids what has to be made anew, keeps the rest, and then goes forward again."""

from __future__ import annotations

import pytest
from tests.core.story import DOCUMENTS, Story, at

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.facts import GateFacts
from interlock.core.gates.rules import RULES
from interlock.core.gates.samples import SCOPE, added
from interlock.core.model import PhaseSpec


def _back(source: str, target: str, tree: str = "t5") -> Story:
    """A task that went back from a phase in which everything was handed in."""
    story = at(source).attempt().hand_in()
    story.ask(target).take_over(tree)
    decision = story.conclude()
    assert decision.accepted
    assert story.state.phase == target
    assert not any(e.type == "gate_passed" for e in decision.events)
    return story


PLAN = {"plan_document", "scope_definition"}


@pytest.mark.parametrize(
    "source,target,artifacts,is_frozen",
    [
        ("TDD", "PLAN", set(), False),
        ("IMPL", "TDD", PLAN, False),
        ("IMPL", "PLAN", set(), False),
        ("REVIEW", "IMPL", PLAN, True),
    ],
)
def test_going_back_drops_what_is_to_be_made_anew(
    source: str, target: str, artifacts: set[str], is_frozen: bool
) -> None:
    story = _back(source, target)
    assert set(story.state.artifacts) == artifacts
    assert (story.state.frozen is not None) is is_frozen
    assert story.state.measured == {}
    assert story.state.verdicts == ()


@pytest.mark.parametrize(
    "source,target", [("TDD", "PLAN"), ("IMPL", "TDD"), ("IMPL", "PLAN"), ("REVIEW", "IMPL")]
)
def test_after_going_back_every_gate_on_the_way_is_passed_again(source: str, target: str) -> None:
    story = _back(source, target)
    before = len(story.events)
    while story.state.phase != "DONE":
        story.leave("t6")
    story.leave()
    assert story.state.tree == "t6"
    passed = [e.gate for e in story.events[before:] if isinstance(e, ev.GatePassed)]
    gates = ["planned", "red", "green", "reviewed"]
    assert passed == gates[["PLAN", "TDD", "IMPL"].index(target) :]


@pytest.mark.parametrize("source,target", [("TDD", "PLAN"), ("IMPL", "TDD"), ("REVIEW", "IMPL")])
def test_going_back_takes_the_work_along_under_a_new_epoch(source: str, target: str) -> None:
    epoch = at(source).attempt().state.epoch
    story = _back(source, target, "t5")
    assert story.state.tree == "t5"
    assert story.state.epoch > epoch


def test_what_one_phase_handed_in_does_not_count_for_the_next() -> None:
    story = at("IMPL").attempt()
    assert "test_run_result" not in story.state.artifacts
    story.ask().take_over("t2")
    decision = story.conclude()
    assert "artifact.test_run_result.missing" in [reason.rule for reason in decision.reasons]


def test_after_going_back_nothing_measured_before_is_shown_as_measured() -> None:
    story = at("TDD").attempt().hand_in().ask().take_over("t1")
    evidence = ev.EvidenceRecorded(evidence_id="e1", kind="red", tree="t1", digest="d1")
    story.must(cmd.Record(event=evidence))
    assert story.state.measured == {"red": "d1", "tree": "t1"}
    story.conclude()
    assert story.state.measured == {}
    assert story.state.evidence == {"e1": "d1"}


def test_measurements_of_different_trees_are_not_mixed() -> None:
    story = at("IMPL").attempt().hand_in().ask().take_over("t2")
    for kind, tree in (("red", "t1"), ("green", "t2")):
        story.must(
            cmd.Record(
                event=ev.EvidenceRecorded(evidence_id=kind, kind=kind, tree=tree, digest=kind)
            )
        )
    assert story.state.measured == {"green": "green", "tree": "t2"}


ANYWHERE = PhaseSpec(id="P")


def test_a_file_out_of_scope_that_an_earlier_visit_wrote_is_still_out_of_scope() -> None:
    """In, out by the back door, in again: the phase answers for all it ever did."""
    facts = GateFacts(
        artifacts={"scope_definition": SCOPE},
        changes=added("setup.cfg", "tests/test_new.py"),
        own_changes=added("setup.cfg"),
    )
    assert "setup.cfg" in RULES["matches_plan"].wrong({}, facts, ANYWHERE)


def test_an_implementation_of_an_earlier_visit_is_one() -> None:
    document = {"files_changed": [{"path": "src/text.py"}]}
    facts = GateFacts(changes=added("src/text.py"), own_changes=added("src/text.py"))
    assert RULES["implementation_exists"].wrong(document, facts, ANYWHERE) == ""


def test_a_file_that_is_listed_and_was_not_changed_is_no_implementation() -> None:
    document = {"files_changed": [{"path": "src/other.py"}]}
    facts = GateFacts(changes=added("src/text.py"), own_changes=added("src/text.py"))
    assert "src/other.py" in RULES["implementation_exists"].wrong(document, facts, ANYWHERE)


def test_who_went_back_to_the_tests_cannot_and_need_not_see_them_fail() -> None:
    seen = {**DOCUMENTS["TDD"]["test_run_result"], "failed": 0, "exit_code": 0, "passed": 2}
    wrong = RULES["tests_failed"].wrong
    tests = added("tests/test_new.py")
    assert wrong(seen, GateFacts(changes=tests, own_changes=tests), ANYWHERE) != ""
    ahead = (*tests, *added("src/text.py"))
    assert wrong(seen, GateFacts(changes=ahead, own_changes=tests), ANYWHERE) == ""


def test_a_run_that_broke_off_was_run_and_did_not_pass() -> None:
    """Its set-up needs what is planned: then no test is there to be counted."""
    seen = {**DOCUMENTS["TDD"]["test_run_result"], "passed": 0, "failed": 0, "skipped": 0}
    for code, is_wrong in ((4, False), (2, False), (0, True), (5, True)):
        for rule in ("tests_were_run", "tests_failed"):
            said = RULES[rule].wrong({**seen, "exit_code": code}, GateFacts(), ANYWHERE)
            assert bool(said) is is_wrong, (rule, code)
