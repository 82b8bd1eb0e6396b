"""Figures, the budgets they have to keep, and the rounds they come from."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Budget", "Figure", "Measured", "NotRunError", "Plan", "interleaved", "ratio"]


class NotRunError(Exception):
    """This machine lacks what a measurement needs; the text says what."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Args:
        rounds: of everything that is interleaved.
        quick: a sample for CI: shorter rounds, and no suite of a minute.
    """

    rounds: int = 7
    quick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Something measured.

    Args:
        rounds: one value per round, in order; ``value`` is their median.
        unit: ``ms``, ``s``, ``1/s`` or ``x``.
    """

    name: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A bound that a figure has to keep.

    Args:
        limit: in the figure's unit.
        at_least: whether the figure must not be lower; else it must not be higher.
    """

    figure: Figure
    limit: float
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """The verdict."""
        value = self.figure.value
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measurement: what it found, and what of that has a budget."""

    figures: tuple[Figure, ...]
    budgets: tuple[Budget, ...]


def interleaved(
    rounds: int, parts: Mapping[str, Callable[[], float]]
) -> dict[str, tuple[float, ...]]:
    """Each part once per round; every other round in reverse, so that none always follows one.

    Returns:
        Name → one value per round.
    """
    found: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(rounds):
        order = list(parts) if number % 2 == 0 else list(parts)[::-1]
        for name in order:
            found[name].append(parts[name]())
    return {name: tuple(values) for name, values in found.items()}


def ratio(name: str, over: Sequence[float], under: Sequence[float]) -> Figure:
    """Quotients within each round: what slowed a whole round down is in both."""
    quotients = tuple(a / b for a, b in zip(over, under, strict=True))
    return Figure(name=name, unit="x", rounds=quotients)
