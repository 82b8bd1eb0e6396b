"""YAML text to `core.model`, with positions, and diagnostics a person can act on.

What is named here is loaded when it is asked for: a server that only needs the validator does not
wait for the YAML reader.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock.definition.artifacts import ArtifactValidator
    from interlock.definition.builtin import pack_names
    from interlock.definition.detect import detect_environment
    from interlock.definition.diagnostics import Diagnostic, Level, render
    from interlock.definition.loader import Loaded, load, load_tree
    from interlock.definition.packs import load_pack, pack_files

_PLACES = {
    "ArtifactValidator": "artifacts",
    "Diagnostic": "diagnostics",
    "Level": "diagnostics",
    "Loaded": "loader",
    "detect_environment": "detect",
    "load": "loader",
    "load_pack": "packs",
    "load_tree": "loader",
    "pack_files": "packs",
    "pack_names": "builtin",
    "render": "diagnostics",
}

__all__ = [
    "ArtifactValidator",
    "Diagnostic",
    "Level",
    "Loaded",
    "detect_environment",
    "load",
    "load_pack",
    "load_tree",
    "pack_files",
    "pack_names",
    "render",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    if (place := _PLACES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{place}"), name)
