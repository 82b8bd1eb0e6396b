"""Versions that a project asks for, in everybody's notation and in poetry's."""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet

__all__ = ["is_satisfied", "plain", "python_for"]

_POETRYS = re.compile(r"([\^~]?)(\d{1,9}(?:\.\d{1,9})*)")
# Of the runner: what it is written in is understood from 3.11 on.
_VERSIONS = tuple(f"3.{minor}" for minor in range(11, 16))


def is_satisfied(requires: str, version: str) -> bool:
    """Whether a version of Python is one that a specifier allows; what cannot be read allows all.

    Args:
        requires: as in ``requires-python``; poetry's ``^3.11`` and ``~3.11`` are understood.
        version: ``3.12``, or with its patch ``3.12.1``.
    """
    try:
        allowed = SpecifierSet(plain(requires))
    except InvalidSpecifier:
        return True
    # Of a minor version alone the newest patch counts, so that >=3.11.4 allows 3.11.
    full = version if version.count(".") > 1 else f"{version}.99"
    return allowed.contains(full, prereleases=True)


def plain(requires: str) -> str:
    """A specifier without what only poetry understands; empty if any version will do."""
    parts = (part.strip() for part in requires.split(","))
    return ",".join(_plain(part) for part in parts if part not in ("", "*"))


def _plain(part: str) -> str:
    if not (found := _POETRYS.fullmatch(part)):
        return part
    sign, version = found[1], found[2]
    numbers = [int(number) for number in version.split(".")]
    if not sign:
        return f"=={version}.*"
    # ^ keeps the first number that is not zero, ~ the second one if there is one.
    kept = next((i for i, n in enumerate(numbers) if n), 0) if sign == "^" else 1
    kept = min(kept, len(numbers) - 1)
    after = ".".join(str(n) for n in (*numbers[:kept], numbers[kept] + 1))
    return f">={version},<{after}"


def python_for(requires: str, ours: str) -> str:
    """The version to ask for: none if ours will do, else the nearest that the project allows."""
    if not requires or is_satisfied(requires, ours):
        return ""
    return next((version for version in _VERSIONS if is_satisfied(requires, version)), "")
