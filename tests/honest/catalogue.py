"""The packages whose releases are replayed: a pinned list, no code of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Package", "load"]

_FILE = Path(__file__).with_name("packages.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package with the releases that are replayed, oldest first.

    Args:
        name: on the package index.
        releases: version → sha256 of its source distribution.
        build: what pip needs there to read a source distribution's metadata.
        tools: pinned packages of the test environment.
        causes: version → why the step to it is judged wrong, as far as that is known.
        sample: two successive versions whose step is in the fixed sample.
        dishonest: versions whose steps are also replayed with the work not done.
    """

    name: str
    releases: Mapping[str, str]
    build: tuple[str, ...]
    tools: tuple[str, ...]
    causes: Mapping[str, str]
    sample: tuple[str, ...] = ()
    dishonest: tuple[str, ...] = ()

    @property
    def pytest(self) -> str:
        """Version of pytest."""
        return next(tool for tool in self.tools if tool.startswith("pytest=")).partition("==")[2]

    def cut_to_sample(self) -> Package:
        """The package with the releases of its sample only."""
        return replace(self, releases={v: self.releases[v] for v in self.sample})


def load(path: Path = _FILE) -> tuple[Package, ...]:
    """All packages, in the order of the file."""
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    common: list[str] = document["tools"]
    return tuple(
        Package(
            name=name,
            releases=dict(entry["releases"]),
            build=tuple(entry.get("build", document["build"])),
            tools=(*common, *entry.get("tools", ())),
            causes=dict(entry.get("causes", {})),
            sample=tuple(entry.get("sample", ())),
            dishonest=tuple(entry.get("dishonest", ())),
        )
        for name, entry in document["packages"].items()
    )
