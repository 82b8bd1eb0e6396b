"""The commands of a recipe, each with what it was made of: for uv, for poetry, for pip alone.

uv and poetry are taken from the package index into a directory that ends with the build, and only
translate their lock file into pinned requirements with hashes, which pip then installs: so the
index that this machine is configured for is used, and neither tool is part of the environment.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from interlock.definition.detect.project import TEST_GROUPS, Project, names
from interlock.definition.detect.tree import Tree, table

__all__ = ["Recipe", "recipe_of"]

_LOCKS = ("requirements.lock", "requirements.txt")
_EXTRA_LISTS = (
    "requirements-dev.txt",
    "requirements_dev.txt",
    "dev-requirements.txt",
    "requirements-test.txt",
    "requirements-tests.txt",
    "test-requirements.txt",
    "requirements/dev.txt",
    "requirements/test.txt",
    "requirements/tests.txt",
)
_INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]+(\S+)", re.MULTILINE)
_LOCKED = '"$TMPDIR/locked.txt"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Commands with their reasons.

    Args:
        steps: command and where it comes from.
        lockfiles: paths from the project's directory that decide what is installed.
        brings: normalised names of packages that are known to be installed.
    """

    steps: tuple[tuple[str, str], ...]
    lockfiles: tuple[str, ...]
    brings: frozenset[str]


def recipe_of(tree: Tree, project: Project) -> Recipe:
    """The recipe of a project, by the most exact description of its packages that there is."""
    if "uv.lock" in tree:
        return _uv(tree, project)
    if "poetry.lock" in tree:
        return _poetry(tree, project)
    return _pip(tree, project)


def _tool(name: str, packages: str) -> str:
    return f'python -m venv "$TMPDIR/{name}" && "$TMPDIR/{name}/bin/pip" install {packages}'


def _uv(tree: Tree, project: Project) -> Recipe:
    locked = tree.toml("uv.lock").get("package")
    packages = [p for p in locked if isinstance(p, dict)] if isinstance(locked, list) else []
    local = {str(p.get("name")): table(p, "source") for p in packages}
    local = {n: s for n, s in local.items() if {"editable", "directory", "virtual"} & s.keys()}
    chosen = [f"--extra {name}" for name in project.test_extras]
    chosen += [f"--group {name}" for name in project.test_groups if name != "dev"]
    left_out = [f"--no-emit-package {shlex.quote(name)}" for name in local]
    export = ["export -q --frozen", *chosen, *left_out, f"-o {_LOCKED}"]
    steps = [
        (_tool("uv", "'uv<1'"), "uv.lock is uv's to read; uv itself is not installed into /env"),
        (f'"$TMPDIR/uv/bin/uv" {" ".join(export)}', "uv.lock with its hashes, as pip reads it"),
        (f"pip install --require-hashes -r {_LOCKED}", "exactly what uv.lock pins"),
    ]
    members = [str(s.get("editable") or s.get("directory") or "") for s in local.values()]
    steps += _editable(sorted(filter(None, members)), "uv.lock: packages of the tree")
    found = names(str(p.get("name")) for p in packages)
    manifests = [posixpath.join(member, "pyproject.toml") for member in members if member]
    there = ("uv.lock", "pyproject.toml", *(posixpath.normpath(m) for m in manifests))
    return Recipe(
        steps=tuple(steps),
        lockfiles=tuple(dict.fromkeys(name for name in there if name in tree)),
        brings=frozenset(found),
    )


def _poetry(tree: Tree, project: Project) -> Recipe:
    settings = table(project.toml, "tool", "poetry")
    groups = {*table(settings, "group"), *project.groups}
    if "dev-dependencies" in settings:
        groups.add("dev")
    extras = {*table(settings, "extras"), *project.extras}
    chosen = [f"--with {name}" for name in TEST_GROUPS if name in groups]
    chosen += [f"--extras {name}" for name in TEST_GROUPS if name in extras]
    export = ["export -q --without-urls", *chosen, f"-o {_LOCKED}"]
    steps = [
        (
            _tool("poetry", "'poetry<3' poetry-plugin-export"),
            "poetry.lock is poetry's to read; poetry itself is not installed into /env",
        ),
        (
            f'"$TMPDIR/poetry/bin/poetry" {" ".join(export)}',
            "poetry.lock with its hashes, as pip reads it",
        ),
        (f"pip install --require-hashes -r {_LOCKED}", "exactly what poetry.lock pins"),
    ]
    if settings.get("package-mode", True) is not False:
        steps += _editable(["."], "pyproject.toml: a package")
    locked = tree.toml("poetry.lock").get("package")
    packages = [p for p in locked if isinstance(p, dict)] if isinstance(locked, list) else []
    return Recipe(
        steps=tuple(steps),
        lockfiles=("poetry.lock", "pyproject.toml"),
        brings=frozenset(names(str(p.get("name")) for p in packages)),
    )


def _editable(places: list[str], why: str) -> Iterator[tuple[str, str]]:
    if places:
        words = " ".join(f"-e {shlex.quote(_local(place))}" for place in places)
        yield f"pip install --no-deps {words}", why


def _local(place: str) -> str:
    return place if place.startswith(".") else f"./{place}"


def _pip(tree: Tree, project: Project) -> Recipe:
    # The lock if there is one, else the plain list: installing both would ask for two truths.
    pinned = [name for name in _LOCKS if name in tree][:1]
    lists = [*pinned, *(name for name in _EXTRA_LISTS if name in tree)]
    steps = [(_install_list(tree, name), name) for name in lists]
    brings = {name for listed in lists for name in names([tree.text(listed)])}
    if project.installable:
        extras = project.test_extras
        # With the extras, the project's own list of test tools comes along.
        steps.append(
            (
                f"pip install -e '.[{','.join(extras)}]'",
                f"the project and its {' and '.join(extras)}",
            )
            if extras
            else ("pip install -e .", "the project")
        )
        brings |= project.asked_for
    if project.grouped:
        # By name, because the pip of an older interpreter does not know --group.
        wanted = " ".join(shlex.quote(item) for item in project.grouped)
        groups = " and ".join(project.test_groups)
        steps.append((f"pip install {wanted}", f"pyproject.toml: dependency group {groups}"))
    included = (path for name in lists for path in _included(tree, name))
    locks = [*lists, *included, *(name for name in project.files if name in tree)]
    return Recipe(
        steps=tuple(steps), lockfiles=tuple(dict.fromkeys(locks)), brings=frozenset(brings)
    )


def _install_list(tree: Tree, name: str) -> str:
    hashed = "--require-hashes " if "--hash=" in tree.text(name) else ""
    return f"pip install {hashed}-r {name}"


def _included(tree: Tree, name: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Lists that a list takes in."""
    for path in _INCLUDED.findall(tree.text(name)):
        other = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        if other in tree and other not in seen:
            yield other
            yield from _included(tree, other, seen | {name, other})
