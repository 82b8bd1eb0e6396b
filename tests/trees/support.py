"""A person's repository, an agent's working copy, and the wire between walker and import."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from interlock.adapters.trees import Base, Import, Imported, Limits, Repository, Revert
from interlock.core.policy.targets import why_not_taken
from interlock.definition.packs import load_pack
from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.revert import Reverter
from interlock.supervisor.toolhost.snapshot import Snapshot

ANYTHING: Callable[[str], str | None] = lambda path: None  # noqa: E731 - one name for a default
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def git(*args: str, at: Path, stdin: bytes = b"", **env: str) -> str:
    """git as a person runs it, with a name so that it can commit."""
    run = subprocess.run(
        ["git", *args],
        cwd=at,
        input=stdin,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],
            "GIT_CONFIG_GLOBAL": os.environ["GIT_CONFIG_GLOBAL"],
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ann",
            "GIT_AUTHOR_EMAIL": "ann@example.org",
            "GIT_COMMITTER_NAME": "Ann",
            "GIT_COMMITTER_EMAIL": "ann@example.org",
            **env,
        },
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode("utf-8", "surrogateescape").strip()


def put(root: Path, name: str | bytes, data: str | bytes = "", mode: int | None = None) -> Path:
    """Write a file with its directories."""
    path = Path(os.fsdecode(os.path.join(os.fsencode(root), os.fsencode(name))))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    if mode is not None:
        path.chmod(mode)
    return path


def commit_all(at: Path, message: str = "base") -> str:
    """Commit everything; the commit's oid."""
    git("add", "-A", at=at)
    git("commit", "-q", "--allow-empty", "-m", message, at=at)
    return git("rev-parse", "HEAD", at=at)


def only_below(*prefixes: str) -> Callable[[str], str | None]:
    """A policy: these directories and nothing else."""
    no = "outside of this phase → stay inside"
    return lambda path: None if path.startswith(prefixes) else no


RULES = load_pack("tdd").workflow


def allowed(path: str) -> str | None:
    """What the default workflow says where sources are written."""
    return why_not_taken(RULES, RULES.phases[2], path)


@dataclass
class Project:
    """A person's repository and ours, with one working copy of an agent."""

    user: Path
    repository: Repository
    scratch: Path
    base: Base = field(default_factory=lambda: Base("", ""))
    walkers: dict[Path, Snapshot] = field(default_factory=dict)

    def start(self) -> None:
        """Take the base over and make the working copy."""
        self.base = self.repository.fetch_base(self.user)
        self.repository.make_scratch(self.scratch, self.base.commit, None)

    def bring(
        self,
        may: Callable[[str], str | None] = ANYTHING,
        *,
        start: str | None = None,
        limits: Limits | None = None,
    ) -> Imported:
        """Import the working copy through the real walker."""
        todo = Import(self.repository, start or self.base.tree, may, limits)
        walker = self.walkers.setdefault(self.scratch, Snapshot(str(self.scratch)))
        bring(todo, walker)
        return todo.finish()

    def revert(self, steps: tuple[Revert, ...]) -> None:
        """Undo in the working copy as the toolhost does."""
        apply(self.scratch, steps)

    def files(self, tree: str) -> dict[str, bytes]:
        """Path → content of a tree."""
        entries = self.repository.entries(tree)
        contents = self.repository.blobs([entry.oid for entry in entries.values()])
        return dict(zip(map(os.fsdecode, entries), contents, strict=True))


def bring(todo: Import, walker: Snapshot) -> int:
    """Have an import ask a walker for everything it wants; how often it looked."""
    asked: bytes | None = todo.directories()
    rounds = 0
    while asked is not None:
        asked = todo.manifest(walker.walk(body=asked)[1])
        rounds += 1
    wanted = todo.wanted()
    while wanted:
        wanted = todo.receive(wanted, walker.blobs(oids=[oid.decode() for oid in wanted])[1])
    return rounds


def told(todo: Import, said: bytes) -> list[bytes]:
    """What an import wants after one manifest."""
    todo.directories()
    assert todo.manifest(said) is None
    return todo.wanted()


def causes(imported: Imported) -> dict[str, str]:
    """Why paths were refused, without what can be done; there always is something."""
    assert all(" → " in why for why in imported.refused.values()), imported.refused
    return {path: why.split(" → ")[0] for path, why in imported.refused.items()}


def body(contents: list[bytes]) -> bytes:
    """Contents as the toolhost frames them."""
    return b"".join(len(data).to_bytes(4, "big") + data for data in contents)


def apply(root: Path, steps: tuple[Revert, ...]) -> None:
    """The toolhost's own operation, on a directory of ours."""
    from base64 import b64encode

    def text(data: bytes | None) -> str | None:
        return None if data is None else b64encode(data).decode()

    entries = [
        {
            "path": text(step.path),
            "mode": None if step.mode is None else step.mode.decode(),
            "data": text(step.data),
        }
        for step in steps
    ]
    Reverter(Tree(str(root))).revert(entries=entries)


def manifest(
    files: Mapping[bytes, tuple[bytes, bytes]],
    refused: Mapping[bytes, bytes] | None = None,
    closed: Iterable[bytes] = (),
) -> bytes:
    """A manifest that says what it is told to."""
    said = b"".join(b"%b %b %b\0" % (mode, oid, path) for path, (mode, oid) in files.items())
    no = b"".join(b"%b\n%b\0" % (reason, path) for path, reason in (refused or {}).items())
    rest = b"".join(b"%b\0" % path for path in closed)
    return said + b"\0" + no + b"\0" + rest
