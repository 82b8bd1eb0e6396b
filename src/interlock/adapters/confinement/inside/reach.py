"""What of the host the program can reach: processes, sockets, networks, shared memory."""

import ctypes
import os
import socket

from .harness import (
    ALWAYS,
    FULL,
    PARTIAL,
    Arguments,
    call,
    refused,
    true,
)


@refused(
    PARTIAL,
    "A process outside cannot be signalled.",
    prevents="ending the server or a person's programs",
)
def signal_host_process(a: Arguments) -> None:
    os.kill(int(a["pid"]), 0)


@true(
    FULL,
    "Only the sandbox's own processes are seen.",
    prevents="reading command lines of other programs",
)
def sees_only_own_processes(a: Arguments) -> bool:
    return all(int(name) < 50 for name in os.listdir("/proc") if name.isdigit())


@refused(
    ALWAYS,
    "Unix sockets of the host cannot be reached.",
    prevents="using docker, tmux, an ssh agent or the session bus",
)
def reach_unix_socket(a: Arguments) -> None:
    socket.socket(socket.AF_UNIX).connect(str(a["socket"]))


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
    socket.create_connection(("127.0.0.1", int(a["tcp"])), 1)


@refused(PARTIAL, "No datagram can be sent.", prevents="sending data out by DNS or QUIC")
def reach_the_internet(a: Arguments) -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.connect(("192.0.2.1", 9))


@true(
    FULL,
    "There is no network interface but a loopback of its own.",
    prevents="reaching any other machine",
)
def has_only_loopback(a: Arguments) -> bool:
    return [name for _, name in socket.if_nameindex()] == ["lo"]


@true(
    ALWAYS,
    "The agent's door is reached.",
)
def reaches_its_listener(a: Arguments) -> bool:
    socket.create_connection(("127.0.0.1", int(a["port"])), 5).close()
    return True


@refused(
    ALWAYS,
    "Nobody inside can listen at the port of the agent's door.",
    prevents="answering in the place of the server",
)
def take_over_its_listener(a: Arguments) -> None:
    for address in ("127.0.0.1", ""):
        thief = socket.socket()
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            thief.bind((address, int(a["port"])))
        except OSError:
            continue
        return
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


@refused(ALWAYS, "Raw network sockets are closed.", prevents="reading and forging network traffic")
def open_packet_socket(a: Arguments) -> None:
    socket.socket(17, socket.SOCK_RAW)


@refused(
    PARTIAL,
    "Shared memory of other programs cannot be used.",
    prevents="reading and changing what other programs of the user share",
)
def use_shared_memory_of_host(a: Arguments) -> None:
    call("shmget", ctypes.c_long(int(a["shm"])), ctypes.c_long(0), ctypes.c_long(0))
