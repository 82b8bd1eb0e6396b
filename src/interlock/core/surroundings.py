"""What a workflow says around its phases: who may ask and with what, what is delivered, measured
and kept.

Nothing here changes what a phase allows. A field's default means what was done before there was
the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = [
    "ALWAYS_CLAIMED",
    "INFORMATION",
    "SNAPSHOT_PARTS",
    "CoordinationSpec",
    "MonitoringSpec",
    "SdkSpec",
    "TokenSpec",
]

ALWAYS_CLAIMED: Final = frozenset(
    {
        *("iss", "aud", "sub", "sid", "tid", "ph", "ep", "att", "wfd", "jti", "iat", "exp"),
        "lvl",
    }
)
"""Claims of every token, under the names that they have in it."""

INFORMATION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "task_id": "the task",
        "phase": "id of its phase",
        "epoch": "number of its phase and holder",
        "agent_id": "who holds the token",
        "session_id": "the session that it was given to",
        "attempt_id": "the attempt",
        "workflow": "digest of the definition",
        "confinement": "level of the session",
        "allowed_tools": "what the phase allows",
        "forbidden_tools": "what it forbids",
    }
)
"""Claims that a workflow may ask for, under these names: for whoever reads a token, never for a
decision, and never a secret."""

SNAPSHOT_PARTS: Final = ("task_dependencies", "completed_tasks", "current_phase", "blockers")
"""Parts of the snapshot that a workflow may choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSpec:
    """``enforcement.phase_tokens``.

    Args:
        expiry_seconds: the shorter of this and the server's setting counts.
        include_claims: names of ``INFORMATION`` that are in the token besides.
    """

    algorithm: str = "HS256"
    secret_env_var: str = "ORCHESTRATOR_JWT_SECRET"
    expiry_seconds: int = 7200
    include_claims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkSpec:
    """``enforcement.agent_sdk``.

    Args:
        required: a client has to say which version of the SDK's contract it speaks.
        version: specifier (PEP 440) over that version; empty: any.
        endpoint: the address that agents outside of a session use.
        port: of it; inside a session at full confinement the door answers there too.
    """

    required: bool = False
    version: str = ""
    endpoint: str = ""
    port: int = 8000


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinationSpec:
    """``coordination``.

    Args:
        snapshot: parts of the snapshot; ``None``: all.
        events: types that are delivered; ``None``: all.
    """

    snapshot: tuple[str, ...] | None = None
    events: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringSpec:
    """``monitoring``.

    Args:
        metrics: names of ``core.metrics.METRICS``.
        export: ``jsonl`` or ``prometheus``; empty: nothing leaves the server. Where the link to it
            is put is no rule.
    """

    metrics: tuple[str, ...] = ()
    export: str = ""
