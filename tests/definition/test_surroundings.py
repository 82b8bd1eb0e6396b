"""The sections around the phases: read, refused with their place, or named as waiting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.definition.small import changed, loaded

from interlock.core.metrics import METRICS
from interlock.core.surroundings import CoordinationSpec, MonitoringSpec, SdkSpec, TokenSpec
from interlock.definition import load
from interlock.definition.known_keys import DEFINITION
from interlock.errors import DefinitionError

FIXTURES = Path(__file__).parent / "fixtures"
FILES = {"scope.schema.json": b'{"type": "object"}', "review.json": {"type": "object"}}

WAITING = {
    "agent_workflow": {
        "timeout_seconds": 4,
        "auto_spawn": 1,
        "triggers": 2,
        "fallback_endpoint": 1,
        "prd_state": 1,
        "conflict_resolution": 1,
        "alerts": 1,
        "agent_crash": 1,
        "gate_timeout": 1,
    },
    "every_key": {
        "timeout_seconds": 1,
        "auto_spawn": 1,
        "triggers": 1,
        "fallback_endpoint": 1,
        "prd_state": 1,
        "conflict_resolution": 1,
        "alerts": 1,
        "agent_crash": 1,
        "gate_timeout": 1,
        "rollout": 1,
        "limits": 1,
        "budgets": 1,
        "agents": 1,
        "checkpoints": 1,
        "compaction_gates": 1,
        "routing": 1,
    },
}
"""File → everything in it that later issues give its effect, and nothing else."""


@pytest.mark.parametrize("name", WAITING)
def test_a_teams_file_warns_about_what_later_issues_bring_and_nothing_else(name: str) -> None:
    text = (FIXTURES / f"{name}.yaml").read_text("utf-8")
    found = load(text, schema_dir=FILES)
    waiting = Counter(
        w.message.split("'")[1]
        for w in found.warnings
        if w.code == "IL-DEF-080" and DEFINITION not in w.help
    )
    assert waiting == WAITING[name]


def around(text: str) -> Any:
    """The small definition with sections of one's own."""
    return loaded("schemas:\n", f"{text}\nschemas:\n")


def enforced(text: str) -> Any:
    """The small definition with more below ``enforcement``."""
    return loaded("mode: strict", f"mode: strict, {text}").workflow


def test_what_is_left_out_is_as_it_always_was() -> None:
    bare = load(changed("name: Small", "name: Small"))
    assert bare.warnings == ()
    workflow = bare.workflow
    assert workflow.tokens == TokenSpec()
    assert workflow.sdk == SdkSpec()
    assert workflow.coordination == CoordinationSpec(snapshot=None, events=None)
    assert workflow.monitoring == MonitoringSpec(metrics=(), export="")
    assert workflow.checkpoint_seconds == 300
    assert bare.metrics_link == ""


def test_a_client_is_described_by_version_and_address() -> None:
    sdk = (
        'agent_sdk: {required: true, version: ">=1,<2", endpoint: "http://localhost:9100/api/v1/"}'
    )
    assert enforced(sdk).sdk == SdkSpec(
        required=True, version=">=1,<2", endpoint="http://localhost:9100/api/v1", port=9100
    )


def test_claims_that_are_in_every_token_need_no_asking_for() -> None:
    tokens = "phase_tokens: {include_claims: [exp, jti, phase, allowed_tools]}"
    assert enforced(tokens).tokens.include_claims == ("phase", "allowed_tools")


def test_an_empty_list_delivers_nothing_and_none_delivers_all() -> None:
    found = around("coordination: {event_bus: {events: []}, state_access: {snapshot_includes: []}}")
    assert found.workflow.coordination == CoordinationSpec(snapshot=(), events=())


def test_a_part_of_the_snapshot_that_waits_is_named_where_it_stands() -> None:
    found = around("coordination: {state_access: {snapshot_includes: [blockers, prd_state]}}")
    (warning,) = found.warnings
    assert "'prd_state' has no effect yet" in warning.message
    assert "API" in warning.help
    assert (warning.position.line, warning.position.column) == (19, 61)
    assert found.workflow.coordination.snapshot == ("blockers",)


@pytest.mark.parametrize(
    "kind,path,link",
    [
        ("jsonl", "", ".orchestrator/metrics.jsonl"),
        ("prometheus", "", ".orchestrator/metrics.prom"),
        ("prometheus", "/metrics", "metrics"),
        ("jsonl", "./out/m.jsonl", "out/m.jsonl"),
    ],
)
def test_an_export_has_its_link_below_the_repositorys_top(kind: str, path: str, link: str) -> None:
    written = f", path: {path}" if path else ""
    found = around(f"monitoring: {{metrics: [gate_pass_rate], export: {{type: {kind}{written}}}}}")
    assert found.workflow.monitoring == MonitoringSpec(metrics=("gate_pass_rate",), export=kind)
    assert found.metrics_link == link
    assert found.warnings == ()


def test_an_export_of_nothing_is_named() -> None:
    (warning,) = around("monitoring: {export: {type: jsonl}}").warnings
    assert warning.code == "IL-DEF-082"
    assert all(name in warning.help for name in METRICS)


def test_the_interval_of_checkpoints_is_read() -> None:
    text = "recovery: {orchestrator_crash: {checkpoint_interval_seconds: 60}}"
    assert around(text).workflow.checkpoint_seconds == 60


@pytest.mark.parametrize(
    "condition",
    [
        "gate_block_rate > 50%",
        "gate_block_rate>=0.5",
        "task_stuck_in_phase > 2h",
        "phase_transition_time < 90s",
        "artifact_validation_failures != 10",
    ],
)
def test_a_condition_that_can_be_compared_is_taken(condition: str) -> None:
    found = around(f'monitoring: {{alerts: [{{condition: "{condition}"}}]}}')
    assert [w.message for w in found.warnings] == ["'alerts' has no effect yet: no alert is sent"]


def _agent(text: str) -> tuple[str, str]:
    return "mode: strict", f"mode: strict, agent_sdk: {{{text}}}"


def _token(text: str) -> tuple[str, str]:
    return "mode: strict", f"mode: strict, phase_tokens: {{{text}}}"


def _more(text: str) -> tuple[str, str]:
    return "schemas:\n", f"{text}\nschemas:\n"


def _alert(text: str) -> tuple[str, str]:
    return _more(f"monitoring: {{alerts: [{{{text}}}]}}")


BROKEN = {
    "no_specifier": ("014", "no specifier", *_agent('version: @"latest"')),
    "nothing_in_a_specifier": ("014", "every client", *_agent('version: @">2,<1"')),
    "elsewhere": ("014", "on this machine", *_agent('endpoint: @"http://example.org:8000"')),
    "secure": ("014", "on this machine", *_agent('endpoint: @"https://localhost:8000"')),
    "another_path": ("014", "on this machine", *_agent('endpoint: @"http://localhost:8000/v2"')),
    "no_port": ("014", "on this machine", *_agent('endpoint: @"http://localhost:x/api/v1"')),
    "port_of_the_system": ("014", "Port 80 ", *_agent('endpoint: @"http://localhost/api/v1"')),
    "unknown_key_of_the_sdk": ("011", "'verison'", *_agent('@verison: "1"')),
    "unknown_algorithm": ("013", "no algorithm 'RS256'", *_token("algorithm: @RS256")),
    "none": ("013", "no algorithm 'none'", *_token("algorithm: @none")),
    "public_variable": ("014", "everybody", *_token("secret_env_var: @PATH")),
    "no_variable": ("014", "no such name", *_token("secret_env_var: @my-secret")),
    "unknown_claim": ("013", "no claim 'alowed'", *_token("include_claims: [@alowed]")),
    "secret_claim": ("013", "no claim 'secret'", *_token("include_claims: [exp, @secret]")),
    "claim_twice": ("015", "twice", *_token("include_claims: [phase, @phase]")),
    "unknown_part": (
        "013",
        "no part of a snapshot 'blocker'",
        *_more("coordination: {state_access: {snapshot_includes: [@blocker]}}"),
    ),
    "unknown_event": (
        "013",
        "no event 'gate_block'",
        *_more("coordination: {event_bus: {events: [task_started, @gate_block]}}"),
    ),
    "unknown_metric": (
        "013",
        "no metric 'gate_passrate'",
        *_more("monitoring: {metrics: [@gate_passrate]}"),
    ),
    "unknown_export": (
        "013",
        "no export 'csv'",
        *_more("monitoring: {metrics: [gate_pass_rate], export: {type: @csv}}"),
    ),
    "export_outside": (
        "050",
        "'../m' is no path",
        *_more("monitoring: {metrics: [gate_pass_rate], export: {path: @../m}}"),
    ),
    "interval_of_nothing": (
        "014",
        "between 1",
        *_more("recovery: {orchestrator_crash: {checkpoint_interval_seconds: @0}}"),
    ),
    "another_place_to_resume": (
        "013",
        "no place to resume from 'start'",
        *_more("recovery: {orchestrator_crash: {resume_from: @start}}"),
    ),
    "no_condition": ("014", "no condition", *_alert('condition: @"often"')),
    "alert_without_condition": (
        "012",
        "'condition'",
        *_more("monitoring: {alerts: [@{action: log}]}"),
    ),
    "alert_on_nothing": ("013", "'gate_blok_rate'", *_alert('condition: @"gate_blok_rate > 5%"')),
    "share_as_a_time": ("014", "is a share", *_alert('condition: @"gate_block_rate > 2h"')),
    "time_without_unit": ("014", "out a unit", *_alert('condition: @"task_stuck_in_phase > 2"')),
    "share_over_all": ("014", "never over 100%", *_alert('condition: @"gate_pass_rate > 150%"')),
    "share_over_one": ("014", "never over 1:", *_alert('condition: @"gate_pass_rate > 50"')),
    "program_as_condition": ("014", "no condition", *_alert('condition: @"tasks.all(t, t > 1)"')),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_meant_is_refused_at_its_place_with_a_help(name: str) -> None:
    code, message, old, new = BROKEN[name]
    before, mark, after = changed(old, new).partition("@")
    assert mark
    with pytest.raises(DefinitionError) as caught:
        load(before + after)
    (found,) = [d for d in caught.value.context["diagnostics"] if d["severity"] == "error"]
    assert found["code"] == f"IL-DEF-{code}"
    assert message in found["message"]
    assert (found["position"]["line"], found["position"]["column"]) == (
        before.count("\n") + 1,
        len(before.rpartition("\n")[2]) + 1,
    )
    assert found["help"] or code in ("014", "015")


def test_tools_that_would_not_fit_into_a_token_are_not_claimed() -> None:
    tools = [f"tool_with_a_long_name_{n:04}" for n in range(120)]
    text = changed("mode: strict", "mode: strict, phase_tokens: {include_claims: [allowed_tools]}")
    text = text.replace("    allowed_tools: [read_files]", f"    allowed_tools: {tools}")
    text = text.replace("schemas:\n", f"tools: {tools}\nschemas:\n")
    with pytest.raises(DefinitionError) as caught:
        load(text)
    assert caught.value.code == "IL-DEF-002"
    load(text.replace("[allowed_tools]", "[phase]"))
