"""What an agent wrote stays text: no surface prints anything that a terminal would obey, and no
line of an agent's looks like one of ours."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from tests.server.house import House, at_house
from tests.server.test_levels import Seen, journey

from interlock.cli import approvals, tasks, why
from interlock.cli.output import dumps, emit, readable, say, table
from interlock.cli.progress import line
from interlock.core.events import EventType

HOSTILE = "a\x1b[31m\x1b]8;;http://evil\x07b\x9b2J\u202ec\u200bd\x00\r\nOK: interlock approve\x7f"
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
OURS = {
    # What only the server or the workflow writes: states, ids, digests, commands.
    *("status", "kind", "outcome", "severity", "event_type", "verdict", "check", "who", "strength"),
    *("confinement", "judged", "weakest_confinement", "level", "gate", "id", "role", "phase"),
    *("task_id", "session_id", "agent_id", "tree", "branch", "commit", "base_commit", "binding"),
    *("gates", "tools"),
    *("command", "approve", "reject", "target", "source", "artifact", "tool", "digest"),
}


def poisoned(value: Any, key: str = "") -> Any:
    """The same with hostile text wherever text is, keys of free mappings included."""
    match value:
        case str() if key not in OURS:
            return HOSTILE
        case dict() if key in ("artifacts", "refused", "evidence", "failing"):
            return {f"{name}{HOSTILE}": poisoned(inner) for name, inner in value.items()}
        case dict():
            return {name: poisoned(inner, name) for name, inner in value.items()}
        case list():
            return [poisoned(inner, key if isinstance(inner, str) else "") for inner in value]
    return value


@pytest.fixture(scope="module")
def seen() -> Seen:
    found: Seen = {}

    async def story(house: House) -> None:
        found.update(await journey(house))

    with tempfile.TemporaryDirectory() as place:
        at_house(Path(place), story)
    return found


SURFACES: dict[str, Callable[[Seen], str]] = {
    "show": lambda seen: tasks.describe(poisoned(seen["waiting"])),
    "show, at the end": lambda seen: tasks.describe(poisoned(seen["task"])),
    "task list": lambda seen: table([poisoned(seen["list"])], ["task_id", "title", "phase"]),
    "why": lambda seen: why._tree(poisoned(seen["why"])),
    "inbox": lambda seen: approvals._item(poisoned(seen["inbox"])),
    "a document": lambda seen: "\n".join(readable(poisoned(seen["inbox"]["artifacts"]))),
    "json": lambda seen: dumps(poisoned(seen["inbox"])),
    **{
        f"run, {kind.value}": lambda seen, kind=kind: line(event(seen, kind))  # type: ignore[misc]  # bound now
        for kind in EventType
    },
}


def event(seen: Seen, kind: EventType) -> dict[str, Any]:
    """An event of the kind with hostile text, if the journey had one."""
    there = seen["events"].get(kind.value)
    return poisoned(there) if there else {"event_type": "", "task_id": "", "data": {}}


@pytest.mark.parametrize("name", SURFACES)
def test_nothing_that_a_terminal_obeys_is_printed(seen: Seen, name: str) -> None:
    text = click.unstyle(SURFACES[name](seen)) if name == "why" else SURFACES[name](seen)
    # Before the last look that every print gets.
    assert not OBEYED.search(text), repr(OBEYED.search(text))
    # A line that an agent began would begin at the left, where the command's own lines do.
    assert not re.search(r"^OK: interlock", text, re.MULTILINE)


def test_the_journey_meets_the_events_that_carry_text(seen: Seen) -> None:
    wanted = {"task_created", "artifact_submitted", "verdict_submitted", "tree_imported"}
    assert wanted <= set(seen["events"])


def test_json_gives_the_text_back_as_it_was() -> None:
    assert json.loads(dumps({"text": HOSTILE})) == {"text": HOSTILE}


@pytest.mark.parametrize("out", [lambda text: emit(None, as_json=False, text=text), say])
def test_what_a_surface_forgot_is_caught_where_it_is_printed(
    out: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    out(f"{HOSTILE}\nsecond")
    printed = "".join(capsys.readouterr())
    assert not OBEYED.search(re.sub(r"\x1b\[\d+m", "", printed))
    assert printed.endswith("second\n")
