"""Trust given before a server ran: lines in a file that only the owner can write, read at every
start."""

from __future__ import annotations

import os

from interlock.core.model import EnvironmentSpec
from interlock.engine.environments import recipe_digest
from interlock.ports.store import Store
from interlock.server.layout import Layout

__all__ = ["add_trusted", "take_trusted"]


def add_trusted(layout: Layout, environment: EnvironmentSpec) -> str:
    """Note that the owner trusts a recipe; its digest."""
    digest = recipe_digest(environment)
    path = layout.keys / "trusted"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write(f"{digest}\n")
    return digest


def take_trusted(layout: Layout, store: Store) -> None:
    """Bring what was noted into the store."""
    path = layout.keys / "trusted"
    for digest in path.read_text().split() if path.exists() else ():
        if store.setting(f"trusted:{digest}") is None:
            store.set_setting(f"trusted:{digest}", "init")
