"""Parameters of checks are held against their kind where they are written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.definition.small import SMALL

from interlock.core.facts import GateFacts
from interlock.core.gates.evaluate import evaluate_check
from interlock.core.model import WorkflowSpec
from interlock.core.reasons import Outcome
from interlock.definition.digest import digest_of
from interlock.definition.loader import Loaded, load
from interlock.engine.codec import plain, typed
from interlock.errors import DefinitionError

PLACE = "check: all_tests_pass,"
HAND_IN = "{type: plan_document, schema: plan.json}"


def written(check: str) -> str:
    assert PLACE in SMALL
    return SMALL.replace(PLACE, f"check: {check},", 1)


def findings(check: str) -> list[dict[str, Any]]:
    with pytest.raises(DefinitionError) as caught:
        load(written(check), file="f.yaml")
    found: list[dict[str, Any]] = caught.value.context["diagnostics"]
    return found


def loaded(check: str) -> Loaded:
    return load(written(check), file="f.yaml")


# The @ stands before the place that has to be named.
BROKEN = {
    "a parameter is missing": ("@command, x: 1", "IL-DEF-025", "needs the parameter 'command'"),
    "it is misspelt": ("command, command: a, @timeout: 5", "IL-DEF-025", "no parameter 'timeout'"),
    "it is of a wrong type": ("command, command: @[a]", "IL-DEF-025", "must be a command"),
    "it is out of bounds": (
        "command, command: a, timeout_seconds: @0",
        "IL-DEF-025",
        "must be a whole number from 1 to 3600, not 0",
    ),
    "it is no choice": ("command, command: a, exit_code: @some", "IL-DEF-025", "or 'nonzero'"),
    "the command cannot fail": (
        "command, command: @make lint || true",
        "IL-DEF-030",
        "The command cannot fail: it ends well whatever",
    ),
    "the directory leads out": (
        "command, command: a, directory: @../x",
        "IL-DEF-050",
        "is no path below the tree's root",
    ),
    "a pattern means nothing": ("exists, paths: [src/**, @./x]", "IL-DEF-050", "cannot match"),
    "an item is no text": ("exists, paths: [src/**, @7]", "IL-DEF-025", "path patterns, not 7"),
    "a list is empty": ("exists, paths: @[]", "IL-DEF-025", "nothing would be asked for"),
    "a reference is none": ("count, min: 1, items: @'#/a'", "IL-DEF-025", "names no artifact"),
    "an artifact is unknown": (
        "count, min: 1, items: @plan_dokument#/a",
        "IL-DEF-025",
        "No phase asks for an artifact 'plan_dokument'",
    ),
    "a schema is unknown": (
        "schema, document: file:a.json, schema: @plans",
        "IL-DEF-040",
        "There is no schema 'plans'",
    ),
    "a phase is unknown": ("epoch_rotated, since: @Z", "IL-DEF-023", "There is no phase 'Z'"),
    "a phase comes later": ("epoch_rotated, since: @B", "IL-DEF-031", "cannot pass"),
    "a gate is unknown": ("approval, gate: @dome", "IL-DEF-024", "There is no gate 'dome'"),
    "a gate waits for itself": ("approval, gate: @done", "IL-DEF-031", "its own approval"),
    "rules are unknown": ("static, rules: @cobol", "IL-DEF-025", "one of python, not cobol"),
    "a function is unknown": (
        "recompute, value: file:a.json#/x, of: [file:a.json#/y], function: @median",
        "IL-DEF-025",
        "one of sum, count",
    ),
    "a quorum is none": ("review_quorum, quorum: @most", "IL-DEF-025", "majority, all, any"),
    "nobody may approve": ("approval, gate: done, by: [@nobody]", "IL-DEF-025", "approvers"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_it_is_said_where_it_stands(what: str) -> None:
    marked, code, words = BROKEN[what]
    at = written(marked).index("@")
    line = written(marked)[:at].count("\n") + 1
    column = at - written(marked)[:at].rfind("\n")
    if what == "a parameter is missing":
        column = written(marked).splitlines()[line - 1].index("{check:") + 1
    found = [f for f in findings(marked.replace("@", "")) if words in f["message"]]
    assert [(f["code"], f["position"]["line"], f["position"]["column"]) for f in found] == [
        (code, line, column)
    ]


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = findings("command, command: 'true', exit_code: 300, timeout_seconds: x, and: 1")
    assert len([f for f in found if f["code"] in ("IL-DEF-025", "IL-DEF-030")]) == 4


def test_what_was_left_out_has_its_default() -> None:
    (gate,) = loaded("command, command: make lint").workflow.phases[0].gates
    assert gate.checks[0].params == {
        "command": "make lint",
        "exit_code": 0,
        "timeout_seconds": 600,
    }


def test_where_a_parameter_stands_is_no_part_of_what_pins_a_task() -> None:
    one = loaded("command, command: make lint").workflow
    other = loaded("command,   command:   make lint").workflow
    assert one.digest == other.digest
    assert one.phases[0].gates[0].checks[0].places != other.phases[0].gates[0].checks[0].places
    assert one.digest != loaded("command, command: make test").workflow.digest


def test_parameters_that_contradict_each_other_are_refused() -> None:
    (found,) = findings("count, items: file:a.json, min: 3, max: 2")
    assert found["message"] == "The check 'count' cannot pass: 'min' is more than 'max'"


def test_a_definition_survives_being_kept() -> None:
    """A server keeps it as JSON, and lists for tuples say the same."""
    workflow = loaded("exists, paths: [src/**]").workflow
    kept = typed(json.loads(json.dumps(plain(workflow))), WorkflowSpec)
    (check,) = kept.phases[0].gates[0].checks
    assert list(check.params["paths"]) == ["src/**"]
    assert check.places == workflow.phases[0].gates[0].checks[0].places
    assert digest_of(kept) == workflow.digest
    seen = GateFacts(paths=("src/a.py",))
    assert evaluate_check(check, seen).outcome is Outcome.PASS
