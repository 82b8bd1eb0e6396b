"""The program: claim, run the steps of the phase or review, say how it went, leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from interlock.errors import InterlockError
from interlock.sdk.client import AgentClient
from interlock.testing.scripted.review import review
from interlock.testing.scripted.script import check_script
from interlock.testing.scripted.steps import Steps, report

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run the script that the only argument names.

    Returns:
        0 if every step ended as expected, 1 if one did not, 2 if there is nothing to run.
    """
    try:
        script = check_script(json.loads(Path(argv[0]).read_text(encoding="utf-8")))
        with AgentClient() as client:
            return _work(client, script)
    except (InterlockError, OSError, ValueError, IndexError) as error:
        report("end", "end", "failed", f"{type(error).__name__}: {error}", ok=False)
        return 2


def _work(client: AgentClient, script: dict[str, object]) -> int:
    task = client.claim_task()
    if task is None:
        report("end", "end", "failed", "there is no task for this session", ok=False)
        return 2
    role, phase = str(task["role"]), client.current_phase
    report("claim", "claim", "allowed", f"{task['task_id']} {phase} as {role}", ok=True)
    if role != "author":
        return review(client, task, script.get("review"))
    phases = script.get("phases")
    steps = phases.get(phase) if isinstance(phases, dict) else None
    run = Steps(client, task)
    run.run(steps or (), phase)
    wrong = run.unexpected
    detail = f"{phase}: {run.count} steps, " + (
        f"not as expected: {', '.join(wrong)}" if wrong else "all as expected"
    )
    report("end", "end", "failed" if wrong else "ok", detail, ok=not wrong)
    return 1 if wrong else 0
