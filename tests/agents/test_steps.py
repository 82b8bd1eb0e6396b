"""Each kind of step: what it sends or does, how its end is told, and when that counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.agents.support import Agent, isolated, lines
from tests.sdk.double import CLAIM, EXECUTE, TRANSITION, Double, claimed

from interlock.errors import ConflictError, InvalidInputError

DENIED = (
    403,
    {
        "title": "DeniedError",
        "code": "IL-POL-403",
        "detail": "write_files is forbidden in PLAN",
        "context": {"decision": {"allowed": False, "reasons": [{"rule": "tool.forbidden"}]}},
    },
)
WRITE = {"tool": "write_files", "args": {"path": "a.py", "content": "x"}}
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl"


def answer(status: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return 200, {
        "allowed": status == "allowed",
        "status": status,
        "transition_id": "req_1",
        "phase": "TDD",
        "blockers": [],
        **more,
    }


def test_steps_of_the_claimed_phase_are_run_in_order(door: Double, agent: Agent) -> None:
    door.on(CLAIM, claimed("IMPL"))
    door.on(EXECUTE, (200, {"result": {"ok": 1}}))
    ran = agent.run({"phases": {"PLAN": [{"say": "no"}], "IMPL": [WRITE, {"say": "done"}]}})
    assert [line["step"] for line in ran.lines] == ["claim", "IMPL/1", "IMPL/2", "end"]
    assert ran.code == 0
    assert door.of(EXECUTE)[0].body["tool_name"] == "write_files"


def test_phase_without_steps_is_left_to_others(agent: Agent) -> None:
    ran = agent.run({"phases": {"TDD": []}})
    assert ran.code == 0
    assert [line["step"] for line in ran.lines] == ["claim", "end"]


def test_denial_shows_its_rule_and_counts_if_it_was_not_expected(
    door: Double, agent: Agent
) -> None:
    door.on(EXECUTE, DENIED)
    ran = agent.plan(WRITE)
    assert ran.code == 1
    assert ran.outcome("PLAN/1") == "denied"
    assert "tool.forbidden" in ran.detail("PLAN/1")
    assert "PLAN/1" in ran.lines[-1]["detail"]


def test_expected_denial_is_a_success_and_later_steps_run(door: Double, agent: Agent) -> None:
    door.on(EXECUTE, DENIED)
    ran = agent.plan({**WRITE, "expect": "denied"}, {"say": "went on"})
    assert ran.code == 0
    assert ran.detail("PLAN/2") == "went on"


def test_trick_that_goes_through_counts_as_unexpected(door: Double, agent: Agent) -> None:
    door.on(EXECUTE, (200, {"result": {}}))
    ran = agent.plan({**WRITE, "expect": "denied"})
    assert (ran.code, ran.outcome("PLAN/1")) == (1, "allowed")


def test_errors_of_the_server_end_a_step_as_error(door: Double, agent: Agent) -> None:
    door.on(EXECUTE, ConflictError("tools are suspended", code="IL-TLB-001"))
    ran = agent.plan({**WRITE, "expect": "error"})
    assert ran.code == 0
    assert "IL-TLB-001" in ran.detail("PLAN/1")


def test_one_of_several_ends_may_be_expected(door: Double, agent: Agent) -> None:
    door.on(EXECUTE, InvalidInputError("no"))
    assert agent.plan({**WRITE, "expect": ["denied", "error"]}).code == 0


def test_native_text_runs_in_the_work_directory(agent: Agent) -> None:
    ran = agent.plan({"native": "echo found > mark && pwd"})
    assert (ran.code, ran.outcome("PLAN/1")) == (0, "ok")
    assert Path("mark").read_text() == "found\n"
    assert str(Path.cwd()) in ran.detail("PLAN/1")


def test_native_failure_is_told_with_its_exit_code(agent: Agent) -> None:
    ran = agent.plan({"native": "echo why >&2; exit 3"})
    assert (ran.code, ran.outcome("PLAN/1")) == (1, "fails")
    assert ran.detail("PLAN/1") == "exit 3: why"
    assert agent.plan({"native": "exit 3", "expect": "fails"}).code == 0


def test_native_text_that_leaves_something_running_does_not_hold_the_agent(agent: Agent) -> None:
    ran = agent.plan({"native": "sleep 30 & echo started", "seconds": 20})
    assert (ran.outcome("PLAN/1"), ran.detail("PLAN/1")) == ("ok", "exit 0: started")


def test_native_text_that_does_not_end_is_ended(agent: Agent) -> None:
    ran = agent.plan({"native": "exec sleep 30", "seconds": 0.2, "expect": "fails"})
    assert ran.code == 0
    assert ran.detail("PLAN/1").startswith("exit None")


def test_python_code_runs_in_a_process_that_can_import_interlock(agent: Agent) -> None:
    code = "import interlock, os; print(interlock.__version__, flush=True); os._exit(0)"
    ran = agent.plan({"python": code})
    assert ran.code == 0
    assert ran.detail("PLAN/1").startswith("exit 0: 0.")


def test_artifact_is_submitted_as_it_stands(door: Double, agent: Agent) -> None:
    door.on(EXECUTE, (200, {"result": {"accepted": True}}))
    agent.plan({"artifact": "plan_document", "content": {"title": "x"}})
    assert door.of(EXECUTE)[0].body == {
        "tool_name": "submit_artifact",
        "args": {"type": "plan_document", "content": {"title": "x"}},
    }


def test_check_asks_for_the_decision_only(door: Double, agent: Agent) -> None:
    door.on("/api/v1/tools/check", (200, {"allowed": False, "reasons": []}))
    assert agent.plan({"check": "bash", "args": {"command": "ls"}, "expect": "denied"}).code == 0
    assert door.of(EXECUTE) == []


def test_blocked_transition_shows_rules_and_runs_what_follows_it(
    door: Double, agent: Agent
) -> None:
    blocker = {"rule": "artifact.missing", "message": "no plan", "remedy": ""}
    door.on(TRANSITION, answer("blocked", blockers=[blocker]), answer("allowed"))
    ran = agent.plan(
        {"transition": "TDD", "expect": "blocked", "on_blocked": [{"transition": "TDD"}]}
    )
    assert ran.code == 0
    assert ran.detail("PLAN/1") == "artifact.missing: no plan"
    assert ran.outcome("PLAN/1/1") == "allowed"


def test_what_follows_a_block_is_not_run_without_one(door: Double, agent: Agent) -> None:
    door.on(TRANSITION, answer("allowed"))
    ran = agent.plan({"transition": "TDD", "on_blocked": [{"say": "never"}]})
    assert [line["step"] for line in ran.lines] == ["claim", "PLAN/1", "end"]


def test_pending_transition_can_be_left_and_awaited_later(door: Double, agent: Agent) -> None:
    door.on(TRANSITION, answer("pending"))
    door.on(f"{TRANSITION}/req_1", answer("pending"), answer("allowed"))
    ran = agent.plan(
        {"transition": "TDD", "wait": 0, "expect": "pending"},
        {"say": "meanwhile"},
        {"await": "TDD"},
    )
    assert ran.code == 0
    assert [ran.outcome(f"PLAN/{n}") for n in (1, 3)] == ["pending", "allowed"]


def test_gate_that_waits_for_a_person_is_told(door: Double, agent: Agent) -> None:
    door.on(TRANSITION, answer("pending", gate="plan_approved"))
    ran = agent.plan({"transition": "TDD", "expect": "pending"})
    assert "waits for a person at gate plan_approved" in ran.detail("PLAN/1")


def test_awaiting_what_was_not_asked_for_is_an_error(agent: Agent) -> None:
    assert agent.plan({"await": "TDD", "expect": "error"}).code == 0


def test_raw_request_ends_with_its_status(door: Double, agent: Agent) -> None:
    door.on("/api/v1/state/snapshot", (401, {"detail": "no token"}))
    ran = agent.plan(
        {"http": {"path": "/api/v1/state/snapshot"}, "expect": 401},
        {"http": {"path": "/api/v1/state/snapshot", "token": "none"}, "expect": "4xx"},
        {"http": {"path": "/api/v1/state/snapshot", "token": "forged"}, "expect": [403, "401"]},
    )
    assert ran.code == 0
    assert [seen.token for seen in door.of("/api/v1/state/snapshot")] == ["token-1", "", "forged"]


def test_raw_body_goes_out_as_it_is_written(door: Double, agent: Agent) -> None:
    door.on("/x", (400, {}))
    agent.plan(
        {"http": {"method": "POST", "path": "/x", "body": '{"a": NaN'}},
        {"http": {"method": "POST", "path": "/x", "body": {"a": 1}, "headers": {"Host": "evil"}}},
    )
    first, second = door.of("/x")
    assert first.body == '{"a": NaN'
    assert (second.body, second.headers["host"]) == ({"a": 1}, "evil")


def test_server_that_is_not_there_is_told_as_unreachable(agent: Agent) -> None:
    step = {"http": {"url": "http://127.0.0.1:1", "path": "/"}, "expect": "unreachable"}
    assert agent.plan(step).code == 0


def test_tokens_are_not_printed(door: Double, agent: Agent) -> None:
    door.on("/x", (200, {"phase_token": JWT}))
    ran = agent.plan({"http": {"path": "/x"}}, {"say": f"it is {JWT}"})
    assert JWT not in json.dumps(ran.lines)
    assert "(token)" in ran.detail("PLAN/1")


def test_details_are_bounded(agent: Agent) -> None:
    ran = agent.plan({"native": "head -c 100000 /dev/zero | tr '\\0' x"}, {"say": "y" * 2000})
    assert all(len(line["detail"]) <= 500 for line in ran.lines)


def test_counts_of_a_test_run_become_values_of_an_artifact(door: Double, agent: Agent) -> None:
    output = "..F\n=== short test summary info ===\nFAILED t.py::a\n1 failed, 2 passed in 0.12s\n"
    door.on(EXECUTE, (200, {"result": {"exit_code": 1, "output": output}}))
    door.on(TRANSITION, answer("allowed"))
    agent.plan(
        {"tool": "run_tests", "save": "red"},
        {
            "transition": "TDD",
            "artifacts": {
                "passed": "${saved.red.passed}",
                "text": "${saved.red.failed} failed with ${saved.red.exit_code}",
                "tree": "${tree}",
            },
        },
    )
    assert door.of(TRANSITION)[0].body["artifacts"] == {
        "passed": 2,
        "text": "1 failed with 1",
        "tree": "1" * 40,
    }


def test_unknown_value_is_an_error_of_the_step(agent: Agent) -> None:
    ran = agent.plan({"say": "${saved.nothing.passed}"})
    assert ran.outcome("PLAN/1") == "error"


def test_variables_of_the_shell_stay_as_they_are(agent: Agent) -> None:
    ran = agent.plan({"native": "word=here; echo ${word} ${phase}"})
    assert ran.detail("PLAN/1") == "exit 0: here PLAN"


def test_no_task_is_no_success(door: Double, agent: Agent) -> None:
    door.on(CLAIM, (200, {"task": None, "phase": None, "phase_token": None}))
    assert agent.plan({"say": "x"}).code == 2


@pytest.mark.parametrize(
    "script, complaint",
    [
        ({"phases": {"PLAN": [{"tol": "bash"}]}}, "a step is one of"),
        ({"phases": {"PLAN": [{"tool": "bash", "say": "x"}]}}, "a step is one of"),
        ({"phases": {"PLAN": [{"tool": "bash", "arg": {}}]}}, "PLAN/1: tool knows no 'arg'"),
        ({"phases": {"PLAN": [{"native": "x", "expect": "denied"}]}}, "native ends"),
        ({"phases": {"PLAN": [{"http": {"pth": "/"}}]}}, "http takes"),
        ({"phases": {"PLAN": [{"transition": "T", "on_blocked": [{}]}]}}, "a step is one of"),
        ({"phases": {"PLAN": {"tool": "bash"}}}, "steps are a list"),
        ({"phase": {}}, "unknown key 'phase'"),
        ({"name": "x"}, "has phases or review"),
        ([], "is a mapping"),
        ({"review": {"rules": [{"id": "x", "message": "y"}]}}, "lacks"),
    ],
)
def test_script_with_a_mistake_is_refused_before_anything_runs(
    script: Any, complaint: str, door: Double, agent: Agent
) -> None:
    ran = agent.run(script)
    assert ran.code == 2
    assert complaint in ran.lines[-1]["detail"]
    assert door.seen == []


def test_program_runs_on_the_standard_library_alone(door: Double, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"phases": {"PLAN": [{"native": "true"}]}}))
    done = isolated(script, {"INTERLOCK_URL": door.url}, tmp_path)
    assert done.returncode == 0, done.stderr
    assert lines(done.stdout)[-1]["outcome"] == "ok"
