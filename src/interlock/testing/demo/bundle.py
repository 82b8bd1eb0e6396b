"""The evidence that outlives the demo: a directory that a person can keep and read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from interlock.testing.demo.house import House
from interlock.testing.demo.story import Played

__all__ = ["write_bundle", "write_report"]


def write_bundle(directory: Path, house: House, played: dict[str, Played]) -> None:
    """Write what the server knows of each task, the sealed log and the processes' own logs.

    Args:
        directory: must exist.
        played: name of the file → task.
    """
    for name, one in played.items():
        evidence = house.client.evidence(one.task_id)
        _write(directory / f"{name}.json", {**evidence, "agent": one.lines})
    root = house.state.root
    # Segments only: the key that seals the next one is nobody's to copy.
    for path in (*root.glob("audit/*.jsonl"), *root.glob("logs/*.log"), *root.glob("env/*/*.log")):
        copy = directory / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def write_report(directory: Path, document: dict[str, Any], text: str) -> None:
    """Write the result beside it, for programs and for people."""
    _write(directory / "report.json", document)
    (directory / "report.txt").write_text(f"{text}\n", encoding="utf-8")


def _write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
