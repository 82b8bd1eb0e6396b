"""Exceptions as plain values: what they are, what they say, which names they miss."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from .origin import is_of_a_value, place_of

__all__ = ["describe"]

_TEXT = 1000
_CANNOT_IMPORT = re.compile(r"cannot import name '(\w+)' from (?:partially [\w ]+)?'([\w.]+)'")
_CHAIN = 8


def describe(
    error: BaseException,
    root: str,
    *,
    failed: tuple[type[BaseException], ...] = (AssertionError,),
) -> dict[str, Any]:
    """An exception as plain values.

    ``names`` are the dotted names that it says do not exist (``*.name`` if it does not say where),
    ``chain`` the messages of what it was raised from, ``place`` the file of the tree that raised
    it, or that has the function whose arguments were refused, ``of_value`` whether an operation on
    a value failed there, ``attribute`` what an object (no module) does not have.

    Args:
        root: directory of the tree.
        failed: what assertions raise.
    """
    return {
        "type": type(error).__name__,
        "message": _message(error),
        "assertion": _is_assertion(error, failed),
        "chain": list(_chain(error)),
        "names": list(_missing(error)),
        "place": place_of(error, root),
        "of_value": is_of_a_value(error, root),
        "attribute": _attribute(error),
    }


def _message(error: BaseException) -> str:
    try:
        return str(error)[:_TEXT]
    except Exception as broken:
        return f"<no message: {type(broken).__name__}>"


def _is_assertion(error: BaseException, failed: tuple[type[BaseException], ...]) -> bool:
    if isinstance(error, failed):
        return True
    return isinstance(error, BaseExceptionGroup) and all(
        _is_assertion(inner, failed) for inner in error.exceptions
    )


def _chain(error: BaseException) -> Iterator[str]:
    at: BaseException | None = error
    for _ in range(_CHAIN):
        if at is None:
            return
        yield _message(at)
        at = at.__cause__ or at.__context__


def _attribute(error: BaseException) -> str:
    match error:
        case AttributeError(name=str(name), obj=owner) if not isinstance(owner, ModuleType):
            return name
    return ""


def _missing(error: BaseException) -> Iterator[str]:
    name = getattr(error, "name", None)
    match error:
        case ModuleNotFoundError():
            yield str(name)
        case ImportError() if found := _CANNOT_IMPORT.search(_message(error)):
            yield f"{found[2]}.{found[1]}"
        case AttributeError() if name:
            owner = getattr(error, "obj", None)
            if isinstance(owner, ModuleType):
                yield f"{owner.__name__}.{name}"
            else:
                kind = owner if isinstance(owner, type) else type(owner)
                for base in kind.__mro__:
                    yield f"{base.__module__}.{base.__qualname__}.{name}"
        case NameError() if name:
            yield f"*.{name}"
