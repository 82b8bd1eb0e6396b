"""A clock that moves only when it is told to."""

from __future__ import annotations

__all__ = ["FakeClock"]


class FakeClock:
    """``ports.clock.Clock`` for tests.

    Args:
        start_us: the first wall time, in microseconds since 1970.
    """

    def __init__(self, start_us: int = 1_700_000_000_000_000) -> None:
        self._wall_us = start_us
        self._elapsed_us = 0

    def now_us(self) -> int:
        """Wall time in microseconds."""
        return self._wall_us

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed_us / 1_000_000

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        if seconds < 0:
            raise ValueError("time does not go back; use jump() for the wall clock")
        step = round(seconds * 1_000_000)
        self._wall_us += step
        self._elapsed_us += step

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator or NTP does."""
        self._wall_us += round(seconds * 1_000_000)
