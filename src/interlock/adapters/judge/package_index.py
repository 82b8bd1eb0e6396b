"""Where packages come from: pip's own settings, handed on into the sandbox that builds."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from interlock.ports.confinement import Mount

__all__ = ["PackageIndex", "configured", "from_settings"]

# pip's default index and the host it points to for the files.
_DEFAULT_HOSTS = frozenset({("pypi.org", 443), ("files.pythonhosted.org", 443)})
_HANDED_ON = (
    "cert",
    "default-timeout",
    "extra-index-url",
    "find-links",
    "index-url",
    "no-index",
    "trusted-host",
)
_CERTIFICATES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
# Every sandbox has these.
_SEEN = ("/usr", "/etc/ssl")


@dataclass(frozen=True, slots=True)
class PackageIndex:
    """Settings as a sandbox needs them.

    Args:
        variables: environment for pip.
        hosts: pairs of host and port that pip has to reach.
        mounts: local directories of packages and certificates, at their own paths.
    """

    variables: Mapping[str, str]
    hosts: frozenset[tuple[str, int]]
    mounts: tuple[Mount, ...]


@lru_cache(maxsize=1)
def configured() -> PackageIndex:
    """What this process's pip is configured to use, environment variables included."""
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    settings: dict[str, str] = {}
    # A later one wins: variables over the section of the command over the global section.
    for section in ("global.", "install.", ":env:."):
        for line in asked.stdout.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                settings[name.removeprefix(section)] = str(ast.literal_eval(value))
    if asked.returncode != 0:
        # An environment without pip: its variables still say what a pip would do.
        settings = {
            name.removeprefix("PIP_").lower().replace("_", "-"): value
            for name, value in os.environ.items()
            if name.startswith("PIP_")
        }
    return from_settings(settings, os.environ)


def from_settings(settings: Mapping[str, str], environ: Mapping[str, str]) -> PackageIndex:
    """What follows from pip's settings and from variables about certificates."""
    given = {name: settings[name] for name in _HANDED_ON if settings.get(name)}
    variables = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in given.items()}
    variables |= {name: environ[name] for name in _CERTIFICATES if environ.get(name)}
    links = given.get("find-links", "").split()
    urls = [*given.get("index-url", "").split(), *given.get("extra-index-url", "").split(), *links]
    hosts = {_address(url) for url in urls if url.startswith(("https://", "http://"))}
    if "index-url" not in given and given.get("no-index", "").lower() not in ("1", "true", "yes"):
        hosts |= _DEFAULT_HOSTS
    local = [link.removeprefix("file://") for link in links if not link.startswith("http")]
    local += [given.get("cert", ""), *(environ.get(name, "") for name in _CERTIFICATES)]
    return PackageIndex(variables=variables, hosts=frozenset(hosts), mounts=_mounts(local))


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))


def _mounts(paths: list[str]) -> tuple[Mount, ...]:
    found: dict[str, Mount] = {}
    for path in paths:
        if path and os.path.isabs(path) and Path(path).exists():
            target = os.path.normpath(path)
            if not any(Path(target).is_relative_to(seen) for seen in _SEEN):
                found[target] = Mount(source=os.path.realpath(path), target=target)
    return tuple(found.values())
