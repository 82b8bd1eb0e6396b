"""Histories: every kind of event as a release stored it, and the states they make.

``python -m tests.records.history`` writes the file of the present release, once: a file of a
release that is out is never written again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.core.story import WORKFLOW, Story, at, waiting

import interlock
from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.gates.samples import PLAN, SCOPE
from interlock.core.model import Mode, WorkflowSpec
from interlock.core.modes import InForce
from interlock.core.tasks import TaskState
from interlock.engine.codec import encode
from interlock.ports.store import StoredEvent
from interlock.testing.memory_store import MemoryStore

__all__ = ["HISTORIES", "read", "summary"]

HISTORIES = Path(__file__).parent / "histories"
_FIRST_US = 1_760_000_000_000_000


def stories() -> Iterator[Story]:
    """Tasks that together meet everything that can happen to one."""
    completed = at("REVIEW")
    completed.attempt().review()
    reviewer = completed.state.reviewers[-1].session_id
    completed.must(cmd.EndReviewer(session_id=reviewer, outcome="exited", exit_code=0))
    completed.ask().take_over("t2")
    assert completed.conclude().accepted
    completed.leave("t2")
    completed.must(cmd.Complete(commit="c" * 40, anchor=(7, "a" * 64)))
    yield completed

    approved = waiting()
    approved.must(cmd.Approve(approval=approved.approval(), anchor=(3, "b" * 64)))
    yield approved

    rejected = waiting()
    rejected.must(cmd.Reject(approval=rejected.approval()))
    yield rejected

    aborted = at("TDD").attempt().hand_in().ask().take_over("t1")
    assert aborted.state.request is not None
    aborted.conclude(red=None)
    denied = ev.ToolDenied(
        tool="submit_artifact",
        rule="artifact.test_run_result.schema",
        message="test_run_result: passed is missing",
        session_id=aborted.state.session_id,
        call_id="call",
        remedy="Correct it.",
    )
    aborted.must(cmd.Record(event=denied))
    asked = ev.BlockerEncountered(message="author asks: which?", remedy="interlock show")
    aborted.must(cmd.Record(event=asked))
    aborted.ask()
    aborted.must(cmd.EndAttempt(session_id=aborted.state.session_id, outcome="died", exit_code=1))
    aborted.attempt()
    aborted.must(cmd.EndAttempt(session_id=aborted.state.session_id, outcome="lost"))
    aborted.must(cmd.Resume(by="ada"))
    aborted.must(cmd.Abort(by="ada", reason="changed my mind"))
    yield aborted

    measured = at("TDD")
    base = ev.BaseMeasured(digest="e" * 64, tree="t0", tests=3, failing=("t",), failing_count=1)
    measured.must(cmd.Record(event=base))
    measured.attempt().ask()
    measured.take_over("t1")
    evidence = ev.EvidenceRecorded(evidence_id="evd_1", kind="red", tree="t1", digest="d" * 64)
    measured.must(cmd.Record(event=evidence))
    yield measured

    told = Story(passing_by())
    told.create().attempt().hand_in(plan_document={**PLAN, "kind": "docs"}, scope_definition=SCOPE)
    told.ask().take_over("t0")
    assert told.conclude(named={"work.kind": "docs"}).accepted
    assert told.state.phase == "IMPL"
    yield told

    let_by = Story()
    loose = InForce(gates=Mode.PERMISSIVE, tools=Mode.ADVISORY, gates_origin="w.yaml:3")
    let_by.create(loose)
    let_by.attempt().ask().take_over()
    assert let_by.conclude().accepted  # a person is asked, in spite of missing documents
    let_by.must(cmd.Approve(approval=let_by.approval()))
    strict = ev.EnforcementRaised(enforcement=InForce(gates_origin="enforcement.mode"))
    let_by.must(cmd.Record(event=strict))
    yield let_by


def passing_by() -> WorkflowSpec:
    """The stories' workflow, with a first test for features alone."""
    phases = [
        replace(p, when="work.kind == 'feature'") if p.id == "TDD" else p for p in WORKFLOW.phases
    ]
    return replace(WORKFLOW, phases=tuple(phases))


def summary(state: TaskState) -> dict[str, Any]:
    """What of a state has to be the same in every later release."""
    return {
        "status": state.status.value,
        "phase": state.phase,
        "version": state.version,
        "epoch": state.epoch,
        "tree": state.tree,
        "commit": state.commit,
        "artifacts": dict(state.artifacts),
        "evidence": dict(state.evidence),
        "trees": dict(state.trees),
        "last_request": state.last_request,
        "last_outcome": state.last_outcome,
        "authors": list(state.authors),
        "reviewers": [one.session_id for one in state.reviewers],
        "frozen": list(state.frozen.red_tests) if state.frozen else None,
    }


def read(path: Path) -> tuple[list[StoredEvent], dict[str, Any]]:
    """The events of a history, and task → summary of its end."""
    *rows, last = map(json.loads, path.read_text("utf-8").splitlines())
    return [StoredEvent(**row) for row in rows], last["states"]


def write(path: Path) -> None:
    """Store the stories as the present release does, and write down what is stored.

    Raises:
        FileExistsError: this release has its history.
    """
    store = MemoryStore()
    states = {}
    for number, story in enumerate(stories(), start=1):
        task_id = f"task_{number}"
        for version, event in enumerate(story.events):
            store.append(
                task_id,
                version,
                encode((event,), "server"),
                command_id=f"{task_id}:{version}" if version % 2 else None,
                at=_FIRST_US + version,
            )
        states[task_id] = summary(story.state)
    rows: list[dict[str, Any]] = [asdict(event) for event in store.events_after(0, limit=10_000)]
    with path.open("x", encoding="utf-8") as file:
        file.writelines(
            f"{json.dumps(row, sort_keys=True)}\n" for row in [*rows, {"states": states}]
        )


if __name__ == "__main__":
    HISTORIES.mkdir(exist_ok=True)
    write(HISTORIES / f"{interlock.__version__}.jsonl")
