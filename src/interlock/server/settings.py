"""Settings: environment over ``.orchestrator/config.yaml`` over defaults; every value knows where
it came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from interlock.errors import InvalidInputError

__all__ = ["Setting", "Settings"]

_DEFAULTS: dict[str, Any] = {
    "api.host": "127.0.0.1",
    "api.port": 8000,
    "enforcement.mode": "strict",
    "jwt.expiry_seconds": 7200,
}
_LOOPBACK = {"localhost": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it was read: ``default``, a file or a variable."""

    value: Any
    origin: str


class Settings:
    """All settings of one server."""

    def __init__(self, values: Mapping[str, Setting]) -> None:
        self._values = dict(values)

    @classmethod
    def load(cls, file: Path, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the file (if there is one) and the environment.

        Raises:
            InvalidInputError: the file is not YAML, names an unknown setting, or a value does not
                fit.
        """
        values = {key: Setting(value, "default") for key, value in _DEFAULTS.items()}
        for key, value in _flat(_read(file)).items():
            if key not in _DEFAULTS:
                raise _wrong(f"{file}: there is no setting {key!r}")
            values[key] = Setting(_fit(key, value, str(file)), str(file))
        for key in _DEFAULTS:
            name = "ORCHESTRATOR_" + key.replace(".", "_").upper()
            if name in environment:
                values[key] = Setting(_fit(key, environment[name], name), name)
        return cls(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key].value

    def all(self) -> Mapping[str, Setting]:
        """Every setting by its dotted name."""
        return dict(self._values)


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text()) or {}
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _wrong(f"{file}: {error}") from error


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise _wrong(f"{prefix or 'the file'} is not a mapping")
    found: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        found.update(_flat(value, name) if isinstance(value, dict) else {name: value})
    return found


def _fit(key: str, value: Any, origin: str) -> Any:
    default = _DEFAULTS[key]
    if isinstance(default, int):
        try:
            return int(value)
        except (TypeError, ValueError):
            raise _wrong(f"{origin}: {key} is a whole number, not {value!r}") from None
    if key == "api.host":
        host = _LOOPBACK.get(str(value), str(value))
        if not host.startswith("127."):
            raise _wrong(f"{origin}: {key} is a loopback address, not {value!r}")
        return host
    return str(value)


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError(
        message, code="IL-SET-001", remedy="docs/configuration.md lists the settings."
    )
