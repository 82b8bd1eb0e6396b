"""What did not land, one clear line each: many of a kind in one new directory are one line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from interlock.adapters.trees.entry import Entry, shown
from interlock.adapters.trees.names import ancestors, directories

__all__ = ["readable"]

_MANY = 10


def readable(refused: Mapping[bytes, str], kept: Mapping[bytes, Entry]) -> dict[str, str]:
    """Path, as it is shown → why it did not land and what to do.

    Args:
        refused: path → reason.
        kept: the tree that lands; directories with something in it are not summed up.
    """
    if not refused:
        return {}
    alive = directories(kept) | kept.keys()
    below: defaultdict[bytes, dict[bytes, str]] = defaultdict(dict)
    lines = {}
    for path, reason in refused.items():
        dead = [up for up in ancestors(path) if up not in alive]
        if dead:
            below[dead[-1]][path] = reason
        else:
            lines[path] = reason
    for directory, reasons in below.items():
        many = {why: n for why, n in Counter(reasons.values()).most_common() if n >= _MANY}
        lines |= {path: why for path, why in reasons.items() if why not in many}
        if many:
            lines[directory + b"/"] = "; ".join(f"{n} paths: {why}" for why, n in many.items())
    return {shown(path): lines[path] for path in sorted(lines)}
