"""What the command prints: agent-written text is inert, nothing is cut, help is cheap."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.cli.main import VERBS, cli
from interlock.cli.output import clean, dumps, table
from interlock.cli.progress import line

HEAVY = {
    "asyncio",
    "msgspec",
    "starlette",
    "uvicorn",
    "uvloop",
    "yaml",
    "jwt",
    "sqlite3",
    "tree_sitter",
    "pathspec",
    "jsonschema_rs",
    "logging",
    "ssl",
}


@given(st.text())
def test_nothing_that_a_terminal_would_obey_is_left(text: str) -> None:
    shown = clean(text)
    assert not any(ord(c) < 32 for c in shown)
    assert not any(127 <= ord(c) < 160 for c in shown)


@pytest.mark.parametrize(
    "text",
    ["\x1b[2Jx", "\x1b]8;;http://evil\x07x", "\x1b]0;title\x07x", "\x9b31mx", "a\rx", "\x08x"],
)
def test_sequences_are_replaced_and_the_text_stays(text: str) -> None:
    assert clean(text).endswith("x")
    assert "\x1b" not in clean(text)


def test_text_that_reads_in_another_order_is_shown_in_its_own() -> None:
    assert clean("a\u202eb\u2066c\u200bd") == "a�b�c�d"


def test_a_table_cuts_nothing() -> None:
    long = "task_" + "x" * 200
    assert long in table([{"id": long, "title": "t"}], ["id", "title"])


def test_lines_of_the_list_are_those_of_the_commands() -> None:
    context = click.Context(cli)
    for verb, (_, said) in VERBS.items():
        command = cli.get_command(context, verb)
        assert command is not None
        assert command.get_short_help_str(limit=200).rstrip(".") == said.rstrip(".")


@pytest.mark.parametrize("words", [["--help"], ["task", "--help"], ["show", "--help"], ["nothing"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys\nfrom interlock.cli.main import main\n"
        f"main({words!r})\nprint(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stderr.split())
    allowed = {"ssl"} if words[0] in ("task", "show") else set()
    assert loaded & HEAVY - allowed == set()


def test_json_is_safe_to_look_at_and_says_the_same() -> None:
    document = {"a": "\x1b[31m\x9b31m\u202e\u200b\ud800é"}
    shown = dumps(document)
    assert shown.isascii() is False
    assert not any(c in shown for c in "\x1b\x9b\u202e\u200b\ud800")
    assert json.loads(shown) == document


@given(st.text(), st.text())
def test_an_agent_writes_no_line_of_progress(title: str, why: str) -> None:
    def event(kind: str, **data: object) -> dict[str, object]:
        return {"event_type": kind, "task_id": "task_1", "data": data}

    assert len(line(event("task_created", title=title)).splitlines()) == 1
    noticed = line(event("blocker_encountered", message="it failed", remedy=why))
    assert len(noticed.splitlines()) == 2
    assert len(line(event("tool_denied", tool=title, message=why)).splitlines()) == 1
    imported = line(event("tree_imported", changed=[], refused={title: "x" + why}, ignored=[title]))
    assert len(imported.splitlines()) == 3


def test_an_import_is_said_in_few_lines() -> None:
    refused = {f"src/{number}": "a fifo → remove it" for number in range(30)}
    data = {"changed": ["a"], "refused": {**refused, "b/": "a cache → x"}, "ignored": ["build/"]}
    said = line({"event_type": "tree_imported", "task_id": "t", "data": data}).splitlines()
    assert said[1] == "  ✗ not imported: src/0: a fifo → remove it"
    assert "10 more" in said[21]
    assert "build/" in said[22]
    assert len(said) == 23


def test_an_agent_writes_no_row_of_a_table() -> None:
    rows = [{"title": "x\ntask_2  completed"}]
    assert len(table(rows, ["title"]).splitlines()) == 2


def test_an_event_of_a_kind_that_is_not_shown_is_no_line() -> None:
    assert line({"event_type": "artifact_stored", "data": {}, "task_id": "t"}) == ""
