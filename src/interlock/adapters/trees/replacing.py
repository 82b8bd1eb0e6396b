"""Single files of a tree replaced by given contents."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from interlock.adapters.trees.entry import EXECUTABLE, FILE, Entry, shown
from interlock.adapters.trees.names import ancestors, directories, name_problem
from interlock.errors import InvalidInputError

__all__ = ["replaced"]


def replaced(
    entries: Mapping[bytes, Entry],
    changes: Mapping[str, bytes | None],
    add: Callable[[bytes], bytes],
) -> dict[bytes, Entry]:
    """The entries with some files replaced, added or (``None``) removed; modes are kept.

    Args:
        add: stores a content and gives its oid.

    Raises:
        InvalidInputError: a name that cannot be in a tree, or a file where a directory is or the
            other way round (``IL-TRE-005``).
    """
    after = dict(entries)
    for name, data in changes.items():
        path = name.encode("utf-8", "surrogateescape")
        if data is None:
            after.pop(path, None)
            continue
        was = entries.get(path)
        mode = EXECUTABLE if was is not None and was.mode == EXECUTABLE else FILE
        after[path] = Entry(mode, add(data))
    above = directories(after)
    for path in after.keys() - entries.keys():
        problem = name_problem(path)
        if path in above or any(up in after for up in ancestors(path)):
            problem = "a file and a directory of one name"
        if problem:
            raise InvalidInputError(f"{shown(path)}: {problem}", code="IL-TRE-005")
    return after
