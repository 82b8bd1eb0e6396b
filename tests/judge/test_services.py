"""Programs beside the tests: there when tests run, on data of their own, and gone with the run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tests.judge.support import PATTERNS, SPEC, Bench

from interlock.core.model import EnvironmentSpec, ServiceSpec
from interlock.ports.confinement import Level
from interlock.ports.judge import BaseRequest, RedRequest

PORT = 6400
# Keeps what it is told in a file of the directory that it starts in, and says how much that is.
COUNTER = """
import os, socketserver, sys
print("the counter starts in", os.getcwd(), flush=True)
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        if line := self.rfile.readline():
            open("told", "ab").write(line)
            self.wfile.write(b"%d" % len(open("told", "rb").readlines()))
socketserver.TCPServer.allow_reuse_address = True
socketserver.TCPServer(("127.0.0.1", PORT), Handler).serve_forever()
""".replace("PORT", str(PORT))
ASKS = """
import socket

def told(what):
    with socket.create_connection(("127.0.0.1", PORT), 5) as sock:
        sock.sendall(what + b"\\n")
        return int(sock.recv(10))
""".replace("PORT", str(PORT))
TESTS = (
    f"{ASKS}\ndef test_its_data_are_of_this_run_alone():\n"
    "    assert (told(b'a'), told(b'b')) == (1, 2)\n"
)
SETUP = (*SPEC.setup, f"cat > \"$VIRTUAL_ENV/counter.py\" <<'END'{COUNTER}END")
SERVICE = ServiceSpec(name="counter", command='exec python "$VIRTUAL_ENV/counter.py"', port=PORT)


def with_services(*services: ServiceSpec) -> EnvironmentSpec:
    return EnvironmentSpec(setup=SETUP, services=services)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, state: Path, level: Level) -> Bench:
    if level is not Level.FULL:
        pytest.skip("NOT RUN: services need a loopback of their own")
    files = {"tests/test_served.py": TESTS, "server.py": COUNTER}
    return Bench(tmp_path_factory.mktemp("served"), state, level, files)


@pytest.mark.slow
def test_a_service_runs_beside_each_run_and_has_data_of_its_own(served: Bench) -> None:
    ready = dataclasses.replace(
        SERVICE,
        ready=f"python -c 'import socket; socket.create_connection((\"127.0.0.1\", {PORT}))'",
    )
    spec = with_services(ready)
    # Two runs of the base and one of what is new, in two sandboxes.
    base = served.judge.base(BaseRequest(base=served.base, environment=spec, seconds=60))
    assert (base.problem, base.failing, base.flaky) == ("", (), ())
    text = f"{ASKS}\ndef test_new():\n    assert told(b'x') == 7\n"
    tree = served.tree({"tests/test_new.py": text})
    asked = RedRequest(
        base=served.base, tree=tree, test_patterns=PATTERNS, environment=spec, seconds=60
    )
    red = served.judge.red(asked)
    assert red.problem == ""
    assert red.red is not None
    (test,) = red.red.tests
    assert "1 == 7" in test.message


@pytest.mark.parametrize(
    "service, says",
    [
        (
            dataclasses.replace(SERVICE, command="echo no room for it; exit 3"),
            "the service counter ended with status 3: no room for it",
        ),
        (
            dataclasses.replace(SERVICE, port=PORT + 1, seconds=1),
            "the service counter is not ready after 1 s: the counter starts in ",
        ),
        (
            dataclasses.replace(SERVICE, ready="exit 1", seconds=1),
            "the service counter is not ready after 1 s",
        ),
        # What an agent could write is not there when a service starts.
        (
            dataclasses.replace(SERVICE, command="exec python /w/server.py"),
            "the service counter ended with status 2: ",
        ),
    ],
    ids=["ends", "wrong port", "never ready", "program of the tree"],
)
def test_a_service_that_cannot_be_used_is_said_with_what_it_printed(
    served: Bench, service: ServiceSpec, says: str
) -> None:
    spec = with_services(service)
    facts = served.judge.base(BaseRequest(base=served.base, environment=spec, seconds=60))
    assert says in facts.problem


def test_without_a_loopback_of_its_own_no_service_is_started(tmp_path: Path, state: Path) -> None:
    bench = Bench(tmp_path, state, Level.NONE, {"tests/test_served.py": TESTS})
    spec = with_services(SERVICE)
    facts = bench.judge.base(BaseRequest(base=bench.base, environment=spec, seconds=60))
    assert "services need a loopback of their own" in facts.problem
    assert facts.remedy == "interlock doctor"
