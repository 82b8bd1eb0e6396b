"""What the launcher is told, as it travels: names and plain JSON values."""


class Job:
    """One sandbox to be started.

    A class without ``dataclasses`` or ``typing``: their import would cost more than a fork.

    Attributes:
        private: with namespaces (``full``), else without (``none``).
        name: unique on this machine, for directories.
        uid: user to become; None for an ordinary user, who stays one.
        limits: the fields of ``ports.confinement.Limits``.
        ports: to bind at 127.0.0.1 inside.
        descriptors: inherited ones that are for the program or bubblewrap, not for the launcher.
        sources: (host path, writable), outer before inner.
        command: what to exec, program first.
        env: its whole environment.
        cwd: where the program starts, only without namespaces.
        filter: system call filter in hexadecimal, only without namespaces.
        temporary: directory for HOME and TMPDIR, only without namespaces.
    """

    private: bool
    name: str
    uid: int | None
    limits: dict[str, int | None]
    ports: list[int]
    descriptors: list[int]
    sources: list[tuple[str, bool]]
    command: list[str]
    env: dict[str, str]
    cwd: str
    filter: str
    temporary: str

    def __init__(self, **fields: object) -> None:
        self.__dict__.update(fields)
