"""Every property at every level by name, and controls that show that the probe sees holes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from tests.confinement.places import (
    LEVEL_OF,
    ORDINARY,
    RUNGS,
    as_root,
    needs_bubblewrap,
    needs_landlock,
    readable_python,
    run_as,
)

from interlock.adapters.confinement import UidRange, bubblewrap, examine, probe, seccomp, start
from interlock.adapters.confinement.inside import properties
from interlock.adapters.confinement.probe import try_properties
from interlock.adapters.confinement.witness import Witness, read_report
from interlock.ports.confinement import Held, Level, Mount, Property, Rung, SandboxSpec

pytestmark = pytest.mark.sandbox
NAMES = pytest.mark.parametrize("name", properties.names())
# Prints {rung: {name: what happened instead, or nothing}} of what is promised.
_TRY = """
import json
from interlock.adapters.confinement import seccomp
from interlock.adapters.confinement.probe import try_properties
from interlock.ports.confinement import Level, Rung
{prepare}
found = {{}}
for rung, level in {places}:
    tried, _ = try_properties(Level(level), None, rung=Rung(rung))
    found[rung] = {{one.id: one.why for one in tried if one.broken}}
print(json.dumps(found))
"""
_ALLOW_ALL = "seccomp.build = lambda *_, **__: bytes.fromhex('06000000' + '0000ff7f')"


@cache
def _broken_here(rung: Rung) -> dict[str, str]:
    uids = UidRange()
    uid = uids.lease()
    try:
        return _broken(try_properties(LEVEL_OF[rung], uid, rung=rung)[0])
    finally:
        uids.release(uid)


def _broken(tried: Iterable[Property]) -> dict[str, str]:
    return {_name(one): one.why for one in tried if one.broken}


def _name(one: Property) -> str:
    return one.id.replace("-", "_")


@cache
def _broken_for_ordinary_user(places: Iterable[tuple[str, str]], prepare: str) -> Any:
    """By rung; ``prepare`` is run before anything is tried."""
    code = _TRY.format(places=list(places), prepare=prepare)
    result = run_as(ORDINARY, readable_python(), code)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    return {r: {n.replace("-", "_"): why for n, why in of.items()} for r, of in found.items()}


@RUNGS
@NAMES
def test_property_holds(rung: Rung, name: str) -> None:
    assert _broken_here(rung).get(name) is None


@pytest.mark.root
@as_root
@pytest.mark.parametrize(
    "rung",
    [
        pytest.param(Rung.BUBBLEWRAP, marks=needs_bubblewrap),
        pytest.param(Rung.LANDLOCK, marks=needs_landlock),
        Rung.PLAIN,
    ],
)
@NAMES
def test_property_holds_for_an_ordinary_user(rung: Rung, name: str) -> None:
    places = ((rung.value, LEVEL_OF[rung].value),)
    assert _broken_for_ordinary_user(places, "")[rung.value].get(name) is None


# --- controls: without its protection each property must be seen not to hold


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
# What a sandbox does not hold any more when its protections are taken away (and it still has
# another uid, and no capability on the host).
HOLES_OF_BUBBLEWRAP = {
    "has_no_capabilities",
    "can_get_no_capability",
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
    "clone3_user_namespace",
    "use_foreign_architecture",
    "see_host_file",
    "read_host_file",
    "write_host_file",
    "create_host_file",
    "change_mode_of_host_file",
    "sees_only_own_processes",
    "reach_unix_socket",
    "reach_unix_socket_from_a_pair",
    "reach_abstract_socket",
    "reach_host_loopback",
    "reach_host_by_multipath",
    "reach_host_by_fast_open",
    "reach_host_by_datagram",
    "reach_another_address",
    "has_only_loopback",
    "take_a_port_of_the_host",
    "listen_at_the_host",
    "open_vsock",
    "open_kernel_event_socket",
    "use_io_uring",
    "use_kernel_keys",
    "use_shared_memory_of_host",
    "use_message_queue_of_host",
    "has_no_stray_descriptors",
    "has_a_clean_environment",
    "has_private_temporary_directory",
}
# What Landlock alone holds, and what the filter alone holds beside it, for an ordinary user.
HELD_BY_LANDLOCK = {
    "write_environment",
    "read_host_file",
    "write_host_file",
    "create_host_file",
    "move_out_of_its_tree",
    "reach_host_loopback",
    "take_a_port_of_the_host",
    "open_another_terminal",
    "use_message_queue_of_host",
    "signal_host_process",
    "read_environment_of_host_process",
    "trace_host_process",
}
HELD_BY_THE_FILTER = {
    "is_filtered",
    "unshare_user_namespace",
    "clone_user_namespace",
    "clone3_user_namespace",
    "use_foreign_architecture",
    "use_io_uring",
    "use_kernel_keys",
    "limit_host_process",
    "use_shared_memory_of_host",
    "reach_unix_socket",
    "reach_unix_socket_from_a_pair",
    "reach_host_by_multipath",
    "reach_host_by_fast_open",
    "reach_host_by_datagram",
    "listen_at_the_host",
    "open_vsock",
    "open_kernel_event_socket",
}


@needs_bubblewrap
def test_probe_sees_the_holes_when_protections_are_removed(
    monkeypatch: pytest.MonkeyPatch, uid: int | None
) -> None:
    monkeypatch.setattr(bubblewrap, "arguments", _weakened)
    reader, writer = os.pipe()
    with os.fdopen(reader) as pipe, Witness(uid) as witness:
        spec = _open(witness.spec(Level.FULL))
        with start(spec, Level.FULL, rung=Rung.BUBBLEWRAP, stdout=writer, stderr=writer) as sandbox:
            os.close(writer)
            assert sandbox.wait(30) == 0
        seen = read_report(pipe.read())
    assert set(seen) == set(properties.names())
    held = {name for name, (held, _) in seen.items() if held is not Held.NO}
    assert sorted(HOLES_OF_BUBBLEWRAP & held) == []


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


@needs_landlock
def test_probe_sees_what_landlock_holds_when_it_is_not_there() -> None:
    plain = seccomp.build(Rung.LANDLOCK).hex()
    prepare = f"seccomp.build = lambda *_, **__: bytes.fromhex({plain!r})"
    found = _broken_for_ordinary_user((("plain", "partial"),), prepare)["plain"]
    assert sorted(HELD_BY_LANDLOCK - found.keys()) == []
    assert not HELD_BY_THE_FILTER & found.keys()


@needs_landlock
def test_probe_sees_what_the_filter_holds_when_it_is_not_there() -> None:
    found = _broken_for_ordinary_user((("landlock", "partial"),), _ALLOW_ALL)["landlock"]
    assert sorted(HELD_BY_THE_FILTER - {"is_filtered"} - found.keys()) == []
    assert not HELD_BY_LANDLOCK & found.keys()


@as_root
def test_probe_sees_what_the_filter_holds_in_namespaces_of_roots(
    monkeypatch: pytest.MonkeyPatch, uid: int | None
) -> None:
    monkeypatch.setattr(seccomp, "build", lambda *_: bytes.fromhex("060000000000ff7f"))
    tried, _ = try_properties(Level.FULL, uid, rung=Rung.NAMESPACES)
    expected = {
        "unshare_user_namespace",
        "clone_user_namespace",
        "clone3_user_namespace",
        "mount_tmpfs",
        "use_io_uring",
        "open_vsock",
    }
    assert sorted(expected - _broken(tried).keys()) == []


# --- what the probe makes of it


def test_probe_says_the_strongest_level_and_how_limits_hold() -> None:
    found = probe()
    full = os.getuid() == 0 or shutil.which("bwrap") is not None
    assert found.level is (Level.FULL if full else Level.PARTIAL)
    assert found.reasons[-1].startswith("limits: ")
    assert found.uid_drop == (os.getuid() == 0)
    assert {_name(one) for one in found.properties} == set(properties.names())
    assert {one.level for one in found.properties} == {found.level}
    assert all((one.why == "") == (one.held is Held.YES) for one in found.properties)
    assert probe() is found


@needs_landlock
def test_probe_uses_no_more_than_it_is_told_to() -> None:
    found = probe(Level.PARTIAL)
    assert (found.level, found.rung) == (Level.PARTIAL, Rung.LANDLOCK)
    assert found.reasons[0] == "no more than partial is to be used"
    assert {one.level for one in found.properties} == {Level.PARTIAL}


@needs_landlock
def test_everything_is_tried_at_every_level_when_it_is_asked_for() -> None:
    found = examine()
    tried = {(one.id, one.level) for one in found.properties}
    levels = set(Level) if found.level is Level.FULL else {Level.PARTIAL, Level.NONE}
    assert tried == {(n.replace("_", "-"), level) for n in properties.names() for level in levels}
    at_none = {one.id: one for one in found.properties if one.level is Level.NONE}
    assert at_none["reach-host-loopback"].held is Held.NO
    assert not at_none["reach-host-loopback"].broken


@needs_bubblewrap
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
    assert found.level is Level.PARTIAL
    (hole,) = (one for one in found.properties if one.id == "open-vsock" and one.broken)
    assert f"full: {hole.says} Not here: it was not refused." in found.reasons


def test_missing_bubblewrap_lowers_the_level_of_an_ordinary_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    try:
        found = probe(refresh=True)
    finally:
        monkeypatch.undo()
        probe(refresh=True)
    if os.getuid() == 0:
        assert (found.level, found.rung) == (Level.FULL, Rung.NAMESPACES)
    else:
        assert (found.level, found.rung) == (Level.PARTIAL, Rung.LANDLOCK)
        assert "bubblewrap is not installed" in found.reasons[0]
