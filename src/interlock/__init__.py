"""Interlock makes it impossible for a coding agent to do things in the wrong order.

This module stays light on purpose: it is imported inside sandboxes that have no
site-packages, so the client is loaded on first use only.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it; importing that costs a launcher more than its fork
if TYPE_CHECKING:
    from typing import Any

    from interlock.sdk.client import AgentClient

__version__ = "0.1.0"
__all__ = ["AgentClient", "__version__"]


def __getattr__(name: str) -> Any:
    """Load ``AgentClient`` when it is asked for, not when the package is."""
    if name == "AgentClient":
        return import_module("interlock.sdk.client").AgentClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
