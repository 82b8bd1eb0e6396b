"""Where a project's state lies: beside nothing that ``git clean`` removes.

``$XDG_STATE_HOME/interlock/<repo-id>/`` holds everything; the repository's own ``.git/config``
keeps the id.
"""

from __future__ import annotations

import configparser
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.git import Git, GitFailed, Owner
from interlock.adapters.located import locate
from interlock.adapters.secrets import DIRECTORY as SECRETS
from interlock.engine.ids import new_id
from interlock.errors import ConflictError, InvalidInputError, NotFoundError

__all__ = ["Layout", "repository_root", "state_home"]

_SECTION, _KEY = "interlock", "repo-id"
_ID = re.compile(r"repo_[0-9A-HJKMNP-TV-Z]{26}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one project's state."""

    root: Path

    @property
    def events(self) -> Path:
        """The database; only the server opens it."""
        return self.root / "events.db"

    @property
    def audit(self) -> Path:
        """Directory of the audit's segments."""
        return self.root / "audit"

    @property
    def metrics(self) -> Mapping[str, Path]:
        """Kind of ``monitoring.export`` → file of what was measured."""
        return {"jsonl": self.root / "metrics.jsonl", "prometheus": self.root / "metrics.prom"}

    @property
    def keys(self) -> Path:
        """Directory of secrets, 0700."""
        return self.root / "keys"

    @property
    def repository(self) -> Path:
        """The bare repository."""
        return self.root / "repo.git"

    @property
    def run(self) -> Path:
        """Directory of sockets and of what a running server says about itself."""
        return self.root / "run"

    @property
    def worker_socket(self) -> Path:
        """The worker door."""
        return self.run / "worker.sock"

    @property
    def people_socket(self) -> Path:
        """The people's door for the owner's uid."""
        return self.run / "people.sock"

    @property
    def about(self) -> Path:
        """JSON of the running server: address, pid."""
        return self.run / "people.json"

    @property
    def failure(self) -> Path:
        """The problem that the last server ended with."""
        return self.run / "failure.json"

    @property
    def up(self) -> Path:
        """JSON of the running monitor and its children: process ids."""
        return self.run / "up.json"

    @property
    def logs(self) -> Path:
        """Directory of the processes' output."""
        return self.root / "logs"

    @property
    def locks(self) -> tuple[Path, Path, Path]:
        """Locks that the running monitor, server and supervisor hold."""
        events = self.events.with_name(f"{self.events.name}.lock")
        return self.run / "up.lock", events, self.run / "supervisor.lock"

    @property
    def passphrase(self) -> Path:
        """The people's passphrase, as scrypt."""
        return self.keys / "passphrase.json"

    @property
    def people(self) -> Path:
        """Passphrases of other people than the owner, as scrypt: one file for each name."""
        return self.keys / "people"

    @property
    def secrets(self) -> Path:
        """Values that tests are given: one file for each."""
        return self.root / SECRETS

    @property
    def jwt_secret(self) -> Path:
        """The secret of phase tokens, unless the environment gives one."""
        return self.keys / "jwt.secret"

    @property
    def jwt_keypair(self) -> Path:
        """The Ed25519 key of phase tokens; the public one lies beside it."""
        return self.keys / "jwt.ed25519"

    @property
    def signing_key(self) -> Path:
        """The key of attestations."""
        return self.keys / "attestation.key"

    @property
    def user_repository(self) -> Path:
        """File with the path of the person's repository."""
        return self.root / "repository"

    def create(self, user_repo: Path) -> None:
        """Make the directories, readable by their owner alone."""
        self.root.mkdir(parents=True, exist_ok=True)
        # Dropped uids pass through to their own scratch, and see nothing else.
        self.root.chmod(0o711)
        for directory in (self.keys, self.run):
            directory.mkdir(exist_ok=True, mode=0o700)
            directory.chmod(0o700)
        # A worktree of the repository leaves it; a repository that was moved is followed.
        if not self._is_of(user_repo):
            self.user_repository.write_text(f"{user_repo}\n")

    def _is_of(self, user_repo: Path) -> bool:
        """Whether the repository noted here is still there, and the same or another worktree."""
        try:
            noted = Path(self.user_repository.read_text().strip())
        except FileNotFoundError:
            return False
        return _config(noted) == _config(user_repo)

    @classmethod
    def of(cls, user_repo: Path, *, create: bool = False) -> Layout:
        """The layout of a repository.

        Args:
            create: give the repository an id if it has none.

        Raises:
            NotFoundError: it was never initialised.
            ConflictError: it is a copy of another repository that has this state.
        """
        repo_id = _repo_id(user_repo)
        if repo_id is None:
            if not create:
                raise NotFoundError(
                    f"{user_repo} is not set up for Interlock",
                    code="IL-LAY-001",
                    remedy="interlock init",
                )
            repo_id = _give_id(user_repo)
        layout = cls(state_home() / repo_id)
        layout._refuse_copy(user_repo)
        if create:
            layout.create(user_repo)
        return layout

    def _refuse_copy(self, user_repo: Path) -> None:
        if self._is_of(user_repo) or not self.user_repository.exists():
            return
        noted = Path(self.user_repository.read_text().strip())
        if _repo_id(noted) == self.root.name:
            raise ConflictError(
                f"{user_repo} is a copy of {noted}, whose state this is",
                code="IL-LAY-004",
                remedy=f"git config --unset {_SECTION}.{_KEY} && interlock init",
            )


def state_home() -> Path:
    """``$XDG_STATE_HOME/interlock`` or its default below the home."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base else Path.home() / ".local" / "state") / "interlock"


def repository_root(start: Path) -> Path:
    """The top of the git repository that ``start`` lies in.

    Raises:
        NotFoundError: there is none.
        InvalidInputError: it is a bare one.
    """
    return locate(start).top()


def _config(user_repo: Path) -> Path:
    try:
        return locate(user_repo).config
    except NotFoundError:
        return user_repo / ".git" / "config"


def _repo_id(user_repo: Path) -> str | None:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        text = _config(user_repo).read_text()
        parser.read_string("\n".join(line.strip() for line in text.splitlines()))
        found = parser.get(_SECTION, _KEY)
    except (OSError, configparser.Error):
        return None
    return found if _ID.fullmatch(found) else None


def _give_id(user_repo: Path) -> str:
    place = locate(user_repo)
    repo_id = new_id("repo", time.time_ns() // 1_000_000)
    owner = Owner(place.uid, place.gid) if os.geteuid() == 0 and place.uid != 0 else None
    try:
        Git(None, owner=owner).run(
            "config", "--file", str(place.config), f"{_SECTION}.{_KEY}", repo_id
        )
    except GitFailed as error:
        raise InvalidInputError(
            f"the repository's configuration cannot be written: {error.stderr}",
            code="IL-LAY-003",
            remedy=f"ls -l {place.config}",
        ) from None
    return repo_id
