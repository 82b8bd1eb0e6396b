"""Whether a handed-in document is what its schema asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import jsonschema_rs

from interlock.core.model import WorkflowSpec
from interlock.definition.builtin import REVIEW_VERDICT
from interlock.definition.json_text import canonical, why_not_json
from interlock.definition.schemas import REGEX, stem_of

__all__ = ["MAX_PROBLEMS", "ArtifactValidator", "Problem", "schema_file", "schema_name"]

Problem = tuple[str, str]
"""JSON pointer into the document, and what is wrong there."""

MAX_PROBLEMS: Final = 50
_MAX_MESSAGE = 300


class ArtifactValidator:
    """The schemas of one definition, compiled once however often it is asked for.

    Args:
        workflow: a loaded definition.
    """

    def __init__(self, workflow: WorkflowSpec) -> None:
        self._workflow = workflow
        self._validators = {
            name: _compile(canonical(schema)) for name, schema in workflow.schemas.items()
        }

    def problems_by(self, schema: str, document: Any) -> list[Problem]:
        """What a schema of the definition, by its key, has against any document."""
        return check_document(self._validators[schema], document)

    def problems(self, type: str, document: Any, *, phase: str | None = None) -> list[Problem]:
        """What is wrong with a document; empty if it is valid.

        Args:
            type: an artifact type of the definition.
            document: plain JSON values.
            phase: where it is handed in, if phases name different schemas for the type.
        """
        schema = schema_name(self._workflow, type, phase)
        if schema is None:
            return [("", f"no phase asks for an artifact of type '{type}'")]
        return check_document(self._validators[schema], document)


def schema_name(workflow: WorkflowSpec, type: str, phase: str | None = None) -> str | None:
    """Key in ``WorkflowSpec.schemas`` of what a document is held against."""
    first = [p for p in workflow.phases if p.id == phase]
    for spec in (*first, *workflow.phases):
        for artifact in spec.required_artifacts:
            if artifact.type == type:
                return artifact.schema
    if type == REVIEW_VERDICT:
        return next((name for name in workflow.schemas if stem_of(name) == type), None)
    return None


def schema_file(workflow: WorkflowSpec, type: str, phase: str | None = None) -> str:
    """Where in the tree that schema lies; empty if it stands in the workflow file itself."""
    return workflow.schema_files.get(schema_name(workflow, type, phase) or "", "")


def check_document(validator: jsonschema_rs.Draft202012Validator, document: Any) -> list[Problem]:
    """What a compiled schema has against a document, at most ``MAX_PROBLEMS``."""
    unfit = why_not_json(document)
    if unfit:
        return [("", unfit)]
    errors = islice(validator.iter_errors(document), MAX_PROBLEMS)
    return [(_pointer(e.instance_path), e.message[:_MAX_MESSAGE]) for e in errors]


@lru_cache(maxsize=256)
def _compile(schema: bytes) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema), offline=True, pattern_options=REGEX
    )


def _pointer(path: Iterable[str | int]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "".join(f"/{part}" for part in parts)
