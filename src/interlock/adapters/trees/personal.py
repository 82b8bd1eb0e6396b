"""What a person's own git configuration says of names and line ends: values, never programs."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from interlock.adapters.git import Git
from interlock.adapters.located import Located

__all__ = ["identity", "personal", "reading"]

_READING = ("core.autocrlf", "core.eol", "core.excludesfile")


def personal(git: Git, place: Located) -> dict[str, str]:
    """The values that a git of the repository's owner would see; files that they include are not
    looked at.

    Args:
        git: on the repository, run as its owner.
    """
    values: dict[str, str] = {}
    for file in (*_files(place.uid), place.config):
        listed = git.run("config", "--file", str(file), "-z", "--list", accept=(0, 1, 128))
        for entry in listed.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            key, _, value = entry.partition("\n")
            values[key] = value
    return values


def reading(values: dict[str, str], place: Located) -> dict[str, str]:
    """Those of the values that decide what of a working tree counts as changed or as new."""
    home = _home(place.uid)
    found = {key: values[key] for key in _READING if values.get(key)}
    ignoring = found.get("core.excludesfile")
    if ignoring is None:
        found["core.excludesfile"] = str(_settings(place.uid) / "git" / "ignore")
    elif ignoring.startswith("~/"):
        found["core.excludesfile"] = str(home / ignoring[2:])
    return found


def identity(values: dict[str, str]) -> tuple[str, str]:
    """Name and address for a commit that a person makes through us."""
    return values.get("user.name") or "interlock", values.get("user.email") or "interlock@localhost"


def _files(uid: int) -> tuple[Path, ...]:
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    if named is not None and uid == os.geteuid():
        return (Path(named),) if named else ()
    return (_settings(uid) / "git" / "config", _home(uid) / ".gitconfig")


def _settings(uid: int) -> Path:
    named = os.environ.get("XDG_CONFIG_HOME")
    return Path(named) if named and uid == os.geteuid() else _home(uid) / ".config"


def _home(uid: int) -> Path:
    if uid == os.geteuid():
        return Path.home()
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return Path("/nonexistent")
