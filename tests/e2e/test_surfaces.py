"""What a newcomer meets on the command line: a crash, a shut gate, a broken workflow, no server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import AGENT, House

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HONEST = f"python3 {AGENT}"


def program(house: House, name: str, text: str) -> str:
    """An agent of a few lines, outside the repository, as the command that runs it."""
    path = house.root / name
    path.write_text(text)
    return f"python3 {path}"


CRASHES = """\
import sys
print("\\x1b[31mcannot find my keys", flush=True)
sys.exit(9)
"""
GREEN = 'TEST = "def test_nothing():\\n    assert True\\n"\n\nif __name__'


def _green_at_once(source: str) -> str:
    """The honest agent with a test that is green at once, which does not print its answers."""
    source = source.replace("print(json.dumps(answer), flush=True)", "")
    return source.replace("if __name__", GREEN)


@pytest.fixture(scope="module")
def crashed(house: House) -> tuple[str, str]:
    """Task id, and what ``run`` printed, of an agent that crashes."""
    command = program(house, "crashes.py", CRASHES)
    done = house.interlock("run", "Crash", "--agent-command", command, code=3)
    found = re.search(r"task_[0-9A-Z]{26}", done.stdout)
    assert found is not None
    return found[0], done.stdout + done.stderr


def test_a_crash_is_told_with_status_last_words_and_log(
    house: House, crashed: tuple[str, str]
) -> None:
    task_id, printed = crashed
    shown = house.interlock("show", task_id).stdout
    for text in (printed, shown):
        assert "the agent exited with status 9 in PLAN" in text
        assert "cannot find my keys" in text
        assert "\x1b" not in text
        log = re.search(r"less (/\S+\.log)", text)
        assert log is not None
        assert Path(log[1]).is_file()


def test_the_inbox_has_a_task_whose_agent_ended(house: House, crashed: tuple[str, str]) -> None:
    item = next(i for i in house.client.inbox() if i["task_id"] == crashed[0])
    assert item["kind"] == "attempt"
    printed = house.interlock("inbox").stdout
    assert "the agent exited with status 9 in PLAN" in printed
    assert f"interlock run --task {crashed[0]}" in printed


def test_a_task_is_found_by_the_beginning_of_its_id(house: House, crashed: tuple[str, str]) -> None:
    found = json.loads(house.interlock("why", crashed[0][:-4], "--json").stdout)
    assert found["task"]["task_id"] == crashed[0]
    refused = house.interlock("why", "task_00000000", code=5)
    assert "IL-CLI-004" in refused.stderr


def test_run_prints_json_lines_and_the_task_last(house: House) -> None:
    command = program(house, "crashes.py", CRASHES)
    done = house.interlock("run", "Crash", "--agent-command", command, "--json", code=3)
    *events, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event_type"] == "task_created"
    assert last["task"]["waiting_for"]["who"] == "a person"
    assert last["task"]["last_attempt"]["exit_code"] == 9


def test_a_refused_request_is_shown_as_it_was_judged_after_its_session(house: House) -> None:
    command = program(house, "green.py", _green_at_once(AGENT.read_text()))
    with (house.repository / "textkit" / "num.py").open("a") as source:
        source.write("\n\n# not committed\n")
    done = house.interlock("run", "Be green", "--agent-command", command, code=3)
    house.git("checkout", "--", "textkit/num.py")
    assert "uncommitted changes are not part of this task: textkit/num.py" in done.stderr
    found = re.search(r"task_[0-9A-Z]{26}", done.stdout)
    assert found is not None
    assert "measuring gate" in done.stderr
    why = json.loads(house.interlock("why", found[0], "--json").stdout)
    assert why["request"] == {**why["request"], "attempt": 1, "is_kept": False}
    assert why["request"]["tree"] != why["task"]["tree"]
    (blocked,) = house.events(found[0], "gate_blocked")
    assert why["gate"]["blockers"] == list(blocked["data"]["reasons"])
    printed = house.interlock("why", found[0]).stdout
    assert "The work of attempt 1 was not kept" in printed
    for blocker in why["gate"]["blockers"]:
        assert printed.count(blocker["message"]) == 1
        assert (done.stdout + done.stderr).count(blocker["message"]) == 1


def test_a_finished_task_says_how_to_look_at_it_and_is_attached_to_without_replay(
    house: House,
) -> None:
    done = house.interlock("run", "Add slugify", "--agent-command", HONEST)
    found = re.search(r"task_[0-9A-Z]{26}", done.stdout)
    assert found is not None
    assert f"git merge interlock/{found[0]}" in done.stderr
    again = house.interlock("run", "--task", found[0])
    assert "attempt" not in again.stderr
    assert "completed" in again.stdout


def test_a_working_task_is_followed_and_goes_on_without(house: House) -> None:
    command = program(house, "slow.py", "import time\ntime.sleep(600)\n")
    words = ("run", "Sleep", "--agent-command", command, "--timeout", "1")
    first = house.interlock(*words, code=3)
    found = re.search(r"interlock run --task (task_\w+)", first.stderr)
    assert found is not None
    again = house.interlock("run", "--task", found[1], "--timeout", "0", code=3)
    assert "phase PLAN" in again.stderr
    assert "task      " not in again.stderr
    (house.root / "passphrase").write_text("correct horse\n")
    done = house.interlock("abort", found[1], "--passphrase-file", str(house.root / "passphrase"))
    assert "Aborted" in done.stdout
    shown = house.client.task(found[1])
    assert shown["blockers"][0]["message"] == "owner ended the task"


@pytest.mark.parametrize("words", [("--max-attempts", "0"), ("--timeout", "-1")])
def test_a_number_that_means_nothing_is_a_usage_error(house: House, words: tuple[str, str]) -> None:
    house.interlock("run", "Never", "--agent-command", "true", *words, code=2)


def test_trust_lists_what_has_no_effect_yet(house: House) -> None:
    passphrase = str(house.root / "passphrase")
    workflow = house.repository / "agent_workflow.yaml"
    text = workflow.read_text()
    commit = ("-c", "user.name=p", "-c", "user.email=p@h", "commit", "-qam", "Change")
    workflow.write_text(f"{text}\nlimits: {{}}\n")
    house.git(*commit)
    try:
        done = house.interlock("trust", "--passphrase-file", passphrase, "--json")
        printed = house.interlock("trust", "--passphrase-file", passphrase).stderr
    finally:
        workflow.write_text(text)
        house.git(*commit)
    told = json.loads(done.stdout)["without_effect"]
    assert {item["severity"] for item in told} == {"warning"}
    assert "Without effect in this version" in printed
    assert "agent_workflow.yaml:" in printed


def test_a_broken_workflow_is_shown_with_carets_and_one_remedy(house: House) -> None:
    workflow = house.repository / "agent_workflow.yaml"
    text = workflow.read_text()
    commit = ("-c", "user.name=p", "-c", "user.email=p@h", "commit", "-qam", "Change")
    workflow.write_text(text.replace("tests_are_failing", "tests_are_falling"))
    house.git(*commit)
    try:
        failed = house.interlock("run", "x", "--agent-command", "true", code=7).stderr
    finally:
        workflow.write_text(text)
        house.git(*commit)
    assert "tests_are_falling" in failed
    assert "^" in failed
    assert "warning" not in failed
    assert failed.count("→") == 1
    assert failed.rstrip().endswith("→ Correct the marked places and commit.")
    assert len(failed.splitlines()) < 30


def test_a_failed_environment_is_three_lines_and_ends_the_run(house: House) -> None:
    workflow = house.repository / "agent_workflow.yaml"
    text = workflow.read_text()
    commit = ("-c", "user.name=p", "-c", "user.email=p@h", "commit", "-qam", "Change")
    broken = "sleep 3; for n in 1 2 3 4 5 6; do echo line $n; echo ERROR: no $n; done; exit 1"
    workflow.write_text(re.sub(r"(setup:\n\s+#.*\n\s+)- .*", rf"\1- '{broken}'", text, count=1))
    house.git(*commit)
    try:
        house.interlock("trust", "--passphrase-file", str(house.root / "passphrase"))
        done = house.interlock("run", "Build", "--agent-command", "true", code=3)
    finally:
        workflow.write_text(text)
        house.git(*commit)
    assert "building the test environment; log: /" in done.stderr
    assert "ERROR: no 6" in done.stderr
    assert (done.stderr + done.stdout).count("ERROR: no") == 3
    assert "line 6" not in done.stderr + done.stdout
    assert re.search(r"the whole log is /\S+", done.stderr)
    assert "building the environment failed" in house.interlock("task", "list").stdout
    assert "building the environment failed" in house.interlock("inbox").stdout


def test_an_open_question_is_shown_to_approve_and_after_a_no_with_its_reason(
    house: House,
) -> None:
    asks = AGENT.read_text().replace(
        '"new_symbols"', '"open_questions": ["Which separator?"], "new_symbols"'
    )
    done = house.interlock("run", "Ask", "--agent-command", program(house, "asks.py", asks), code=3)
    task_id = re.findall(r"task_[0-9A-Z]{26}", done.stdout)[0]
    assert f"interlock approve {task_id} plan_approved" in done.stdout
    assert "TASK" not in done.stdout
    word = ("plan_approved", "--passphrase-file", str(house.root / "passphrase"))
    house.interlock("reject", task_id[:-1], *word, "--reason", "say which one")
    house.interlock("run", "--task", task_id, code=3)
    printed = house.interlock("inbox").stdout
    assert "owner rejected this before: say which one" in printed
    assert "      - Which separator?" in printed
    assert "{" not in printed
    house.interlock("abort", task_id, *word[1:])


def test_who_follows_a_task_when_the_server_is_stopped_is_told_so(house: House) -> None:
    command = program(house, "slow.py", "import time\ntime.sleep(600)\n")
    following = subprocess.Popen(
        [sys.executable, "-m", "interlock", "run", "Sleep", "--agent-command", command],
        cwd=house.repository,
        env=house.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert following.stderr is not None
    assert "task_" in following.stderr.readline()
    house.interlock("down")
    told = following.communicate(timeout=60)[1]
    assert following.returncode == 8
    assert "error IL-CLI-002: no server runs" in told


def test_after_down_no_server_runs(house: House) -> None:
    house.interlock("down")
    failed = house.interlock("task", "list", code=8)
    assert "error IL-CLI-002: no server runs" in failed.stderr
