"""What has to be run or read before a check can say anything, as plain data.

A check only names it. The server has the judge run the jobs and reads the rest through its ports;
what nobody asks for is not read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

__all__ = ["NOTHING", "START", "Job", "JobKind", "Plan", "Settings"]

Settings: TypeAlias = Mapping[str, Any]
"""A check's parameters as plain values, with the defaults for those that were left out."""

START: Final = "start"
"""The tree that the task began with, among ``Plan.since``."""


class JobKind(StrEnum):
    """What the judge can do for a check."""

    COMMAND = "command"
    """Run a shell command on a fresh copy of the tree."""
    STATIC = "static"
    """Look at the changed sources with a set of rules, without running anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of the judge.

    Args:
        what: the command, or the name of the rule set.
        directory: path in the tree where a command starts; ``None``: where the project lies.
        seconds: wall time that it may take.
    """

    kind: JobKind
    what: str
    directory: str | None = None
    seconds: int = 600

    @property
    def key(self) -> str:
        """What its facts are kept under; the same job has the same key always."""
        seen = json.dumps([self.what, self.directory, self.seconds])
        return f"{self.kind.value}:{hashlib.sha256(seen.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that one check wants to know beside what each gate knows.

    Args:
        jobs: what the judge has to do; in ``GateFacts.jobs`` by key.
        lists_tree: whether the paths of the tree are wanted (``GateFacts.paths``).
        texts: paths whose text is wanted (``GateFacts.texts``).
        documents: paths of JSON or YAML files that are wanted (``GateFacts.documents``).
        since: trees that the present one is compared with (``GateFacts.differences``): ``START``,
            ``phase:ID`` as it was left, ``verdict:ROLE`` and ``approval:GATE`` as it was seen.
        valid: reference (see ``references``) and the schema that its values are held against
            (``GateFacts.invalid``).
    """

    jobs: tuple[Job, ...] = ()
    lists_tree: bool = False
    texts: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    since: tuple[str, ...] = ()
    valid: tuple[tuple[str, str], ...] = ()


NOTHING: Final = Plan()
