"""YAML text to `core.model`, with positions, and diagnostics a person can act on."""

from __future__ import annotations

from interlock.definition.artifacts import ArtifactValidator
from interlock.definition.builtin import pack_names
from interlock.definition.detect import detect_environment
from interlock.definition.diagnostics import Diagnostic, Level, render
from interlock.definition.loader import Loaded, load, load_tree
from interlock.definition.packs import load_pack, pack_files

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
