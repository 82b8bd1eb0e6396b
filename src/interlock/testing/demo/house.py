"""A project of its own with Interlock set up and running, which leaves nothing behind.

Everything lies in one temporary directory: home, state, repository. The person's own are not
touched. What runs is what a person runs: the command, in processes of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from interlock.adapters.judge.package_index import configured
from interlock.errors import InterlockError, UnavailableError
from interlock.sdk.people import PeopleClient
from interlock.server.layout import Layout
from interlock.testing.sample_project import make_project

__all__ = ["House", "a_house", "interruptible"]

_READY_S, _STOP_S, _VERB_S = 60.0, 40.0, 120.0
_LONGEST_TMP = 30
"""Characters of a temporary directory below which paths of sockets still fit."""
_HANDED_ON = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@dataclass(slots=True)
class House:
    """The installation.

    Args:
        root: the temporary directory.
        about: what the server says of itself: ``level``, ``reasons``, ``port``.
        audit_key: proves the whole audit log.
    """

    root: Path
    passphrase: str
    environment: dict[str, str] = field(default_factory=dict)
    audit_key: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    _up: subprocess.Popen[bytes] | None = None
    _client: PeopleClient | None = None

    @property
    def repository(self) -> Path:
        """The person's repository."""
        return self.root / "project"

    @property
    def state(self) -> Layout:
        """Where the records are."""
        (root,) = (self.root / "state" / "interlock").iterdir()
        return Layout(root)

    @property
    def client(self) -> PeopleClient:
        """The people's door."""
        if self._client is None:
            self._client = PeopleClient(f"unix:{self.state.people_socket}", patience_s=30.0)
        return self._client

    def interlock(
        self, *words: str, stdin: str = "", codes: tuple[int, ...] = (0,)
    ) -> dict[str, Any]:
        """Run a verb in the repository and read its answer.

        Raises:
            UnavailableError: it ended with another code.
        """
        # Ctrl-C is for the demo, which then ends its verbs itself: in a session of their own.
        process = subprocess.Popen(
            self._command(*words, "--json"),
            cwd=self.repository,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = process.communicate(stdin, timeout=_VERB_S)
        except BaseException:
            _end_group(process, signal.SIGKILL)
            raise
        if process.returncode not in codes:
            raise UnavailableError(
                f"interlock {words[0]} ended with {process.returncode}:\n{out}{err}",
                code="IL-DEM-001",
                remedy="Report it with this output.",
            )
        answer: dict[str, Any] = json.loads(out)
        return answer

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "interlock", *words]

    def set_up(self) -> None:
        """Make the project, initialise it and trust its environment."""
        for name in ("home", "tmp"):
            (self.root / name).mkdir()
        make_project(self.repository)
        made = self.interlock(
            "init", "--passphrase-file", "-", "--trust", stdin=f"{self.passphrase}\n"
        )
        self.audit_key = str(made["audit_key"])

    def start(self, level: str) -> None:
        """Start the server and wait until it answers.

        Args:
            level: strongest confinement to use.

        Raises:
            UnavailableError: it did not come up.
        """
        with (self.root / "up.log").open("wb") as log:
            self._up = subprocess.Popen(
                self._command("up", "--foreground", "--level", level),
                cwd=self.repository,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_S
        while self._up.poll() is None and time.monotonic() < deadline:
            if self.state.about.exists() and self.state.people_socket.exists():
                asked = PeopleClient(f"unix:{self.state.people_socket}")
                with contextlib.suppress(InterlockError), contextlib.closing(asked):
                    self.about = {**json.loads(self.state.about.read_text()), **asked.about()}
                    return
            time.sleep(0.05)
        raise UnavailableError(
            f"the server did not come up:\n{self.logs()}",
            code="IL-DEM-002",
            remedy="Report it with this output.",
        )

    def verify_audit(self) -> dict[str, Any]:
        """What ``interlock audit verify`` finds in the whole log, with the key that init showed."""
        key = self.root / "audit.key"
        key.write_text(self.audit_key)
        key.chmod(0o600)
        return self.interlock("audit", "verify", "--key-file", str(key), codes=(0, 3))

    def logs(self) -> str:
        """The last lines of every log."""
        places = [self.root / "up.log", *sorted(self.state.root.glob("logs/*.log"))]
        return "\n".join(
            f"--- {place.name}\n{place.read_text(errors='replace')[-2000:]}"
            for place in places
            if place.exists()
        )

    def stop(self) -> None:
        """Stop what was started, by force if it does not go; quiet if nothing runs."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if (up := self._up) is None:
            return
        with contextlib.suppress(InterlockError, subprocess.TimeoutExpired):
            self.interlock("down")
        _end_group(up, signal.SIGTERM, signal.SIGKILL)
        self._up = None


def _end_group(process: subprocess.Popen[Any], *signals: signal.Signals) -> None:
    """End a process with all that it started, which are one group; the next signal if that fails.

    A process that nobody waits for keeps its group, so ours is waited for.
    """
    for number in signals:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + _STOP_S
        while time.monotonic() < deadline:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.02)


@contextlib.contextmanager
def a_house(level: str) -> Iterator[House]:
    """A house that is up; whatever happens, it is stopped and removed in the end."""
    root = Path(tempfile.mkdtemp(prefix="interlock-demo-", dir=_short_tmp()))
    house = House(root, secrets.token_urlsafe(24))
    try:
        house.environment = _environment(root)
        house.set_up()
        house.start(level)
        yield house
    finally:
        with _undisturbed():
            house.stop()
            remove(root)


def _short_tmp() -> str:
    found = tempfile.gettempdir()
    return found if len(found) <= _LONGEST_TMP else "/tmp"  # noqa: S108 - mkdtemp makes it private


def _environment(root: Path) -> dict[str, str]:
    """Nothing of the person's but what finds programs and packages."""
    names = {*_HANDED_ON, *_PROXIES, *(name.upper() for name in _PROXIES)}
    return {
        **{name: os.environ[name] for name in sorted(names) if name in os.environ},
        # A home of its own hides the person's pip.conf.
        **configured().variables,
        "HOME": str(root / "home"),
        "TMPDIR": str(root / "tmp"),
        "XDG_STATE_HOME": str(root / "state"),
        "LANG": "C.UTF-8",
    }


def remove(root: Path) -> None:
    """Remove a tree, though some of its directories be closed to writing."""
    for place, names, _ in os.walk(root):
        for name in names:
            if not (Path(place) / name).is_symlink():
                (Path(place) / name).chmod(0o700)
    shutil.rmtree(root)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C must not leave half of it behind."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as Ctrl-C does: in order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
