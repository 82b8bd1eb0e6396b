"""One server per confinement level, on which every selected trick is played once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from tests.adversary.names import TRICKS

from interlock.testing.adversary.tricks import Trick
from interlock.testing.demo.house import a_house
from interlock.testing.demo.report import Judged
from interlock.testing.demo.run import play_tricks


@pytest.fixture(scope="module", params=["full", "none"])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def judged(level: str, request: pytest.FixtureRequest) -> Iterator[Mapping[str, Judged]]:
    """What became of each trick that this run asks for, by id.

    They are played together, because most of a trick's time is waiting.
    """
    given = [getattr(item, "callspec", None) for item in request.session.items]
    tricks = [one.params.get("trick") for one in given if one is not None]
    asked = {trick.id for trick in tricks if isinstance(trick, Trick)}
    with a_house(level) as house:
        if house.about["level"] != level:
            pytest.skip(f"NOT RUN: level {level}: {'; '.join(house.about['reasons'])}")
        other = house.client.create_task("Somebody else's work")
        wanted = [trick for trick in TRICKS if trick.id in asked]
        yield {found.id: found for found, _ in play_tricks(house, wanted, other["task_id"])}
