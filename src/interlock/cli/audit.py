"""``interlock audit verify``: is the record of every call whole?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from interlock.adapters.audit.verify import verify as verify_log
from interlock.cli.output import emit, json_option
from interlock.cli.place import client, here
from interlock.errors import InvalidInputError, UnavailableError
from interlock.ports.audit import Sealed
from interlock.server.records import ANCHORED, anchors_in

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """The sealed record of every call."""


@audit.command("verify")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the verification key that init showed: proves the whole log.",
)
@json_option
def verify(key_file: Path | None, as_json: bool) -> int:
    """Find any edit, removal, swap or cut in the audit log; exit 3 if there is one."""
    _, layout = here()
    anchors, source = _anchors()
    found = verify_log(layout.audit, _key(key_file), anchors)
    document: dict[str, Any] = {**asdict(found), "anchors": len(anchors), "anchors_from": source}
    if found.ok:
        text = f"OK: {found.records} records, proved: {found.proved} ({len(anchors)} anchors)"
        if key_file is None:
            text += "\n  → interlock audit verify --key-file FILE proves the whole log"
    else:
        bad = found.first_bad
        where = f"{bad.segment}:{bad.line}: {bad.why}" if bad else "unknown"
        text = f"BROKEN after {found.records} records: {where}\n  → restore {layout.audit}"
    emit(document, as_json=as_json, text=text)
    return 0 if found.ok else 3


def _key(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return bytes.fromhex(file.read_text().strip())
    except ValueError as error:
        raise InvalidInputError(
            f"{file} does not hold the key that init showed (64 hex digits)",
            code="IL-CLI-020",
            remedy="interlock audit verify",
        ) from error


def _anchors() -> tuple[list[Sealed], str]:
    """Heads that transition events carry; only a running server can read them."""
    try:
        connection = client()
        anchors: list[Sealed] = []
        cursor = 0
        while True:
            events, cursor = connection.events(cursor, types=ANCHORED)
            if not events:
                return anchors, "events"
            anchors += anchors_in(event["data"] for event in events)
    except UnavailableError:
        return [], "none: no server runs, → interlock up"
