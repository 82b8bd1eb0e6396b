"""Schemas of parameters that several kinds have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["globs", "phase", "reference", "texts", "whole"]

Schema = Mapping[str, Any]


def reference(description: str) -> Schema:
    """A place in a document, see ``gates.references``."""
    return {
        "type": "string",
        "minLength": 1,
        "format": "reference",
        "title": "a reference such as plan_document#/acceptance_criteria/*/id",
        "description": description,
    }


def globs(description: str) -> Schema:
    """A list of path patterns."""
    item = {"type": "string", "minLength": 1, "format": "glob"}
    return {
        "type": "array",
        "items": item,
        "minItems": 1,
        "title": "a list of path patterns",
        "description": description,
    }


def texts(title: str, description: str, **more: Any) -> Schema:
    """A list of texts, not empty."""
    return {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "title": title,
        "description": description,
        **more,
    }


def whole(description: str, *, least: int, most: int, **more: Any) -> Schema:
    """A whole number within bounds."""
    return {
        "type": "integer",
        "minimum": least,
        "maximum": most,
        "title": f"a whole number from {least} to {most}",
        "description": description,
        **more,
    }


def phase(description: str) -> Schema:
    """The id of a phase of the workflow."""
    return {
        "type": "string",
        "minLength": 1,
        "format": "phase",
        "title": "the id of a phase",
        "description": description,
    }
