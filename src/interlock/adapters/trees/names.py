"""What a name may be before it is written into a tree that people will check out.

Names are judged as the strangest file system would read them: HFS+ drops invisible characters,
NTFS drops trailing dots and what follows a colon, many fold case and Unicode forms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

__all__ = [
    "MAX_DEPTH",
    "MAX_LINK_BYTES",
    "MAX_PATH_BYTES",
    "ancestors",
    "cache_root",
    "directories",
    "folded",
    "is_text",
    "link_problem",
    "name_problem",
    "unusable",
]

MAX_DEPTH = 64
MAX_LINK_BYTES = 4095
MAX_PATH_BYTES = 4096
_MAX_NAME_BYTES = 255

_INVISIBLE = dict.fromkeys(
    (0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
)
_BIDI = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))

_CACHE_DIRECTORIES = frozenset(
    (
        b"__pycache__",
        b".pytest_cache",
        b".mypy_cache",
        b".ruff_cache",
        b".hypothesis",
        b".tox",
        b".nox",
    )
)
_BYTECODE = (b".pyc", b".pyo")


def ancestors(path: bytes) -> Iterator[bytes]:
    """Every directory above a path, nearest first, without the root."""
    end = path.rfind(b"/")
    while end > 0:
        yield path[:end]
        end = path.rfind(b"/", 0, end)


def directories(paths: Iterable[bytes]) -> set[bytes]:
    """Every directory above some of many paths, without the root."""
    found: set[bytes] = set()
    for parent in {path.rpartition(b"/")[0] for path in paths} - {b""}:
        found.add(parent)
        for above in ancestors(parent):
            if above in found:
                break
            found.add(above)
    return found


def folded(path: bytes) -> bytes:
    """Equal for two paths that some file system takes for one."""
    if path.isascii():
        return path.lower()
    text = path.decode("utf-8", "backslashreplace").translate(_INVISIBLE)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).encode()


def cache_root(path: bytes) -> bytes | None:
    """The cache directory or bytecode file that a path is (in), which tools write by themselves."""
    parts = path.split(b"/")
    for depth, part in enumerate(parts[:-1], start=1):
        if part in _CACHE_DIRECTORIES:
            return b"/".join(parts[:depth]) + b"/"
    return path if path.endswith(_BYTECODE) or parts[-1] in _CACHE_DIRECTORIES else None


def is_text(path: bytes) -> bool:
    """Whether a path can be said in text, as rules and records need it."""
    try:
        path.decode()
    except UnicodeDecodeError:
        return False
    return True


def name_problem(path: bytes) -> str | None:
    """Why a path may not be added to a tree, or ``None``."""
    if not is_text(path):
        return "the name is not UTF-8 → rename it"
    text = path.decode()
    if any(unicodedata.category(char) == "Cc" or char in _BIDI for char in text):
        return "the name holds control characters → rename it"
    if len(path) > MAX_PATH_BYTES:
        return f"the path is longer than {MAX_PATH_BYTES} bytes → shorten it"
    parts = text.split("/")
    if len(parts) > MAX_DEPTH:
        return f"deeper than {MAX_DEPTH} levels → move it further up"
    if any(len(part.encode()) > _MAX_NAME_BYTES for part in parts):
        return f"a name is longer than {_MAX_NAME_BYTES} bytes → shorten it"
    # A backslash separates directories on Windows.
    if any(_names_repository(part) for part in text.replace("\\", "/").split("/")):
        return "a nested repository → remove it, or ask a person to add it"
    return None


def unusable(path: bytes, mode: bytes) -> bool:
    """Whether git itself does not check a path out: some file system takes it for its own."""
    text = path.decode("utf-8", "backslashreplace")
    link = mode == b"120000" and folded(path.rsplit(b"/", 1)[-1]).startswith(b".git")
    return link or any(_names_repository(part) for part in text.split("/"))


def link_problem(path: bytes, target: bytes) -> str | None:
    """Why a symbolic link may not be added at a path, or ``None``.

    ``..`` may stand in front only: behind another component it is not lexical, because that
    component may be a link itself (``up/../..`` with ``up -> .`` leaves).
    """
    if folded(path.rsplit(b"/", 1)[-1]).startswith(b".git"):
        return "a link with a name that git reads → make it a file"
    if not target or len(target) > MAX_LINK_BYTES or b"\0" in target:
        return "a link without a usable target → remove it"
    parts = [part for part in target.split(b"/") if part not in (b"", b".")]
    up = next((at for at, part in enumerate(parts) if part != b".."), len(parts))
    if target.startswith(b"/") or up > path.count(b"/") or b".." in parts[up:]:
        return "a link that may lead out of the tree → link to a path below the root"
    if any(_names_repository(part.decode("utf-8", "backslashreplace")) for part in parts):
        return "a link into a repository → remove it"
    return None


def _names_repository(part: str) -> bool:
    plain = unicodedata.normalize("NFC", part.translate(_INVISIBLE)).casefold()
    return plain.split(":")[0].rstrip(" .") in (".git", "git~1")
