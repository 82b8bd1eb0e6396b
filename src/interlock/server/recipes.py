"""The recipe of the present workflow, people's trust in it, and what was built from recipes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from interlock.core.model import EnvironmentSpec
from interlock.engine.codec import plain
from interlock.engine.environments import Environments, commands_digest, commands_of, recipe_digest
from interlock.engine.ledger import Ledger
from interlock.errors import ConflictError, InterlockError, InvalidInputError
from interlock.ports.runner import JudgeKind, Runner
from interlock.server.workflows import Workflows

__all__ = ["Recipes"]


class Recipes:
    """What people trust and keep, at the people's door.

    Args:
        runner: builds environments.
        is_set: whether a value is kept for a secret.
    """

    def __init__(
        self,
        workflows: Workflows,
        environments: Environments,
        ledger: Ledger,
        runner: Runner,
        is_set: Callable[[str], bool],
    ) -> None:
        self._workflows = workflows
        self._environments = environments
        self._ledger = ledger
        self._runner = runner
        self._is_set = is_set
        self._builds: dict[str, asyncio.Task[Mapping[str, Any]]] = {}

    async def present(self) -> tuple[EnvironmentSpec, str]:
        """The recipe at HEAD, and the tree that it was read from.

        Raises:
            InvalidInputError: there is none.
        """
        base, workflow = await self._workflows.fetch_base()
        if workflow.environment is None:
            notes = self._notes(workflow.digest)
            raise InvalidInputError(
                "; ".join(["the workflow has no environment to trust", *notes]),
                code="IL-SRV-010",
                remedy="Write environment: into agent_workflow.yaml and commit it.",
            )
        return workflow.environment, base.tree

    async def shown(self) -> dict[str, Any]:
        """The recipe with where it comes from, and whether somebody trusts it."""
        _, workflow = await self._workflows.fetch_base()
        recipe, _ = await self.present()
        commands = commands_of(workflow)
        is_trusted = await self._ledger.run(
            lambda: (
                self._environments.is_trusted(recipe)
                and self._environments.commands_are_trusted(workflow)
            )
        )
        proposal = self._workflows.proposal(workflow.digest)
        return {
            "digest": _shown_digest(recipe, commands),
            "environment": plain(recipe),
            "trusted": is_trusted,
            "proposed": proposal is not None,
            "why": dict(proposal.why) if proposal else {},
            "notes": self._notes(workflow.digest),
            "commands": list(commands),
            "secrets": {name: self._is_set(name) for name in recipe.secrets},
        }

    async def trust(self, by: str, seen: str) -> dict[str, Any]:
        """Trust the recipe at HEAD, and the commands of the checks there.

        Args:
            seen: digest of what the person was shown; empty for whatever stands there.

        Raises:
            ConflictError: another recipe stands there by now.
        """
        _, workflow = await self._workflows.fetch_base()
        recipe, _ = await self.present()
        commands = commands_of(workflow)
        if seen and seen != _shown_digest(recipe, commands):
            raise ConflictError(
                "the recipe at HEAD is not the one that was shown",
                code="IL-SRV-012",
                remedy="interlock trust",
            )
        await self._ledger.run(lambda: self._environments.trust(recipe, by=by))
        if commands:
            await self._ledger.run(lambda: self._environments.trust_commands(commands, by=by))
        # Those who wait for trust look again.
        await self._ledger.announce()
        return {"digest": _shown_digest(recipe, commands), "environment": plain(recipe)}

    async def environments(self) -> dict[str, Any]:
        """What was built here, newest first; ``present`` is the recipe's at HEAD."""
        try:
            recipe, tree = await self.present()
            asked: dict[str, Any] = {"of": {"spec": plain(recipe), "base": tree}}
        except InterlockError:
            asked = {"of": None}
        return dict(await self._runner.judge(JudgeKind.ENVIRONMENTS, asked))

    async def build(self, newer_than: float, wait_s: float) -> dict[str, Any]:
        """Build the environment of the recipe at HEAD, unless there is one that is newer.

        Args:
            newer_than: seconds since the epoch.
            wait_s: seconds to wait for it; then ``building`` is true, and who asks the same again
                waits on.

        Raises:
            DeniedError: nobody has trusted the recipe.
            InterlockError: it cannot be built.
        """
        _, workflow = await self._workflows.fetch_base()
        recipe, tree = await self.present()
        await self._ledger.run(lambda: self._environments.trusted(workflow))
        asked = {"spec": plain(recipe), "base": tree, "newer_than": newer_than}
        key = json.dumps(asked, sort_keys=True)
        if key not in self._builds:
            work = self._runner.judge(JudgeKind.ENVIRONMENT, asked)
            self._builds[key] = asyncio.ensure_future(work)
        building = self._builds[key]
        if building not in (await asyncio.wait([building], timeout=wait_s))[0]:
            return {"building": True}
        # An error is told once; who asks after that has it tried again.
        self._builds.pop(key, None)
        return {"building": False, "digest": building.result()["digest"]}

    async def prune(self) -> dict[str, Any]:
        """Remove environments that nobody uses, that no open task has, and that HEAD does not."""
        keep = [
            {"spec": plain(recipe), "base": state.base_tree}
            for state in self._ledger.states()
            if not state.status.is_final
            and (recipe := self._ledger.workflow(state).environment) is not None
        ]
        with contextlib.suppress(InvalidInputError):
            recipe, tree = await self.present()
            keep.append({"spec": plain(recipe), "base": tree})
        return dict(await self._runner.judge(JudgeKind.PRUNE, {"keep": keep}))

    def _notes(self, workflow: str) -> list[str]:
        proposal = self._workflows.proposal(workflow)
        return list(proposal.notes) if proposal else []


def _shown_digest(recipe: EnvironmentSpec, commands: Sequence[str]) -> str:
    """Of everything that a person is shown before they trust it."""
    if not commands:
        return recipe_digest(recipe)
    both = f"{recipe_digest(recipe)} {commands_digest(commands)}"
    return hashlib.sha256(both.encode()).hexdigest()
