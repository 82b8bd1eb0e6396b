"""Which level this machine really holds: sandboxes are started and every property tried inside."""

from __future__ import annotations

import os
import threading

from interlock.adapters.confinement import leftovers, rungs
from interlock.adapters.confinement.inside.properties import PROPERTIES
from interlock.adapters.confinement.launch import start
from interlock.adapters.confinement.uids import UidRange
from interlock.adapters.confinement.witness import Witness, read_report
from interlock.errors import InterlockError, UnavailableError
from interlock.ports.confinement import Capability, Held, Level, Property, Rung

__all__ = ["examine", "probe", "try_properties"]

_PATIENCE_S = 60.0
_guard = threading.Lock()
_known: dict[Level, Capability] = {}


def probe(strongest: Level = Level.FULL, *, refresh: bool = False) -> Capability:
    """What confinement holds here. Costs a fraction of a second once, then nothing.

    Args:
        strongest: what is above it is not tried, and not used.
        refresh: try again, for example after bubblewrap was installed.
    """
    with _guard:
        if refresh:
            _known.clear()
            rungs.forget()
        if strongest not in _known:
            _known[strongest] = _probe(strongest)
        return _known[strongest]


def examine() -> Capability:
    """The same with the properties of every level, tried now; costs a second or two."""
    with _guard:
        rungs.forget()
        return _probe(Level.FULL, every_level=True)


def _probe(strongest: Level, *, every_level: bool = False) -> Capability:
    leftovers.sweep()
    uids = UidRange()
    uid = uids.lease()
    reasons: list[str] = []
    properties: list[Property] = []
    reached: tuple[Level, Rung, str] | None = None
    order = list(Level)
    try:
        for level in order[order.index(strongest) :]:
            if reached is not None and not every_level:
                break
            rung = rungs.of(level)
            try:
                found, cgroup = try_properties(level, uid)
            except (InterlockError, OSError) as error:
                reasons.append(f"{level}: {error}")
                continue
            properties += found
            broken = [f"{level}: {one.says} Not here: {one.why}." for one in found if one.broken]
            reasons += broken
            if reached is None and not broken:
                reached = level, rung, cgroup
    finally:
        uids.release(uid)
    level, rung, cgroup = reached or (Level.NONE, Rung.PLAIN, "")
    if strongest is not Level.FULL:
        reasons.insert(0, f"no more than {strongest} is to be used")
    return Capability(
        level=level,
        reasons=(*reasons, _how_limits_hold(cgroup)),
        uid_drop=uid is not None,
        rung=rung,
        properties=tuple(properties),
    )


def try_properties(
    level: Level, uid: int | None, *, rung: Rung | None = None
) -> tuple[tuple[Property, ...], str]:
    """Every property at a level as it was seen, and the kind of cgroup.

    Raises:
        UnavailableError: no sandbox could be started, or it gave no report.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader, errors="replace") as output, Witness(uid) as witness:
        try:
            sandbox = start(witness.spec(level), level, rung=rung, stdout=writer, stderr=writer)
        except UnavailableError as error:
            os.close(writer)
            raise UnavailableError(
                " ".join([error.message, *output.read().split()]),
                code=error.code,
                remedy=error.remedy,
            ) from None
        os.close(writer)
        with sandbox:
            if sandbox.wait(_PATIENCE_S) is None:
                raise UnavailableError("the sandbox does not end", code="IL-CNF-004")
            seen = read_report(output.read())
    return tuple(_property(name, level, *how) for name, how in seen.items()), sandbox.cgroup


def _property(name: str, level: Level, held: Held, why: str) -> Property:
    tried = PROPERTIES[name]
    return Property(
        id=name.replace("_", "-"),
        level=level,
        says=tried.says,
        prevents=tried.prevents,
        levels=tuple(map(Level, tried.levels)),
        held=held,
        why=why,
    )


def _how_limits_hold(cgroup: str) -> str:
    if cgroup:
        return f"limits: memory and processes of all together, by {cgroup}"
    return "limits: memory of each process only, because no cgroup can be made here"
