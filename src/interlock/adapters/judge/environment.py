"""The environment ``/env``: built once from a recipe on the base, then only ever read.

Built in a sandbox whose only network is a proxy to the configured package index. An environment is
there when its ``ready.json`` is, which is written last; anything else is a failed attempt and is
made again. Builders in any process wait for each other at a lock per environment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from interlock.adapters.confinement import interpreter, start, translate
from interlock.adapters.durable import replace_file, sync_tree
from interlock.adapters.judge.package_index import PackageIndex, configured
from interlock.adapters.judge.place import ENVIRONMENT, TREE, Place
from interlock.adapters.judge.proxy import ConnectProxy
from interlock.adapters.lockfile import waiting_lock
from interlock.adapters.trees.repository import Repository
from interlock.core.model import EnvironmentSpec
from interlock.errors import InvalidInputError, NotFoundError, UnavailableError
from interlock.failpoints import reach
from interlock.ports.confinement import PORT_VARIABLE, Level, Mount, SandboxSpec

__all__ = ["Environments"]

_FORMAT = 1
_PROXY_PORT = 3128
_LAST_LINES = 12
# Python first, then each command in a shell of its own, named before it runs. Where the network is
# the proxy alone, its port is known when the sandbox runs.
_BUILD = f"""
proxy=${PORT_VARIABLE}{_PROXY_PORT}
if [ -n "$proxy" ]; then
    export HTTPS_PROXY="http://127.0.0.1:$proxy" https_proxy="http://127.0.0.1:$proxy"
fi
python=$1 environment=$2
shift 2
"$python" -m venv "$environment" || exit
for command do
    printf '$ %s\\n' "$command"
    /bin/sh -ec "$command" || exit
done
"""
_ABSOLUTE = re.compile(r"""(?:^|['"]|file://)(/[^'"\n:;]*)""", re.MULTILINE)


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
            InvalidInputError: a lock file of the recipe is not in the base (IL-JUD-004).
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
        parts = [_FORMAT, list(spec.setup), spec.runner, _platform(), locks, inner]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def path(self, digest: str) -> Path:
        """Directory of a built environment.

        Raises:
            NotFoundError: there is none (IL-JUD-005).
        """
        home = self._directory / digest
        if not (home / "ready.json").is_file():
            raise NotFoundError(
                f"environment {digest[:12]} is not built",
                code="IL-JUD-005",
                remedy="start the task again: its environment is built then",
            )
        return home / "root"

    def built(self, spec: EnvironmentSpec, base: str) -> str:
        """Digest of the environment, which is there on return.

        Raises:
            InvalidInputError: a command of the recipe failed (IL-JUD-001), the result points out
                of itself (IL-JUD-006), or a lock file is missing (IL-JUD-004).
            UnavailableError: the build took too long (IL-JUD-001).
        """
        digest = self.digest(spec, base)
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = self._directory / digest
        if not (home / "ready.json").is_file():
            with waiting_lock(self._directory / f"{digest}.lock"):
                if not (home / "ready.json").is_file():
                    self._build(spec, base, home)
        return digest

    def _build(self, spec: EnvironmentSpec, base: str, home: Path) -> None:
        _remove(home)
        root, tree = home / "root", home / "tree"
        uid = self._place.uids.lease()
        try:
            root.mkdir(parents=True)
            self._repository.export(base, tree)
            if uid is not None:
                _give(root, uid)
                _give(tree, uid)
            begin = time.monotonic()
            reach("environment.build")
            self._run(spec, home, uid)
            inner = (ENVIRONMENT, TREE)
            if self._place.level is not Level.FULL:
                _rebase(root, str(tree), TREE)
                inner = (str(root), TREE)
            _check_closed(root, inner)
        finally:
            _remove(tree)
            self._place.uids.release(uid)
        reach("environment.built")
        _seal(root)
        # Else "ready" could outlive a power cut that empties what is ready.
        sync_tree(root, large=True)
        ready = {"recipe": list(spec.setup), "seconds": round(time.monotonic() - begin, 1)}
        replace_file(
            home / "ready.json",
            json.dumps(ready).encode(),
            temporary=home / "ready.json.new",
            family="environment",
        )

    def _run(self, spec: EnvironmentSpec, home: Path, uid: int | None) -> None:
        index = configured()
        sandbox_spec = self._sandbox(spec, home, uid, index)
        log = home / "build.log"
        with (
            log.open("wb") as output,
            start(
                sandbox_spec, self._place.level, stdout=output.fileno(), stderr=output.fileno()
            ) as sandbox,
            contextlib.ExitStack() as stack,
        ):
            proxy = None
            if sandbox.listeners:
                proxy = stack.enter_context(ConnectProxy(sandbox.listeners[0], index.hosts))
            status = sandbox.wait(self._seconds)
        if status == 0:
            return
        lines = log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:]
        if proxy is not None and proxy.refused:
            lines.append(f"(no network but the package index: {', '.join(proxy.refused)} refused)")
        kind = UnavailableError if status is None else InvalidInputError
        why = f"took more than {self._seconds} s" if status is None else f"failed ({status})"
        raise kind(
            f"building the environment {why}:\n" + "\n".join(lines),
            code="IL-JUD-001",
            remedy=f"correct environment.setup of the workflow; the whole log is {log}",
        )

    def _sandbox(
        self, spec: EnvironmentSpec, home: Path, uid: int | None, index: PackageIndex
    ) -> SandboxSpec:
        python, needed = interpreter()
        mounts = (
            Mount(source=str(home / "root"), target=ENVIRONMENT, writable=True),
            Mount(source=str(home / "tree"), target=TREE, writable=True),
            *needed,
            *index.mounts,
        )
        environment = translate(ENVIRONMENT, SandboxSpec(argv=(), mounts=mounts), self._place.level)
        variables = {
            **index.variables,
            "PATH": f"{environment}/bin:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": environment,
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        argv = ("/bin/sh", "-c", _BUILD, "sh", python, environment, *spec.setup)
        return SandboxSpec(
            argv=argv,
            env=variables,
            cwd=TREE,
            mounts=mounts,
            ports=() if self._place.level is Level.NONE else (_PROXY_PORT,),
            uid=uid,
            limits=self._place.limits,
        )


def _platform() -> tuple[str, ...]:
    """What decides whether installed packages fit: version and build, machine, C library."""
    return (sys.version, interpreter()[0], platform.machine(), *platform.libc_ver())


def _below(root: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        yield from (Path(directory, name) for name in (*names, *files))


def _give(root: Path, uid: int) -> None:
    for path in (root, *_below(root)):
        os.chown(path, uid, uid, follow_symlinks=False)


def _seal(root: Path) -> None:
    """Ours, readable for every user that a job may run as, and no file is anybody's to write.

    Directories stay the owner's to write, so that an ordinary `rm -r` removes an environment.
    """
    for path in (root, *_below(root)):
        os.chown(path, os.getuid(), os.getgid(), follow_symlinks=False)
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            path.chmod(0o755)
        elif not stat.S_ISLNK(mode):
            path.chmod(0o555 if mode & 0o111 else 0o444)


def _remove(root: Path) -> None:
    if root.exists():
        # A recipe may have made directories that not even their owner may change.
        for path in (root, *_below(root)):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(root)


def _pointers(root: Path) -> Iterator[Path]:
    """Files of installed packages that may name places elsewhere."""
    for path in _below(root):
        named = path.name.endswith(".pth") or path.name.startswith("__editable__")
        named = named or path.name == "direct_url.json"
        if named and path.is_file() and not path.is_symlink():
            yield path


def _rebase(root: Path, old: str, new: str) -> None:
    for path in _pointers(root):
        path.write_text(path.read_text(errors="replace").replace(old, new))


def _check_closed(root: Path, inner: tuple[str, ...]) -> None:
    """Refuse an environment that names places outside itself and the tree: what it imports from
    there is not what was built, or not what is judged."""
    for path in _pointers(root):
        for found in _ABSOLUTE.finditer(path.read_text(errors="replace")):
            place = os.path.normpath(found[1])
            if not any(place == top or place.startswith(f"{top}/") for top in inner):
                raise InvalidInputError(
                    f"{path.name} of the environment points to {place}, outside of it",
                    code="IL-JUD-006",
                    remedy="install from the tree itself (`pip install -e .`) or from an index",
                )
