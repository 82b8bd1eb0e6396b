"""The toolhost's program: ``main FD ROOT MODE``; does all file and command work of one session.

The main thread receives and does what is quick, in order; what blocks on a process has a thread
each. When the last host has closed its end, everything in the session is ended and the toolhost
exits.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
import threading
from typing import Any

from interlock.failpoints import arm
from interlock.supervisor.toolhost.agents import Agents
from interlock.supervisor.toolhost.arguments import Signature
from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.commands import Commands
from interlock.supervisor.toolhost.control import Control
from interlock.supervisor.toolhost.files import Files
from interlock.supervisor.toolhost.ledger import Answer, Ledger
from interlock.supervisor.toolhost.processes import adopt_orphans, forbid_inspection
from interlock.supervisor.toolhost.refusal import Refusal, from_os_error
from interlock.supervisor.toolhost.revert import Reverter
from interlock.supervisor.toolhost.search import Search
from interlock.supervisor.toolhost.snapshot import Snapshot
from interlock.supervisor.toolhost.wire import (
    MAX_ANSWER,
    MAX_PACKET,
    Assembler,
    Message,
    WireError,
    packets,
)

__all__ = ["Toolhost", "main"]

# Done once however often it is asked for; everything else may be repeated without harm.
REMEMBERED = frozenset({"write", "edit", "multi_edit", "run", "spawn", "revert"})
# What may be called while the session is stopped.
WHILE_FROZEN = frozenset({"ping", "freeze", "thaw", "walk", "blobs", "revert", "quiesce", "wait"})
THREADED = frozenset({"run", "wait"})
MAX_THREADS = 64
MAX_REASON = 2000


class Toolhost:
    """One session's operations over one socket.

    Args:
        connection: the ``SOCK_SEQPACKET`` socket to the host.
        root: absolute path of the tree.
        mode: how processes are found, see ``control``.
    """

    def __init__(self, connection: socket.socket, root: str, mode: str) -> None:
        self._connection = connection
        self._control = Control(mode)
        self._ledger = Ledger()
        tree = Tree(root)
        files, search, snapshot = Files(tree), Search(tree), Snapshot(root)
        agents = Agents(tree, self._control)
        self._operations = {
            "ping": Signature(self.ping),
            "resolve": Signature(files.resolve),
            "read": Signature(files.read),
            "write": Signature(files.write),
            "edit": Signature(files.edit),
            "multi_edit": Signature(files.multi_edit),
            "list": Signature(files.list_directory),
            "glob": Signature(search.glob),
            "grep": Signature(search.grep),
            "run": Signature(Commands(tree, self._control).run),
            "spawn": Signature(agents.spawn),
            "wait": Signature(agents.wait),
            "kill": Signature(agents.kill),
            "freeze": Signature(self._control.freeze),
            "thaw": Signature(self._control.thaw),
            "quiesce": Signature(self._control.quiesce),
            "walk": Signature(snapshot.walk),
            "blobs": Signature(snapshot.blobs),
            "revert": Signature(Reverter(tree).revert),
        }

    def ping(self) -> dict[str, Any]:
        """Who answers, and whether the session is stopped."""
        return {"pid": os.getpid(), "mode": self._control.mode, "frozen": self._control.frozen}

    def serve(self) -> None:
        """Answer until the last host is gone, then end everything that runs.

        Raises:
            WireError: the host does not speak the format; everything was ended all the same.
        """
        assembler = Assembler()
        try:
            while packet := self._receive():
                if message := assembler.feed(packet):
                    self._take(message)
        finally:
            self._control.end()

    def _receive(self) -> bytes:
        """The next packet, nothing at the end."""
        try:
            return self._connection.recv(MAX_PACKET + 1)
        except ConnectionResetError:
            return b""  # the host closed its end without having read all our answers

    def _take(self, message: Message) -> None:
        call = str(message.document.get("call", ""))
        try:
            op, args = self._accept(message)
            if op in REMEMBERED:
                new, answer = self._ledger.enter(call, _digest(message), message.number)
                if not new:
                    if answer is not None:
                        self._send([message.number], answer)
                    return
        except Refusal as refusal:
            self._send([message.number], _refused(call, refusal))
            return
        if op in THREADED:
            work = (op, call, args, message)
            threading.Thread(target=self._do, args=work, daemon=True).start()
        else:
            self._do(op, call, args, message)

    def _accept(self, message: Message) -> tuple[str, dict[str, Any]]:
        """Operation and arguments of a request that may be done now."""
        document = message.document
        op, call, args = document.get("op"), document.get("call"), document.get("args", {})
        if not isinstance(op, str) or op not in self._operations:
            raise Refusal("unknown_op", f"no operation {op!r}")
        if not isinstance(call, str) or not call or not isinstance(args, dict):
            raise Refusal("invalid", "a request has op, call and args")
        if self._control.frozen and op not in WHILE_FROZEN:
            raise Refusal("frozen", f"the session is frozen, {op} has to wait for the thaw")
        if op in THREADED and threading.active_count() > MAX_THREADS:
            raise Refusal("busy", f"{MAX_THREADS} calls are running")
        return op, args

    def _do(self, op: str, call: str, args: dict[str, Any], message: Message) -> None:
        answer = self._answer(op, call, args, message.body)
        numbers = self._ledger.finish(call, answer) if op in REMEMBERED else [message.number]
        self._send(numbers, answer)

    def _answer(self, op: str, call: str, args: dict[str, Any], body: bytes) -> Answer:
        try:
            result = self._operations[op].call(args, body)
        except Refusal as refusal:
            return _refused(call, refusal)
        except OSError as problem:
            return _refused(call, from_os_error(problem))
        except Exception as problem:
            # Our bug: the host is told, the session goes on, nothing was answered with "ok".
            kind = type(problem).__name__
            return _refused(call, Refusal("internal", f"{op}: {kind}: {problem}"))
        document, raw = result if isinstance(result, tuple) else (result, b"")
        return Answer({"call": call, "ok": document}, raw)

    def _send(self, numbers: list[int], answer: Answer) -> None:
        for number in numbers:
            try:
                for packet in packets(number, answer.document, answer.body, limit=MAX_ANSWER):
                    self._connection.send(packet)
            except WireError as problem:
                refusal = Refusal("too_large", f"the answer is too large: {problem}")
                document = _refused(str(answer.document["call"]), refusal).document
                self._connection.send(next(packets(number, document)))
            except OSError:
                return  # the last host is gone: the main thread sees the end of the stream


def _digest(message: Message) -> bytes:
    asked = [message.document.get("op"), message.document.get("args")]
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode("ascii") + b"\0")
    digest.update(message.body)
    return digest.digest()


def _refused(call: str, refusal: Refusal) -> Answer:
    reason = refusal.message[:MAX_REASON]
    return Answer({"call": call, "error": refusal.kind, "message": reason})


def main() -> None:
    """Serve on the descriptor, tree and mode of ``sys.argv``; the process ends here."""
    arm("toolhost")
    forbid_inspection()
    adopt_orphans()
    descriptor, root, mode = sys.argv[1:4]
    connection = socket.socket(fileno=int(descriptor))
    connection.set_inheritable(False)
    connection.setblocking(True)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    status = 1
    try:
        Toolhost(connection, root, mode).serve()
        status = 0
    except (OSError, Refusal, WireError) as problem:
        sys.stderr.write(f"toolhost: {problem}\n")
    finally:
        # Threads may wait for a thaw or a pipe that never comes: they are not asked.
        sys.stderr.flush()
        os._exit(status)
