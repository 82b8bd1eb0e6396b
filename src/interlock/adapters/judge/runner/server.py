"""The parent: takes jobs one after the other, has each of them done by a process of its own.

The parent itself reads no job and no result, so that a child forked from it has nothing in its
memory that tells which run it is: neither those before it nor how they ended.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from .services import NotReadyError, start_all
from .sweep import become_reaper, end_processes, set_dumpable, wipe
from .wire import clear, packed, read_json, receive_tree, write_json

__all__ = ["main"]

Run = Callable[[dict[str, Any], str, int], int]
"""Job, directory of the tree, descriptor for frames → exit status."""

_FRAMES_LIMIT = 64 << 20
_OUTPUT_KEPT = 8 << 10
_GRACE_S = 0.2
_LOST = 125
_NO_MORE = 3


def main() -> None:
    """Serve until the judge closes the socket.

    Arguments: descriptor of the job socket, directory of the tree, then ``private`` (namespaces of
    its own), ``exclusive`` (a user of its own) or ``shared``, then the test runner, or ``command``.
    """
    stream = socket.socket(fileno=int(sys.argv[1]))
    root, standing = sys.argv[2], sys.argv[3]
    run = _runner(sys.argv[4])
    set_dumpable(False)
    become_reaper()
    write_json(stream, {"ready": True})
    while True:
        answer = os.memfd_create("answer")
        status = _apart(_work, run, stream, root, standing, answer)
        end_processes(exclusive=standing != "shared")
        if status == 0:
            # Only now: whoever has the answer may rely on nothing of the run being left.
            status = _apart(_send, stream, answer)
        os.close(answer)
        if status:
            sys.exit(0 if status == _NO_MORE else status)


def _apart(function: Callable[..., int], *arguments: Any) -> int:
    """Call a function in a process of its own; the exit status that it returns."""
    pid = os.fork()
    if pid == 0:
        status = _LOST
        try:
            status = function(*arguments)
        except BaseException as error:
            # Nothing may run past this function in a child, whatever it was.
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _runner(name: str) -> Run:
    """What does a run; the project's own pytest is looked for only where it is asked for."""
    if name == "unittest":
        from .unittest_run import run as run_unittest

        return run_unittest
    if name == "command":
        from .command_run import run as run_command

        return run_command
    from .child import run as run_pytest

    return run_pytest


def _work(run: Run, stream: socket.socket, root: str, standing: str, answer: int) -> int:
    """Do the next job and leave its answer in a file."""
    with stream.makefile("rb") as reader:
        job = read_json(reader.read)
        if job is None:
            return _NO_MORE
        wipe(private=standing == "private")
        clear(root)
        try:
            start_all(job.pop("services"))
        except NotReadyError as error:
            # The rest of the job stays unread: what comes now is the last word of this runner.
            write_json(stream, {"problem": str(error)})
            return _LOST
        receive_tree(reader.read, root)
        child = _Child(run, job, root)
        # From here on the judge's clock for the run is ticking. How long it may take is said only
        # now: the child was forked before and does not know.
        write_json(stream, {"begun": True})
        limit = read_json(reader.read)
    with open(answer, "wb", closefd=False) as file:
        file.write(packed(*child.result(limit["seconds"] if limit else 0)))
    return 0


def _send(stream: socket.socket, answer: int) -> int:
    with open(answer, "rb", closefd=False) as file:
        file.seek(0)
        stream.sendfile(file)
    return 0


class _Child:
    """The run itself, in a process that code under test shares."""

    def __init__(self, run: Run, job: dict[str, Any], root: str) -> None:
        self._begin = time.monotonic()
        frames_read, frames_write = os.pipe()
        output_read, output_write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _enter(output_write, frames_write)
                # Of this process alone: no other one of the sandbox has them in its environment.
                os.environ.update(job.pop("secrets"))
                os._exit(run(job, root, frames_write))
            except BaseException as error:
                # Nothing may run past this line in a child, whatever it was.
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(_LOST)
        os.close(frames_write)
        os.close(output_write)
        self._watch = _Watch(frames_read, output_read, os.pidfd_open(self._pid))

    def result(self, seconds: float) -> tuple[dict[str, Any], bytes, bytes]:
        """Its end, its frames and what it printed; it is killed when its time is over."""
        ended = self._watch.until(self._begin + seconds)
        if not ended:
            os.kill(self._pid, signal.SIGKILL)
        _, status = os.waitpid(self._pid, 0)
        frames, output = self._watch.close()
        told = {
            "status": os.waitstatus_to_exitcode(status),
            "timed_out": not ended,
            "seconds": time.monotonic() - self._begin,
            "frames": len(frames),
            "output": len(output),
        }
        return told, frames, output


def _enter(output: int, frames: int) -> None:
    """Make a child an ordinary process: own group, own output, nothing of its parent's open."""
    os.setpgid(0, 0)
    set_dumpable(True)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, output), (2, output)):
        os.dup2(source, target)
    # By number: a socket object that files were made of stays open when it is closed.
    os.closerange(3, frames)
    os.closerange(frames + 1, os.sysconf("SC_OPEN_MAX"))


class _Watch:
    """Both pipes of a child and its end, in one place."""

    def __init__(self, frames: int, output: int, child: int) -> None:
        self._frames, self._output = bytearray(), bytearray()
        self._selector = selectors.DefaultSelector()
        self._child = child
        keep: dict[int, Callable[[bytes], None]] = {frames: self._frame, output: self._text}
        for descriptor, take in keep.items():
            self._selector.register(descriptor, selectors.EVENT_READ, take)
        self._selector.register(child, selectors.EVENT_READ)

    def _frame(self, data: bytes) -> None:
        if len(self._frames) <= _FRAMES_LIMIT:
            self._frames += data

    def _text(self, data: bytes) -> None:
        self._output += data
        del self._output[:-_OUTPUT_KEPT]

    def until(self, deadline: float) -> bool:
        """Read until the child has ended; false if it has not by then (monotonic seconds)."""
        ended = False
        # What the child started may hold the pipes open; it gets a moment, not the whole time.
        while (left := deadline - time.monotonic()) > 0 and len(self._selector.get_map()) > 0:
            ready = self._selector.select(left)
            if not ready:
                break
            for key, _ in ready:
                if key.fd == self._child:
                    ended = True
                    self._selector.unregister(key.fd)
                    deadline = min(deadline, time.monotonic() + _GRACE_S)
                elif data := os.read(key.fd, 1 << 16):
                    key.data(data)
                else:
                    self._selector.unregister(key.fd)
                    os.close(key.fd)
        return ended

    def close(self) -> tuple[bytes, bytes]:
        """Frames and the end of the output."""
        for key in list(self._selector.get_map().values()):
            if key.fd != self._child:
                os.close(key.fd)
        os.close(self._child)
        self._selector.close()
        return bytes(self._frames), bytes(self._output)
