"""Which new paths the rules of a tree ignore: its own ``.gitignore`` files, nobody else's."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from interlock.adapters.git import Git
from interlock.adapters.trees.entry import EXECUTABLE, FILE, Entry
from interlock.adapters.trees.objects import read_blobs

__all__ = ["ignored"]

_RULES = b".gitignore"
_NOTHING_IGNORED = 1
# Longer ones no system call takes; a tree cannot hold them either.
_MAX_PATH_BYTES = 3500


def rules_of(git: Git, entries: Mapping[bytes, Entry]) -> dict[bytes, bytes]:
    """The ``.gitignore`` files of a tree, with their contents."""
    rules = {
        path: entry.oid
        for path, entry in entries.items()
        if path.rsplit(b"/", 1)[-1] == _RULES and entry.mode in (FILE, EXECUTABLE)
    }
    return dict(zip(rules, read_blobs(git, list(rules.values())), strict=True))


def ignored(
    git: Git,
    rules: Mapping[bytes, bytes],
    candidates: Collection[bytes],
    directory: Path,
    *,
    are_directories: bool = False,
) -> set[bytes]:
    """Those candidates that the rules of a tree ignore.

    git is asked about names only: its work tree is a directory of ours with nothing but the rules.

    Args:
        git: of the repository that holds the tree.
        rules: of the tree.
        candidates: paths that the tree does not have.
        directory: for temporary files, of ours.
        are_directories: whether the candidates are; a rule may be for them alone.
    """
    candidates = [path for path in candidates if len(path) <= _MAX_PATH_BYTES]
    if not candidates or not rules:
        return set()
    with tempfile.TemporaryDirectory(dir=directory) as place:
        for path, data in rules.items():
            file = os.path.join(os.fsencode(place), b"tree", path)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "xb") as out:
                out.write(data)
        for path in candidates if are_directories else ():
            # A name with a slash at its end would also match what is ignored in the directory.
            os.makedirs(os.path.join(os.fsencode(place), b"tree", path), exist_ok=True)
        answer = git.run(
            "check-ignore",
            "-z",
            "--stdin",
            "--no-index",
            # A leading "./" keeps a name like ":!x" from being read as a pattern.
            stdin=b"".join(b"./%b\0" % path for path in candidates),
            work_tree=Path(place, "tree"),
            index=Path(place, "index"),
            accept=(0, _NOTHING_IGNORED),
        )
    return {record[2:] for record in answer.split(b"\0")[:-1]}
