"""Placeholders of a script: ``${now}``, ``${tree}``, ``${saved.NAME.key}`` and a few more.

A text that is nothing but one placeholder becomes the value with its type; inside other text it
becomes words. What is no placeholder of ours (``${HOME}`` in shell text) stays as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from interlock.errors import InvalidInputError

__all__ = ["filled"]

_NAME = r"now|tree|phase|role|token|task_id|workdir|saved\.[A-Za-z0-9_.-]+"
_PLACEHOLDER = re.compile(rf"\$\{{({_NAME})\}}")


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    """``value`` with every placeholder replaced.

    Args:
        value: plain JSON.
        known: name → value; ``saved`` is a mapping of results.

    Raises:
        InvalidInputError: nothing of that name was saved.
    """
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole:
            return _find(whole[1], known)
        return _PLACEHOLDER.sub(lambda match: _as_text(_find(match[1], known)), value)
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    return value


def _find(name: str, known: Mapping[str, Any]) -> Any:
    found: Any = known
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise InvalidInputError(
                f"${{{name}}} stands for nothing: {part!r} is not there",
                code="IL-SCR-001",
                remedy="Save a step's result with save: NAME before it is used.",
            )
        found = found[part]
    return found


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
