"""The shape of a script, checked before anything runs: a typo is an error, not a step that is left
out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from interlock.errors import InvalidInputError

__all__ = ["KINDS", "check_script", "kind_of"]

_COMMON = frozenset({"save", "expect"})

KINDS: Mapping[str, frozenset[str]] = {
    "tool": frozenset({"args"}),
    "check": frozenset({"args"}),
    "native": frozenset({"seconds"}),
    "python": frozenset({"seconds"}),
    "artifact": frozenset({"content"}),
    "transition": frozenset({"artifacts", "wait", "on_blocked"}),
    "await": frozenset({"wait", "on_blocked"}),
    "http": frozenset(),
    "say": frozenset(),
}
"""Kind of step → keys that it takes beside ``save`` and ``expect``."""

EXPECTATIONS: Mapping[str, frozenset[str]] = {
    "tool": frozenset({"allowed", "denied", "error", "any"}),
    "check": frozenset({"allowed", "denied", "error", "any"}),
    "native": frozenset({"ok", "fails", "any"}),
    "python": frozenset({"ok", "fails", "any"}),
    "artifact": frozenset({"allowed", "denied", "error", "any"}),
    "transition": frozenset({"allowed", "blocked", "pending", "error", "any"}),
    "await": frozenset({"allowed", "blocked", "pending", "error", "any"}),
}

_ANY = frozenset({"any"})
_HTTP = frozenset({"method", "path", "body", "token", "headers", "url", "seconds"})
_RULE = frozenset({"id", "pattern", "where", "paths", "severity", "blocking", "message"})
_RULE_NEEDS = frozenset({"id", "pattern", "message"})
_TOP = frozenset({"name", "description", "phases", "review"})


def kind_of(step: Mapping[str, Any]) -> str:
    """The one kind that a step is of.

    Raises:
        InvalidInputError: none, or several.
    """
    kinds = [kind for kind in KINDS if kind in step]
    if len(kinds) != 1:
        raise _wrong(f"a step is one of {', '.join(KINDS)}; this one has {sorted(step)}")
    return kinds[0]


def check_script(script: Any) -> dict[str, Any]:
    """The script, if it is one.

    Raises:
        InvalidInputError: a key, kind or expectation is unknown; the message says where.
    """
    if not isinstance(script, dict):
        raise _wrong("a script is a mapping with phases or review")
    if unknown := set(script) - _TOP:
        raise _wrong(f"unknown key {sorted(unknown)[0]!r}; known are {', '.join(sorted(_TOP))}")
    if not ({"phases", "review"} & set(script)):
        raise _wrong("a script has phases or review")
    for phase, steps in (script.get("phases") or {}).items():
        for where, step in _walk(steps, str(phase)):
            _check_step(step, where)
    for rule in (script.get("review") or {}).get("rules") or ():
        unknown = set(rule) - _RULE
        missing = _RULE_NEEDS - set(rule)
        if unknown or missing:
            what = f"unknown {sorted(unknown)}" if unknown else f"lacks {sorted(missing)}"
            raise _wrong(f"review rule {rule.get('id', '?')}: {what}")
    return script


def _walk(steps: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(steps, list):
        raise _wrong(f"{where}: steps are a list")
    for number, step in enumerate(steps, 1):
        here = f"{where}/{number}"
        if not isinstance(step, dict):
            raise _wrong(f"{here}: a step is a mapping")
        yield here, step
        if "on_blocked" in step:
            yield from _walk(step["on_blocked"], here)


def _check_step(step: Mapping[str, Any], where: str) -> None:
    kind = kind_of(step)
    if unknown := set(step) - {kind} - KINDS[kind] - _COMMON:
        raise _wrong(f"{where}: {kind} knows no {sorted(unknown)[0]!r}")
    if kind == "http":
        if not isinstance(step["http"], dict) or set(step["http"]) - _HTTP:
            raise _wrong(f"{where}: http takes {', '.join(sorted(_HTTP))}")
    elif not set(_listed(step.get("expect", "any"))) <= (ends := EXPECTATIONS.get(kind, _ANY)):
        raise _wrong(f"{where}: {kind} ends {', '.join(sorted(ends))}")


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="IL-SCR-002", remedy="Correct the script.")
