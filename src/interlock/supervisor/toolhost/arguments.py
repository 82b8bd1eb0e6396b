"""Arguments as they came over the wire against the annotations of the function they are for."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, cast, get_args, get_origin, get_type_hints

from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Signature"]


class Signature:
    """What a method takes by name; its annotations are the only place where that is written.

    A parameter ``body`` gets the raw bytes of the message.
    """

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        self._hints = get_type_hints(method)
        self._hints.pop("return", None)
        self._takes_body = self._hints.pop("body", None) is not None
        function = cast(types.FunctionType, cast(types.MethodType, method).__func__)
        optional = len(function.__defaults__ or ())
        positional = function.__code__.co_varnames[: function.__code__.co_argcount]
        with_default = {*positional[len(positional) - optional :], *(function.__kwdefaults__ or {})}
        self._required = self._hints.keys() - with_default

    def call(self, given: dict[str, Any], body: bytes) -> Any:
        """Call the method if name and type of everything given fit.

        Raises:
            Refusal: ``invalid``, or whatever the method refuses.
        """
        if missing := self._required - given.keys():
            raise Refusal("invalid", f"missing argument {', '.join(sorted(missing))}")
        for name, value in given.items():
            if name not in self._hints:
                raise Refusal("invalid", f"unknown argument {name}")
            if not _fits(value, self._hints[name]):
                raise Refusal("invalid", f"argument {name} is of the wrong type")
        if self._takes_body:
            return self._method(**given, body=body)
        if body:
            raise Refusal("invalid", "this operation takes no body")
        return self._method(**given)


def _fits(value: object, hint: Any) -> bool:
    """Whether a JSON value is of a type; a bool is no number, a whole number is also a float."""
    if hint is Any:
        return True
    parts = get_args(hint)
    match get_origin(hint):
        case types.UnionType:
            return any(_fits(value, part) for part in parts)
        case origin if origin is list:
            return type(value) is list and all(_fits(item, parts[0]) for item in value)
        case origin if origin is dict:
            return type(value) is dict and all(
                _fits(key, parts[0]) and _fits(item, parts[1]) for key, item in value.items()
            )
        case _:
            return type(value) is hint or (hint is float and type(value) is int)
