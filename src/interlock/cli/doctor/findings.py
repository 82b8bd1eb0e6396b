"""One thing that was looked at: how it stands, and the command that would make it better."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Check", "Standing", "as_root", "install"]


class Standing(StrEnum):
    """What it means for whoever runs agents here."""

    OK = "ok"
    FINDING = "finding"
    """Something does not work, or holds less than it could: the command ends with 3."""
    NOTE = "note"
    """Worth knowing; nothing depends on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor's.

    Args:
        id: what it is called everywhere, in kebab-case.
        says: what was found and what it means, in one sentence.
        remedy: a command, or what to do; empty where nothing is to be done.
    """

    id: str
    standing: Standing
    says: str
    remedy: str = ""


_MANAGERS = {
    "apt-get": "apt-get install {}",
    "dnf": "dnf install {}",
    "pacman": "pacman -S {}",
    "apk": "apk add {}",
    "zypper": "zypper install {}",
}


def install(package: str) -> str:
    """The command that installs a system package here, by the name that most systems give it."""
    for manager, command in _MANAGERS.items():
        if shutil.which(manager):
            return as_root(command.format(package))
    return f"Install {package} with the system's package manager."


def as_root(command: str) -> str:
    """The command as whoever asks has to type it."""
    return command if os.geteuid() == 0 else f"sudo {command}"
