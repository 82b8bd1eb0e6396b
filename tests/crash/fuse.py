"""The kernel's side of a file system in this process: /dev/fuse, spoken directly.

Only what a state directory needs. Nothing is installed for it: a mount is one system call for
root, and the protocol is a few structs. Every change goes through the kernel that we answer, so it
may cache names and attributes for ever, and only what it does not know costs a round trip.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from typing import Any, Protocol

__all__ = ["Answering", "FileSystem", "connect", "unmount"]

_IN = struct.Struct("<IIQQIIIHH")
_OUT = struct.Struct("<IiQ")
_ATTR = struct.Struct("<QQQQQQIIIIIIIIII")
_ENTRY = struct.Struct("<QQQQII")
_ATTR_OUT = struct.Struct("<QII")
_INIT_OUT = struct.Struct("<IIIIHHIIHHIIH11H")
_WRITE = struct.Struct("<QQIIQII")
_READ = struct.Struct("<QQIIQII")
_SETATTR = struct.Struct("<IIQQQQQQIIIIIIII")
_STATFS = struct.Struct("<QQQQQIIII6I")
_DIRENT = struct.Struct("<QQII")

_MAX_WRITE = 128 << 10
_BUFFER = _MAX_WRITE + 4096
_LONG = 1 << 20  # seconds that the kernel may believe what it was told
_MS_NOSUID, _MNT_DETACH = 2, 2
# BIG_WRITES, NO_OPEN_SUPPORT, NO_OPENDIR_SUPPORT: the kernel opens and closes by itself.
_FLAGS = 1 << 5 | 1 << 17 | 1 << 24

_MODE, _UID, _GID, _SIZE, _MTIME, _MTIME_NOW = 1, 2, 4, 8, 32, 256


class FileSystem(Protocol):
    """What is asked, by node number; a refusal is an ``OSError`` with its number."""

    def lookup(self, parent: int, name: bytes) -> int: ...
    def forget(self, node: int, count: int) -> None: ...
    def attributes(self, node: int) -> dict[str, int]: ...
    def change(self, node: int, wanted: dict[str, int]) -> None: ...
    def make(self, parent: int, name: bytes, mode: int, uid: int, gid: int) -> int: ...
    def make_link(self, parent: int, name: bytes, target: bytes, uid: int, gid: int) -> int: ...
    def read_link(self, node: int) -> bytes: ...
    def hard_link(self, node: int, parent: int, name: bytes) -> int: ...
    def remove(self, parent: int, name: bytes, *, directory: bool) -> None: ...
    def rename(self, old: tuple[int, bytes], new: tuple[int, bytes], flags: int) -> None: ...
    def read(self, node: int, offset: int, size: int) -> bytes: ...
    def write(self, node: int, offset: int, data: bytes) -> None: ...
    def sync(self, node: int) -> None: ...
    def names(self, node: int) -> list[tuple[bytes, int, int]]: ...


def connect(place: str) -> int:
    """Mount a file system at a directory; the descriptor to answer on.

    Raises:
        OSError: no /dev/fuse, or not root.
    """
    descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    libc = ctypes.CDLL(None, use_errno=True)
    names = (b"forgetful", os.fsencode(place), b"fuse")
    if libc.mount(*names, ctypes.c_ulong(_MS_NOSUID), options.encode()):
        number = ctypes.get_errno()
        os.close(descriptor)
        raise OSError(number, os.strerror(number), place)
    return descriptor


def unmount(place: str) -> None:
    """Take the mount away, whoever still looks at it."""
    ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(place), _MNT_DETACH)


class Answering:
    """Takes the kernel's requests off a descriptor and answers them from a file system."""

    def __init__(self, descriptor: int, files: FileSystem) -> None:
        self._descriptor = descriptor
        self._files = files
        self._operations: dict[int, Any] = {
            1: self._lookup,
            3: self._getattr,
            4: self._setattr,
            5: self._readlink,
            6: self._symlink,
            8: self._mknod,
            9: self._mkdir,
            10: self._unlink,
            11: self._rmdir,
            12: self._rename,
            13: self._link,
            15: self._read,
            16: self._write,
            17: self._statfs,
            20: self._fsync,
            26: self._init,
            28: self._readdir,
            30: self._fsync,
            45: self._rename2,
        }

    def one(self) -> bool:
        """Wait for one request and answer it; ``False`` once the mount is gone."""
        try:
            request = os.read(self._descriptor, _BUFFER)
        except OSError as problem:
            if problem.errno == errno.ENODEV:
                return False
            if problem.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                return True  # whoever asked has gone
            raise
        header = _IN.unpack_from(request)
        operation, unique, node = header[1], header[2], header[3]
        body = request[_IN.size :]
        if operation == 2:
            self._files.forget(node, int.from_bytes(body[:8], "little"))
        elif operation == 42:
            for at in range(8, len(body), 16):
                self._files.forget(*struct.unpack_from("<QQ", body, at))
        elif operation != 36:  # INTERRUPT: every answer is a quick one
            self._reply(unique, *self._answer(operation, node, header, body))
        return True

    def _answer(self, operation: int, node: int, header: Any, body: bytes) -> tuple[int, bytes]:
        known = self._operations.get(operation)
        if known is None:
            return errno.ENOSYS, b""
        try:
            return 0, known(node, body, header[4], header[5])
        except OSError as problem:
            return problem.errno or errno.EIO, b""

    def _reply(self, unique: int, error: int, data: bytes) -> None:
        try:
            os.write(self._descriptor, _OUT.pack(_OUT.size + len(data), -error, unique) + data)
        except OSError as problem:
            if problem.errno != errno.ENOENT:  # interrupted meanwhile
                raise

    def _attributes(self, node: int) -> bytes:
        a = self._files.attributes(node)
        seconds, rest = divmod(a["mtime"], 10**9)
        blocks = (a["size"] + 511) // 512
        times = (seconds, seconds, seconds, rest, rest, rest)
        what = (a["mode"], a["links"], a["uid"], a["gid"], 0, 4096, 0)
        return _ATTR.pack(node, a["size"], blocks, *times, *what)

    def _entry(self, node: int) -> bytes:
        return _ENTRY.pack(node, 0, _LONG, _LONG, 0, 0) + self._attributes(node)

    def _init(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        major, minor, readahead, flags = struct.unpack_from("<IIII", body)
        wanted = (major, min(minor, 31), readahead, flags & _FLAGS)
        return _INIT_OUT.pack(*wanted, 64, 48, _MAX_WRITE, 1, 0, 0, 0, 0, 0, *[0] * 11)

    def _lookup(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        try:
            return self._entry(self._files.lookup(node, body[:-1]))
        except FileNotFoundError:
            # No node: the kernel remembers that there is nothing.
            return _ENTRY.pack(0, 0, _LONG, 0, 0, 0) + bytes(_ATTR.size)

    def _getattr(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        return _ATTR_OUT.pack(_LONG, 0, 0) + self._attributes(node)

    def _setattr(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        fields = _SETATTR.unpack_from(body)
        valid, size, mtime, nanoseconds = fields[0], fields[3], fields[6], fields[9]
        wanted: dict[str, int] = {}
        if valid & _MODE:
            wanted["mode"] = fields[11]
        if valid & _UID:
            wanted["uid"] = fields[13]
        if valid & _GID:
            wanted["gid"] = fields[14]
        if valid & _SIZE:
            wanted["size"] = size
        if valid & _MTIME and not valid & _MTIME_NOW:
            wanted["mtime"] = mtime * 10**9 + nanoseconds
        self._files.change(node, wanted)
        return self._getattr(node, body, uid, gid)

    def _readlink(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        return self._files.read_link(node)

    def _symlink(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        name, target, _ = body.split(b"\0", 2)
        return self._entry(self._files.make_link(node, name, target, uid, gid))

    def _mknod(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        mode, _rdev, umask, _ = struct.unpack_from("<IIII", body)
        return self._entry(self._files.make(node, body[16:-1], mode & ~umask, uid, gid))

    def _mkdir(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        mode, umask = struct.unpack_from("<II", body)
        made = self._files.make(node, body[8:-1], stat.S_IFDIR | (mode & ~umask), uid, gid)
        return self._entry(made)

    def _unlink(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        self._files.remove(node, body[:-1], directory=False)
        return b""

    def _rmdir(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        self._files.remove(node, body[:-1], directory=True)
        return b""

    def _rename(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        old, new, _ = body[8:].split(b"\0", 2)
        self._files.rename((node, old), (int.from_bytes(body[:8], "little"), new), 0)
        return b""

    def _rename2(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        target, flags = struct.unpack_from("<QI", body)
        old, new, _ = body[16:].split(b"\0", 2)
        self._files.rename((node, old), (target, new), flags)
        return b""

    def _link(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        linked = self._files.hard_link(int.from_bytes(body[:8], "little"), node, body[8:-1])
        return self._entry(linked)

    def _read(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        _, offset, size, *_ = _READ.unpack_from(body)
        return self._files.read(node, offset, size)

    def _write(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        _, offset, size, *_ = _WRITE.unpack_from(body)
        self._files.write(node, offset, body[_WRITE.size : _WRITE.size + size])
        return struct.pack("<II", size, 0)

    def _statfs(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        blocks = 1 << 20
        return _STATFS.pack(blocks, blocks, blocks, blocks, blocks, 4096, 255, 4096, 0, *[0] * 6)

    def _fsync(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        self._files.sync(node)
        return b""

    def _readdir(self, node: int, body: bytes, uid: int, gid: int) -> bytes:
        _, offset, size, *_ = _READ.unpack_from(body)
        found = b""
        for place, (name, mode, number) in enumerate(self._files.names(node)):
            if place < offset:
                continue
            record = _DIRENT.pack(number, place + 1, len(name), mode >> 12) + name
            record += bytes(-len(record) % 8)
            if len(found) + len(record) > size:
                break
            found += record
        return found
