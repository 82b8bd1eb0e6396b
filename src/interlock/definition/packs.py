"""A pack as a definition to load, and as the files that ``init`` writes."""

from __future__ import annotations

from collections.abc import Mapping

from interlock.core.model import EnvironmentSpec
from interlock.definition.builtin import pack_schemas, pack_text
from interlock.definition.editor_schema import (
    EDITOR_SCHEMA,
    editor_schema_file,
    with_mode_line,
)
from interlock.definition.inheritance import pack_file
from interlock.definition.loader import SCHEMAS_DIR, Loaded, load
from interlock.definition.render_environment import render_environment

__all__ = ["load_pack", "pack_files"]


def load_pack(name: str) -> Loaded:
    """A pack's definition, as a team would have it right after ``init``.

    Raises:
        NotFoundError: there is no such pack.
    """
    text, schemas = pack_text(name), pack_schemas(name)
    return load(text, file=pack_file(name), schema_dir=schemas, pack=name)


def pack_files(
    name: str, environment: EnvironmentSpec | None = None, why: Mapping[str, str] | None = None
) -> Mapping[str, bytes]:
    """What ``init`` writes: path from the tree's root → content.

    Args:
        name: of the pack.
        environment: a recipe to write into the workflow file (see ``detect_environment``).
        why: where each of its commands comes from, written above it.

    Raises:
        NotFoundError: there is no such pack.
    """
    text = pack_text(name)
    if environment is not None:
        text = f"{text}\n{render_environment(environment, why)}"
    text = with_mode_line(text, SCHEMAS_DIR)
    schemas = {**pack_schemas(name), EDITOR_SCHEMA: editor_schema_file()}
    written = {f"{SCHEMAS_DIR}/{file}": data for file, data in schemas.items()}
    return {"agent_workflow.yaml": text.encode(), **written}
