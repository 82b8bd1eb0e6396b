"""What a check kind is: a name, the facts it wants measured, and a pure function over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from interlock.core.facts import GateFacts
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome, Reason

__all__ = ["CheckKind", "Examples", "Needs", "result"]


class Needs(StrEnum):
    """Measurements that have to be made before a check can say anything."""

    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """One input that a check passes and one that it fails.

    Args:
        params: the check's own parameters for both.
    """

    passes: GateFacts
    fails: GateFacts
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKind:
    """One kind of check.

    Args:
        name: as written in the workflow file.
        evaluate: pure; gets the check as written and the facts.
        examples: what shows that the check can tell one thing from another.
        needs: measurements that the server makes first.
    """

    name: str
    evaluate: Callable[[CheckSpec, GateFacts], CheckResult]
    examples: Examples
    needs: frozenset[Needs] = frozenset()


def result(
    spec: CheckSpec,
    outcome: Outcome,
    message: str,
    *,
    remedy: str = "",
    facts: Mapping[str, Any] | None = None,
) -> CheckResult:
    """A check's result with the reason that every surface shows."""
    said = message if outcome.lets_through or not spec.message else f"{spec.message}: {message}"
    return CheckResult(
        check=spec.check,
        outcome=outcome,
        severity=spec.severity,
        reason=Reason(
            rule=spec.check,
            message=said,
            remedy=remedy,
            position=spec.position,
            facts=dict(facts or {}),
            finding=message,
        ),
    )
