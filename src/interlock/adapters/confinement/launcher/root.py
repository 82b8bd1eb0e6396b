"""A root directory for a sandbox, built by root in a mount namespace of its own.

It is an empty tmpfs with the system, devices, private directories and the job's mounts in it.
Nothing in it has a setuid bit or a device file that works, but for the five that everybody needs.
Mount points are found one name after the other and never through a symbolic link: an agent may have
put one into its tree that leads back to the host.
"""

import os
import stat

from . import kernel, staging
from .job import Job

_PLAIN = kernel.MS_NOSUID | kernel.MS_NODEV
_DEVICE = kernel.MS_NOSUID | kernel.MS_NOEXEC
_DEV_LINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/ptmx": "pts/ptmx",
}
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def build(job: Job) -> None:
    """Make it and make it the root. ``staging.ROOM`` is an empty tmpfs of our own."""
    sources = staging.open_sources([source for source, _, _ in job.sources])
    os.chmod(staging.ROOM, 0o755)  # noqa: S103 - a root directory is everybody's to search
    _system(job)
    _devices(job)
    size = job.limits["temporary_bytes"] or 0
    for path in ("/tmp", "/dev/shm"):  # noqa: S108 - private ones
        _empty(path, size, 0o1777, None)
    _empty(job.env["HOME"], size, 0o700, job.uid)
    for path, capacity in job.blank.items():
        _empty(path, capacity, 0o755, job.uid)
    for source, (_, target, writable) in zip(sources, job.sources, strict=True):
        _show(source, target, _PLAIN if writable else _PLAIN | kernel.MS_RDONLY)
    kernel.pivot_root(staging.ROOM)
    for place, flags in (("/dev", _DEVICE), ("/", _PLAIN)):
        how = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | flags
        kernel.mount("none", place, None, how)


def _system(job: Job) -> None:
    for path, value in job.layout["links"].items():
        os.symlink(value, staging.ROOM + path)
    for path in job.layout["directories"]:
        _show(os.open(path, os.O_PATH | os.O_CLOEXEC), path, _PLAIN | kernel.MS_RDONLY)
    for path, text in job.layout["files"].items():
        with open(_made(os.path.dirname(path)) + "/" + os.path.basename(path), "x") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
    kernel.mount("proc", _made("/proc"), "proc", _PLAIN | kernel.MS_NOEXEC)


def _devices(job: Job) -> None:
    devices = _made("/dev")
    kernel.mount("tmpfs", devices, "tmpfs", _DEVICE, "mode=0755,size=65536")
    for path in job.layout["devices"]:
        _show(os.open(path, os.O_PATH | os.O_CLOEXEC), path, _DEVICE)
    for path, value in _DEV_LINKS.items():
        os.symlink(value, staging.ROOM + path)
    terminals = "newinstance,ptmxmode=0666,mode=0620"
    kernel.mount("devpts", _made("/dev/pts"), "devpts", _DEVICE, terminals)


def _empty(path: str, size: int, mode: int, owner: int | None) -> None:
    """A private directory in memory."""
    inside = _made(path)
    staging.tmpfs(inside, size)
    os.chmod(inside, mode)
    if owner is not None:
        os.chown(inside, owner, owner)


def _made(path: str) -> str:
    """Where a directory of the new root is, which lies in no mount of the job."""
    inside = staging.ROOM + path
    os.makedirs(inside, mode=0o755, exist_ok=True)
    return inside


def _show(source: int, target: str, flags: int) -> None:
    place = _point(target, directory=stat.S_ISDIR(os.fstat(source).st_mode))
    try:
        kernel.copy_mount(source, place, flags)
    finally:
        os.close(place)
        os.close(source)


def _point(target: str, *, directory: bool) -> int:
    """A descriptor of the mount point, made if it is not there."""
    *parents, last = target.split("/")[1:]
    at = os.open(staging.ROOM, _DIRECTORY)
    for name in parents:
        below = _directory(at, name)
        os.close(at)
        at = below
    try:
        if directory:
            return _directory(at, last)
        try:
            made = os.open(last, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=at)
        except FileExistsError:
            place = os.open(last, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            if not stat.S_ISREG(os.fstat(place).st_mode):
                raise OSError(f"{target} is no file") from None
            return place
        return made
    finally:
        os.close(at)


def _directory(parent: int, name: str) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except FileNotFoundError:
        os.mkdir(name, 0o755, dir_fd=parent)
        owner = os.fstat(parent)
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=parent, follow_symlinks=False)
        return os.open(name, _DIRECTORY, dir_fd=parent)
