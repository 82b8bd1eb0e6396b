"""Levels ``partial`` and ``none``: the same program without namespaces of its own.

Both have a filter and directories of their own; as root also a user and, where root may mount, a
view of the mounts. ``partial`` adds Landlock.
"""

import os
import socket
from collections.abc import Callable

from . import ending, forked, kernel, landlock, staging
from .job import Job


def room(temporary: str, name: str) -> str:
    """The directory for HOME and TMPDIR of a job, where nothing is mounted for it."""
    return os.path.join(os.path.realpath(temporary), f"interlock-{name}")


class Plain:
    """One session of processes under a subreaper."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.uid: int | None = job.uid
        self.directories: list[str] = []
        mounted = self.uid is not None and staging.make_room()
        self._sources = staging.open_sources([source for source, _, _ in job.sources])
        if self.uid is not None and mounted:
            home, temporary = staging.expose(
                job.sources, self._sources, self.uid, job.limits["temporary_bytes"] or 0
            )
        else:
            self._check_reach()
            home, temporary = self._make_directories()
        self.env = {**job.env, "HOME": home, "TMPDIR": temporary}
        self._rules = self._grants(home, temporary) if job.rung == "landlock" else None

    def enter(self) -> None:
        """Nothing: what needs root has been done before."""

    def become(self, in_place: Callable[[], None]) -> None:
        """Exec the program."""
        os.setsid()
        os.chdir(self.job.cwd)
        kernel.no_new_privileges()
        if self._rules is not None:
            self._rules.restrict()
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
        """Remove HOME and TMPDIR; where they are mounted they end with the mount namespace."""
        for directory in self.directories:
            ending.remove_tree(directory)

    def _grants(self, *own: str) -> landlock.Ruleset:
        rules = landlock.Ruleset()
        for descriptor, (_, _, writable) in zip(self._sources, self.job.sources, strict=True):
            rules.grant(descriptor, landlock.WRITE if writable else landlock.READ)
        for path in self.job.readable:
            rules.grant_path(path, landlock.READ)
        for path in (*own, *self.job.writable):
            rules.grant_path(path, landlock.WRITE)
        rules.grant_path(staging.SHARED_MEMORY, landlock.SHARE)
        for port in self.job.connect:
            rules.grant_port(port)
        return rules

    def _make_directories(self) -> tuple[str, str]:
        own = room(self.job.temporary, self.job.name)
        os.mkdir(own, 0o700 if self.uid is None else 0o711)
        self.directories.append(own)
        home, temporary = own + "/home", own + "/temporary"
        for directory in (home, temporary):
            os.mkdir(directory, 0o700)
            if self.uid is not None:
                os.chown(directory, self.uid, self.uid)
        return home, temporary

    def _check_reach(self) -> None:
        """Where root may not mount, a dropped user must find the sources by itself."""
        if self.uid is None:
            return

        def look() -> None:
            for source, _, _ in self.job.sources:
                if not os.access(source, os.R_OK | (os.X_OK if os.path.isdir(source) else 0)):
                    raise OSError(
                        f"root may not mount here, and uid {self.uid} cannot reach {source}: "
                        "set XDG_STATE_HOME to a directory that every user may search"
                    )

        forked.run(look, self.uid)
