"""Further kinds of checks, from other distributions: entry points of the group
``interlock.checks``, each a ``CheckKind`` or several.

They are taken in once, before anything is loaded or decided, and each is tried on its examples
first. One that does not hold keeps everything from starting: a gate whose check is not what it
says is worse than none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import jsonschema_rs

from interlock.core.facts import GateFacts
from interlock.core.gates import registry
from interlock.core.gates.jobs import Plan
from interlock.core.gates.kind import CheckKind
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome
from interlock.definition.formats import FORMATS, NAMES
from interlock.definition.settings import format_of
from interlock.errors import InvalidInputError

__all__ = ["GROUP", "BrokenPluginError", "found_in", "installed", "why_not"]

GROUP: Final = "interlock.checks"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class BrokenPluginError(InvalidInputError):
    """A distribution brings a check that cannot be used."""

    default_code = "IL-PLG-001"


@functools.cache
def installed() -> tuple[CheckKind, ...]:
    """The kinds of all installed distributions, taken in now if they were not before.

    Raises:
        BrokenPluginError: one of them cannot be used; then none is taken in.
    """
    kinds = tuple(found_in(entry_points(group=GROUP)))
    registry.add(kinds)
    return kinds


def found_in(points: Iterable[EntryPoint]) -> Iterator[CheckKind]:
    """The kinds behind entry points, each tried.

    Raises:
        BrokenPluginError: one of them cannot be used.
    """
    names: dict[str, str] = dict.fromkeys(registry.CHECKS, "Interlock itself")
    for point in sorted(points, key=lambda one: (_distribution(one), one.name)):
        for kind in _loaded(point):
            if not isinstance(kind, CheckKind):
                raise _broken(point, f"{point.value} is no CheckKind")
            if kind.name in names:
                raise _broken(point, f"there is a check '{kind.name}' from {names[kind.name]}")
            if why := why_not(kind):
                raise _broken(point, f"its check '{kind.name}' {why}")
            names[kind.name] = _distribution(point)
            yield kind


def why_not(kind: CheckKind) -> str:
    """What is wrong with a kind, tried on its own examples; empty if nothing is."""
    if not _NAME.fullmatch(kind.name):
        return "has a name other than small letters, digits and _"
    if why := _schema(kind):
        return why
    if kind.examples is None:
        return "has no examples"
    spec = CheckSpec(check=kind.name, params=kind.examples.params)
    try:
        if not isinstance(kind.plan(spec.params), Plan):
            return "plans something that is no Plan"
        passed, failed = (
            _tried(kind, spec, f) for f in (kind.examples.passes, kind.examples.fails)
        )
        unmeasured = _tried(kind, spec, GateFacts())
    except Exception as error:
        return f"fails on its examples: {type(error).__name__}: {error}"
    if passed is not Outcome.PASS:
        return f"says {passed} to the example that it should pass"
    if failed.lets_through:
        return f"says {failed} to the example that it should fail"
    if unmeasured.lets_through:
        return f"says {unmeasured} where nothing was measured"
    return ""


def _tried(kind: CheckKind, spec: CheckSpec, facts: GateFacts) -> Outcome:
    first, again = kind.evaluate(spec, facts), kind.evaluate(spec, facts)
    if not isinstance(first, CheckResult):
        raise TypeError("it gives back something other than a CheckResult")
    if first != again:
        raise ValueError("it says something else the second time")
    if not first.outcome.lets_through and not first.reason.message:
        raise ValueError("it does not say why it fails")
    return first.outcome


def _schema(kind: CheckKind) -> str:
    schema = dict(kind.schema)
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
        example = getattr(kind.examples, "params", {})
        problem = next(iter(validator.iter_errors(_plain(example))), None)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        return f"has a schema that is none: {error}".splitlines()[0]
    if schema.get("type") != "object":
        return "has a schema of something other than an object"
    if reserved := {"check", "severity", "message", "when", "examples"} & kind.parameters.keys():
        return f"has a parameter {min(reserved)}, which every check has"
    if (
        unknown := {format_of(of) for of in kind.parameters.values()}
        - FORMATS.keys()
        - NAMES
        - {""}
    ):
        return f"has a parameter of the unknown format {min(unknown)}"
    return f"has an example that is not of its schema: {problem.message}" if problem else ""


def _plain(value: Any) -> Any:
    match value:
        case tuple() | list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
    return value


def _loaded(point: EntryPoint) -> Iterable[Any]:
    try:
        value = point.load()
        return tuple(value) if isinstance(value, list | tuple) else (value,)
    except (Exception, SystemExit) as error:
        raise _broken(point, f"{point.value} fails: {type(error).__name__}: {error}") from error


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown distribution"


def _broken(point: EntryPoint, why: str) -> BrokenPluginError:
    name = _distribution(point)
    return BrokenPluginError(
        f"the checks of {name} ({point.name}) cannot be used: {why}",
        remedy=f"pip uninstall {name}, or install a version of it that holds",
        context={"distribution": name, "entry_point": point.name, "why": why},
    )
