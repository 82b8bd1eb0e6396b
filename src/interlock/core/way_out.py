"""The way out of a phase as one record: gate → document, check, approval → facts, and the least
that is missing.

API, command line and every other surface show this record; none of them decides anything anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from interlock.core.causes import REQUEST, causes, told
from interlock.core.explain import render, runnable
from interlock.core.gates.catalog import SERVER_BUILT
from interlock.core.model import Approver, ArtifactSpec, GateSpec, PhaseSpec, Severity
from interlock.core.reasons import CheckResult, GateResult, GateStatus, Outcome

__all__ = ["way_out"]

AGENT, PERSON, REVIEWERS = "the agent", "a person", "the review sessions"

_OF_PEOPLE: Final = ("interlock trust", "interlock run", "interlock init", "interlock secrets")
"""Beginnings of remedies that an agent cannot carry out."""

_NAMES: Final[Mapping[Approver, str]] = {
    Approver.HUMAN: PERSON,
    Approver.ORCHESTRATOR: "the server, if nothing failed or warned",
    Approver.REVIEW_AGENT: REVIEWERS,
}


def way_out(
    phase: PhaseSpec,
    gate: GateSpec | None,
    result: GateResult,
    *,
    task_id: str,
    target: str,
    is_asked: bool,
) -> dict[str, Any]:
    """The whole way out of a phase.

    Args:
        result: the gate, evaluated on what is known.
        target: the phase that it leads to.
        is_asked: the agent has asked for it, so what can be measured was.
    """
    failed = [check for check in result.checks if not check.outcome.lets_through]
    follows = causes(failed, is_asked=is_asked)
    tree = _Tree(result, task_id, dict(zip(map(id, failed), follows, strict=True)))
    by_rule = {check.reason.rule: check for check in result.checks}
    artifacts = [tree.artifact(spec, by_rule) for spec in phase.required_artifacts]
    checks = [tree.node("check", c) for c in result.checks if not _is_of_artifact(c)]
    approval = tree.approval(gate)
    leaves = [leaf for node in artifacts for leaf in (node, *node["rules"])] + checks
    missing = [_missing(leaf) for leaf in leaves if leaf["blocks"] and not leaf["because"]]
    if any(leaf["because"] == REQUEST and leaf["blocks"] for leaf in leaves):
        missing.append(_request(phase, target))
    if approval is not None and approval["blocks"]:
        missing.append(_missing(approval))
    missing += [
        {**render(reason, task_id), "who": AGENT, "what": reason.rule}
        for reason in result.missing
        if not reason.rule.startswith("approval.")
    ]
    return {
        "gate": result.gate,
        "type": gate.type.value if gate else "",
        "target": target,
        "status": result.status.value,
        "position": str(gate.position) if gate and gate.position else "",
        "artifacts": artifacts,
        "checks": checks,
        "approval": approval,
        "blockers": list(told(result, task_id, is_asked=is_asked)),
        "overridden": [render(reason, task_id) for reason in result.overridden],
        "missing": missing,
    }


class _Tree:
    """Nodes of one result, all of one shape."""

    def __init__(self, result: GateResult, task_id: str, follows: Mapping[int, str]) -> None:
        self._result = result
        self._task_id = task_id
        self._follows = follows

    def node(self, kind: str, check: CheckResult) -> dict[str, Any]:
        """A check, or a rule that did not pass."""
        shuts = check.severity is Severity.BLOCKING and not check.outcome.lets_through
        return {
            "kind": kind,
            "check": check.check,
            "outcome": check.outcome.value,
            "severity": check.severity.value,
            **render(check.reason, self._task_id),
            "blocks": shuts and not self._result.overridden,
            "would_block": shuts,
            "because": self._follows.get(id(check), ""),
            "who": "" if check.outcome.lets_through else _who(check),
        }

    def artifact(self, spec: ArtifactSpec, found: Mapping[str, CheckResult]) -> dict[str, Any]:
        """A document with its rules, those that hold included."""
        gone = found.get(f"artifact.{spec.type}.missing")
        if gone is not None:
            top = {**self.node("artifact", gone), "check": spec.type}
        else:
            top = _holds("artifact", spec.type, f"{spec.type} is handed in", spec.position)
        rules = []
        for rule in spec.rules:
            failed = found.get(f"artifact.{spec.type}.{rule.rule}")
            if failed is not None:
                rules.append(self.node("rule", failed))
            elif gone is None:
                rules.append(_holds("rule", rule.rule, "holds", rule.position))
            else:
                later = _holds("rule", rule.rule, "looked at once it is there", rule.position)
                follows = {"outcome": Outcome.NOT_YET.value, "because": spec.type}
                rules.append({**later, **follows})
        return {**top, "rules": rules}

    def approval(self, gate: GateSpec | None) -> dict[str, Any] | None:
        """Who has to say yes, where anybody does."""
        if gate is None or not gate.approvers:
            return None
        result = self._result
        needed = next((r for r in result.missing if r.rule == "approval.needed"), None)
        names = [approver.value for approver in gate.approvers]
        who = " or ".join(_NAMES[approver] for approver in gate.approvers)
        node = _holds("approval", " or ".join(names), "", gate.position)
        node |= {"approvers": names, "who": who}
        if needed is not None:
            is_for_people = result.status is GateStatus.AWAITING_APPROVAL
            shut = {
                "outcome": Outcome.NOT_YET.value,
                "blocks": True,
                "would_block": True,
                "who": PERSON if is_for_people else REVIEWERS,
            }
            return {**node, **render(needed, self._task_id), **shut}
        if result.status is GateStatus.PASSED:
            by = result.approved_by or "the mode"
            return {**node, "message": f"given by {by}", "who": by}
        # With the server among them a person is needed only where something warns.
        alone = Approver.ORCHESTRATOR not in gate.approvers
        command = runnable(f"interlock approve TASK {gate.id}", self._task_id)
        later = {
            "outcome": Outcome.NOT_YET.value,
            "message": "asked for once nothing else keeps the gate shut; any one of them is enough",
            "remedy": command if alone and Approver.HUMAN in gate.approvers else "",
            "blocks": alone,
            "would_block": alone,
        }
        return {**node, **later}


def _holds(kind: str, name: str, message: str, position: object) -> dict[str, Any]:
    """A node that lets through."""
    return {
        "kind": kind,
        "check": name,
        "outcome": Outcome.PASS.value,
        "severity": Severity.BLOCKING.value,
        "rule": f"{kind}.{name}",
        "message": message,
        "remedy": "",
        "position": str(position) if position else "",
        "facts": {},
        "blocks": False,
        "would_block": False,
        "because": "",
        "who": "",
    }


def _is_of_artifact(check: CheckResult) -> bool:
    return check.reason.rule.startswith("artifact.")


def _who(check: CheckResult) -> str:
    """Who can do something about it."""
    if check.reason.remedy.startswith(_OF_PEOPLE):
        return PERSON
    is_built = any(check.reason.rule.startswith(f"artifact.{name}.") for name in SERVER_BUILT)
    if is_built or (check.check == "all_review_models_completed"):
        return REVIEWERS
    if check.check == "no_blocking_issues" and check.outcome is Outcome.NOT_YET:
        return REVIEWERS
    return AGENT


def _missing(node: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("rule", "message", "remedy", "position", "facts", "who")
    return {"what": node["check"], **{key: node[key] for key in kept}}


def _request(phase: PhaseSpec, target: str) -> dict[str, Any]:
    given: Iterable[str] = (a.type for a in phase.required_artifacts if a.type not in SERVER_BUILT)
    documents = ", ".join(f'"{name}": …' for name in given)
    return {
        "what": REQUEST,
        "rule": "transition.request",
        "message": f"nobody has asked for {target} yet; the gate is measured when somebody does",
        "remedy": f'client.request_transition("{target}", {{{documents}}})',
        "position": "",
        "facts": {},
        "who": AGENT,
    }
