"""The machine's clock."""

from __future__ import annotations

import time

__all__ = ["SystemClock"]


class SystemClock:
    """``ports.clock.Clock`` over the operating system."""

    def now_us(self) -> int:
        """Microseconds of UTC since 1970."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return time.monotonic()
