"""``phases[].gates[]``: what guards the way out of a phase."""

from __future__ import annotations

from interlock.core.gates.registry import CHECKS
from interlock.core.model import Approver, CheckSpec, GateSpec, GateType, Severity, Strength
from interlock.definition.codes import Code
from interlock.definition.conditions import read_when
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields, identifier, unique
from interlock.definition.schemas import Schemas
from interlock.definition.settings import read_settings
from interlock.definition.yaml_nodes import Node, plain

__all__ = ["gate_reads_verdicts", "read_gates"]

_OF_APPROVALS = ("approvers", "approval_strength", "four_eyes")
_CHECK_KEYS = ("check", "severity", "message", "when", "examples")
_REVIEW_CHECKS = frozenset({"no_blocking_issues", "all_review_models_completed", "review_quorum"})


def read_gates(phase: Fields, schemas: Schemas, findings: Findings) -> tuple[GateSpec, ...]:
    """All gates of a phase; ids are unique within it."""
    gates = [_gate(node, schemas, findings) for node in phase.items("gates")]
    unique(gates, lambda g: g.id, lambda g: g.position or phase.position, "The gate", findings)
    return tuple(gates)


def _gate(node: Node, schemas: Schemas, findings: Findings) -> GateSpec:
    keys = ("id", "type", "blockers", "when", "auto_advance", *_OF_APPROVALS)
    fields = Fields(node, "phases[].gates[]", "A gate", keys, findings)
    gate = GateSpec(
        id=identifier(fields, "id", findings),
        type=fields.choice("type", tuple(GateType), GateType.VALIDATION, what="gate type"),
        checks=tuple(_check(item, schemas, findings) for item in fields.items("blockers")),
        approvers=_approvers(fields, findings),
        approval_strength=fields.choice(
            "approval_strength", tuple(Strength), Strength.PASSPHRASE, what="strength of approvals"
        ),
        four_eyes=fields.flag("four_eyes", False),
        timeout_seconds=fields.count("timeout_seconds", None, least=1),
        auto_advance=fields.flag("auto_advance", False),
        when=read_when(fields, findings),
        position=fields.position,
    )
    # Of a gate whose type could not be read nobody knows what it needs.
    if fields.usable and ("type" not in fields or fields.text_is("type", gate.type)):
        _judge(gate, fields, findings)
    return gate


def gate_reads_verdicts(gate: GateSpec) -> bool:
    """Whether the gate looks at verdicts of review sessions."""
    return gate.type is GateType.REVIEW or any(c.check in _REVIEW_CHECKS for c in gate.checks)


def _approvers(fields: Fields, findings: Findings) -> tuple[Approver, ...]:
    found: dict[Approver, None] = {}
    for item in fields.texts("approvers"):
        if item.value in tuple(Approver):
            found[Approver(item.value)] = None
            continue
        message = f"There is no approver '{item.value}'"
        findings.error(
            Code.UNKNOWN_VALUE,
            message,
            item,
            help=findings.did_you_mean(item.value, map(str, Approver)),
        )
    return tuple(found)


def _judge(gate: GateSpec, fields: Fields, findings: Findings) -> None:
    """Whether the gate can be passed at all, and whether anything can fail it."""
    blocking = {c.check for c in gate.checks if c.severity is Severity.BLOCKING}
    if gate.type is GateType.APPROVAL:
        if not gate.approvers and not _has_items(fields, "approvers"):
            findings.error(
                Code.GATE_CANNOT_PASS,
                f"Nobody can pass the gate '{gate.id}': it is an approval and has no approver",
                fields,
                help="Add 'approvers: [human]'.",
            )
        return
    for key in _OF_APPROVALS:
        if key in fields:
            findings.error(
                Code.CONSTRAINT_WITHOUT_EFFECT,
                f"Nobody is asked at the gate '{gate.id}': only approval gates have '{key}'",
                fields.place(key),
                help=f"Write 'type: approval', or take '{key}' out.",
            )
    if gate.type is GateType.REVIEW and blocking.isdisjoint(_REVIEW_CHECKS):
        findings.error(
            Code.GATE_CANNOT_FAIL,
            f"The review gate '{gate.id}' waits for no verdict",
            fields,
            help="Add the blocking check 'all_review_models_completed'.",
        )
    elif not blocking and not _has_items(fields, "blockers"):
        findings.error(
            Code.GATE_CANNOT_FAIL,
            f"The gate '{gate.id}' cannot fail: it has no blocking check and no approver",
            fields,
            help="Give it a check with 'severity: blocking', or 'type: approval' with approvers.",
        )
    elif not blocking and gate.checks:
        findings.error(
            Code.GATE_CANNOT_FAIL,
            f"The gate '{gate.id}' cannot fail: none of its checks is blocking",
            fields,
            help="Make one of them 'severity: blocking'.",
        )


def _has_items(fields: Fields, key: str) -> bool:
    entry = fields.entry(key)
    return entry is not None and bool(plain(entry.value))


def _check(node: Node, schemas: Schemas, findings: Findings) -> CheckSpec:
    fields = Fields(
        node, "phases[].gates[].blockers[]", "A blocker", _CHECK_KEYS, findings, open_keys=True
    )
    name = fields.text("check", required=True)
    severity = fields.choice("severity", tuple(Severity), Severity.BLOCKING, what="severity")
    if name and name not in CHECKS:
        findings.error(
            Code.UNKNOWN_CHECK,
            f"There is no check '{name}'",
            fields.place("check"),
            help=findings.did_you_mean(name, CHECKS),
        )
    kind = CHECKS.get(name)
    if kind is None and "check" not in fields:
        _note_misspelt(fields, findings)
    params, places = (
        read_settings(kind, fields, _CHECK_KEYS, schemas, findings) if kind else ({}, {})
    )
    if "examples" in fields:
        findings.error(
            Code.REFUSED,
            "A check has no examples: it measures a tree, and there is none when a file is read",
            fields.place("examples"),
            help="Examples are calls of tools: put them under a phase or a constraint on a tool.",
        )
    return CheckSpec(
        check=name,
        severity=severity,
        message=fields.text("message", empty=True),
        params=params,
        when=read_when(fields, findings),
        position=fields.position,
        places=places,
    )


def _note_misspelt(fields: Fields, findings: Findings) -> None:
    """A blocker without a check: a key that is nearly ``check`` was probably meant to be it."""
    for key, entry in fields.others(_CHECK_KEYS):
        hint = findings.did_you_mean(key, ("check",))
        if hint.startswith("Did"):
            message = f"A blocker has no key '{key}'"
            findings.error(Code.UNKNOWN_KEY, message, entry.key, help=hint)
