"""Level ``partial``: the kernel's Landlock holds one process, and what it starts, to a few paths.

What is not granted is refused: files, TCP ports, abstract sockets and signals to whatever is
outside. Not covered by Landlock, and so not by this level: names, sizes and dates of other files,
and modes and dates of files of the same user.
"""

import os
import stat
import struct

from . import kernel

OLDEST = 6
"""The first version with rules for TCP ports, signals and abstract sockets."""

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIRECTORY = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_FILE, _TRUNCATE, _IOCTL_DEVICE = 1 << 5, 1 << 8, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
READ = _EXECUTE | _READ_FILE | _READ_DIRECTORY
WRITE = (1 << 16) - 1
SHARE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _MAKE_FILE | _REMOVE_FILE
"""Files by name, without seeing which there are."""
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
_PATH_RULE, _PORT_RULE = 1, 2


class Ruleset:
    """What a sandbox may reach.

    Raises:
        OSError: this kernel has no Landlock, or an old one.
    """

    def __init__(self) -> None:
        version = kernel.landlock_version()
        if version < OLDEST:
            raise OSError(f"Landlock has version {version} here, {OLDEST} is needed")
        self._descriptor = kernel.landlock_ruleset(
            struct.pack("=QQQ", WRITE, _BIND_TCP | _CONNECT_TCP, _ABSTRACT_SOCKETS | _SIGNALS)
        )

    def grant(self, descriptor: int, access: int) -> None:
        """``READ`` (and run), ``WRITE`` or ``SHARE`` everything below a path descriptor."""
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _OF_FILES
        kernel.landlock_rule(self._descriptor, _PATH_RULE, struct.pack("=Qi", access, descriptor))

    def grant_path(self, path: str, access: int) -> None:
        """The same for a path of the system, if it is there."""
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        self.grant(descriptor, access)
        os.close(descriptor)

    def grant_port(self, port: int) -> None:
        """Connections to this TCP port, of any address."""
        rule = struct.pack("=QQ", _CONNECT_TCP, port)
        kernel.landlock_rule(self._descriptor, _PORT_RULE, rule)

    def restrict(self) -> None:
        """Hold the calling process to it; no new privileges must be set."""
        kernel.landlock_restrict(self._descriptor)
        os.close(self._descriptor)
