"""The walker: what it says of a tree, what it remembers, and what it never opens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.trees.support import put

from interlock.adapters.trees.objects import blob_oid
from interlock.supervisor.toolhost import steady
from interlock.supervisor.toolhost import walk as module
from interlock.supervisor.toolhost.steady import Signature
from interlock.supervisor.toolhost.walk import Cache, blobs, walk


def settle() -> None:
    """Wait until what was just written is old enough to be remembered."""
    until = time.time_ns() + module._RACY_NS
    while time.time_ns() <= until:
        time.sleep(0.005)


def sections(said: bytes) -> list[list[bytes]]:
    """Records of the three sections of a manifest."""
    found: list[list[bytes]] = [[]]
    for record in said.split(b"\0")[:-1]:
        if record or len(found) == 3:
            found[-1].append(record)
        else:
            found.append([])
    return found


def records(said: bytes) -> tuple[dict[bytes, tuple[bytes, bytes]], dict[bytes, bytes]]:
    """Files and refusals of a manifest in which every directory was entered."""
    listed, rest, closed = sections(said)
    assert closed == []
    files = {}
    for record in listed:
        mode, oid, path = record.split(b" ", 2)
        files[path] = (mode, oid)
    return files, dict(record.split(b"\n", 1)[::-1] for record in rest)


def test_manifest_names_modes_and_oids_as_git_does(tmp_path: Path) -> None:
    put(tmp_path, "a b/\nc", "1")
    put(tmp_path, b"\xff", "2", 0o755)
    (tmp_path / "l").symlink_to("no/where")
    put(tmp_path, ".git/config", "not part of it")
    (tmp_path / "empty").mkdir()
    files, refused = records(walk(str(tmp_path), Cache()))
    assert files == {
        b"a b/\nc": (b"100644", blob_oid(b"1")),
        b"\xff": (b"100755", blob_oid(b"2")),
        b"l": (b"120000", blob_oid(b"no/where")),
    }
    assert refused == {}


def test_empty_tree_is_two_empty_records(tmp_path: Path) -> None:
    assert walk(str(tmp_path), Cache()) == b"\0\0"


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_PATH])
def test_root_may_be_a_descriptor_and_stays_open(tmp_path: Path, flags: int) -> None:
    put(tmp_path, "f", "1")
    root = os.open(tmp_path, flags)
    cache = Cache()
    try:
        for _ in range(2):
            assert b"f\0" in walk(root, cache)
        assert blobs([blob_oid(b"1")], cache) == [b"1"]
        os.fstat(root)
    finally:
        os.close(root)


def test_missing_root_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        walk(str(tmp_path / "none"), Cache())


def test_link_as_root_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("/etc")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        walk(str(tmp_path / "l"), Cache())


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a", "1")
    put(tmp_path, "b", "2")
    settle()
    cache = Cache()
    first = walk(str(tmp_path), cache)
    put(tmp_path, "b", "3")
    read: list[bytes] = []
    really = steady.hashed

    def noted(fd: int, name: bytes, signature: Signature) -> bytes:
        read.append(name)
        return really(fd, name, signature)

    monkeypatch.setattr(module, "hashed", noted)
    assert walk(str(tmp_path), cache) != first
    assert read == [b"b"]


def test_file_with_its_old_time_put_back_is_read_again(tmp_path: Path) -> None:
    path = put(tmp_path, "a", "1")
    settle()
    cache = Cache()
    walk(str(tmp_path), cache)
    old = path.stat()
    path.write_text("2")
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    files, _ = records(walk(str(tmp_path), cache))
    assert files[b"a"][1] == blob_oid(b"2")


def test_file_written_a_moment_ago_is_not_remembered(tmp_path: Path) -> None:
    put(tmp_path, "a", "1")
    os.utime(tmp_path / "a")
    cache = Cache()
    walk(str(tmp_path), cache)
    assert cache.signatures == {}
    settle()
    walk(str(tmp_path), cache)
    assert list(cache.signatures) == [b"a"]


def test_cache_forgets_what_is_gone(tmp_path: Path) -> None:
    path = put(tmp_path, "a", "1")
    settle()
    cache = Cache()
    walk(str(tmp_path), cache)
    path.unlink()
    walk(str(tmp_path), cache)
    assert (cache.signatures, cache.files, cache.links) == ({}, {}, {})


def test_blobs_come_in_order_and_unknown_ones_are_empty(tmp_path: Path) -> None:
    put(tmp_path, "d/a", "1")
    (tmp_path / "l").symlink_to("target")
    cache = Cache()
    walk(str(tmp_path), cache)
    asked = [blob_oid(b"target"), b"0" * 40, blob_oid(b"1")]
    assert blobs(asked, cache) == [b"target", b"", b"1"]


def test_blobs_end_early_but_not_before_the_first(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        put(tmp_path, name, name * 10)
    cache = Cache()
    walk(str(tmp_path), cache)
    asked = [blob_oid(name * 10) for name in (b"a", b"b", b"c")]
    assert len(blobs(asked, cache, limit=1)) == 1
    assert len(blobs(asked, cache, limit=11)) == 2


def test_file_that_became_a_link_gives_nothing(tmp_path: Path) -> None:
    put(tmp_path, "d/a", "1")
    secret = put(tmp_path, "secret", "2").resolve()
    cache = Cache()
    walk(str(tmp_path), cache)
    (tmp_path / "d/a").unlink()
    (tmp_path / "d/a").symlink_to(secret)
    assert blobs([blob_oid(b"1")], cache) == [b""]
    (tmp_path / "d/a").unlink()
    (tmp_path / "d").rmdir()
    (tmp_path / "d").symlink_to(tmp_path)
    put(tmp_path, "a", "2")
    assert blobs([blob_oid(b"1")], cache) == [b""]


def test_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, "a", "1")
    really = os.read

    def late(file: int, size: int) -> bytes:
        data = really(file, size)
        path.write_text("longer than before")
        return data

    monkeypatch.setattr(os, "read", late)
    files, refused = records(walk(str(tmp_path), Cache()))
    assert (files, refused) == ({}, {b"a": module._CHANGED.encode()})


@pytest.mark.skipif(os.geteuid() == 0, reason="NOT RUN: root reads everything")
def test_unreadable_directory_is_refused_as_a_whole(tmp_path: Path) -> None:
    put(tmp_path, "d/a", "1")
    (tmp_path / "d").chmod(0)
    try:
        _, refused = records(walk(str(tmp_path), Cache()))
    finally:
        (tmp_path / "d").chmod(0o700)
    assert refused == {b"d": b"unreadable: Permission denied \xe2\x86\x92 chmod -R u+rwX"}


def test_huge_sparse_file_costs_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    _, refused = records(walk(str(tmp_path), Cache()))
    assert refused[b"sparse"].startswith(b"1099511627776 bytes, 67108864 are allowed")


def test_descriptors_do_not_pile_up(tmp_path: Path) -> None:
    put(tmp_path, "/".join(["d"] * 60) + "/f", "1")
    cache = Cache()
    before = len(os.listdir("/proc/self/fd"))
    walk(str(tmp_path), cache)
    blobs([blob_oid(b"1")], cache)
    assert len(os.listdir("/proc/self/fd")) == before


def test_it_runs_on_nothing_but_the_standard_library(tmp_path: Path) -> None:
    put(tmp_path, b"tree/\xff", "1")
    program = (
        f"import sys; sys.path.insert(0, {str(Path(module.__file__).parents[3])!r})\n"
        "from interlock.supervisor.toolhost.walk import *\n"
        f"sys.stdout.buffer.write(walk({str(tmp_path / 'tree')!r}, Cache()))"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], env={}, capture_output=True, check=True
    )
    assert run.stdout == b"100644 %b \xff\0\0\0" % blob_oid(b"1")
