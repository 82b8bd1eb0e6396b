"""What a program may use is held, and it can raise no limit."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.confinement.places import LEVEL_OF, RUNGS, needs_bubblewrap

from interlock.ports.confinement import Level, Limits, Rung

if TYPE_CHECKING:
    from tests.confinement.conftest import Start

pytestmark = pytest.mark.sandbox

_FORKS = """
import os, signal
made = 0
try:
    while made < 100:
        if os.fork() == 0:
            signal.pause()
        made += 1
except OSError:
    pass
print(made)
"""
_WRITE = """
import errno
try:
    with open({path!r}, "wb") as file:
        for _ in range(64):
            file.write(bytes(65536))
            file.flush()
except OSError as error:
    print(errno.errorcode[error.errno])
"""
_TOGETHER = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        block = bytearray(os.urandom(1 << 20)) * 40
        time.sleep(1000)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.parametrize(
    "rung",
    [
        pytest.param(Rung.BUBBLEWRAP, marks=needs_bubblewrap),
        *(
            pytest.param(
                rung,
                marks=pytest.mark.skipif(
                    os.getuid() != 0, reason="NOT RUN: would count all the user's processes"
                ),
            )
            for rung in (Rung.NAMESPACES, Rung.LANDLOCK, Rung.PLAIN)
        ),
    ],
)
def test_processes_are_limited(output: Callable[..., str], rung: Rung) -> None:
    made = int(output(_FORKS, rung, limits=Limits(processes=20)))
    assert 15 <= made <= 21


@RUNGS
def test_file_size_is_limited(output: Callable[..., str], rung: Rung, scratch: Path) -> None:
    path = "/w/big" if LEVEL_OF[rung] is Level.FULL else str(scratch / "big")
    text = output(_WRITE.format(path=path), rung, limits=Limits(file_bytes=1 << 20))
    assert text == "EFBIG\n"
    assert (scratch / "big").stat().st_size == 1 << 20


@pytest.mark.parametrize("place", ["/tmp", "/home/agent", "/dev/shm"])
def test_temporary_files_are_limited(output: Callable[..., str], place: str) -> None:
    text = output(_WRITE.format(path=f"{place}/big"), limits=Limits(temporary_bytes=1 << 20))
    assert text == "ENOSPC\n"


@pytest.mark.skipif(os.getuid() != 0, reason="NOT RUN: an ordinary user cannot mount")
def test_temporary_files_of_root_are_limited_without_namespaces(
    output: Callable[..., str],
) -> None:
    code = "import os\n" + _WRITE.replace("{path!r}", "os.environ['TMPDIR'] + '/big'")
    limits = Limits(temporary_bytes=1 << 20)
    assert output(code, Rung.PLAIN, limits=limits) == "ENOSPC\n"


@RUNGS
def test_open_files_and_core_dumps_are_limited_for_good(
    output: Callable[..., str], rung: Rung
) -> None:
    code = """
import resource
print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE))
try:
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
except (ValueError, OSError):
    print("refused")
"""
    assert output(code, rung, limits=Limits(open_files=99)) == "(99, 99) (0, 0)\nrefused\n"


@RUNGS
def test_memory_of_one_process_is_limited(start_python: Start, rung: Rung) -> None:
    code = "block = bytearray(1 << 20) * 400"
    sandbox = start_python(code, rung, limits=Limits(memory_bytes=100 << 20))
    assert sandbox.wait(20) in (1, 137)  # MemoryError, or killed for want of memory


def test_memory_of_all_processes_together_is_limited(start_python: Start) -> None:
    reader, writer = os.pipe()
    limits = Limits(memory_bytes=100 << 20)
    sandbox = start_python(_TOGETHER, stdout=writer, limits=limits)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        if not sandbox.cgroup:
            pytest.skip("NOT RUN: no cgroup can be made here")
        assert sandbox.wait(30) in (0, 137)  # the kernel may choose the parent
        assert pipe.read() in ("-9\n", "")


def test_processor_time_is_limited(start_python: Start) -> None:
    sandbox = start_python("while True: pass", limits=Limits(cpu_seconds=1))
    assert sandbox.wait(30) in (128 + 24, 128 + 9)


def test_nothing_is_limited_that_is_not_asked_for(output: Callable[..., str]) -> None:
    code = """
import resource as r
print([r.getrlimit(kind) == (-1, -1) for kind in (r.RLIMIT_DATA, r.RLIMIT_FSIZE, r.RLIMIT_CPU)])
"""
    none = Limits(memory_bytes=None, processes=None, file_bytes=None)
    assert output(code, limits=none) == "[True, True, True]\n"
