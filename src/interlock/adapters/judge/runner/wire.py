"""How judge and runner talk: one stream socket, jobs in, results out.

Job: length, JSON; then the files of the tree, one record each, ended by an empty one.
A word that the run begins, then, from the judge, how long it may take, then its result: length,
JSON, each; after the result the bytes of the frames and of the output whose lengths it names.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import struct
from collections.abc import Callable
from typing import Any

__all__ = [
    "FILE",
    "LENGTH",
    "LINK",
    "RECORD",
    "clear",
    "packed",
    "read_json",
    "receive_tree",
    "write_json",
]

LENGTH = struct.Struct(">I")
RECORD = struct.Struct(">BHQ")
"""Kind, length of the name, length of the data."""

END, FILE, PROGRAM, LINK, DIRECTORY = range(5)

Read = Callable[[int], bytes]


def read_json(read: Read) -> dict[str, Any] | None:
    """The next document, ``None`` at the end of the stream."""
    head = read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    document = json.loads(read(LENGTH.unpack(head)[0]))
    return document if isinstance(document, dict) else None


def write_json(stream: socket.socket, document: dict[str, Any], *bodies: bytes) -> None:
    """Send a document and what follows it."""
    stream.sendall(packed(document, *bodies))


def packed(document: dict[str, Any], *bodies: bytes) -> bytes:
    """A document and what follows it, as they are sent."""
    text = json.dumps(document).encode()
    return b"".join([LENGTH.pack(len(text)), text, *bodies])


def receive_tree(read: Read, root: str) -> None:
    """Write the files of a job below an empty directory; links last, so that none is followed."""
    made: set[str] = set()
    links: list[tuple[bytes, str]] = []
    while True:
        kind, name_length, length = RECORD.unpack(read(RECORD.size))
        if kind == END:
            break
        path = os.path.join(root, os.fsdecode(read(name_length)))
        data = read(length)
        parent = path if kind == DIRECTORY else os.path.dirname(path)
        if parent not in made:
            os.makedirs(parent, exist_ok=True)
            made.add(parent)
        if kind == LINK:
            links.append((data, path))
        elif kind != DIRECTORY:
            mode = 0o755 if kind == PROGRAM else 0o644
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            with open(descriptor, "wb", buffering=0) as file:
                file.write(data)
    for target, path in links:
        os.symlink(os.fsdecode(target), path)


def clear(directory: str) -> None:
    """Remove everything in a directory, whatever permissions its owner gave it.

    Raises:
        OSError: something cannot be removed.
        RecursionError: it is nested too deeply.
    """
    with os.scandir(directory) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                _remove(entry.path)
            else:
                os.unlink(entry.path)


def _remove(directory: str) -> None:
    try:
        shutil.rmtree(directory)
    except PermissionError:
        for path, names, _ in os.walk(directory):
            os.chmod(path, 0o700)
            for name in names:
                inner = os.path.join(path, name)
                if stat.S_ISDIR(os.lstat(inner).st_mode):
                    os.chmod(inner, 0o700)
        shutil.rmtree(directory)
