"""Level none: no namespaces, and still no root, no host environment, no leftovers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.confinement.places import LEVEL_OF, RUNGS, as_root

from interlock.adapters.confinement import interpreter, start, translate
from interlock.errors import UnavailableError, UsageError
from interlock.ports.confinement import Level, Mount, Rung, SandboxSpec

if TYPE_CHECKING:
    from tests.confinement.conftest import Start

_WHO = """
import os
print(os.getresuid() == os.getresgid() == ({uid},) * 3, os.getgroups())
print(sorted(os.environ), os.getcwd())
for name in ("HOME", "TMPDIR"):
    open(os.environ[name] + "/file", "w").close()
    print(os.environ[name])
"""
_REFUSED = """
import ctypes, socket
libc = ctypes.CDLL(None, use_errno=True)
print(open("/proc/self/status").read().split("NoNewPrivs:")[1].split()[0])
for family in (socket.AF_UNIX, 38, 40):
    try:
        socket.socket(family, socket.SOCK_STREAM)
        print("open")
    except OSError as error:
        print(error.errno)
print(libc.ptrace(0, 0, 0, 0), ctypes.get_errno())
"""


def test_program_gets_a_user_a_home_and_nothing_of_the_hosts_environment(
    output: Callable[..., str], scratch: Path, uid: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    who = os.getuid() if uid is None else uid
    same, variables, home, temporary = output(_WHO.format(uid=who), Rung.PLAIN).splitlines()
    assert same.startswith("True")
    expected = f"['HOME', 'LANG', 'PATH', 'TMPDIR'] {scratch}"
    assert variables.replace("'LC_CTYPE', ", "") == expected
    for private in (home, temporary):
        assert not Path(private).exists()


def test_private_directories_are_removed_even_if_made_unreadable(
    output: Callable[..., str],
) -> None:
    code = """
import os
os.makedirs(os.environ["HOME"] + "/a/b")
os.symlink("/etc", os.environ["HOME"] + "/a/link")
os.chmod(os.environ["HOME"] + "/a", 0)
print(os.environ["HOME"])
"""
    home = output(code, Rung.PLAIN).strip()
    assert home
    assert not Path(home).exists()


def test_filter_refuses_sockets_of_the_host_and_tracing(output: Callable[..., str]) -> None:
    no_new_privileges, *sockets, trace = output(_REFUSED, Rung.PLAIN).splitlines()
    assert no_new_privileges == "1"
    assert sockets == ["97", "97", "97"]  # EAFNOSUPPORT
    assert trace == "-1 1"  # EPERM


@as_root
def test_private_parents_are_reachable_and_read_only_holds(
    output: Callable[..., str], scratch: Path
) -> None:
    """``scratch`` lies below a directory of mode 0700; nothing else in there is seen."""
    frozen = scratch / "frozen"
    frozen.mkdir()
    (scratch.parent / "secret").write_text("x")
    os.chown(frozen, *(os.stat(scratch).st_uid,) * 2)
    code = f"""
import os
open({str(scratch)!r} + "/made", "w").close()
print(os.listdir({str(scratch.parent)!r}))
try:
    open({str(frozen)!r} + "/made", "w")
except OSError as error:
    print(error.errno)
"""
    mounts = [
        Mount(source=str(scratch), target="/w", writable=True),
        Mount(source=str(frozen), target="/w/frozen"),
    ]
    text = output(code, Rung.PLAIN, mounts=(*interpreter()[1], *mounts))
    assert text == "['scratch']\n30\n"  # EROFS
    assert (scratch / "made").exists()
    assert (scratch.parent / "secret").exists()


def test_paths_are_translated_to_the_source_of_the_innermost_mount(scratch: Path) -> None:
    spec = SandboxSpec(
        argv=("x",),
        mounts=(
            Mount(source="/a", target="/w", writable=True),
            Mount(source="/b", target="/w/inner"),
        ),
    )
    assert translate("/w/inner/x", spec, Level.FULL) == "/w/inner/x"
    for level in (Level.PARTIAL, Level.NONE):
        paths = ("/w", "/w/x", "/w/inner/x", "/usr/x", "/wide", "//w/./x")
        found = [translate(path, spec, level) for path in paths]
        assert found == ["/a", "/a/x", "/b/x", "/usr/x", "/wide", "/a/x"]
        with pytest.raises(UsageError):
            translate("w", spec, level)


@RUNGS
def test_program_that_does_not_exist_is_an_error_at_once(rung: Rung, uid: int | None) -> None:
    if rung is Rung.BUBBLEWRAP:
        pytest.skip("bubblewrap says so itself and ends")
    with pytest.raises(UnavailableError, match="No such file"):
        start(SandboxSpec(argv=("/missing",), uid=uid), LEVEL_OF[rung], rung=rung)


@RUNGS
def test_signals_that_python_ignores_are_not_ignored_inside(
    start_python: Start, rung: Rung
) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as pipe:
        sandbox = start_python(
            "", rung, stdout=writer, argv=("/bin/sh", "-c", "grep SigIgn /proc/self/status")
        )
        os.close(writer)
        assert sandbox.wait(10) == 0
        ignored = int(pipe.read().split()[1], 16)
        # 32 and 33 are glibc's own: posix_spawn, and so make, leaves them ignored.
        assert ignored & ~(0b11 << 31) == 0
