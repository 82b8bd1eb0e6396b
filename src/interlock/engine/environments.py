"""Which recipe of an environment, and which commands of checks, may be run: only those that a
person trusted by their digest.

They come from a repository's workflow file; merely opening a repository must not run them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from interlock.core.gates.evaluate import plan_of
from interlock.core.gates.jobs import JobKind
from interlock.core.model import EnvironmentSpec, WorkflowSpec
from interlock.engine.codec import plain
from interlock.errors import DeniedError, UnavailableError
from interlock.ports.store import Store

__all__ = ["Environments", "commands_digest", "commands_of", "recipe_digest"]


def commands_of(workflow: WorkflowSpec) -> tuple[str, ...]:
    """Commands that the checks of a workflow have run, each once."""
    gates = (gate for phase in workflow.phases for gate in phase.gates)
    jobs = (job for gate in gates for job in plan_of(gate).jobs)
    return tuple(dict.fromkeys(job.what for job in jobs if job.kind is JobKind.COMMAND))


def commands_digest(commands: Sequence[str]) -> str:
    """sha256 over commands, in whatever order they are written."""
    return hashlib.sha256(json.dumps(["commands", *sorted(commands)]).encode()).hexdigest()


def recipe_digest(environment: EnvironmentSpec) -> str:
    """sha256 over everything that the recipe says: what a person looks at before trusting it.

    What a later release adds to recipes counts where it is used, so that no trust is lost by it.
    """
    seen: list[Any] = [environment.runner, list(environment.setup), list(environment.lockfiles)]
    others = [field.name for field in fields(environment) if field.name not in _FIRST]
    given = {name: getattr(environment, name) for name in others}
    added = {
        n: _unplaced(plain(value)) for n, value in given.items() if value != getattr(_EMPTY, n)
    }
    seen += [added] if added else []
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def _unplaced(value: Any) -> Any:
    """Plain values without where they stand in a file."""
    match value:
        case dict():
            return {key: _unplaced(item) for key, item in value.items() if key != "position"}
        case list():
            return [_unplaced(item) for item in value]
    return value


_EMPTY = EnvironmentSpec()
_FIRST = frozenset({"runner", "setup", "lockfiles", "position"})


class Environments:
    """Trust decisions, kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def trust(self, environment: EnvironmentSpec, *, by: str) -> str:
        """Remember that a person trusts this recipe; returns its digest."""
        digest = recipe_digest(environment)
        self._store.set_setting(f"trusted:{digest}", by)
        return digest

    def trust_commands(self, commands: Sequence[str], *, by: str) -> None:
        """Remember that a person trusts these commands together."""
        self._store.set_setting(f"trusted:{commands_digest(commands)}", by)

    def commands_are_trusted(self, workflow: WorkflowSpec) -> bool:
        """Whether somebody trusted exactly the commands of the workflow's checks, if it has any."""
        commands = commands_of(workflow)
        known = f"trusted:{commands_digest(commands)}"
        return not commands or self._store.setting(known) is not None

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

    def trusted_commands(self, workflow: WorkflowSpec) -> EnvironmentSpec:
        """The recipe of what the workflow's commands run in.

        Raises:
            UnavailableError: as for ``trusted``.
            DeniedError: nobody trusted the recipe, or the commands, yet.
        """
        environment = self.trusted(workflow)
        if not self.commands_are_trusted(workflow):
            raise DeniedError(
                "nobody has trusted the commands that the checks of the workflow run",
                code="IL-ENV-003",
                remedy="interlock trust",
            )
        return environment
