"""``environment``: how the judge's environment is built, and what runs beside the tests in it."""

from __future__ import annotations

import re

from interlock.core.model import EnvironmentSpec, ServiceSpec
from interlock.definition.codes import Code
from interlock.definition.commands import check_step
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields, Text, identifier, text_of, unique
from interlock.definition.yaml_nodes import Node

__all__ = ["RUNNERS", "read_environment"]

RUNNERS = ("pytest", "unittest")

_KEYS = ("setup", "lockfiles", "runner", "python", "directory", "services", "secrets")
_SERVICE_KEYS = ("name", "command", "port", "ready", "timeout_seconds")
_VERSION = re.compile(r"3\.(?:1[1-9]|[2-9][0-9])")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
# Variables that decide which code is run, or where: these are no secrets of anybody's.
_NOT_SECRETS = re.compile(r"PATH|HOME|TMPDIR|VIRTUAL_ENV|LD_.*|PYTHON.*|PYTEST.*|INTERLOCK.*")


def read_environment(root: Fields, findings: Findings) -> EnvironmentSpec | None:
    """The recipe; ``None`` when the file has none, and gates that run code are undetermined."""
    entry = root.entry("environment")
    if entry is None:
        return None
    fields = Fields(entry.value, "environment", "'environment'", _KEYS, findings)
    lockfiles = fields.texts("lockfiles")
    for item in lockfiles:
        _check_path(item, "a file", findings)
    setup = fields.texts("setup")
    for item in setup:
        check_step(item, findings)
    services = [_service(node, findings) for node in fields.items("services")]
    unique(services, lambda s: s.name, lambda s: s.position or fields.position, "service", findings)
    return EnvironmentSpec(
        setup=tuple(item.value for item in setup),
        lockfiles=tuple(dict.fromkeys(item.value for item in lockfiles)),
        runner=fields.choice("runner", RUNNERS, "pytest", what="test runner"),
        python=_python(fields, findings),
        directory=_directory(fields, findings),
        services=tuple(services),
        secrets=_secrets(fields, findings),
        position=fields.position,
    )


def _check_path(item: Text, what: str, findings: Findings) -> None:
    parts = item.value.split("/")
    if not item.value.isprintable() or any(part in ("", ".", "..") for part in parts):
        message = f"'{item.value}' is no path of {what} below the tree's root"
        findings.error(Code.BAD_PATTERN, message, item)


def _python(fields: Fields, findings: Findings) -> str:
    version = fields.raw("python")
    if version and not _VERSION.fullmatch(version):
        message = f"'{version[:20]}' is no version of Python that tests can be judged with"
        help_ = 'Write major and minor version, 3.11 at least: python: "3.12"'
        findings.error(Code.BAD_VALUE, message, fields.place("python"), help=help_)
        return ""
    return version


def _directory(fields: Fields, findings: Findings) -> str:
    entry = fields.entry("directory")
    found = text_of(entry.value, "'directory'", findings) if entry else None
    if found is None or found.value in (".", "./"):
        return ""
    cleaned = Text(found.value.removeprefix("./").rstrip("/"), found.position)
    _check_path(cleaned, "a directory", findings)
    return cleaned.value


def _service(node: Node, findings: Findings) -> ServiceSpec:
    fields = Fields(node, "environment.services[]", "A service", _SERVICE_KEYS, findings)
    service = ServiceSpec(
        name=identifier(fields, "name", findings),
        command=fields.text("command", required=True),
        port=fields.count("port", 0, least=1, most=65535),
        ready=fields.text("ready"),
        seconds=fields.count("timeout_seconds", 30, least=1, most=600),
        position=fields.position,
    )
    if service.ready:
        check_step(Text(service.ready, fields.place("ready")), findings)
    if fields.usable and "port" not in fields and "ready" not in fields:
        message = "A service needs a 'port', or a command 'ready' that says when it can be used"
        findings.error(Code.MISSING_KEY, message, fields.position)
    return service


def _secrets(fields: Fields, findings: Findings) -> tuple[str, ...]:
    names = fields.texts("secrets")
    for item in names:
        if not _VARIABLE.fullmatch(item.value) or _NOT_SECRETS.fullmatch(item.value.upper()):
            # Not shown: people also write a value where a name belongs.
            message = "A secret is the name of a variable that decides nothing else"
            help_ = "Write the name alone; `interlock secret set NAME` asks for the value."
            findings.error(Code.BAD_VALUE, message, item, help=help_)
    return tuple(dict.fromkeys(item.value for item in names))
