"""What will stand in the way of judging a project, said before anything is built."""

from __future__ import annotations

import re
from collections.abc import Iterator

from interlock.definition.detect.project import Project
from interlock.definition.detect.tree import Tree, table
from interlock.definition.detect.versions import is_satisfied, python_for

__all__ = ["obstacles"]

_COMPILERS = frozenset(
    {
        *("cffi", "cmake", "cython", "maturin", "meson-python", "milksnake", "nanobind"),
        *("pybind11", "scikit-build", "scikit-build-core", "setuptools-rust"),
    }
)
_EXTENSIONS = re.compile(r"\b(?:ext_modules|cffi_modules|rust_extensions)\s*=")
_REMOTE = re.compile(r"^[^#\n]*\b(?:git|hg|svn|bzr)\+[a-z]+://", re.MULTILINE)


def obstacles(tree: Tree, project: Project, ours: str) -> Iterator[str]:
    """One sentence each, with what can be done about it."""
    requires = project.requires_python
    if requires and not is_satisfied(requires, ours):
        wanted = python_for(requires, ours)
        yield (
            f"the project requires Python {requires}, Interlock runs on {ours}: "
            + (
                f"the recipe asks for python: {wanted}, which this machine must have"
                if wanted
                else "no version that tests can be judged with (3.11 and later) is among those"
            )
        )
    if native := _native(tree, project):
        yield (
            f"the project has compiled parts ({native}): they are built once, from the base, so a "
            "task that changes their sources cannot be judged"
        )
    lists = [name for name in tree.files if name.endswith((".txt", ".lock", "pyproject.toml"))]
    if remote := next((name for name in sorted(lists) if _REMOTE.search(tree.text(name))), ""):
        yield (
            f"{remote} installs from a repository (git+…): a build reaches the package index and "
            "nothing else, so put that package on an index or into find-links"
        )


def _native(tree: Tree, project: Project) -> str:
    if used := sorted(_COMPILERS & project.build_requires):
        return f"built with {used[0]}"
    if _EXTENSIONS.search(project.setup_text):
        return "setup.py"
    if table(project.toml, "tool", "setuptools").get("ext-modules"):
        return "pyproject.toml"
    return next((path for path in sorted(tree.files) if path.endswith((".pyx", ".pxd"))), "")
