"""What a change of a manifest or lock file changes besides what the project depends on."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from posixpath import basename
from typing import Any

__all__ = ["beyond_dependencies"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_OF_TOML = (
    ("project", "dependencies"),
    ("project", "optional-dependencies"),
    ("project", "requires-python"),
    ("project", "version"),
    ("dependency-groups",),
    ("build-system", "requires"),
    ("tool", "poetry", "version"),
    ("tool", "poetry", "dependencies"),
    ("tool", "poetry", "dev-dependencies"),
    ("tool", "poetry", "group"),
    ("tool", "poetry", "extras"),
    ("tool", "pdm", "dev-dependencies"),
    ("tool", "uv", "dev-dependencies"),
    ("tool", "uv", "constraint-dependencies"),
    ("tool", "uv", "override-dependencies"),
)
_OF_INI = {
    "metadata": frozenset({"version"}),
    "options": frozenset(
        {"install_requires", "setup_requires", "tests_require", "python_requires"}
    ),
    "options.extras_require": None,
}
_OF_PACKAGE_JSON = _set(
    "version dependencies devDependencies peerDependencies peerDependenciesMeta "
    "optionalDependencies overrides resolutions engines"
)
_OPTION = re.compile(r"^\s*(-{1,2}[A-Za-z][\w-]*)", re.MULTILINE)
_ELSEWHERE = re.compile(
    r"(?:^|[\s@])((?:[a-z][a-z+.-]*:/|\.{0,2}/)\S*|\S+\.(?:whl|zip|tar\.\w+))", re.IGNORECASE
)
_HARMLESS = frozenset({"-r", "--requirement", "-c", "--constraint", "--hash", "--require-hashes"})


def beyond_dependencies(path: str, old: bytes | None, new: bytes | None) -> str:
    """What else a manifest says now, as the end of "it …"; empty if only dependencies changed."""
    name = basename(path).casefold()
    if new is None or old is None:
        # A manifest that comes or goes says everything that is in it.
        old, new = (old or b""), (new or b"")
    try:
        match name:
            case "pyproject.toml":
                return _of_toml(old, new)
            case "setup.cfg":
                return _of_ini(old, new)
            case "package.json":
                return _of_json(old, new)
    except (ValueError, configparser.Error) as error:
        return f"cannot be read: {error}"
    if name.endswith((".txt", ".in")):
        return _of_lines(old, new)
    return ""


def _of_toml(old: bytes, new: bytes) -> str:
    before, after = (_without(tomllib.loads(text.decode())) for text in (old, new))
    return _different(dict(_flat(before)), dict(_flat(after)))


def _without(document: Mapping[str, Any]) -> Mapping[str, Any]:
    left: dict[str, Any] = json.loads(json.dumps(document, default=str))
    for *keys, last in _OF_TOML:
        place: Any = left
        for key in keys:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(last, None)
    return left


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else key)
    elif value != {}:
        yield name, json.dumps(value, sort_keys=True)


def _of_ini(old: bytes, new: bytes) -> str:
    return _different(_settings(old), _settings(new))


def _settings(text: bytes) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False, allow_no_value=True)
    parser.read_string(text.decode())
    found = {}
    for section in parser.sections():
        left_out = _OF_INI.get(section, frozenset())
        for key, value in parser[section].items():
            if left_out is not None and key not in left_out:
                found[f"{section}.{key}"] = str(value)
    return found


def _of_json(old: bytes, new: bytes) -> str:
    before, after = (json.loads(text.decode() or "{}") for text in (old, new))
    if not isinstance(before, dict) or not isinstance(after, dict):
        return "is no mapping"
    left = ({k: v for k, v in one.items() if k not in _OF_PACKAGE_JSON} for one in (before, after))
    first, second = (dict(_flat(one)) for one in left)
    return _different(first, second)


def _different(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    names = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
    return f"changes {names[0]}, which is no dependency" if names else ""


def _of_lines(old: bytes, new: bytes) -> str:
    """Options of pip that say from where, and packages that come from elsewhere than the index."""
    before, after = old.decode(errors="replace"), new.decode(errors="replace")
    known = set(_lines(before))
    for line in _lines(after):
        if line in known or line.startswith("#"):
            continue
        options = set(_OPTION.findall(line)) - _HARMLESS
        if options:
            return f"says newly from where packages come ({sorted(options)[0]})"
        if found := _ELSEWHERE.search(line.partition(" #")[0]):
            return f"takes a package from elsewhere than the index ({found[1][:60]})"
    return ""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
