"""What the launcher is told, as it travels: names and plain JSON values."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Job:
    """One sandbox to be started.

    A class without ``dataclasses`` or ``typing``: their import would cost more than a fork.

    Attributes:
        rung: how it is confined, a value of ``ports.confinement.Rung``.
        name: unique on this machine, for directories.
        uid: user to become; None for an ordinary user, who stays one.
        limits: the fields of ``ports.confinement.Limits``.
        ports: to bind at 127.0.0.1 inside.
        descriptors: inherited ones that are for the program or bubblewrap, not for the launcher.
        sources: (host path, path inside, writable), outer before inner.
        command: what to exec, program first.
        env: its whole environment.
        cwd: where the program starts; bubblewrap is told by its command line.
        filter: system call filter in hexadecimal; bubblewrap gets a descriptor.
        temporary: directory for HOME and TMPDIR, only without mounts.
        connect: TCP ports that may be connected to, only for Landlock.
        readable, writable: paths of the system, only for Landlock.
        blank: further private directories and their sizes, only for namespaces that root makes.
        layout: what ``layout.plain`` gives, only for namespaces that root makes.
    """

    rung: str
    name: str
    uid: int | None
    limits: dict[str, int | None]
    ports: list[int]
    descriptors: list[int]
    sources: list[tuple[str, str, bool]]
    command: list[str]
    env: dict[str, str]
    cwd: str
    filter: str
    temporary: str
    connect: list[int]
    readable: list[str]
    writable: list[str]
    blank: dict[str, int]
    layout: "dict[str, Any]"

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)
