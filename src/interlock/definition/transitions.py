"""``transitions[]``: the edges between phases."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.core.model import Mode, PhaseSpec, TransitionSpec
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, Related
from interlock.definition.fields import Fields, unique
from interlock.definition.yaml_nodes import Node

__all__ = ["read_transitions"]

MAX_TRANSITIONS = 4096


def read_transitions(
    root: Fields, phases: Sequence[PhaseSpec], mode: Mode, findings: Findings
) -> tuple[TransitionSpec, ...]:
    """All edges; each names two phases that exist and a gate that its source has."""
    nodes = root.items("transitions", required=len(phases) > 1)
    if len(nodes) > MAX_TRANSITIONS:
        message = f"More than {MAX_TRANSITIONS} transitions"
        findings.error(Code.TOO_LARGE, message, nodes[MAX_TRANSITIONS].position)
        nodes = nodes[:MAX_TRANSITIONS]
    found = [_transition(node, phases, mode, findings) for node in nodes]
    unique(
        [edge for edge in found if edge.source and edge.target],
        lambda edge: f"{edge.source} → {edge.target}",
        lambda edge: edge.position or root.position,
        "The transition",
        findings,
    )
    return tuple(found)


def _transition(
    node: Node, phases: Sequence[PhaseSpec], mode: Mode, findings: Findings
) -> TransitionSpec:
    keys = ("from", "to", "gate", "requires_token", "when")
    fields = Fields(node, "transitions[]", "A transition", keys, findings)
    source = _phase(fields, "from", phases, findings)
    target = _phase(fields, "to", phases, findings)
    if source is not None and source is target:
        message = f"'{source.id}' cannot lead to itself"
        findings.error(Code.BAD_VALUE, message, fields.place("to"))
    if not fields.flag("requires_token", True):
        _without_token(fields, mode, findings)
    if "when" in fields:
        findings.error(
            Code.REFUSED,
            "A transition has no condition of its own",
            fields.place("when"),
            help="Put 'when' on the phase it leads to, or on a gate.",
        )
    return TransitionSpec(
        source=source.id if source else "",
        target=target.id if target else "",
        gate=_gate(fields, source, findings),
        position=fields.position,
    )


def _phase(
    fields: Fields, key: str, phases: Sequence[PhaseSpec], findings: Findings
) -> PhaseSpec | None:
    name = fields.text(key, required=True)
    if not name:
        return None
    for phase in phases:
        if phase.id == name:
            return phase
    known = [phase.id for phase in phases if phase.id]
    if len(known) < len(phases) or not phases:
        return None  # it may be the one whose id could not be read, which was reported
    findings.error(
        Code.UNKNOWN_PHASE,
        f"There is no phase '{name}'",
        fields.place(key),
        help=findings.did_you_mean(name, known),
    )
    return None


def _gate(fields: Fields, source: PhaseSpec | None, findings: Findings) -> str | None:
    name = fields.text("gate") or None
    if name is None or source is None or source.gate(name) is not None:
        return name
    known = [gate.id for gate in source.gates if gate.id]
    if len(known) < len(source.gates):
        return name  # it may be the one whose id could not be read, which was reported
    related = [Related("this phase", source.position)] if source.position else []
    findings.error(
        Code.UNKNOWN_GATE,
        f"The phase '{source.id}' has no gate '{name}'",
        fields.place("gate"),
        help=findings.did_you_mean(name, known) or "Its list of gates is empty.",
        related=related,
    )
    return name


def _without_token(fields: Fields, mode: Mode, findings: Findings) -> None:
    at = fields.place("requires_token")
    if mode is Mode.STRICT:
        findings.error(
            Code.REFUSED,
            "'requires_token: false' is refused in strict mode",
            at,
            help="Take it out: every transition is asked for with the token of its session.",
        )
    else:
        message = "'requires_token: false' has no effect: tokens are real in every mode"
        findings.warning(Code.NO_EFFECT, message, at)
