"""Which environment recipe may be run: only one that a person trusted by its digest.

A recipe comes from a repository's workflow file and runs commands; merely opening a repository
must not run them.
"""

from __future__ import annotations

import hashlib
import json

from interlock.core.model import EnvironmentSpec, WorkflowSpec
from interlock.errors import DeniedError, UnavailableError
from interlock.ports.store import Store

__all__ = ["Environments", "recipe_digest"]


def recipe_digest(environment: EnvironmentSpec) -> str:
    """sha256 over the commands and lock files that a person looks at before trusting them."""
    seen = [environment.runner, list(environment.setup), list(environment.lockfiles)]
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


class Environments:
    """Trust decisions, kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def trust(self, environment: EnvironmentSpec, *, by: str) -> str:
        """Remember that a person trusts this recipe; returns its digest."""
        digest = recipe_digest(environment)
        self._store.set_setting(f"trusted:{digest}", by)
        return digest

    def is_trusted(self, environment: EnvironmentSpec) -> bool:
        """Whether somebody trusted exactly this recipe."""
        return self._store.setting(f"trusted:{recipe_digest(environment)}") is not None

    def trusted(self, workflow: WorkflowSpec) -> EnvironmentSpec:
        """The workflow's recipe.

        Raises:
            UnavailableError: the workflow has none.
            DeniedError: nobody trusted it yet.
        """
        if workflow.environment is None:
            raise UnavailableError(
                "the workflow says nothing about the environment that tests run in",
                code="IL-ENV-001",
                remedy="Add environment: to agent_workflow.yaml; interlock init proposes one.",
            )
        if not self.is_trusted(workflow.environment):
            raise DeniedError(
                "the test environment is not there: nobody has trusted the commands that build it",
                code="IL-ENV-002",
                remedy="interlock trust",
            )
        return workflow.environment
