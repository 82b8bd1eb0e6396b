"""The kinds of checks that gates are made of: each is tried on its own examples."""

from __future__ import annotations

from collections.abc import Iterator

from interlock.cli.doctor.findings import Check, Standing
from interlock.errors import InterlockError

__all__ = ["kinds"]


def kinds() -> Iterator[Check]:
    """Whether each kind, built in or of another distribution, passes and fails what it says."""
    try:
        from interlock.core.gates.registry import CHECKS
        from interlock.definition.check_plugins import installed, why_not
    except ModuleNotFoundError:
        return  # said where the machine's packages are looked at
    others: tuple[str, ...] = ()
    try:
        others = tuple(kind.name for kind in installed())
    except InterlockError as error:
        yield Check(
            id="check-plugins",
            standing=Standing.FINDING,
            says=f"No server starts here: {error.message}.",
            remedy=error.remedy,
        )
    broken = [f"{kind.name} {why}" for kind in CHECKS.values() if (why := why_not(kind))]
    if broken:
        yield Check(
            id="check-kinds",
            standing=Standing.FINDING,
            says=f"Kinds of checks that do not do what they say: {'; '.join(broken)}.",
            remedy="pip install --force-reinstall 'interlock[server]'",
        )
        return
    more = f", {len(others)} of them from other distributions ({', '.join(others)})"
    yield Check(
        id="check-kinds",
        standing=Standing.OK,
        says=f"{len(CHECKS)} kinds of checks{more if others else ''} pass the example that they "
        "should pass and fail the one that they should fail.",
    )
