"""The workflow file as it lies in the working tree, and how far a task would have the same one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.adapters.git import GitFailed
from interlock.cli.place import user_repository
from interlock.cli.standing import standing
from interlock.definition.deciding import Places
from interlock.definition.loader import Loaded, load_tree
from interlock.definition.proposed import with_proposal
from interlock.errors import DefinitionError, NotFoundError
from interlock.server.layout import repository_root

if TYPE_CHECKING:
    from interlock.adapters.trees.user import UserRepository

__all__ = ["WorkingFile", "read_working_file"]

_FILE = "agent_workflow.yaml"


@dataclass(frozen=True, slots=True)
class WorkingFile:
    """A file that holds. ``notes``: what a reader of its verdicts has to know besides."""

    file: str
    loaded: Loaded
    places: Places
    notes: tuple[str, ...] = ()


def read_working_file(file: Path | None) -> WorkingFile:
    """Load a workflow file with the schemas of the tree that it lies in.

    Args:
        file: ``None`` for the one at the top of the repository around the working directory.

    Raises:
        NotFoundError: there is no repository, and no file is named.
        DefinitionError: there is no such file, or it does not hold.
    """
    root = _root(file)
    repository = None if root is None else user_repository(root)
    top = root or Path(file or ".").resolve().parent
    path = _FILE if file is None else file.resolve().relative_to(top).as_posix()
    read = standing(top)
    loaded = load_tree(read, file=path)
    notes: tuple[str, ...] = ()
    if repository is not None:
        loaded = _whole(loaded, repository, read)
        notes = _notes(repository, loaded) if path == _FILE else ()
    return WorkingFile(path, loaded, _places(loaded), notes)


def _root(file: Path | None) -> Path | None:
    """The top of the repository; a file that is named may lie in none."""
    try:
        return repository_root(Path.cwd() if file is None else file.resolve().parent)
    except NotFoundError:
        if file is None:
            raise
        return None


def _places(loaded: Loaded) -> Places:
    assert loaded.places is not None  # noqa: S101 - whatever was read from a file has them
    return loaded.places


def _whole(
    loaded: Loaded, repository: UserRepository, read: Callable[[str], bytes | None]
) -> Loaded:
    """With the environment that would be proposed: what it is built from is protected."""
    workflow, _ = with_proposal(loaded.workflow, lambda: _tracked(repository), read)
    return replace(loaded, workflow=workflow)


def _tracked(repository: UserRepository) -> list[str]:
    try:
        return repository.tracked()
    except GitFailed:  # nothing was committed yet
        return []


def _notes(repository: UserRepository, loaded: Loaded) -> tuple[str, ...]:
    """Tasks are pinned to the file of a commit."""
    if repository.read(_FILE) is None:
        return (f"{_FILE} is not committed, and tasks only see commits",)
    try:
        at_head = _whole(load_tree(repository.read), repository, repository.read)
    except DefinitionError:
        return ("the workflow at HEAD does not hold, so no task can be started with it",)
    if at_head.workflow.digest == loaded.workflow.digest:
        return ()
    return (
        "a task that is started now has the workflow at HEAD, which means something else "
        f"→ git diff HEAD -- {_FILE}",
    )
