"""Idempotency keys: under its key a request is the same command however often it comes, and another
request under the same key is refused.

Whoever remembers an answer remembers what it was the answer to: the store for commands, the
toolhost for calls inside a session. Here is the one place that compares for both.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

import msgspec
from starlette.requests import Request

from interlock.engine.ledger import Ledger
from interlock.errors import ConflictError, UsageError

__all__ = ["Keys"]

LONGEST = 200
"""Characters of a key."""

_KEPT = 16_384
_SECRETS = ("passphrase", "phase_token")
"""Fields that say who asks and not what is asked; no digest of them is kept anywhere."""


class Keys:
    """What each key was first used for.

    Args:
        ledger: its store keeps what the keys of commands were used for, as long as the commands.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # Ordered by last use; a plain dictionary is slow to give up its oldest entry.
        self._known: OrderedDict[bytes, bytes] = OrderedDict()

    def of_call(self, request: Request, sender: str, body: msgspec.Struct) -> str:
        """The key of a tool call; empty if it has none. Remembered as long as this server lives.

        Raises:
            UsageError: it is longer than 200 characters.
            ConflictError: it was used for another request.
        """
        if not (key := _key(request)):
            return ""
        name, asked = _name(sender, key), _asked(request, body)
        before = self._known.setdefault(name, asked)
        self._known.move_to_end(name)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return _same(key, before, asked)

    async def of_command(self, request: Request, sender: str, body: msgspec.Struct) -> str:
        """The same for a command, remembered by the store: the next server refuses as well."""
        if not (key := _key(request)):
            return ""
        name, asked = f"key:{_name(sender, key).hex()}", _asked(request, body)
        store = self._ledger.store

        def first() -> str:
            # On the store's one thread: of two at once one is the first.
            if (before := store.setting(name)) is None:
                store.set_setting(name, asked.hex())
            return before or asked.hex()

        return _same(key, bytes.fromhex(await self._ledger.run(first)), asked)


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if len(key) > LONGEST:
        raise UsageError(
            f"the Idempotency-Key is over {LONGEST} characters",
            code="IL-DOR-012",
            remedy="Send a UUID.",
        )
    return key


def _name(sender: str, key: str) -> bytes:
    return _digest(f"{sender}\0{key}".encode("utf-8", "surrogatepass"))


def _asked(request: Request, body: msgspec.Struct) -> bytes:
    fields = [getattr(body, name) for name in body.__struct_fields__ if name not in _SECRETS]
    return _digest(
        f"{request.method} {request.scope['path']}\0".encode() + msgspec.json.encode(fields)
    )


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:16]


def _same(key: str, before: bytes, asked: bytes) -> str:
    """The key, if it still stands for the same request."""
    if before != asked:
        raise ConflictError(
            f"the Idempotency-Key {key!r} was used for another request",
            code="IL-DOR-015",
            remedy="Send a new key with a new request, and the same one only to repeat it.",
        )
    return key
