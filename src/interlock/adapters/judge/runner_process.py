"""One sandbox with a runner in it, and the clock and the scales that are held outside of it.

Code under test has the runner's user: it can stop the runner, kill it, or fill what it writes to.
So nothing here waits for the runner alone; who does not answer in time, or takes more room than it
was given, is ended with all that is in the sandbox.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from interlock.adapters.confinement import start, translate
from interlock.adapters.judge.built import Held
from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.place import ENVIRONMENT, TREE, Place
from interlock.adapters.judge.results import RawRun
from interlock.adapters.judge.runner import wire
from interlock.adapters.judge.snapshot import Snapshot
from interlock.adapters.judge.work_directory import WorkDirectory
from interlock.errors import UnavailableError
from interlock.failpoints import reach
from interlock.ports.confinement import Level, Mount, SandboxSpec

__all__ = ["Lost", "RunnerProcess"]

_RUNNER = "/judge/runner"
_READY_S = 60.0
# To write the tree before a run.
_BEFORE_S = 120.0
_LOOK_S = 0.25
_BUFFER = 1 << 20
_SAID = 500
# -I: nothing of the environment's variables or of the tree decides what is imported here. The
# package is found by its file: the directory above it may not be listed, and is not to be searched.
_START = (
    "import importlib.util, os, sys; package = sys.argv.pop(1); name = os.path.basename(package); "
    "spec = importlib.util.spec_from_file_location(name, package + '/__init__.py'); "
    "sys.modules[name] = importlib.util.module_from_spec(spec); "
    "importlib.import_module(name + '.server').main()"
)


class Lost(Exception):
    """The runner was lost in the middle of a run; the message says how, for people."""


class RunnerProcess:
    """A runner from its first word to its end; after ``Lost`` it can only be closed.

    Args:
        place: see there.
        conditions: environment and runner.
        bytes_needed: size of the trees that will be run, about.

    Raises:
        UnavailableError: the sandbox or the runner in it does not start.
    """

    def __init__(self, place: Place, conditions: Conditions, bytes_needed: int) -> None:
        self._place = place
        self._closing = threading.Lock()
        self._is_closed = False
        self._held = Held(conditions.environment.root)
        self._uid = place.uids.lease()
        # What the trees need, and as much for what tests write as each temporary directory has.
        self._room = 2 * bytes_needed + place.limits.temporary_bytes
        self._work: WorkDirectory | None = None
        self._stream, inner = socket.socketpair()
        # What goes wrong before the runner speaks, it says on stderr.
        self._complaint = tempfile.TemporaryFile()  # noqa: SIM115 — closed in `close`
        self._sandbox = None
        # A supervisor that is told to end does not wait for the thread that measures.
        atexit.register(self.close)
        try:
            if place.level is not Level.FULL:
                self._work = WorkDirectory(place.scratch, bytes_needed, self._uid)
            with inner:
                reach("judge.launch")
                self._sandbox = start(
                    self._spec(conditions, inner.fileno()),
                    place.level,
                    stderr=self._complaint.fileno(),
                )
            self._reader = self._stream.makefile("rb", _BUFFER)
            self._begin()
        except BaseException:
            self.close()
            raise

    def _spec(self, conditions: Conditions, descriptor: int) -> SandboxSpec:
        environment = conditions.environment
        tree = (
            [Mount(source=str(self._work.path), target=TREE, writable=True)] if self._work else []
        )
        spec = SandboxSpec(
            argv=(),
            env={
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "0",
                "VIRTUAL_ENV": ENVIRONMENT,
            },
            mounts=(
                *tree,
                Mount(source=str(environment.root), target=ENVIRONMENT),
                Mount(source=str(Path(wire.__file__).resolve().parent), target=_RUNNER),
                *environment.mounts,
            ),
            blank={} if tree else {TREE: self._room},
            pass_fds=(descriptor,),
            uid=self._uid,
            limits=self._place.limits,
        )
        seen: Callable[[str], str] = functools.partial(
            translate, spec=spec, level=self._place.level
        )
        program = f"{seen(ENVIRONMENT)}/bin/python"
        argv = (program, "-P", "-s", "-B", "-c", _START, seen(_RUNNER), str(descriptor), seen(TREE))
        path = f"{seen(ENVIRONMENT)}/bin:/usr/local/bin:/usr/bin:/bin"
        env = {**spec.env, "VIRTUAL_ENV": seen(ENVIRONMENT), "PATH": path}
        return dataclasses.replace(
            spec, argv=(*argv, self._standing(), conditions.spec.runner), env=env
        )

    def _standing(self) -> str:
        if self._place.level is Level.FULL:
            return "private"
        return "exclusive" if self._uid is not None else "shared"

    def _begin(self) -> None:
        try:
            with self._watched(_READY_S, "it did not start in time"):
                self._answer()
        except Lost as lost:
            said = self._said()
            missing = "No module named 'pytest'" in said
            raise UnavailableError(
                f"the test runner does not start: {said or lost}",
                code="IL-JUD-003" if missing else "IL-JUD-002",
                remedy="add `pip install pytest` to environment.setup of the workflow"
                if missing
                else "request the transition again; if it stays so, run: interlock evidence TASK",
            ) from lost

    def run(self, job: dict[str, Any], tree: Snapshot, seconds: float) -> RawRun:
        """One run, as the runner reports it.

        Args:
            job: what the runner is told; plain JSON values.
            tree: what it writes to the tree's directory before.
            seconds: wall time of the run itself.

        Raises:
            Lost: the runner is gone, does not answer in time, or took more room than it may.
        """
        patience = _BEFORE_S + sum(service["seconds"] for service in job["services"])
        with self._watched(patience, "it did not take the tree in time"):
            try:
                wire.write_json(self._stream, job)
                self._send(tree)
            except OSError:
                # It may have said why it takes no more.
                self._begun()
                raise Lost(self._gone()) from None
            self._begun()
        try:
            wire.write_json(self._stream, {"seconds": seconds})
        except OSError as error:
            raise Lost(self._gone()) from error
        late = (
            f"it did not answer {self._place.after_s:.0f} s after the {seconds:.0f} s of the run "
            "were over; code under test that stops its runner has to go"
        )
        with self._watched(seconds + self._place.after_s, late):
            answer = self._answer()
            try:
                frames = self._exactly(answer["frames"])
                output = self._exactly(answer["output"])
                return RawRun(
                    status=int(answer["status"]),
                    timed_out=bool(answer["timed_out"]),
                    frames=frames,
                    output=output.decode(errors="replace"),
                    seconds=float(answer["seconds"]),
                )
            except (OSError, KeyError, TypeError, ValueError) as error:
                raise Lost(self._gone()) from error

    def _begun(self) -> None:
        if problem := self._answer().get("problem"):
            raise Lost(str(problem))

    @contextmanager
    def _watched(self, seconds: float, late: str) -> Iterator[None]:
        """End the sandbox when the time is over or the room is used up, and say which it was."""
        over = threading.Event()
        reasons: list[str] = []

        deadline = time.monotonic() + seconds
        too_much = f"the run wrote more than {self._room >> 20} MiB to its tree"

        def watch() -> None:
            why = late
            while (left := deadline - time.monotonic()) > 0 and not over.wait(min(left, _LOOK_S)):
                if self._work is not None and self._work.holds_more_than(self._room):
                    why = too_much
                    break
            if not over.is_set() and self._sandbox is not None:
                reasons.append(why)
                self._sandbox.kill()

        watcher = threading.Thread(target=watch, daemon=True, name="judge-watch")
        watcher.start()
        try:
            yield
        except Lost as lost:
            over.set()
            watcher.join()
            # A tree in memory counts as the sandbox's, so that the kernel may be there first.
            if not reasons and self._work is not None and self._work.size() > self._room:
                reasons.append(too_much)
            if not reasons:
                raise
            raise Lost(f"the test runner was ended: {reasons[0]}") from lost
        finally:
            over.set()

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
            raise Lost(self._gone()) from error
        if answer is None:
            raise Lost(self._gone())
        return answer

    def _exactly(self, count: int) -> bytes:
        data: bytes = self._reader.read(count)
        if len(data) < count:
            raise ValueError("it ended in the middle of its answer")
        return data

    def _gone(self) -> str:
        said = self._said()
        return (
            "the test runner was ended in the middle of the run"
            f"{f' ({said})' if said else ''}; code under test that kills it has to go"
        )

    def _said(self) -> str:
        size = self._complaint.seek(0, os.SEEK_END)
        self._complaint.seek(max(0, size - _SAID))
        return self._complaint.read().decode(errors="replace").strip()

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
            if self._work is not None:
                self._work.close()
            self._place.uids.release(self._uid)
            self._held.close()
