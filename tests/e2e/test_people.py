"""People at work: a plan waits for them, their word counts and nobody else's, and they can see why
a task is where it is."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import AGENT, House

from interlock.adapters.agents.command import command_agent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

GATE = "plan_approved"
ANSWER = "join the words by hyphens"
MAIN = 'if __name__ == "__main__":'

ASKS = f"""\
import os


def asking(client: AgentClient) -> Step:
    with open(os.environ["INTERLOCK_PROMPT_FILE"]) as prompt:
        PLAN["open_questions"] = [] if {ANSWER!r} in prompt.read() else ["Which separator?"]
    return knowing(client)


knowing, STEPS["PLAN"] = plan, asking
"""
"""Put into the honest agent: it has a question until a person has answered it."""

KNOCKS = """\
import http.client
import socket


class AtSocket(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[2])


def tried(connection, method, path, body):
    try:
        connection.request(method, f"/api/v1{path}", body and json.dumps(body))
        return str(connection.getresponse().status)
    except OSError:
        return "no way"


def knocking(client):
    gate = f"/tasks/{client.get_state_snapshot()['task']['task_id']}/gates/plan_approved"
    doors = {
        "port": lambda: http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10),
        "socket": lambda: AtSocket("interlock", timeout=10),
    }
    attempts = {
        "read": ("GET", "/tasks", None),
        "login": ("POST", "/session", {"passphrase": "password1"}),
        "approve": ("POST", f"{gate}/approve", {"passphrase": ""}),
        "guess": ("POST", f"{gate}/approve", {"passphrase": "password1"}),
        "trust": ("POST", "/trust", {"passphrase": "password1"}),
    }
    found = {
        f"{door} {what}": tried(connect(), *attempt)
        for door, connect in doors.items()
        for what, attempt in attempts.items()
    }
    SCOPE["constraints"] = [json.dumps(found)]
    PLAN["open_questions"] = ["May I?"]
    return knowing(client)


knowing, STEPS["PLAN"] = plan, knocking
"""
"""Put into the honest agent: it tries to let its own plan through at the people's door, and tells
what it got. Arguments: the door's port and its Unix socket."""


def agent(house: House, name: str, trick: str) -> str:
    """The honest agent with a trick, as the command that runs it."""
    path = house.root / f"{name}.py"
    path.write_text(AGENT.read_text().replace(MAIN, f"{trick}\n\n{MAIN}"))
    return f"python3 {path}"


def start(house: House, command: str, **more: Any) -> str:
    author = asdict(command_agent(command, house.repository))
    agent = {"author": author, "reviewers": {"default": house.program()}, **more}
    return str(house.client.create_task("Add slugify to textkit", agent=agent)["task_id"])


def waiting(house: House, **more: Any) -> str:
    """A task whose plan has an open question, once it waits."""
    task_id = start(house, agent(house, "asks", ASKS), **more)
    house.wait(task_id, lambda task: task["status"] == "awaiting_approval")
    return task_id


def word(house: House) -> tuple[str, str]:
    """A person's passphrase as an option."""
    return "--passphrase-file", str(house.root / "passphrase")


def wrong(house: House) -> tuple[str, str]:
    path = house.root / "wrong"
    path.write_text("battery staple\n")
    return "--passphrase-file", str(path)


def test_a_plan_with_a_question_waits_and_goes_on_with_the_right_word_only(house: House) -> None:
    task_id = waiting(house)
    for words in (("approve",), ("reject", "--reason", "no")):
        refused = house.interlock(words[0], task_id, GATE, *words[1:], *wrong(house), code=4)
        assert "the passphrase is wrong" in refused.stderr
    assert house.client.task(task_id)["status"] == "awaiting_approval"
    (item,) = [
        i for i in json.loads(house.interlock("inbox", "--json").stdout) if i["task_id"] == task_id
    ]
    stale = ("--binding", "0" * 64)
    house.interlock("approve", task_id, GATE, *stale, *word(house), code=6)
    shown = ("--binding", item["binding"])
    done = house.interlock("approve", task_id, GATE, *shown, "--reason", "spaces", *word(house))
    assert f"{task_id} is now in TDD" in done.stdout
    task = house.completed(task_id)
    assert list(task["trees"]) == ["PLAN", "TDD", "IMPL", "REVIEW"]
    (given,) = house.events(task_id, "approval_given")
    assert (given["data"]["by"], given["data"]["strength"]) == ("owner", "passphrase")
    assert given["data"]["reason"] == "spaces"
    house.interlock("approve", task_id, GATE, *word(house), code=6)


def test_a_rejection_reaches_the_next_session_as_text(house: House) -> None:
    task_id = waiting(house, max_attempts=3)
    house.interlock("reject", task_id, GATE, "--reason", ANSWER, *word(house))
    # Only an agent that was told does not ask again.
    house.completed(task_id)
    plans = [e["data"] for e in house.events(task_id, "artifact_submitted")]
    assert len([p for p in plans if p["artifact"] == "plan_document"]) == 2
    assert len(house.events(task_id, "approval_requested")) == 1
    (said,) = house.events(task_id, "approval_rejected")
    assert said["data"]["reason"] == ANSWER


def test_why_leads_from_gate_to_fact_to_a_command_that_helps(house: House) -> None:
    task_id = waiting(house)
    found = json.loads(house.interlock("why", task_id, "--json").stdout)
    checks = {check["check"]: check for check in found["gate"]["checks"]}
    assert checks["no_open_questions"]["outcome"] == "fail"
    assert checks["no_open_questions"]["severity"] == "warning"
    assert checks["no_open_questions"]["remedy"]
    assert "agent_workflow.yaml:" in checks["no_open_questions"]["position"]
    printed = house.interlock("why", task_id).stdout
    assert f"gate {GATE}" in printed
    assert "✗ fail  check no_open_questions (warning: does not block)" in printed
    assert "approval human or orchestrator" in printed
    assert re.search(r"at agent_workflow.yaml:\d+:\d+, since 20\d\d-", printed)
    (leaf,) = found["gate"]["missing"]
    assert (leaf["rule"], leaf["remedy"]) == (
        "approval.needed",
        f"interlock approve {task_id} {GATE}",
    )
    assert "To get through, this is enough:" in printed
    assert "Which separator?" in printed
    (command,) = re.findall(r"^next: interlock (.+)$", printed, re.MULTILINE)
    house.interlock(*shlex.split(command), *word(house))
    assert house.client.task(task_id)["phase"] == "TDD"
    house.interlock("abort", task_id, *word(house))


def running(script: Path) -> list[str]:
    """Processes of this machine that run a script."""
    found = []
    for directory in Path("/proc").iterdir():
        try:
            if directory.name.isdigit() and str(script).encode() in (
                directory / "cmdline"
            ).read_bytes().split(b"\0"):
                found.append(directory.name)
        except OSError:
            continue
    return found


def test_an_abort_ends_the_session_with_everything_in_it(house: House) -> None:
    script = house.root / "endless.py"
    script.write_text("import time\ntime.sleep(100000)\n")
    task_id = start(house, f"python3 {script}")
    house.wait(task_id, lambda task: bool(running(script)))
    house.interlock("abort", task_id, *wrong(house), code=4)
    assert running(script)
    done = house.interlock("abort", task_id, "--reason", "not now", *word(house))
    assert task_id in done.stdout
    house.wait(task_id, lambda task: not running(script))
    (ended,) = house.events(task_id, "task_aborted")
    assert (ended["data"]["by"], ended["data"]["reason"]) == ("owner", "not now")
    house.interlock("abort", task_id, *word(house), code=6)


def test_trust_is_given_with_the_right_word_only(house: House) -> None:
    house.interlock("trust", *wrong(house), code=4)
    given = json.loads(house.interlock("trust", "--json", *word(house)).stdout)
    assert given["environment"]["setup"]


def test_the_evidence_of_a_task_is_one_document(house: House) -> None:
    task = next(t for t in house.client.tasks() if t["status"] == "completed")
    file = house.root / "evidence.json"
    house.interlock("evidence", task["task_id"], "-o", str(file))
    bundle = json.loads(file.read_text())
    assert bundle["commit"] == house.git("rev-parse", task["branch"])
    assert set(task["artifacts"].values()) <= set(bundle["documents"])
    assert set(task["evidence"].values()) <= set(bundle["documents"])
    printed = house.interlock("evidence", task["task_id"]).stdout
    assert json.loads(printed)["task_id"] == task["task_id"]
    assert house.interlock("audit", "verify").stdout.startswith("OK: ")


@pytest.mark.parametrize("level", ["full", "none"], indirect=True)
def test_an_agent_lets_nothing_through_at_the_peoples_door(house: House, level: str) -> None:
    about = json.loads((house.state / "run" / "people.json").read_text())
    door = f"{about['port']} {house.state}/run/people.sock"
    task_id = start(house, f"{agent(house, 'knocks', KNOCKS)} {door}")
    house.wait(task_id, lambda task: task["status"] == "awaiting_approval")
    (item,) = [i for i in house.client.inbox() if i["task_id"] == task_id]
    found = json.loads(item["artifacts"]["scope_definition"]["constraints"][0])
    knocked = ("read", "login", "approve", "guess", "trust")
    port, unix = ({found[f"{door} {what}"] for what in knocked} for door in ("port", "socket"))
    if level == "full":
        # Another network and another file system: at best the agent's own door is at that port.
        assert port <= {"no way", "404"}
        assert unix == {"no way"}
    else:
        assert port == {"401"}
        # Another uid (root's sessions) or no sockets of that family keep the agent out. Where
        # neither can be had it is the owner's uid: it may read, and the passphrase keeps it from
        # deciding.
        alone = {"no way"} if os.geteuid() == 0 else {"no way", "200"}
        assert found["socket read"] in alone
        assert unix - {found["socket read"]} <= {"no way", "401"}
    assert house.events(task_id, "approval_given") == []
    house.interlock("abort", task_id, *word(house))
