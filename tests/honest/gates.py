"""The gates of the built-in workflow over what the judge measured, as the gatekeeper asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.honest.trees import Tree

from interlock.core.facts import (
    ChangeKind,
    GateFacts,
    GreenFacts,
    RedFacts,
    TreeChange,
)
from interlock.core.freezing import freeze
from interlock.core.gates.evaluate import evaluate_leaving
from interlock.core.model import Severity
from interlock.core.policy.paths import writable
from interlock.core.reasons import GateStatus, Outcome
from interlock.definition.packs import load_pack
from interlock.ports.judge import GreenRequest, RedRequest

__all__ = ["WORKFLOW", "Verdict", "green_request", "green_verdict", "lands", "red_verdict"]

WORKFLOW = load_pack("tdd").workflow
_PLAN: Mapping[str, Any] = {
    "title": "What the release brings",
    "acceptance_criteria": [
        {"id": "AC-1", "criterion": "it works", "how_to_verify": "the release's own tests"}
    ],
    "implementation_steps": ["write it"],
    "scope": {"in_scope": ["the release"], "out_of_scope": ["the rest"]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate said.

    Args:
        allowed: it lets through.
        blockers: check, outcome and message of each check that does not.
        tests: ids that these messages are about.
    """

    allowed: bool
    blockers: tuple[tuple[str, str, str], ...] = ()
    tests: tuple[str, ...] = ()

    @property
    def is_undetermined(self) -> bool:
        """Blocked, though nothing was found to be wrong."""
        return not self.allowed and all(o != Outcome.FAIL.value for _, o, _ in self.blockers)


def red_verdict(
    before: Tree, after: Tree, facts: RedFacts, claim: Any, planned: tuple[str, ...]
) -> Verdict:
    """The way out of TDD."""
    changes = _changes(before, after)
    files = [c.path for c in changes if c.kind is not ChangeKind.DELETED]
    listed = [{"path": path, "covers": ["AC-1"]} for path in files if path.endswith(".py")]
    artifacts = {
        "plan_document": {**_PLAN, "new_symbols": list(planned)},
        "test_files": {
            "test_files": listed,
            "coverage": {"acceptance_criteria_covered": ["AC-1"]},
        },
        "test_run_result": claim,
    }
    return _verdict("TDD", GateFacts(artifacts=artifacts, red=facts, **_both(changes)))


def green_request(red: RedFacts, asked: RedRequest, candidate: str) -> GreenRequest:
    """What is asked of the judge after this RED: the frozen tests of ``core.leaving``."""
    frozen = freeze(red, asked.tree)
    assert frozen is not None
    return GreenRequest(
        base=asked.base,
        red_tree=asked.tree,
        tree=candidate,
        red_tests=frozen.red_tests,
        new_tests=frozen.new_tests,
        base_green=frozen.base_green,
        test_patterns=asked.test_patterns,
        config=frozen.config,
        new_symbols=asked.new_symbols,
        environment=asked.environment,
        seconds=asked.seconds,
    )


def green_verdict(before: Tree, after: Tree, facts: GreenFacts, claim: Any) -> Verdict:
    """The way out of IMPL."""
    changes = _changes(before, after)
    files = [{"path": c.path, "change_type": c.kind.value} for c in changes]
    artifacts = {
        "plan_document": _PLAN,
        "scope_definition": {"paths": ["*", "**/*"]},
        "implementation_files": {"files_changed": files, "summary": "The release. " * 5},
        "test_run_result": claim,
    }
    return _verdict("IMPL", GateFacts(artifacts=artifacts, green=facts, **_both(changes)))


def lands(before: Tree, after: Tree, phase: str) -> Tree:
    """What the import makes of ``after``: what the phase may not write stays as it was."""
    rules = writable(WORKFLOW, phase)
    may = {p for p in before.keys() | after.keys() if rules.why_not(p) is None}
    kept = {path: source for path, source in before.items() if path not in may}
    return kept | {path: source for path, source in after.items() if path in may}


def _changes(before: Tree, after: Tree) -> tuple[TreeChange, ...]:
    found = []
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) != after.get(path):
            kind = ChangeKind.MODIFIED
            if path not in before or path not in after:
                kind = ChangeKind.ADDED if path in after else ChangeKind.DELETED
            found.append(TreeChange(path=path, kind=kind))
    return tuple(found)


def _both(changes: tuple[TreeChange, ...]) -> dict[str, Any]:
    return {"changes": changes, "own_changes": changes}


def _verdict(phase: str, facts: GateFacts) -> Verdict:
    spec = WORKFLOW.phase(phase)
    assert spec is not None
    outcome = evaluate_leaving(spec, spec.gates[0], facts)
    blocking = [c for c in outcome.checks if c.severity is Severity.BLOCKING]
    stopped = [c for c in blocking if not c.outcome.lets_through]
    blockers = tuple((c.check, c.outcome.value, c.reason.message) for c in stopped)
    return Verdict(
        allowed=outcome.status is GateStatus.PASSED,
        blockers=blockers,
        tests=tuple(t for c in stopped for t in c.reason.facts.get("tests", ())),
    )
