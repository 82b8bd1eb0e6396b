"""The data that comes with Interlock: packs, one directory each, with their schemas."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from interlock.definition.codes import Code
from interlock.definition.diagnostics import did_you_mean
from interlock.errors import NotFoundError

__all__ = [
    "REVIEW_VERDICT",
    "pack_names",
    "pack_schemas",
    "pack_starter",
    "pack_text",
    "review_verdict_schema",
]

REVIEW_VERDICT = "review_verdict"
"""What one reviewer hands in: an artifact type that no phase has to ask for."""

_WORKFLOW = "workflow.yaml"


def pack_names() -> tuple[str, ...]:
    """All packs that come with Interlock."""
    root = files("interlock.packs")
    return tuple(sorted(item.name for item in root.iterdir() if item.joinpath(_WORKFLOW).is_file()))


def pack_text(name: str) -> str:
    """The workflow file of a pack.

    Raises:
        NotFoundError: there is no such pack.
    """
    return _directory(name).joinpath(_WORKFLOW).read_text("utf-8")


def pack_starter(name: str) -> str:
    """A commented file that builds on the pack, for a team to begin with.

    Raises:
        NotFoundError: there is no such pack.
    """
    file = _directory(name).joinpath("extending.yaml")
    return file.read_text("utf-8") if file.is_file() else f"extends: {name}\n"


def pack_schemas(name: str) -> dict[str, bytes]:
    """The schema files of a pack itself, by file name; without those of what it builds on.

    Raises:
        NotFoundError: there is no such pack.
    """
    folder = _directory(name).joinpath("schemas")
    if not folder.is_dir():
        return {}
    return {
        item.name: item.read_bytes()
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".json")
    }


@cache
def review_verdict_schema() -> bytes:
    """The schema of a verdict for workflows that bring none of their own."""
    return pack_schemas("tdd")[f"{REVIEW_VERDICT}.schema.json"]


def _directory(name: str) -> Traversable:
    known = pack_names()
    if name not in known:
        raise NotFoundError(
            f"There is no pack '{name}'", code=Code.NO_PACK, remedy=did_you_mean(name, known)
        )
    return files("interlock.packs").joinpath(name)
