"""Python sources read and rewritten without running them, as ``ports.statics.Statics`` asks."""

from __future__ import annotations

from interlock.statics.python.config import configuration, main_configuration
from interlock.statics.python.control import control
from interlock.statics.python.findings import findings
from interlock.statics.python.stubs import stubs
from interlock.statics.python.symbols import changed_symbols
from interlock.statics.python.twin import twin

__all__ = [
    "changed_symbols",
    "configuration",
    "control",
    "findings",
    "main_configuration",
    "stubs",
    "twin",
]
