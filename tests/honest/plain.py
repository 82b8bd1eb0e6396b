"""The suite as its authors run it: plain pytest, no judge; what an honest agent claims."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.honest.trees import Tree

from interlock.adapters.confinement import UidRange, interpreter, start, translate
from interlock.adapters.judge.place import ENVIRONMENT, TREE
from interlock.ports.confinement import Level, Mount, SandboxSpec

__all__ = ["COMMAND", "Plain", "run"]

COMMAND = "python -m pytest"
_SUMMARY = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_BAD = re.compile(r"^(?:FAILED|ERROR) (\S+?\.py)(?:::([\w:]+))?", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """What pytest said.

    Args:
        exit_code: its status; ``None`` if it did not end in time.
        counts: ``passed``, ``failed``, … → number.
        bad: pairs of file and function that failed; no function for a file that cannot be
            collected.
        output: the end of what it printed.
    """

    exit_code: int | None
    counts: dict[str, int]
    bad: tuple[tuple[str, str], ...]
    output: str

    def claim(self) -> dict[str, object]:
        """The artifact that an agent makes of it."""
        return {
            "command": COMMAND,
            "exit_code": self.exit_code,
            "passed": self.counts.get("passed", 0),
            "failed": self.counts.get("failed", 0) + self.counts.get("errors", 0),
            "skipped": self.counts.get("skipped", 0),
            "timestamp": "2026-01-01T00:00:00Z",
        }


def run(tree: Tree, environment: Path, level: Level, seconds: float = 300) -> Plain:
    """Run the whole suite of a tree, in a sandbox of its own."""
    uids = UidRange()
    uid = uids.lease()
    with tempfile.TemporaryDirectory(prefix="il-honest-") as name, tempfile.TemporaryFile() as out:
        place = Path(name) / "tree"
        for path, source in tree.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(source)
        if uid is not None:
            for at, _, files in os.walk(place):
                for one in (at, *(os.path.join(at, file) for file in files)):
                    os.chown(one, uid, uid)
        try:
            spec = _spec(place, environment, uid, level)
            with start(spec, level, stdout=out.fileno(), stderr=out.fileno()) as sandbox:
                status = sandbox.wait(seconds)
        finally:
            uids.release(uid)
        out.seek(0)
        text = _COLOUR.sub("", out.read().decode(errors="replace"))
    summary = _SUMMARY.findall(text)
    names = {"error": "errors"}
    counts = {names.get(w, w): int(n) for n, w in _COUNT.findall(summary[-1] if summary else "")}
    bad = tuple(dict.fromkeys(_BAD.findall(text)))
    return Plain(exit_code=status, counts=counts, bad=bad, output=text[-4000:])


def _spec(place: Path, environment: Path, uid: int | None, level: Level) -> SandboxSpec:
    mounts = (
        Mount(source=str(place.resolve()), target=TREE, writable=True),
        Mount(source=str(environment.resolve()), target=ENVIRONMENT),
        *interpreter()[1],
    )
    bare = SandboxSpec(argv=(), mounts=mounts)
    tree, inner = (translate(path, bare, level) for path in (TREE, ENVIRONMENT))
    options = ("-rfE", "-p", "no:cacheprovider", "--continue-on-collection-errors")
    return SandboxSpec(
        argv=(f"{inner}/bin/python", "-B", "-m", "pytest", *options),
        env={"PYTHONPATH": f"{tree}:{tree}/src", "PATH": f"{inner}/bin:/usr/bin:/bin"},
        cwd=TREE,
        mounts=mounts,
        uid=uid,
    )
