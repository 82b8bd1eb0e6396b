"""A proposed environment as a section of a workflow file: each command with where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from interlock.core.model import EnvironmentSpec

__all__ = ["render_environment"]

_HEAD = """\
# What the tests run in: commands of the judge in a copy of the base revision, with network to the
# package index alone, that fill /env. Nothing of the agent's is in it. Trust it before it runs.
environment:
"""


def render_environment(environment: EnvironmentSpec, why: Mapping[str, str] | None = None) -> str:
    """The section as YAML text, ready to stand at the end of a workflow file.

    Args:
        why: command → where it comes from, written above it.
    """
    lines = [f"  runner: {environment.runner}"]
    for key, value in (("python", environment.python), ("directory", environment.directory)):
        if value:
            lines.append(f"  {key}: {_text(value)}")
    lines += _listed("setup", environment.setup, why or {})
    lines += _listed("lockfiles", environment.lockfiles, {})
    return _HEAD + "\n".join(lines) + "\n"


def _listed(key: str, values: Iterable[str], why: Mapping[str, str]) -> list[str]:
    lines = []
    for value in values:
        if reason := why.get(value):
            lines.append(f"    # {' '.join(reason.split())}")
        lines.append(f"    - {_text(value)}")
    return [f"  {key}:", *lines] if lines else [f"  {key}: []"]


def _text(value: str) -> str:
    # A JSON string is a YAML string, whatever is in it.
    return json.dumps(value, ensure_ascii=False)
