"""What a check kind is: a name, the settings that it takes, what has to be measured for it, and a
pure function over the facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import NOTHING, Plan, Settings
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome, Reason

__all__ = ["NO_SETTINGS", "CheckKind", "Examples", "Needs", "result", "settings"]


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


def settings(*required: str, **properties: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON Schema of a check's parameters.

    Args:
        required: those that have to be there.
        properties: name → schema; ``title`` says what it must be (for "'x' must be …"),
            ``description`` what it is for, ``default`` what counts without it, and ``format`` one
            of ``definition.formats`` what a text means.
    """
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


NO_SETTINGS: Final = settings()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKind:
    """One kind of check. Everything in it is pure: what has to be run or read it only names.

    Args:
        name: as written in the workflow file.
        passes_when: the measurement, as a sentence for a person.
        evaluate: gets the check as written and the facts.
        examples: what shows that the check can tell one thing from another.
        schema: JSON Schema of its parameters, see ``settings``.
        wrong: what a schema cannot say about parameters that fit it; empty if nothing.
        plan: what has to be run or read for a check with these parameters.
        needs: measurements of tests that the server makes first.
    """

    name: str
    passes_when: str
    evaluate: Callable[[CheckSpec, GateFacts], CheckResult]
    examples: Examples
    schema: Mapping[str, Any] = field(default_factory=lambda: NO_SETTINGS)
    wrong: Callable[[Settings], str] = lambda _: ""
    plan: Callable[[Settings], Plan] = lambda _: NOTHING
    needs: frozenset[Needs] = frozenset()

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Name of each parameter → its schema."""
        found: Mapping[str, Mapping[str, Any]] = self.schema.get("properties", {})
        return found


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
