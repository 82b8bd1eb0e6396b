"""Keys and values of the workflow format that are known but have no effect yet: the one list.

Loading a file with such a key warns and names what is missing and which issue brings it. Whoever
builds an effect takes the row out and reads the key; a key in no row and in no reader is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from interlock.core.model import Position
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.shapes import ANY, FLAG, INTEGER, TEXT, Choice, Keys, ListOf, Shape, check
from interlock.definition.yaml_nodes import Entry

__all__ = [
    "API",
    "DEFINITION",
    "NOT_YET",
    "REFUSED_YET",
    "VALUES_NOT_YET",
    "NotYet",
    "below",
    "report",
    "report_value",
    "values_of",
]

DEFINITION: Final = "The whole definition"
API: Final = "API, SDK and records"
SESSIONS: Final = "Sessions"
INTEGRATION: Final = "Integration workflow"


@dataclass(frozen=True, slots=True)
class NotYet:
    """A key without effect.

    Args:
        missing: what does not happen, as the end of "… has no effect yet: ".
        issue: title of the issue that brings the effect.
        shape: what may stand there, so that a misspelt key below is found all the same.
    """

    missing: str
    issue: str
    shape: Shape = ANY


NOT_YET: Mapping[str, NotYet] = MappingProxyType(
    {
        "phases[].gates[].timeout_seconds": NotYet(
            "the gate waits without limit", SESSIONS, INTEGER
        ),
        "phases[].auto_spawn": NotYet(
            "nothing is started on entering the phase",
            SESSIONS,
            ListOf(
                Keys(agent_type=TEXT, models=ListOf(TEXT), parallel=FLAG, wait_for_completion=FLAG)
            ),
        ),
        "transitions[].triggers": NotYet(
            "nothing happens on the transition",
            SESSIONS,
            ListOf(
                Keys(
                    action=Choice(
                        "spawn_review_agents",
                        "update_prd_state",
                        "notify_orchestrator",
                        "notify",
                        "webhook",
                    ),
                    parallel=FLAG,
                    params=ANY,
                )
            ),
        ),
        "enforcement.agent_sdk.fallback_endpoint": NotYet(
            "no second address is served or tried", API, TEXT
        ),
        "coordination.conflict_resolution": NotYet(
            "two tasks over the same files are not noticed",
            SESSIONS,
            Keys(
                strategy=Choice("orchestrator_merge", "fail"),
                lock_timeout_seconds=INTEGER,
                optimistic_locking=FLAG,
            ),
        ),
        "monitoring.alerts": NotYet(
            "no alert is sent",
            SESSIONS,
            ListOf(
                Keys(
                    condition=TEXT,
                    action=Choice("notify_human", "webhook", "log"),
                    message=TEXT,
                )
            ),
        ),
        "recovery.agent_crash": NotYet(
            "a crashed session is not started again",
            SESSIONS,
            Keys(
                action=Choice("retry", "escalate", "abort"),
                max_retries=INTEGER,
                backoff_seconds=INTEGER,
            ),
        ),
        "recovery.gate_timeout": NotYet(
            "the gate waits without limit",
            SESSIONS,
            Keys(action=Choice("escalate_to_human", "fail", "abort"), preserve_state=FLAG),
        ),
        "rollout": NotYet("every task runs in the one mode", SESSIONS),
        "limits": NotYet("nothing is counted", INTEGRATION),
        "budgets": NotYet("nothing is counted", INTEGRATION),
        "agents": NotYet("sessions are started as the command line says", INTEGRATION),
        "checkpoints": NotYet("nobody is asked", INTEGRATION),
        "compaction_gates": NotYet("no session is ended for its context", INTEGRATION),
        "routing": NotYet("a blocked agent is not routed", INTEGRATION),
    }
)

VALUES_NOT_YET: Mapping[str, Mapping[str, NotYet]] = MappingProxyType(
    {
        "coordination.state_access.snapshot_includes": {
            "prd_state": NotYet("the snapshot has no such part", API),
        },
    }
)
"""Key with an effect → values in it that have none yet."""

REFUSED_YET: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"coordination.event_bus.type": {"postgres": "PostgreSQL is not built yet"}}
)
"""Key → values that keep a file from loading, with the reason."""


@cache
def below(path: str) -> Mapping[str, NotYet]:
    """The keys without effect directly below a path: key → row."""
    prefix = f"{path}." if path else ""
    return {
        name[len(prefix) :]: row
        for name, row in NOT_YET.items()
        if name.startswith(prefix) and "." not in name[len(prefix) :]
    }


def values_of(path: str) -> Mapping[str, NotYet]:
    """The values without effect of a key."""
    return VALUES_NOT_YET.get(path, {})


def report_value(row: NotYet, value: str, at: Position, findings: Findings) -> None:
    """Warn about a value without effect."""
    _warn(row, value, at, findings)


def report(row: NotYet, entry: Entry, findings: Findings) -> None:
    """Warn about a key without effect; what stands below it must have its shape all the same."""
    key = entry.key.raw
    _warn(row, key, entry.key.position, findings)
    check(entry.value, row.shape, f"'{key}'", findings)


def _warn(row: NotYet, name: str, at: Position, findings: Findings) -> None:
    findings.warning(
        Code.NO_EFFECT_YET,
        f"'{name}' has no effect yet: {row.missing}",
        at,
        help=f'It comes with "{row.issue}".',
    )
