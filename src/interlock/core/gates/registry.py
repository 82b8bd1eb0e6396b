"""Every check by name: the one list that the loader, the gates, prompts and pages read.

Further kinds come from other distributions (``definition.check_plugins``), once, before anything
is loaded or decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from interlock.core.gates import comments, coverage, green, kinds, new_tests, plan, red, review
from interlock.core.gates.kind import CheckKind

__all__ = ["CHECKS", "add", "remove"]

_BUILT_IN = (
    *plan.KINDS,
    *red.KINDS,
    *new_tests.KINDS,
    *green.KINDS,
    *coverage.KINDS,
    *comments.KINDS,
    *review.KINDS,
    *kinds.KINDS,
)

_kinds: dict[str, CheckKind] = {kind.name: kind for kind in _BUILT_IN}

CHECKS: Mapping[str, CheckKind] = MappingProxyType(_kinds)
"""Name → kind."""


def add(kinds: Iterable[CheckKind]) -> None:
    """Take in kinds whose names are free; who calls it has tried them."""
    for kind in kinds:
        if kind.name in _kinds:
            raise ValueError(f"there is a check {kind.name} already")
        _kinds[kind.name] = kind


def remove(kinds: Iterable[CheckKind]) -> None:
    """Forget kinds that were added."""
    for kind in kinds:
        del _kinds[kind.name]
