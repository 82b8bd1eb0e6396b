"""A scratch that cannot be taken over is answered, not measured for ever."""

from __future__ import annotations

from interlock.core import commands as cmd
from interlock.core import events as ev
from interlock.core.decide import decide
from interlock.core.evolve import fold
from interlock.core.states import TaskStatus
from interlock.definition import load_pack


def test_an_import_that_is_refused_for_good_blocks_the_request() -> None:
    workflow = load_pack("tdd").workflow
    state = fold(
        [
            ev.TaskCreated(
                title="t", workflow="w", base_commit="c", base_tree="b", branch="x", phase="PLAN"
            ),
            ev.AttemptStarted(
                attempt_id="a",
                session_id="s",
                agent_id="g",
                number=1,
                phase="PLAN",
                epoch=1,
                tree="b",
            ),
            ev.PhaseTransitionRequested(
                request_id="r", source="PLAN", target="TDD", session_id="s", agent_id="g"
            ),
        ]
    )
    refusal = cmd.RefuseImport(request_id="r", message="too many files", remedy="Remove some.")
    decision = decide(workflow, state, refusal)
    after = fold(decision.events, state)
    assert after.status is TaskStatus.WORKING
    assert after.blockers[0]["message"] == "too many files"
    assert not decide(workflow, after, refusal).accepted
