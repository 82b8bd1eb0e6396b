"""What of the host's network and sockets the program can reach."""

import contextlib
import os
import socket

from .harness import (
    ALWAYS,
    FULL,
    PARTIAL,
    Arguments,
    refused,
    true,
)

_LOOPBACK = "127.0.0.1"
_MPTCP, _UEVENTS = 262, 15


@refused(
    ALWAYS,
    "Unix sockets of the host cannot be reached.",
    prevents="using docker, tmux, an ssh agent or the session bus",
)
def reach_unix_socket(a: Arguments) -> None:
    socket.socket(socket.AF_UNIX).connect(f"{a['outside']}/stream")


@refused(
    ALWAYS,
    "A pair of sockets cannot be connected again, to a socket of the host.",
    prevents="sending to the system's log or to its service manager",
)
def reach_unix_socket_from_a_pair(a: Arguments) -> None:
    pair, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    pair.connect(f"{a['outside']}/datagrams")


@refused(
    ALWAYS,
    "Abstract sockets of the host cannot be reached.",
    prevents="using X11, the session bus or containerd",
)
def reach_abstract_socket(a: Arguments) -> None:
    socket.socket(socket.AF_UNIX).connect("\0" + str(a["abstract"]))


@refused(
    PARTIAL,
    "Other ports of the host's loopback cannot be reached.",
    prevents="using the people's door, databases and browsers of the machine",
)
def reach_host_loopback(a: Arguments) -> None:
    socket.create_connection((_LOOPBACK, int(a["tcp"])), 1)


@refused(
    PARTIAL,
    "Other ports cannot be reached by multipath TCP either.",
    prevents="using the people's door, databases and browsers of the machine",
)
def reach_host_by_multipath(a: Arguments) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, _MPTCP) as connection:
        connection.settimeout(1)
        connection.connect((_LOOPBACK, int(a["tcp"])))


@refused(
    PARTIAL,
    "Other ports cannot be reached by sending with the first packet either.",
    prevents="using the people's door, databases and browsers of the machine",
)
def reach_host_by_fast_open(a: Arguments) -> None:
    address = (_LOOPBACK, int(a["tcp"]))
    with socket.socket() as connection:
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            connection.sendto(b"x", socket.MSG_FASTOPEN, address)
            return
        connection.sendmsg([b"x"], [], socket.MSG_FASTOPEN, address)


@refused(
    PARTIAL,
    "No datagram can be sent.",
    prevents="sending data out by DNS or QUIC",
)
def reach_the_internet(a: Arguments) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect(("192.0.2.1", 9))


@refused(
    PARTIAL,
    "No datagram reaches the host's loopback.",
    prevents="using services of the machine that listen there",
)
def reach_host_by_datagram(a: Arguments) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.connect((_LOOPBACK, int(a["udp"])))
        datagrams.send(b"x")
        datagrams.send(b"x")  # refused, if nobody was there for the first


@refused(
    FULL,
    "The port of the agent's door leads nowhere else.",
    prevents="reaching another machine at that one port",
)
def reach_another_address(a: Arguments) -> None:
    """An answer of the host's own network, even a refusal, says that it is that network."""
    if not _on_host_network(a):
        raise OSError


@true(
    FULL,
    "There is no network interface but a loopback of its own.",
    prevents="reaching any other machine",
)
def has_only_loopback(a: Arguments) -> bool:
    return not _on_host_network(a) and [name for _, name in socket.if_nameindex()] == ["lo"]


@true(ALWAYS, "The agent's door is reached.")
def reaches_its_listener(a: Arguments) -> bool:
    socket.create_connection((_LOOPBACK, _door(a)), 5).close()
    return True


@refused(
    ALWAYS,
    "Nobody inside can listen at the port of the agent's door.",
    prevents="answering in the place of the server",
)
def take_over_its_listener(a: Arguments) -> None:
    for address in (_LOOPBACK, ""):
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            thief.bind((address, _door(a)))
        except OSError:
            continue
        return
    raise OSError


@refused(
    PARTIAL,
    "No port of the host can be taken.",
    prevents="standing where a person's program is expected",
)
def take_a_port_of_the_host(a: Arguments) -> None:
    with socket.socket() as listener:
        listener.bind((_LOOPBACK, 0))
    if not _on_host_network(a):
        raise OSError


@refused(
    PARTIAL,
    "Nothing can listen at the host, not even with a socket that was never bound.",
    prevents="waiting for a browser or for another session",
)
def listen_at_the_host(a: Arguments) -> None:
    with socket.socket() as listener:
        listener.listen()
    if not _on_host_network(a):
        raise OSError


@refused(
    ALWAYS,
    "Sockets to the hypervisor are closed.",
    prevents="talking to the machine below this one",
)
def open_vsock(a: Arguments) -> None:
    socket.socket(40, socket.SOCK_STREAM)


@refused(
    ALWAYS,
    "Sockets of the kernel's cryptography are closed.",
    prevents="reaching kernel code with a history of holes",
)
def open_kernel_crypto_socket(a: Arguments) -> None:
    socket.socket(38, socket.SOCK_SEQPACKET)


@refused(
    ALWAYS,
    "Raw network sockets are closed.",
    prevents="reading and forging network traffic",
)
def open_packet_socket(a: Arguments) -> None:
    socket.socket(17, socket.SOCK_RAW)


@refused(
    ALWAYS,
    "Sockets of the kernel's events are closed.",
    prevents="watching devices and reaching kernel code with a history of holes",
)
def open_kernel_event_socket(a: Arguments) -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _UEVENTS)


def _door(a: Arguments) -> int:
    return int(os.environ[f"INTERLOCK_PORT_{a['port']}"])


def _on_host_network(a: Arguments) -> bool:
    return os.readlink("/proc/self/ns/net") == a["network"]
