"""The judge behind plain JSON values, as they travel over the worker door."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from interlock.adapters.confinement import UidRange
from interlock.adapters.judge.pytest_judge import PytestJudge
from interlock.adapters.judge.work_directory import WorkDirectory
from interlock.adapters.trees.repository import Repository
from interlock.core.model import EnvironmentSpec
from interlock.errors import InterlockError, InvalidInputError
from interlock.ports.confinement import Level
from interlock.ports.judge import (
    BaseRequest,
    CommandRequest,
    GreenRequest,
    Judge,
    RedRequest,
    StaticRequest,
    WorkRequest,
)
from interlock.ports.runner import JudgeKind
from interlock.statics import python
from interlock.supervisor.judge_jobs import Measure

__all__ = ["EnvironmentRequest", "measure", "pytest_judge"]


class EnvironmentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Build the environment of a recipe on a base tree, unless one is there that is newer."""

    spec: EnvironmentSpec
    base: str
    newer_than: float = 0.0


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recipe on a base."""

    spec: EnvironmentSpec
    base: str


class PruneRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Remove environments that nobody uses, but not these."""

    keep: tuple[Kept, ...]


class ListRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which environments there are, and which of them is that of a recipe."""

    of: Kept | None


def pytest_judge(state: Path, uids: UidRange, level: Level) -> Measure:
    """Measure with pytest on the trees of ``state``.

    What an earlier supervisor was killed over is removed now. The repository is opened for the
    first job: it need not be there when a supervisor starts.
    """
    WorkDirectory.sweep(state / "judge" / "work")
    guard = threading.Lock()
    judges: list[Judge] = []

    def measure_with_pytest(kind: JudgeKind, request: Mapping[str, Any]) -> Mapping[str, Any]:
        with guard:
            if not judges:
                repository = Repository.open(state / "repo.git")
                judges.append(
                    PytestJudge(repository, statics=python, state_dir=state, level=level, uids=uids)
                )
        return measure(judges[0], kind, request)

    return measure_with_pytest


def measure(judge: Judge, kind: JudgeKind, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """One job: facts, or what is asked of environments, as plain values.

    Raises:
        InvalidInputError: the request does not have the fields of its kind.
        InterlockError: as the judge raised it.
    """
    try:
        match kind:
            case JudgeKind.RED:
                return _plain(judge.red(msgspec.convert(request, RedRequest)))
            case JudgeKind.GREEN:
                return _plain(judge.green(msgspec.convert(request, GreenRequest)))
            case JudgeKind.BASE:
                return _plain(judge.base(msgspec.convert(request, BaseRequest)))
            case JudgeKind.COMMAND:
                return _plain(judge.command(msgspec.convert(request, CommandRequest)))
            case JudgeKind.STATIC:
                return _plain(judge.static(msgspec.convert(request, StaticRequest)))
            case JudgeKind.WORK:
                return _plain(judge.work(msgspec.convert(request, WorkRequest)))
            case JudgeKind.ENVIRONMENT:
                wanted = msgspec.convert(request, EnvironmentRequest)
                digest = judge.environment(wanted.spec, wanted.base, newer_than=wanted.newer_than)
                return {"digest": digest, "path": judge.environment_path(digest)}
            case JudgeKind.ENVIRONMENTS:
                return _listed(judge, msgspec.convert(request, ListRequest).of)
            case JudgeKind.PRUNE:
                kept = msgspec.convert(request, PruneRequest).keep
                return {"removed": judge.prune([(item.spec, item.base) for item in kept])}
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"no request for {kind.value}: {error}",
            code="IL-SUP-005",
            remedy="build it with msgspec.to_builtins from the records in interlock.ports.judge",
        ) from error


def _listed(judge: Judge, of: Kept | None) -> Mapping[str, Any]:
    digest = ""
    if of is not None:
        # What stands in the way of building it is said when it is built.
        with suppress(InterlockError):
            digest = judge.environment_digest(of.spec, of.base)
    return {"environments": judge.environments(), "present": digest}


def _plain(facts: object) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = msgspec.to_builtins(facts)
    return plain
