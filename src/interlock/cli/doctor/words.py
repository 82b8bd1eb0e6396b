"""What each level cannot prevent, in the four words that the whole project uses for outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from interlock.ports.confinement import Held, Level, Property

__all__ = ["Outcome", "outcomes"]


class Outcome(StrEnum):
    """What becomes of something that an agent tries."""

    PREVENTED = "prevented"
    NOT_IMPORTED = "not imported"
    DETECTED = "detected"
    OUT_OF_SCOPE = "out of scope"


_EVERYWHERE = (
    (Outcome.PREVENTED, "using a token of another session, or of a phase that was left"),
    (Outcome.PREVENTED, "approving or making tasks at an agent's own door: it has no such route"),
    (
        Outcome.NOT_IMPORTED,
        "whatever a phase may not write, by whatever it was written: it is named and put back",
    ),
    (
        Outcome.DETECTED,
        "forged test results: code under test shares a process with its runner, so what it forges "
        "can be noticed and not prevented",
    ),
    (Outcome.DETECTED, "edited, removed or cut records of calls: interlock audit verify"),
    (
        Outcome.OUT_OF_SCOPE,
        "weak acceptance criteria, and answers hard-coded for exactly the tests that were written",
    ),
    (Outcome.OUT_OF_SCOPE, "holes in the kernel"),
)
_BELOW_FULL = (
    (
        Outcome.OUT_OF_SCOPE,
        "a passphrase that an agent of the same user watches being typed: asking for it is cost "
        "for that agent, not prevention",
    ),
)
_NONE = (
    (
        Outcome.OUT_OF_SCOPE,
        "whatever the user that agents run as may do outside of the copy: read homes and keys, "
        "use the network, end the server, change what was committed elsewhere",
    ),
)


def outcomes(level: Level, properties: Iterable[Property]) -> dict[Outcome, list[str]]:
    """What is prevented, not imported, detected and out of scope for sessions at ``level``.

    Args:
        properties: all of them; what is held at the level is prevented, the rest is not.
    """
    at_level = [one for one in properties if one.prevents]
    held = {one.prevents for one in at_level if one.level is level and one.held is Held.YES}
    pairs = [(Outcome.PREVENTED, text) for text in _in_order(at_level, held)]
    pairs += _EVERYWHERE
    lost = {one.prevents for one in at_level} - held
    pairs += [(Outcome.OUT_OF_SCOPE, text) for text in _in_order(at_level, lost)]
    if level is not Level.FULL:
        pairs += _BELOW_FULL
    if level is Level.NONE:
        pairs += _NONE
    return {outcome: [text for of, text in pairs if of is outcome] for outcome in Outcome}


def _in_order(properties: Iterable[Property], wanted: set[str]) -> list[str]:
    return list(dict.fromkeys(one.prevents for one in properties if one.prevents in wanted))
