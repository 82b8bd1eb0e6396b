"""One build: the recipe's commands in a sandbox whose only network is a proxy to the index."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from interlock.adapters.confinement import start, translate
from interlock.adapters.judge.package_index import PackageIndex, configured
from interlock.adapters.judge.place import ENVIRONMENT, TREE, Place
from interlock.adapters.judge.proxy import ConnectProxy
from interlock.adapters.judge.pythons import Python
from interlock.core.model import EnvironmentSpec
from interlock.errors import InvalidInputError, UnavailableError
from interlock.ports.confinement import PORT_VARIABLE, Level, Mount, SandboxSpec

__all__ = ["Build"]

_PROXY_PORT = 3128
_LAST_LINES = 12
# Python first, then each command in a shell of its own, named before it runs. Where the network is
# the proxy alone, its port is known when the sandbox runs.
_SCRIPT = f"""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What is built, and where.

    Args:
        spec: the recipe.
        python: the interpreter of the environment.
        root: empty directory that becomes the environment; ``uid``'s.
        tree: a copy of the base; ``uid``'s.
        log: file for what the commands print.
        uid: user that they run as; ``None`` for the caller.
    """

    spec: EnvironmentSpec
    python: Python
    root: Path
    tree: Path
    log: Path
    uid: int | None

    def run(self, place: Place, seconds: int) -> None:
        """Run the recipe.

        Args:
            seconds: wall time.

        Raises:
            InvalidInputError: a command failed (IL-JUD-001).
            UnavailableError: it took too long (IL-JUD-001).
        """
        index = configured()
        with (
            self.log.open("wb") as output,
            start(
                self._sandbox(place, index),
                place.level,
                stdout=output.fileno(),
                stderr=output.fileno(),
            ) as sandbox,
            contextlib.ExitStack() as stack,
        ):
            proxy = None
            if sandbox.listeners:
                proxy = stack.enter_context(ConnectProxy(sandbox.listeners[0], index.hosts))
            status = sandbox.wait(seconds)
        if status == 0:
            return
        lines = self.log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:]
        if proxy is not None and proxy.refused:
            lines.append(f"(no network but the package index: {', '.join(proxy.refused)} refused)")
        kind = UnavailableError if status is None else InvalidInputError
        why = f"took more than {seconds} s" if status is None else f"failed ({status})"
        raise kind(
            f"building the environment {why}:\n" + "\n".join(lines),
            code="IL-JUD-001",
            remedy=f"correct environment.setup of the workflow; the whole log is {self.log}",
        )

    def _sandbox(self, place: Place, index: PackageIndex) -> SandboxSpec:
        mounts = (
            Mount(source=str(self.root), target=ENVIRONMENT, writable=True),
            Mount(source=str(self.tree), target=TREE, writable=True),
            *self.python.mounts,
            *index.mounts,
        )
        environment = translate(ENVIRONMENT, SandboxSpec(argv=(), mounts=mounts), place.level)
        variables = {
            **index.variables,
            "PATH": f"{environment}/bin:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": environment,
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            # A Python of uv's own would lie where no run sees it, a link in the cache would be one
            # file with all other environments.
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_LINK_MODE": "copy",
        }
        setup = self.spec.setup
        argv = ("/bin/sh", "-c", _SCRIPT, "sh", self.python.program, environment, *setup)
        return SandboxSpec(
            argv=argv,
            env=variables,
            cwd=f"{TREE}/{self.spec.directory}" if self.spec.directory else TREE,
            mounts=mounts,
            ports=() if place.level is Level.NONE else (_PROXY_PORT,),
            uid=self.uid,
            limits=place.limits,
        )
