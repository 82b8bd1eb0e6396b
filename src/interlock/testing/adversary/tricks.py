"""The tricks of ``tricks.yaml`` as records: what is done, what is promised, what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any, Literal

import msgspec
import yaml

from interlock.ports.confinement import Level
from interlock.testing.scripts import extended

__all__ = ["Fact", "Outcome", "Show", "Trick", "load_tricks"]


class Outcome(StrEnum):
    """What can become of a trick; ``PASSED``: it went through, which must never be."""

    PREVENTED = "prevented"
    NOT_IMPORTED = "not imported"
    DETECTED = "detected"
    OUT_OF_SCOPE = "out of scope"
    PASSED = "passed"


class Fact(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"with_": "with"}):
    """One thing that has to be so; exactly one of the first six says what is looked at.

    Args:
        step: a step's name in the session logs (``IMPL/2``): it ended as ``ends`` says.
        refused: glob: a path that an import did not take over.
        imported: glob: a path that an import took over.
        gate: a gate was blocked; ``rule`` names the check or rule.
        verdict: role whose reviewer said no.
        reached: phase that the task came to.
        holds: ``false``: the fact must *not* be so.
        ends: outcome of a step, or several; ``4xx`` stands for a class of statuses.
        rule: regular expression over a gate's rule.
        with_: (``with``) regular expression over the detail, the reason, the message.
    """

    step: str = ""
    refused: str = ""
    imported: str = ""
    gate: str = ""
    verdict: str = ""
    reached: str = ""
    holds: bool = True
    ends: str | tuple[str, ...] = ()
    rule: str = ""
    with_: str = ""


class Show(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An outcome and all facts that show it.

    Args:
        because: why, in a sentence with what would help, where no fact has words of its own.
    """

    outcome: Outcome
    facts: tuple[Fact, ...]
    because: str = ""


class _Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    full: Outcome
    partial: Outcome
    none: Outcome
    none_as_user: Outcome | None = None


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"class_": "class"}):
    id: str
    title: str
    class_: Literal["A", "B", "C", "D", "E", "F"]
    where: Literal["tool", "native", "api"]
    declared: Outcome | _Declared
    shows: tuple[Show, ...]
    phases: dict[str, Any]
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trick:
    """One trick.

    Args:
        threat: class in the list of threats, A to F.
        where: through the tools, natively inside the sandbox, or at the HTTP interface.
        script: what the agent does, for ``scripted_command``, once ``meant`` named the house.
        declared: confinement level → outcome that is promised.
        declared_as_user: the promise at level none where sessions run as the person's own user.
        shows: looked at in order; the first whose facts all hold is the outcome.
    """

    id: str
    title: str
    threat: str
    where: str
    script: Mapping[str, Any]
    declared: Mapping[Level, Outcome]
    declared_as_user: Outcome
    shows: tuple[Show, ...]

    def promised(self, level: Level, *, own_uid: bool) -> Outcome:
        """What is promised at ``level``; ``own_uid``: sessions have a user of their own."""
        if level is Level.NONE and not own_uid:
            return self.declared_as_user
        return self.declared[level]

    def meant(self, house: Mapping[str, str]) -> Mapping[str, Any]:
        """The script with ``@NAME@`` replaced by what the house really has under that name.

        A trick must not miss its mark only because it did not know where that is.
        """
        named: dict[str, Any] = _with_names(self.script, house)
        return named


def _with_names(value: Any, house: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for name, real in house.items():
            value = value.replace(f"@{name}@", real)
        return value
    if isinstance(value, Mapping):
        return {key: _with_names(one, house) for key, one in value.items()}
    return [_with_names(one, house) for one in value] if isinstance(value, list) else value


def load_tricks() -> tuple[Trick, ...]:
    """All shipped tricks, in the file's order.

    Raises:
        InvalidInputError: a trick's script is none.
        msgspec.ValidationError: an entry has another shape.
    """
    file = resources.files("interlock.testing.adversary") / "tricks.yaml"
    listed = yaml.safe_load(file.read_text(encoding="utf-8"))["tricks"]
    return tuple(_trick(msgspec.convert(entry, _Entry)) for entry in listed)


def _trick(entry: _Entry) -> Trick:
    declared = entry.declared
    if isinstance(declared, Outcome):
        declared = _Declared(full=declared, partial=declared, none=declared)
    script = {"name": entry.id, "extends": "brisk", "phases": entry.phases}
    script["until"] = entry.until or list(entry.phases)[-1]
    return Trick(
        id=entry.id,
        title=entry.title,
        threat=entry.class_,
        where=entry.where,
        script=extended(script),
        declared={
            Level.FULL: declared.full,
            Level.PARTIAL: declared.partial,
            Level.NONE: declared.none,
        },
        declared_as_user=declared.none_as_user or declared.none,
        shows=entry.shows,
    )
