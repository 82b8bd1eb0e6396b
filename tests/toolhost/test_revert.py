"""Reverting: exactly the named paths, whatever stands there, and nothing else."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.toolhost.conftest import Host


def entry(path: bytes | str, mode: str | None = None, data: bytes | None = None) -> dict[str, Any]:
    """One entry of a revert."""
    name = os.fsencode(path)
    return {
        "path": base64.b64encode(name).decode(),
        "mode": mode,
        "data": None if data is None else base64.b64encode(data).decode(),
    }


def revert(host: Host, *entries: dict[str, Any]) -> dict[str, Any]:
    """Have them reverted, as in an import: while frozen."""
    host.call("freeze")
    done = host.ok("revert", entries=list(entries))
    host.call("thaw")
    return done


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the tree, with one file."""
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "a.py").write_text("outside")
    return directory


def test_changed_file_comes_back_and_added_one_goes(host: Host, root: Path) -> None:
    (root / "src").mkdir()
    (root / "src" / "a.py").write_text("changed")
    (root / "new" / "deep").mkdir(parents=True)
    (root / "new" / "deep" / "b.py").write_text("")
    (root / "new" / "kept.py").write_text("")
    done = revert(
        host,
        entry("src/a.py", "100755", b"base\n"),
        entry("new/deep/b.py"),
        entry("gone/before"),
        entry("was/deleted", "100644", b""),
        entry("link", "120000", b"src/a.py"),
    )
    assert done == {"reverted": 5}
    assert (root / "src" / "a.py").read_text() == "base\n"
    assert (root / "src" / "a.py").stat().st_mode & 0o777 == 0o755
    assert not (root / "new" / "deep").exists()
    assert (root / "new" / "kept.py").exists()
    assert (root / "was" / "deleted").read_bytes() == b""
    assert os.readlink(root / "link") == "src/a.py"


def test_last_file_takes_its_empty_directories_with_it_but_not_the_root(
    host: Host, root: Path
) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "c").write_text("")
    revert(host, entry("a/b/c"))
    assert os.listdir(root) == []


def test_link_where_a_directory_was_gives_way_and_is_not_followed(
    host: Host, root: Path, outside: Path
) -> None:
    (root / "src").symlink_to(outside)
    revert(host, entry("src/a.py", "100644", b"base"), entry("src"), entry("src/b/c.py"))
    assert (root / "src").is_dir()
    assert not (root / "src").is_symlink()
    assert (root / "src" / "a.py").read_bytes() == b"base"
    assert (outside / "a.py").read_text() == "outside"


def test_removal_behind_a_link_touches_nothing(host: Host, root: Path, outside: Path) -> None:
    (root / "src").symlink_to(outside)
    revert(host, entry("src/a.py"))
    assert (outside / "a.py").read_text() == "outside"
    assert (root / "src").is_symlink()


def test_link_and_hard_link_at_the_place_are_replaced_not_written_through(
    host: Host, root: Path, outside: Path
) -> None:
    (root / "soft").symlink_to(outside / "a.py")
    os.link(outside / "a.py", root / "hard")
    (root / "turned").write_text("was a link")
    revert(
        host,
        entry("soft", "100644", b"base"),
        entry("hard", "100644", b"base"),
        entry("turned", "120000", b"soft"),
    )
    assert (outside / "a.py").read_text() == "outside"
    assert not (root / "soft").is_symlink()
    assert (root / "hard").read_bytes() == b"base"
    assert os.readlink(root / "turned") == "soft"


def test_directory_where_a_file_was_is_removed_with_all_in_it(
    host: Host, root: Path, outside: Path
) -> None:
    (root / "a.py" / "deep").mkdir(parents=True)
    (root / "a.py" / "deep" / "x").write_text("")
    (root / "a.py" / "out").symlink_to(outside)
    (root / "gone" / "x").mkdir(parents=True)
    revert(host, entry("a.py", "100644", b"base"), entry("gone"))
    assert (root / "a.py").read_bytes() == b"base"
    assert not (root / "gone").exists()
    assert (outside / "a.py").exists()


def test_special_files_in_the_way_go(host: Host, root: Path) -> None:
    os.mkfifo(root / "fifo")
    os.mkfifo(root / "dir")
    revert(host, entry("fifo", "100644", b"x"), entry("dir/f", "100644", b"y"))
    assert stat.S_ISREG((root / "fifo").stat().st_mode)
    assert (root / "dir" / "f").read_bytes() == b"y"


def test_permissions_taken_away_keep_nothing_from_being_reverted(host: Host, root: Path) -> None:
    for name in ("shut", "shut-too"):
        (root / name / "in").mkdir(parents=True)
        (root / name / "in" / "f").write_text("changed")
        (root / name / "in").chmod(0)
        (root / name).chmod(0o500)
    revert(host, entry("shut/in/f", "100644", b"base"), entry("shut-too/in/f"))
    assert (root / "shut" / "in" / "f").read_bytes() == b"base"
    assert not (root / "shut-too").exists()


def test_names_that_are_no_utf8_are_reverted_too(host: Host, root: Path) -> None:
    name = os.fsencode(root) + b"/caf\xe9\n"
    Path(os.fsdecode(name)).write_text("")
    revert(host, entry(b"caf\xe9\n"), entry(b"\xff/\xfe", "100644", b"x"))
    assert os.listdir(os.fsencode(root)) == [b"\xff"]


@pytest.mark.parametrize(
    "bad",
    [
        entry("../x", "100644", b""),
        entry("/x", "100644", b""),
        entry("a//b"),
        entry("a/../b"),
        entry("./a"),
        entry(""),
        entry("a/"),
        entry(b"a\0b"),
        entry(".git/config", "100644", b""),
        entry(".git"),
        entry("x", "160000", b""),
        entry("x", "100644"),
        entry("x", None, b""),
        {"path": "eA=="},
        {"path": "not base64!", "mode": None, "data": None},
        {"path": 1, "mode": None, "data": None},
    ],
)
def test_one_bad_entry_and_nothing_is_touched(host: Host, root: Path, bad: dict[str, Any]) -> None:
    (root / "f").write_text("x")
    assert host.refused("revert", entries=[entry("f"), bad]) == "invalid"
    assert (root / "f").exists()


def test_what_cannot_be_reverted_is_named_and_the_rest_is_done(host: Host, root: Path) -> None:
    (root / "f").write_text("")
    entries = [entry("x" * 300, "100644", b""), entry("f")]
    assert host.refused("revert", entries=entries) == "not_reverted"
    assert not (root / "f").exists()


def test_revert_again_is_the_same(host: Host, root: Path) -> None:
    entries = [entry("d/f", "100644", b"base"), entry("g")]
    for _ in range(2):
        revert(host, *entries)
    assert (root / "d" / "f").read_bytes() == b"base"
