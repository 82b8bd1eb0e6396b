"""How two trees differ, by path."""

from __future__ import annotations

from collections.abc import Mapping

from interlock.adapters.trees.entry import Entry, canonical, text_of
from interlock.core.facts import ChangeKind, TreeChange

__all__ = ["changes_between", "differing"]


def differing(before: Mapping[bytes, Entry], after: Mapping[bytes, Entry]) -> set[bytes]:
    """Paths that are not the same in both; a file mode of old trees is the one of today."""
    gone = before.keys() - after.keys()
    # Most are the very same objects in both, which is quicker seen than that they are equal.
    return gone | {
        path
        for path, now in after.items()
        if (was := before.get(path)) is not now
        and was != now
        and (was is None or canonical(was) != canonical(now))
    }


def changes_between(
    before: Mapping[bytes, Entry], after: Mapping[bytes, Entry]
) -> tuple[TreeChange, ...]:
    """The differences as facts, in the order of their paths."""
    return tuple(
        TreeChange(path=text_of(path), kind=_kind(path in before, path in after))
        for path in sorted(differing(before, after))
    )


def _kind(was: bool, is_now: bool) -> ChangeKind:
    match was, is_now:
        case False, _:
            return ChangeKind.ADDED
        case _, False:
            return ChangeKind.DELETED
        case _:
            return ChangeKind.MODIFIED
