"""Doing something with another user's rights, so that what it makes is theirs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["acting_as"]


@contextmanager
def acting_as(uid: int, gid: int) -> Iterator[None]:
    """Have another user's rights over files and no more; nothing changes unless we are root.

    It holds for the whole process, so it is for programs with one thread.
    """
    if os.geteuid() != 0 or uid == 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)
