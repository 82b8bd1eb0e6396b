"""Each check of a house notices what it is for, and says nothing of a house where all is well."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.e2e import invariants
from tests.e2e.processes import Process, kill, kind, mentions, table

TASK = "task_1"


def event(
    number: int, name: str, version: int = 0, task: str = TASK, **data: Any
) -> dict[str, Any]:
    """An event as the people's door shows it."""
    return {
        "id": number,
        "event_type": name,
        "task_id": task,
        "task_version": version or number,
        "command_id": data.pop("command_id", None),
        "data": data,
    }


def _one_phase(number: int, phase: str, target: str, epoch: int, tree: str) -> list[dict[str, Any]]:
    session = f"ses_{phase}"
    return [
        event(number, "attempt_started", session_id=session, phase=phase, epoch=epoch, tree=tree),
        event(number + 1, "phase_transition_requested", command_id=f"cmd_{phase}"),
        event(
            number + 2,
            "phase_changed",
            source=phase,
            target=target,
            epoch=epoch + 1,
            tree=f"{tree}+",
        ),
    ]


def history() -> list[dict[str, Any]]:
    """A whole task in which nothing is wrong."""
    found = [event(1, "task_created", base_tree="t")]
    phases = invariants.FORWARD
    for index, phase in enumerate(phases[:-1]):
        found += _one_phase(
            3 * index + 2, phase, phases[index + 1], 2 * index + 1, "t" + "+" * index
        )
    number, tree = len(found) + 1, "t++++"
    last: dict[str, Any] = {"session_id": "ses_last", "phase": "COMPLETE", "epoch": 9, "tree": tree}
    return [
        *found,
        event(number, "attempt_started", **last),
        event(number + 1, "completion_accepted", command_id="cmd_end"),
        event(number + 2, "task_completed", tree=tree),
    ]


def without(index: int) -> list[dict[str, Any]]:
    return [e for e in history() if e["id"] != index]


def changed(index: int, **data: Any) -> list[dict[str, Any]]:
    found = history()
    found[index - 1]["data"].update(data)
    return found


def inserted(after: int, name: str, **data: Any) -> list[dict[str, Any]]:
    """The history with one more event, numbered as the store would."""
    found = history()
    found.insert(after, event(after + 1, name, **data))
    for number, each in enumerate(found, 1):
        each["id"] = each["task_version"] = number
    return found


def test_nothing_is_said_of_a_whole_history() -> None:
    assert invariants.all_of_events(history()) == []
    assert invariants.changed(history()[:5], history()) == []
    assert invariants.open_sessions(history()) == set()
    assert invariants.open_sessions(history()[:2]) == {"ses_PLAN"}


SESSION = {"session_id": "ses_new", "phase": "TDD", "epoch": 3, "tree": "t+"}

BROKEN: list[tuple[str, list[dict[str, Any]], str]] = [
    ("an event is lost", without(6), "gap"),
    ("an event is there twice", [*history(), history()[-1]], "double"),
    (
        "a task lost one, the ids did not",
        [{**e, "id": i} for i, e in enumerate(without(6), 1)],
        TASK,
    ),
    (
        "a command was recorded twice",
        inserted(9, "artifact_submitted", command_id="cmd_PLAN"),
        "more than once",
    ),
    ("two attempts are open", inserted(5, "attempt_started", **SESSION), "before the last ended"),
    ("an attempt has two outcomes", inserted(4, "attempt_ended"), "a second time"),
    ("one session for two attempts", changed(5, session_id="ses_PLAN"), "started twice"),
    ("a phase is left out", changed(4, target="IMPL"), "from PLAN to IMPL"),
    ("a phase is left that the task is not in", changed(7, source="PLAN"), "while in TDD"),
    ("an attempt of another phase", changed(5, phase="IMPL"), "in TDD"),
    ("the epoch stands still", changed(5, epoch=2), "epoch"),
    ("an attempt on another tree", changed(5, tree="t"), "another tree"),
    ("another tree lands", changed(16, tree="t+++"), "another tree landed"),
    (
        "something happens after the end",
        inserted(16, "attempt_started", **SESSION),
        "after its end",
    ),
    ("a task ends twice", inserted(16, "task_completed", tree="t++++"), "ended 2 times"),
    ("a task begins twice", inserted(16, "task_created", base_tree="t"), "begun 2 times"),
]


@pytest.mark.parametrize("events,says", [case[1:] for case in BROKEN], ids=[c[0] for c in BROKEN])
def test_a_broken_history_is_noticed(events: list[dict[str, Any]], says: str) -> None:
    assert says in "\n".join(invariants.all_of_events(events))


def test_what_was_shown_may_not_change() -> None:
    seen = history()[:5]
    assert invariants.changed(seen, without(3))
    assert invariants.changed(seen, changed(2, tree="x"))


def process(pid: int, parent: int, *command: str, started: int = 1, state: str = "S") -> Process:
    return Process(pid, parent, started, state, 0, command or ("sleep",))


def test_who_lived_in_the_house_and_lives_outside_is_noticed() -> None:
    monitor, child, grandchild = process(10, 1), process(11, 10), process(12, 11)
    known = {each.key for each in (monitor, child, grandchild)}

    def found(*processes: Process) -> list[str]:
        return invariants.orphans({p.pid: p for p in processes}, 10, known)

    assert found(monitor, child, grandchild) == []
    assert found(monitor, process(12, 1)) != []
    assert found(monitor, process(12, 1, state="Z")) == []
    assert found(monitor, process(12, 1, started=2)) == []  # only the number is the same


@contextmanager
def working_on(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], cwd=place
    ) as other:
        try:
            yield other
        finally:
            other.kill()


def test_a_stranger_at_the_files_of_the_house_is_noticed(tmp_path: Path) -> None:
    place = tmp_path / "il-house-of-this-test"
    place.mkdir()
    assert not mentions(os.getpid(), place.name)
    assert invariants.strangers(table(), 0, place.name) == []
    with working_on(place) as other:
        (said,) = invariants.strangers(table(), 0, place.name)
        assert str(other.pid) in said
        assert invariants.strangers(table(), other.pid, place.name) == []


def _put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize(
    "left", ["scratch/ses_2/w/x", "sessions/ses_2/prompt.md", "scratch/.removed/0a/w"]
)
def test_a_tree_that_nobody_wants_is_noticed(tmp_path: Path, left: str) -> None:
    for name in ("scratch/ses_1/w/x", "sessions/ses_1/prompt.md", "sessions/ses_2.log"):
        _put(tmp_path / name)
    (tmp_path / "scratch" / ".removed").mkdir()
    assert invariants.leftover_trees(tmp_path, {"ses_1"}) == []
    _put(tmp_path / left)
    assert invariants.leftover_trees(tmp_path, {"ses_1"}) != []


@pytest.mark.parametrize(
    "left",
    [
        "interlock/tmp1/index",
        "refs/interlock/x.lock",
        "packed-refs.lock",
        "objects/pack/tmp_pack_1",
        "objects/aa/tmp_obj_1",
    ],
)
def test_a_leftover_of_git_is_noticed(tmp_path: Path, left: str) -> None:
    for name in ("refs/interlock/x", "objects/aa/bb", "objects/pack/pack-1.idx"):
        _put(tmp_path / "repo.git" / name)
    (tmp_path / "repo.git" / "interlock").mkdir()
    assert invariants.leftover_files(tmp_path) == []
    _put(tmp_path / "repo.git" / left)
    assert invariants.leftover_files(tmp_path) != []


def test_a_mount_of_the_house_is_noticed() -> None:
    line = "36 35 98:0 /il-x/scratch /run/interlock/0 rw - ext4 /dev/root rw"
    assert invariants.mounts("35 1 98:0 / / rw - ext4 /dev/root rw", "il-x") == []
    assert invariants.mounts(line, "il-x") != []


def test_an_empty_cgroup_is_noticed_if_it_is_ours(tmp_path: Path) -> None:
    for name, processes in (("7-used", "12\n"), ("7-empty", ""), ("8-empty", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").write_text(processes)
    assert invariants.leftover_cgroups([tmp_path, tmp_path / "none"], {6}) == []
    (said,) = invariants.leftover_cgroups([tmp_path], {7})
    assert "7-empty" in said


def test_a_directory_in_memory_that_nobody_holds_is_noticed(tmp_path: Path) -> None:
    held, left = tmp_path / "interlock-judge-a", tmp_path / "interlock-judge-b"
    for path in (held, left, tmp_path / "other"):
        path.mkdir()
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert invariants.abandoned(tmp_path, {left.name}) == []
    (said,) = invariants.abandoned(tmp_path, set())
    assert left.name in said
    os.close(descriptor)


def test_too_many_temporary_files_are_noticed(tmp_path: Path) -> None:
    _put(tmp_path / "one")
    assert invariants.leftover_temporaries(tmp_path, 1) == []
    assert invariants.leftover_temporaries(tmp_path, 0) != []


def test_a_segment_of_a_dead_supervisor_is_noticed() -> None:
    text = "key shmid perms size cpid lpid\n 1 2 666 4096 77 77 0 0\n"
    assert invariants.shared_memory(text, {78}) == []
    assert invariants.shared_memory(text, {77}) != []


def test_descriptors_that_grow_are_noticed() -> None:
    before = invariants.descriptors(os.getpid())
    assert invariants.grown(before, invariants.descriptors(os.getpid())) == []
    descriptor = os.open(os.devnull, os.O_RDONLY)
    again = os.dup(descriptor)
    assert invariants.grown(before, invariants.descriptors(os.getpid())) != []
    os.close(descriptor)
    os.close(again)


KINDS: list[tuple[str, Callable[[], list[str]]]] = [
    ("monitor", lambda: ["python", "-m", "interlock.supervisor.monitor", "--state", "/s"]),
    ("supervisor", lambda: ["python", "-m", "interlock.supervisor", "--state", "/s"]),
    ("server", lambda: ["python", "-m", "interlock.server", "--state", "/s"]),
    ("launcher", lambda: ["python", "-I", "-S", "/x/confinement/launcher/run.py", "5"]),
    ("sandbox", lambda: ["/usr/bin/bwrap", "--", "python", "-c", "supervisor.toolhost"]),
    ("toolhost", lambda: ["python", "-c", "import interlock.supervisor.toolhost.main", "5"]),
    ("judge runner", lambda: ["/env/bin/python", "-c", "x", "/judge/runner", "6"]),
    ("agent", lambda: ["python3", "/r/agents/honest.py", "20"]),
    ("git", lambda: ["/usr/bin/git", "--no-pager", "cat-file"]),
    ("tool", lambda: ["rm", "-rf", "/x"]),
    ("tool", list),
]


@pytest.mark.parametrize("name,command", KINDS)
def test_a_process_is_known_by_its_command_line(
    name: str, command: Callable[[], list[str]]
) -> None:
    assert kind(process(1, 1)) == "tool"
    assert kind(Process(1, 1, 1, "S", 0, tuple(command()))) == name


def test_only_the_process_that_was_meant_is_killed(tmp_path: Path) -> None:
    with working_on(tmp_path) as other:
        meant = table()[other.pid]
        later = Process(
            meant.pid, meant.parent, meant.started + 1, meant.state, meant.uid, meant.command
        )
        assert not kill(later)
        assert other.poll() is None
        assert kill(meant)
        other.wait(30)
        assert not kill(meant)
