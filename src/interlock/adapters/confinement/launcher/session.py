"""One sandbox from its job to its status.

The job comes as a length and JSON. Answers are lines of JSON: ``listeners`` (carrying the sockets),
``prepared`` (carrying a pidfd of the process whose end is the end, and what is left to be removed
should we be lost), ``started``, ``status``; or ``error``.
"""

import array
import contextlib
import json
import os
import select
import signal
import socket
import struct
from collections.abc import Callable

from interlock.failpoints import arm, reach

from . import cgroups, ending, forked, guard, kernel, limits
from .job import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Mode(Protocol):
        """What one rung does at each step; ``directories`` are its own, to be given back."""

        directories: list[str]

        def enter(self) -> None:
            """In the child, with the launcher's rights."""

        def become(self, in_place: Callable[[], None]) -> None:
            """In the child, as the user: exec. Who does more calls ``in_place`` when it is ready
            for ``release``."""

        def prepare(self, main_pid: int, control: socket.socket) -> int:
            """In the launcher; a pidfd of the process whose end is the end."""

        def release(self) -> None:
            """Let the program start."""

        def kill(self) -> None:
            """Kill everything inside; called until nothing is left."""

        def give_back(self) -> None:
            """Remove what was made."""


_KILLED = -9
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def main(descriptor: int) -> None:
    """Run the session whose control socket is ``descriptor``."""
    arm("launcher")
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    job = _receive(control)
    os.chdir("/")
    os.umask(0o022)
    kernel.become_subreaper()
    # Nothing else would end what an ordinary user's launcher leaves behind if it is lost.
    guarded = job.uid is None and job.rung in ("landlock", "plain")
    guardian = guard.watch(job.descriptors) if guarded else None
    try:
        status = _run(control, job, guardian)
    except Exception as error:
        _say(control, {"error": str(error) or type(error).__name__})
    else:
        _say(control, {"status": status})
    os._exit(0)  # taking the interpreter down would make whoever waits for us wait 5 ms more


def _run(control: socket.socket, job: Job, guardian: int | None) -> int:
    reach("launcher.fork")
    wanted = job.limits
    root = job.uid is not None
    mode = _mode(job)
    # An ordinary user's tree of cgroups belongs to the login session, so only root tries.
    cgroup = cgroups.Cgroup(
        job.name,
        wanted["memory_bytes"] if root else None,
        wanted["processes"] if root else None,
    )
    try:
        main_pid = _fork(job, mode, cgroup)
        watched = mode.prepare(main_pid, control)
        _say(control, {"prepared": {"cgroup": cgroup.kind}}, watched)
        reach("launcher.prepared")
        mode.release()
        _say(control, {"started": True})
        reach("launcher.started")
        return _wait(control, main_pid, guardian)
    finally:
        reach("launcher.ended")
        ending.end_all(mode.kill)
        cgroup.remove()
        mode.give_back()


def _mode(job: Job) -> "Mode":
    """How the job is confined; only what it needs is imported, which is a good part of a start."""
    match job.rung:
        case "bubblewrap":
            from . import private

            return private.Private(job)
        case "namespaces":
            from . import namespaces

            return namespaces.Namespaces(job)
        case _:
            from . import plain

            return plain.Plain(job)


def _fork(job: Job, mode: "Mode", cgroup: cgroups.Cgroup) -> int:
    """Start the process that becomes the sandbox; its descriptors are then no longer ours."""
    failed, failure = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            # Python ignores some, and whoever started the house may (nohup, a shell's background).
            for number in _IGNORED:
                signal.signal(number, signal.SIG_DFL)
            cgroup.join()
            own_user = job.uid is not None
            limits.apply(job.limits, memory_is_held=bool(cgroup.kind), own_user=own_user)
            mode.enter()
            if job.uid is not None:
                forked.drop(job.uid)
            if os.getuid() == 0:
                raise PermissionError("nothing is ever run as uid 0")
            kernel.die_with(parent)
            mode.become(lambda: os.close(failure))
        except BaseException as error:
            os.write(failure, str(error).encode(errors="replace"))
        finally:
            os._exit(127)
    os.close(failure)
    forked.let_go(job.descriptors)
    with os.fdopen(failed, "rb") as pipe:
        if message := pipe.read():
            raise OSError(message.decode(errors="replace"))
    return child


def _wait(control: socket.socket, main_pid: int, guardian: int | None) -> int:
    """The program's exit status, or that it was killed: the control socket was closed, or the
    guardian is gone."""
    ended = os.pidfd_open(main_pid)
    poll = select.poll()
    for descriptor in (control.fileno(), ended, *([] if guardian is None else [guardian])):
        poll.register(descriptor, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll()}
    if ended not in ready:
        return _KILLED
    code = os.waitstatus_to_exitcode(os.waitpid(main_pid, 0)[1])
    return code if code >= 0 else 128 - code


def _receive(control: socket.socket) -> Job:
    with control.makefile("rb") as stream:
        (length,) = struct.unpack(">I", stream.read(4))
        return Job(**json.loads(stream.read(length)))


def _say(control: socket.socket, message: dict[str, object], descriptor: int | None = None) -> None:
    ancillary = []
    if descriptor is not None:
        rights = array.array("i", [descriptor])
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
    # Nobody may be left to hear it; what matters is that everything inside ends.
    with contextlib.suppress(BrokenPipeError):
        control.sendmsg([json.dumps(message).encode() + b"\n"], ancillary)
