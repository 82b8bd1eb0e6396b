"""What all runs of a request have beside the tree."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from interlock.adapters.confinement import interpreter
from interlock.adapters.judge.built import Built
from interlock.adapters.judge.snapshot import Snapshot
from interlock.core.model import EnvironmentSpec

__all__ = ["Conditions"]

_NATIVE = (".c", ".cc", ".cpp", ".cu", ".cxx", ".f90", ".h", ".hpp", ".pxd", ".pyx", ".rs")
_COMPILED = (".so", ".pyd", ".dylib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Environment, runner, place.

    Args:
        environment: what is mounted at ``/env``.
        spec: the recipe that says how tests are run in it.
        secrets: variables of the tests alone.
    """

    environment: Built
    spec: EnvironmentSpec
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of_this_process(cls) -> Conditions:
        """The environment that this process runs in, for who measures the judge itself."""
        root, mounts = Path(sys.prefix).resolve(), interpreter()[1]
        built = Built(digest="", root=root, mounts=mounts, about={"made": []})
        return cls(environment=built, spec=EnvironmentSpec())

    @property
    def prefix(self) -> str:
        """What paths of the project begin with, in paths from the tree's root."""
        return f"{self.spec.directory}/" if self.spec.directory else ""

    def completed(self, tree: Snapshot) -> Snapshot:
        """A tree with what the recipe made from the base, where it has nothing of that name."""
        there = {path: at for path, at in self.environment.made.items() if not tree.has(path)}
        return tree.writing({path: at.read_bytes() for path, at in there.items()})

    def stale(self, changed: Iterable[str]) -> str:
        """Why a change cannot be judged with parts that were compiled from the base; or empty."""
        compiled = [path for path in self.environment.made if path.endswith(_COMPILED)]
        sources = [path for path in changed if path.endswith(_NATIVE)]
        if not compiled or not sources:
            return ""
        return (
            f"{sources[0]} is changed, and {compiled[0]} is compiled from the base: compiled parts "
            "are not built anew for a change, so nothing that is measured would be about it"
        )
