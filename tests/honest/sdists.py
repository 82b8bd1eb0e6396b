"""Source distributions as trees: fetched by pip inside a sandbox, checked by it, kept in a cache.

pip runs a distribution's own code to read its metadata. So the environment builder does it, whose
only network is the package index.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tests.honest.catalogue import Package
from tests.honest.trees import Tree, Trees

from interlock.adapters.confinement import UidRange
from interlock.adapters.judge.environment import Environments
from interlock.adapters.judge.place import Place
from interlock.core.model import EnvironmentSpec
from interlock.errors import InvalidInputError
from interlock.ports.confinement import Level, Limits

__all__ = ["fetch"]

_FETCH = (
    "for list in fetch/*.txt; do pip download --quiet --no-deps --no-binary=:all: "
    "--no-build-isolation -d /env/sdists -r $list; done"
)
# Made when a distribution is built; a repository does not have them.
_GENERATED = re.compile(r"(?:^|/)[^/]+\.egg-info/|^PKG-INFO$|\.py[co]$|(?:^|/)\.git[^/]*")


def fetch(package: Package, cache: Path, level: Level) -> Mapping[str, Tree]:
    """Version → path → contents, in the order of the releases.

    Args:
        cache: directory for what was fetched; what is there already is not fetched again.

    Raises:
        InvalidInputError: pip could not fetch one, or its digest is another.
    """
    kept = cache / "sdists"
    kept.mkdir(exist_ok=True)
    there = {_version(path, package.name): path for path in kept.iterdir()}
    missing = {v: d for v, d in package.releases.items() if v not in there}
    if missing:
        for path in _fetched(package, missing, cache, level).iterdir():
            there[_version(path, package.name)] = Path(shutil.copy(path, kept))
    for version, digest in package.releases.items():
        found = hashlib.sha256(there[version].read_bytes()).hexdigest()
        if digest and found != digest:
            raise InvalidInputError(f"{there[version]} has the digest {found}, not {digest}")
    return {version: _unpacked(there[version]) for version in package.releases}


def _fetched(package: Package, wanted: Mapping[str, str], cache: Path, level: Level) -> Path:
    """Directory with what pip fetched; it has checked the digests."""
    lists: dict[str, bytes] = {}
    for version, digest in wanted.items():
        pin = f" --hash=sha256:{digest}" if digest else ""
        lists[f"fetch/{version}.txt"] = f"{package.name}=={version}{pin}\n".encode()
    place = Place(level=level, uids=UidRange(), scratch=cache / "work", limits=Limits())
    with Trees(cache / "lists") as trees:
        environments = Environments(trees.repository, cache / "fetching", place)
        spec = EnvironmentSpec(
            setup=(f"pip install --quiet {' '.join(package.build)}", _FETCH),
            lockfiles=tuple(lists),
        )
        return environments.built(spec, trees.store(lists)).root / "sdists"


def _version(path: Path, name: str) -> str:
    stem = path.name.removesuffix(".tar.gz").removesuffix(".zip")
    return stem[len(name) + 1 :]


def _unpacked(path: Path) -> Tree:
    with tarfile.open(path) as archive:
        files: dict[str, bytes] = {}
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            inner = "/".join(PurePosixPath(member.name).parts[1:])
            if content is not None and not _GENERATED.search(inner):
                files[inner] = content.read()
    return files
