"""What is measured of events and calls, by hand."""

from __future__ import annotations

import pytest

from interlock.core import events as ev
from interlock.core.metrics import METRICS, Meter, Sample, ToolUse

S = 1_000_000


def changed(source: str, target: str) -> ev.PhaseChanged:
    return ev.PhaseChanged(source=source, target=target, tree="t", epoch=1, request_id="r")


def blocked(gate: str, *rules: str) -> ev.GateBlocked:
    reasons = tuple({"rule": rule} for rule in rules)
    return ev.GateBlocked(gate=gate, request_id="r", tree="t", reasons=reasons)


def denied(rule: str) -> ev.ToolDenied:
    return ev.ToolDenied(tool="x", rule=rule, message="m", session_id="s", call_id="c")


def told() -> Meter:
    meter = Meter()
    created = ev.TaskCreated(
        title="t", workflow="w", base_commit="c", base_tree="t", branch="b", phase="PLAN"
    )
    completed = ev.TaskCompleted(commit="c", branch="b", tree="t")
    for at, task_id, event in (
        (0, "a", created),
        (0, "b", created),
        (5, "a", denied("artifact.plan_document.schema")),
        (6, "a", denied("tool.forbidden")),
        (7, "a", blocked("agreed", "artifact.plan_document.has_in_scope", "artifact.x.missing")),
        (8, "a", blocked("")),
        (10, "a", ev.GatePassed(gate="agreed", tree="t")),
        (10, "a", changed("PLAN", "DONE")),
        (30, "b", ev.GatePassed(gate="agreed", tree="t")),
        (30, "b", changed("PLAN", "DONE")),
        (50, "a", completed),
    ):
        meter.take(task_id, event, at * S)
    meter.calls[ToolUse("PLAN", "grep", True)] = 3
    meter.calls[ToolUse("PLAN", "bash", False)] = 1
    return meter


WAY = {"phase": "PLAN", "target": "DONE"}
EXPECTED = {
    "phase_transition_time": [Sample("phase_transition_time", WAY, 20.0, 2, 30.0)],
    "task_completion_time": [Sample("task_completion_time", {}, 50.0, 1, 50.0)],
    "task_stuck_in_phase": [Sample("task_stuck_in_phase", {"task": "b", "phase": "DONE"}, 70.0)],
    "gate_pass_rate": [Sample("gate_pass_rate", {"gate": "agreed"}, 2 / 3, 3)],
    "gate_block_rate": [Sample("gate_block_rate", {"gate": "agreed"}, 1 / 3, 3)],
    "tool_usage_by_phase": [
        Sample("tool_usage_by_phase", {"phase": "PLAN", "tool": "grep", "decision": "allowed"}, 3),
        Sample("tool_usage_by_phase", {"phase": "PLAN", "tool": "bash", "decision": "denied"}, 1),
    ],
    "tool_violation_rate": [Sample("tool_violation_rate", {"phase": "PLAN"}, 0.25, 4)],
    "artifact_validation_failures": [
        Sample("artifact_validation_failures", {"phase": "PLAN", "artifact": "plan_document"}, 2)
    ],
}


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_comes_to_what_one_counts_by_hand(name: str) -> None:
    assert list(told().samples([name], 100 * S)) == EXPECTED[name]


def test_only_what_is_asked_for_is_given() -> None:
    assert list(told().samples([], 100 * S)) == []
    asked = ("gate_pass_rate", "task_completion_time")
    assert {sample.metric for sample in told().samples(asked, 100 * S)} == set(asked)


def test_names_that_an_agent_makes_up_do_not_add_up() -> None:
    meter = Meter()
    for n in range(3000):
        meter.take("a", denied(f"artifact.made_up_{n}.schema"), 0)
    samples = list(meter.samples(["artifact_validation_failures"], 0))
    assert len(samples) == 1001
    assert sum(sample.value for sample in samples) == 3000
