"""A decision as plain JSON: the one record that API, CLI and agents render."""

from __future__ import annotations

from typing import Any

from interlock.core.reasons import CheckResult, GateResult, Reason, ToolDecision

__all__ = ["render", "render_gate", "render_tool"]


def render(reason: Reason) -> dict[str, Any]:
    """A reason: rule, message, remedy, the line that decided, the facts looked at."""
    return {
        "rule": reason.rule,
        "message": reason.message,
        "remedy": reason.remedy,
        "position": str(reason.position) if reason.position else "",
        "facts": dict(reason.facts),
    }


def _check(check: CheckResult) -> dict[str, Any]:
    return {
        "check": check.check,
        "outcome": check.outcome.value,
        "severity": check.severity.value,
        **render(check.reason),
    }


def render_gate(gate: GateResult) -> dict[str, Any]:
    """A gate as a tree: gate → checks → facts, with the minimal missing set."""
    return {
        "gate": gate.gate,
        "status": gate.status.value,
        "checks": [_check(check) for check in gate.checks],
        "blockers": [render(reason) for reason in gate.blockers],
    }


def render_tool(decision: ToolDecision) -> dict[str, Any]:
    """A tool decision with every reason that matched; the first one decided."""
    return {
        "allowed": decision.allowed,
        "tool": decision.tool,
        "reasons": [render(reason) for reason in decision.reasons],
    }
