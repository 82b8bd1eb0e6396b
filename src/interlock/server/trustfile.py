"""Trust given before a server ran: lines in a file that only the owner can write, read at every
start."""

from __future__ import annotations

import os
from pathlib import Path

from interlock.core.model import EnvironmentSpec
from interlock.engine.environments import recipe_digest
from interlock.ports.store import Store
from interlock.server.layout import Layout

__all__ = ["add_trusted", "is_trusted", "take_trusted"]


def is_trusted(layout: Layout, environment: EnvironmentSpec) -> bool:
    """Whether the recipe was noted here already."""
    return recipe_digest(environment) in _noted(layout)


def add_trusted(layout: Layout, environment: EnvironmentSpec) -> str:
    """Note that the owner trusts a recipe; its digest."""
    digest = recipe_digest(environment)
    if digest not in _noted(layout):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(_path(layout), flags, 0o600), "a") as file:
            file.write(f"{digest}\n")
    return digest


def take_trusted(layout: Layout, store: Store) -> None:
    """Bring what was noted into the store."""
    for digest in _noted(layout):
        if store.setting(f"trusted:{digest}") is None:
            store.set_setting(f"trusted:{digest}", "init")


def _path(layout: Layout) -> Path:
    return layout.keys / "trusted"


def _noted(layout: Layout) -> list[str]:
    try:
        return _path(layout).read_text().split()
    except FileNotFoundError:
        return []
