"""Whether a client may speak with the agent door at all, as ``enforcement.agent_sdk`` says."""

from __future__ import annotations

from functools import lru_cache

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from interlock.core.surroundings import SdkSpec
from interlock.errors import DeniedError, UsageError

__all__ = ["check_client"]

_LONGEST = 64
_REMEDY = (
    "python -c 'from interlock.sdk.contract import CONTRACT; print(CONTRACT)' says what an SDK "
    "speaks; install one that fits, or have a person change enforcement.agent_sdk"
)


def check_client(spec: SdkSpec, version: str) -> None:
    """Refuse a client that the workflow does not want; asked before every call.

    Args:
        version: of the SDK's contract, as the client says; empty if it says nothing.

    Raises:
        DeniedError: no SDK where one is required (``IL-DOR-031``), or one outside of the specifier
            (``IL-DOR-030``).
        UsageError: what it says is no version (``IL-DOR-032``).
    """
    if not version:
        if spec.required:
            raise DeniedError(
                "the workflow wants calls by the SDK, and this one does not say its contract",
                code="IL-DOR-031",
                remedy="use interlock.AgentClient, or send the header Interlock-SDK: 1.0.0",
            )
        return
    if not _fits(spec.version, version[:_LONGEST]):
        raise DeniedError(
            f"the client speaks contract {version[:_LONGEST]}, the workflow wants {spec.version}",
            code="IL-DOR-030",
            remedy=_REMEDY,
            context={"version": version[:_LONGEST], "wanted": spec.version},
        )


@lru_cache(maxsize=256)
def _fits(specifier: str, version: str) -> bool:
    try:
        said = Version(version)
    except InvalidVersion:
        raise UsageError(
            f"{version!r} is no version of a contract",
            code="IL-DOR-032",
            remedy="send the header Interlock-SDK: 1.0.0",
        ) from None
    return not specifier or _read(specifier).contains(said, prereleases=True)


@lru_cache(maxsize=64)
def _read(specifier: str) -> SpecifierSet:
    return SpecifierSet(specifier)
