"""Who answers at an agent's door: the engine opens one per session and closes it with the
session."""

from __future__ import annotations

from typing import Protocol

from interlock.ports.runner import Session

__all__ = ["Doors"]


class Doors(Protocol):
    """The agent doors; identity at a door is the session that its listener belongs to."""

    async def open(self, session: Session) -> None:
        """Serve the session's listener; quiet if it is served already."""

    async def close(self, session_id: str) -> None:
        """Stop serving and drop the session's connections; quiet if there is none."""
