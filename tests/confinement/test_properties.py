"""Every property of a sandbox by name, and a control that shows that the probe sees holes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import interlock
from interlock.adapters.confinement import UidRange, bubblewrap, probe, start
from interlock.adapters.confinement.inside import properties
from interlock.adapters.confinement.probe import try_properties
from interlock.adapters.confinement.witness import Witness, read_report
from interlock.ports.confinement import Held, Level, Mount, SandboxSpec

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(
        shutil.which("bwrap") is None, reason="NOT RUN: bubblewrap is not installed"
    ),
]
_ORDINARY = 64999
_TRY = """
import json
from interlock.adapters.confinement.inside import properties
from interlock.adapters.confinement.probe import try_properties
print(json.dumps(try_properties(None)[0]))
"""
# What a sandbox does not hold any more when its protections are taken away (and it still has
# another uid, and no capability on the host).
HOLES = {
    "has_no_capabilities",
    "is_filtered",
    "write_read_only_file",
    "create_in_read_only_directory",
    "rename_parent_of_read_only",
    "write_root",
    "write_dev",
    "mount_tmpfs",
    "copy_a_mount",
    "unshare_user_namespace",
    "unshare_mount_namespace",
    "clone_user_namespace",
    "see_host_file",
    "sees_only_own_processes",
    "reach_unix_socket",
    "reach_abstract_socket",
    "reach_host_loopback",
    "open_vsock",
    "use_io_uring",
    "use_kernel_keys",
    "use_shared_memory_of_host",
    "has_no_stray_descriptors",
    "has_a_clean_environment",
    "has_private_temporary_directory",
}


@cache
def _broken_here() -> dict[str, str]:
    uids = UidRange()
    uid = uids.lease()
    try:
        return try_properties(uid)[0]
    finally:
        uids.release(uid)


def _readable_python() -> str:
    """A Python that an ordinary user can run with this package."""
    for program in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        try:
            tried = _as_ordinary(program, "import interlock.adapters.confinement")
        except PermissionError:
            continue
        if tried.returncode == 0:
            return program
    pytest.skip("NOT RUN: no Python that another user can run with this checkout")


def _as_ordinary(program: str, code: str) -> subprocess.CompletedProcess[str]:
    source = Path(interlock.__file__).parent.parent
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [program, "-c", code],
        user=_ORDINARY,
        group=_ORDINARY,
        extra_groups=[],
        env=env,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@cache
def _broken_as_ordinary_user() -> dict[str, str]:
    result = _as_ordinary(_readable_python(), _TRY)
    assert result.returncode == 0, result.stderr
    broken: dict[str, str] = json.loads(result.stdout)
    return broken


@pytest.mark.parametrize("name", properties.names())
def test_property_holds(name: str) -> None:
    assert _broken_here().get(name) is None


@pytest.mark.root
@pytest.mark.skipif(os.getuid() != 0, reason="NOT RUN: only root can become another user")
@pytest.mark.parametrize("name", properties.names())
def test_property_holds_for_an_ordinary_user(name: str) -> None:
    assert _broken_as_ordinary_user().get(name) is None


def _weakened(mounts: Sequence[Mount], **options: Any) -> list[str]:
    """The same layout with the protections taken away."""
    flags = {"--disable-userns", "--unshare-pid", "--unshare-ipc", "--unshare-net"}
    with_value = {"--remount-ro", "--seccomp"}
    command = _ARGUMENTS(mounts, **options)
    kept: list[str] = []
    words = iter(command)
    for word in words:
        if word in flags:
            continue
        if word in with_value:
            next(words)
        elif word == "--cap-drop":
            kept += ["--cap-add", next(words)]
        else:
            kept.append(word)
    return [*kept, "--bind", "/tmp", "/tmp", "--bind", "/proc", "/proc"]


_ARGUMENTS = bubblewrap.arguments


def test_probe_sees_the_holes_when_protections_are_removed(
    monkeypatch: pytest.MonkeyPatch, uid: int | None
) -> None:
    monkeypatch.setattr(bubblewrap, "arguments", _weakened)
    reader, writer = os.pipe()
    with os.fdopen(reader) as pipe, Witness(uid) as witness:
        spec = _open(witness.spec())
        with start(spec, Level.FULL, stdout=writer, stderr=writer) as sandbox:
            os.close(writer)
            assert sandbox.wait(30) == 0
        tried, broken = read_report(pipe.read())
    assert set(tried) == set(properties.names())
    assert sorted(HOLES - set(broken)) == []


def _open(spec: SandboxSpec) -> SandboxSpec:
    """Writable mounts, a variable and a descriptor too many, and no listener to bind."""
    stray = os.open("/dev/null", os.O_RDONLY)
    return replace(
        spec,
        mounts=tuple(replace(mount, writable=True) for mount in spec.mounts),
        ports=(),
        env={"SECRET": "x"},
        pass_fds=(*spec.pass_fds, stray),
    )


def test_probe_says_full_here_and_how_limits_hold() -> None:
    found = probe()
    assert found.level is Level.FULL
    assert found.reasons[0].startswith("limits: ")
    assert found.uid_drop == (os.getuid() == 0)
    assert {one.id.replace("-", "_") for one in found.properties} == set(properties.names())
    assert {(one.level, one.held, one.why) for one in found.properties} == {
        (Level.FULL, Held.YES, "")
    }
    assert probe() is found


def test_failing_property_lowers_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_filter(mounts: Sequence[Mount], **options: Any) -> list[str]:
        command = _ARGUMENTS(mounts, **options)
        at = command.index("--seccomp")
        return command[:at] + command[at + 2 :]

    monkeypatch.setattr(bubblewrap, "arguments", without_filter)
    try:
        found = probe(refresh=True)
    finally:
        monkeypatch.undo()
        probe(refresh=True)
    assert found.level is Level.NONE
    (hole,) = (one for one in found.properties if one.id == "open-vsock")
    assert hole.broken
    assert f"full: {hole.says} But it was not refused." in found.reasons


def test_missing_bubblewrap_lowers_the_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    try:
        found = probe(refresh=True)
    finally:
        monkeypatch.undo()
        probe(refresh=True)
    assert found.level is Level.NONE
    assert "bubblewrap is not installed" in found.reasons[0]
