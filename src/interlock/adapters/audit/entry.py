"""An entry as the bytes of its record: secrets out, long texts cut to a digest and their beginning.

Whatever an agent sent can be recorded: nothing in here may fail on a value, else a call could hide
behind an argument that the log chokes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from interlock.adapters.audit.redact import is_secret_name, may_hold_secret, redact
from interlock.ports.audit import AuditEntry, Kind, OpenIntent

__all__ = ["encode", "intent", "name"]

_FIELD_BYTES: Final = 8 * 1024
_TEXT: Final = 2048  # characters of one string
_NAME: Final = 256  # characters of a name or id
_WINDOW: Final = 4096  # characters looked at for secrets, so that none is cut in half unseen
_HEAD: Final = 512
_DEPTH: Final = 16
_INTEGERS: Final = range(-(2**63), 2**64)
_SCALARS: Final = frozenset({str, float, bool, type(None)})
_FREE: Final = ("args", "decision", "result")  # fields that hold whatever was sent


class _Fields(msgspec.Struct):
    """The record's fields in their order; ``kind`` and ``seq`` go before, the seal after."""

    timestamp: int
    agent_id: str
    session_id: str
    task_id: str
    phase: str
    tool: str
    args: Any
    decision: Any
    result: Any
    duration: float | None
    call_id: str
    level: str


_encoder = msgspec.json.Encoder()


def encode(entry: AuditEntry, timestamp: int) -> bytes:
    """The inside of the record's JSON object, without braces.

    Args:
        timestamp: UTC in microseconds.
    """
    fields = _Fields(
        timestamp=timestamp,
        agent_id=name(entry.agent_id),
        session_id=name(entry.session_id),
        task_id=name(entry.task_id),
        phase=name(entry.phase),
        tool=name(entry.tool),
        args=entry.args,
        decision=entry.decision,
        result=entry.result,
        duration=entry.duration,
        call_id=name(entry.call_id),
        level=name(entry.level),
    )
    return (_as_it_is(fields) or _made_fit(fields))[1:-1]


def _as_it_is(fields: _Fields) -> bytes | None:
    """The record if nothing in it can have to be changed: nearly every one, in a fifth of the time.

    What is not surely harmless is left to ``_made_fit``, which gives the same for what is.
    """
    if not all(map(_is_simple, (fields.args, fields.decision, fields.result))):
        return None
    try:
        encoded = _encoder.encode(fields)
    except UnicodeEncodeError:
        return None
    # So short that no text in it is over a limit; and ASCII, so that lower case is what it seems.
    if len(encoded) > _TEXT or not encoded.isascii() or may_hold_secret(encoded):
        return None
    return encoded


def _is_simple(value: Any, depth: int = 0) -> bool:
    """Whether it is JSON of the very types that JSON has, neither deep nor with long keys."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if kind is int:
        return value in _INTEGERS
    if depth == _DEPTH:
        return False
    if kind is dict:
        return all(
            type(key) is str and len(key) <= _NAME and _is_simple(inner, depth + 1)
            for key, inner in value.items()
        )
    return kind in (list, tuple) and all(_is_simple(inner, depth + 1) for inner in value)


def _made_fit(fields: _Fields) -> bytes:
    """The record without secrets, long texts and what is no JSON."""
    for field in _FREE:
        setattr(fields, field, _plain(getattr(fields, field)))
    encoded = _encoder.encode(fields)
    if len(encoded) > _FIELD_BYTES:
        for field in _FREE:
            setattr(fields, field, _bounded(getattr(fields, field)))
        encoded = _encoder.encode(fields)
    return encoded


def intent(entry: AuditEntry, timestamp: int) -> OpenIntent | None:
    """What has to be remembered of an intent until its outcome; ``None`` for any other record."""
    if entry.kind is not Kind.INTENT:
        return None
    return OpenIntent(
        call_id=name(entry.call_id),
        seq=0,  # given when it is sealed
        timestamp=timestamp,
        agent_id=name(entry.agent_id),
        session_id=name(entry.session_id),
        task_id=name(entry.task_id),
        phase=name(entry.phase),
        tool=name(entry.tool),
    )


def name(text: str) -> str:
    """A name or id as it is recorded: bounded, and valid Unicode."""
    return _clean(text if len(text) <= _NAME else f"{text[:_NAME]}…")


def _clean(text: str) -> str:
    """The text, with surrogates spelled out: they have no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _bounded(value: Any) -> Any:
    encoded = _encoder.encode(value)
    return value if len(encoded) <= _FIELD_BYTES else _summary(encoded, encoded.decode())


def _summary(data: bytes, text: str) -> dict[str, Any]:
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "head": redact(text[:_WINDOW])[:_HEAD],
    }


def _plain(value: Any, depth: int = 0) -> Any:
    """The value as bounded JSON without secrets."""
    match value:
        case str():
            text = _clean(value)
            return redact(text) if len(text) <= _TEXT else _summary(text.encode(), text)
        case None | bool() | float():
            return value
        case int():
            return value if value in _INTEGERS else str(value)[:_NAME]
        case bytes():
            return {"sha256": hashlib.sha256(value).hexdigest(), "bytes": len(value)}
        case _ if depth == _DEPTH:
            return f"[deeper than {_DEPTH}]"
        case dict() | Mapping():
            return {
                redact(name(str(key))): _field(str(key), inner, depth + 1)
                for key, inner in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [_plain(inner, depth + 1) for inner in value]
        case _:
            return _plain(_opened(value), depth + 1)


def _opened(value: Any) -> Any:
    """A dataclass or the like as a dictionary, anything else as the name of its type."""
    try:
        return msgspec.to_builtins(value, enc_hook=_type_name)
    except (TypeError, ValueError, RecursionError):
        return _type_name(value)


def _type_name(value: Any) -> str:
    return f"[{type(value).__name__}]"


def _field(key: str, value: Any, depth: int) -> Any:
    if is_secret_name(key) and value is not None and not isinstance(value, bool):
        return "[redacted:field]"
    return _plain(value, depth)
