"""The level that this machine reaches, found by trying, and what keeps it from a stronger one."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import replace

from interlock.cli.doctor import kernel
from interlock.cli.doctor.findings import Check, Standing, install
from interlock.ports.confinement import Capability, Held, Level, Property

__all__ = ["building_blocks", "capability", "tried"]


def capability() -> Capability:
    """What holds here; nothing can be tried where there is no Linux."""
    if (system := platform.system()) != "Linux":
        why = f"full: this is {system}, and confinement is built from Linux's own means"
        return Capability(level=Level.NONE, reasons=(why,), uid_drop=False)
    from interlock.adapters.confinement import probe

    return probe()


def tried(found: Capability) -> tuple[Property, ...]:
    """Every property at the level in force, and those of stronger levels that were tried in vain.

    What could not be tried is there too: it is neither held nor broken.
    """
    from interlock.adapters.confinement.inside.properties import PROPERTIES

    at_level = {one.id for one in found.properties if one.level is found.level}
    missing = tuple(
        Property(
            id=name.replace("_", "-"),
            level=found.level,
            says=one.says,
            prevents=one.prevents,
            levels=tuple(map(Level, one.levels)),
            held=Held.NOT_APPLICABLE,
            why="was not tried at this level",
        )
        for name, one in PROPERTIES.items()
        if name.replace("_", "-") not in at_level
    )
    return (*found.properties, *missing)


def building_blocks(found: Capability) -> Iterator[Check]:
    """What levels are made of; a gap is a finding only where the level suffers from it."""
    if platform.system() != "Linux":
        yield Check(
            id="confinement",
            standing=Standing.FINDING,
            says="Only Linux confines sessions; imports, gates and records hold here all the same.",
            remedy="Run Interlock in a Linux machine, virtual or not.",
        )
        return
    blocks = [_bubblewrap(), kernel.user_namespaces(), kernel.landlock(), kernel.seccomp()]
    if found.level is Level.FULL:
        yield from (_not_needed(block) for block in blocks)
    else:
        yield from blocks
        if all(block.standing is not Standing.FINDING for block in blocks):
            yield Check(
                id="confinement",
                standing=Standing.FINDING,
                says=f"Sessions run at {found.level.value} although everything for full is there.",
                remedy="The reasons name what failed; interlock doctor --json has all of it.",
            )
    yield _users(found)


def _bubblewrap() -> Check:
    if path := shutil.which("bwrap"):
        return Check(id="bubblewrap", standing=Standing.OK, says=f"bubblewrap is at {path}.")
    return Check(
        id="bubblewrap",
        standing=Standing.FINDING,
        says="bubblewrap is not installed; with it sessions can run at full.",
        remedy=install("bubblewrap"),
    )


def _not_needed(block: Check) -> Check:
    if block.standing is not Standing.FINDING:
        return block
    says = f"{block.says} Full is reached without."
    return replace(block, standing=Standing.NOTE, says=says)


def _users(found: Capability) -> Check:
    if found.uid_drop:
        says = "Each session and each judge job runs as a user of its own."
        return Check(id="users", standing=Standing.OK, says=says)
    return Check(
        id="users",
        standing=Standing.NOTE,
        says=f"Sessions run as your own user (uid {os.geteuid()}); root gives each its own.",
        remedy="sudo interlock up",
    )
