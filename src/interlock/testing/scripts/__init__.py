"""Scripts that are shipped, by name, and scripts that build on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from interlock.errors import InvalidInputError
from interlock.testing.scripted.script import check_script

__all__ = ["extended", "load_script", "named_script"]


def named_script(name: str) -> dict[str, Any]:
    """The shipped script ``name``.

    Raises:
        InvalidInputError: there is none.
    """
    file = resources.files("interlock.testing.scripts") / f"{name}.yaml"
    if not name.isidentifier() or not file.is_file():
        raise _wrong(f"there is no script named {name!r}", "Use honest or brisk.")
    return extended(_parsed(file.read_text(encoding="utf-8"), f"{name}.yaml"))


def load_script(path: Path) -> dict[str, Any]:
    """The script in a file, with what it extends.

    Raises:
        InvalidInputError: it is no YAML, or no script.
    """
    return extended(_parsed(path.read_text(encoding="utf-8"), str(path)))


def extended(script: Any) -> dict[str, Any]:
    """A script with ``extends`` and ``until`` carried out.

    ``extends: NAME`` takes over the phases of a shipped script that this one does not have itself;
    in those that it has, the step ``inherit: N`` stands for the N-th step there, with any further
    keys in place of its own, and ``inherit: all`` for all of them. ``until: PHASE`` leaves out what
    comes after it: the task then stops there.

    Raises:
        InvalidInputError: it is no script.
    """
    if not isinstance(script, Mapping):
        raise _wrong("a script is a mapping", "Correct the file.")
    given = dict(script)
    base, until = given.pop("extends", None), given.pop("until", None)
    if base is not None:
        inherited = named_script(str(base))["phases"]
        own = given.get("phases") or {}
        order = [*inherited, *(phase for phase in own if phase not in inherited)]
        given["phases"] = {
            phase: _inherit(own[phase], inherited.get(phase, ()))
            if phase in own
            else inherited[phase]
            for phase in order
        }
    if until is not None:
        phases = given.get("phases") or {}
        if until not in phases:
            raise _wrong(f"until: {until} is none of {', '.join(phases)}", "Name a phase.")
        kept = list(phases)[: list(phases).index(until) + 1]
        given["phases"] = {phase: phases[phase] for phase in kept}
    return check_script(given)


def _inherit(steps: Sequence[Any], base: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for step in steps:
        number = step.get("inherit") if isinstance(step, Mapping) else None
        if number is None:
            found.append(step)
        elif number == "all":
            found += base
        elif isinstance(number, int) and 1 <= number <= len(base):
            own = {key: value for key, value in step.items() if key != "inherit"}
            found.append({**base[number - 1], **own})
        else:
            raise _wrong(f"inherit: {number!r} is none of 1 to {len(base)}", "Name a step.")
    return found


def _parsed(text: str, name: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _wrong(f"{name}: {error}", "Correct the file.") from error


def _wrong(message: str, remedy: str) -> InvalidInputError:
    return InvalidInputError(message, code="IL-SCR-004", remedy=remedy)
