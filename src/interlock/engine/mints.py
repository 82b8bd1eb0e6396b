"""Which tokens a workflow has: algorithm, key and life are its own, and no token of another
algorithm or key is taken for one of its."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from interlock.core.model import PhaseSpec, TokenSpec
from interlock.core.tasks import TaskState
from interlock.engine.keypair import load_keypair
from interlock.engine.secret import load_secret
from interlock.engine.sessions import Caller
from interlock.engine.tokens import Key, TokenService
from interlock.ports.clock import Clock

__all__ = ["MintOf", "Mints", "information"]

MintOf = Callable[[TokenSpec], TokenService]
"""The service for the tokens of a workflow."""


class Mints:
    """Token services of one server.

    Args:
        secret, keypair: files that are used where a workflow's variable is unset.
        environment: where the variables are.
        expiry_s: the longest life of a token; a workflow may ask for a shorter one.
    """

    def __init__(
        self,
        *,
        secret: Path,
        keypair: Path,
        environment: Mapping[str, str],
        issuer: str,
        clock: Clock,
        expiry_s: int,
    ) -> None:
        self._secret = secret
        self._keypair = keypair
        self._environment = environment
        self._issuer = issuer
        self._clock = clock
        self._expiry_s = expiry_s
        self._services: dict[TokenSpec, TokenService] = {}
        self._lock = threading.Lock()

    def __call__(self, spec: TokenSpec) -> TokenService:
        """The service for one workflow's tokens.

        Raises:
            InvalidInputError: its key is weak, of another algorithm, or known to others.
        """
        if (found := self._services.get(spec)) is not None:
            return found
        with self._lock:
            if spec not in self._services:
                self._services[spec] = TokenService(
                    self._key(spec),
                    algorithm=spec.algorithm,
                    issuer=self._issuer,
                    clock=self._clock,
                    expiry_s=min(spec.expiry_seconds, self._expiry_s),
                )
            return self._services[spec]

    def _key(self, spec: TokenSpec) -> Key:
        variable = spec.secret_env_var
        if spec.algorithm == "EdDSA":
            return load_keypair(self._keypair, self._environment, variable=variable)
        return load_secret(self._secret, self._environment, variable=variable)


def information(
    spec: TokenSpec, phase: PhaseSpec | None, caller: Caller, state: TaskState
) -> Mapping[str, Any]:
    """What the workflow wants to stand in a token besides; nothing is ever decided by it."""
    known = {
        "task_id": caller.task_id,
        "phase": caller.phase,
        "epoch": caller.epoch,
        "agent_id": caller.agent_id,
        "session_id": caller.session_id,
        "attempt_id": caller.attempt_id,
        "workflow": state.workflow,
        "confinement": caller.confinement,
        "allowed_tools": list(phase.allowed_tools) if phase else [],
        "forbidden_tools": list(phase.forbidden_tools) if phase else [],
    }
    return {name: known[name] for name in spec.include_claims}
