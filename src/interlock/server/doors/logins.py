"""Logins over the network: tokens that a passphrase was given for, kept as digests and for half a
day."""

from __future__ import annotations

import hashlib
import secrets

from interlock.ports.clock import Clock

__all__ = ["LIFETIME_S", "Logins"]

LIFETIME_S = 12 * 3600
_MOST = 64


class Logins:
    """In memory: a server that starts again asks again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until: dict[bytes, tuple[str, float]] = {}

    def add(self, name: str) -> str:
        """A new token for a person; the oldest one goes when there are too many."""
        token = secrets.token_urlsafe(32)
        if len(self._until) >= _MOST:
            del self._until[next(iter(self._until))]
        self._until[_digest(token)] = (name, self._clock.monotonic() + LIFETIME_S)
        return token

    def whose(self, token: str) -> str:
        """The person whom the token was given to; empty if it was not, or is too old."""
        # Looked up by digest: how long it takes says nothing about the token.
        name, until = self._until.get(_digest(token), ("", 0.0))
        return name if until > self._clock.monotonic() else ""

    def drop(self, token: str) -> None:
        """Forget a token; quiet if it is not known."""
        self._until.pop(_digest(token), None)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
