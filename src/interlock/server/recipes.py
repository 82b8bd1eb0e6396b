"""The recipe of the present workflow, and people's trust in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interlock.core.model import EnvironmentSpec
from interlock.engine.codec import plain
from interlock.engine.environments import Environments, recipe_digest
from interlock.engine.ledger import Ledger
from interlock.errors import ConflictError, InvalidInputError
from interlock.server.workflows import Workflows

__all__ = ["Recipes"]


class Recipes:
    """What people trust, at the people's door.

    Args:
        is_set: whether a value is kept for a secret.
    """

    def __init__(
        self,
        workflows: Workflows,
        environments: Environments,
        ledger: Ledger,
        is_set: Callable[[str], bool],
    ) -> None:
        self._workflows = workflows
        self._environments = environments
        self._ledger = ledger
        self._is_set = is_set

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
        is_trusted = await self._ledger.run(lambda: self._environments.is_trusted(recipe))
        proposal = self._workflows.proposal(workflow.digest)
        return {
            "digest": recipe_digest(recipe),
            "environment": plain(recipe),
            "trusted": is_trusted,
            "proposed": proposal is not None,
            "why": dict(proposal.why) if proposal else {},
            "notes": self._notes(workflow.digest),
            "secrets": {name: self._is_set(name) for name in recipe.secrets},
        }

    async def trust(self, by: str, seen: str) -> dict[str, Any]:
        """Trust the recipe at HEAD.

        Args:
            seen: digest of what the person was shown; empty for whatever stands there.

        Raises:
            ConflictError: another recipe stands there by now.
        """
        recipe, _ = await self.present()
        if seen and seen != recipe_digest(recipe):
            raise ConflictError(
                "the recipe at HEAD is not the one that was shown",
                code="IL-SRV-012",
                remedy="interlock trust",
            )
        digest = await self._ledger.run(lambda: self._environments.trust(recipe, by=by))
        # Those who wait for trust look again.
        await self._ledger.announce()
        return {"digest": digest, "environment": plain(recipe)}

    def _notes(self, workflow: str) -> list[str]:
        proposal = self._workflows.proposal(workflow)
        return list(proposal.notes) if proposal else []
