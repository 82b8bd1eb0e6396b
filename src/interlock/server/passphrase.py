"""The people's passphrase: kept as scrypt, compared in constant time, slowed down after
failures."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from interlock.errors import AuthError, InvalidInputError, NotFoundError
from interlock.ports.clock import Clock

__all__ = ["Passphrase", "set_passphrase"]

_N, _R, _P = 2**15, 8, 1
_MEMORY = 64 << 20
_SHORTEST = 8
_MAX_FAILURES = 5
_PAUSE_S = 30.0


def _derive(passphrase: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        passphrase.encode(), salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY, dklen=32
    )


def set_passphrase(path: Path, passphrase: str) -> None:
    """Keep a new passphrase's scrypt in a file that only its owner can read.

    Raises:
        InvalidInputError: it has fewer than 8 characters.
    """
    if len(passphrase) < _SHORTEST:
        raise InvalidInputError(
            f"the passphrase has fewer than {_SHORTEST} characters",
            code="IL-PAS-001",
            remedy="interlock init --passphrase-file FILE",
        )
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
    """Checks what a person typed against the file."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    def check(self, passphrase: str) -> None:
        """Return if it is the one.

        Raises:
            NotFoundError: none was ever set.
            AuthError: it is wrong, or too many wrong ones came before.
        """
        now = self._clock.monotonic()
        if now < self._until:
            raise AuthError(
                "too many wrong passphrases; try again in half a minute", code="IL-PAS-003"
            )
        try:
            record = json.loads(self._path.read_text())
        except FileNotFoundError:
            raise NotFoundError(
                "no passphrase was set", code="IL-PAS-004", remedy="interlock init"
            ) from None
        key = _derive(passphrase, bytes.fromhex(record["salt"]))
        if hmac.compare_digest(key, bytes.fromhex(record["key"])):
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            self._failures, self._until = 0, now + _PAUSE_S
        raise AuthError(
            "the passphrase is wrong",
            code="IL-PAS-002",
            remedy="Use the passphrase that interlock init was given.",
        )
