"""Which program a session runs: the author's, and one per review role, as given with the task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.engine.codec import typed
from interlock.ports.runner import AgentCommand

__all__ = ["Programs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Programs of one task.

    Args:
        author: runs in every phase; ``None``: an agent from outside claims the task.
        reviewers: role → program; ``default`` serves roles that are not named.
        max_attempts: how often a phase's session may end by itself before a person is asked.
        max_returns: how often the task may go back to an earlier phase before a person is asked.
    """

    author: AgentCommand | None = None
    reviewers: Mapping[str, AgentCommand] = field(default_factory=dict)
    max_attempts: int = 1
    max_returns: int = 10

    @classmethod
    def of(cls, agent: Mapping[str, Any]) -> Programs:
        """Programs out of the task's record."""
        return typed(dict(agent), cls)

    def reviewer(self, role: str) -> AgentCommand | None:
        """The program that reviews as ``role``."""
        return self.reviewers.get(role) or self.reviewers.get("default")
