"""Python sources read and rewritten without running them, as ``ports.statics.Statics`` asks."""

from __future__ import annotations

from interlock.statics.manifests import beyond_dependencies
from interlock.statics.python.comments import commented_code
from interlock.statics.python.config import (
    configuration,
    documents_that_run,
    main_configuration,
)
from interlock.statics.python.control import control
from interlock.statics.python.findings import findings
from interlock.statics.python.meaning import meaningless
from interlock.statics.python.mutations import mutations
from interlock.statics.python.public import public_names
from interlock.statics.python.rewriting import rendered, rewritten_tests
from interlock.statics.python.statements import statements
from interlock.statics.python.stubs import stubs
from interlock.statics.python.symbols import affected_symbols, changed_symbols, means_the_same
from interlock.statics.python.written_tests import definitions

__all__ = [
    "affected_symbols",
    "beyond_dependencies",
    "changed_symbols",
    "commented_code",
    "configuration",
    "control",
    "definitions",
    "documents_that_run",
    "findings",
    "main_configuration",
    "meaningless",
    "means_the_same",
    "mutations",
    "public_names",
    "rendered",
    "rewritten_tests",
    "rules",
    "statements",
    "stubs",
]

rules = "python"
