"""git's command line, so that nothing but our own arguments decides what it does.

The environment is made from nothing, the repository is always named (nothing is discovered), and
every key by which a repository could make git run a program or change contents is set on the
command line. The same keys stand in a file for ``GIT_CONFIG_GLOBAL``, because a git that git starts
does not see the command line. That file is ours and never ``/dev/null``: git replaces configuration
by rename, as root even a device.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from interlock.adapters import gitconfig
from interlock.errors import InterlockError, InternalError, UnavailableError
from interlock.failpoints import reach

__all__ = ["Git", "GitFailed", "Owner"]

_TIMEOUT_S = 300.0
_STDERR_KEPT = 2000
_LAST_WORD_S = 0.2


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom git runs as, so that what it writes belongs to them; only root can be somebody else."""

    uid: int
    gid: int


class GitFailed(InternalError):
    """git ended with a status that was not asked for.

    Attributes:
        status: exit status.
        stderr: the end of what it said, for a person.
    """

    default_code = "IL-GIT-001"

    def __init__(self, command: str, status: int, stderr: str) -> None:
        super().__init__(
            f"git {command} ended with {status}: {stderr or 'no message'}",
            context={"command": command, "status": status, "stderr": stderr},
        )
        self.status = status
        self.stderr = stderr


class Git:
    """git on one repository.

    Args:
        git_dir: the repository; ``None`` for commands that need none (``init``).
        owner: whom to run as; ``None`` for ourselves.
        settings: further configuration, stronger than the repository's.
    """

    def __init__(
        self,
        git_dir: Path | None,
        *,
        owner: Owner | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._git_dir = git_dir
        self.owner = owner
        self._settings = dict(settings or {})

    @property
    def place(self) -> Path:
        """The repository's directory."""
        if self._git_dir is None:
            raise InternalError("this git was given no repository", code="IL-GIT-004")
        return self._git_dir

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        index: Path | None = None,
        work_tree: Path | None = None,
        env: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (0,),
        timeout_s: float = _TIMEOUT_S,
    ) -> bytes:
        """Standard output of one command.

        Args:
            args: the subcommand and its arguments.
            index: private index file.
            work_tree: a directory of ours; never an agent's.
            env: additions to the environment.
            accept: exit statuses that are answers.
            timeout_s: seconds until the whole process group is killed.

        Raises:
            GitFailed: any other status.
            UnavailableError: out of time (``IL-GIT-002``), there is no git (``IL-GIT-003``), or it
                was killed (``IL-GIT-005``).
        """
        process = self._start(
            args, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE, index, work_tree, env
        )
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            process.communicate()
            raise UnavailableError(
                f"git {args[0]} took longer than {timeout_s:g} s", code="IL-GIT-002"
            ) from None
        except BaseException:
            _kill(process)
            process.communicate()
            raise
        if process.returncode not in accept:
            raise _failed(args[0], process.returncode, _told(err))
        return out

    def line(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """The single line that a command answers with."""
        return self.run(*args, stdin=stdin, env=env).decode("utf-8", "surrogateescape").strip()

    @contextmanager
    def stream(
        self, *args: str, stdin: Iterable[bytes], timeout_s: float = _TIMEOUT_S
    ) -> Iterator[IO[bytes]]:
        """Standard output of a command while it runs; read it to its end.

        Raises:
            GitFailed: the command failed.
            UnavailableError: it was killed, for example because it was out of time; also in place
                of what its reader made of an output that was cut short.
        """
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as told:
            given.writelines(stdin)
            given.seek(0)
            process = self._start(args, given, subprocess.PIPE, told)
            watch = threading.Timer(timeout_s, _kill, (process,))
            watch.daemon = True
            watch.start()
            try:
                with cast("IO[bytes]", process.stdout) as out:
                    try:
                        yield out
                    except Exception as error:
                        if (status := _status(process)) is None or status >= 0:
                            raise
                        raise _failed(args[0], status, "") from error
                status = process.wait()
            finally:
                watch.cancel()
                _kill(process)
                process.wait()
            told.seek(0)
            if status:
                raise _failed(args[0], status, _told(told.read()))

    def take_pack(self, pack: IO[bytes], *, loose: bool = False) -> None:
        """Store the objects of a pack, as one pack or as single files.

        Raises:
            GitFailed: it is cut short or broken; nothing can refer to it then.
        """
        command = ("unpack-objects", "-q") if loose else ("index-pack", "--stdin")
        process = self._start(command, pack, subprocess.DEVNULL, subprocess.PIPE)
        try:
            _, err = process.communicate(timeout=_TIMEOUT_S)
        except BaseException:
            _kill(process)
            process.communicate()
            raise
        if process.returncode:
            raise _failed(command[0], process.returncode, _told(err))

    def send(self, revisions: Iterable[str], target: Git) -> None:
        """Copy everything reachable from some commits, without what ``^commit`` reaches.

        Unlike a fetch this needs no access to the other repository: each side runs as its owner.

        Raises:
            GitFailed: objects are missing here, or the other side cannot store them.
        """
        wanted = [f"{revision}\n".encode() for revision in revisions]
        refused: GitFailed | None = None
        try:
            with self.stream(
                "pack-objects", "--revs", "--stdout", "-q", "--delta-base-offset", stdin=wanted
            ) as pack:
                try:
                    target.take_pack(pack)
                except GitFailed as error:
                    refused = error
        except GitFailed as error:
            # Who could not go on is the cause: a signal only says that nobody read any more.
            if refused is None or error.status > 0:
                raise
        if refused is not None:
            raise refused

    def _start(
        self,
        args: tuple[str, ...],
        stdin: IO[bytes] | int,
        stdout: IO[bytes] | int,
        stderr: IO[bytes] | int,
        index: Path | None = None,
        work_tree: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        home = gitconfig.home()
        command = [gitconfig.program(), "--no-pager"]
        if self._git_dir is not None:
            command.append(f"--git-dir={self._git_dir}")
        if work_tree is not None:
            command.append(f"--work-tree={work_tree}")
        for key, value in (gitconfig.settings(home) | self._settings).items():
            command += ("-c", f"{key}={value}")
        surroundings = gitconfig.environment(home) | dict(env or {})
        if index is not None:
            surroundings["GIT_INDEX_FILE"] = str(index)
        reach("git.spawn")
        return subprocess.Popen(
            [*command, *args],
            cwd=home / "hooks",
            env=surroundings,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            process_group=0,
            umask=0o022,
            user=self.owner.uid if self.owner else None,
            group=self.owner.gid if self.owner else None,
            extra_groups=[] if self.owner else None,
        )


def _failed(command: str, status: int, stderr: str) -> InterlockError:
    """What to raise for a status: a git that somebody killed may do it the next time."""
    if status < 0:
        return UnavailableError(f"git {command} was ended by signal {-status}", code="IL-GIT-005")
    return GitFailed(command, status, stderr)


def _status(process: subprocess.Popen[bytes]) -> int | None:
    """How a git ended whose output has; ``None`` if it still runs."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(_LAST_WORD_S)
    return None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a git and everything it started; nothing happens if it has been waited for."""
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def _told(stderr: bytes) -> str:
    return stderr.decode("utf-8", "replace").strip()[-_STDERR_KEPT:]
