"""What of the host's processes the program can reach, and of those that hold its sandbox."""

import ctypes
import os
import resource

from .harness import (
    FULL,
    PARTIAL,
    Arguments,
    NotApplicableError,
    call,
    on_host,
    refused,
    true,
)

_PTRACE_SEIZE = 0x4206
_NOTHING = ctypes.c_long(0)


@refused(
    PARTIAL,
    "A process outside cannot be signalled.",
    prevents="ending the server or a person's programs",
)
def signal_host_process(a: Arguments) -> None:
    os.kill(on_host(a), 0)


@refused(
    PARTIAL,
    "Limits of a process outside cannot be changed.",
    prevents="starving the server of files, time or memory",
)
def limit_host_process(a: Arguments) -> None:
    resource.prlimit(on_host(a), resource.RLIMIT_NOFILE)


@refused(
    PARTIAL,
    "The environment of a process outside cannot be read.",
    prevents="reading tokens that were given to other programs",
)
def read_environment_of_host_process(a: Arguments) -> None:
    with open(f"/proc/{on_host(a)}/environ", "rb") as file:
        file.read(1)


@refused(
    PARTIAL,
    "A process outside cannot be traced, and its memory cannot be written.",
    prevents="running as any other program of the user",
)
def trace_host_process(a: Arguments) -> None:
    _take_over(on_host(a))


@true(
    FULL,
    "A program sees only the processes of its sandbox.",
    prevents="reading command lines of other programs",
)
def sees_only_own_processes(a: Arguments) -> bool:
    try:
        on_host(a)
    except OSError:
        return True
    return False


@refused(
    PARTIAL,
    "The first process cannot be taken over.",
    prevents="going on in it while everything else is stopped for an import",
)
def take_over_first_process(a: Arguments) -> None:
    _take_over(1)


def _take_over(pid: int) -> None:
    for attempt in (_trace, _read_memory, _open_memory, _open_memory_of_thread):
        try:
            attempt(pid)
        except OSError:
            continue
        return
    raise OSError


def _trace(pid: int) -> None:
    """Without stopping it; it is let go when this process ends."""
    call("ptrace", ctypes.c_long(_PTRACE_SEIZE), ctypes.c_long(pid), _NOTHING, _NOTHING)


def _read_memory(pid: int) -> None:
    """One byte, by the call whose twin writes; at an address that is there."""
    with open(f"/proc/{pid}/maps") as file:
        start = next(int(line.split("-")[0], 16) for line in file if " rw" in line)
    byte = ctypes.create_string_buffer(1)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(byte), 1)
    remote = (ctypes.c_size_t * 2)(start, 1)
    one = ctypes.c_long(1)
    call("process_vm_readv", ctypes.c_long(pid), local, one, remote, one, _NOTHING)


def _open_memory(pid: int) -> None:
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))


def _open_memory_of_thread(pid: int) -> None:
    os.close(os.open(f"/proc/{pid}/task/{pid}/mem", os.O_RDWR))


@refused(
    PARTIAL,
    "Shared memory of other programs cannot be used.",
    prevents="reading and changing what other programs of the user share",
)
def use_shared_memory_of_host(a: Arguments) -> None:
    call("shmget", ctypes.c_long(int(a["shm"])), _NOTHING, _NOTHING)


@refused(
    PARTIAL,
    "Message queues of other programs cannot be used.",
    prevents="reading and changing what other programs of the user send",
)
def use_message_queue_of_host(a: Arguments) -> None:
    if not a["queue"]:
        raise NotApplicableError("this kernel has no message queues")
    name = str(a["queue"]).encode()
    os.close(call("mq_open", ctypes.c_char_p(name), ctypes.c_long(os.O_RDWR), _NOTHING, _NOTHING))
