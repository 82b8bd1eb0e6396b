"""What a server and its gits leave in the bare repository when they are killed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["remove_leftovers"]


def remove_leftovers(repository: Path) -> None:
    """Remove temporary indexes, half-written objects and locks of refs.

    Args:
        repository: the bare one; nobody writes to it at the moment.
    """
    for path in _left(repository):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _left(repository: Path) -> Iterator[Path]:
    yield from repository.joinpath("interlock").iterdir()
    yield from repository.glob("*.lock")
    yield from repository.glob("tmp*")
    yield from repository.joinpath("refs").rglob("*.lock")
    objects = repository / "objects"
    for pattern in ("tmp_*", "??/tmp_obj_*", "pack/tmp_*", "pack/.tmp*"):
        yield from objects.glob(pattern)
