"""One sandbox with a runner in it, for all runs of one request."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from interlock.adapters.confinement import UidRange, interpreter, start, translate
from interlock.adapters.judge.results import RawRun
from interlock.adapters.judge.runner import wire
from interlock.adapters.judge.snapshot import Snapshot
from interlock.adapters.judge.work_directory import WorkDirectory
from interlock.errors import UnavailableError
from interlock.failpoints import reach
from interlock.ports.confinement import Level, Limits, Mount, SandboxSpec

__all__ = ["ENVIRONMENT", "TREE", "Place", "RunnerSession"]

TREE, ENVIRONMENT = "/w", "/env"
_RUNNER = "/judge/runner"
_READY_S = 60.0
# To write the tree before a run and to clean up after it.
_AROUND_S = 120.0
_BUFFER = 1 << 20
# -I: nothing of the environment's variables or of the tree decides what is imported here.
_START = (
    "import importlib, os, sys; package = sys.argv.pop(1); "
    "sys.path.insert(0, os.path.dirname(package)); "
    "server = importlib.import_module(os.path.basename(package) + '.server'); "
    "del sys.path[0]; server.main()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and how confined judge jobs run.

    Args:
        level: of confinement.
        uids: users for jobs; not those that sessions are given.
        scratch: directory for trees that are too big for memory.
        limits: of one sandbox.
    """

    level: Level
    uids: UidRange
    scratch: Path
    limits: Limits


class RunnerSession:
    """Runs variants of a tree, one after the other, each on a fresh copy.

    Args:
        place: see there.
        environment: host directory of the built environment.
        bytes_needed: size of the trees that will be run, about.

    Raises:
        UnavailableError: the sandbox or the runner in it does not start.
    """

    def __init__(self, place: Place, environment: Path, bytes_needed: int) -> None:
        self._place = place
        self._closing = threading.Lock()
        self._is_closed = False
        self._uid = place.uids.lease()
        self._work = WorkDirectory(place.scratch, bytes_needed, self._uid)
        self._stream, inner = socket.socketpair()
        # What goes wrong before the runner speaks, it says on stderr.
        self._complaint = tempfile.TemporaryFile()  # noqa: SIM115 — closed in `close`
        self._sandbox = None
        # A supervisor that is told to end does not wait for the thread that measures.
        atexit.register(self.close)
        try:
            with inner:
                reach("judge.launch")
                self._sandbox = start(
                    self._spec(environment, inner.fileno()),
                    place.level,
                    stderr=self._complaint.fileno(),
                )
            self._stream.settimeout(_READY_S)
            self._reader = self._stream.makefile("rb", _BUFFER)
            self._answer()
        except BaseException:
            self.close()
            raise

    def _spec(self, environment: Path, descriptor: int) -> SandboxSpec:
        spec = SandboxSpec(
            argv=(),
            env={
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "0",
                "VIRTUAL_ENV": ENVIRONMENT,
            },
            mounts=(
                Mount(source=str(self._work.path), target=TREE, writable=True),
                Mount(source=str(environment), target=ENVIRONMENT),
                Mount(source=str(Path(wire.__file__).resolve().parent), target=_RUNNER),
                *interpreter()[1],
            ),
            pass_fds=(descriptor,),
            uid=self._uid,
            limits=self._place.limits,
        )
        seen: Callable[[str], str] = functools.partial(
            translate, spec=spec, level=self._place.level
        )
        program = f"{seen(ENVIRONMENT)}/bin/python"
        argv = (program, "-I", "-B", "-c", _START, seen(_RUNNER), str(descriptor), seen(TREE))
        path = f"{seen(ENVIRONMENT)}/bin:/usr/local/bin:/usr/bin:/bin"
        env = {**spec.env, "VIRTUAL_ENV": seen(ENVIRONMENT), "PATH": path}
        return dataclasses.replace(spec, argv=(*argv, self._standing()), env=env)

    def _standing(self) -> str:
        if self._place.level is Level.FULL:
            return "private"
        return "exclusive" if self._uid is not None else "shared"

    def run(
        self,
        tree: Snapshot,
        *,
        arguments: Sequence[str],
        settings: str | None,
        keep: frozenset[str] | None,
        drop: frozenset[str],
        seconds: int,
    ) -> RawRun:
        """Run pytest on a fresh copy of a tree.

        Args:
            tree: what ``/w`` holds.
            arguments: files for pytest; none means what the project's settings say.
            settings: path of the file with the project's settings for pytest.
            keep: ids to run; ``None`` means all.
            drop: ids not to run.
            seconds: wall time for pytest.

        Raises:
            UnavailableError: the runner is gone, or does not answer in time.
        """
        job = {
            "arguments": list(arguments),
            "settings": settings,
            "keep": None if keep is None else sorted(keep),
            "drop": sorted(drop),
            "seconds": seconds,
        }
        reach("judge.run")
        self._stream.settimeout(seconds + _AROUND_S)
        try:
            wire.write_json(self._stream, job)
            self._send(tree)
        except OSError as error:
            raise self._gone() from error
        answer = self._answer()
        try:
            frames = self._reader.read(answer["frames"])
            output = self._reader.read(answer["output"])
            return RawRun(
                status=int(answer["status"]),
                timed_out=bool(answer["timed_out"]),
                frames=frames,
                output=output.decode(errors="replace"),
                seconds=float(answer["seconds"]),
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise self._gone() from error

    def _send(self, tree: Snapshot) -> None:
        with self._stream.makefile("wb", _BUFFER) as out:
            for kind, name, data in tree.records():
                out.write(wire.RECORD.pack(kind, len(name), len(data)))
                out.write(name)
                out.write(data)
            out.write(wire.RECORD.pack(wire.END, 0, 0))

    def _answer(self) -> dict[str, Any]:
        try:
            answer = wire.read_json(self._reader.read)
        except (OSError, ValueError) as error:
            raise self._gone() from error
        if answer is None:
            raise self._gone()
        return answer

    def _gone(self) -> UnavailableError:
        self._complaint.seek(0)
        said = self._complaint.read().decode(errors="replace").strip()[-500:]
        missing = "No module named 'pytest'" in said
        return UnavailableError(
            f"the test runner ended or does not answer: {said or 'it said nothing'}",
            code="IL-JUD-003" if missing else "IL-JUD-002",
            remedy="add `pip install pytest` to environment.setup of the workflow"
            if missing
            else "request the transition again; if it stays so, run: interlock evidence TASK",
        )

    def close(self) -> None:
        """End everything inside and remove the copy of the tree. May be called again."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            atexit.unregister(self.close)
            self._stream.close()
            if self._sandbox is not None:
                self._sandbox.close()
            self._complaint.close()
            self._work.close()
            self._place.uids.release(self._uid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
