"""A directory of bytes by digest: ``blobs/<sha256>``, written once, checked on every read."""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path
from typing import Final

from interlock.adapters.durable import make_private_directory, replace_file, sync_directory
from interlock.errors import IntegrityError, NotFoundError, UnavailableError

__all__ = ["BlobDirectory"]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_UNFINISHED: Final = ".unfinished-"


class BlobDirectory:
    """Content-addressed files that only the server's user can read.

    Args:
        path: the directory; created if need be. What a killed process left half-written is removed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        make_private_directory(path)
        for leftover in path.glob(f"{_UNFINISHED}*"):
            leftover.unlink()

    def put(self, data: bytes) -> str:
        """Keep bytes, durable on return; returns their sha256 in hex.

        Raises:
            UnavailableError: the disk does not take them (``IL-STO-030``).
        """
        digest = hashlib.sha256(data).hexdigest()
        target = self._path / digest
        try:
            if target.is_file() and target.read_bytes() == data:
                # Perhaps another thread renamed it a moment ago and has not synced the name yet.
                sync_directory(self._path)
            else:
                temporary = self._path / f"{_UNFINISHED}{secrets.token_hex(8)}"
                replace_file(target, data, temporary=temporary, family="blob")
        except OSError as problem:
            raise UnavailableError(
                f"a blob of {len(data)} bytes could not be written: {problem.strerror}",
                code="IL-STO-030",
                remedy=f"make room below {self._path}",
            ) from problem
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of a digest.

        Raises:
            NotFoundError: there are none (``IL-STO-031``).
            IntegrityError: they do not have that digest (``IL-STO-032``).
        """
        # The digest becomes a file name: nothing else may.
        if not _DIGEST.fullmatch(digest):
            raise _missing(digest)
        try:
            data = (self._path / digest).read_bytes()
        except FileNotFoundError:
            raise _missing(digest) from None
        if hashlib.sha256(data).hexdigest() != digest:
            raise IntegrityError(
                f"blob {digest} is damaged",
                code="IL-STO-032",
                remedy="restore the state directory from a backup",
            )
        return data


def _missing(digest: str) -> NotFoundError:
    return NotFoundError(f"no blob {digest[:64]!r}", code="IL-STO-031")
