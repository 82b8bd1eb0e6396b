"""Which paths a phase may write: forbidden first, then protected, then allowed.

Forbidden and protected also match what a lenient file system would take the path for (case, width,
streams); allowed must match both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from interlock.core.model import PhaseSpec, Position, ToolConstraint, WorkflowSpec
from interlock.core.policy import pathshape
from interlock.core.policy.globs import MAX_PATTERNS, Globs, PatternError, compiled
from interlock.core.policy.names import WRITING
from interlock.core.policy.permissions import permitted
from interlock.core.policy.protected import PROTECTED, Protected
from interlock.core.policy.remedies import shown
from interlock.core.reasons import Reason
from interlock.errors import DefinitionError

__all__ = ["EVERYTHING", "PathRules", "constrained", "writable"]

EVERYTHING: Final = ("**",)
"""The allow-list of a phase whose workflow names no patterns."""

# Agents ask for the same few files again and again.
_VERDICTS_KEPT: Final = 4096
_LONGEST_KEPT: Final = 512


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
    _compiled: tuple[Globs, Globs, Globs, Globs | None] = field(
        init=False, repr=False, compare=False
    )
    _known: dict[str, tuple[Reason, ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        protected = tuple(item.pattern for item in self.protected)
        for pattern in protected:
            if pattern.startswith("!"):
                raise _bad(pattern, "protection cannot be lifted by a pattern", self.position)
        try:
            lists = (
                compiled(self.forbidden),
                compiled(protected),
                compiled(self.allowed),
                _together(self.forbidden, protected),
            )
        except PatternError as error:
            raise _bad(error.pattern, error.why, self.position) from error
        object.__setattr__(self, "_compiled", lists)

    def why_not(self, path: str) -> Reason | None:
        """``None`` if the path may be written, else the reason that decides.

        Args:
            path: normal relative POSIX path from the tree's root.
        """
        return next(iter(self.reasons(path)), None)

    def reasons(self, path: str) -> tuple[Reason, ...]:
        """Every reason against writing the path, the deciding one first; none means it may."""
        found = self._known.get(path)
        if found is None:
            found = tuple(self._against(path))
            if len(self._known) >= _VERDICTS_KEPT:
                self._known.clear()
            if len(path) <= _LONGEST_KEPT:
                self._known[path] = found
        return found

    def _against(self, path: str) -> Iterator[Reason]:
        if why := pathshape.malformed(path):
            remedy = "Name the file by its plain path from the root of the tree, like src/app.py."
            yield self._reason("path.malformed", path, f"is refused: {why}", remedy)
            return
        folded = pathshape.fold(path)
        if pathshape.names_git(folded):
            remedy = "Leave git's own files alone: the server commits what the gates let through."
            yield self._reason("path.protected", path, "belongs to git itself", remedy)
            return
        *_, allowed, together = self._compiled
        # One look is enough for most paths; which list and pattern it was is asked after it.
        if together is None or together.either(path, folded):
            yield from self._closed(path, folded)
        if not allowed.both(path, folded):
            yield self._not_allowed(path)

    def _closed(self, path: str, folded: str) -> Iterator[Reason]:
        forbidden, protected, *_ = self._compiled
        if forbidden.either(path, folded):
            pattern = self.forbidden[forbidden.deciding(path, folded)]
            what = f"is forbidden here by '{pattern}'"
            yield self._reason("path.forbidden", path, what, "", pattern)
        if protected.either(path, folded):
            item = self.protected[protected.deciding(path, folded)]
            remedy = f"Ask a person: request_approval(reason='change {shown(path)}: …')."
            what = f"is protected: {item.why}"
            yield self._reason("path.protected", path, what, remedy, item.pattern)

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
        return Reason(
            rule=rule,
            message=f"{shown(path)} {what}.",
            remedy=remedy,
            position=self.position,
            facts=facts,
        )


def _together(forbidden: tuple[str, ...], protected: tuple[str, ...]) -> Globs | None:
    """Both lists as one; none where an exception from the first could reach into the second."""
    both = (*forbidden, *protected)
    if len(both) > MAX_PATTERNS or any(pattern.startswith("!") for pattern in forbidden):
        return None
    return compiled(both)


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


@lru_cache(maxsize=256)
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
    if workflow.environment is not None:
        why = "tests run in an environment that was built from it"
        own += tuple(Protected(f"/{path}", why) for path in workflow.environment.lockfiles)
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


def _bad(pattern: str, why: str, position: Position | None) -> DefinitionError:
    where = f" ({position})" if position else ""
    return DefinitionError(
        f"The path pattern {pattern[:80]!r} cannot be used: {why}{where}",
        code="IL-POL-002",
        remedy="Write a gitignore-style glob from the tree's root, such as src/** or **/*_test.py.",
        context={"pattern": pattern},
    )
