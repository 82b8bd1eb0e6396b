"""One directory tree, and a kernel that keeps every path resolution beneath it.

A path of an agent is first resolved to its canonical form (no links, no dots), then opened with
links forbidden altogether (``openat2``). So the name that policy looked at and that is reported is
the file that was opened; whoever swaps a component in between gets an error, not another file.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections import deque

from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Tree"]

_libc = ctypes.CDLL(None, use_errno=True)
_OPENAT2 = 437
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_RESOLVE = _BENEATH | _NO_MAGICLINKS | _NO_SYMLINKS
_MAX_LINKS = 40
_RETRIES = 16


def _openat2(directory: int, path: bytes, flags: int, mode: int = 0) -> int:
    """``openat2`` beneath a directory, following no link at all.

    Raises:
        OSError: as ``open``; ``EXDEV`` if the path leads out, ``ELOOP`` at a link, ``ENOSYS`` on
            kernels before 5.6, where nothing may be opened at all.
    """
    # O_PATH takes no further flags; everything else must not hang on a fifo or take a terminal.
    flags |= os.O_CLOEXEC | (0 if flags & os.O_PATH else os.O_NOCTTY | os.O_NONBLOCK)
    how = struct.pack("QQQ", flags, mode, _RESOLVE)
    for _ in range(_RETRIES):
        descriptor = _libc.syscall(
            ctypes.c_long(_OPENAT2), ctypes.c_int(directory), path, how, ctypes.c_size_t(len(how))
        )
        if descriptor >= 0:
            return int(descriptor)
        # EAGAIN: somebody renames beside us, so the kernel cannot vouch for "beneath".
        if ctypes.get_errno() not in (errno.EAGAIN, errno.EINTR):
            break
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), path)


class Tree:
    """The session's tree.

    Args:
        root: absolute path of its directory.

    Raises:
        OSError: the directory is missing, or the kernel has no ``openat2`` (nothing would be safe).
    """

    def __init__(self, root: str) -> None:
        self.root = os.fsencode(root).rstrip(b"/") or b"/"
        self._root = os.open(self.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        os.close(_openat2(self._root, b".", os.O_PATH | os.O_DIRECTORY))

    def open(self, path: bytes, flags: int, mode: int = 0) -> int:
        """Open a canonical path; links are refused with ``ELOOP``, at the end as anywhere else."""
        return _openat2(self._root, path or b".", flags, mode)

    def open_regular(self, path: bytes) -> tuple[int, os.stat_result]:
        """Open a canonical path for reading, if it is a regular file: nothing that blocks."""
        descriptor = self.open(path, os.O_RDONLY)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise Refusal("not_regular", f"{_show(path)} is not a regular file")
        return descriptor, status

    def status(self, path: bytes) -> os.stat_result | None:
        """``lstat`` of a canonical path, ``None`` if nothing is there."""
        try:
            descriptor = self.open(path, os.O_PATH | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def resolve(self, path: str, *, follow: bool = True) -> bytes:
        """The canonical path, relative to the root, of what opening ``path`` would open.

        Components that do not exist are kept as they are (a write may create them).

        Args:
            path: relative to the root, or absolute and beneath it; lone surrogates stand for bytes.
            follow: whether links are followed; if not, a link on the way is ``ELOOP``.

        Raises:
            Refusal: ``EXDEV`` if it leads out of the tree, ``ELOOP``, ``ENOTDIR``, ``invalid``.
        """
        pending = deque(self._components(path))
        done: list[bytes] = []
        links = 0
        while pending:
            part = pending.popleft()
            if part == b"..":
                if not done:
                    raise Refusal("EXDEV", f"{_show(path)} leads out of the tree")
                done.pop()
                continue
            here = b"/".join((*done, part))
            target = self._link(here)
            if target is None:
                done.append(part)
                continue
            links += 1
            if not follow or links > _MAX_LINKS:
                raise Refusal("ELOOP", f"{_show(here)} is a symbolic link")
            if target.startswith(b"/"):
                raise Refusal("EXDEV", f"{_show(here)} is a link to an absolute path")
            pending.extendleft(reversed(_split(target)))
        return b"/".join(done)

    def _components(self, path: str) -> list[bytes]:
        raw = path.encode("utf-8", "surrogateescape")
        if not raw or b"\0" in raw:
            raise Refusal("invalid", "a path is not empty and has no NUL")
        if raw.startswith(b"/"):
            if raw != self.root and not raw.startswith(self.root.rstrip(b"/") + b"/"):
                raise Refusal("EXDEV", f"{_show(path)} is outside the tree")
            raw = raw[len(self.root) :]
        return _split(raw)

    def _link(self, path: bytes) -> bytes | None:
        """Target of the link at a canonical path; ``None`` if there is no link (or nothing)."""
        try:
            descriptor = self.open(path, os.O_PATH | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        try:
            if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
                return None
            return os.readlink(b"", dir_fd=descriptor)
        finally:
            os.close(descriptor)


def _split(raw: bytes) -> list[bytes]:
    return [part for part in raw.split(b"/") if part not in (b"", b".")]


def _show(path: bytes | str) -> str:
    raw = path if isinstance(path, bytes) else path.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")
