"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from interlock.core.events import EventType
from interlock.core.states import GATE, HOLDER, TABLE, TaskStatus

ROOT = Path(__file__).parent.parent.parent
_spec = importlib.util.spec_from_file_location("docs_pages", ROOT / "tools" / "docs.py")
assert _spec is not None
assert _spec.loader is not None
pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(pages)


@pytest.mark.parametrize("name", sorted(pages.PAGES))
def test_a_page_is_what_the_code_makes_of_it(name: str) -> None:
    there = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert there == pages.PAGES[name](), "run: .venv/bin/python tools/docs.py"


def drawn(title: str) -> set[tuple[str, str, str]]:
    """Edges of one diagram of the state machine, read as a reader would."""
    page = (ROOT / "docs" / "state-machine.md").read_text(encoding="utf-8")
    diagram = page.split(f"## {title}\n")[1].split("```mermaid\n")[1].split("```")[0]
    edges = re.findall(r"^ *(\S+) --> (\S+?)(?:: (\w+))?$", diagram, re.MULTILINE)
    around = [(after, event) for before, after, event in edges if before == "open"]
    inside = {s.value for s in TaskStatus if not s.is_final and s is not TaskStatus.NEW}
    every = {(place, after, event) for place in inside for after, event in around}
    return {edge for edge in edges if edge[2] and edge[0] != "open"} | every


def test_the_drawn_task_moves_as_the_table_says() -> None:
    names = {s: "[*]" if s is TaskStatus.NEW else s.value for s in TaskStatus}
    moves = {(names[a], names[b], event.value) for (a, event), b in TABLE.items()}
    assert drawn("Task") == moves


@pytest.mark.parametrize("title, places", [("Attempt", HOLDER), ("Gate", GATE)])
def test_a_drawn_part_moves_only_with_its_task(title: str, places: Any) -> None:
    edges = drawn(title)
    assert {place for edge in edges for place in edge[:2]} == {"[*]", *places.values()}
    for (source, event), target in TABLE.items():
        before, after = places.get(source, "[*]"), places.get(target, "[*]")
        ends = event is EventType.PHASE_CHANGED
        moves = (before, "[*]" if ends else after, event.value)
        assert (moves in edges) is (moves[0] != moves[1])


def test_every_event_is_told() -> None:
    page = (ROOT / "docs" / "state-machine.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\w+)` \|", page.split("## Every event")[1], re.MULTILINE)
    assert set(told) == set(EventType)
