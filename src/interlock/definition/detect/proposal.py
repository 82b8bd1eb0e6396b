"""The whole proposal: where the project lies, its recipe, its runner, its obstacles."""

from __future__ import annotations

import platform
import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from interlock.core.model import EnvironmentSpec
from interlock.definition.detect.obstacles import obstacles
from interlock.definition.detect.project import Project
from interlock.definition.detect.runners import is_test_file, runner_of
from interlock.definition.detect.steps import recipe_of
from interlock.definition.detect.tree import Read, Tree
from interlock.definition.detect.versions import python_for

__all__ = ["Proposal", "detect_environment"]

_MARKS = ("uv.lock", "poetry.lock", "requirements.txt", "requirements.lock", "setup.py")
_DEEPEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What was found.

    Args:
        environment: the recipe; ``None`` if a person has to say first which project is meant.
        why: command, or key of the section → where it comes from.
        notes: what a person should know, one sentence each.
    """

    environment: EnvironmentSpec | None
    why: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def detect_environment(
    files: Collection[str], read: Read, *, standing: str = ".", python: str | None = None
) -> Proposal | None:
    """A proposal, or ``None`` when nothing in the tree says "Python".

    Args:
        files: paths from the tree's root.
        read: a path → its bytes, ``None`` when it cannot be read.
        standing: directory that the person is in: the nearest project, there or above, is meant.
        python: version of the interpreter that environments are built with unless the recipe
            names another; this process's own if it is not given.
    """
    ours = python or platform.python_version()
    whole = Tree(files, read)
    place = posixpath.normpath(standing)
    while place != ".":
        if _is_project(inner := Tree(files, read, place)):
            return _of(inner, place, ours)
        place = posixpath.dirname(place) or "."
    if _is_project(whole):
        return _of(whole, "", ours)
    places = sorted(_places(files, read), key=lambda place: (place.count("/"), place))
    if len(places) == 1:
        return _of(Tree(files, read, places[0]), places[0], ours)
    if places:
        listed = ", ".join(places)
        note = f"several projects lie here ({listed}): write environment.directory for the one"
        return Proposal(environment=None, notes=(f"{note} whose tests are to decide",))
    if any(map(is_test_file, whole.files)):
        return _of(whole, "", ours)
    return None


def _is_project(tree: Tree) -> bool:
    """Whether packages are described right here; settings of tools alone are no project."""
    if any(mark in tree for mark in _MARKS):
        return True
    project = Project(tree)
    return project.installable or bool(project.grouped)


def _places(files: Collection[str], read: Read) -> list[str]:
    """Directories below the root in which a project lies that has tests."""
    there = {
        posixpath.dirname(file)
        for file in files
        if posixpath.basename(file) in (*_MARKS, *Project.files)
    }
    found = []
    for place in there - {""}:
        tree = Tree(files, read, place)
        if place.count("/") < _DEEPEST and _is_project(tree) and any(map(is_test_file, tree.files)):
            found.append(place)
    return found


def _of(tree: Tree, directory: str, ours: str) -> Proposal:
    project = Project(tree)
    recipe = recipe_of(tree, project)
    runner, sign = runner_of(tree, project, recipe.brings)
    steps = list(recipe.steps)
    if runner == "pytest" and "pytest" not in recipe.brings:
        steps.append(("pip install pytest", "the runner; the project does not name it"))
    environment = EnvironmentSpec(
        setup=tuple(command for command, _ in steps),
        lockfiles=tuple(tree.from_root(path) for path in recipe.lockfiles),
        runner=runner,
        python=python_for(project.requires_python, ours),
        directory=directory,
    )
    why = {"runner": sign, **dict(steps)}
    if environment.python:
        why["python"] = f"requires-python {project.requires_python}"
    if directory:
        why["directory"] = "the project lies there"
    return Proposal(environment=environment, why=why, notes=tuple(obstacles(tree, project, ours)))
