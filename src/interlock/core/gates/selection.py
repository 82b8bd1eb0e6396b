"""Paths by patterns, as checks name them: gitignore-style, from the tree's root."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interlock.core.policy.paths import PathRules
from interlock.errors import DefinitionError

__all__ = ["Selection"]


class Selection:
    """The paths that patterns name; a pattern that means nothing names none.

    Args:
        patterns: what is named.
        but: what is left out all the same.
    """

    def __init__(self, patterns: Iterable[str], but: Iterable[str] = ()) -> None:
        try:
            self._rules: PathRules | None = PathRules(tuple(patterns), tuple(but), protected=())
        except DefinitionError:
            self._rules = None

    def __contains__(self, path: str) -> bool:
        return self._rules is not None and self._rules.why_not(path) is None

    def of(self, paths: Iterable[str]) -> Iterator[str]:
        """Those of the paths that are named."""
        return (path for path in paths if path in self)
