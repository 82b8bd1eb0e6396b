"""Gates that wait for verdicts of reviewers in a workflow that never asks a reviewer."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.core.gates.verdicts import roles_of
from interlock.core.model import Approver, GateSpec, GateType, PhaseSpec, Severity
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings

__all__ = ["check_verdicts"]

_ASKING = frozenset({"review_quorum"})
_READING = frozenset({"no_blocking_issues"})


def check_verdicts(phases: Sequence[PhaseSpec], spawns: bool, findings: Findings) -> None:
    """Report each gate that only a verdict opens, where none is ever asked for.

    Args:
        phases: all of them; a verdict that one phase asks for also counts in a later one.
        spawns: a phase starts sessions of its own (``auto_spawn``), which may be reviewers.
        findings: takes what is wrong.
    """
    gates = [gate for phase in phases for gate in phase.gates]
    if spawns or any(roles_of(phase) for phase in phases) or any(map(_asks, gates)):
        return
    for gate in gates:
        if gate.position and _needs_verdict(gate):
            findings.error(
                Code.GATE_CANNOT_PASS,
                f"Nobody can pass the gate '{gate.id}': it waits for verdicts, and no gate asks a "
                "reviewer for one",
                gate.position,
                help="Add the blocking check 'all_review_models_completed'"
                + (", or 'human' to its approvers." if gate.approvers else "."),
            )


def _asks(gate: GateSpec) -> bool:
    return any(check.check in _ASKING for check in gate.checks)


def _needs_verdict(gate: GateSpec) -> bool:
    blocking = {c.check for c in gate.checks if c.severity is Severity.BLOCKING}
    by_agents = gate.type is GateType.APPROVAL and set(gate.approvers) == {Approver.REVIEW_AGENT}
    return by_agents or not blocking.isdisjoint(_READING)
