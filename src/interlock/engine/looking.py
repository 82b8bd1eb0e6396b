"""What checks want to know of trees, documents and the past of a task, read through the ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from interlock.core.facts import GateFacts, Trail, TreeChange
from interlock.core.gates.jobs import START, Plan
from interlock.core.gates.references import AbsentError, values
from interlock.core.model import WorkflowSpec
from interlock.core.tasks import TaskState
from interlock.core.trail import trail_of
from interlock.definition.artifacts import ArtifactValidator
from interlock.definition.diagnostics import Findings
from interlock.definition.yaml_compose import compose
from interlock.definition.yaml_nodes import plain
from interlock.ports.vcs import Repository

__all__ = ["look"]

MOST_BYTES: Final = 1 << 20
"""Of one file that a check reads; nobody writes documents that are longer."""
_NAMED = 10


def look(
    repository: Repository, workflow: WorkflowSpec, state: TaskState, plan: Plan, facts: GateFacts
) -> GateFacts:
    """The facts with everything that ``plan`` wants read; slow for large trees."""
    tree, trail = facts.tree, trail_of(workflow, state)
    texts = _texts(repository, tree, (*plan.texts, *plan.documents))
    facts = replace(
        facts,
        trail=trail,
        paths=repository.paths(tree) if plan.lists_tree else None,
        texts=texts,
        documents=_documents({path: texts.get(path) for path in plan.documents}),
        differences=_differences(repository, state, plan, trail, tree),
    )
    return replace(facts, invalid=_invalid(workflow, plan, facts))


def _texts(repository: Repository, tree: str, paths: tuple[str, ...]) -> Mapping[str, str | None]:
    found: dict[str, str | None] = {}
    for path in dict.fromkeys(paths):
        data = repository.read(tree, path)
        if data is None or len(data) <= MOST_BYTES:
            found[path] = None if data is None else data.decode(errors="replace")
    return found


def _documents(texts: Mapping[str, str | None]) -> Mapping[str, Any]:
    found = {}
    for path, text in texts.items():
        if text is None:
            continue
        findings = Findings()
        node = compose(text, file=path, findings=findings)
        if node is not None and not findings.failed:
            found[path] = plain(node)
    return found


def _differences(
    repository: Repository, state: TaskState, plan: Plan, trail: Trail, tree: str
) -> Mapping[str, tuple[TreeChange, ...]]:
    """How the present tree differs from those that are asked about and that there are."""
    trees = {START: state.base_tree}
    trees |= {f"phase:{phase}": left for phase, left in trail.left.items()}
    trees |= {f"verdict:{verdict.role}": verdict.tree for verdict in state.verdicts}
    trees |= {f"approval:{given.gate}": given.tree for given in trail.approvals}
    return {since: repository.diff(trees[since], tree) for since in plan.since if trees.get(since)}


def _invalid(workflow: WorkflowSpec, plan: Plan, facts: GateFacts) -> Mapping[str, tuple[str, ...]]:
    validator = ArtifactValidator(workflow)
    found = {}
    for reference, schema in plan.valid:
        try:
            documents = values(reference, facts)
        except AbsentError:
            continue  # the check says so
        problems = (p for document in documents for p in validator.problems_by(schema, document))
        found[f"{schema} {reference}"] = tuple(
            f"{place or '/'}: {what}" for place, what in problems
        )[:_NAMED]
    return found
