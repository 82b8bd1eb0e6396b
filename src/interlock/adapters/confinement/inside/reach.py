"""What of the host the program can reach: processes, sockets, networks, shared memory."""

import ctypes
import os
import socket

from .harness import (
    Arguments,
    call,
    refused,
    true,
)


@refused
def signal_host_process(a: Arguments) -> None:
    os.kill(int(a["pid"]), 0)


@true
def sees_only_own_processes(a: Arguments) -> bool:
    return all(int(name) < 50 for name in os.listdir("/proc") if name.isdigit())


@refused
def reach_unix_socket(a: Arguments) -> None:
    socket.socket(socket.AF_UNIX).connect(str(a["socket"]))


@refused
def reach_abstract_socket(a: Arguments) -> None:
    socket.socket(socket.AF_UNIX).connect("\0" + str(a["abstract"]))


@refused
def reach_host_loopback(a: Arguments) -> None:
    socket.create_connection(("127.0.0.1", int(a["tcp"])), 1)


@refused
def reach_the_internet(a: Arguments) -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.connect(("192.0.2.1", 9))


@true
def has_only_loopback(a: Arguments) -> bool:
    return [name for _, name in socket.if_nameindex()] == ["lo"]


@true
def reaches_its_listener(a: Arguments) -> bool:
    socket.create_connection(("127.0.0.1", int(a["port"])), 5).close()
    return True


@refused
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


@refused
def open_vsock(a: Arguments) -> None:
    socket.socket(40, socket.SOCK_STREAM)


@refused
def open_kernel_crypto_socket(a: Arguments) -> None:
    socket.socket(38, socket.SOCK_SEQPACKET)


@refused
def open_packet_socket(a: Arguments) -> None:
    socket.socket(17, socket.SOCK_RAW)


@refused
def use_shared_memory_of_host(a: Arguments) -> None:
    call("shmget", ctypes.c_long(int(a["shm"])), ctypes.c_long(0), ctypes.c_long(0))
