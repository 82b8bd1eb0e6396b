"""People's passphrases: kept as scrypt, compared in constant time, slowed down after failures.

There is the owner, whose passphrase ``init`` asked for, and whoever the owner gave a name.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import os
import re
import secrets
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from interlock.errors import AuthError, InvalidInputError, NotFoundError
from interlock.ports.clock import Clock

__all__ = ["OWNER", "Passphrase", "check_name", "check_passphrase", "file_of", "set_passphrase"]

OWNER = "owner"
"""Who set the house up; also who comes by the Unix socket."""

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")

_N, _R, _P = 2**15, 8, 1
_MEMORY = 64 << 20
_SHORTEST = 8
_MAX_FAILURES = 5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 30.0, 900.0


def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        passphrase.encode("utf-8", "surrogatepass"),
        salt=salt,
        n=_N,
        r=_R,
        p=_P,
        maxmem=_MEMORY,
        dklen=32,
    )


def check_passphrase(passphrase: str) -> None:
    """Refuse one that is too short to be one.

    Raises:
        InvalidInputError: it has fewer than 8 characters.
    """
    if len(passphrase) < _SHORTEST:
        raise InvalidInputError(
            f"the passphrase has fewer than {_SHORTEST} characters",
            code="IL-PAS-001",
            remedy="interlock init --passphrase-file FILE",
        )


def check_name(name: str) -> None:
    """Refuse what is no name of another person.

    Raises:
        InvalidInputError: it is the owner's, or not made of small letters, digits and ``._-``.
    """
    if name == OWNER or not _NAME.fullmatch(name):
        raise InvalidInputError(
            f"{name!r} is no name for a person",
            code="IL-PAS-005",
            remedy="Use up to 32 small letters, digits, dots, dashes; not owner.",
        )


def file_of(owners: Path, name: str) -> Path:
    """Where a person's passphrase is kept.

    Args:
        owners: the owner's file; the others' lie in a directory beside it.
        name: ``OWNER``, or one that ``check_name`` takes.
    """
    return owners if name == OWNER else owners.parent / "people" / f"{name}.json"


def set_passphrase(path: Path, passphrase: str) -> None:
    """Keep a new passphrase's scrypt in a file that only its owner can read.

    Raises:
        InvalidInputError: see ``check_passphrase``.
    """
    check_passphrase(passphrase)
    salt = secrets.token_bytes(16)
    record = {"salt": salt.hex(), "key": _derive(passphrase, salt).hex()}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class Passphrase:
    """Checks what a person typed against the file.

    Wrong ones are counted by where they came from: who guesses from elsewhere does not lock the
    owner out.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._sources: defaultdict[str, _Source] = defaultdict(_Source)

    async def check(self, passphrase: str, source: str, name: str = OWNER) -> None:
        """Return if it is that person's.

        One at a time for each source, off the loop: the derivation takes a tenth of a second and
        32 MiB on purpose.

        Args:
            source: where it came from: ``owner`` (the Unix socket) or ``network``.
            name: whose it has to be.

        Raises:
            NotFoundError: the owner never set one.
            AuthError: it is wrong or nobody has that name (``IL-PAS-002``), or too many wrong ones
                came before (``IL-PAS-003``).
        """
        from_there = self._sources[source]
        self._refuse_paused(from_there)
        if from_there.waiting >= _MAX_FAILURES:
            raise AuthError(
                "too many passphrases at once", code="IL-PAS-003", remedy="Try one after the other."
            )
        from_there.waiting += 1
        try:
            async with from_there.turn:
                self._refuse_paused(from_there)
                is_right = await asyncio.to_thread(self._is_right, passphrase, name)
        finally:
            from_there.waiting -= 1
        if is_right:
            from_there.failures = 0
            return
        from_there.failures += 1
        if (over := from_there.failures - _MAX_FAILURES) >= 0:
            pause = min(_FIRST_PAUSE_S * 2**over, _LONGEST_PAUSE_S)
            from_there.until = self._clock.monotonic() + pause
        raise AuthError(
            "the passphrase is wrong",
            code="IL-PAS-002",
            remedy="Use the passphrase that interlock init, or interlock person add, was given.",
        )

    def _refuse_paused(self, source: _Source) -> None:
        left = source.until - self._clock.monotonic()
        if left > 0:
            raise AuthError(
                f"too many wrong passphrases; the next one is looked at in {math.ceil(left)} s",
                code="IL-PAS-003",
                remedy=f"sleep {math.ceil(left)}",
                context={"seconds": math.ceil(left)},
            )

    def _is_right(self, passphrase: str, name: str) -> bool:
        is_name = name == OWNER or _NAME.fullmatch(name) is not None
        try:
            record = json.loads(file_of(self._path, name if is_name else "-").read_text())
        except FileNotFoundError:
            if name == OWNER:
                raise NotFoundError(
                    "no passphrase was set", code="IL-PAS-004", remedy="interlock init"
                ) from None
            # As long as for a name that there is: who asks does not learn which there are.
            _derive(passphrase, bytes(16))
            return False
        key = _derive(passphrase, bytes.fromhex(record["salt"]))
        return hmac.compare_digest(key, bytes.fromhex(record["key"]))


@dataclass(slots=True)
class _Source:
    """Failures since the last right one, and who waits for the next look."""

    failures: int = 0
    until: float = 0.0
    waiting: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
