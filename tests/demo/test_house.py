"""However a demo ends, nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.testing.demo.house import remove

pytestmark = pytest.mark.timeout(180)


def test_a_tree_that_is_closed_to_writing_is_removed(tmp_path: Path) -> None:
    closed = tmp_path / "house" / "env" / "bin"
    closed.mkdir(parents=True)
    (closed / "python").symlink_to("/nowhere")
    closed.chmod(0o500)
    closed.parent.chmod(0o500)
    remove(tmp_path / "house")
    assert not (tmp_path / "house").exists()


def _processes(text: str) -> list[str]:
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if text in words:
                found.append(words)
    return found


@pytest.fixture
def room() -> Iterator[Path]:
    """A temporary directory for the demo alone; short, because paths of sockets are."""
    with tempfile.TemporaryDirectory(prefix="il-", dir="/tmp") as name:
        yield Path(name)


def _is_probe(left: Path) -> bool:
    return left.is_file() and len(left.name) == 8 and left.read_bytes() in (b"", b"blat")


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment, number",
    [
        ("its server", signal.SIGINT),
        ("attempt 1", signal.SIGTERM),
        ("asks for IMPL", signal.SIGINT),
    ],
)
def test_an_interrupted_demo_leaves_nothing(moment: str, number: int, room: Path) -> None:
    command = [sys.executable, "-m", "interlock", "demo", "--only", "never-red"]
    environment = {**os.environ, "TMPDIR": str(room)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stderr is not None
        for line in demo.stderr:
            if moment in line:
                break
        demo.send_signal(number)
        rest = demo.stderr.read()
    assert demo.returncode == 130, rest
    assert "Traceback" not in rest
    # tempfile tries a directory by a file of its own; an interrupt in just that moment leaves it.
    assert [left for left in room.iterdir() if not _is_probe(left)] == []
    assert _processes(str(room)) == []
    assert str(room) not in Path("/proc/self/mounts").read_text()
