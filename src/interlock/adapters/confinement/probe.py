"""Which level this machine really holds: a sandbox is started and every property tried inside."""

from __future__ import annotations

import os
import threading

from interlock.adapters.confinement.inside.properties import PROPERTIES
from interlock.adapters.confinement.launch import start
from interlock.adapters.confinement.launcher import limits
from interlock.adapters.confinement.uids import UidRange
from interlock.adapters.confinement.witness import Witness, read_report
from interlock.errors import InterlockError, UnavailableError
from interlock.ports.confinement import Capability, Held, Level, Property, Rung

__all__ = ["probe"]

_PATIENCE_S = 60.0
_guard = threading.Lock()
_known: list[Capability] = []


def probe(*, refresh: bool = False) -> Capability:
    """What confinement holds here. Costs a fraction of a second once, then nothing.

    Args:
        refresh: try again, for example after bubblewrap was installed.
    """
    with _guard:
        if refresh:
            _known.clear()
        if not _known:
            _known.append(_probe())
        return _known[0]


def _probe() -> Capability:
    limits.sweep()
    uids = UidRange()
    uid = None
    try:
        uid = uids.lease()
        broken, cgroup = try_properties(uid)
    except (InterlockError, OSError) as error:
        reasons: tuple[str, ...] = (f"full: {error}",)
        return Capability(level=Level.NONE, reasons=reasons, uid_drop=uid is not None)
    finally:
        uids.release(uid)
    found = _properties(Level.FULL, broken)
    reasons = tuple(f"full: {one.says} But it {one.why}." for one in found if one.broken)
    if not reasons:
        reasons = (_how_limits_hold(cgroup),)
    broken_one = any(one.broken for one in found)
    return Capability(
        level=Level.NONE if broken_one else Level.FULL,
        reasons=reasons,
        uid_drop=uid is not None,
        rung=Rung.PLAIN if broken_one else Rung.BUBBLEWRAP,
        properties=found,
    )


def _properties(level: Level, broken: dict[str, str]) -> tuple[Property, ...]:
    return tuple(
        Property(
            id=name.replace("_", "-"),
            level=level,
            says=tried.says,
            prevents=tried.prevents,
            levels=tuple(map(Level, tried.levels)),
            held=Held.NO if name in broken else Held.YES,
            why=broken.get(name, ""),
        )
        for name, tried in PROPERTIES.items()
    )


def try_properties(uid: int | None) -> tuple[dict[str, str], str]:
    """Properties that do not hold at ``full`` with what happened, and the kind of cgroup.

    Raises:
        UnavailableError: no sandbox could be started, or it gave no report.
    """
    reader, writer = os.pipe()
    with os.fdopen(reader, errors="replace") as output, Witness(uid) as witness:
        try:
            sandbox = start(witness.spec(), Level.FULL, stdout=writer, stderr=writer)
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
            return read_report(output.read())[1], sandbox.cgroup


def _how_limits_hold(cgroup: str) -> str:
    if cgroup:
        return f"limits: memory and processes of all together, by {cgroup}"
    return "limits: memory of each process only, because no cgroup can be made here"
