"""Which paths a phase may write: forbidden first, then protected, then allowed.

Three separate lists of gitignore-style globs, each compiled once into one linear-time automaton
(RE2): a hostile glob costs memory that is bounded, never time. A pattern that cannot be compiled
exactly as written is an error, because a rule that silently matches nothing is an open door.

Forbidden and protected also match what a lenient file system would take the path for (case, width,
streams); allowed must match both ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from pathspec import GitIgnoreSpec

from interlock.core.model import PhaseSpec, Position, ToolConstraint, WorkflowSpec
from interlock.core.policy import pathshape
from interlock.core.policy.names import WRITING
from interlock.core.policy.permissions import permitted
from interlock.core.policy.protected import PROTECTED, Protected
from interlock.core.reasons import Reason
from interlock.errors import DefinitionError

__all__ = ["EVERYTHING", "PathRules", "constrained", "writable"]

EVERYTHING: Final = ("**",)
"""The allow-list of a phase whose workflow names no patterns."""

MAX_PATTERNS: Final = 512
MAX_PATTERN_LENGTH: Final = 512

# What GitIgnoreSpec drops silently, compiles to something else than git, or warns about.
_DOUBTFUL: Final = re.compile(r"\[\[|\[[^\]]*(?:\[|--|&&|~~|\|\|)|[\x00-\x1f\x7f]")


class _Globs:
    """One list of globs in two compiled forms: as written, and folded."""

    __slots__ = ("folded", "patterns", "raw")

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.patterns = patterns
        self.raw = _compile(patterns)
        folded = tuple(pathshape.fold_text(pattern) for pattern in patterns)
        self.folded = self.raw if folded == patterns else _compile(folded)

    def either(self, path: str, folded: str) -> bool:
        """Whether the path or what it could be taken for matches."""
        if self.folded.match_file(folded, ()):
            return True
        # The same automaton and the same text give the same answer.
        if self.raw is self.folded and path == folded:
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
def _globs(patterns: tuple[str, ...]) -> _Globs:
    return _Globs(patterns)


@dataclass(frozen=True, slots=True)
class PathRules:
    """What may be written.

    Args:
        allowed: globs; an empty list allows nothing, ``EVERYTHING`` everything.
        forbidden: globs that win over ``allowed``.
        protected: globs with the reason why a person has to agree.
        phase: id of the phase, for messages.
        position: where the constraint is written.

    Raises:
        DefinitionError: a pattern cannot be compiled exactly as written.
    """

    allowed: tuple[str, ...]
    forbidden: tuple[str, ...] = ()
    protected: tuple[Protected, ...] = PROTECTED
    phase: str = ""
    position: Position | None = None
    _compiled: tuple[_Globs, _Globs, _Globs] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        protected = tuple(item.pattern for item in self.protected)
        for pattern in protected:
            if pattern.startswith("!"):
                raise _bad(pattern, "protection cannot be lifted by a pattern", self.position)
        try:
            compiled = (_globs(self.forbidden), _globs(protected), _globs(self.allowed))
        except _PatternError as error:
            raise _bad(error.pattern, error.why, self.position) from error
        object.__setattr__(self, "_compiled", compiled)

    def why_not(self, path: str) -> Reason | None:
        """``None`` if the path may be written, else the reason that decides.

        Args:
            path: normal relative POSIX path from the tree's root.
        """
        if pathshape.malformed(path) is not None:
            return self.reasons(path)[0]
        folded = pathshape.fold(path)
        forbidden, protected, allowed = self._compiled
        if (
            pathshape.names_git(folded)
            or forbidden.either(path, folded)
            or protected.either(path, folded)
            or not allowed.both(path, folded)
        ):
            return self.reasons(path)[0]
        return None

    def reasons(self, path: str) -> tuple[Reason, ...]:
        """Every reason against writing the path, the deciding one first; none means it may."""
        if why := pathshape.malformed(path):
            remedy = "Name the file by its plain path from the root of the tree, like src/app.py."
            return (self._reason("path.malformed", path, f"refused: {why}", remedy),)
        folded = pathshape.fold(path)
        if pathshape.names_git(folded):
            remedy = "Leave git's own files alone: the server commits what the gates let through."
            return (self._reason("path.protected", path, "belongs to git itself", remedy),)
        forbidden, protected, allowed = self._compiled
        found: list[Reason] = []
        if forbidden.either(path, folded):
            pattern = self.forbidden[forbidden.deciding(path, folded)]
            found.append(
                self._reason(
                    "path.forbidden", path, f"is forbidden here by '{pattern}'", "", pattern
                )
            )
        if protected.either(path, folded):
            item = self.protected[protected.deciding(path, folded)]
            remedy = f"Ask a person: request_approval(reason='change {path}: …')."
            what = f"is protected: {item.why}"
            found.append(self._reason("path.protected", path, what, remedy, item.pattern))
        if not allowed.both(path, folded):
            found.append(self._not_allowed(path))
        return tuple(found)

    def _not_allowed(self, path: str) -> Reason:
        if not self.allowed:
            what, remedy = "cannot be written: nothing can in this phase", ""
        else:
            what = "is not among the paths that can be written here"
            remedy = f"Write to a path that matches one of: {', '.join(self.allowed)}."
        return self._reason("path.not_allowed", path, what, remedy)

    def _reason(self, rule: str, path: str, what: str, remedy: str, pattern: str = "") -> Reason:
        facts: dict[str, object] = {"path": path, "phase": self.phase}
        if pattern:
            facts["pattern"] = pattern
        if rule == "path.not_allowed":
            facts["allowed_patterns"] = list(self.allowed)
        shown = path if path.isprintable() else ascii(path)[1:-1]
        return Reason(
            rule=rule,
            message=f"{shown[:200]} {what}.",
            remedy=remedy,
            position=self.position,
            facts=facts,
        )


# (workflow digest, phase id) → the phase they were made from and the rules.
_CACHE: Final[dict[tuple[str, str], tuple[PhaseSpec, tuple[str, ...], PathRules]]] = {}
_CACHE_SIZE: Final = 256


def writable(workflow: WorkflowSpec, phase: str) -> PathRules:
    """What a phase may write, by whatever means: what the import takes over.

    Nothing without a permitted writing tool (a shell alone gives no right). Else the constraint of
    ``write_files``; without one, what the constraints of all permitted writing tools say together.

    Args:
        workflow: the pinned definition.
        phase: id of the phase; an unknown one may write nothing.

    Raises:
        DefinitionError: a pattern cannot be compiled exactly as written.
    """
    spec = workflow.phase(phase)
    if spec is None:
        return PathRules((), phase=phase)
    key = (workflow.digest, phase)
    cached = _CACHE.get(key)
    # Identity, because a test or a draft may give two definitions the same digest.
    if cached and cached[0] is spec and cached[1] is workflow.protected_paths:
        return cached[2]
    rules = _writable(workflow, spec)
    if len(_CACHE) >= _CACHE_SIZE:
        _CACHE.clear()
    _CACHE[key] = (spec, workflow.protected_paths, rules)
    return rules


def constrained(constraint: ToolConstraint, phase: str, protected: bool = True) -> PathRules:
    """The path rules of one constraint by itself.

    Args:
        constraint: its patterns; without ``allowed_patterns`` everything is allowed.
        phase: id of the phase, for messages.
        protected: whether the default protected paths count (not for readers).
    """
    return PathRules(
        constraint.allowed_patterns or EVERYTHING,
        constraint.forbidden_patterns,
        PROTECTED if protected else (),
        phase=phase,
        position=constraint.position,
    )


def _writable(workflow: WorkflowSpec, spec: PhaseSpec) -> PathRules:
    tools = [tool for tool in sorted(WRITING) if permitted(spec, tool)]
    own = tuple(
        Protected(pattern, "the workflow protects it") for pattern in workflow.protected_paths
    )
    if not tools:
        return PathRules((), (), PROTECTED + own, phase=spec.id, position=spec.position)
    constraint = spec.tool_constraints.get("write_files")
    allowed, forbidden = _patterns([constraint] if constraint else _finer(spec, tools))
    position = constraint.position if constraint else None
    return PathRules(
        allowed, forbidden, PROTECTED + own, phase=spec.id, position=position or spec.position
    )


def _finer(spec: PhaseSpec, tools: Iterable[str]) -> list[ToolConstraint]:
    """The constraints of writing tools where ``write_files`` has none.

    A kin tool that the phase does not mention itself is bound like the tool it stands in for, so
    only those that are mentioned count.
    """
    mentioned = [tool for tool in tools if tool in spec.allowed_tools] or list(tools)
    return [spec.tool_constraints.get(tool, ToolConstraint()) for tool in mentioned]


def _patterns(constraints: list[ToolConstraint]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Allowed by any, forbidden by all."""
    if all(constraint.allowed_patterns for constraint in constraints):
        allowed = tuple(
            dict.fromkeys(p for constraint in constraints for p in constraint.allowed_patterns)
        )
    else:
        allowed = EVERYTHING
    first, *others = constraints
    forbidden = tuple(
        p for p in first.forbidden_patterns if all(p in o.forbidden_patterns for o in others)
    )
    return allowed, forbidden


class _PatternError(Exception):
    def __init__(self, pattern: str, why: str) -> None:
        super().__init__(pattern, why)
        self.pattern = pattern
        self.why = why


def _compile(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    if len(patterns) > MAX_PATTERNS:
        raise _PatternError(patterns[0], f"there are more than {MAX_PATTERNS} patterns in one list")
    for pattern in patterns:
        if len(pattern) > MAX_PATTERN_LENGTH:
            raise _PatternError(pattern, f"it is longer than {MAX_PATTERN_LENGTH} characters")
        if _DOUBTFUL.search(pattern):
            raise _PatternError(
                pattern, "it has a character class or character that globs do not have"
            )
    try:
        spec = GitIgnoreSpec.from_lines(patterns, backend="re2")
    except Exception as error:
        # Whatever the two libraries raise: without a compiled rule nothing may go on.
        raise _PatternError(_culprit(patterns), "it is not a valid glob") from error
    for pattern, compiled in zip(patterns, spec.patterns, strict=True):
        if compiled.include is None:
            raise _PatternError(pattern, "git would ignore it (a comment, blank or broken class)")
    return spec


def _culprit(patterns: tuple[str, ...]) -> str:
    """The first pattern that does not compile alone, for the message."""
    for pattern in patterns:
        try:
            GitIgnoreSpec.from_lines([pattern], backend="re2")
        except Exception:
            return pattern
    return ", ".join(patterns)[:MAX_PATTERN_LENGTH]


def _bad(pattern: str, why: str, position: Position | None) -> DefinitionError:
    where = f" ({position})" if position else ""
    return DefinitionError(
        f"The path pattern {pattern[:80]!r} cannot be used: {why}{where}",
        code="IL-POL-002",
        remedy="Write a gitignore-style glob from the tree's root, such as src/** or **/*_test.py.",
        context={"pattern": pattern},
    )
