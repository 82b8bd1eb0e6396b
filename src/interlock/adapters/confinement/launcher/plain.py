"""Level ``none``: the same program without namespaces, with directories of its own."""

import os
import socket

from . import ending, kernel, staging
from .job import Job


class Plain:
    """One session of processes under a subreaper; as root also a user and a view of the mounts."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.uid: int | None = job.uid
        self.directories: list[str] = []
        if self.uid is None:
            staging.open_sources([source for source, _ in job.sources])
            home, temporary = self._make_directories()
        else:
            home, temporary = staging.expose(
                job.sources, self.uid, job.limits["temporary_bytes"] or 0
            )
        self.env = {**job.env, "HOME": home, "TMPDIR": temporary}

    def become(self) -> None:
        """Exec the program."""
        os.setsid()
        os.chdir(self.job.cwd)
        kernel.no_new_privileges()
        kernel.load_filter(bytes.fromhex(self.job.filter))
        os.execvpe(self.job.command[0], self.job.command, self.env)  # noqa: S606 - exec is the point

    def prepare(self, main_pid: int, control: socket.socket) -> int:
        """A pidfd of the program; its listeners are the host's own."""
        return os.pidfd_open(main_pid)

    def release(self) -> None:
        """Nothing: the program runs."""

    def kill(self) -> None:
        """Kill all descendants: by their user, if that is theirs alone."""
        if self.uid is None:
            ending.kill_descendants()
        else:
            ending.kill_user(self.uid)

    def give_back(self) -> None:
        """Remove HOME and TMPDIR; as root they end with the mount namespace."""
        for directory in self.directories:
            ending.remove_tree(directory)

    def _make_directories(self) -> tuple[str, str]:
        room = os.path.join(self.job.temporary, f"interlock-{self.job.name}")
        os.mkdir(room, 0o700)
        self.directories.append(room)
        home, temporary = room + "/home", room + "/temporary"
        for directory in (home, temporary):
            os.mkdir(directory, 0o700)
        return home, temporary
