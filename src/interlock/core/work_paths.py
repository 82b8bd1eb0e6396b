"""Which paths are documentation and which describe dependencies: by name, never by their folder
alone, because a folder of documentation holds code as well.

Whatever a team adds by patterns, a file that something runs is neither.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from posixpath import basename, dirname, splitext

from interlock.core.model import WorkTypes
from interlock.core.policy.paths import PathRules

__all__ = ["is_documentation", "is_manifest"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PROSE = frozenset({"", ".adoc", ".asciidoc", ".markdown", ".md", ".rst", ".txt"})
_PICTURES = frozenset(
    {".bib", ".drawio", ".gif", ".jpeg", ".jpg", ".mmd", ".png", ".puml", ".webp"}
)
_NAMES = re.compile(
    r"(?:readme|change(?:s|log)|history|news|contributing|authors|contributors|maintainers"
    r"|code[_-]of[_-]conduct|security|support|governance|license|licence|copying|notice)"
    r"(?:[-_.][\w.-]*)?$"
)
_FOLDERS = frozenset({"doc", "docs", "documentation", "man"})
_RUN = _set(
    ".bash .bat .c .cc .cjs .cpp .cs .exe .fish .go .h .hpp .html .ipynb .java .js .jsx .kt "
    ".lua .mjs .php .pl .ps1 .py .pyi .pyw .pyx .rb .rs .sh .so .sql .svg .swift .ts .tsx "
    ".vue .zsh"
)
"""Endings of what a program, a browser or a shell runs; an SVG may hold a script."""

_RUN_BY_NAME = frozenset({"cmakelists.txt", "dockerfile", "gemfile", "makefile", "rakefile"})
_MANIFESTS = _set(
    "pyproject.toml setup.cfg pipfile pipfile.lock poetry.lock pdm.lock uv.lock package.json "
    "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml go.mod go.sum cargo.toml "
    "cargo.lock gemfile.lock composer.json composer.lock"
)
_REQUIREMENTS = re.compile(
    r"(?:[\w.-]*(?:requirements|constraints)[\w.-]*\.(?:txt|in|lock)|pylock(?:\.[\w-]+)?\.toml)$"
)


def is_documentation(path: str, types: WorkTypes, packages: Collection[str]) -> bool:
    """Whether a path is documentation.

    Args:
        types: what the workflow adds.
        packages: directories whose files a program may read as its own data; documentation there
            is what bears the name of a README and the like.
    """
    if _is_run(path) or is_manifest(path, types):
        return False
    name, ending = basename(path).casefold(), splitext(path)[1].casefold()
    if _NAMES.match(name) and ending in _PROSE:
        return True
    if ending in _PROSE | _PICTURES and not _is_below(path, packages):
        folders = dirname(path).casefold().split("/")
        is_prose = ending in _PROSE - {"", ".txt"}
        if (is_prose and not dirname(path)) or (ending and not _FOLDERS.isdisjoint(folders)):
            return True
    return _matches(types.documentation, path)


def is_manifest(path: str, types: WorkTypes) -> bool:
    """Whether a path says what the project depends on, or locks it."""
    name = basename(path).casefold()
    if name in _MANIFESTS or _REQUIREMENTS.match(name):
        return True
    if dirname(path).casefold().rpartition("/")[2] == "requirements" and name.endswith(".txt"):
        return True
    return not _is_run(path) and _matches(types.manifests, path)


def _is_run(path: str) -> bool:
    name = basename(path).casefold()
    return splitext(name)[1] in _RUN or name in _RUN_BY_NAME


def _is_below(path: str, packages: Collection[str]) -> bool:
    folder = dirname(path)
    while folder:
        if folder in packages:
            return True
        folder = dirname(folder)
    return False


def _matches(patterns: tuple[str, ...], path: str) -> bool:
    return bool(patterns) and _rules(patterns).why_not(path) is None


@lru_cache(maxsize=64)
def _rules(patterns: tuple[str, ...]) -> PathRules:
    return PathRules(allowed=patterns, protected=())
