"""The person's repository before and after: what a cheating agent left in it."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["differences", "ground"]


def ground(repository: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Everything that could have been changed, by name: refs, HEAD, work tree, configuration.

    Args:
        environment: for git.

    Raises:
        subprocess.CalledProcessError: git cannot read it.
    """

    def git(*words: str) -> list[str]:
        done = subprocess.run(
            ["git", *words],
            cwd=repository,
            env=dict(environment),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    found = {"HEAD": git("symbolic-ref", "HEAD")[0]}
    for line in git("for-each-ref", "--format=%(refname) %(objectname)"):
        name, _, oid = line.partition(" ")
        found[name] = oid
    for line in git("status", "--porcelain", "--ignored"):
        found[f"work tree {line[3:]}"] = line[:2]
    own = repository / ".git"
    for path in [own / "config", *sorted((own / "hooks").glob("*"))]:
        if path.is_file():
            found[str(path.relative_to(repository))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """What is new, gone or other, one sentence each."""
    found: list[str] = []
    for name in sorted({*before, *after}):
        match before.get(name), after.get(name):
            case None, _:
                found.append(f"{name} is new in the project")
            case _, None:
                found.append(f"{name} is gone from the project")
            case old, new if old != new:
                found.append(f"{name} was changed in the project")
    return tuple(found)
