"""The workflow at HEAD of a person's repository: the one that a task would be pinned to now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from interlock.cli.place import user_repository
from interlock.definition.loader import Loaded, load_tree
from interlock.definition.proposed import with_proposal

__all__ = ["load_at_head"]


def load_at_head(root: Path) -> Loaded:
    """The definition with its warnings; where it has no environment, with the proposed one.

    Raises:
        DefinitionError: it does not hold.
    """
    repository = user_repository(root)
    loaded = load_tree(repository.read)
    workflow, _ = with_proposal(loaded.workflow, repository.tracked, repository.read)
    return replace(loaded, workflow=workflow)
