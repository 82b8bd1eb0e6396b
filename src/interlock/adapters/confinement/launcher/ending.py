"""How everything inside is ended: this process is the subreaper, so no descendant gets away."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

from . import forked

_PATIENCE_S = 10.0
_PAUSE_S = 0.0005


def end_all(kill: Callable[[], None]) -> None:
    """Call ``kill`` and reap until no child is left.

    Raises:
        TimeoutError: something does not end.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not _reaped_all():
        if time.monotonic() > deadline:
            raise TimeoutError("processes of the sandbox do not end")
        kill()
        time.sleep(_PAUSE_S)


def kill_descendants() -> None:
    """Kill every process below this one, also those in sessions of their own.

    They are stopped first, so that none forks while the others are being killed.
    """
    pids = _descendants(os.getpid())
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            _signal(pid, number)


def kill_user(uid: int) -> None:
    """Kill every process of a user in one call, which no fork can outrun."""
    with contextlib.suppress(OSError):  # there was none
        forked.run(lambda: os.kill(-1, signal.SIGKILL), uid)


def remove_tree(directory: str) -> None:
    """Remove a directory with all that is below, also what was made unreadable, at any depth.

    Raises:
        OSError: something cannot be removed.
    """
    _run("chmod", "-R", "u+rwX", "--", directory)
    if _run("rm", "-rf", "--", directory):
        raise OSError(f"{directory} cannot be removed")


def _run(*command: str) -> int:
    return os.waitpid(os.posix_spawnp(command[0], command, {}), 0)[1]


def _reaped_all() -> bool:
    """Whether no child is left; zombies are taken away."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return False
        except ChildProcessError:
            return True


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(name))
    found = children.get(root, [])
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
