"""The key that phase tokens are signed with: from the environment or a file of the server's."""

from __future__ import annotations

import itertools
import math
import os
import secrets
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from interlock.errors import InvalidInputError
from interlock.failpoints import reach

__all__ = ["check_secret", "load_secret", "read_or_make"]

_MINIMUM_BYTES: Final = 32
_MINIMUM_BITS: Final = 96  # by frequency of bytes; 32 random hex digits come to about 115
_PLACEHOLDERS: Final = (b"secret", b"password", b"changeme", b"change-me", b"example")
_REMEDY: Final = "export {variable}=$(openssl rand -hex 32), or unset it to have one generated"


def load_secret(
    path: Path, env: Mapping[str, str], *, variable: str = "ORCHESTRATOR_JWT_SECRET"
) -> bytes:
    """The secret of the environment, else that of the file, which is generated on first use.

    Args:
        path: file of mode 0600 that is used when the variable is unset or empty.
        env: the environment.
        variable: name of the variable (``enforcement.phase_tokens.secret_env_var``).

    Raises:
        InvalidInputError: the secret is weak (``IL-TOK-020``), or others can read or replace the
            file (``IL-TOK-021``).
    """
    if value := env.get(variable, ""):
        secret = value.encode("utf-8", "surrogateescape")
        check_secret(secret, remedy=_REMEDY.format(variable=variable))
        return secret
    secret = read_or_make(path, lambda: secrets.token_hex(32).encode() + b"\n")
    check_secret(secret, remedy=f"rm {path}, then start again to have one generated")
    return secret


def read_or_make(path: Path, make: Callable[[], bytes]) -> bytes:
    """What a file of mode 0600 says; the file is made on first use.

    Raises:
        InvalidInputError: others can read or replace it (``IL-TOK-021``).
    """
    if not path.is_symlink() and not path.exists():
        _generate(path, make())
    return _read(path)


def check_secret(secret: bytes, *, remedy: str) -> None:
    """Refuse what can be guessed: short, repeated, in sequence, of few letters, a placeholder.

    Raises:
        InvalidInputError: with the reason (``IL-TOK-020``).
    """
    if why := _weakness(secret):
        raise InvalidInputError(
            f"the secret for phase tokens is weak: {why}", code="IL-TOK-020", remedy=remedy
        )


def _weakness(secret: bytes) -> str:
    size = len(secret)
    if size < _MINIMUM_BYTES:
        return f"{size} bytes, at least {_MINIMUM_BYTES} are needed"
    if any(secret[period:] == secret[:-period] for period in range(1, size // 2 + 1)):
        return "it repeats itself"
    steps = Counter(b - a for a, b in itertools.pairwise(secret))
    if sum(steps[step] for step in (-1, 0, 1)) * 2 > size:
        return "it is a sequence"
    bits = sum(-n * math.log2(n / size) for n in Counter(secret).values())
    if bits < _MINIMUM_BITS:
        return "it uses too few different characters"
    if secret.startswith(b"-----BEGIN "):
        return "it is a key of another algorithm"
    if any(word in secret.lower() for word in _PLACEHOLDERS):
        return "it looks like a placeholder"
    return ""


def _generate(path: Path, content: bytes) -> None:
    """Write a fresh secret; of several processes at once, one wins and all read the same."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        reach("secret.link")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return  # somebody else's is there: that one counts
    finally:
        temporary.unlink()


def _read(path: Path) -> bytes:
    try:
        # Not blocking: somebody may have put a pipe there.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, flags)
    except OSError as problem:
        raise _unsafe(path, problem.strerror or "not readable") from problem
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _unsafe(path, "it is not a file")
        if status.st_uid != os.geteuid():
            raise _unsafe(path, f"it belongs to uid {status.st_uid}")
        if status.st_mode & 0o077:
            raise _unsafe(path, f"its mode is {stat.S_IMODE(status.st_mode):04o}")
        return os.read(descriptor, 4096).strip()
    finally:
        os.close(descriptor)


def _unsafe(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"the secret in {path} may be known to others: {why}",
        code="IL-TOK-021",
        remedy=f"rm {path}, then start again to have one generated",
    )
