"""``environment``: how the judge's environment is built."""

from __future__ import annotations

import json

from interlock.core.model import EnvironmentSpec
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields

__all__ = ["read_environment", "render_environment"]


def read_environment(root: Fields, findings: Findings) -> EnvironmentSpec | None:
    """The recipe; ``None`` when the file has none, and gates that run code are undetermined."""
    entry = root.entry("environment")
    if entry is None:
        return None
    keys = ("setup", "lockfiles", "runner")
    fields = Fields(entry.value, "environment", "'environment'", keys, findings)
    lockfiles = fields.texts("lockfiles")
    for item in lockfiles:
        parts = item.value.split("/")
        if not item.value.isprintable() or any(part in ("", ".", "..") for part in parts):
            message = f"'{item.value}' is no path of a file below the tree's root"
            findings.error(Code.BAD_PATTERN, message, item)
    return EnvironmentSpec(
        setup=tuple(item.value for item in fields.texts("setup")),
        lockfiles=tuple(dict.fromkeys(item.value for item in lockfiles)),
        runner=fields.choice("runner", ("pytest",), "pytest", what="test runner"),
        position=fields.position,
    )


def render_environment(environment: EnvironmentSpec) -> str:
    """The section as YAML text, ready to stand at the end of a workflow file."""
    # A JSON string is a YAML string, whatever is in it.
    lines = [
        "# What the tests run in: commands of the judge in a copy of the base revision, with",
        "# network, that fill /env. Nothing of the agent's is in it. Trust it before it runs.",
        "environment:",
        f"  runner: {environment.runner}",
    ]
    for key, values in (("setup", environment.setup), ("lockfiles", environment.lockfiles)):
        if values:
            lines.append(f"  {key}:")
            lines.extend(f"    - {json.dumps(value, ensure_ascii=False)}" for value in values)
        else:
            lines.append(f"  {key}: []")
    return "\n".join(lines) + "\n"
