"""The Python that a project requires, held against the one that it would get."""

from __future__ import annotations

from interlock.definition.detect.project import Project
from interlock.definition.detect.tree import Read, Tree
from interlock.definition.detect.versions import is_satisfied, python_for

__all__ = ["required_python"]


def required_python(read: Read, directory: str, release: str) -> tuple[str, str]:
    """What a project requires and a version to ask for; both empty if ``release`` will do.

    Args:
        read: a path of the tree → its bytes, ``None`` when there is nothing.
        directory: where the project lies.
        release: version of the interpreter.
    """
    prefix = f"{directory}/" if directory else ""
    there = {prefix + name for name in Project.files if read(prefix + name) is not None}
    requires = Project(Tree(there, read, directory)).requires_python
    if not requires or is_satisfied(requires, release):
        return "", ""
    return requires, python_for(requires, release)
