"""Listeners inside somebody else's network namespace, handed out as descriptors."""

import array
import errno
import fcntl
import os
import socket
import time

from . import forked, kernel

_NS_GET_USERNS = 0xB701
_BACKLOG = 128
_PATIENCE_S = 10.0


def hand_out(control: socket.socket, pid: int, ports: list[int], *, root: bool) -> None:
    """Bind 127.0.0.1 at ``ports`` in the network namespace of ``pid``; send them over ``control``.

    Done in a forked process, because the way back out of a user namespace is closed.
    """
    forked.run(lambda: send(control, _bound(pid, ports, root=root)))


def _bound(pid: int, ports: list[int], *, root: bool) -> list[socket.socket]:
    net = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if os.path.sameopenfile(net, os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)):
        raise OSError("the sandbox shares the host's network")
    if not root:
        # The owner of the net namespace, not /proc/PID/ns/user: bubblewrap nests a second one.
        kernel.setns(fcntl.ioctl(net, _NS_GET_USERNS), kernel.CLONE_NEWUSER)
    kernel.setns(net, kernel.CLONE_NEWNET)
    return [listen(port) for port in ports]


def listen(port: int) -> socket.socket:
    """A socket listening at 127.0.0.1 of the network we are in."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            listener.bind(("127.0.0.1", port))
            break
        except OSError as error:
            # The address comes with the loopback device, which bubblewrap is just bringing up.
            if error.errno != errno.EADDRNOTAVAIL or time.monotonic() > deadline:
                raise
            time.sleep(0.0005)
    listener.listen(_BACKLOG)
    return listener


def send(control: socket.socket, listeners: list[socket.socket]) -> None:
    """Hand them out to whoever started the sandbox."""
    descriptors = array.array("i", [listener.fileno() for listener in listeners])
    control.sendmsg(
        [b'{"listeners":true}\n'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
    )
