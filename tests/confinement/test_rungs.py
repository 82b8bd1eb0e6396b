"""Which rung stands for a level where the kernel refuses something; it refuses really here.

A filter on a process of the test stands for a host that forbids a system call (as container
engines do), a user namespace with a limit of its own for a host with such a limit.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.confinement.places import as_root, needs_landlock, readable_python, run_as

from interlock.adapters.confinement import rungs
from interlock.adapters.confinement.launcher import kernel
from interlock.ports.confinement import Level, Rung

pytestmark = pytest.mark.sandbox

_X86 = os.uname().machine == "x86_64"
_UNSHARE, _CLONE, _CLONE3 = (272, 56, 435) if _X86 else (97, 220, 435)
_LANDLOCK = 444
_PR_CAPBSET_DROP, _CAP_SYS_ADMIN = 24, 21
_PROBE = """
import json
from interlock.adapters.confinement import probe
found = probe()
print(json.dumps([found.level, found.rung, found.uid_drop, found.reasons]))
"""
_RUN = """
from interlock.adapters.confinement import UidRange, start
from interlock.ports.confinement import Level, Mount, SandboxSpec
uids = UidRange()
spec = SandboxSpec(
    argv=("/bin/sh", "-c", 'cat {target}/file; echo x >"$HOME/x" && echo x >"$TMPDIR/x"'),
    mounts=(Mount(source="{source}", target="{target}"),),
    uid=uids.lease(),
)
with start(spec, Level.{level}, stdout=1, stderr=1) as sandbox:
    sandbox.wait(20)
"""


def _refusing_user_namespaces() -> None:
    """Load a filter like those of container engines."""
    _load(
        _when(_UNSHARE, _if_new_user()), _when(_CLONE, _if_new_user()), _when(_CLONE3, errno.ENOSYS)
    )


def _without_mounting() -> None:
    """What is left of root in a container that was given no more."""
    _refusing_user_namespaces()
    libc = ctypes.CDLL(None)
    assert libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(_CAP_SYS_ADMIN), 0, 0, 0) == 0


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _if_new_user() -> bytes:
    load, refuse = _step(0x20, 16), _step(0x06, 0x00050000 | errno.EPERM)
    return load + _step(0x45, kernel.CLONE_NEWUSER, 0, 1) + refuse + _step(0x06, 0x7FFF0000)


def _when(number: int, what: bytes | int) -> bytes:
    body = _step(0x06, 0x00050000 | what) if isinstance(what, int) else what
    return _step(0x15, number, 0, len(body) // 8) + body


def _load(*parts: bytes) -> None:
    if os.getuid() != 0:
        kernel.no_new_privileges()
    kernel.load_filter(_step(0x20, 0) + b"".join(parts) + _step(0x06, 0x7FFF0000))


def _in_namespace_with_a_limit() -> None:
    """Become root of a user namespace in which no other may be made."""
    ready, tell = os.pipe()
    parent = os.getpid()
    writer = os.fork()
    if writer == 0:
        os.read(ready, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{parent}/{name}").write_text("0 0 65536")
        os._exit(0)
    kernel.unshare(kernel.CLONE_NEWUSER)
    os.write(tell, b"x")
    os.waitpid(writer, 0)
    os.setresuid(0, 0, 0)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def _found(before: Callable[[], None]) -> tuple[Level, Rung, bool, list[str]]:
    """What is probed where ``before`` has changed what the kernel allows."""
    done = run_as(os.getuid(), readable_python(), _PROBE, before)
    assert done.returncode == 0, done.stderr
    level, rung, uid_drop, reasons = json.loads(done.stdout)
    return Level(level), Rung(rung), uid_drop, reasons


@as_root
@pytest.mark.parametrize("refuse", [_refusing_user_namespaces, _in_namespace_with_a_limit])
def test_root_without_user_namespaces_reaches_full(refuse: Callable[[], None]) -> None:
    level, rung, uid_drop, reasons = _found(refuse)
    assert (level, rung, uid_drop) == (Level.FULL, Rung.NAMESPACES, True), reasons


@needs_landlock
@pytest.mark.skipif(os.getuid() == 0, reason="NOT RUN: root has another way")
def test_ordinary_user_without_user_namespaces_reaches_partial() -> None:
    level, rung, _, reasons = _found(_refusing_user_namespaces)
    assert (level, rung) == (Level.PARTIAL, Rung.LANDLOCK), reasons
    assert reasons[0].startswith("full: ")


def test_without_landlock_and_namespaces_nothing_is_held() -> None:
    def refuse() -> None:
        _without_mounting() if os.getuid() == 0 else _refusing_user_namespaces()
        _load(_when(_LANDLOCK, errno.ENOSYS))

    level, rung, _, reasons = _found(refuse)
    assert (level, rung) == (Level.NONE, Rung.PLAIN), reasons
    assert any(reason.startswith("partial: ") and "Landlock" in reason for reason in reasons)


@as_root
@needs_landlock
def test_root_that_may_not_mount_reaches_partial_with_users_of_its_own() -> None:
    level, rung, uid_drop, reasons = _found(_without_mounting)
    assert (level, rung, uid_drop) == (Level.PARTIAL, Rung.LANDLOCK, True), reasons


@as_root
@pytest.mark.parametrize("level", [Level.PARTIAL, Level.NONE])
def test_root_that_may_not_mount_needs_directories_that_others_may_search(
    level: Level,
) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(os.path.realpath(name))
        (directory / "file").write_text("content\n")
        code = _RUN.format(source=directory, target=directory, level=level.name)
        directory.chmod(0o700)
        hidden = run_as(0, readable_python(), code, _without_mounting)
        assert "set XDG_STATE_HOME to a directory that every user may search" in hidden.stderr
        directory.chmod(0o755)
        seen = run_as(0, readable_python(), code, _without_mounting)
        assert (seen.stdout, seen.stderr) == ("content\n", "")


def test_bubblewrap_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def fail() -> str:
        tried.append("once")
        return "no"

    monkeypatch.setattr(rungs, "_try", fail)
    rungs.forget()
    try:
        expected = Rung.NAMESPACES if os.getuid() == 0 else Rung.BUBBLEWRAP
        assert [rungs.of(level) for level in (Level.FULL, Level.FULL)] == [expected] * 2
        assert (rungs.of(Level.PARTIAL), rungs.of(Level.NONE)) == (Rung.LANDLOCK, Rung.PLAIN)
        assert tried == ["once"] * (os.getuid() == 0)
    finally:
        monkeypatch.undo()
        rungs.forget()
