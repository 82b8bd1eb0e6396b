"""Where measured values leave the server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from interlock.core.metrics import Sample

__all__ = ["MetricsExport"]


class MetricsExport(Protocol):
    """Blocking; what cannot be written is the export's to report, and stops nothing."""

    def write(self, kind: str, samples: Sequence[Sample], at: int) -> None:
        """Put down what was measured.

        Args:
            kind: ``jsonl`` adds one line, ``prometheus`` replaces the page.
            at: UTC in microseconds.
        """
        ...
