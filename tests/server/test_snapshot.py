"""The snapshot has exactly the parts that the workflow lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.server.house import House, at_house

from interlock.core.surroundings import SNAPSHOT_PARTS, CoordinationSpec

ALWAYS = {"task", "role", "confinement", "is_author"}
SAME = {"task_dependencies": "depends_on", "current_phase": "phase", "blockers": "blockers"}


@pytest.mark.parametrize(
    "wanted", [None, (), *((part,) for part in SNAPSHOT_PARTS), SNAPSHOT_PARTS], ids=str
)
def test_these_parts_are_there_and_no_others(
    wanted: tuple[str, ...] | None, tmp_path: Path
) -> None:
    async def story(house: House) -> None:
        house.workflow = replace(house.workflow, coordination=CoordinationSpec(snapshot=wanted))
        first = await house.create()
        await house.now.people.abort(first, by="ada", reason="x", command_id="abort")
        task_id, client, token = await house.working()
        answer: Any = (await client.ask("GET", "/api/v1/state/snapshot", token=token)).json
        there = set(SNAPSHOT_PARTS if wanted is None else wanted)
        assert set(answer) == ALWAYS | there
        assert answer["task"]["task_id"] == task_id
        assert {part for part, key in SAME.items() if key in answer["task"]} == there & set(SAME)

    at_house(tmp_path, story)
