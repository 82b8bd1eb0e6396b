"""Reading and writing single files of the tree.

Every answer names the canonical ``path`` that was really opened. Writing is a temporary file and a
rename in the opened directory: readers never see half a file, and a hard link is replaced, not
written through.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from typing import Any

from interlock.failpoints import reach
from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.pages import MAX_PAGE, encode, lines, whole_characters
from interlock.supervisor.toolhost.refusal import Refusal

__all__ = ["Files", "replace_file"]

MAX_LINES = 2000
MAX_EDIT = 16 << 20
MAX_LISTED = 10_000


class Files:
    """Operations on single paths, as they are called over the socket.

    ``path`` is relative to the root or absolute beneath it; with ``follow=False`` links are
    refused.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def resolve(self, path: str, *, follow: bool = True) -> dict[str, Any]:
        """What ``path`` really names: for policy to look at before anything is opened."""
        real = self._tree.resolve(path, follow=follow)
        status = self._tree.status(real)
        if status is None:
            return {"path": _text(real), "kind": "missing"}
        kind = _kind(status.st_mode)
        return {"path": _text(real), "kind": kind, "size": status.st_size, "links": status.st_nlink}

    def read(
        self,
        path: str,
        *,
        offset: int = 0,
        limit: int | None = None,
        unit: str = "bytes",
        follow: bool = True,
    ) -> dict[str, Any]:
        """One page of a regular file.

        Args:
            offset: where the page begins, from 0, in ``unit``.
            limit: size of the page in ``unit``; at most 4 MiB in any case.
            unit: ``bytes`` or ``lines``.

        Returns:
            ``text`` in ``encoding`` (``utf-8`` or, for anything else, ``base64``), the file's
            ``size`` in bytes, and ``next``: the offset of the next page in ``unit``, ``None`` at
            the end. A page in lines whose last line is longer than a page is cut there, which
            ``cut`` says.
        """
        if (
            not 0 <= offset < 1 << 62
            or (limit is not None and limit < 1)
            or unit not in ("bytes", "lines")
        ):
            raise Refusal("invalid", "offset ≥ 0, limit ≥ 1, unit bytes or lines")
        real = self._tree.resolve(path, follow=follow)
        descriptor, status = self._tree.open_regular(real)
        with os.fdopen(descriptor, "rb") as file:
            if unit == "bytes":
                file.seek(offset)
                data, cut = file.read(min(limit or MAX_PAGE, MAX_PAGE)), False
                if offset + len(data) < status.st_size:
                    data = whole_characters(data)
                count, end = len(data), offset + len(data)
            else:
                data, count, cut = lines(file, offset, limit or MAX_LINES)
                end = file.tell()
        text, encoding = encode(data)
        return {
            "path": _text(real),
            "text": text,
            "encoding": encoding,
            "size": status.st_size,
            "next": offset + count if count and end < status.st_size else None,
            "cut": cut,
        }

    def write(
        self,
        path: str,
        *,
        text: str | None = None,
        body: bytes = b"",
        make_dirs: bool = True,
        executable: bool | None = None,
        follow: bool = True,
    ) -> dict[str, Any]:
        """Write a whole file at once.

        Args:
            text: the contents; without it the raw ``body`` of the message is.
            make_dirs: make missing parent directories.
            executable: set or clear the executable bit; ``None`` keeps what an existing file has.
        """
        data = body if text is None else text.encode("utf-8", "surrogateescape")
        if text is not None and body:
            raise Refusal("invalid", "either text or a body")
        real = self._tree.resolve(path, follow=follow)
        status = self._tree.status(real)
        _refuse_special(real, status)
        mode = stat.S_IMODE(status.st_mode) & 0o777 if status else 0o644
        if executable is not None:
            mode = mode | 0o111 if executable else mode & ~0o111
        if make_dirs:
            self._make_parents(real)
        self._replace(real, data, mode)
        return {"path": _text(real), "bytes": len(data), "created": status is None}

    def edit(
        self,
        path: str,
        *,
        old: str,
        new: str,
        count: int = 1,
        every: bool = False,
        follow: bool = True,
    ) -> dict[str, Any]:
        """Replace ``old`` by ``new``: exactly ``count`` times, or wherever it stands."""
        change = {"old": old, "new": new, "count": count, "every": every}
        return self.multi_edit(path, edits=[change], follow=follow)

    def multi_edit(
        self, path: str, *, edits: list[dict[str, Any]], follow: bool = True
    ) -> dict[str, Any]:
        """Several edits in order, each on the outcome of the one before: all of them or none.

        Args:
            edits: objects with ``old``, ``new`` and, if wanted, ``count`` (default 1) or ``every``.

        Raises:
            Refusal: ``mismatch`` when an ``old`` stands there another number of times.
        """
        real = self._tree.resolve(path, follow=follow)
        descriptor, status = self._tree.open_regular(real)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MAX_EDIT + 1)
        if len(data) > MAX_EDIT:
            raise Refusal("too_large", f"{path} is over {MAX_EDIT} bytes: write it as a whole")
        total = 0
        for number, change in enumerate(edits, 1):
            data, times = _edited(data, change, number)
            total += times
            if len(data) > MAX_EDIT:
                raise Refusal("too_large", f"{path} would be over {MAX_EDIT} bytes")
        if not total:
            raise Refusal("invalid", "no edits")
        self._replace(real, data, stat.S_IMODE(status.st_mode) & 0o777)
        return {"path": _text(real), "bytes": len(data), "replaced": total}

    def list_directory(self, path: str = ".", *, follow: bool = True) -> dict[str, Any]:
        """Entries of one directory, by name: ``name``, ``kind``, ``size``."""
        real = self._tree.resolve(path, follow=follow)
        descriptor = self._tree.open(real, os.O_RDONLY | os.O_DIRECTORY)
        try:
            names = sorted(os.listdir(descriptor))
            entries = list(_entries(descriptor, names[:MAX_LISTED]))
        finally:
            os.close(descriptor)
        return {"path": _text(real), "entries": entries, "more": len(names) > MAX_LISTED}

    def _make_parents(self, real: bytes) -> None:
        parts = real.split(b"/")[:-1]
        for depth in range(1, len(parts) + 1):
            try:
                os.close(self._tree.open(b"/".join(parts[:depth]), os.O_PATH | os.O_DIRECTORY))
            except FileNotFoundError:
                parent = self._tree.open(b"/".join(parts[: depth - 1]), os.O_PATH | os.O_DIRECTORY)
                try:
                    os.mkdir(parts[depth - 1], 0o755, dir_fd=parent)
                except FileExistsError:
                    pass  # a command of the agent made it meanwhile
                finally:
                    os.close(parent)

    def _replace(self, real: bytes, data: bytes, mode: int) -> None:
        parent, _, name = real.rpartition(b"/")
        directory = self._tree.open(parent, os.O_PATH | os.O_DIRECTORY)
        try:
            replace_file(directory, name, data, mode)
            reach("toolhost.renamed")
        finally:
            os.close(directory)


def replace_file(directory: int, name: bytes, data: bytes, mode: int) -> None:
    """Put a file with these contents at ``name`` in an open directory, atomically.

    What stood there (also a link) is replaced, never written to; a directory is not (``EISDIR``).
    """
    temporary = b".interlock-" + secrets.token_hex(8).encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            reach("toolhost.write")
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
        reach("toolhost.rename")
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        os.unlink(temporary, dir_fd=directory)
        raise


def _edited(data: bytes, change: dict[str, Any], number: int) -> tuple[bytes, int]:
    old, new = change.get("old"), change.get("new")
    count, every = change.get("count", 1), change.get("every", False)
    if not (isinstance(old, str) and isinstance(new, str) and old and old != new):
        raise Refusal("invalid", f"edit {number}: old and new are different texts, old not empty")
    if type(count) is not int or count < 1 or type(every) is not bool:
        raise Refusal("invalid", f"edit {number}: count is a number ≥ 1, every true or false")
    if unknown := change.keys() - {"old", "new", "count", "every"}:
        raise Refusal("invalid", f"edit {number}: unknown {', '.join(sorted(unknown))}")
    before = old.encode("utf-8", "surrogateescape")
    found = data.count(before)
    if not found or (not every and found != count):
        wanted = "at least once" if every else f"{count} times"
        raise Refusal("mismatch", f"edit {number}: old stands there {found} times, not {wanted}")
    return data.replace(before, new.encode("utf-8", "surrogateescape")), found


def _entries(directory: int, names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue
        yield {
            "name": _text(os.fsencode(name)),
            "kind": _kind(status.st_mode),
            "size": status.st_size,
        }


def _kind(mode: int) -> str:
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "special")


def _refuse_special(real: bytes, status: os.stat_result | None) -> None:
    if not real:
        raise Refusal("EISDIR", "the root of the tree is a directory")
    if status is not None and not stat.S_ISREG(status.st_mode):
        kind = _kind(status.st_mode)
        raise Refusal(
            "EISDIR" if kind == "directory" else "not_regular", f"{_text(real)} is a {kind}"
        )


def _text(path: bytes) -> str:
    """A path as it goes into JSON: ``.`` for the root; what is no UTF-8 as lone surrogates."""
    return path.decode("utf-8", "surrogateescape") or "."
