"""A recipe as people look at it before they trust it: all of it, and where each part comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.cli.output import clean

__all__ = ["recipe_lines"]


def recipe_lines(
    recipe: Mapping[str, Any],
    *,
    why: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    secrets: Mapping[str, bool] | None = None,
    commands: Sequence[str] = (),
) -> list[str]:
    """Every command that is run, what runs beside the tests, and the secrets that they get.

    Args:
        recipe: the fields of ``core.model.EnvironmentSpec`` as plain values.
        why: command or key → where it comes from.
        notes: what will stand in the way.
        secrets: name → whether a value is kept for it; ``None`` if that is not known.
        commands: what the checks of the workflow run in it.
    """
    reasons = why or {}
    lines = ["Commands that build the test environment (sandboxed, package index only):"]
    for command in recipe["setup"]:
        lines.append(f"    {clean(command)}")
        lines += _reason(reasons.get(command, ""), "        ")
    for key in ("runner", "python", "directory"):
        if recipe.get(key):
            because = f"  ({clean(reasons[key])})" if reasons.get(key) else ""
            lines.append(f"{key}: {clean(recipe[key])}{because}")
    if recipe["lockfiles"]:
        lines.append(
            f"built anew when one of these changes: {clean(', '.join(recipe['lockfiles']))}"
        )
    for service in recipe.get("services", ()):
        port = f" on port {service['port']}" if service["port"] else ""
        lines.append(f"service {clean(service['name'])}{port}, beside the tests of each run:")
        lines.append(f"    {clean(service['command'])}")
        if service["ready"]:
            lines.append(f"    ready when: {clean(service['ready'])}")
    for name in recipe.get("secrets", ()):
        lines.append(f"secret {clean(name)}, given to the tests{_state(name, secrets)}")
    if commands:
        lines.append("Commands that checks run in it (sandboxed, no network):")
        lines += [f"    {clean(command)}" for command in commands]
    lines += [f"! {clean(note)}" for note in notes]
    return lines


def _reason(reason: str, indent: str) -> list[str]:
    return [f"{indent}# {clean(reason)}"] if reason else []


def _state(name: str, secrets: Mapping[str, bool] | None) -> str:
    if secrets is None or secrets.get(name):
        return ""
    return f": no value yet → interlock secret set {clean(name)}"
