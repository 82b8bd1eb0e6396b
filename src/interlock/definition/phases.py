"""``phases[]``: where a task can be."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.core.gates.catalog import ARTIFACT_RULES
from interlock.core.model import ArtifactSpec, PhaseSpec, RuleSpec
from interlock.definition.awaited_verdicts import check_verdicts
from interlock.definition.codes import Code
from interlock.definition.conditions import read_when
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields, identifier, unique
from interlock.definition.gates import read_gates
from interlock.definition.schemas import Schemas
from interlock.definition.tools import read_constraints, read_tools
from interlock.definition.yaml_nodes import MappingNode, Node

__all__ = ["read_phases"]

MAX_PHASES = 256

_KEYS = (
    "id",
    "name",
    "description",
    "required_artifacts",
    "gates",
    "allowed_tools",
    "forbidden_tools",
    "tool_constraints",
    "when",
    "examples",
)


def read_phases(
    root: Fields, extra: Sequence[str], schemas: Schemas, findings: Findings
) -> tuple[PhaseSpec, ...]:
    """All phases in the order of declaration; ids are unique and there is at least one."""
    nodes = root.items("phases", required=True)
    if root.is_list("phases") and not nodes:
        findings.error(Code.BAD_VALUE, "There is no phase to start in", root.place("phases"))
    if len(nodes) > MAX_PHASES:
        message = f"More than {MAX_PHASES} phases"
        findings.error(Code.TOO_LARGE, message, nodes[MAX_PHASES].position)
        nodes = nodes[:MAX_PHASES]
    phases = [_phase(node, extra, schemas, findings) for node in nodes]
    unique(phases, lambda p: p.id, lambda p: p.position or root.position, "The phase", findings)
    spawns = any(isinstance(n, MappingNode) and "auto_spawn" in n.entries for n in nodes)
    check_verdicts(phases, spawns, findings)
    return tuple(phases)


def _phase(node: Node, extra: Sequence[str], schemas: Schemas, findings: Findings) -> PhaseSpec:
    fields = Fields(node, "phases[]", "A phase", _KEYS, findings)
    phase_id = identifier(fields, "id", findings)
    if phase_id:
        fields.owner = f"The phase '{phase_id}'"
    allowed, forbidden = read_tools(fields, extra, findings)
    return PhaseSpec(
        id=phase_id,
        name=fields.text("name", empty=True),
        description=fields.text("description", empty=True),
        allowed_tools=allowed,
        forbidden_tools=forbidden,
        tool_constraints=read_constraints(fields, allowed, extra, findings),
        required_artifacts=_artifacts(fields, schemas, findings),
        gates=read_gates(fields, schemas, findings),
        when=read_when(fields, findings),
        position=fields.position,
    )


def _artifacts(phase: Fields, schemas: Schemas, findings: Findings) -> tuple[ArtifactSpec, ...]:
    found = [_artifact(node, schemas, findings) for node in phase.items("required_artifacts")]
    unique(
        found, lambda a: a.type, lambda a: a.position or phase.position, "The artifact", findings
    )
    return tuple(found)


def _artifact(node: Node, schemas: Schemas, findings: Findings) -> ArtifactSpec:
    fields = Fields(
        node,
        "phases[].required_artifacts[]",
        "An artifact",
        ("type", "schema", "description", "validation"),
        findings,
    )
    name = fields.text("schema", required=True)
    return ArtifactSpec(
        type=identifier(fields, "type", findings),
        schema=schemas.resolve(name, fields.place("schema")) if name else "",
        description=fields.text("description", empty=True),
        rules=tuple(_rule(item, findings) for item in fields.items("validation")),
        position=fields.position,
    )


def _rule(node: Node, findings: Findings) -> RuleSpec:
    fields = Fields(
        node,
        "phases[].required_artifacts[].validation[]",
        "A rule",
        ("rule", "message"),
        findings,
    )
    name = fields.text("rule", required=True)
    if name and name not in ARTIFACT_RULES:
        findings.error(
            Code.UNKNOWN_RULE,
            f"There is no artifact rule '{name}'",
            fields.place("rule"),
            help=findings.did_you_mean(name, ARTIFACT_RULES),
        )
    return RuleSpec(rule=name, message=fields.text("message", empty=True), position=fields.position)
