"""What the judge is asked to measure, and what it answers with.

A request names trees by oid in the bare repository and never carries a path of the host. Requests
and facts are plain data: they survive JSON, because the judge runs in another process.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from interlock.core.facts import BaseFacts, GreenFacts, JobFacts, RedFacts, WorkFacts
from interlock.core.model import EnvironmentSpec, WorkTypes

__all__ = [
    "BaseRequest",
    "CommandRequest",
    "GreenRequest",
    "Judge",
    "RedRequest",
    "StaticRequest",
    "WorkRequest",
]


_NO_TYPES = WorkTypes()


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRequest:
    """How does the suite of ``base`` do by itself, and does it do so twice?

    Args:
        base: tree oid.
        environment: how ``/env`` is built on it.
        seconds: wall time that one run may take.
    """

    base: str
    environment: EnvironmentSpec
    seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class RedRequest:
    """Do the new tests of ``tree`` fail on ``base``, each by itself?

    Args:
        base: tree oid that the phase's sources come from.
        tree: tree oid that the tests come from; its sources are not looked at.
        test_patterns: gitignore-style globs of the paths that are tests.
        environment: how ``/env`` is built on ``base``.
        new_symbols: what the plan says will be added (``pkg.mod:Class.method``,
            ``pkg/mod.py::name`` or ``pkg.mod.name``); each is replaced by a stub that raises.
        seconds: wall time that one run may take.
    """

    base: str
    tree: str
    test_patterns: tuple[str, ...]
    environment: EnvironmentSpec
    new_symbols: tuple[str, ...] = ()
    seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class GreenRequest:
    """Do the tests frozen at RED pass on the sources of ``tree``, and can that be believed?

    Args:
        base: tree oid that RED was measured on.
        red_tree: tree oid whose tests and test configuration are frozen.
        tree: tree oid of the candidate.
        test_patterns: gitignore-style globs of the paths that are tests.
        environment: how ``/env`` is built on ``base``.
        red_tests: ids that were red at RED.
        new_tests: ids that the twin, the revert and the control run are made for.
        base_green: ids that passed on the base.
        config: ``RedFacts.config``; empty if it is not to be compared.
        new_symbols: what the plan said would be added; mutants are made of these.
        kind: kind of work without a RED: the tests are the base's own, and those above are left
            empty.
        seconds: wall time that one run may take.
    """

    base: str
    red_tree: str
    tree: str
    test_patterns: tuple[str, ...]
    environment: EnvironmentSpec
    red_tests: tuple[str, ...] = ()
    new_tests: tuple[str, ...] = ()
    base_green: tuple[str, ...] = ()
    config: str = ""
    new_symbols: tuple[str, ...] = ()
    kind: str = ""
    seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRequest:
    """What kind of work is the difference between ``base`` and ``tree``?

    Args:
        base, tree: tree oids.
        test_patterns: gitignore-style globs of the paths that are tests.
        types: what the workflow says about kinds.
    """

    base: str
    tree: str
    test_patterns: tuple[str, ...]
    types: WorkTypes = _NO_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRequest:
    """How does a command end on ``tree``?

    Args:
        base: tree oid that ``/env`` is built on.
        tree: tree oid that the command is run on, as it is.
        command: for a shell.
        environment: how ``/env`` is built on ``base``.
        directory: path in the tree where it starts; ``None``: ``environment.directory``.
        seconds: wall time that it may take.
    """

    base: str
    tree: str
    command: str
    environment: EnvironmentSpec
    directory: str | None = None
    seconds: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticRequest:
    """What does a set of rules find in the sources of ``tree`` that is not in ``base``?

    Args:
        rules: name of the set.
        test_patterns: gitignore-style globs of the paths that are tests, which are not sources.
    """

    base: str
    tree: str
    rules: str
    test_patterns: tuple[str, ...] = ()


class Judge(Protocol):
    """Measures. Synchronous: a call may take minutes and belongs into a thread."""

    def red(self, request: RedRequest) -> RedFacts:
        """Measure RED; what keeps it from being measured is in ``RedFacts.problem``."""

    def green(self, request: GreenRequest) -> GreenFacts:
        """Measure GREEN; what keeps it from being measured is in ``GreenFacts.problem``."""

    def work(self, request: WorkRequest) -> WorkFacts:
        """Read what kind of work a diff is; nothing is run for it."""

    def base(self, request: BaseRequest) -> BaseFacts:
        """Measure a base; RED takes its run from there, and waits for one that is going on."""

    def command(self, request: CommandRequest) -> JobFacts:
        """Run a command; what keeps it from ending is in ``JobFacts.problem``."""

    def static(self, request: StaticRequest) -> JobFacts:
        """Look at the changed sources; an unknown set of rules is a ``JobFacts.problem``."""

    def environment(self, spec: EnvironmentSpec, base: str, *, newer_than: float = 0.0) -> str:
        """Digest of the environment of ``spec`` on the tree ``base``, built if it is not there.

        Args:
            newer_than: seconds since the epoch: one that was built before is built anew.

        Raises:
            InterlockError: it could not be built; the message ends with the last lines of output.
        """

    def environment_digest(self, spec: EnvironmentSpec, base: str) -> str:
        """Digest of the environment of ``spec`` on the tree ``base``, built or not.

        Raises:
            InterlockError: there could be none.
        """

    def environments(self) -> list[dict[str, Any]]:
        """What there is: digest, whether it is ready and used, bytes, and how it was made."""

    def prune(self, keep: Iterable[tuple[EnvironmentSpec, str]]) -> list[dict[str, Any]]:
        """Remove environments that nobody uses, but not those of these recipes on these bases.

        Returns:
            Digest and bytes of each that something was removed of.
        """

    def environment_path(self, digest: str) -> str:
        """Host directory of a built environment, to be mounted read-only at ``/env``.

        Raises:
            NotFoundError: there is no such environment.
        """
