"""The system calls of a real server, from its first task to its last: nothing is answered and
nothing carried out before what stands for it was written and synced."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.crash.house import CrashHouse, environment
from tests.records.test_durability import syscalls

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

_CALLS = "read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync"
_DESCRIPTOR = re.compile(r"(\w+)\((\d+)<([^>]*)>")
_KEY = re.compile(r"Idempotency-Key: ([0-9a-f-]{36})")
_RECORD = re.compile(r'\\"kind\\":\\"(\w+)\\".*?\\"call_id\\":\\"([0-9a-f-]{36})\\"')
_COMMAND = re.compile(r"req_[0-9a-f]{26}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOOL = re.compile(r'\\"tool_name\\": \\"(\w+)\\"')
_WORK = re.compile(r'\\"op\\": ?\\"(write|multi_edit|edit|run)\\".*?:([0-9a-f-]{36})\\"')
_CHANGING = {"write_files", "edit_files", "run_tests", "submit_artifact"}


@dataclass
class Reading:
    """What a trace shows, call by call.

    Attributes:
        answers: how many of each kind were seen, so that an empty trace shows nothing.
        early: what was answered or carried out before it was durable.
    """

    written: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    audited: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    stored: set[str] = field(default_factory=set)
    asked: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    early: list[str] = field(default_factory=list)

    def take(self, call: str) -> None:
        """Take the next system call."""
        found = _DESCRIPTOR.match(call)
        if found is None:
            return
        name, number, file = found.groups()
        if file.endswith((".jsonl", "events.db-wal")):
            self._file(name, file, call)
        elif name in ("read", "recvfrom", "recvmsg"):
            if key := _KEY.search(call):
                line = re.search(r'"(POST|PUT|DELETE) (\S+) HTTP', call)
                self.asked[number] = (key[1], line[2] if line else "", "")
            if (tool := _TOOL.search(call)) and number in self.asked:
                self.asked[number] = (*self.asked[number][:2], tool[1])
        elif name in ("write", "writev", "sendto", "sendmsg"):
            self._sent(number, call)

    def _file(self, name: str, file: str, call: str) -> None:
        if name in ("write", "pwrite64"):
            pattern = _RECORD if file.endswith(".jsonl") else _COMMAND
            self.written[file] |= {match[0] for match in pattern.finditer(call)}
        elif name in ("fsync", "fdatasync") and call.endswith("= 0"):
            for text in self.written.pop(file, ()):
                if record := _RECORD.match(text):
                    self.audited[record[2]].add(record[1])
                else:
                    self.stored.add(text)

    def _sent(self, number: str, call: str) -> None:
        if work := _WORK.search(call):
            self._must(f"carried out: {work[1]}", "intent" in self.audited[work[2]])
        if number not in self.asked or "HTTP/1.1 " not in call:
            return
        key, path, tool = self.asked.pop(number)
        if path == "/api/v1/tools/execute":
            wanted = {"intent", "outcome"} if tool in _CHANGING else {"outcome"}
            self._must(f"answered: {tool}", wanted <= self.audited[key])
            if tool == "submit_artifact":
                self._must("stored: submit_artifact", key in self.stored)
        elif path == "/api/v1/tasks/transition":
            request = re.search(r"req_[0-9a-f]{26}", call)
            self._must("stored: transition", request is not None and request[0] in self.stored)
        elif path == "/api/v1/tasks":
            self._must("stored: task", key in self.stored)

    def _must(self, what: str, holds: bool) -> None:
        self.answers[what] += 1
        if not holds:
            self.early.append(f"{what}, number {self.answers[what]}")


@pytest.fixture
def traced() -> Iterator[tuple[CrashHouse, Path]]:
    """A house whose server runs under strace."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("NOT RUN: strace is not installed")
    with tempfile.TemporaryDirectory(prefix="il-") as name:
        root = Path(name)
        house = CrashHouse(root, environment(root), disk=root, patience_s=60)
        house.set_up()
        trace, log = root / "trace", (root / "up.log").open("wb")
        command = [strace, "-f", "-y", "-qq", "-s", "65536", "-o", str(trace)]
        command += ["-e", f"trace={_CALLS}"]
        programs = (
            [sys.executable, "-m", "interlock.supervisor", "--state", str(house.state)],
            [*command, sys.executable, "-m", "interlock.server", "--state", str(house.state)],
        )
        processes = [
            subprocess.Popen(
                program,
                cwd=house.repository,
                env=house.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            for program in programs
        ]
        try:
            deadline = time.monotonic() + 60
            while not (house.state / "run" / "people.json").exists():
                if "ptrace" in (root / "up.log").read_text(errors="replace"):
                    pytest.skip("NOT RUN: tracing is not permitted here")
                assert processes[1].poll() is None, (root / "up.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield house, trace
        finally:
            house.kill()
            for process in processes:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            log.close()


def test_a_server_answers_nothing_and_does_nothing_before_it_is_durable(
    traced: tuple[CrashHouse, Path],
) -> None:
    house, trace = traced
    house.completed(house.start_task(), timeout_s=300)
    server = json.loads((house.state / "run" / "people.json").read_text())["pid"]
    os.kill(server, signal.SIGTERM)  # strace writes out what it has seen
    deadline = time.monotonic() + 60
    while (house.state / "run" / "people.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    reading = Reading()
    for call in syscalls(trace.read_text(errors="replace")):
        reading.take(call)
    assert not reading.early
    assert reading.answers["stored: task"] == 1
    assert reading.answers["stored: transition"] >= 5
    for tool in _CHANGING:
        assert reading.answers[f"answered: {tool}"], reading.answers
    carried_out = {name for name in reading.answers if name.startswith("carried out: ")}
    assert len(carried_out) == 3, reading.answers
