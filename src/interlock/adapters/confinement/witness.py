"""What the properties are tried against: things of the host that a sandbox must not reach.

Where it can be, only the sandbox stands between the program and these: they are open to every user.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from interlock.adapters.confinement import leftovers
from interlock.adapters.confinement.inside.harness import call
from interlock.adapters.confinement.interpreter import interpreter
from interlock.adapters.confinement.launcher.staging import SHARED_MEMORY
from interlock.adapters.confinement.leftovers import PROBE
from interlock.adapters.confinement.mounts import translate
from interlock.errors import UnavailableError
from interlock.ports.confinement import Held, Level, Mount, SandboxSpec

__all__ = ["PORT", "Witness", "read_report"]

PORT = 8000
_INSIDE = Path(__file__).resolve().parent / "inside"
_TARGET = "/opt/interlock/inside"
_TREE, _ENVIRONMENT = "/w", "/env"
_LOOPBACK = "127.0.0.1"
_IPC_CREAT = 0o1000
_Address = str | tuple[str, int]


class Witness:
    """A host with secrets, sockets, terminals, shared memory; and trees for a sandbox.

    Args:
        uid: who the sandbox's program is on the host; None for the caller.
    """

    def __init__(self, uid: int | None) -> None:
        self.uid = uid
        self._stack = contextlib.ExitStack()
        name = tempfile.mkdtemp(prefix=f"{PROBE}{os.getpid()}-")
        self._stack.callback(shutil.rmtree, name)
        self.directory = Path(os.path.realpath(name))
        self._named = leftovers.note(self.directory)
        self._stack.callback(leftovers.remove_named, self._named)
        self.directory.chmod(0o755)
        try:
            self._things = {**self._files(), **self._network(), **self._memory()}
            self._controller, self.terminal = self._terminal()
        except BaseException:
            self.close()
            raise

    def spec(self, level: Level) -> SandboxSpec:
        """The sandbox that tries every property and prints a report."""
        program, mounts = interpreter()
        trees = SandboxSpec(
            argv=(),
            mounts=(
                *mounts,
                Mount(source=str(_INSIDE), target=_TARGET),
                Mount(source=str(self.directory / "env"), target=_ENVIRONMENT),
                Mount(source=str(self.directory / "w"), target=_TREE, writable=True),
                Mount(source=str(self.directory / "w/frozen"), target="/w/frozen"),
                Mount(source=str(self.directory / "w/parent/child"), target="/w/parent/child"),
            ),
            ports=(PORT,),
            pass_fds=(self.terminal,),
            uid=self.uid,
        )
        home = os.path.realpath(os.path.expanduser("~"))
        with open("/proc/self/stat") as file:
            started = file.read().rpartition(")")[2].split()[19]
        arguments = {
            **self._things,
            "w": translate(_TREE, trees, level),
            "env": translate(_ENVIRONMENT, trees, level),
            "home": home,
            "home_mount": os.path.relpath(program, home).partition("/")[0],
            "network": os.readlink("/proc/self/ns/net"),
            "pid": os.getpid(),
            "port": PORT,
            "started": started,
            "terminal": os.ttyname(self.terminal),
            "tty": self.terminal,
        }
        script = translate(f"{_TARGET}/run.py", trees, level)
        argv = (program, "-I", "-S", script, json.dumps(arguments))
        return dataclasses.replace(trees, argv=argv)

    def close(self) -> None:
        """Take everything away."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _files(self) -> Mapping[str, int | str]:
        for name in ("env", "w/frozen", "w/parent/child"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "w/frozen/file").write_text("frozen")
        outside = self.directory / "outside"
        outside.mkdir()
        outside.chmod(0o777)
        (outside / "file").write_text("secret")
        setuid = os.getuid() == 0
        if setuid:
            shutil.copy("/usr/bin/id", self.directory / "env/id")
            (self.directory / "env/id").chmod(0o4755)
        if self.uid is not None:
            for name in (
                *("env", "outside/file"),
                *("w", "w/frozen", "w/frozen/file", "w/parent", "w/parent/child"),
            ):
                os.chown(self.directory / name, self.uid, self.uid)
        return {"outside": str(outside), "setuid": int(setuid)}

    def _network(self) -> Mapping[str, int | str]:
        abstract = f"interlock-{secrets.token_hex(8)}"
        inet, unix = socket.AF_INET, socket.AF_UNIX
        stream, datagrams = socket.SOCK_STREAM, socket.SOCK_DGRAM
        tcp = self._bound(inet, stream, (_LOOPBACK, 0))
        udp = self._bound(inet, datagrams, (_LOOPBACK, 0))
        self._bound(unix, stream, "\0" + abstract)
        for kind, name in ((stream, "stream"), (datagrams, "datagrams")):
            path = self.directory / "outside" / name
            self._bound(unix, kind, str(path))
            path.chmod(0o666)
        return {"abstract": abstract, "tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1]}

    def _bound(self, family: int, kind: int, address: _Address) -> socket.socket:
        sock = self._stack.enter_context(socket.socket(family, kind))
        sock.bind(address)
        if kind == socket.SOCK_STREAM:
            sock.listen()
        return sock

    def _memory(self) -> Mapping[str, int | str]:
        key = self._named.segment
        ctypes.CDLL(None).shmget(key, 4096, _IPC_CREAT | 0o666)
        descriptor, path = tempfile.mkstemp(prefix=f"{PROBE}{os.getpid()}-", dir=SHARED_MEMORY)
        self._stack.callback(os.unlink, path)
        os.fchmod(descriptor, 0o666)
        os.close(descriptor)
        return {"queue": self._queue(), "shared": path, "shm": key}

    def _queue(self) -> str:
        """Name of a message queue; empty if the kernel has none."""
        name = self._named.queue
        text, flags = ctypes.c_char_p(name.encode()), os.O_CREAT | os.O_EXCL | os.O_RDWR
        try:
            made = call("mq_open", text, ctypes.c_long(flags), ctypes.c_long(0o666), None)
        except OSError:
            return ""
        os.fchmod(made, 0o666)
        os.close(made)
        return name

    def _terminal(self) -> tuple[int, int]:
        controller, terminal = os.openpty()
        self._stack.callback(os.close, controller)
        self._stack.callback(os.close, terminal)
        return controller, terminal


def read_report(output: str) -> dict[str, tuple[Held, str]]:
    """Every property that was tried, by name: whether it was held, and why not.

    Raises:
        UnavailableError: the program inside did not print a report (IL-CNF-004).
    """
    try:
        report: dict[str, Any] = json.loads(output.splitlines()[-1])
        return {name: (Held[held.upper()], str(why)) for name, (held, why) in report.items()}
    except (IndexError, ValueError, KeyError, TypeError, AttributeError):
        raise UnavailableError(
            f"the sandbox gave no report: {output.strip()[-500:] or 'nothing was printed'}",
            code="IL-CNF-004",
        ) from None
