"""Reading and writing single files, and every way out of the tree."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.supervisor.toolhost.beneath import Tree
from interlock.supervisor.toolhost.files import Files
from interlock.supervisor.toolhost.pages import MAX_PAGE
from interlock.supervisor.toolhost.refusal import Refusal

if TYPE_CHECKING:
    from tests.toolhost.conftest import Host


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file beside the tree."""
    file = tmp_path / "secret"
    file.write_text("do not read")
    return file


@pytest.fixture
def trap(root: Path, secret: Path) -> Path:
    """A tree with everything that leads out of it."""
    (root / "src").mkdir()
    (root / "src" / "a.py").write_text("inside\n")
    (root / "in").symlink_to("src")
    (root / "file-in").symlink_to("src/../src/a.py")
    (root / "absolute").symlink_to(secret)
    (root / "relative").symlink_to("src/../../secret")
    (root / "dir-out").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "magic").symlink_to("/proc/self/root")
    os.mkfifo(root / "fifo")
    return root


def contents(page: dict[str, Any]) -> bytes:
    """The bytes that a page stands for."""
    text: str = page["text"]
    return text.encode() if page["encoding"] == "utf-8" else base64.b64decode(text)


OUT = [
    *("../secret", "src/../../secret", "dir-out/secret", "in/../../secret"),
    *("absolute", "relative", "loop", "magic/etc/passwd", "/etc/passwd", "/proc/self/environ"),
]


@pytest.mark.parametrize("path", OUT)
@pytest.mark.parametrize("op", ["read", "write", "edit", "list", "grep", "run"])
def test_no_operation_leaves_the_tree(
    host: Host, trap: Path, secret: Path, path: str, op: str
) -> None:
    special: dict[str, dict[str, Any]] = {
        "write": {"path": path, "text": "x"},
        "edit": {"path": path, "old": "do", "new": "x"},
        "grep": {"path": path, "regex": "."},
        "run": {"cwd": path, "argv": ["true"]},
    }
    assert host.refused(op, **special.get(op, {"path": path})) in ("EXDEV", "ELOOP")
    assert secret.read_text() == "do not read"


def test_root_given_absolutely_is_inside(host: Host, trap: Path) -> None:
    assert host.ok("read", path=f"{trap}/src/a.py")["path"] == "src/a.py"
    assert host.refused("read", path=f"{trap}-other/a") == "EXDEV"
    assert host.refused("read", path=f"{trap}/../secret") == "EXDEV"


@pytest.mark.parametrize("path", ["in/a.py", "file-in", "src/./../in//a.py"])
def test_link_inside_the_tree_is_followed_and_the_real_name_is_told(
    host: Host, trap: Path, path: str
) -> None:
    assert host.ok("read", path=path)["path"] == "src/a.py"
    assert host.ok("write", path=path, text="new")["path"] == "src/a.py"
    assert (trap / "src" / "a.py").read_text() == "new"
    assert (trap / "file-in").is_symlink()
    assert host.refused("read", path=path, follow=False) == "ELOOP"
    assert host.refused("write", path=path, text="", follow=False) == "ELOOP"


def test_resolve_says_what_would_be_opened(host: Host, trap: Path) -> None:
    os.link(trap / "src" / "a.py", trap / "hard")
    assert host.ok("resolve", path="in/a.py") == {
        "path": "src/a.py",
        "kind": "file",
        "size": 7,
        "links": 2,
    }
    assert host.ok("resolve", path="in/new/x") == {"path": "src/new/x", "kind": "missing"}
    assert host.ok("resolve", path=".")["path"] == "."
    assert host.refused("resolve", path="absolute") == "EXDEV"


@pytest.mark.parametrize("path", ["fifo", "src"])
def test_only_regular_files_are_read_and_replaced(host: Host, trap: Path, path: str) -> None:
    assert host.refused("read", path=path) == "not_regular"
    assert host.refused("write", path=path, text="x") in ("not_regular", "EISDIR")
    assert host.refused("write", path=".", text="x") == "EISDIR"


def test_hard_link_is_replaced_and_not_written_through(
    host: Host, root: Path, secret: Path
) -> None:
    os.link(secret, root / "hard")
    host.call("write", path="hard", text="mine")
    host.call("edit", path="hard", old="mine", new="mine too")
    assert (root / "hard").read_text() == "mine too"
    assert secret.read_text() == "do not read"


def test_directory_swapped_for_a_link_behind_the_decision_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "src").mkdir()
    tree = Tree(str(root))
    files = Files(tree)
    resolve = tree.resolve

    def swap(path: str, *, follow: bool = True) -> bytes:
        real = resolve(path, follow=follow)
        (root / "src").rename(root / "old")
        (root / "src").symlink_to(tmp_path)
        return real

    monkeypatch.setattr(tree, "resolve", swap)
    with pytest.raises(OSError, match="Too many levels"):
        files.write("src/made", text="x")
    assert not (tmp_path / "made").exists()


def test_write_makes_directories_and_keeps_the_mode(host: Host, root: Path) -> None:
    assert host.ok("write", path="a/b/c.sh", text="1", executable=True)["created"]
    assert not host.ok("write", path="a/b/c.sh", body=b"\xff\x00")["created"]
    assert (root / "a/b/c.sh").read_bytes() == b"\xff\x00"
    assert (root / "a/b/c.sh").stat().st_mode & 0o777 == 0o755
    host.call("write", path="a/b/c.sh", text="", executable=False)
    assert (root / "a/b/c.sh").stat().st_mode & 0o777 == 0o644
    assert host.refused("write", path="no/x", text="", make_dirs=False) == "ENOENT"
    assert os.listdir(root / "a/b") == ["c.sh"], "no temporary file is left"


def test_large_contents_go_both_ways(host: Host, root: Path) -> None:
    data = os.urandom(20 << 20)
    host.call("write", path="big", body=data)
    assert (root / "big").read_bytes() == data
    read, offset = b"", 0
    while offset is not None:
        page = host.ok("read", path="big", offset=offset)
        read, offset = read + contents(page), page["next"]
    assert read == data


def test_text_is_text_and_everything_else_base64(host: Host, root: Path) -> None:
    for data, encoding in (
        (b"caf\xc3\xa9\r\n", "utf-8"),
        (b"caf\xe9", "base64"),
        (b"a\0b", "base64"),
    ):
        (root / "f").write_bytes(data)
        page = host.ok("read", path="f")
        assert page["encoding"] == encoding
        assert contents(page) == data
        assert page["next"] is None


def test_page_in_bytes_does_not_cut_a_character(host: Host, root: Path) -> None:
    (root / "f").write_text("äöü€𝄞" * 10)
    for limit in range(4, 12):
        text, offset = "", 0
        while offset is not None:
            page = host.ok("read", path="f", offset=offset, limit=limit)
            assert page["encoding"] == "utf-8"
            text, offset = text + page["text"], page["next"]
        assert text == "äöü€𝄞" * 10


def test_pages_in_lines_follow_on_each_other(host: Host, root: Path) -> None:
    (root / "f").write_text("".join(f"{n}\n" for n in range(10)) + "end")
    page = host.ok("read", path="f", unit="lines", offset=3, limit=2)
    assert (page["text"], page["next"]) == ("3\n4\n", 5)
    page = host.ok("read", path="f", unit="lines", offset=9)
    assert (page["text"], page["next"]) == ("9\nend", None)
    assert host.ok("read", path="f", unit="lines", offset=99)["text"] == ""


def test_line_longer_than_a_page_is_cut_and_the_next_one_still_found(
    host: Host, root: Path
) -> None:
    (root / "f").write_bytes(b"x" * (2 * MAX_PAGE) + b"\nsecond\n")
    page = host.ok("read", path="f", unit="lines")
    assert (len(page["text"]), page["cut"], page["next"]) == (MAX_PAGE, True, 1)
    assert host.ok("read", path="f", unit="lines", offset=1)["text"] == "second\n"


def test_names_that_are_no_utf8_make_the_round_trip(host: Host, root: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    host.call("write", path=name, text="x")
    assert os.listdir(os.fsencode(root)) == [b"caf\xe9"]
    assert host.ok("list")["entries"][0]["name"] == name
    assert host.ok("glob", pattern="caf*")["paths"] == [name]
    assert host.ok("read", path=name)["text"] == "x"


def test_list_shows_kinds_and_sizes(host: Host, trap: Path) -> None:
    entries = {e["name"]: (e["kind"], e["size"]) for e in host.ok("list")["entries"]}
    assert entries["fifo"] == ("special", 0)
    assert entries["in"][0] == "link"
    assert entries["src"][0] == "directory"
    assert host.ok("list", path="in")["entries"] == [{"name": "a.py", "kind": "file", "size": 7}]


@pytest.mark.parametrize(
    "op,args",
    [
        ("read", {}),
        ("read", {"path": 1}),
        ("read", {"path": "f", "offset": True}),
        ("read", {"path": "f", "offset": -1}),
        ("read", {"path": "f", "offset": 10**30}),
        ("read", {"path": "f", "limit": 0}),
        ("read", {"path": "f", "unit": "words"}),
        ("read", {"path": "f", "surprise": 1}),
        ("read", {"path": ""}),
        ("read", {"path": "a\0b"}),
        ("read", {"path": "f", "body": b"x"}),
        ("write", {"path": "f", "text": "a", "body": b"b"}),
        ("edit", {"path": "f", "old": "", "new": "x"}),
        ("edit", {"path": "f", "old": "x", "new": "x"}),
        ("edit", {"path": "f", "old": "x", "new": "y", "count": 0}),
        ("multi_edit", {"path": "f", "edits": []}),
        ("multi_edit", {"path": "f", "edits": [{"old": "x"}]}),
        ("multi_edit", {"path": "f", "edits": [{"old": "x", "new": "y", "al": True}]}),
        ("multi_edit", {"path": "f", "edits": "x"}),
        ("run", {"argv": [1]}),
        ("run", {"argv": ["true"], "env": {"A": 1}}),
        ("glob", {"pattern": ""}),
        ("glob", {"pattern": "x", "limit": 0}),
    ],
)
def test_wrong_arguments_are_named_and_nothing_happens(
    host: Host, root: Path, op: str, args: dict[str, Any]
) -> None:
    (root / "f").write_text("x")
    assert host.refused(op, **args) == "invalid"
    assert (root / "f").read_text() == "x"


def test_unknown_operation_is_refused(host: Host) -> None:
    assert host.refused("format_disk") == "unknown_op"
    assert host.refused("__init__") == "unknown_op"


def test_edit_that_does_not_match_changes_nothing(host: Host, root: Path) -> None:
    (root / "f").write_text("a a b")
    assert host.refused("edit", path="f", old="a", new="c") == "mismatch"
    assert host.refused("edit", path="f", old="z", new="c", every=True) == "mismatch"
    edits = [{"old": "b", "new": "B"}, {"old": "z", "new": "Z"}]
    assert host.refused("multi_edit", path="f", edits=edits) == "mismatch"
    assert (root / "f").read_text() == "a a b"
    assert host.ok("edit", path="f", old="a", new="c", count=2)["replaced"] == 2
    assert (root / "f").read_text() == "c c b"


def test_later_edit_sees_the_outcome_of_the_earlier_one(host: Host, root: Path) -> None:
    (root / "f").write_bytes(b"one\r\n\xff")
    edits = [{"old": "one", "new": "two two"}, {"old": "two", "new": "3", "every": True}]
    assert host.ok("multi_edit", path="f", edits=edits)["replaced"] == 3
    assert (root / "f").read_bytes() == b"3 3\r\n\xff"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, Path]:
    """File operations without a process around them."""
    directory = tmp_path_factory.mktemp("tree")
    return Files(Tree(str(directory))), directory / "f"


SMALL = st.text(alphabet="abé", max_size=6)


@given(text=st.text(alphabet="abé\n", max_size=40), old=SMALL, new=SMALL, count=st.integers(1, 4))
def test_edit_replaces_exactly_the_counted_occurrences_or_refuses(
    plain: tuple[Files, Path], text: str, old: str, new: str, count: int
) -> None:
    files, file = plain
    file.write_text(text)
    fits = bool(old) and old != new and text.count(old) == count
    try:
        done = files.edit("f", old=old, new=new, count=count)
    except Refusal:
        assert not fits
        assert file.read_text() == text
    else:
        assert fits
        assert done["replaced"] == count
        assert file.read_text() == text.replace(old, new)
