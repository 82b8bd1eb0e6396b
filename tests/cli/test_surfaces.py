"""What the surfaces print, where no server is needed to see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interlock.adapters.session_logs import SessionLogs
from interlock.cli.output import fail, readable
from interlock.cli.progress import line
from interlock.definition.loader import load
from interlock.errors import DefinitionError


def test_documents_are_lines_and_not_brackets() -> None:
    document = {
        "title": "Add slugify",
        "is_done": False,
        "criteria": [{"id": "AC-1", "text": "two\nlines"}, "plain"],
        "empty": [],
        "nothing": None,
    }
    assert readable(document, "  ") == [
        "  title: Add slugify",
        "  is_done: no",
        "  criteria:",
        "    - id: AC-1",
        "      text:",
        "        two",
        "        lines",
        "    - plain",
        "  empty: (none)",
        "  nothing: -",
    ]


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert "\x1b" not in "".join(readable({"a\x1b[2J": ["\x1b]0;x\x07"]}))


def test_the_errors_of_a_definition_are_shown_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(DefinitionError) as caught:
        load("name: x\nversion: 1\nphases: 3\nmonitoring: {a: 1}\n")
    fail(caught.value, as_json=False)
    printed = capsys.readouterr().err
    assert "  3 | phases: 3" in printed
    assert "warning" not in printed
    assert printed.count("→") == 1


def test_the_log_of_a_session_ends_with_its_last_ten_lines(tmp_path: Path) -> None:
    text = "\n".join(f"line {n}" for n in range(5000)) + "\n\n\x1b[31mred\x1b[0m\x07\n"
    (tmp_path / "ses_a.log").write_text(text)
    path, lines = SessionLogs(tmp_path)("ses_a")
    assert path == str(tmp_path / "ses_a.log")
    assert lines == (*(f"line {n}" for n in range(4991, 5000)), "red")
    assert SessionLogs(tmp_path)("ses_b") == ("", ())


@pytest.mark.parametrize(
    "kind, data, printed",
    [
        ("task_aborted", {"by": "owner", "reason": ""}, "aborted   by owner"),
        (
            "attempt_ended",
            {"detail": "the session exited in phase PLAN", "exit_code": 9},
            "session   the session exited in phase PLAN (status 9)",
        ),
        (
            "blocker_encountered",
            {"message": "it failed:\nout\nERROR: no", "remedy": "less log"},
            "notice    it failed:\n  ERROR: no\n  → less log",
        ),
    ],
)
def test_an_event_is_a_line_with_what_matters(
    kind: str, data: dict[str, Any], printed: str
) -> None:
    assert line({"event_type": kind, "task_id": "task_x", "data": data}) == printed
