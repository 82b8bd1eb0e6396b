"""Settings: environment over ``.orchestrator/config.yaml`` over defaults; every value knows where
it came from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from interlock.core.model import Mode
from interlock.errors import InvalidInputError

__all__ = ["SETTINGS", "Known", "Setting", "Settings", "variable"]


@dataclass(frozen=True, slots=True)
class Known:
    """A setting that there is.

    Args:
        read: the value that a file or a variable gives as the setting's own type; raises
            ``ValueError`` with what it should be.
    """

    default: Any
    read: Callable[[Any], Any]
    meaning: str


def _loopback(value: Any) -> str:
    host = {"localhost": "127.0.0.1"}.get(str(value), str(value))
    parts = host.split(".")
    is_address = len(parts) == 4 and all(p.isdecimal() and int(p) < 256 for p in parts)
    if not (is_address and parts[0] == "127"):
        raise ValueError("a loopback address: localhost or 127.x.x.x")
    return host


def _whole(least: int, most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        text = str(value)
        if isinstance(value, bool) or not text.isdecimal() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _mode(value: Any) -> Mode:
    if str(value) not in list(Mode):
        raise ValueError(f"one of {', '.join(Mode)}")
    return Mode(str(value))


SETTINGS: Mapping[str, Known] = {
    "api.host": Known("127.0.0.1", _loopback, "address of the people's door"),
    "api.port": Known(8000, _whole(0, 65535), "its port; the next free one if it is taken"),
    "enforcement.mode": Known(
        Mode.STRICT, _mode, "how hard rules bind; the stricter of this and the workflow's counts"
    ),
    "jwt.expiry_seconds": Known(
        7200, _whole(60, 604_800), "longest life of a phase token, and that of a lease, in seconds"
    ),
}
"""Everything that can be set."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it was read: ``default``, a file or a variable."""

    value: Any
    origin: str


def variable(key: str) -> str:
    """The environment variable of a setting."""
    return "ORCHESTRATOR_" + key.replace(".", "_").upper()


class Settings:
    """All settings of one server."""

    def __init__(self, values: Mapping[str, Setting]) -> None:
        self._values = dict(values)

    @classmethod
    def load(cls, file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the file (if there is one) and the environment.

        Raises:
            InvalidInputError: the file is not YAML, names an unknown setting, or a value does not
                fit; the message names the file or the variable.
        """
        values = {key: Setting(known.default, "default") for key, known in SETTINGS.items()}
        for key, value in _flat(_read(file), file).items():
            if key not in SETTINGS:
                raise _wrong(f"{file}: there is no setting {key!r}")
            values[key] = _fit(key, value, str(file))
        for key in SETTINGS:
            name = variable(key)
            if name in environment:
                values[key] = _fit(key, environment[name], name)
        return cls(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key].value

    def all(self) -> Mapping[str, Setting]:
        """Every setting by its dotted name."""
        return dict(self._values)

    def notices(self) -> tuple[str, ...]:
        """What is set and worth knowing wherever a person looks."""
        mode = self._values["enforcement.mode"]
        if mode.value is Mode.STRICT:
            return ()
        return (
            f"ENFORCEMENT MAY BE LESS THAN STRICT: enforcement.mode is {mode.value} "
            f"({mode.origin}), and a new task whose workflow says so as well is not held to "
            "its rules",
        )


def _read(file: Path) -> Any:
    try:
        read = yaml.safe_load(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(f"{file}: {error}") from error
    return {} if read is None else read


def _flat(tree: Any, file: Path, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise _wrong(f"{file}: it is not a mapping of sections")
    found: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        found.update(_flat(value, file, name) if isinstance(value, dict) else {name: value})
    return found


def _fit(key: str, value: Any, origin: str) -> Setting:
    try:
        return Setting(SETTINGS[key].read(value), origin)
    except ValueError as error:
        raise _wrong(f"{origin}: {key} is {error}, not {value!r}") from None


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError(
        message, code="IL-SET-001", remedy="docs/configuration.md lists the settings."
    )
