"""Refs that only we write, set also after a git that was killed over one of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from interlock.adapters.git import GitFailed
from interlock.errors import UnavailableError

__all__ = ["only_writer"]

_SETTLED_S = 5.0
"""git holds the lock of one ref for milliseconds: an older one is nobody's."""


@contextmanager
def only_writer(common_dir: Path, ref: str) -> Iterator[None]:
    """Around the command that sets a ref which nobody else has a use for.

    Args:
        common_dir: of the repository, what all its working trees share.
        ref: full name.

    Raises:
        UnavailableError: a git holds the ref's lock, or has just died over it (``IL-TRE-023``).
    """
    lock = common_dir / f"{ref}.lock"
    with suppress(FileNotFoundError, NotADirectoryError):
        if time.time() - lock.lstat().st_mtime > _SETTLED_S:
            lock.unlink()
    try:
        yield
    except GitFailed:
        if lock.exists():
            raise UnavailableError(f"{lock} is held by another git", code="IL-TRE-023") from None
        raise
