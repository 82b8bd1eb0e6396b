"""A cgroup for one sandbox, where one can be made: only that limits all processes together."""

import contextlib
import os
import time

_ROOT = "/sys/fs/cgroup"
_OURS = "interlock"
# bubblewrap's own two processes count as well.
OVERHEAD = 2


class Cgroup:
    """The cgroup directories of one sandbox; none if the kernel or the host does not let us."""

    def __init__(self, name: str, memory: int | None, processes: int | None) -> None:
        self.directories: list[str] = []
        self.kind = ""
        wanted = {"memory": memory, "pids": None if processes is None else processes + OVERHEAD}
        limits = {key: value for key, value in wanted.items() if value is not None}
        for kind, make in (("cgroup v2", self._make_v2), ("cgroup v1", self._make_v1)):
            try:
                if limits and make(name, limits):
                    self.kind = kind
                    return
            except OSError:  # read-only, delegated to somebody else, or busy: the rlimits hold
                self.remove()

    def join(self) -> None:
        """Put the calling process in."""
        for directory in self.directories:
            _write(directory + "/cgroup.procs", "0")

    def remove(self) -> None:
        """Remove the directories once their last process has been reaped."""
        for directory in self.directories:
            remove(directory)
        self.directories = []

    def _make_v1(self, name: str, limits: dict[str, int]) -> bool:
        files = {"memory": "memory.limit_in_bytes", "pids": "pids.max"}
        for controller, value in limits.items():
            parent = f"{_ROOT}/{controller}"
            if not os.path.exists(f"{parent}/cgroup.procs"):
                raise FileNotFoundError(parent)
            directory = self._directory(parent, name)
            _write(f"{directory}/{files[controller]}", str(value))
            _write_if_there(f"{directory}/memory.memsw.limit_in_bytes", str(value))
        return True

    def _make_v2(self, name: str, limits: dict[str, int]) -> bool:
        try:
            with open(f"{_ROOT}/cgroup.controllers") as file:
                if not set(limits) <= set(file.read().split()):
                    return False
        except FileNotFoundError:
            return False
        enable = " ".join(f"+{controller}" for controller in limits)
        _write(f"{_ROOT}/cgroup.subtree_control", enable)
        os.makedirs(f"{_ROOT}/{_OURS}", exist_ok=True)
        _write(f"{_ROOT}/{_OURS}/cgroup.subtree_control", enable)
        directory = self._directory(_ROOT, name)
        for controller, value in limits.items():
            _write(f"{directory}/{controller}.max", str(value))
        _write_if_there(f"{directory}/memory.swap.max", "0")
        return True

    def _directory(self, parent: str, name: str) -> str:
        directory = f"{parent}/{_OURS}/{name}"
        os.makedirs(directory)
        self.directories.append(directory)
        return directory


def remove(directory: str, patience_s: float = 2.0) -> None:
    """Remove one cgroup; the kernel lets go of the last process a moment after it was reaped."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            os.rmdir(directory)
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.001)


def directories(name: str = "") -> list[str]:
    """Where the cgroups of one sandbox are, if it has them; without a name, of all of them."""
    parents = (f"{_ROOT}/memory", f"{_ROOT}/pids", _ROOT)
    return [os.path.join(parent, _OURS, name) for parent in parents]


def sweep() -> None:
    """Remove the cgroups of servers that died together with their launchers."""
    for directory in directories():
        if not os.path.isdir(directory):
            continue
        for name in os.listdir(directory):
            server = name.partition("-")[0]
            if server.isdigit() and not os.path.exists(f"/proc/{server}"):
                with contextlib.suppress(OSError):  # in use after all, or already removed
                    os.rmdir(f"{directory}/{name}")


def _write_if_there(path: str, text: str) -> None:
    """For what only a kernel that accounts swap has, so that swap is no way around a limit."""
    if os.path.exists(path):
        _write(path, text)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
