"""What must hold in a house, whatever was killed in it.

Each check takes what it looks at and gives the violations that it finds, in words. The first part
is over events, the second over processes and what they leave on the machine; ``Watch`` applies both
to a running house. ``test_invariants`` shows that each check notices what it is for.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.e2e.conftest import House
from tests.e2e.processes import Process, Table, below, kind, mentions, table

from interlock.errors import InterlockError

__all__ = ["Watch", "grown", "leftover_files"]

Event = Mapping[str, Any]

# -- events ------------------------------------------------------------------------------------

FORWARD = ("PLAN", "TDD", "IMPL", "REVIEW", "COMPLETE")
_FINAL = {"task_completed", "task_aborted"}
_AFTER_THE_END = {"reviewer_ended"}


def gaps(events: Sequence[Event]) -> list[str]:
    """Ids are 1, 2, 3 … and so is each task's own count."""
    found = []
    if [event["id"] for event in events] != list(range(1, len(events) + 1)):
        found.append("the ids of the events have a gap or a double")
    for task, own in _by_task(events).items():
        if [event["task_version"] for event in own] != list(range(1, len(own) + 1)):
            found.append(f"{task}: its events have a gap or a double")
    return found


def doubled_commands(events: Sequence[Event]) -> list[str]:
    """What one command recorded stands together: it was recorded once."""
    places = defaultdict(list)
    for event in events:
        if event["command_id"]:
            places[event["command_id"]].append(event["id"])
    return [
        f"command {command} was recorded more than once: events {ids}"
        for command, ids in places.items()
        if ids != list(range(ids[0], ids[0] + len(ids)))
    ]


def changed(seen: Sequence[Event], now: Sequence[Event]) -> list[str]:
    """Every event that somebody has seen is still there, with the same content."""
    by_id = {event["id"]: event for event in now}
    return [
        f"event {event['id']} ({event['event_type']}) was shown and is gone or another one now"
        for event in seen
        if by_id.get(event["id"]) != event
    ]


def crossed_attempts(events: Sequence[Event]) -> list[str]:
    """A task has one open attempt at most, and each attempt one session and one outcome."""
    found = []
    sessions = Counter(
        event["data"]["session_id"]
        for event in events
        if event["event_type"] in ("attempt_started", "reviewer_started")
    )
    found += [f"session {name} was started twice" for name, n in sessions.items() if n > 1]
    for task, own in _by_task(events).items():
        is_open = False
        for event in own:
            match event["event_type"]:
                case "attempt_started" if is_open:
                    found.append(f"{task}: an attempt began at {event['id']} before the last ended")
                case "attempt_started":
                    is_open = True
                case "attempt_ended" | "measurement_lost" | "phase_changed" if not is_open:
                    found.append(f"{task}: an attempt ended a second time at {event['id']}")
                case "attempt_ended" | "measurement_lost" | "phase_changed" | "task_completed":
                    is_open = False
    return found


def crossed_phases(events: Sequence[Event]) -> list[str]:
    """Phases follow each other in their order, epochs only rise, and nothing follows the end."""
    found = []
    for task, own in _by_task(events).items():
        phase, epoch, over = FORWARD[0], 0, False
        for event in own:
            data, number = event["data"], event["id"]
            if over and event["event_type"] not in _AFTER_THE_END:
                found.append(f"{task}: {event['event_type']} at {number} after its end")
            over = over or event["event_type"] in _FINAL
            if event["event_type"] in ("attempt_started", "phase_changed"):
                if data["epoch"] <= epoch:
                    found.append(f"{task}: the epoch does not rise at {number}")
                epoch = data["epoch"]
            if event["event_type"] == "attempt_started" and data["phase"] != phase:
                found.append(f"{task}: an attempt of {data['phase']} in {phase} at {number}")
            if event["event_type"] == "phase_changed":
                if data["source"] != phase:
                    found.append(f"{task}: left {data['source']} while in {phase} at {number}")
                if (
                    data["target"]
                    != FORWARD[FORWARD.index(phase) + 1 : FORWARD.index(phase) + 2][0]
                ):
                    found.append(f"{task}: from {phase} to {data['target']} at {number}")
                phase = data["target"]
    return found


def lost_trees(events: Sequence[Event]) -> list[str]:
    """Each attempt starts from exactly the tree that its phase started from."""
    found = []
    for task, own in _by_task(events).items():
        tree = ""
        for event in own:
            match event["event_type"]:
                case "task_created":
                    tree = event["data"]["base_tree"]
                case "phase_changed":
                    tree = event["data"]["tree"]
                case "attempt_started" if event["data"]["tree"] != tree:
                    found.append(f"{task}: the attempt at {event['id']} began on another tree")
                case "task_completed" if event["data"]["tree"] != tree:
                    found.append(f"{task}: another tree landed than the last phase's")
    return found


def doubled_ends(events: Sequence[Event]) -> list[str]:
    """A task has one outcome, one acceptance and one commit."""
    found = []
    for task, own in _by_task(events).items():
        counts = Counter(event["event_type"] for event in own)
        ends = sum(counts[name] for name in _FINAL)
        if ends > 1 or counts["completion_accepted"] > 1 or counts["task_created"] != 1:
            found.append(f"{task}: begun {counts['task_created']} times, ended {ends} times")
    return found


def all_of_events(events: Sequence[Event]) -> list[str]:
    """Every check that needs nothing but the events."""
    checks = (gaps, doubled_commands, crossed_attempts, crossed_phases, lost_trees, doubled_ends)
    return [problem for check in checks for problem in check(events)]


def open_sessions(events: Sequence[Event]) -> set[str]:
    """Sessions that have begun, and neither they nor their phase nor their task ended."""
    found: set[str] = set()
    authors: dict[str, str] = {}
    reviewers: defaultdict[str, set[str]] = defaultdict(set)
    for event in events:
        task, data = event["task_id"], event["data"]
        match event["event_type"]:
            case "attempt_started":
                authors[task] = data["session_id"]
            case "reviewer_started":
                reviewers[task].add(data["session_id"])
            case "reviewer_ended":
                reviewers[task].discard(data["session_id"])
            case "attempt_ended" | "measurement_lost":
                authors.pop(task, None)
            case "phase_changed" | "task_completed" | "task_aborted":
                authors.pop(task, None)
                reviewers.pop(task, None)
    return found.union(authors.values(), *reviewers.values())


def _by_task(events: Iterable[Event]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event["task_id"], []).append(event)
    return found


# -- the machine -------------------------------------------------------------------------------


def orphans(processes: Table, monitor: int, known: Collection[tuple[int, int]]) -> list[str]:
    """Whoever was once below the monitor and still lives is below it now."""
    inside = {process.key for process in below(processes, monitor)}
    return [
        f"{kind(process)} {process.pid} lives outside of the house: {' '.join(process.command)}"
        for process in processes.values()
        if process.is_alive and process.key in known and process.key not in inside
    ]


def strangers(processes: Table, monitor: int, name: str) -> list[str]:
    """Nobody else works on the house's files either."""
    inside = {process.key for process in below(processes, monitor)}
    return [
        f"{kind(process)} {process.pid} works on {name}: {' '.join(process.command)}"
        for process in processes.values()
        if process.is_alive
        and process.key not in inside
        and process.pid != os.getpid()
        and mentions(process.pid, name)
    ]


def leftover_trees(state: Path, wanted: Collection[str]) -> list[str]:
    """Scratches and session directories are those of open sessions; nothing waits for removal."""
    found = []
    for place in (state / "scratch", state / "sessions"):
        for path in _listed(place):
            if path.name == ".removed":
                found += [f"{each} is still to be removed" for each in _listed(path)]
            elif path.is_dir() and path.name not in wanted:
                found.append(f"{path} is nobody's")
    return found


def leftover_files(state: Path) -> list[str]:
    """No lock, temporary index or half-written object of a git that died."""
    repository = state / "repo.git"
    found = [f"{path} is left" for path in _listed(repository / "interlock")]
    for path in repository.rglob("*"):
        name = path.name
        if name.endswith(".lock") or name.startswith(("tmp", "incoming-", ".tmp")):
            found.append(f"{path} is left")
    return found


def mounts(mountinfo: str, name: str) -> list[str]:
    """Nothing of the house is mounted outside of its sandboxes."""
    return [f"mounted: {line}" for line in mountinfo.splitlines() if name in line]


def leftover_cgroups(roots: Iterable[Path], owners: Collection[int]) -> list[str]:
    """A cgroup that one of these supervisors made has processes in it."""
    found = []
    for root in roots:
        for path in _listed(root):
            owner = path.name.partition("-")[0]
            if not owner.isdigit() or int(owner) not in owners:
                continue
            with suppress(OSError):  # gone meanwhile
                if not (path / "cgroup.procs").read_text():
                    found.append(f"{path} is empty and still there")
    return found


def abandoned(place: Path, before: Collection[str]) -> list[str]:
    """No directory of a judge job that nobody holds any more."""
    found = []
    for path in _listed(place):
        if path.name in before or not path.name.startswith("interlock-"):
            continue
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(f"{path} is nobody's")
            except BlockingIOError:
                pass  # in use
            finally:
                os.close(descriptor)
    return found


def leftover_temporaries(place: Path, most: int) -> list[str]:
    """Directories for temporary files: no more than living processes have use for."""
    names = [path.name for path in _listed(place)]
    if len(names) <= most:
        return []
    return [f"{len(names)} temporary files and directories, {most} are in use: {sorted(names)}"]


def shared_memory(sysvipc: str, owners: Collection[int]) -> list[str]:
    """No System V segment that a supervisor made and nobody uses."""
    return [
        f"shared memory: {line}"
        for line in sysvipc.splitlines()[1:]
        if int(line.split()[4]) in owners
    ]


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Descriptors of one process at two quiet moments: no kind of them is more than before."""
    return [
        f"{after[what]} of {what} are open, it was {before.get(what, 0)}"
        for what in after
        if after[what] > before.get(what, 0)
    ]


def descriptors(pid: int) -> Counter[str]:
    """What a process has open, numbers left out."""
    found: Counter[str] = Counter()
    with suppress(FileNotFoundError):
        for path in Path("/proc", str(pid), "fd").iterdir():
            with suppress(FileNotFoundError):
                found[re.sub(r"\d+", "N", os.readlink(path))] += 1
    return found


def _listed(place: Path) -> list[Path]:
    try:
        return sorted(place.iterdir())
    except FileNotFoundError:
        return []


# -- a running house ---------------------------------------------------------------------------

_CGROUPS = tuple(Path("/sys/fs/cgroup", name, "interlock") for name in ("", "memory", "pids"))
_MEMORY = Path("/dev/shm")


class Watch:
    """All checks on one house, over its life.

    Args:
        house: it is up.
        patience_s: how long it may take to be whole again after something was killed.
    """

    def __init__(self, house: House, patience_s: float = 60.0) -> None:
        self._house = house
        self._patience_s = patience_s
        self._known: set[tuple[int, int]] = set()
        self._supervisors: set[int] = set()
        self._memory = {path.name for path in _listed(_MEMORY)}
        self.events: list[Event] = []
        self.longest_s = 0.0

    def look(self) -> list[Process]:
        """The house's processes, monitor first, remembered; empty while it is down."""
        monitor = self._house.pid("pid")
        processes = table()
        if monitor not in processes or kind(processes[monitor]) != "monitor":
            return []
        found = [process for process in below(processes, monitor) if process.is_alive]
        self._known |= {process.key for process in found}
        self._supervisors |= {p.pid for p in found if kind(p) == "supervisor"}
        return found

    def settle(self, *, all_events: bool = False) -> None:
        """Wait until everything holds, and say what does not if that takes too long."""
        begun = time.monotonic()
        while problems := self.problems(all_events=all_events):
            waited = time.monotonic() - begun
            assert waited < self._patience_s, "\n".join([*problems, "", *self._told(problems)])
            time.sleep(0.05)
        self.longest_s = max(self.longest_s, time.monotonic() - begun)

    def completed(self, task_id: str) -> dict[str, Any]:
        """The task when it is complete, or everything there is to say of it."""
        try:
            return self._house.completed(task_id)
        except AssertionError:
            self._read_events(from_start=False)
            why = [f"{task_id} does not come to its end"]
            raise AssertionError("\n".join([*why, *self._told(why)])) from None

    def _told(self, problems: Collection[str]) -> list[str]:
        """What the problems name in events, the processes, and what server and supervisor say."""
        named = {word for problem in problems for word in re.findall(r"(?:ses|task)_\w+", problem)}
        events = [e for e in self.events if any(name in str(e) for name in named)]
        logs = [self._house.state / "logs" / f"{name}.log" for name in ("server", "supervisor")]
        return [
            *(f"{e['id']} {e['timestamp']} {e['event_type']} {e['data']}"[:300] for e in events),
            *(f"{process.pid} {kind(process)}" for process in self.look()),
            *(path.read_text()[-20000:] for path in logs),
        ]

    def problems(self, *, all_events: bool = False) -> list[str]:
        """What does not hold at this moment."""
        house = self._house
        found = self.look()
        kinds = {kind(process) for process in found}
        missing = {"monitor", "server", "supervisor"} - kinds
        if missing:
            return [f"no {name} runs" for name in sorted(missing)]
        try:
            if str(house.client.about()["state"]) != str(house.state):
                return ["another house answers"]
            self._read_events(from_start=all_events)
        except InterlockError as error:
            return [f"the server does not answer: {error}"]
        problems = [*all_of_events(self.events), *self._of_machine(found[0].pid, len(found))]
        return [*problems, *self._nobodys_trees()]

    def _nobodys_trees(self) -> list[str]:
        """What was there for no session that was open before or after the look: on a loaded
        machine one begins between the events and the directories."""
        open_before = open_sessions(self.events)
        there = leftover_trees(self._house.state, open_before)
        if not there:
            return []
        with suppress(InterlockError):
            self._read_events(from_start=False)
        began = open_sessions(self.events) - open_before
        return [line for line in there if not any(session in line for session in began)]

    def quiet(self) -> dict[str, Counter[str]]:
        """Descriptors of server and supervisor."""
        return {name: descriptors(self._house.pid(name) or 0) for name in ("server", "supervisor")}

    def nothing_left(self) -> list[str]:
        """What is still there after the house went down."""
        house, processes = self._house, table()
        return [
            *orphans(processes, 0, self._known),
            *strangers(processes, 0, house.root.name),
            *leftover_trees(house.state, ()),
            *leftover_cgroups(_CGROUPS, self._supervisors),
            *abandoned(_MEMORY, self._memory),
            *leftover_temporaries(house.root / "tmp", 0),
            *shared_memory(Path("/proc/sysvipc/shm").read_text(), self._supervisors),
        ]

    def _of_machine(self, monitor: int, count: int) -> list[str]:
        house, processes = self._house, table()
        supervisor = house.pid("supervisor")
        places = ["/proc/self/mountinfo", f"/proc/{supervisor}/mountinfo"]
        found = [
            *orphans(processes, monitor, self._known),
            *strangers(processes, monitor, house.root.name),
            *leftover_cgroups(_CGROUPS, self._supervisors),
            *abandoned(_MEMORY, self._memory),
            *shared_memory(Path("/proc/sysvipc/shm").read_text(), self._supervisors),
        ]
        for place in places:
            with suppress(FileNotFoundError):
                found += mounts(Path(place).read_text(), house.root.name)
        return found

    def _read_events(self, *, from_start: bool) -> None:
        known = [] if from_start else self.events
        cursor, found = len(known), list(known)
        while True:
            more, cursor = self._house.client.events(cursor, limit=500)
            if not more:
                break
            found += more
        if problems := changed(self.events, found):
            raise AssertionError("\n".join(problems))
        self.events = found
