"""What each process of a sandbox may use."""

import resource

from .cgroups import OVERHEAD


def apply(wanted: dict[str, int | None], *, memory_is_held: bool, own_user: bool) -> None:
    """Set the limits of the calling process, which its children inherit.

    Args:
        wanted: the fields of ``ports.confinement.Limits``.
        memory_is_held: a cgroup limits it.
        own_user: the program gets a user of its own, so that counting by user counts it alone.
    """
    processes = wanted["processes"]
    values = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: wanted["file_bytes"],
        resource.RLIMIT_NOFILE: wanted["open_files"],
        resource.RLIMIT_CPU: wanted["cpu_seconds"],
        # Data, not address space: runtimes reserve gigabytes that they never touch.
        resource.RLIMIT_DATA: None if memory_is_held else wanted["memory_bytes"],
        resource.RLIMIT_NPROC: processes + OVERHEAD if own_user and processes else None,
    }
    for kind, value in values.items():
        if value is not None:
            _, hard = resource.getrlimit(kind)
            limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (limit, limit))


def limit_processes(pid: int, count: int) -> None:
    """Limit how many processes there may be in the user namespace of ``pid``, of the same user.

    Set from outside once that namespace exists: the kernel then counts in there only, and not
    everything else that the user runs.
    """
    resource.prlimit(pid, resource.RLIMIT_NPROC, (count + OVERHEAD, count + OVERHEAD))
