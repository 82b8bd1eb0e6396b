"""The files of a tree, read as what they are; what cannot be read is empty."""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Callable, Collection
from configparser import ConfigParser
from configparser import Error as ConfigError
from typing import Any

__all__ = ["Read", "Tree", "table", "texts"]

Read = Callable[[str], bytes | None]
"""Path → its bytes, ``None`` when it cannot be read."""


class Tree:
    """Paths and contents, named from one directory of the tree.

    Args:
        files: paths from the tree's root.
        read: their contents.
        directory: only what is below counts, and is named from there; empty for the root.
    """

    def __init__(self, files: Collection[str], read: Read, directory: str = "") -> None:
        self._read = read
        self._prefix = f"{directory}/" if directory else ""
        start = len(self._prefix)
        self.files = frozenset(f[start:] for f in files if f.startswith(self._prefix))

    def __contains__(self, path: str) -> bool:
        return path in self.files

    def text(self, path: str) -> str:
        """A file as text."""
        if path not in self.files:
            return ""
        return (self._read(self._prefix + path) or b"").decode("utf-8", "replace")

    def toml(self, path: str) -> dict[str, Any]:
        """A TOML file; empty if it is none."""
        try:
            return tomllib.loads(self.text(path))
        except (tomllib.TOMLDecodeError, RecursionError):
            return {}

    def ini(self, path: str) -> ConfigParser:
        """An INI file; empty if it is none."""
        parser = ConfigParser(interpolation=None, strict=False, allow_no_value=True)
        try:
            parser.read_string(self.text(path))
        except ConfigError:
            return ConfigParser(interpolation=None)
        return parser

    def from_root(self, path: str) -> str:
        """A path as it is called from the tree's root."""
        return posixpath.normpath(self._prefix + path)


def table(parent: Any, *keys: str) -> dict[str, Any]:
    """The table below these keys; empty if something else is there."""
    for key in keys:
        parent = parent.get(key) if isinstance(parent, dict) else None
    return parent if isinstance(parent, dict) else {}


def texts(value: Any) -> list[str]:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
