"""Definitions that tasks are pinned to: read from the base revision, kept by digest."""

from __future__ import annotations

import asyncio
import json

from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.adapters.trees.project import Project
from interlock.core.model import WorkflowSpec
from interlock.engine.codec import plain, typed
from interlock.ports.vcs import Base

__all__ = ["Workflows"]


class Workflows:
    """Of one project, kept in its store."""

    def __init__(self, store: SQLiteStore, project: Project) -> None:
        self._store = store
        self._project = project

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

    def _fetch(self) -> tuple[Base, WorkflowSpec]:
        # Slow to import, and not needed before the first new task.
        from interlock.definition.loader import load_tree

        base = self._project.base()
        workflow = load_tree(lambda path: self._project.read(base.tree, path)).workflow
        listed = json.loads(self._store.setting("workflows") or "{}")
        if workflow.digest not in listed:
            listed[workflow.digest] = self._store.put_blob(json.dumps(plain(workflow)).encode())
            self._store.set_setting("workflows", json.dumps(listed))
        return base, workflow
