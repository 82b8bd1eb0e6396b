"""Who was first: the refusals and the lease rules that every store shares."""

from __future__ import annotations

from dataclasses import replace

from interlock.errors import ConflictError, InvalidInputError
from interlock.ports.store import Lease

__all__ = ["check_command", "check_version", "granted", "renewed"]


def check_version(task_id: str, expected: int, actual: int) -> None:
    """Refuse an append by somebody who has not seen the task's last event (``IL-STO-001``)."""
    if expected != actual:
        raise ConflictError(
            f"{task_id} is at version {actual}, not {expected}",
            code="IL-STO-001",
            remedy="read the task again and repeat the command",
            context={"task_id": task_id, "expected": expected, "actual": actual},
        )


def check_command(command_id: str, task_id: str, recorded_for: str) -> None:
    """Refuse a command id that was used for another task (``IL-STO-002``)."""
    if task_id != recorded_for:
        raise ConflictError(
            f"command {command_id} was already used for another task",
            code="IL-STO-002",
            remedy="give every command an id of its own",
            context={"task_id": task_id},
        )


def granted(
    present: Lease | None, name: str, holder: str, *, ttl_s: float, now: int
) -> Lease | None:
    """The lease that an ``acquire`` comes to; ``present`` is the name's last grant, if any."""
    expires_at = _expiry(ttl_s, now)
    if present is None:
        return Lease(name, holder, 1, expires_at)
    if present.expires_at > now and present.holder != holder:
        return None
    return Lease(name, holder, present.fence + 1, expires_at)


def renewed(present: Lease | None, lease: Lease, *, ttl_s: float, now: int) -> Lease:
    """The lease that a ``renew`` comes to.

    An expired lease is over even if nobody has taken it: its expiry may be recorded already.

    Raises:
        ConflictError: it is not the last grant any more, or is over (``IL-STO-003``).
    """
    expires_at = _expiry(ttl_s, now)
    if present is None or present.fence != lease.fence or present.expires_at <= now:
        raise ConflictError(
            f"the lease on {lease.name} is no longer held by {lease.holder}",
            code="IL-STO-003",
            remedy="acquire it again, and do nothing in its name until then",
            context={"name": lease.name, "fence": lease.fence},
        )
    return replace(present, expires_at=expires_at)


def _expiry(ttl_s: float, now: int) -> int:
    if not 0 < ttl_s < float("inf"):
        raise InvalidInputError(
            f"a lease of {ttl_s} seconds",
            code="IL-STO-013",
            remedy="give a positive number of seconds",
        )
    return now + round(ttl_s * 1_000_000)
