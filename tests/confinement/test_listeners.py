"""Listeners are bound inside a sandbox's own network and served outside."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from interlock.adapters.confinement.handle import LaunchedSandbox
from interlock.errors import UnavailableError, UsageError
from interlock.ports.confinement import Level, Rung, SandboxSpec

if TYPE_CHECKING:
    from tests.confinement.conftest import Start

pytestmark = pytest.mark.sandbox

_ASK = """
import socket
for port in {ports}:
    connection = socket.create_connection(("127.0.0.1", port), 10)
    print(connection.makefile().readline().strip(), flush=True)
"""
_SQUAT = """
import socket, sys
for line in sys.stdin:
    taken = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0")):
        thief = socket.socket(family)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            thief.bind((address, 8000))
            thief.listen()
            taken.append(address)
        except OSError:
            pass
        thief.close()
    print(taken, flush=True)
"""


def _answer(listener: socket.socket, text: str) -> None:
    listener.settimeout(10)
    connection, _ = listener.accept()
    with connection:
        connection.sendall(text.encode() + b"\n")


def test_each_sandbox_reaches_only_its_own_listeners(start_python: Start) -> None:
    reader, writer = os.pipe()
    code = _ASK.format(ports=[8000, 80])
    sandboxes = [start_python(code, stdout=writer, ports=(8000, 80)) for _ in range(2)]
    os.close(writer)
    with os.fdopen(reader) as pipe:
        for index, sandbox in enumerate(sandboxes):
            for listener, port in zip(sandbox.listeners, (8000, 80), strict=True):
                assert listener.getsockname() == ("127.0.0.1", port)
                assert sandbox.port(port) == port
                _answer(listener, f"{index}:{port}")
                assert pipe.readline() == f"{index}:{port}\n"
            assert sandbox.wait(10) == 0


def test_port_cannot_be_taken_while_a_duplicate_of_its_listener_exists(start_python: Start) -> None:
    answers, writer = os.pipe()
    questions, ask = os.pipe()
    sandbox = start_python(
        _SQUAT.replace("sys.stdin", f"open({questions})"),
        stdout=writer,
        ports=(8000,),
        pass_fds=(questions,),
    )
    os.close(writer)
    os.close(questions)
    with os.fdopen(answers) as pipe, os.fdopen(ask, "w", buffering=1) as question:
        duplicate = sandbox.listeners[0].dup()
        sandbox.listeners[0].close()
        question.write("with a duplicate\n")
        assert pipe.readline() == "[]\n"
        duplicate.close()
        question.write("without\n")
        assert pipe.readline() == "['127.0.0.1', '0.0.0.0']\n"


def test_without_namespaces_listeners_are_on_free_ports(start_python: Start) -> None:
    reader, writer = os.pipe()
    questions, ask = os.pipe()
    code = f"ports = [int(open({questions}).readline())]\n" + _ASK.format(ports="ports")
    sandbox = start_python(code, Rung.PLAIN, stdout=writer, ports=(8000,), pass_fds=(questions,))
    os.close(writer)
    os.close(questions)
    os.write(ask, b"%d\n" % sandbox.port(8000))
    os.close(ask)
    assert sandbox.port(8000) == sandbox.listeners[0].getsockname()[1] != 8000
    _answer(sandbox.listeners[0], "hello")
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "hello\n"


@pytest.mark.parametrize("port", [8000, None])
def test_a_listener_of_the_hosts_own_network_is_not_taken(port: int | None) -> None:
    """Whoever handed it out: at full the address looks the same, only the network tells."""
    ours, theirs = socket.socketpair()
    launcher = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
    spec = SandboxSpec(argv=("x",), ports=(8000,))
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener, theirs:
            if port is None:
                spec = replace(spec, ports=(listener.getsockname()[1],))
            socket.send_fds(theirs, [b'{"listeners": true}\n'], [listener.fileno()])
            line = b'{"prepared": {"cgroup": ""}}\n{"started": true}\n'
            socket.send_fds(theirs, [line], [os.pidfd_open(launcher.pid)])
            theirs.close()  # as a launcher's own end goes with it
            launcher.kill()
            with pytest.raises(UnavailableError, match="is not the sandbox's"):
                LaunchedSandbox(Level.FULL, spec, launcher, ours, [], "none").begin()
    finally:
        launcher.kill()
        launcher.wait()


def test_port_that_was_not_asked_for_is_refused(start_python: Start) -> None:
    sandbox = start_python("", ports=(8000,))
    with pytest.raises(UsageError) as caught:
        sandbox.port(8001)
    assert caught.value.code == "IL-CNF-001"
