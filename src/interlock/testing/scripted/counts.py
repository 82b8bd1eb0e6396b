"""What pytest said at the end of its output, as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["counts"]

_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected)\b")
_SUMMARY = re.compile(r"(?:no tests ran|\d+ [a-z]+).* in [\d.]+s")


def counts(result: Mapping[str, Any]) -> dict[str, Any]:
    """Counts out of a command's result, beside what the result holds.

    Args:
        result: with ``output`` (text of a pytest run) and ``exit_code``.

    Returns:
        The result with ``passed``, ``failed``, ``errors``, ``skipped``, and ``bad`` = failed +
        errors. All zero if no summary line is there.
    """
    found = {"passed": 0, "failed": 0, "errors": 0, "skipped": 0}
    lines = str(result.get("output", "")).splitlines()
    summary = next((line for line in reversed(lines) if _SUMMARY.search(line)), "")
    for number, word in _COUNT.findall(summary):
        key = "errors" if word.startswith("error") else word
        if key in found:
            found[key] = int(number)
    return {**result, **found, "bad": found["failed"] + found["errors"]}
