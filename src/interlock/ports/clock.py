"""Time as something handed in, so that tests decide what time it is."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Two times: one for people and records, one for measuring how long something took."""

    def now_us(self) -> int:
        """Microseconds of UTC since 1970; may jump, never used for order."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...
