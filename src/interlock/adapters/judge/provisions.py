"""What a request's runs are provided with: environment, secrets, and what is known of its base."""

from __future__ import annotations

from dataclasses import replace

from interlock.adapters.judge.base_runs import BaseRun, BaseRuns
from interlock.adapters.judge.conditions import Conditions
from interlock.adapters.judge.environment import Environments
from interlock.adapters.secrets import Secrets
from interlock.core.model import EnvironmentSpec
from interlock.errors import InvalidInputError
from interlock.ports.confinement import Level

__all__ = ["Provisions"]


class Provisions:
    """Of one project.

    Args:
        environments: builds them.
        secrets: values that tests are given.
        base_runs: how bases ran.
        level: confinement of every job.
    """

    def __init__(
        self, environments: Environments, secrets: Secrets, base_runs: BaseRuns, level: Level
    ) -> None:
        self._environments = environments
        self._secrets = secrets
        self._base_runs = base_runs
        self._level = level

    def of(self, spec: EnvironmentSpec, base: str) -> Conditions:
        """What runs on a base have, built if need be.

        Raises:
            InvalidInputError: a secret has no value (IL-SEC-003), services cannot be told apart
                from the machine's own (IL-JUD-011); or as of ``Environments.built``.
        """
        if spec.services and self._level is not Level.FULL:
            raise InvalidInputError(
                "services need a loopback of their own, and confinement here is "
                f"{self._level.value}",
                code="IL-JUD-011",
                remedy="interlock doctor",
            )
        secrets = self._secrets.values(spec.secrets)
        built = self._environments.built(spec, base)
        return Conditions(environment=built, spec=spec, secrets=secrets)

    def base_run(self, base: str, conditions: Conditions) -> BaseRun:
        """The run of a base under these conditions, kept as long as none of them changes."""
        built, spec = conditions.environment, conditions.spec
        beside = [repr(replace(service, position=None)) for service in spec.services]
        # Built again an environment may hold other packages.
        circumstances = (built.root.name, spec.runner, spec.directory, *beside)
        stamp = self._secrets.stamp(spec.secrets)
        level = self._level.value
        return self._base_runs.of(base, built.digest, level, *circumstances, stamp)
