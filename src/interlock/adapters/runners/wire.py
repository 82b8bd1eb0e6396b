"""What server and supervisor say to each other over the worker door.

The server listens, the supervisor connects and speaks first::

    supervisor                                server
    Hello(version, capability, sessions) ──▶
    Alive(session) + sockets, one each   ──▶
                                         ◀──  Welcome | Refused(reason)
                                         ◀──  Request(id, op, args)
    Answer(id, ok | problem) [+ sockets] ──▶
    Exited(session, status)              ──▶

One message is one packet (SOCK_SEQPACKET) of at most ``PACKET_BYTES``; a longer one travels in a
sealed memfd, which does not change below the reader's eyes. Sockets travel beside it by SCM_RIGHTS.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from interlock.errors import UnavailableError
from interlock.ports.confinement import Capability, Level
from interlock.unixpath import within_limit

__all__ = [
    "SESSION_OVER",
    "VERSION",
    "Alive",
    "Answer",
    "Exited",
    "Hello",
    "Message",
    "Op",
    "Refused",
    "Request",
    "Welcome",
    "connect",
    "listen",
    "pack",
    "peer_uid",
    "unpack",
]

VERSION = 1
SESSION_OVER = "IL-SUP-003"
"""Code of the refusal to start a session that has run already."""
PACKET_BYTES = 64 * 1024
BODY_BYTES = 64 * 1024 * 1024

_IN_MEMFD = b"M"
_INLINE = b"J"
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


class Op(StrEnum):
    """What the server can ask for."""

    START_SESSION = "start_session"
    END_SESSION = "end_session"
    MAKE_SCRATCH = "make_scratch"
    REMOVE_SCRATCH = "remove_scratch"
    JUDGE = "judge"


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """First word of a supervisor; an ``Alive`` or an ``Exited`` follows for each of ``sessions``,
    for one that is just being started as soon as it runs or has failed."""

    version: int
    pid: int
    capability: Capability
    sessions: tuple[str, ...] = ()


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """The server takes this supervisor."""

    version: int = VERSION


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The server does not take this supervisor and closes the connection."""

    reason: str


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """A running session; beside it travel its ``doors`` listeners, then the toolhost's socket.

    Args:
        workdir: the tree as programs inside see it.
        env: variables that the agent's program gets.
    """

    session_id: str
    level: Level
    workdir: str
    doors: int
    env: Mapping[str, str]


class Exited(msgspec.Struct, frozen=True, tag="exited"):
    """A session is over; ``status`` as ``Sandbox.wait`` gave it, ``None`` if it ends because the
    supervisor does."""

    session_id: str
    status: int | None


class Request(msgspec.Struct, frozen=True, tag="request"):
    """One call of the server; ``id`` is unique within a connection."""

    id: int
    op: Op
    args: Mapping[str, Any]


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Its result, or the problem document of the error it raised."""

    id: int
    ok: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None


Message = Hello | Welcome | Refused | Alive | Exited | Request | Answer

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def pack(message: Message) -> tuple[bytes, int | None]:
    """The packet of a message; for a long one also the memfd that must go first beside it."""
    body = _encoder.encode(message)
    if len(body) < PACKET_BYTES:
        return _INLINE + body, None
    if len(body) > BODY_BYTES:
        raise UnavailableError(
            f"a message of {len(body)} bytes does not go over the worker door",
            code="IL-WRK-001",
            remedy=f"keep a result below {BODY_BYTES} bytes",
        )
    return _IN_MEMFD, _sealed(body)


def unpack(packet: bytes, fds: list[int]) -> Message:
    """The message of a packet; takes and closes the memfd in front of ``fds`` if there is one.

    Raises:
        ValueError: not a message of ours.
    """
    match packet[:1], packet[1:]:
        case kind, body if kind == _INLINE:
            return _decoder.decode(body)
        case kind, b"" if kind == _IN_MEMFD and fds:
            return _decoder.decode(_unsealed(fds.pop(0)))
        case _:
            raise ValueError("not a packet of the worker door")


def _sealed(body: bytes) -> int:
    fd = os.memfd_create("interlock-message", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(body)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _unsealed(fd: int) -> bytes:
    try:
        # A descriptor that is no memfd answers EINVAL.
        if fcntl.fcntl(fd, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise ValueError("the body of a message is not sealed")
        size = os.fstat(fd).st_size
        if size > BODY_BYTES:
            raise ValueError(f"the body of a message has {size} bytes")
        body = b""
        while part := os.pread(fd, size, len(body)):
            body += part
        return body
    except OSError as error:
        raise ValueError(f"the body of a message cannot be read: {error}") from error
    finally:
        os.close(fd)


def listen(path: Path) -> socket.socket:
    """A listening socket at ``path`` for our own uid only; a stale one is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        path.unlink(missing_ok=True)
        with within_limit(path) as name:
            sock.bind(name)
        path.chmod(0o600)
        sock.listen(4)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def connect(path: Path) -> socket.socket:
    """A connection to the server at ``path``.

    Raises:
        OSError: nobody listens there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with within_limit(path) as name:
            sock.connect(name)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def peer_uid(sock: socket.socket) -> int:
    """Uid of the process at the other end, as the kernel recorded it when it connected."""
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(uid)


def close_all(fds: Sequence[int]) -> None:
    """Close descriptors that nobody took."""
    for fd in fds:
        os.close(fd)
