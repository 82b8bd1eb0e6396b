"""Putting back in the tree what the import did not take over.

Every step is one name in an open directory and follows no link, so nothing outside the tree and no
other name of a hard-linked file is touched. Runs while the session is frozen.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from typing import Any

from interlock.failpoints import reach
from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.files import replace_file
from interlock.supervisor.toolhost.refusal import Refusal, from_os_error

__all__ = ["Reverter"]

# A tree that somebody fills while it is emptied is given up at some time.
_MAX_DEPTH = 1 << 16
_MODES = {"100644": 0o644, "100755": 0o755, "120000": 0}
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Reverter:
    """The operation ``revert``."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def revert(self, *, entries: list[dict[str, Any]]) -> dict[str, Any]:
        """Remove or restore paths; removals first, so that they clear the way.

        Args:
            entries: objects with ``path`` (base64 of its bytes), ``mode`` (``100644``, ``100755``,
                ``120000``) and ``data`` (base64 of the contents, for a link of its target); mode
                and data are null where nothing is to be.

        Raises:
            Refusal: ``not_reverted``, naming paths; every other entry was still dealt with.
        """
        wanted = [_wanted(entry) for entry in entries]
        reach("toolhost.revert")
        failed: list[str] = []
        for parts, mode, data in sorted(wanted, key=lambda item: item[1] is not None):
            try:
                if mode is None:
                    self._remove(parts)
                else:
                    self._restore(parts, mode, data)
            except OSError as problem:
                failed.append(f"{b'/'.join(parts)!r} ({from_os_error(problem).message})")
        if failed:
            shown = ", ".join(failed[:5])
            raise Refusal("not_reverted", f"{len(failed)} of {len(wanted)} paths: {shown}")
        return {"reverted": len(wanted)}

    def _root(self) -> int:
        return _usable(self._tree.open(b"", os.O_RDONLY | os.O_DIRECTORY))

    def _restore(self, parts: list[bytes], mode: str, data: bytes) -> None:
        directory = self._root()
        try:
            for part in parts[:-1]:
                child = _enter(directory, part)
                os.close(directory)
                directory = child
            name = parts[-1]
            if _is_directory(directory, name):
                _remove_all(directory, name)
            if mode == "120000":
                if _exists(directory, name):
                    os.unlink(name, dir_fd=directory)
                os.symlink(data, name, dir_fd=directory)
            else:
                replace_file(directory, name, data, _MODES[mode])
        finally:
            os.close(directory)

    def _remove(self, parts: list[bytes]) -> None:
        """Remove a path and the directories that are empty then."""
        chain = [self._root()]
        try:
            for part in parts[:-1]:
                if not _is_directory(chain[-1], part):
                    return  # nothing there, or a link: what is behind it is not this path
                chain.append(_open_directory(chain[-1], part))
            if _exists(chain[-1], parts[-1]):
                _remove_all(chain[-1], parts[-1])
            for depth in range(len(chain) - 1, 0, -1):
                if os.listdir(chain[depth]):
                    return
                os.rmdir(parts[depth - 1], dir_fd=chain[depth - 1])
        finally:
            for descriptor in chain:
                os.close(descriptor)


def _wanted(entry: dict[str, Any]) -> tuple[list[bytes], str | None, bytes]:
    """An entry as components, mode and contents; all are checked before anything is touched."""
    try:
        path = base64.b64decode(entry["path"], validate=True)
        mode, data = entry["mode"], entry["data"]
        contents = b"" if data is None else base64.b64decode(data, validate=True)
    except (KeyError, TypeError, ValueError):
        raise Refusal("invalid", "an entry has path, mode and data, in base64") from None
    parts = path.split(b"/")
    if b"\0" in path or any(part in (b"", b".", b"..") for part in parts):
        raise Refusal("invalid", f"{path!r} is not a path of a tree")
    if parts[0] == b".git":
        raise Refusal("invalid", "the session's own .git is no part of the tree")
    if (mode is None) != (data is None) or mode not in (None, *_MODES):
        raise Refusal("invalid", f"mode of {path!r}")
    return parts, mode, contents


def _enter(directory: int, name: bytes) -> int:
    """Open a subdirectory; whatever else stands at its name gives way."""
    if not _is_directory(directory, name):
        if _exists(directory, name):
            os.unlink(name, dir_fd=directory)
        os.mkdir(name, 0o755, dir_fd=directory)
    return _open_directory(directory, name)


def _open_directory(directory: int, name: bytes) -> int:
    try:
        descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
    except PermissionError:
        handle = os.open(name, _DIRECTORY | os.O_PATH, dir_fd=directory)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)  # a descriptor of this kind takes no fchmod
        finally:
            os.close(handle)
        descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
    return _usable(descriptor)


def _usable(directory: int) -> int:
    """The open directory, its owner's permissions given back.

    It is the session's own: taking them away keeps nothing from being reverted.
    """
    mode = stat.S_IMODE(os.fstat(directory).st_mode)
    if mode & 0o700 != 0o700:
        os.fchmod(directory, mode | 0o700)
    return directory


def _exists(directory: int, name: bytes) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _is_directory(directory: int, name: bytes) -> bool:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(status.st_mode)


def _remove_all(directory: int, name: bytes) -> None:
    """Remove a name with everything below it; a link is only a name."""
    if not _is_directory(directory, name):
        os.unlink(name, dir_fd=directory)
        return
    top = _open_directory(directory, name)
    try:
        for _ in range(_MAX_DEPTH):
            entries = os.listdir(top)
            if not entries:
                break
            for entry in map(os.fsencode, entries):
                if _is_directory(top, entry):
                    _hoist(top, entry)
                    os.rmdir(entry, dir_fd=top)
                else:
                    os.unlink(entry, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=directory)


def _hoist(top: int, name: bytes) -> None:
    """Empty a directory into the one above: no depth that an agent makes is too much for it."""
    inner = _open_directory(top, name)
    try:
        for entry in map(os.fsencode, os.listdir(inner)):
            if _is_directory(inner, entry):
                # Only a directory that may be written to can be moved.
                os.close(_open_directory(inner, entry))
                os.rename(entry, secrets.token_hex(8), src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(entry, dir_fd=inner)
    finally:
        os.close(inner)
