"""Level ``full``: bubblewrap, held between its namespaces and its program until all is in place."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable

from . import ending, limits, ports, staging
from .job import Job

_PATIENCE_S = 10.0


class Private:
    """The two processes of one bubblewrap: the one we started and its first inside."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.directories: list[str] = []
        self.inside: int | None = None
        self.inside_pid = 0
        if job.uid is None:
            staging.open_sources([source for source, _, _ in job.sources])
        else:
            staging.stage(job.sources)
        self.info, self.info_inside = os.pipe()
        self.gate, self.gate_inside = socket.socketpair()

    def enter(self) -> None:
        """Nothing: bubblewrap makes the namespaces."""

    def become(self, in_place: Callable[[], None]) -> None:
        """Exec bubblewrap."""
        descriptors = self.info_inside, self.gate_inside.fileno()
        for descriptor in descriptors:
            os.set_inheritable(descriptor, True)
        info, gate = map(str, descriptors)
        command = self.job.command
        held = ["--info-fd", info, "--block-fd", gate]
        command = [*command[:1], *held, *command[1:]]
        os.execve(command[0], command, self.job.env)  # noqa: S606 - exec is the point

    def prepare(self, main_pid: int, control: socket.socket) -> int:
        """Bind the listeners and set limits; a pidfd of the first process inside."""
        os.close(self.info_inside)
        self.gate_inside.close()
        pid = self._first_inside()
        self.inside, self.inside_pid = os.pidfd_open(pid), pid
        processes = self.job.limits["processes"]
        if processes is not None and self.job.uid is None:
            limits.limit_processes(pid, processes)
        if self.job.ports:
            ports.hand_out(control, pid, self.job.ports, root=self.job.uid is not None)
        return self.inside

    def release(self) -> None:
        """Let the program start; returns when it cannot outlive us any more."""
        self._open_gate()
        self._wait_for_leash()

    def kill(self) -> None:
        """Kill the first process inside, and with it the pid namespace."""
        if self.inside is None:
            ending.kill_descendants()
            return
        # If it has ended, so has everything else, and only has to be reaped.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.inside, signal.SIGKILL)

    def give_back(self) -> None:
        """Nothing: mounts and temporary files end with the namespaces."""

    def _first_inside(self) -> int:
        text = b""
        while b"}" not in text:
            part = os.read(self.info, 4096)
            if not part:
                raise OSError("bubblewrap could not make the namespaces; see its standard error")
            text += part
        return int(json.loads(text)["child-pid"])

    def _wait_for_leash(self) -> None:
        """Return when the first process inside would die with bubblewrap's outer one.

        It asks for that after it has started the program and before it first waits, so once it
        sleeps (or is gone) it has. Whoever kills us earlier would leave a sandbox without parent.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                with open(f"/proc/{self.inside_pid}/stat", "rb") as file:
                    state = file.read().rpartition(b") ")[2][:1]
            except (FileNotFoundError, ProcessLookupError):  # a short program: ended and reaped
                return
            if state in b"SZX":
                return
            time.sleep(0.0002)
        raise TimeoutError("the first process inside does not wait for the program")

    def _open_gate(self) -> None:
        """Let bubblewrap go on; returns when all mounts are made.

        bubblewrap reads one byte after its last mount and closes. If it fails before, the byte
        is left unread, which resets the connection.
        """
        try:
            self.gate.sendall(b"g")
            self.gate.recv(1)
        except (BrokenPipeError, ConnectionResetError):
            raise OSError("bubblewrap could not set up; see its standard error") from None
        finally:
            self.gate.close()
            os.close(self.info)
