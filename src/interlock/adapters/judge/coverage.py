"""What the suite ran of the sources that changed, by statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from interlock.adapters.judge.results import Watched
from interlock.adapters.judge.snapshot import Snapshot
from interlock.core.facts import CoveredFile
from interlock.ports.statics import Statics

__all__ = ["covered_files", "without_moved"]


def covered_files(
    paths: Iterable[str],
    base: Snapshot,
    candidate: Snapshot,
    seen: Mapping[str, Watched],
    statics: Statics,
) -> tuple[CoveredFile, ...]:
    """One record for each of the paths that the candidate has and that has statements.

    Args:
        seen: path → what ran of it.
    """
    found: list[CoveredFile] = []
    for path in paths:
        if path not in candidate.paths:
            continue
        new = candidate.read(path)
        old = base.read(path) if path in base.paths else b""
        statement_of = statics.statements(new)
        lines = seen[path].lines if path in seen else ()
        ran = {statement_of[line] for line in lines if line in statement_of}
        everything = set(statement_of.values())
        changed = {statement_of[n] for n in _changed_lines(old, new) if n in statement_of}
        if everything:
            found.append(
                CoveredFile(
                    path=path,
                    statements=len(everything),
                    missed=tuple(sorted(everything - ran)),
                    changed=tuple(sorted(changed)),
                )
            )
    return tuple(found)


def without_moved(
    files: Iterable[CoveredFile], base: Snapshot, candidate: Snapshot, paths: Iterable[str]
) -> tuple[CoveredFile, ...]:
    """The same, where a line that any of the paths had on the base is none that changed."""
    there = {
        line.strip()
        for path in paths
        if path in base.paths
        for line in base.read(path).splitlines()
    }
    found = []
    for file in files:
        lines = candidate.read(file.path).splitlines()
        changed = tuple(n for n in file.changed if lines[n - 1].strip() not in there)
        found.append(replace(file, changed=changed))
    return tuple(found)


def _changed_lines(old: bytes, new: bytes) -> Sequence[int]:
    """Numbers of the lines that ``new`` has and ``old`` has not."""
    lines = SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    return [
        number
        for tag, _, _, first, end in lines.get_opcodes()
        if tag in ("insert", "replace")
        for number in range(first + 1, end + 1)
    ]
