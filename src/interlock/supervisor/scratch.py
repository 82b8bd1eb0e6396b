"""A session's place on the host: its uid, its scratch, and their end.

``scratch/<session>/w`` is the tree, owned by the session's uid. What is removed is renamed out of
the way first and deleted beside the work, because deleting many small files can take seconds.
"""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from pathlib import Path

from interlock.adapters.confinement import UidRange
from interlock.adapters.removal import remove_tree
from interlock.adapters.trees.repository import Repository
from interlock.errors import InterlockError, UsageError
from interlock.failpoints import reach

__all__ = ["Scratches", "check_id"]

_log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_REMOVED = ".removed"


class Scratches:
    """Uids and scratches by session id. All methods may block; any thread may call them.

    Args:
        state: the state directory; ``repo.git`` is in it.
        uids: leases, one per session, where the supervisor may change its uid.

    Whatever an earlier supervisor left is removed.
    """

    def __init__(self, state: Path, uids: UidRange) -> None:
        self._state = state
        self._root = state / "scratch"
        self._uids = uids
        self._lock = threading.Lock()
        self._leased: dict[str, int | None] = {}
        self._diggers: list[threading.Thread] = []
        self._graves = self._root / _REMOVED
        self._graves.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in [*self._graves.iterdir(), *self._root.iterdir()]:
            if left != self._graves:
                self.discard(left)

    def uid(self, session_id: str) -> int | None:
        """The uid of a session, leased when first asked for; ``None``: all run as ourselves."""
        check_id(session_id)
        with self._lock:
            if session_id not in self._leased:
                self._leased[session_id] = self._uids.lease()
            return self._leased[session_id]

    def make(self, commit: str, session_id: str) -> Path:
        """Clone ``commit`` for a session, or give the clone that it already has.

        Raises:
            InterlockError: no such commit, or it cannot be cloned.
        """
        uid = self.uid(session_id)
        home = self._root / session_id
        tree = home / "w"
        if tree.exists():
            return tree
        home.mkdir(mode=0o711, exist_ok=True)
        # Under another name until it is whole: a crash or a failure must not leave half a tree.
        unfinished = home / f"w-{secrets.token_hex(4)}"
        try:
            reach("scratch.clone")
            Repository.open(self._state / "repo.git").make_scratch(unfinished, commit, uid)
        except InterlockError:
            self.remove(session_id)
            raise
        reach("scratch.rename")
        unfinished.rename(tree)
        reach("scratch.renamed")
        return tree

    def remove(self, session_id: str) -> None:
        """Take a session's scratch away and give its uid back; quiet if it has none."""
        check_id(session_id)
        with self._lock:
            uid = self._leased.pop(session_id, None)
        self.discard(self._root / session_id, uid=uid)

    def abandon(self, session_id: str) -> None:
        """Never give the session's uid to anybody else: something may still run as it."""
        with self._lock:
            self._leased.pop(session_id, None)

    def discard(self, path: Path, *, uid: int | None = None) -> None:
        """Remove anything in the state directory; ``uid`` is free when nothing of it is left."""
        grave = self._graves / secrets.token_hex(8)
        reach("scratch.bury")
        try:
            path.rename(grave)
        except FileNotFoundError:
            self._release(uid)
            return
        digger = threading.Thread(
            target=self._delete, args=(grave, uid), name="delete-scratch", daemon=True
        )
        with self._lock:
            self._diggers = [other for other in self._diggers if other.is_alive()]
            self._diggers.append(digger)
            digger.start()

    def settle(self, timeout_s: float) -> None:
        """Wait until everything that was to be removed is gone, so many seconds at most."""
        deadline = time.monotonic() + timeout_s
        for digger in self._diggers:
            digger.join(max(deadline - time.monotonic(), 0.0))

    def _delete(self, grave: Path, uid: int | None) -> None:
        if complaint := remove_tree(grave):
            # The uid stays leased: its files are still there.
            _log.error("%s cannot be removed: %s", grave, complaint)
        else:
            self._release(uid)

    def _release(self, uid: int | None) -> None:
        if uid is not None:
            self._uids.release(uid)


def check_id(session_id: str) -> None:
    """A session's id becomes a file name: nothing else may be hidden in it.

    Raises:
        UsageError: it is no plain word.
    """
    if not _ID.fullmatch(session_id):
        raise UsageError(
            f"{session_id[:80]!r} is no session id",
            code="IL-SUP-002",
            remedy="use 1 to 64 letters, digits, '-' and '_'",
        )
