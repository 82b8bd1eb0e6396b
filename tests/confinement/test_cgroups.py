"""Limits of all processes together: on this machine's hierarchy, and on a drawn one of the other
kind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.confinement.places import as_root

from interlock.adapters.confinement.launcher import cgroups

_MEMORY, _PROCESSES = 1 << 30, 10


class Drawn:
    """Directories that get the kernel's files when they are made, and go whatever is in them."""

    def __init__(self, root: Path, *controllers: str) -> None:
        self.root = root
        self.files = [
            "cgroup.procs",
            "cgroup.subtree_control",
            *(f"{controller}.max" for controller in controllers),
            *(["memory.swap.max"] if "memory" in controllers else []),
        ]
        (root / "cgroup.controllers").write_text(" ".join((*controllers, "cpu")))
        (root / "cgroup.subtree_control").touch()
        self._make, self._remove = os.makedirs, os.rmdir

    def make(self, name: str, exist_ok: bool = False) -> None:
        missing = [path for path in (Path(name), *Path(name).parents) if not path.exists()]
        self._make(name, exist_ok=exist_ok)
        for path in missing:
            for file in self.files:
                (path / file).touch()

    def remove(self, name: str) -> None:
        for file in self.files:
            (Path(name) / file).unlink(missing_ok=True)
        self._remove(name)

    def read(self, path: str) -> str:
        return (self.root / path).read_text()


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """A hierarchy of version 2 that has what is asked for."""
    drawn = Drawn(tmp_path, "memory", "pids")
    monkeypatch.setattr(cgroups, "_ROOT", str(tmp_path))
    monkeypatch.setattr(os, "makedirs", drawn.make)
    monkeypatch.setattr(os, "rmdir", drawn.remove)
    return drawn


def test_version_2_limits_memory_swap_and_processes(drawn: Drawn) -> None:
    group = cgroups.Cgroup("1-a", _MEMORY, _PROCESSES)
    assert group.kind == "cgroup v2"
    assert drawn.read("cgroup.subtree_control") == "+memory +pids"
    assert drawn.read("interlock/cgroup.subtree_control") == "+memory +pids"
    assert drawn.read("interlock/1-a/memory.max") == str(_MEMORY)
    assert drawn.read("interlock/1-a/memory.swap.max") == "0"
    assert drawn.read("interlock/1-a/pids.max") == str(_PROCESSES + cgroups.OVERHEAD)
    group.join()
    assert drawn.read("interlock/1-a/cgroup.procs") == "0"
    group.remove()
    assert not (drawn.root / "interlock/1-a").exists()
    assert group.directories == []


def test_version_2_is_asked_only_for_what_is_to_be_limited(drawn: Drawn) -> None:
    cgroups.Cgroup("1-a", None, _PROCESSES)
    assert drawn.read("cgroup.subtree_control") == "+pids"
    assert drawn.read("interlock/1-a/memory.max") == ""
    assert cgroups.Cgroup("1-b", None, None).kind == ""
    assert not (drawn.root / "interlock/1-b").exists()


def test_version_2_without_a_controller_is_left_alone(drawn: Drawn) -> None:
    (drawn.root / "cgroup.controllers").write_text("memory cpu")
    group = cgroups.Cgroup("1-a", _MEMORY, _PROCESSES)
    assert (group.kind, group.directories) == ("", [])
    assert drawn.read("cgroup.subtree_control") == ""


def test_a_limit_that_cannot_be_set_leaves_no_cgroup(drawn: Drawn) -> None:
    drawn.files.remove("pids.max")
    group = cgroups.Cgroup("1-a", _MEMORY, _PROCESSES)
    assert (group.kind, group.directories) == ("", [])
    assert not (drawn.root / "interlock/1-a").exists()


def test_cgroups_of_dead_servers_are_swept(drawn: Drawn) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    left = cgroups.Cgroup(f"{dead.pid}-a", _MEMORY, _PROCESSES)
    used = cgroups.Cgroup(f"{os.getpid()}-a", _MEMORY, _PROCESSES)
    cgroups.sweep()
    assert not Path(left.directories[0]).exists()
    assert Path(used.directories[0]).exists()


@pytest.fixture
def real() -> Iterator[cgroups.Cgroup]:
    """A cgroup of this machine, as a dead server would have left it."""
    dead = subprocess.Popen(["true"])
    dead.wait()
    group = cgroups.Cgroup(f"{dead.pid}-test", _MEMORY, _PROCESSES)
    if not group.kind:
        pytest.skip("NOT RUN: no cgroup can be made here")
    yield group
    group.remove()


@as_root
def test_this_machines_cgroups_are_made_joined_and_swept(real: cgroups.Cgroup) -> None:
    with subprocess.Popen(
        ["cat"],
        stdin=subprocess.PIPE,
        preexec_fn=real.join,  # noqa: PLW1509 - no other thread runs here
    ) as inside:
        paths = Path(f"/proc/{inside.pid}/cgroup").read_text()
        for directory in real.directories:
            assert f"/interlock/{Path(directory).name}" in paths
        cgroups.sweep()
        assert all(Path(directory).exists() for directory in real.directories)
    cgroups.sweep()
    assert not any(Path(directory).exists() for directory in real.directories)
