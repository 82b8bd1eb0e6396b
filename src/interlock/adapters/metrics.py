"""Measured values as files in the state: lines of JSON, or a page in Prometheus' text format."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from interlock.core.metrics import METRICS, Form, Sample, Unit

__all__ = ["MetricsFiles", "as_json", "as_prometheus"]

_LARGEST: Final = 100 * 2**20
_SUFFIX: Final = {Unit.SECONDS: "_seconds", Unit.RATE: "_ratio", Unit.COUNT: ""}
_log = logging.getLogger(__name__)


class MetricsFiles:
    """``ports.metrics.MetricsExport`` over one file for each kind.

    Args:
        paths: kind → file, readable by its owner alone.
        largest: size in bytes from which the lines are begun anew; the last file is kept as ``.1``.
    """

    def __init__(self, paths: Mapping[str, Path], *, largest: int = _LARGEST) -> None:
        self._paths = paths
        self._largest = largest

    def write(self, kind: str, samples: Sequence[Sample], at: int) -> None:
        """Put down what was measured."""
        path = self._paths[kind]
        try:
            if kind == "jsonl":
                self._add(path, as_json(samples, at))
            else:
                _replace(path, as_prometheus(samples))
        except OSError as error:
            _log.warning("metrics_not_written", extra={"path": str(path)}, exc_info=error)

    def _add(self, path: Path, line: str) -> None:
        if path.exists() and path.stat().st_size >= self._largest:
            path.replace(path.with_name(f"{path.name}.1"))
        _write(path, os.O_APPEND, f"{line}\n")


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    _write(temporary, os.O_TRUNC, text)
    temporary.replace(path)


def _write(path: Path, how: int, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | how
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def as_json(samples: Sequence[Sample], at: int) -> str:
    """One line: when, and for each metric its values with their labels."""
    found: dict[str, list[dict[str, Any]]] = {}
    for sample in samples:
        spread = METRICS[sample.metric].form is Form.SUMMARY
        more = {"count": sample.number, "longest": round(sample.longest, 6)} if spread else {}
        value = {**sample.labels, "value": round(sample.value, 6), **more}
        found.setdefault(sample.metric, []).append(value)
    return json.dumps({"timestamp": at, "metrics": found})


def as_prometheus(samples: Sequence[Sample]) -> str:
    """A page of the text format, version 0.0.4."""
    lines: list[str] = []
    for name, group in groupby(samples, key=lambda sample: sample.metric):
        metric = METRICS[name]
        full = f"interlock_{name}{_SUFFIX[metric.unit]}"
        if metric.form is Form.COUNTER:
            full += "_total"
        lines += [f"# HELP {full} {metric.meaning}", f"# TYPE {full} {metric.form}"]
        for sample in group:
            lines += _values(full, metric.form, sample)
    return "".join(f"{line}\n" for line in lines)


def _values(name: str, form: Form, sample: Sample) -> Iterator[str]:
    said = ",".join(f'{key}="{_escaped(value)}"' for key, value in sample.labels.items())
    labels = f"{{{said}}}" if said else ""
    if form is Form.SUMMARY:
        yield f"{name}_sum{labels} {sample.value * sample.number:.6f}"
        yield f"{name}_count{labels} {sample.number}"
    else:
        yield f"{name}{labels} {sample.value:g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
