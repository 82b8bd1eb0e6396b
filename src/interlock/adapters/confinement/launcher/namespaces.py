"""Level ``full`` where the kernel refuses user namespaces: root makes the others itself.

The first process inside is a fork of this launcher. It builds the mounts and the listeners while it
still has root's rights, drops everything (user, capabilities, what programs could get back by a
setuid bit), starts the program and reaps until that ends. Nobody inside can signal or trace it.
"""

import contextlib
import fcntl
import os
import signal
import socket
import struct
from collections.abc import Callable

from . import kernel, ports, staging
from .job import Job
from .root import build

_NAMESPACES = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWCGROUP
)
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_MANY = 65536


class Namespaces:
    """The first process of new namespaces, and the program below it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.directories: list[str] = []
        self._first: int | None = None
        self._gate, self._gate_inside = socket.socketpair()
        self._listeners: list[socket.socket] = []
        # The next process that is forked here is the first one of the new namespace.
        kernel.unshare(kernel.CLONE_NEWPID)

    def enter(self) -> None:
        """Build what the program sees, with root's rights."""
        self._gate.close()
        kernel.unshare(_NAMESPACES)
        socket.sethostname("sandbox")
        _bring_up_loopback()
        self._listeners = [ports.listen(port) for port in self.job.ports]
        if not staging.make_room():
            raise OSError("root may not mount here")
        build(self.job)

    def become(self, in_place: Callable[[], None]) -> None:
        """Start the program when told to, and end with it."""
        kernel.forbid_inspection()
        kernel.no_new_privileges()
        os.chdir(self.job.cwd)
        kernel.load_filter(bytes.fromhex(self.job.filter))
        socket.send_fds(self._gate_inside, [b"r"], [one.fileno() for one in self._listeners])
        in_place()
        if not self._gate_inside.recv(1):
            return
        program = os.fork()
        if program == 0:
            self._exec()
        os.closerange(0, _MANY)
        _reap_until(program)

    def prepare(self, main_pid: int, control: socket.socket) -> int:
        """Hand out the listeners; a pidfd of the first process inside."""
        self._gate_inside.close()
        self._first = os.pidfd_open(main_pid)
        _, listeners, _, _ = socket.recv_fds(self._gate, 1, len(self.job.ports))
        if listeners:
            ports.send(control, [socket.socket(fileno=one) for one in listeners])
        return self._first

    def release(self) -> None:
        """Let the program start."""
        self._gate.sendall(b"g")
        failure = self._gate.makefile("rb").read()
        self._gate.close()
        if failure:
            raise OSError(failure.decode(errors="replace"))

    def kill(self) -> None:
        """Kill the first process inside, and with it the pid namespace."""
        # If it has ended, so has everything else, and only has to be reaped.
        if self._first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)

    def give_back(self) -> None:
        """Nothing: mounts and temporary files end with the namespaces."""

    def _exec(self) -> None:
        """The program; if it cannot be run, whoever holds the gate is told why."""
        try:
            os.setsid()
            os.execvpe(self.job.command[0], self.job.command, self.job.env)  # noqa: S606 - the point
        except BaseException as error:
            self._gate_inside.sendall(str(error).encode(errors="replace"))
        finally:
            os._exit(127)


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))


def _reap_until(program: int) -> None:
    """Take in every orphan; exit as the program did."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == program:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
