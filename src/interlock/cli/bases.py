"""What people are told of a task's base: how its suite does before anybody changed anything."""

from __future__ import annotations

from typing import Any

from interlock.cli.output import clean

__all__ = ["told"]

_NAMED = 5


def told(base: dict[str, Any] | None) -> list[str]:
    """One line for each thing worth knowing; none before it was measured."""
    if base is None:
        return []
    lines = []
    if base["problem"]:
        lines.append(f"the base's suite is not whole: {clean(base['problem'])}")
    if base["failing"]:
        count = f"{base['failing_count']} of {base['tests']}"
        lines.append(f"{count} fail on the base already: {_names(base, 'failing')}")
    if base["flaky"]:
        names = _names(base, "flaky")
        lines.append(f"{base['flaky_count']} flaky, two runs of the base differ in them: {names}")
    return lines or [f"{base['tests']} tests of the base ran twice alike, and none fails"]


def _names(base: dict[str, Any], kind: str) -> str:
    names = [clean(name) for name in base[kind][:_NAMED]]
    more = base[f"{kind}_count"] - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
