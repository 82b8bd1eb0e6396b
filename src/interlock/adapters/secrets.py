"""Values that tests are given and nobody else: one file for each, readable by its owner alone.

Workflows name them; the values never stand in a request, a record, an argument or a log.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from interlock.adapters.durable import make_private_directory, replace_file
from interlock.errors import InvalidInputError, NotFoundError

__all__ = ["DIRECTORY", "Secrets"]

DIRECTORY = Path("keys", "secrets")
"""Where they lie in the state directory."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SHORTEST, _LONGEST = 8, 64 << 10


class Secrets:
    """Of one project.

    Args:
        directory: where they are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> list[str]:
        """Those that have a value, sorted."""
        if not self._directory.is_dir():
            return []
        return sorted(p.name for p in self._directory.iterdir() if _NAME.fullmatch(p.name))

    def is_set(self, name: str) -> bool:
        """Whether a value is kept."""
        return name in self.names()

    def set(self, name: str, value: str) -> None:
        """Keep a value.

        Raises:
            InvalidInputError: no name of a variable, or no value that could be kept out of what
                tests print: too short, too long, or with a NUL.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInputError(
                f"{name[:40]!r} is no name of a variable",
                code="IL-SEC-001",
                remedy="Use A-Z, 0-9, _.",
            )
        size = len(value.encode())
        if not _SHORTEST <= size <= _LONGEST or "\0" in value:
            raise InvalidInputError(
                f"the value of {name} has {size} bytes: a secret has from {_SHORTEST} to "
                f"{_LONGEST}, without NUL",
                code="IL-SEC-002",
                remedy="What is shorter cannot be told from other text.",
            )
        make_private_directory(self._directory)
        temporary = self._directory / f".{name}.new"
        replace_file(self._directory / name, value.encode(), temporary=temporary, family="secret")

    def remove(self, name: str) -> None:
        """Forget a value.

        Raises:
            NotFoundError: there is none.
        """
        if not self.is_set(name):
            raise NotFoundError(
                f"no value is kept for {name}", code="IL-SEC-003", remedy="interlock secret list"
            )
        (self._directory / name).unlink()

    def values(self, names: Iterable[str]) -> Mapping[str, str]:
        """The values that tests are given.

        Raises:
            InvalidInputError: one has no value, or others could read it.
        """
        return {name: self._value(name) for name in names}

    def stamp(self, names: Iterable[str]) -> str:
        """Something that changes when a value does, and says nothing of it."""
        stats = [(self._directory / name).stat() for name in names]
        return ",".join(f"{s.st_ino}.{s.st_mtime_ns}" for s in stats)

    def _value(self, name: str) -> str:
        path = self._directory / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            raise InvalidInputError(
                f"the tests are to be given the secret {name}, and no value is kept for it",
                code="IL-SEC-003",
                remedy=f"interlock secret set {name}",
            ) from None
        with open(descriptor, encoding="utf-8") as file:
            status = os.fstat(descriptor)
            if status.st_mode & 0o077 or status.st_uid != os.geteuid():
                raise InvalidInputError(
                    f"others can read {path}", code="IL-SEC-004", remedy=f"chmod 600 {path}"
                )
            return file.read()
