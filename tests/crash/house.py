"""A whole installation that may be killed at any moment, and what must hold after it was."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.conftest import AGENT, House, sample_repository

from interlock.adapters.agents.command import command_agent
from interlock.adapters.audit.verify import Proved, verify
from interlock.adapters.durable import sync_tree
from interlock.errors import InterlockError
from interlock.failpoints import VARIABLE
from interlock.sdk.people import PeopleClient
from interlock.server.records import ANCHORED, anchors_in

__all__ = ["CrashHouse", "environment"]

AGENTS = Path(__file__).parent / "agents"
_OID = re.compile(r"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")
_READY_S = 60.0


def environment(root: Path) -> dict[str, str]:
    """What the processes of a house are given; its home lies in ``root``."""
    (root / "home").mkdir(exist_ok=True)
    passed_on = ("PIP_", "SSL_")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(root / "home"),
        "LANG": "C.UTF-8",
        **{name: value for name, value in os.environ.items() if name.startswith(passed_on)},
    }


@dataclass
class CrashHouse(House):
    """A house whose processes are ours, and a memory of all that it has answered.

    Args:
        disk: where the repository and the state lie.

        patience_s: how long a person waits for a door that is away.

    Attributes:
        told: events that the people's door has shown, by id.
    """

    disk: Path = field(kw_only=True)
    key: bytes = b""
    state_name: str = ""
    patience_s: float = 60.0
    told: dict[int, dict[str, Any]] = field(default_factory=dict)
    _up: subprocess.Popen[bytes] | None = None

    @property
    def repository(self) -> Path:
        return self.disk / "repo"

    @property
    def state(self) -> Path:
        # Remembered, because a disk that does not answer cannot be looked at.
        if not self.state_name:
            (state,) = (self.disk / "state" / "interlock").iterdir()
            self.state_name = state.name
        return self.disk / "state" / "interlock" / self.state_name

    @property
    def client(self) -> PeopleClient:
        if self._client is None:
            self._client = PeopleClient(
                f"unix:{self.state}/run/people.sock", patience_s=self.patience_s
            )
        return self._client

    def set_up(self) -> None:
        """Make the repository and initialise it."""
        self.environment["XDG_STATE_HOME"] = str(self.disk / "state")
        sample_repository(self.repository, self.environment)
        sync_tree(self.disk)  # the person's own work is theirs to keep
        (self.root / "passphrase").write_text("correct horse\n")
        passphrase = str(self.root / "passphrase")
        done = self.interlock("init", "--passphrase-file", passphrase, "--trust", "--json")
        self.key = bytes.fromhex(json.loads(done.stdout)["audit_key"])

    def start(self, *, armory: Path | None = None) -> None:
        """Start everything and wait until the door answers.

        Args:
            armory: a directory of fail points.
        """
        armed = {VARIABLE: str(armory)} if armory else {}
        with (self.root / "up.log").open("ab") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "interlock", "up", "--foreground"],
                cwd=self.repository,
                env={**self.environment, **armed},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline and self._up.poll() is None:
            try:
                self.client.about()
            except (InterlockError, OSError):
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"it does not come up\n{self.logs()}")

    def kill(self) -> None:
        """End every process of the house at once, as a power cut does."""
        if self._up is not None:
            os.killpg(self._up.pid, signal.SIGKILL)
            self._up.wait()
            self._up = None
        if self._client is not None:
            self._client.close()
            self._client = None

    def stop(self) -> None:
        """End it in order."""
        if self._up is not None:
            self._up.terminate()
            try:
                self._up.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
        self.kill()

    def telling_task(self) -> str:
        """A task whose agents say aloud what they were answered."""
        return self.begin(AGENTS / "telling.py")

    def begin(self, script: Path) -> str:
        """A task for a program that wraps the honest agent."""
        program = asdict(command_agent(f"python3 {script} {AGENT.parent}/", self.root))
        agent = {"author": program, "reviewers": {"default": program}}
        made = self.client.create_task("Add slugify to textkit", agent=agent)
        return str(made["task_id"])

    def listen(self, *, wait_s: float = 0.2) -> None:
        """Take note of every event that the door shows."""
        found, _ = self.client.events(max(self.told, default=0), limit=1000, wait_s=wait_s)
        self.told |= {int(event["id"]): event for event in found}

    # -- what must hold ----------------------------------------------------------------------

    def check(self, answers: Iterable[dict[str, Any]] = ()) -> None:
        """Nothing that was answered is lost, nothing is there twice, the records hold together.

        Args:
            answers: what agents said they were answered.
        """
        events = self._all_events()
        self._check_events(events)
        self._check_audit(events, answers)
        self._check_objects(events)

    def _all_events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        while page := self.client.events(int(events[-1]["id"]) if events else 0, limit=500)[0]:
            events += page
        return events

    def _check_events(self, events: list[dict[str, Any]]) -> None:
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        lost = [event for event in self.told.values() if events[int(event["id"]) - 1] != event]
        assert not lost, lost
        self.told |= {int(event["id"]): event for event in events}
        for task in self.client.tasks():
            own = [event for event in events if event["task_id"] == task["task_id"]]
            assert [event["task_version"] for event in own] == list(range(1, len(own) + 1))
            counts = Counter(event["event_type"] for event in own)
            assert counts["task_created"] == 1
            assert counts["task_completed"] == (task["status"] == "completed")
            if task["status"] == "completed":
                assert counts["phase_changed"] == 4
                assert self.git("rev-list", "--count", f"HEAD..{task['branch']}") == "1"
                assert self.git("rev-parse", f"{task['branch']}^{{tree}}") == task["tree"]

    def _check_audit(self, events: list[dict[str, Any]], answers: Iterable[dict[str, Any]]) -> None:
        anchors = anchors_in(event["data"] for event in events if event["event_type"] in ANCHORED)
        found = verify(self.state / "audit", self.key, anchors)
        assert found.ok, found
        assert found.proved is Proved.WHOLE
        recorded = {
            record.get("call_id")
            for path in (self.state / "audit").glob("*.jsonl")
            for record in map(json.loads, path.read_text().splitlines())
        }
        requests = {event["data"].get("request_id") for event in events}
        decided = {
            event["data"].get("request_id")
            for event in events
            if event["event_type"] in ("phase_changed", "completion_accepted")
        }
        for answer in answers:
            if answer["path"] == "/api/v1/tools/execute" and answer["status"] < 500:
                assert answer["key"] in recorded, answer
            if answer["request"]:
                assert answer["request"] in requests, answer
            if answer["outcome"] == "allowed":
                assert answer["request"] in decided, answer

    def _check_objects(self, events: list[dict[str, Any]]) -> None:
        """Every object that an event names is there, with all that it leads to."""
        named = {
            oid
            for event in events
            if event["event_type"] not in ("artifact_submitted", "evidence_recorded")
            for oid in _OID.findall(json.dumps(event["data"]))
        }
        names = "".join(f"{oid}\n" for oid in sorted(named))
        bare = f"--git-dir={self.state / 'repo.git'}"
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", bare, "cat-file", "--batch-check"],
            input=names,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        missing = [line for line in done.stdout.splitlines() if line.endswith("missing")]
        assert not missing, missing


def answers_in(text: str) -> list[dict[str, Any]]:
    """What ``telling`` agents printed; a last line may be cut."""
    found = []
    for line in text.splitlines():
        if line.startswith("ANSWERED ") and line.endswith("}"):
            found.append(json.loads(line.removeprefix("ANSWERED ")))
    return found
