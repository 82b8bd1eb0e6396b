"""Names that checks have in their parameters: phases, gates and artifacts that there are, and that
the task can have behind it."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.core.gates.catalog import SERVER_BUILT
from interlock.core.gates.references import reference
from interlock.core.gates.registry import CHECKS
from interlock.core.model import CheckSpec, GateSpec, GateType, PhaseSpec, Position, WorkflowSpec
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.settings import texts_with_format

__all__ = ["check_names"]


def check_names(workflow: WorkflowSpec, findings: Findings) -> None:
    """Report names in parameters of checks that name nothing, or what cannot be there yet."""
    artifacts = {a.type for p in workflow.phases for a in p.required_artifacts} | SERVER_BUILT
    for phase in workflow.phases:
        for gate in phase.gates:
            for check in gate.checks:
                _phases(check, phase, workflow, findings)
                _gates(check, gate, workflow, findings)
                _artifacts(check, artifacts, findings)


def _phases(check: CheckSpec, here: PhaseSpec, workflow: WorkflowSpec, findings: Findings) -> None:
    ids = [phase.id for phase in workflow.phases]
    for key, name in _texts(check, "phase"):
        if name not in ids:
            message = f"There is no phase '{name}'"
            help = findings.did_you_mean(name, ids)
            findings.error(Code.UNKNOWN_PHASE, message, _at(check, key), help=help)
        elif workflow.rank(name) >= workflow.rank(here.id):
            message = f"'{here.id}' is left before '{name}' is, so the check cannot pass"
            help = "Name a phase that comes before this one."
            findings.error(Code.GATE_CANNOT_PASS, message, _at(check, key), help=help)


def _gates(check: CheckSpec, here: GateSpec, workflow: WorkflowSpec, findings: Findings) -> None:
    gates = {gate.id: gate for phase in workflow.phases for gate in phase.gates}
    for key, name in _texts(check, "gate"):
        if name not in gates:
            message = f"There is no gate '{name}'"
            help = findings.did_you_mean(name, gates)
            findings.error(Code.UNKNOWN_GATE, message, _at(check, key), help=help)
        elif name == here.id:
            message = f"The gate '{name}' cannot wait for its own approval"
            help = "Write 'type: approval' with approvers: then it is asked for here."
            findings.error(Code.GATE_CANNOT_PASS, message, _at(check, key), help=help)
        elif gates[name].type is not GateType.APPROVAL:
            message = f"Nobody approves the gate '{name}': it is no approval gate"
            help = "Name a gate with 'type: approval'."
            findings.error(Code.GATE_CANNOT_PASS, message, _at(check, key), help=help)


def _artifacts(check: CheckSpec, known: Iterable[str], findings: Findings) -> None:
    for key, text in _texts(check, "reference"):
        try:
            where = reference(text)
        except ValueError:
            continue  # said where the text was read
        if not where.is_file and where.source not in known:
            message = f"No phase asks for an artifact '{where.source}'"
            help = findings.did_you_mean(where.source, known)
            findings.error(Code.CHECK_PARAMETER, message, _at(check, key), help=help)


def _texts(check: CheckSpec, name: str) -> Iterable[tuple[str, str]]:
    kind = CHECKS.get(check.check)
    return texts_with_format(kind, check.params, name) if kind else ()


def _at(check: CheckSpec, key: str) -> Position:
    return check.places.get(key) or check.position or Position("", 1, 1)
