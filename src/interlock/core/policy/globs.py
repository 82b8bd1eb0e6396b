"""Lists of gitignore-style globs, safe from hostile globs and from lenient libraries.

A list becomes one linear-time automaton (RE2): a hostile glob costs bounded memory, never time. A
pattern that cannot be compiled exactly as written is an error: a rule that silently matches nothing
is an open door.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pathspec import GitIgnoreSpec

from interlock.core.policy.pathshape import fold_text

__all__ = ["Globs", "PatternError", "compiled"]

MAX_PATTERNS: Final = 512
MAX_PATTERN_LENGTH: Final = 512

# What GitIgnoreSpec drops silently, compiles to something else than git, or warns about.
_DOUBTFUL: Final = re.compile(r"\[\[|\[[^\]]*(?:\[|--|&&|~~|\|\|)|[\x00-\x1f\x7f]")


class Globs:
    """One list of globs in two compiled forms: as written, and folded."""

    __slots__ = ("folded", "patterns", "plain", "raw")

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        # Of these patterns a text in lower case matches all that it matches in any other.
        self.plain = all(p.isascii() and "[" not in p and p[:1] != "!" for p in patterns)
        self.raw = _compile(patterns)
        folded = tuple(fold_text(pattern) for pattern in patterns)
        self.folded = self.raw if folded == patterns else _compile(folded)

    def either(self, path: str, folded: str) -> bool:
        """Whether the path or what it could be taken for matches."""
        if self.folded.match_file(folded, ()):
            return True
        # The same automaton and the same text give the same answer.
        if self.raw is self.folded and path == folded:
            return False
        if self.plain and path.isascii() and len(path) == len(folded):
            return False
        return self.raw.match_file(path, ())

    def both(self, path: str, folded: str) -> bool:
        """Whether the path matches, whatever it is taken for."""
        if not self.raw.match_file(path, ()):
            return False
        if self.raw is self.folded and path == folded:
            return True
        return self.folded.match_file(folded, ())

    def deciding(self, path: str, folded: str) -> int:
        """Index of the pattern that decided ``either``; slow, for messages."""
        for spec, text in ((self.raw, path), (self.folded, folded)):
            found = spec.check_file(text, ())
            if found.include and found.index is not None:
                return int(found.index)
        return 0


@lru_cache(maxsize=512)
def compiled(patterns: tuple[str, ...]) -> Globs:
    """The list, compiled once.

    Raises:
        PatternError: a pattern cannot be compiled exactly as written.
    """
    return Globs(patterns)


class PatternError(Exception):
    """A pattern that would not mean what it says; ``why`` is the end of a sentence."""

    def __init__(self, pattern: str, why: str) -> None:
        super().__init__(pattern, why)
        self.pattern = pattern
        self.why = why


def _compile(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    if len(patterns) > MAX_PATTERNS:
        raise PatternError(patterns[0], f"there are more than {MAX_PATTERNS} patterns in one list")
    for pattern in patterns:
        if not pattern.strip():
            raise PatternError(pattern, "it is blank")
        if len(pattern) > MAX_PATTERN_LENGTH:
            raise PatternError(pattern, f"it is longer than {MAX_PATTERN_LENGTH} characters")
        if _DOUBTFUL.search(pattern):
            raise PatternError(
                pattern, "it has a character class or character that globs do not have"
            )
    try:
        spec = GitIgnoreSpec.from_lines(patterns, backend="re2")
    except Exception as error:
        # Whatever the two libraries raise: without a compiled rule nothing may go on.
        raise PatternError(_culprit(patterns), "it is not a valid glob") from error
    for pattern, one in zip(patterns, spec.patterns, strict=True):
        if one.include is None:
            raise PatternError(
                pattern, "git would ignore it (a comment, or a broken character class)"
            )
    return spec


def _culprit(patterns: tuple[str, ...]) -> str:
    """The first pattern that does not compile alone, for the message."""
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern], backend="re2")
        except Exception:
            return pattern
    return ", ".join(patterns)[:MAX_PATTERN_LENGTH]
