"""Trees as dictionaries: reading one, and writing one that differs from another."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from interlock.adapters.git import Git
from interlock.adapters.trees.entry import Entry, canonical, shown
from interlock.adapters.trees.names import ancestors, unusable
from interlock.errors import IntegrityError, InvalidInputError
from interlock.failpoints import reach

__all__ = ["check_usable", "list_tree", "write_tree"]

_GONE = b"0 " + b"0" * 40


def list_tree(git: Git, tree: str) -> dict[bytes, Entry]:
    """All paths of a tree, without its directories."""
    entries = {}
    for record in git.run("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")[:-1]:
        head, path = record.split(b"\t", 1)
        mode, _, oid = head.split(b" ")
        entries[path] = Entry(mode, oid)
    return entries


def check_usable(git: Git, tree: str, entries: Mapping[bytes, Entry], directory: Path) -> None:
    """Refuse a tree that git would not check out or that is not one.

    Raises:
        InvalidInputError: names that git refuses, or a file that is also a directory
            (``IL-TRE-005``).
    """
    twice = next((p for p in entries if any(up in entries for up in ancestors(p))), None)
    if twice is not None:
        raise InvalidInputError(
            f"the base holds {shown(twice)} below something that is no directory",
            code="IL-TRE-005",
        )
    with tempfile.TemporaryDirectory(dir=directory) as place:
        status = git.run("read-tree", tree, index=Path(place, "index"), accept=(0, 128))
        listed = git.run("ls-files", "-z", index=Path(place, "index")).split(b"\0")[:-1]
    if status or len(listed) != len(entries):
        named = [shown(path) for path in sorted(entries) if unusable(path, entries[path].mode)]
        raise InvalidInputError(
            f"the base holds names that no git checks out: {', '.join(named[:5]) or 'not known'}",
            code="IL-TRE-005",
            remedy="git rm --cached -- PATH && git commit, on a branch to start from",
        )


def write_tree(
    git: Git,
    start: str,
    before: Mapping[bytes, Entry],
    after: Mapping[bytes, Entry],
    directory: Path,
) -> tuple[str, dict[bytes, Entry]]:
    """The tree that holds ``after``, made from ``start``, and what git really put into it.

    git leaves out names that it does not like and says nothing; hence the second value.

    Args:
        git: of the repository; every object must be in it.
        start: oid of the tree that holds ``before``.
        before: entries of ``start``.
        after: entries to write.
        directory: for the private index.

    Raises:
        IntegrityError: git holds something else than asked for, other than names left out
            (``IL-TRE-021``).
    """
    changes = [b"%b\t%b\0" % (_GONE, path) for path in before if path not in after]
    changes += [
        b"%b %b\t%b\0" % (*entry, path)
        for path, entry in after.items()
        if (was := before.get(path)) is not entry and was != entry
    ]
    if not changes:
        return start, dict(after)
    with tempfile.TemporaryDirectory(dir=directory) as place:
        index = Path(place, "index")
        git.run("read-tree", start, index=index)
        git.run("update-index", "-z", "--index-info", index=index, stdin=b"".join(changes))
        tree = git.run("write-tree", index=index).decode().strip()
    reach("tree.written")
    written = list_tree(git, tree)
    wrong = [
        path
        for path, entry in written.items()
        if path not in after or canonical(entry) != canonical(after[path])
    ]
    left_out = [path for path in after if path not in written and path in before]
    if wrong or left_out:
        raise IntegrityError(
            f"git wrote another tree than was asked for: {shown((wrong + left_out)[0])}",
            code="IL-TRE-021",
            context={"tree": tree},
        )
    return tree, written
