"""``when``: conditions of phases, gates and checks, compiled and checked when the file is read."""

from __future__ import annotations

from interlock.core.conditions import Problem, problems
from interlock.core.model import Position, WorkflowSpec
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields, text_of
from interlock.definition.yaml_nodes import ScalarNode

__all__ = ["check_skips", "read_when"]


def read_when(fields: Fields, findings: Findings) -> str:
    """The condition of a phase, gate or check; empty (and findings) when it cannot be used."""
    entry = fields.entry("when")
    if entry is None:
        return ""
    found = text_of(entry.value, "'when'", findings)
    if found is None:
        return ""
    wrong = problems(found.value)
    for problem in wrong:
        opens = entry.value.opens if isinstance(entry.value, ScalarNode) else None
        _report(problem, found.position, opens, findings)
    return "" if wrong else found.value


def _report(problem: Problem, place: Position, opens: int | None, findings: Findings) -> None:
    if opens is not None:
        place = Position(place.file, place.line, place.column + opens + problem.offset)
    guess = findings.did_you_mean(problem.given, problem.known) if problem.given else ""
    findings.error(
        Code.BAD_CONDITION,
        f"The condition cannot be used: {problem.message}",
        place,
        help=" ".join(part for part in (guess, problem.help) if part),
    )


def check_skips(workflow: WorkflowSpec, findings: Findings) -> None:
    """Phases that cannot be passed by: where a task starts, and where nothing comes behind."""
    for phase in workflow.phases:
        if not phase.when:
            continue
        rank = workflow.rank(phase.id)
        ways = [t.target for t in workflow.transitions if t.source == phase.id]
        if phase is workflow.start:
            why = "a task starts there, before anything is known of it"
        elif not any(workflow.rank(target) > rank for target in ways):
            why = "no transition leads on from it"
        else:
            continue
        findings.error(
            Code.REFUSED,
            f"The phase '{phase.id}' cannot have a condition: {why}",
            phase.position or Position("", 1, 1),
            help="Take 'when' out, or put it on a gate or a check.",
        )
