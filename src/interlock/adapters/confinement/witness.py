"""What the properties are tried against: things of the host that a sandbox must not reach."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from interlock.adapters.confinement.interpreter import interpreter
from interlock.errors import UnavailableError
from interlock.ports.confinement import Mount, SandboxSpec

__all__ = ["PORT", "Witness", "read_report"]

PORT = 8000
_INSIDE = Path(__file__).resolve().parent / "inside"
_TARGET = "/opt/interlock/inside"
_IPC_CREAT, _IPC_RMID = 0o1000, 0


class Witness:
    """A host with a secret, sockets, a terminal, shared memory; and trees for a sandbox.

    Args:
        uid: who the sandbox's program is on the host; None for the caller.
    """

    def __init__(self, uid: int | None) -> None:
        self.directory = Path(os.path.realpath(tempfile.mkdtemp(prefix="interlock-probe-")))
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._key = secrets.randbelow(1 << 30) + 1
        # 0666: only the namespace may stand between the sandbox and these.
        self._shm = self._libc.shmget(self._key, 4096, _IPC_CREAT | 0o666)
        self._controller, self.terminal = os.openpty()
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self._abstract = f"interlock-{secrets.token_hex(8)}"
        self._path = self.directory / "socket"
        for address in ("\0" + self._abstract, str(self._path)):
            listener = socket.socket(socket.AF_UNIX)
            self._sockets.append(listener)
            listener.bind(address)
            listener.listen()
        self.directory.chmod(0o755)
        self._path.chmod(0o666)
        self._make_trees(uid)
        self.uid = uid

    def spec(self) -> SandboxSpec:
        """The sandbox that tries every property and prints a report."""
        program, mounts = interpreter()
        home = os.path.realpath(os.path.expanduser("~"))
        arguments: dict[str, int | str] = {
            "pid": os.getpid(),
            "home": home,
            "home_mount": os.path.relpath(program, home).partition("/")[0],
            "file": str(self.directory / "secret"),
            "socket": str(self._path),
            "abstract": self._abstract,
            "tcp": self._sockets[0].getsockname()[1],
            "port": PORT,
            "tty": self.terminal,
            "shm": self._key,
        }
        return SandboxSpec(
            argv=(program, "-I", "-S", f"{_TARGET}/run.py", json.dumps(arguments)),
            mounts=(
                *mounts,
                Mount(source=str(_INSIDE), target=_TARGET),
                Mount(source=str(self.directory / "env"), target="/env"),
                Mount(source=str(self.directory / "w"), target="/w", writable=True),
                Mount(source=str(self.directory / "w/frozen"), target="/w/frozen"),
                Mount(source=str(self.directory / "w/parent/child"), target="/w/parent/child"),
            ),
            ports=(PORT,),
            pass_fds=(self.terminal,),
            uid=self.uid,
        )

    def close(self) -> None:
        """Take everything away."""
        for listener in self._sockets:
            listener.close()
        for descriptor in (self._controller, self.terminal):
            os.close(descriptor)
        self._libc.shmctl(self._shm, _IPC_RMID, None)
        shutil.rmtree(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _make_trees(self, uid: int | None) -> None:
        (self.directory / "secret").write_text("secret")
        for name in ("env", "w/frozen", "w/parent/child"):
            (self.directory / name).mkdir(parents=True)
        (self.directory / "w/frozen/file").write_text("frozen")
        if uid is not None:
            for name in ("env", "w", "w/frozen", "w/frozen/file", "w/parent", "w/parent/child"):
                os.chown(self.directory / name, uid, uid)


def read_report(output: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Properties tried, and those that do not hold with what happened.

    Raises:
        UnavailableError: the program inside did not print a report (IL-CNF-004).
    """
    try:
        report: dict[str, Any] = json.loads(output.splitlines()[-1])
        return tuple(report["tried"]), dict(report["broken"])
    except (IndexError, ValueError, KeyError, TypeError):
        raise UnavailableError(
            f"the sandbox gave no report: {output.strip()[-500:] or 'nothing was printed'}",
            code="IL-CNF-004",
        ) from None
