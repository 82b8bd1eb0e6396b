"""Tasks played on a house: started, watched together, with what the records say of each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from interlock.adapters.agents.scripted import reviewer_commands, scripted_command
from interlock.adapters.trees.repository import Repository
from interlock.supervisor.composition import PROGRAMS
from interlock.testing.adversary.landing import Taken
from interlock.testing.demo.house import House

__all__ = ["Played", "Story"]

Event = dict[str, Any]

_TASK_S = 120.0
_LOG_S = 5.0
_POLL_S = 5.0
_PERHAPS_OVER = frozenset(
    {"attempt_ended", "task_completed", "task_aborted", "approval_requested", "measurement_lost"}
)


@dataclass(slots=True)
class Played:
    """One task with everything that was recorded of it.

    Args:
        lines: what the author's sessions printed, as parsed JSON, in order.
        taken: what each import took over, read from the trees.
        seconds: wall time.
    """

    task_id: str
    events: list[Event] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    task: dict[str, Any] = field(default_factory=dict)
    is_over: bool = False
    began: float = 0.0
    seconds: float = 0.0


class Story:
    """What is played on one house.

    Args:
        heard: called with every event of every task, as it comes.
    """

    def __init__(self, house: House, heard: Callable[[Event], None] = lambda _: None) -> None:
        self._house = house
        self._heard = heard
        self._programs = house.state.root / PROGRAMS
        self._reviewers = {
            role: asdict(command) for role, command in reviewer_commands(self._programs).items()
        }
        self._cursor = 0

    def play(
        self,
        scripts: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        at_once: int = 1,
        until_notice: bool = False,
    ) -> Iterator[tuple[int, Played]]:
        """Play scripts as tasks of their own, some at once; each as soon as it is over.

        Args:
            scripts: title and script.
            until_notice: a task is also over when the server puts down what stands in its way.

        Yields:
            The script's place in ``scripts``, and how it went.
        """
        waiting = list(enumerate(scripts))
        running: dict[str, tuple[int, Played]] = {}
        while waiting or running:
            while waiting and len(running) < at_once:
                number, (title, script) = waiting.pop(0)
                played = self._start(title, script)
                running[played.task_id] = (number, played)
            over = _PERHAPS_OVER | ({"blocker_encountered"} if until_notice else set())
            self._hear({task_id: played for task_id, (_, played) in running.items()}, over)
            for task_id, (number, played) in list(running.items()):
                if played.is_over or time.monotonic() - played.began > _TASK_S:
                    del running[task_id]
                    yield number, self._finish(played)

    def _start(self, title: str, script: Mapping[str, Any]) -> Played:
        author = asdict(scripted_command(script, self._programs))
        agent = {"author": author, "reviewers": self._reviewers}
        made = self._house.client.create_task(title, agent=agent)
        return Played(str(made["task_id"]), began=time.monotonic())

    def _hear(self, running: Mapping[str, Played], perhaps_over: Collection[str]) -> None:
        """Take what is new; a task is over when nothing but a person could carry it on."""
        events, self._cursor = self._house.client.events(self._cursor, wait_s=_POLL_S)
        perhaps = set()
        for event in events:
            self._heard(event)
            if (played := running.get(event["task_id"])) is not None:
                played.events.append(event)
                if event["event_type"] in perhaps_over:
                    perhaps.add(played.task_id)
                    played.is_over |= event["event_type"] == "blocker_encountered"
        for task_id in perhaps:
            task = self._house.client.task(task_id)
            waits = task["waiting_for"]["who"] == "a person"
            running[task_id].is_over |= waits or task["status"] in ("completed", "aborted")

    def _finish(self, played: Played) -> Played:
        played.seconds = time.monotonic() - played.began
        played.task = self._house.client.task(played.task_id)
        sessions = [
            event["data"]["session_id"]
            for event in played.events
            if event["event_type"] == "attempt_started"
        ]
        for session_id in sessions:
            played.lines += self._lines(session_id)
        played.taken = self._taken(played.events)
        return played

    def _lines(self, session_id: str) -> list[dict[str, Any]]:
        """What a session printed; its last line is waited for, it is written by another process."""
        log = self._house.state.root / "sessions" / f"{session_id}.log"
        deadline = time.monotonic() + _LOG_S
        while True:
            lines = [line for line in map(_parsed, _texts(log)) if line is not None]
            if any(line["step"] == "end" for line in lines) or time.monotonic() > deadline:
                return lines
            time.sleep(0.05)

    def _taken(self, events: Sequence[Event]) -> list[Taken]:
        """What really is in the trees that were taken over, against where each phase began."""
        repository = Repository.open(self._house.state.repository)
        taken: list[Taken] = []
        start = phase = ""
        for event in events:
            data = event["data"]
            match event["event_type"]:
                case "task_created":
                    start = data["base_tree"]
                case "attempt_started":
                    phase = data["phase"]
                case "phase_changed":
                    start = data["tree"]
                case "tree_imported":
                    paths = [change.path for change in repository.diff(start, data["tree"])]
                    taken.append(Taken(phase, tuple(paths)))
        return taken


def _texts(log: Any) -> list[str]:
    return log.read_text("utf-8", "replace").splitlines() if log.exists() else []


def _parsed(text: str) -> dict[str, Any] | None:
    """A line of the agent; what its commands print by themselves is no JSON of that shape."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"step", "outcome", "detail"} <= set(line) else None
