"""A supervisor whose judge notes each job in ``judged`` and answers once ``release`` is there."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interlock.adapters.confinement import UidRange
from interlock.errors import DeniedError
from interlock.ports.confinement import Level
from interlock.ports.runner import JudgeKind
from interlock.supervisor.judge_jobs import Measure
from interlock.supervisor.main import main


def slow(state: Path, uids: UidRange, level: Level) -> Measure:
    def measure(kind: JudgeKind, request: Mapping[str, Any]) -> Mapping[str, Any]:
        with (state / "judged").open("a") as file:
            file.write(f"{kind.value} {request['tree']}\n")
        while not (state / "release").exists():
            time.sleep(0.01)
        if request["tree"] == "refused":
            raise DeniedError("not this one", code="IL-TST-001", remedy="another")
        return {"tree": request["tree"], "output": "x" * request.get("size", 0)}

    return measure


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True)
    raise SystemExit(main(parser.parse_args().state, strongest=Level.NONE, measure=slow))
