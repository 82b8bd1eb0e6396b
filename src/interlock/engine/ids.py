"""Identifiers that sort by the time they were made: a prefix and a ULID.

Two ids of one process are never equal and never sort against the order they were made in, even
when the clock stands still or goes back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

__all__ = ["new_id"]

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U
_RANDOM_BITS = 80
_LENGTH = 26

_lock = threading.Lock()
_last = 0


def new_id(prefix: str, clock_ms: int, random: Callable[[int], bytes] = os.urandom) -> str:
    """Make the next id.

    Args:
        prefix: what it names, without underscore: ``task``, ``ses``, ``att``, ``gate``, ``evd``,
            ``apr``.
        clock_ms: milliseconds since 1970.
        random: returns that many unpredictable bytes.

    Returns:
        The prefix, ``_`` and 26 characters of Crockford's base 32.
    """
    global _last  # noqa: PLW0603 - the order of ids is a property of the process
    fresh = clock_ms << _RANDOM_BITS | int.from_bytes(random(_RANDOM_BITS // 8), "big")
    with _lock:
        # Same millisecond or a clock that went back: count on from the last one.
        if clock_ms <= _last >> _RANDOM_BITS:
            fresh = _last + 1
        _last = fresh
    digits = (_ALPHABET[fresh >> 5 * place & 31] for place in reversed(range(_LENGTH)))
    return f"{prefix}_{''.join(digits)}"
