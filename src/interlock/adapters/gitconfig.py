"""What every git of ours is told, so that no repository can make it run or change something."""

from __future__ import annotations

import atexit
import os
import shutil
import threading
from pathlib import Path

from interlock.adapters.held import HeldDirectory
from interlock.errors import UnavailableError

__all__ = ["environment", "home", "program", "settings"]

_HARDENED = {
    "core.attributesFile": "{home}/empty",
    "core.excludesFile": "{home}/empty",
    "core.hooksPath": "{home}/hooks",
    "core.alternateRefsCommand": "false",
    "core.askPass": "false",
    "core.autocrlf": "false",
    "core.editor": "false",
    "core.fileMode": "true",
    "core.fsmonitor": "false",
    # An index that is cut short hides all of its pack; "batch" trusts the order of renames.
    "core.fsync": "committed,pack-metadata",
    "core.fsyncMethod": "fsync",
    "core.logAllRefUpdates": "false",
    "core.pager": "cat",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.sshCommand": "false",
    "core.symlinks": "true",
    "core.untrackedCache": "false",
    "commit.gpgSign": "false",
    "credential.helper": "",
    "diff.external": "",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "log.showSignature": "false",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "safe.directory": "*",
    "submodule.recurse": "false",
}


class _Place:
    """Our configuration file and an empty directory, readable for whomever git runs as."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._inode = -1

    def path(self) -> Path:
        """The directory; made again if something cleaned it away."""
        with self._lock:
            if self._path is None or not self._intact(self._path):
                self._path = self._make()
            return self._path

    def _intact(self, path: Path) -> bool:
        try:
            whole = (path / "hooks").is_dir() and (path / "empty").is_file()
            return whole and path.stat().st_ino == self._inode and (path / "config").is_file()
        except OSError:
            return False

    def _make(self) -> Path:
        held = HeldDirectory("interlock-git-")
        atexit.register(held.close)
        path = held.path
        (path / "hooks").mkdir()
        (path / "empty").touch()
        lines = []
        for key, value in settings(path).items():
            section, _, name = key.rpartition(".")
            head, _, rest = section.partition(".")
            lines.append(f'[{head} "{rest}"]' if rest else f"[{head}]")
            lines.append(f'\t{name} = "{value}"')
        (path / "config").write_text("\n".join(lines) + "\n")
        for each in (path, path / "hooks"):
            each.chmod(0o755)
        for each in (path / "config", path / "empty"):
            each.chmod(0o644)
        self._inode = path.stat().st_ino
        return path


_PLACE = _Place()


def home() -> Path:
    """Where git finds our configuration, and an empty directory ``hooks``."""
    return _PLACE.path()


def settings(home: Path) -> dict[str, str]:
    """Configuration for the command line."""
    return {key: value.replace("{home}", str(home)) for key, value in _HARDENED.items()}


def environment(home: Path) -> dict[str, str]:
    """The whole environment of a git."""
    return {
        "PATH": f"{os.path.dirname(program())}:/usr/bin:/bin",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "config"),
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        # Stronger than a repository's protocol.*.allow, and older than the line above.
        "GIT_ALLOW_PROTOCOL": "none",
        # For a git without a repository: it looks for one here and no further up.
        "GIT_CEILING_DIRECTORIES": str(home),
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_AUTHOR_NAME": "interlock",
        "GIT_AUTHOR_EMAIL": "interlock@localhost",
        "GIT_COMMITTER_NAME": "interlock",
        "GIT_COMMITTER_EMAIL": "interlock@localhost",
    }


def program() -> str:
    """The absolute path of git.

    Raises:
        UnavailableError: there is none (``IL-GIT-003``).
    """
    found = shutil.which("git")
    if found is None:
        raise UnavailableError(
            "there is no git on PATH", code="IL-GIT-003", remedy="install git 2.36 or newer"
        )
    return found
