"""``enforcement.agent_sdk`` and ``phase_tokens``: with what an agent comes to its door."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from interlock.core.model import PhaseSpec
from interlock.core.surroundings import ALWAYS_CLAIMED, INFORMATION, SdkSpec, TokenSpec
from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings
from interlock.definition.fields import Fields
from interlock.definition.named import read_names

__all__ = ["check_claims", "read_sdk", "read_tokens"]

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_PUBLIC: Final = frozenset(
    {"HOME", "HOSTNAME", "LANG", "LOGNAME", "OLDPWD", "PATH", "PWD", "SHELL", "TERM", "USER"}
)
"""Variables whose values everybody on the machine knows."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_CLAIMED: Final = 2000
"""Characters of tool names in a token: it travels in a header, with every call."""


def read_sdk(parent: Fields, findings: Findings) -> SdkSpec:
    """What a client has to be; ``fallback_endpoint`` waits for its effect."""
    entry = parent.entry("agent_sdk")
    if entry is None:
        return SdkSpec()
    keys = ("required", "version", "endpoint")
    fields = Fields(entry.value, "enforcement.agent_sdk", "'agent_sdk'", keys, findings)
    endpoint = fields.text("endpoint").rstrip("/")
    return SdkSpec(
        required=fields.flag("required", False),
        version=_specifier(fields, findings),
        endpoint=endpoint,
        port=_port(endpoint, fields, findings) if endpoint else SdkSpec().port,
    )


def _specifier(fields: Fields, findings: Findings) -> str:
    text = fields.raw("version")
    if not text:
        return ""
    try:
        specifiers = SpecifierSet(text)
    except InvalidSpecifier:
        findings.error(
            Code.BAD_VALUE,
            f"'{text}' is no specifier of versions",
            fields.place("version"),
            help="Write one such as '>=1.0' or '>=1.0,<2'; the SDK's contract starts at 1.0.0.",
        )
        return ""
    if specifiers.is_unsatisfiable():
        findings.error(
            Code.BAD_VALUE,
            f"No version is in '{text}': every client would be refused",
            fields.place("version"),
            help="Write one that has versions in it, such as '>=1.0,<2'.",
        )
    return text


def _port(endpoint: str, fields: Fields, findings: Findings) -> int:
    """The port of an address of this machine with nothing behind it but the API's prefix."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 0
    is_ours = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not is_ours or parts.path not in ("", "/api/v1") or parts.query or parts.username:
        findings.error(
            Code.BAD_VALUE,
            f"'{endpoint}' is no address of a server on this machine",
            fields.place("endpoint"),
            help="Write http://localhost:PORT/api/v1; 'fallback_endpoint' is the one for a socket.",
        )
    elif port < 1024:
        findings.error(
            Code.BAD_VALUE,
            f"Port {port} is the system's: no session may listen there",
            fields.place("endpoint"),
            help="Write a port from 1024 on, such as http://localhost:8000/api/v1.",
        )
    return port


def read_tokens(parent: Fields, findings: Findings) -> TokenSpec:
    """How tokens are signed, how long they live, what they say."""
    entry = parent.entry("phase_tokens")
    if entry is None:
        return TokenSpec()
    keys = ("enabled", "algorithm", "secret_env_var", "expiry_seconds", "include_claims")
    fields = Fields(entry.value, "enforcement.phase_tokens", "'phase_tokens'", keys, findings)
    if not fields.flag("enabled", True):
        findings.error(
            Code.REFUSED,
            "Tokens cannot be switched off: they are real in every mode",
            fields.place("enabled"),
            help="Take the line out; 'mode: advisory' is the mode that blocks nothing.",
        )
    default = TokenSpec()
    known = ALWAYS_CLAIMED | INFORMATION.keys()
    claims = read_names(fields, "include_claims", known, "claim", findings) or ()
    return TokenSpec(
        algorithm=fields.choice(
            "algorithm", ("HS256", "EdDSA"), default.algorithm, what="algorithm"
        ),
        secret_env_var=_variable(fields, default.secret_env_var, findings),
        expiry_seconds=fields.count("expiry_seconds", default.expiry_seconds, least=1),
        # What is in every token needs no asking for.
        include_claims=tuple(claim for claim in claims if claim in INFORMATION),
    )


def _variable(fields: Fields, default: str, findings: Findings) -> str:
    name = fields.text("secret_env_var") or default
    if not _VARIABLE.fullmatch(name) or name.upper() in _PUBLIC:
        why = "everybody here knows its value" if name.upper() in _PUBLIC else "it has no such name"
        findings.error(
            Code.BAD_VALUE,
            f"'{name[:80]}' cannot be the variable of a secret: {why}",
            fields.place("secret_env_var"),
            help=f"Write a name of its own, such as {default}.",
        )
    return name


def check_claims(
    root: Fields, tokens: TokenSpec, phases: Sequence[PhaseSpec], findings: Findings
) -> None:
    """Refuse claims that would make a token larger than a header may be."""
    for phase in phases:
        said = (
            ",".join(phase.allowed_tools if "allowed_tools" in tokens.include_claims else ()),
            ",".join(phase.forbidden_tools if "forbidden_tools" in tokens.include_claims else ()),
        )
        if len("".join(said)) > _MOST_CLAIMED:
            findings.error(
                Code.TOO_LARGE,
                f"The tools of phase '{phase.id}' are too many for a token",
                root.place("enforcement"),
                help="Take 'allowed_tools' and 'forbidden_tools' out of 'include_claims'.",
            )
            return
