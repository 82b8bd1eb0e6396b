"""A workflow that says nothing of its environment has the one that would be proposed for it.

It is pinned like a written one: its digest is that of the definition together with the recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from interlock.core.model import WorkflowSpec
from interlock.definition.detect import Proposal, detect_environment
from interlock.definition.digest import digest_of

__all__ = ["with_proposal"]


def with_proposal(
    workflow: WorkflowSpec,
    files: Callable[[], Collection[str]],
    read: Callable[[str], bytes | None],
) -> tuple[WorkflowSpec, Proposal | None]:
    """The workflow as it counts, and what was proposed; nothing is if it says what it wants.

    Args:
        files: lists the paths of the tree that the workflow stands in.
        read: contents of one of them.
    """
    if workflow.environment is not None:
        return workflow, None
    proposal = detect_environment(files(), read)
    if proposal is None or proposal.environment is None:
        return workflow, proposal
    whole = replace(workflow, environment=proposal.environment)
    return replace(whole, digest=digest_of(whole)), proposal
