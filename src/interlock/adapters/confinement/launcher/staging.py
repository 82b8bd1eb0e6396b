"""Mount namespaces made by root, so that a dropped user can reach what lies in a private home.

``stage`` shows each source below one directory that everybody may search; ``expose`` is for a
program without private mounts: it shows each source at its own path and holds read-only there.
"""

import os
import stat

from . import kernel

ROOM = "/run/interlock"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - where sem_open and shm_open put their files


def place(index: int) -> str:
    """Where the source of that index is staged."""
    return f"{ROOM}/{index}"


def open_sources(paths: list[str]) -> list[int]:
    """Descriptors of the sources: directories and regular files only, no symbolic link anywhere.

    To be bound they must have been opened in the mount namespace that binds them.
    """
    descriptors = []
    for path in paths:
        descriptor = kernel.open_source(path)
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise OSError(f"{path} is neither a directory nor a regular file")
        descriptors.append(descriptor)
    return descriptors


def make_room() -> bool:
    """A mount namespace of our own with an empty tmpfs at ``ROOM``, gone with the last process.

    Returns:
        Whether there is one; root of a container may not be allowed to mount.
    """
    try:
        kernel.unshare(kernel.CLONE_NEWNS)
        # Slave, not private: what the host unmounts must not stay busy because of us.
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_SLAVE)
    except PermissionError:
        return False
    os.makedirs(ROOM, mode=0o711, exist_ok=True)
    tmpfs(ROOM)
    return True


def stage(sources: list[tuple[str, str, bool]]) -> None:
    """Bind each (source, …) at its ``place``; bubblewrap makes them read-only."""
    if not make_room():
        raise OSError("root may not mount here")
    descriptors = open_sources([source for source, _, _ in sources])
    for index, descriptor in enumerate(descriptors):
        _bind(descriptor, place(index), writable=True)


def expose(
    sources: list[tuple[str, str, bool]], descriptors: list[int], uid: int, temporary_bytes: int
) -> tuple[str, str]:
    """Bind each (source, …, writable) at its own path, reachable for ``uid``; give HOME and TMPDIR.

    An ancestor that ``uid`` may not search is covered by an empty directory that it may.
    Shared memory is the sandbox's own.
    """
    # Before the sources, of which one may lie there.
    _own_tmpfs(SHARED_MEMORY, uid, temporary_bytes)
    for descriptor, (source, _, writable) in zip(descriptors, sources, strict=True):
        _cover_closed_ancestor(source, uid)
        _bind(descriptor, source, writable=writable)
    private = (ROOM + "/home", ROOM + "/temporary")
    for directory in private:
        os.mkdir(directory)
        _own_tmpfs(directory, uid, temporary_bytes)
    return private


def _cover_closed_ancestor(path: str, uid: int) -> None:
    parts = path.split("/")[1:-1]
    for depth in range(1, len(parts) + 1):
        ancestor = "/" + "/".join(parts[:depth])
        try:
            status = os.stat(ancestor)
        except FileNotFoundError:  # below one that was covered for an earlier source
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            return
        bit = 0o100 if status.st_uid == uid else 0o010 if status.st_gid == uid else 0o001
        if not status.st_mode & bit:
            tmpfs(ancestor)


def _own_tmpfs(target: str, uid: int, size: int) -> None:
    tmpfs(target, size)
    os.chmod(target, 0o700)
    os.chown(target, uid, uid)


def tmpfs(target: str, size: int = 1 << 20) -> None:
    """An empty directory in memory that everybody may search."""
    options = f"mode=0711,size={size}"
    kernel.mount("tmpfs", target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)


def _bind(descriptor: int, target: str, *, writable: bool) -> None:
    if not os.path.lexists(target):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.mkdir(target, 0o755)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    kernel.mount(f"/proc/self/fd/{descriptor}", target, None, kernel.MS_BIND | kernel.MS_REC)
    if not writable:
        flags = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | kernel.MS_NOSUID
        kernel.mount("none", target, None, flags)
