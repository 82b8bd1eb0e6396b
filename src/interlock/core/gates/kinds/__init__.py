"""The general kinds of checks, one file each: what a workflow asks for beyond the named checks."""

from __future__ import annotations

from typing import Final

from interlock.core.gates.kind import CheckKind
from interlock.core.gates.kinds import (
    approval,
    command,
    count,
    dag,
    diff_scope,
    epoch,
    exists,
    quorum,
    recompute,
    schema,
    sections,
    static,
    subset,
    unchanged,
)

__all__ = ["KINDS"]

KINDS: Final[tuple[CheckKind, ...]] = tuple(
    module.KIND
    for module in (
        command,
        exists,
        schema,
        sections,
        count,
        recompute,
        subset,
        dag,
        diff_scope,
        unchanged,
        quorum,
        approval,
        epoch,
        static,
    )
)
