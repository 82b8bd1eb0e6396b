"""The command: everything that was found, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from interlock.cli.doctor.findings import Check, Standing
from interlock.cli.doctor.house import House, look
from interlock.cli.doctor.kinds import kinds
from interlock.cli.doctor.level import building_blocks, capability, tried
from interlock.cli.doctor.machine import machine
from interlock.cli.doctor.words import outcomes
from interlock.cli.output import clean, emit, json_option
from interlock.ports.confinement import Capability, Held, Level, Property

__all__ = ["doctor"]

_HELD = {Held.YES: True, Held.NO: False, Held.NOT_APPLICABLE: None}
_GLYPHS = {Held.YES: "✓", Held.NO: "✗", Held.NOT_APPLICABLE: "-"}
_MARKS = {Standing.OK: "✓", Standing.FINDING: "✗", Standing.NOTE: "-"}


@click.command()
@click.option(
    "--require",
    type=click.Choice([level.value for level in Level]),
    default=Level.FULL.value,
    show_default=True,
    help="Weakest level that is not a finding.",
)
@json_option
def doctor(require: str, as_json: bool) -> int:
    """Show what this machine can and cannot prevent, and what would make it more.

    Works anywhere and without a network. Ends with 3 if something is found that a remedy could
    make better.
    """
    found = capability()
    properties = tried(found)
    is_enough = list(Level).index(found.level) <= list(Level).index(Level(require))
    checks = [*building_blocks(found), *machine(_state_home()), *kinds()]
    if is_enough:
        checks = [_known(check) for check in checks]
    house = look(Path.cwd(), found.level)
    everything = [*checks, *(house.checks if house else ())]
    is_well = is_enough and all(check.standing is not Standing.FINDING for check in everything)
    document = _document(found, properties, checks, house, is_well)
    emit(document, as_json=as_json, text=_text(document, found, properties, checks, house))
    return 0 if is_well else 3


_OF_LEVELS = frozenset({"confinement", "bubblewrap", "user-namespaces", "seccomp"})


def _known(check: Check) -> Check:
    """What only a level suffers from is no finding where that level is not asked for."""
    if check.id in _OF_LEVELS and check.standing is Standing.FINDING:
        return Check(id=check.id, standing=Standing.NOTE, says=check.says, remedy=check.remedy)
    return check


def _state_home() -> Path:
    from interlock.server.layout import state_home

    return state_home()


def _document(
    found: Capability,
    properties: tuple[Property, ...],
    checks: list[Check],
    house: House | None,
    is_well: bool,
) -> dict[str, Any]:
    return {
        "ok": is_well,
        "level": found.level.value,
        "rung": found.rung.value,
        "uid_drop": found.uid_drop,
        "reasons": list(found.reasons),
        "properties": [_property(one) for one in properties],
        "outcomes": {of.value: texts for of, texts in outcomes(found.level, properties).items()},
        "checks": [_check(check) for check in checks],
        "house": {**house.document, "checks": [_check(c) for c in house.checks]} if house else None,
    }


def _property(one: Property) -> dict[str, Any]:
    return {
        "id": one.id,
        "level": one.level.value,
        "says": one.says,
        "prevents": one.prevents,
        "promised": one.level in one.levels,
        "held": _HELD[one.held],
        "why": one.why,
    }


def _check(check: Check) -> dict[str, str]:
    return {
        "id": check.id,
        "standing": check.standing.value,
        "says": check.says,
        "remedy": check.remedy,
    }


def _text(
    document: dict[str, Any],
    found: Capability,
    properties: tuple[Property, ...],
    checks: list[Check],
    house: House | None,
) -> str:
    lines = [f"Confinement of sessions here: {found.level.value} ({found.rung.value})"]
    lines += [f"  {clean(reason)}" for reason in found.reasons]
    for level in Level:
        if of_level := [one for one in properties if one.level is level]:
            held = sum(one.held is Held.YES for one in of_level)
            lines += ["", f"At {level.value}: {held} of {len(of_level)} properties hold"]
            lines += [_line(one) for one in of_level]
    shown = {one.prevents for one in properties if one.level is found.level}
    for outcome, texts in document["outcomes"].items():
        above = ["  what is marked above"] if shown & set(texts) else []
        others = [f"  {text}" for text in texts if text not in shown]
        lines += ["", f"{outcome.capitalize()}:", *above, *others]
    lines += ["", "This machine:", *_lines(checks)]
    if house is not None:
        lines += ["", f"{clean(house.document['repository'])}:", *_lines(house.checks)]
    return "\n".join(lines)


def _line(one: Property) -> str:
    mark = _GLYPHS[one.held]
    if one.held is Held.YES:
        prevents = f" Prevents {one.prevents}." if one.prevents else ""
        return f"  {mark} {one.says}{prevents}"
    verdict = "Not known" if one.held is Held.NOT_APPLICABLE else "Does not hold"
    promised = "" if one.level in one.levels else f", and {one.level.value} does not promise it"
    return f"  {mark} {verdict}: {one.says} ({one.id}: {clean(one.why)}{promised})"


def _lines(checks: list[Check]) -> list[str]:
    lines = []
    for check in checks:
        lines.append(f"  {_MARKS[check.standing]} {clean(check.says)}")
        if check.remedy and check.standing is not Standing.OK:
            lines.append(f"    → {clean(check.remedy)}")
    return lines
