"""Mounts are checked before anything runs, and a spec cannot ask for what must not be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.confinement.places import LEVEL_OF, RUNGS

from interlock.adapters.confinement import interpreter, start, translate
from interlock.adapters.confinement.mounts import plan
from interlock.errors import UnavailableError, UsageError
from interlock.ports.confinement import Level, Mount, Rung, SandboxSpec

if TYPE_CHECKING:
    from tests.confinement.conftest import Start

_NAMES = st.sampled_from(["a", "b", "c"])
_TARGETS = st.lists(_NAMES, min_size=1, max_size=4).map(lambda parts: "/w/" + "/".join(parts))


@pytest.mark.parametrize(
    "target", ["/", "/proc", "/proc/self", "/dev/null", "/sys", "w", "/w/../etc", "/w/", "//w", ""]
)
def test_mount_at_a_forbidden_or_crooked_target_is_refused(target: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan((Mount(source="/a", target=target),))
    assert caught.value.code == "IL-CNF-001"


def test_two_mounts_at_one_target_are_refused() -> None:
    with pytest.raises(UsageError, match="two mounts"):
        plan((Mount(source="/a", target="/w"), Mount(source="/b", target="/w")))


@given(st.dictionaries(_TARGETS, st.booleans(), max_size=6))
def test_each_parent_of_a_read_only_mount_in_a_writable_one_is_pinned(
    mounts: dict[str, bool],
) -> None:
    given_mounts = [Mount(source="/s", target="/w", writable=True)]
    given_mounts += [
        Mount(source="/s" + target[2:], target=target, writable=writable)
        for target, writable in mounts.items()
    ]
    planned = {mount.target: mount for mount in plan(tuple(given_mounts))}
    assert set(given_mounts) <= set(planned.values())
    order = list(planned)
    for target, writable in mounts.items():
        parent = os.path.dirname(target)
        assert order.index("/w") < order.index(target)
        while not writable and parent != "/w" and parent not in mounts:
            if _around(parent, mounts):
                assert planned[parent].source == "/s" + parent[2:]
                assert planned[parent].writable
                assert order.index(parent) < order.index(target)
            parent = os.path.dirname(parent)


def _around(path: str, mounts: dict[str, bool]) -> bool:
    """Whether the mount that holds ``path`` is writable."""
    while path != "/w":
        if path in mounts:
            return mounts[path]
        path = os.path.dirname(path)
    return True


@pytest.mark.parametrize("path", ["/tmp", "/tmp/x", "/home/agent", "/w/../tmp/x", "//tmp"])
def test_private_paths_have_no_translation_without_namespaces(path: str) -> None:
    spec = SandboxSpec(argv=("x",), mounts=(Mount(source="/a", target="/w"),))
    with pytest.raises(UsageError) as caught:
        translate(path, spec, Level.NONE)
    assert caught.value.remedy == "use $HOME and $TMPDIR"


@pytest.mark.sandbox
@RUNGS
@pytest.mark.parametrize("how", ["link", "link/below", "missing", "fifo"])
def test_source_with_a_link_or_that_is_no_file_is_refused(
    start_python: Start, scratch: Path, rung: Rung, how: str
) -> None:
    """A link in an agent's tree would otherwise open any directory of ours to it."""
    (scratch.parent / "secret" / "below").mkdir(parents=True)
    (scratch / "link").symlink_to(scratch.parent / "secret")
    os.mkfifo(scratch / "fifo")
    mounts = (*interpreter()[1], Mount(source=str(scratch / how), target="/w"))
    with pytest.raises(UnavailableError) as caught:
        start_python("", rung, mounts=mounts)
    assert caught.value.code == "IL-CNF-004"
    assert str(scratch / how) in caught.value.message


@pytest.mark.sandbox
def test_pinned_parent_that_is_a_link_is_refused(start_python: Start, scratch: Path) -> None:
    (scratch.parent / "secret").mkdir()
    (scratch.parent / "frozen").mkdir()
    (scratch / "link").symlink_to(scratch.parent / "secret")
    mounts = (
        *interpreter()[1],
        Mount(source=str(scratch), target="/w", writable=True),
        Mount(source=str(scratch.parent / "frozen"), target="/w/link/frozen"),
    )
    with pytest.raises(UnavailableError):
        start_python("", mounts=mounts)


@pytest.mark.sandbox
def test_files_and_nested_mounts_are_seen_where_they_were_asked_for(
    output: Callable[..., str], scratch: Path, uid: int | None
) -> None:
    (scratch / "inner").mkdir()
    (scratch.parent / "other").mkdir()
    (scratch.parent / "other" / "seen").write_text("x")
    (scratch.parent / "one-file").write_text("content")
    mounts = (
        *interpreter()[1],
        Mount(source=str(scratch.parent / "other"), target="/w/inner"),
        Mount(source=str(scratch), target="/w", writable=True),
        Mount(source=str(scratch.parent / "one-file"), target="/opt/deep/below/file"),
    )
    code = 'import os; print(os.listdir("/w/inner"), open("/opt/deep/below/file").read())'
    assert output(code, mounts=mounts) == "['seen'] content\n"


def test_nothing_is_run_as_root() -> None:
    for uid in (0, None) if os.getuid() == 0 else (0,):
        for rung, level in LEVEL_OF.items():
            with pytest.raises(UsageError) as caught:
                start(SandboxSpec(argv=("/bin/true",), uid=uid), level, rung=rung)
            assert caught.value.code == "IL-CNF-002"


@pytest.mark.skipif(os.getuid() == 0, reason="NOT RUN: root may")
def test_ordinary_user_cannot_ask_for_another_user() -> None:
    with pytest.raises(UsageError, match="only root"):
        start(SandboxSpec(argv=("/bin/true",), uid=os.getuid() + 1), Level.NONE)


@pytest.mark.sandbox
def test_failure_of_bubblewrap_is_an_error_and_its_words_are_kept(
    start_python: Start, scratch: Path
) -> None:
    """A file cannot be mounted where a directory is: only bubblewrap finds out."""
    (scratch / "directory").mkdir()
    (scratch.parent / "file").write_text("x")
    mounts = (
        *interpreter()[1],
        Mount(source=str(scratch), target="/w"),
        Mount(source=str(scratch.parent / "file"), target="/w/missing"),
    )
    reader, writer = os.pipe()
    with os.fdopen(reader) as pipe:
        with pytest.raises(UnavailableError, match="bubblewrap could not set up"):
            start_python("", mounts=mounts, stdout=writer)
        os.close(writer)
        assert "bwrap: " in pipe.read()
