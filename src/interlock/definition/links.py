"""Paths below the repository's top at which other tools look for records: ``init`` puts links into
the state there."""

from __future__ import annotations

from typing import Final

from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields

__all__ = ["AUDIT_LINK", "EVENTS_LINK", "METRICS_LINKS", "read_link"]

EVENTS_LINK: Final = ".orchestrator/events.db"
AUDIT_LINK: Final = ".orchestrator/tool_audit.jsonl"
METRICS_LINKS: Final = {
    "jsonl": ".orchestrator/metrics.jsonl",
    "prometheus": ".orchestrator/metrics.prom",
}
"""Kind of export → where its link is put unless a path is given."""


def read_link(
    fields: Fields, key: str, default: str, findings: Findings, *, is_rooted: bool = False
) -> str:
    """A path below the repository's top at which a link is put.

    Args:
        is_rooted: a path may begin with ``/``, which is the repository's top as in patterns.
    """
    path = (fields.text(key) or default).removeprefix("/" if is_rooted else "")
    path = path.removeprefix("./")
    if not path.isprintable() or any(part in ("", ".", "..") for part in path.split("/")):
        message = f"'{path}' is no path below the repository's top"
        findings.error(
            Code.BAD_PATTERN,
            message,
            fields.place(key),
            help=f"Write a path such as {default}; `interlock init` puts a link there.",
        )
    return path
