"""The environment ``/env``: built once from a recipe on the base, then only ever read.

An environment is there when its ``ready.json`` is, which is written last; anything else is a failed
attempt and is made again. Builders in any process wait for each other at a lock per environment.
What a package index holds is no part of what an environment is known by: whoever wants later
versions of packages that no lock file pins has it built again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import secrets
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from interlock.adapters.durable import replace_file, sync_tree
from interlock.adapters.judge.built import READY, Built, is_held, made_by, take_away
from interlock.adapters.judge.environment_build import Build
from interlock.adapters.judge.environment_files import (
    check_closed,
    give,
    keep_made,
    rebase,
    remove,
    seal,
)
from interlock.adapters.judge.place import ENVIRONMENT, TREE, Place
from interlock.adapters.judge.pythons import Python, python_of
from interlock.adapters.lockfile import waiting_lock
from interlock.adapters.occupied import occupied
from interlock.adapters.trees.repository import Repository
from interlock.core.model import EnvironmentSpec
from interlock.definition.detect import required_python
from interlock.errors import InvalidInputError, NotFoundError
from interlock.failpoints import reach
from interlock.ports.confinement import Level

__all__ = ["Environments"]

_FORMAT = 2


class Environments:
    """Built environments of one project.

    Args:
        repository: holds the base trees.
        directory: where they are kept, by digest.
        place: where builds run.
        seconds: wall time for one build.
    """

    def __init__(
        self, repository: Repository, directory: Path, place: Place, *, seconds: int = 1800
    ) -> None:
        self._repository = repository
        self._directory = directory
        self._place = place
        self._seconds = seconds

    def digest(self, spec: EnvironmentSpec, base: str) -> str:
        """What an environment is known by: recipe, interpreter, machine, lock files of the base.

        Raises:
            InvalidInputError: a lock file of the recipe is not in the base (IL-JUD-004), or the
                machine has no interpreter of its version (IL-JUD-008).
        """
        entries = self._repository.entries(base)
        locks: list[list[str]] = []
        for path in spec.lockfiles:
            entry = entries.get(os.fsencode(path))
            if entry is None:
                raise InvalidInputError(
                    f"the lock file {path} of the environment is not in the base",
                    code="IL-JUD-004",
                    remedy="commit it, or correct environment.lockfiles in the workflow",
                )
            locks.append([path, entry.oid.decode()])
        inner = ENVIRONMENT if self._place.level is Level.FULL else str(self._directory)
        machine = _machine(python_of(spec.python))
        parts = [_FORMAT, list(spec.setup), spec.directory, machine, locks, inner]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def at(self, digest: str) -> Built:
        """A built environment.

        Raises:
            NotFoundError: there is none (IL-JUD-005).
        """
        return Built.at(self._directory / digest)

    def built(self, spec: EnvironmentSpec, base: str, *, newer_than: float = 0.0) -> Built:
        """The environment of a recipe on a base, built now if it is not there.

        Args:
            newer_than: seconds since the epoch: one that was built before is built anew; those who
                use the old one go on with that.

        Raises:
            InvalidInputError: a command of the recipe failed (IL-JUD-001), the result would run
                other code than its own and the tree's (IL-JUD-006, IL-JUD-009), a lock file or the
                interpreter is missing (IL-JUD-004, IL-JUD-008), or is not the one that the project
                requires (IL-JUD-007).
            UnavailableError: the build took too long (IL-JUD-001).
        """
        digest = self.digest(spec, base)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = self._directory / digest
        if not _is_there(home, newer_than):
            with waiting_lock(self._directory / f"{digest}.lock"):
                # Somebody else may have built it while we waited.
                if not _is_there(home, newer_than):
                    self._build(spec, base, home)
        return Built.at(home)

    def listed(self) -> list[dict[str, Any]]:
        """What there is, newest first: digest, recipe, size in bytes, whether it is used."""
        found = []
        for home in self._directory.glob("*/"):
            try:
                built = Built.at(home)
            except NotFoundError:
                found.append({"digest": home.name, "ready": False, "bytes": occupied(home)})
                continue
            about = {key: built.about[key] for key in _SHOWN}
            found.append(
                {
                    "digest": built.digest,
                    "ready": True,
                    "bytes": occupied(home),
                    "used": is_held(built.root),
                    **about,
                }
            )
        return sorted(found, key=lambda item: item.get("built_at", 0.0), reverse=True)

    def pruned(self, keep: Iterable[tuple[EnvironmentSpec, str]]) -> list[dict[str, Any]]:
        """Remove what nobody uses and nobody will ask for.

        Args:
            keep: recipes with their bases whose environments stay.

        Returns:
            What was removed: digest and bytes.
        """
        wanted = {self.digest(spec, base) for spec, base in keep}
        gone = []
        for home in self._directory.glob("*/"):
            with waiting_lock(self._directory / f"{home.name}.lock"):
                size = occupied(home)
                _clear(home, but=_root_of(home) if home.name in wanted else "")
                freed = size - (occupied(home) if home.exists() else 0)
                if freed:
                    gone.append({"digest": home.name, "bytes": freed})
        return gone

    def _build(self, spec: EnvironmentSpec, base: str, home: Path) -> None:
        python = python_of(spec.python)
        self._check_python(spec, base, python)
        _clear(home, but=_root_of(home))
        root = home / f"root-{secrets.token_hex(4)}"
        tree, made_at = home / "tree", made_by(root)
        paths = [os.fsdecode(path) for path in self._repository.entries(base)]
        uid = self._place.uids.lease()
        begin = time.monotonic()
        try:
            root.mkdir(parents=True)
            self._repository.export(base, tree)
            if uid is not None:
                give(root, uid)
                give(tree, uid)
            reach("environment.build")
            log = home / "build.log"
            build = Build(spec=spec, python=python, root=root, tree=tree, log=log, uid=uid)
            build.run(self._place, self._seconds)
            inner = (ENVIRONMENT, TREE)
            if self._place.level is not Level.FULL:
                rebase(root, str(tree), TREE)
                inner = (str(root), TREE)
            check_closed(root, inner, paths)
            made = keep_made(tree, paths, made_at)
        except BaseException:
            remove(root)
            remove(made_at)
            raise
        finally:
            remove(tree)
            self._place.uids.release(uid)
        reach("environment.built")
        seal(root)
        # Else "ready" could outlive a power cut that empties what is ready.
        sync_tree(root, large=True)
        if made:
            seal(made_at)
            sync_tree(made_at, large=True)
        about = {
            "root": root.name,
            "made": made,
            "prefix": python.mounts[0].source if python.mounts else "",
            "python": python.release,
            "setup": list(spec.setup),
            "lockfiles": list(spec.lockfiles),
            "directory": spec.directory,
            "seconds": round(time.monotonic() - begin, 1),
            "built_at": round(time.time(), 3),
        }
        data = json.dumps(about).encode()
        temporary = home / f"{READY}.new"
        replace_file(home / READY, data, temporary=temporary, family="environment")
        _clear(home, but=root.name)

    def _check_python(self, spec: EnvironmentSpec, base: str, python: Python) -> None:
        """Said before pip would say it, with what helps."""

        def read(path: str) -> bytes | None:
            try:
                return self._repository.read(base, path)
            except NotFoundError:
                return None

        requires, wanted = required_python(read, spec.directory, python.release)
        if requires:
            raise InvalidInputError(
                f"the project requires Python {requires}, and the environment has {python.release}",
                code="IL-JUD-007",
                remedy=f'write python: "{wanted}" below environment in agent_workflow.yaml'
                if wanted
                else "tests are judged with Python 3.11 and later; none of these is allowed",
            )


_SHOWN = ("python", "setup", "lockfiles", "directory", "made", "seconds", "built_at")


@lru_cache(maxsize=16)
def _machine(python: Python) -> Mapping[str, Any]:
    """What decides whether installed packages fit: version and build, machine, C library."""
    return {
        "python": [python.build, python.program],
        "machine": platform.machine(),
        "libc": list(platform.libc_ver()),
    }


def _root_of(home: Path) -> str:
    """Name of the directory that is the environment now; empty if there is none."""
    try:
        return Built.at(home).root.name
    except NotFoundError:
        return ""


def _is_there(home: Path, newer_than: float) -> bool:
    return bool(_root_of(home)) and float(Built.at(home).about["built_at"]) > newer_than


def _clear(home: Path, *, but: str) -> None:
    """Remove everything of an environment that nobody uses, except one root."""
    remove(home / "tree")
    roots = {path.name.split(".")[0] for path in home.glob("root-*/")}
    left = [name for name in roots if name == but or not take_away(home / name)]
    for leftover in home.glob("root-*.*/"):
        if leftover.name.split(".")[0] not in left:
            remove(leftover)
    if not left:
        remove(home)
