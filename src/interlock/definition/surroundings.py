"""``coordination``, ``monitoring`` and ``recovery``: what is told, measured and kept around the
phases."""

from __future__ import annotations

from dataclasses import dataclass, field

from interlock.core.events import EventType
from interlock.core.metrics import METRICS
from interlock.core.surroundings import SNAPSHOT_PARTS, CoordinationSpec, MonitoringSpec
from interlock.definition import known_keys
from interlock.definition.alerts import check_alerts
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields
from interlock.definition.links import EVENTS_LINK, METRICS_LINKS, read_link
from interlock.definition.named import read_names

__all__ = ["Surroundings", "read_surroundings", "section"]

_CHECKPOINT_S = 300
_PARTS = "coordination.state_access.snapshot_includes"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The three sections as read.

    Args:
        metrics_link: where the link to the export is put; empty without one.
    """

    coordination: CoordinationSpec = field(default_factory=CoordinationSpec)
    monitoring: MonitoringSpec = field(default_factory=MonitoringSpec)
    checkpoint_seconds: int = _CHECKPOINT_S
    events_link: str = EVENTS_LINK
    metrics_link: str = ""


def read_surroundings(root: Fields, findings: Findings) -> Surroundings:
    """Everything that stands beside the phases and does not bind them."""
    coordination, events_link = _read_coordination(root, findings)
    monitoring, metrics_link = _read_monitoring(root, findings)
    return Surroundings(
        coordination=coordination,
        monitoring=monitoring,
        checkpoint_seconds=_read_recovery(root, findings),
        events_link=events_link,
        metrics_link=metrics_link,
    )


def _read_coordination(root: Fields, findings: Findings) -> tuple[CoordinationSpec, str]:
    fields = section(root, "coordination", ("state_access", "event_bus"), findings)
    if fields is None:
        return CoordinationSpec(), EVENTS_LINK
    snapshot, events, link = None, None, EVENTS_LINK
    access = section(
        fields, "state_access", ("mode", "snapshot_includes", "mutation_via"), findings
    )
    if access is not None:
        only = "read_only_snapshot"
        access.choice("mode", (only,), only, what="state access mode")
        access.choice("mutation_via", ("orchestrator_api",), "", what="way to change state")
        snapshot = _read_parts(access, findings)
    bus = section(fields, "event_bus", ("type", "db_path", "events"), findings)
    if bus is not None:
        _read_bus(bus, findings)
        link = read_link(bus, "db_path", EVENTS_LINK, findings)
        types = [kind.value for kind in EventType]
        events = read_names(bus, "events", types, "event", findings)
    return CoordinationSpec(snapshot=snapshot, events=events), link


def _read_parts(access: Fields, findings: Findings) -> tuple[str, ...] | None:
    later = known_keys.values_of(_PARTS)
    names = read_names(
        access, "snapshot_includes", {*SNAPSHOT_PARTS, *later}, "part of a snapshot", findings
    )
    if names is None:
        return None
    for text in access.texts("snapshot_includes"):
        if text.value in later:
            known_keys.report_value(later[text.value], text.value, text.position, findings)
    return tuple(name for name in names if name not in later)


def _read_bus(bus: Fields, findings: Findings) -> None:
    later = known_keys.REFUSED_YET["coordination.event_bus.type"]
    kind = bus.choice("type", ("sqlite", *later), "sqlite", what="event bus")
    if kind in later:
        findings.error(
            Code.REFUSED, later[kind], bus.place("type"), help="Use sqlite, which is the default."
        )


def _read_monitoring(root: Fields, findings: Findings) -> tuple[MonitoringSpec, str]:
    fields = section(root, "monitoring", ("metrics", "export"), findings)
    if fields is None:
        return MonitoringSpec(), ""
    check_alerts(fields, findings)
    metrics = read_names(fields, "metrics", METRICS, "metric", findings) or ()
    export = section(fields, "export", ("type", "path"), findings)
    if export is None:
        return MonitoringSpec(metrics=metrics), ""
    kind = export.choice("type", tuple(METRICS_LINKS), "jsonl", what="export")
    link = read_link(export, "path", METRICS_LINKS[kind], findings, is_rooted=True)
    if not metrics:
        findings.warning(
            Code.NO_EFFECT,
            "'export' has no effect here: no metric is asked for",
            export.position,
            help=f"List some in 'metrics': {', '.join(METRICS)}.",
        )
    return MonitoringSpec(metrics=metrics, export=kind), link


def _read_recovery(root: Fields, findings: Findings) -> int:
    fields = section(root, "recovery", ("orchestrator_crash",), findings)
    keys = ("resume_from", "checkpoint_interval_seconds")
    crash = section(fields, "orchestrator_crash", keys, findings) if fields else None
    if crash is None:
        return _CHECKPOINT_S
    only = "last_checkpoint"
    crash.choice("resume_from", (only,), only, what="place to resume from")
    return crash.count("checkpoint_interval_seconds", _CHECKPOINT_S, least=1)


def section(parent: Fields, name: str, keys: tuple[str, ...], findings: Findings) -> Fields | None:
    """A mapping below another, if it is there."""
    entry = parent.entry(name)
    if entry is None:
        return None
    path = f"{parent.path}.{name}" if parent.path else name
    return Fields(entry.value, path, f"'{name}'", keys, findings)
