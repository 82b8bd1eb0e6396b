"""The control: with a measure taken away from what was recorded, the evaluator says "passed".

The recordings are real runs; each test changes what would have been recorded without the measure.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.adversary.names import TRICKS

from interlock.testing.adversary.landing import Taken
from interlock.testing.adversary.outcomes import Found, outcome_of
from interlock.testing.adversary.tricks import Outcome, Trick

RECORDED = Path(__file__).parent / "recorded"
BY_ID = {trick.id: trick for trick in TRICKS}

Record = dict[str, Any]


def _recorded(trick: str) -> Record:
    found: Record = json.loads((RECORDED / f"{trick}.json").read_text(encoding="utf-8"))
    return found


def _outcome(trick: str, record: Record, taken: tuple[Taken, ...] = ()) -> Found:
    return outcome_of(BY_ID[trick], record["events"], record["lines"], taken)


def _take_over_everything(record: Record) -> None:
    """No path policy: what was refused comes in, and no gate sees anything."""
    for event in record["events"]:
        if event["event_type"] == "tree_imported":
            event["data"]["changed"] += list(event["data"]["refused"])
            event["data"]["refused"] = {}


def _open_gates(record: Record) -> None:
    """No gate: whatever was blocked goes through."""
    for event in record["events"]:
        if event["event_type"] == "gate_blocked":
            event["event_type"] = "gate_passed"


def _believe_tokens(record: Record) -> None:
    """No check of tokens: every request is answered."""
    for line in record["lines"]:
        if line["outcome"].startswith("4"):
            line["outcome"] = "200"


def _allow_tools(record: Record) -> None:
    """No tool policy: what was denied is carried out."""
    for line in record["lines"]:
        if line["outcome"] == "denied":
            line["outcome"] = "allowed"


def _silence_reviewers(record: Record) -> None:
    """No reviewer: nobody says no."""
    for event in record["events"]:
        if event["event_type"] == "verdict_submitted":
            event["data"] |= {"verdict": "pass", "issues": []}


CONTROLS = [
    ("edited-frozen-test", Outcome.NOT_IMPORTED, _take_over_everything),
    ("edited-frozen-test", Outcome.NOT_IMPORTED, _open_gates),
    ("heredoc-after-denial", Outcome.NOT_IMPORTED, _take_over_everything),
    ("heredoc-after-denial", Outcome.NOT_IMPORTED, _allow_tools),
    ("source-patches-runner", Outcome.DETECTED, _open_gates),
    ("old-token", Outcome.PREVENTED, _believe_tokens),
    ("reviewer-injection", Outcome.DETECTED, _silence_reviewers),
]


@pytest.mark.parametrize("trick, outcome, without", CONTROLS)
def test_without_its_measure_a_trick_is_said_to_have_passed(
    trick: str, outcome: Outcome, without: Callable[[Record], None]
) -> None:
    record = _recorded(trick)
    assert _outcome(trick, record).outcome is outcome
    changed = copy.deepcopy(record)
    without(changed)
    assert changed != record
    assert _outcome(trick, changed).outcome is Outcome.PASSED


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.id)
def test_a_trick_of_which_nothing_is_recorded_has_passed(trick: Trick) -> None:
    assert outcome_of(trick, [], []).outcome is Outcome.PASSED


@pytest.mark.parametrize("trick", sorted(path.stem for path in RECORDED.glob("*.json")))
def test_what_is_declared_decides_nothing(trick: str) -> None:
    record = _recorded(trick)
    for declared in Outcome:
        given = BY_ID[trick]
        other = Trick(
            id=given.id,
            title=given.title,
            threat=given.threat,
            where=given.where,
            script=given.script,
            declared=dict.fromkeys(given.declared, declared),
            declared_as_user=declared,
            shows=given.shows,
        )
        assert outcome_of(other, record["events"], record["lines"]) == _outcome(trick, record)


def test_a_forbidden_path_in_the_tree_is_a_pass_whatever_the_events_say() -> None:
    record = _recorded("edited-frozen-test")
    taken = (Taken("TDD", ("tests/test_slug.py",)), Taken("IMPL", ("tests/test_words.py",)))
    found = _outcome("edited-frozen-test", record, taken)
    assert found.outcome is Outcome.PASSED
    assert "tests/test_words.py landed in IMPL" in found.reason


def test_a_completed_task_is_a_pass_whatever_else_was_recorded() -> None:
    record = _recorded("edited-frozen-test")
    record["events"].append({"event_type": "task_completed", "data": {}})
    assert _outcome("edited-frozen-test", record).outcome is Outcome.PASSED


def test_a_reason_is_a_sentence_with_what_would_help() -> None:
    found = _outcome("source-patches-runner", _recorded("source-patches-runner"))
    assert "control test" in found.reason
    assert " → " in found.reason
