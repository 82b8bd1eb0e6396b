"""The whole demo: set up, an honest agent, then every trick, then what the records say of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interlock.ports.confinement import Level
from interlock.testing.adversary.tricks import Trick
from interlock.testing.demo.bundle import write_bundle, write_report
from interlock.testing.demo.ground import differences, ground
from interlock.testing.demo.house import House, a_house, interruptible
from interlock.testing.demo.report import Honest, Judged, Report, honest_of, judged_of
from interlock.testing.demo.story import Played, Story
from interlock.testing.scripts import named_script

__all__ = ["AT_ONCE", "Listener", "play_tricks", "run_demo"]

AT_ONCE = 3
"""Tricks that are played together; more wait for each other's judge."""

WIDTH = 160
"""Columns of the table that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who is told while it goes on.

    Args:
        step: what is done next.
        event: an event of the honest task.
        trick: a trick that ended.
    """

    step: Callable[[str], None]
    event: Callable[[dict[str, Any]], None]
    trick: Callable[[Judged], None]


def run_demo(
    tricks: Sequence[Trick],
    listener: Listener,
    *,
    level: str = "full",
    at_once: int = AT_ONCE,
    evidence: Path | None = None,
) -> Report:
    """Run it; nothing of it is left but the evidence.

    Args:
        level: strongest confinement to use.
        evidence: directory for the bundle, made if it is not there; a new one by default.

    Raises:
        UnavailableError: it cannot be set up or does not come up.
    """
    began = time.monotonic()
    with interruptible():
        listener.step("A small project with a history, set up for Interlock, and its server")
        with a_house(level) as house:
            found = _everything(house, tricks, listener, at_once, evidence)
            report = replace(found, seconds=time.monotonic() - began)
            text = f"{report.table(WIDTH)}\n\n{report.summary()}"
            write_report(Path(report.evidence), report.document(), text)
    return report


def _everything(
    house: House,
    tricks: Sequence[Trick],
    listener: Listener,
    at_once: int,
    evidence: Path | None,
) -> Report:
    level = Level(house.about["level"])
    listener.step(f"Up at level {level.value} ({'; '.join(house.about['reasons'])})")
    listener.step("An honest agent, tests first:")
    honest, first = _honest(house, listener)
    before = ground(house.repository, house.environment)
    judged: dict[str, Judged] = {}
    played = {"honest": first}
    if honest.ok:
        listener.step(f"A cheating agent, {len(tricks)} tricks, {at_once} at a time:")
        for found, one in play_tricks(house, tricks, first.task_id, at_once=at_once):
            judged[found.id], played[f"trick-{found.id}"] = found, one
            listener.trick(found)
    changed = differences(before, ground(house.repository, house.environment))
    # Late: whoever is interrupted leaves nothing.
    directory = evidence or Path(tempfile.mkdtemp(prefix="interlock-evidence-"))
    directory.mkdir(parents=True, exist_ok=True)
    write_bundle(directory, house, played)
    return Report(
        level=level,
        why_level=tuple(house.about["reasons"]),
        honest=honest,
        tricks=tuple(judged[trick.id] for trick in tricks if trick.id in judged),
        trespasses=changed,
        audit=house.verify_audit(),
        evidence=str(directory.resolve()),
    )


def _honest(house: House, listener: Listener) -> tuple[Honest, Played]:
    story = Story(house, listener.event)
    script = named_script("honest")
    ((_, played),) = story.play([(script["description"], script)], until_notice=True)
    return honest_of(played), played


def play_tricks(
    house: House, tricks: Sequence[Trick], other_task: str, *, at_once: int = AT_ONCE
) -> Iterator[tuple[Judged, Played]]:
    """Play each trick as a task of its own; what became of it as soon as it is over.

    Args:
        other_task: id of a task that is not the cheating agent's.
    """
    # A trick must not miss for want of an address.
    names = {
        "STATE": str(house.state.root),
        "PORT": str(house.about["port"]),
        "OTHER_TASK": other_task,
    }
    scripts = [(trick.title, trick.meant(names)) for trick in tricks]
    level = Level(house.about["level"])
    for number, played in Story(house).play(scripts, at_once=at_once):
        # As root each session has a user of its own, at every level.
        yield judged_of(tricks[number], played, level, own_uid=os.geteuid() == 0), played
