"""Definitions that tasks are pinned to: read from the base revision, kept by digest."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.adapters.trees.project import Project
from interlock.core.model import WorkflowSpec
from interlock.engine.codec import plain, typed
from interlock.ports.vcs import Base

if TYPE_CHECKING:
    from interlock.definition.detect import Proposal

__all__ = ["Workflows"]


class Workflows:
    """Of one project, kept in its store."""

    def __init__(self, store: SQLiteStore, project: Project) -> None:
        self._store = store
        self._project = project
        self._proposals: dict[str, Proposal] = {}

    def kept(self) -> dict[str, WorkflowSpec]:
        """Every definition that was ever used here."""
        listed = json.loads(self._store.setting("workflows") or "{}")
        return {
            digest: typed(json.loads(self._store.get_blob(blob)), WorkflowSpec)
            for digest, blob in listed.items()
        }

    async def fetch_base(self) -> tuple[Base, WorkflowSpec]:
        """The present base with the definition that stands in it."""
        return await asyncio.to_thread(self._fetch)

    def proposal(self, digest: str) -> Proposal | None:
        """What was proposed for a definition, fetched since, that has no environment of its own."""
        return self._proposals.get(digest)

    def _fetch(self) -> tuple[Base, WorkflowSpec]:
        # Slow to import, and not needed before the first new task.
        from interlock.definition.loader import load_tree
        from interlock.definition.proposed import with_proposal

        base = self._project.base()

        def read(path: str) -> bytes | None:
            return self._project.read(base.tree, path)

        written = load_tree(read).workflow
        workflow, proposal = with_proposal(written, lambda: self._project.paths(base.tree), read)
        if proposal is not None:
            self._proposals[workflow.digest] = proposal
        listed = json.loads(self._store.setting("workflows") or "{}")
        if workflow.digest not in listed:
            listed[workflow.digest] = self._store.put_blob(json.dumps(plain(workflow)).encode())
            self._store.set_setting("workflows", json.dumps(listed))
        return base, workflow
