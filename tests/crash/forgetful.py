"""A file system in memory that forgets at a power cut what nobody synced.

Each node has what the running system sees and what is on the disk. ``fsync`` of a file puts its
contents there, ``fsync`` of a directory its names; a name is on the disk without its file's
contents, and contents without a name are nowhere. That is what POSIX promises and no more: ext4
keeps much that was never synced, so that a test on it shows little.

Run as a program it serves one mount and takes orders, one JSON line each, on its standard input.
"""

from __future__ import annotations

import errno
import json
import os
import pickle
import random
import select
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.fuse import Answering, connect, unmount

__all__ = ["Disk", "Node"]

ROOT = 1
_PAGE = 4096


@dataclass(slots=True)
class Node:
    """A file, link or directory, as it is seen."""

    mode: int
    uid: int
    gid: int
    mtime: int
    data: bytearray = field(default_factory=bytearray)
    names: dict[bytes, int] = field(default_factory=dict)
    links: int = 1
    known: int = 0  # how often the kernel was told of it

    def same(self) -> Node:
        """A copy that does not change with this one."""
        return Node(
            self.mode,
            self.uid,
            self.gid,
            self.mtime,
            bytearray(self.data),
            dict(self.names),
            self.links,
        )

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


class Disk:
    """``fuse.FileSystem``, with a memory of what is durable.

    Args:
        image: what is there to begin with, as ``save`` wrote it; all of it is durable.

    Attributes:
        syncs: how often something was synced.
        fail: so many further syncs of files whose name ends so end with EIO.
    """

    def __init__(self, image: Path | None = None) -> None:
        root = Node(stat.S_IFDIR | 0o755, 0, 0, time.time_ns())
        self.seen: dict[int, Node] = {ROOT: root}
        if image is not None:
            with image.open("rb") as file:
                self.seen = pickle.load(file)
        for node in self.seen.values():
            node.known = 0
        self.kept = {number: node.same() for number, node in self.seen.items()}
        self._next = max(self.seen) + 1
        self._dirty: set[int] = set()
        self.syncs = 0
        self.fail: tuple[bytes, int] = (b"", 0)

    # -- what the kernel asks ----------------------------------------------------------------

    def lookup(self, parent: int, name: bytes) -> int:
        found = self.seen[parent].names.get(name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "no such name")
        return self._told(found)

    def forget(self, node: int, count: int) -> None:
        if node in self.seen:
            self.seen[node].known -= count
            self._drop(node)

    def attributes(self, node: int) -> dict[str, int]:
        found = self._node(node)
        return {
            "mode": found.mode,
            "uid": found.uid,
            "gid": found.gid,
            "size": len(found.data),
            "mtime": found.mtime,
            "links": found.links,
        }

    def change(self, node: int, wanted: dict[str, int]) -> None:
        found = self._touched(node)
        if "mode" in wanted:
            found.mode = stat.S_IFMT(found.mode) | stat.S_IMODE(wanted["mode"])
        found.uid = wanted.get("uid", found.uid)
        found.gid = wanted.get("gid", found.gid)
        if "size" in wanted:
            size = wanted["size"]
            del found.data[size:]
            found.data.extend(bytes(size - len(found.data)))
            found.mtime = time.time_ns()
        found.mtime = wanted.get("mtime", found.mtime)

    def make(self, parent: int, name: bytes, mode: int, uid: int, gid: int) -> int:
        self._free(parent, name)
        number = self._next
        self._next += 1
        self.seen[number] = Node(mode, uid, gid, time.time_ns())
        self._dirty.add(number)
        self._touched(parent, now=True).names[name] = number
        return self._told(number)

    def make_link(self, parent: int, name: bytes, target: bytes, uid: int, gid: int) -> int:
        number = self.make(parent, name, stat.S_IFLNK | 0o777, uid, gid)
        self.seen[number].data[:] = target
        return number

    def read_link(self, node: int) -> bytes:
        return bytes(self._node(node).data)

    def hard_link(self, node: int, parent: int, name: bytes) -> int:
        self._free(parent, name)
        self._touched(node).links += 1
        self._touched(parent, now=True).names[name] = node
        return self._told(node)

    def remove(self, parent: int, name: bytes, *, directory: bool) -> None:
        found = self.seen[parent].names.get(name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "no such name")
        node = self.seen[found]
        if directory and not node.is_directory:
            raise NotADirectoryError(errno.ENOTDIR, "not a directory")
        if node.is_directory and not directory:
            raise IsADirectoryError(errno.EISDIR, "a directory")
        if node.names:
            raise OSError(errno.ENOTEMPTY, "not empty")
        self._unname(parent, name)

    def rename(self, old: tuple[int, bytes], new: tuple[int, bytes], flags: int) -> None:
        if flags & ~1:
            raise OSError(errno.EINVAL, "not that kind of rename")
        moved = self.seen[old[0]].names.get(old[1])
        if moved is None:
            raise FileNotFoundError(errno.ENOENT, "no such name")
        there = self.seen[new[0]].names.get(new[1])
        if there == moved:
            return
        if there is not None:
            if flags & 1:
                raise FileExistsError(errno.EEXIST, "there is one")
            if self.seen[there].names:
                raise OSError(errno.ENOTEMPTY, "not empty")
            if self.seen[there].is_directory != self.seen[moved].is_directory:
                raise OSError(errno.EISDIR if self.seen[there].is_directory else errno.ENOTDIR, "")
            self._unname(*new)
        del self._touched(old[0], now=True).names[old[1]]
        self._touched(new[0], now=True).names[new[1]] = moved

    def read(self, node: int, offset: int, size: int) -> bytes:
        return bytes(self._node(node).data[offset : offset + size])

    def write(self, node: int, offset: int, data: bytes) -> None:
        found = self._touched(node, now=True)
        found.data.extend(bytes(max(offset - len(found.data), 0)))
        found.data[offset : offset + len(data)] = data

    def sync(self, node: int) -> None:
        self.syncs += 1
        suffix, times = self.fail
        if times and self._is_named(node, suffix):
            self.fail = (suffix, times - 1)
            raise OSError(errno.EIO, "a failing disk")
        if node in self._dirty:
            self.kept[node] = self.seen[node].same()
            self._dirty.discard(node)

    def names(self, node: int) -> list[tuple[bytes, int, int]]:
        found = self._node(node)
        inside = [(name, self.seen[number].mode, number) for name, number in found.names.items()]
        return [(b".", found.mode, node), (b"..", stat.S_IFDIR, ROOT), *inside]

    def _node(self, number: int) -> Node:
        try:
            return self.seen[number]
        except KeyError:
            raise OSError(errno.ESTALE, "gone") from None

    def _touched(self, number: int, *, now: bool = False) -> Node:
        node = self._node(number)
        self._dirty.add(number)
        if now:
            node.mtime = time.time_ns()
        return node

    def _told(self, number: int) -> int:
        self.seen[number].known += 1
        return number

    def _free(self, parent: int, name: bytes) -> None:
        if name in self._node(parent).names:
            raise FileExistsError(errno.EEXIST, "there is one")

    def _unname(self, parent: int, name: bytes) -> None:
        number = self._touched(parent, now=True).names.pop(name)
        self.seen[number].links -= 1
        self._dirty.add(number)
        self._drop(number)

    def _drop(self, number: int) -> None:
        """Forget a node that has no name, when nobody has it open either."""
        node = self.seen[number]
        if number != ROOT and node.links <= 0 and node.known <= 0:
            del self.seen[number]
            self._dirty.discard(number)

    def _is_named(self, number: int, suffix: bytes) -> bool:
        return any(
            found == number and name.endswith(suffix)
            for node in self.seen.values()
            for name, found in node.names.items()
        )

    # -- what a test asks --------------------------------------------------------------------

    def at(self, path: str) -> Node | None:
        """What is seen at a path, read past the mount."""
        node = self.seen[ROOT]
        for part in filter(None, os.fsencode(path).split(b"/")):
            number = node.names.get(part)
            if number is None:
                return None
            node = self.seen[number]
        return node

    def save(self, image: Path) -> None:
        """Write down what is seen."""
        with image.open("wb") as file:
            pickle.dump(self.seen, file)

    def survivors(self, image: Path, seed: int | None) -> dict[str, int]:
        """Write down what a power cut leaves.

        Args:
            seed: without one nothing unsynced is left; with one each unsynced thing is left, is
                not, or is left in part, as chance has it.

        Returns:
            How many nodes were lost or set back.
        """
        chance = random.Random(seed) if seed is not None else None
        left: dict[int, Node] = {}
        back = 0
        todo = [ROOT]
        while todo:
            number = todo.pop()
            if number in left:
                left[number].links += 1
                continue
            node = self._after_cut(number, chance)
            back += number in self._dirty
            node.links = 1
            # A directory may keep the name of what was never synced, but not of what has gone.
            node.names = {
                name: inner
                for name, inner in node.names.items()
                if inner in self.seen or inner in self.kept
            }
            left[number] = node
            todo += node.names.values()
        with image.open("wb") as file:
            pickle.dump(left, file)
        return {"left": len(left), "set_back": back, "lost": len(self.seen.keys() - left.keys())}

    def _after_cut(self, number: int, chance: random.Random | None) -> Node:
        kept, seen = self.kept.get(number), self.seen.get(number)
        if seen is None or (number not in self._dirty and kept is not None):
            assert kept is not None
            return kept.same()
        if kept is None:
            # Its name may be there; of itself only what its creation said.
            kept = seen.same()
            kept.names = {}
            if not stat.S_ISLNK(kept.mode):
                kept.data = bytearray()
        if chance is None:
            return kept.same()
        match chance.randrange(3):
            case 0:
                return kept.same()
            case 1:
                return seen.same()
        torn = kept.same() if chance.random() < 0.5 else seen.same()
        for at in range(0, len(torn.data), _PAGE):
            other = (seen if chance.random() < 0.5 else kept).data[at : at + _PAGE]
            torn.data[at : at + len(other)] = other
        return torn


def serve(place: str, image: Path | None) -> None:
    """Mount a disk at ``place`` and serve it until standard input is closed."""
    disk = Disk(image)
    descriptor = connect(place)
    answering = Answering(descriptor, disk)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(0, select.POLLIN)
    _say({"mounted": place})
    served, last = 0, -1
    with os.fdopen(0, "rb", buffering=0) as orders:
        while True:
            ready = {number for number, _ in poll.poll()}
            if descriptor in ready and served != last:
                if not answering.one():
                    return
                served += 1
                if served == last:
                    # From now on nobody is answered: the power is off.
                    poll.unregister(descriptor)
            if 0 in ready:
                line = orders.readline()
                if not line:
                    unmount(place)
                    return
                order = json.loads(line)
                if order["do"] == "cut":
                    if served != last:
                        last = served
                        poll.unregister(descriptor)
                    _say({})
                elif order["do"] == "cut_after":
                    last = served + int(order["requests"])
                    _say({})
                elif order["do"] == "stats":
                    _say({"served": served})
                elif order["do"] == "is_cut":
                    _say({"is_cut": served == last})
                else:
                    _say(_obey(disk, order))


def _obey(disk: Disk, order: dict[str, Any]) -> dict[str, Any]:
    match order:
        case {"do": "read", "path": path}:
            node = disk.at(path)
            return {"text": node.data.decode("utf-8", "replace") if node else None}
        case {"do": "list", "path": path}:
            node = disk.at(path)
            return {"names": [os.fsdecode(name) for name in node.names] if node else []}
        case {"do": "save", "image": image}:
            disk.save(Path(image))
            return {}
        case {"do": "survivors", "image": image, "seed": seed}:
            return dict(disk.survivors(Path(image), seed))
        case {"do": "fail", "suffix": suffix, "times": times}:
            disk.fail = (suffix.encode(), times)
            return {}
    raise ValueError(order)


def _say(what: dict[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None)
