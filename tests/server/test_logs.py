"""Logs: one JSON object a line, with the fields that a call gives."""

from __future__ import annotations

import json
import logging

from interlock.server.logs import JsonLines


def line(record: logging.LogRecord) -> dict[str, object]:
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_a_record_is_one_line_with_its_fields() -> None:
    logger = logging.getLogger("interlock.test")
    extra = {"task_id": "task_1", "code": "IL-X\n"}
    record = logger.makeRecord("n", logging.WARNING, "f", 1, "step_failed", (), None, extra=extra)
    found = line(record)
    assert found["event"] == "step_failed"
    assert found["level"] == "warning"
    assert (found["task_id"], found["code"]) == ("task_1", "IL-X\n")
    assert str(found["timestamp"]).endswith("+00:00")


def test_an_exception_is_part_of_its_line() -> None:
    try:
        raise ValueError("why")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("n", logging.ERROR, "f", 1, "unhandled", (), info)
    assert "ValueError: why" in str(line(record)["exception"])
