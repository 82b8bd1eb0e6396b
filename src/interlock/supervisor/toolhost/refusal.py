"""Why an operation did not happen, as a short stable word and a sentence."""

from __future__ import annotations

import errno
import os

__all__ = ["Refusal", "from_os_error"]


class Refusal(Exception):
    """An operation that was understood and not done.

    Args:
        kind: an ``errno`` name (``ENOENT``) or one of ``busy``, ``conflict``, ``frozen``,
            ``internal``, ``invalid``, ``mismatch``, ``not_regular``, ``not_reverted``,
            ``timed_out``, ``too_large``, ``unknown_handle``, ``unknown_op``, ``unstable``.
        message: what happened, for a person.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def from_os_error(error: OSError) -> Refusal:
    """The kernel's refusal in this form; file names are shown as they are known inside."""
    number = error.errno or 0
    kind = errno.errorcode.get(number, "EIO")
    reason = os.strerror(number) if number else str(error)
    name = error.filename
    if isinstance(name, bytes):
        name = name.decode("utf-8", "backslashreplace")
    return Refusal(kind, f"{name}: {reason}" if isinstance(name, str) else reason)
