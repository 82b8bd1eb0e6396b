"""Which spellings of a path are accepted, and what a lenient file system would take one for.

A tree is checked out on file systems that fold case, drop code points, cut streams and shorten
names. A path that could be another file's name somewhere is either refused here or compared by its
``fold``.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["fold", "fold_text", "leaves_tree", "malformed", "names_git"]

MAX_BYTES: Final = 4096
MAX_COMPONENT_BYTES: Final = 255
MAX_DEPTH: Final = 64

# The everyday path; whatever it lets through needs none of the slow questions below.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_+=@,-]++(?:(?:\.++|/)[A-Za-z0-9_+=@,-]++)*+")
_PLAIN_LENGTH: Final = 2 * MAX_DEPTH  # too short to be too deep
# The 8.3 alias that Windows gives to a longer name (GIT~1, AGENTS~1.MD).
_SHORT_NAME: Final = re.compile(r"[^.~]{1,6}~[0-9]{1,3}(?:\.[^.]{0,3})?", re.IGNORECASE)
_GIT_NAMES: Final = re.compile(r"\.git|git~[0-9]{1,3}")


def malformed(path: str) -> str | None:
    """Why a path is not a normal relative POSIX path meaning one file everywhere, or ``None``."""
    if len(path) <= _PLAIN_LENGTH and _PLAIN.fullmatch(path):
        return None
    if not path:
        return "it is empty"
    if leaving := leaves_tree(path):
        return leaving
    if len(path.encode("utf-8")) > MAX_BYTES:
        return f"it is longer than {MAX_BYTES} bytes"
    if "\\" in path:
        return "it holds a backslash, which separates folders elsewhere"
    if not path.isascii():
        # False for control, format (zero width, bidi), separators, odd spaces, private, unassigned.
        if not path.isprintable():
            return "it holds an invisible or unassigned character"
        if not unicodedata.is_normalized("NFC", path):
            return "it is not in Unicode normal form C"
    parts = path.split("/")
    if len(parts) > MAX_DEPTH:
        return f"it is deeper than {MAX_DEPTH} folders"
    return next((why for part in parts if (why := _bad_component(part))), None)


def leaves_tree(path: str) -> str | None:
    """Why a path cannot be below the tree's root, or ``None``; all that is asked of a reader."""
    if path.startswith(("/", "~")):
        return "it is absolute; paths are relative to the root of the tree"
    if "\\" in path and (path.startswith("\\") or ".." in path):
        return "it leads out of the tree"
    if len(path) > 1 and path[1] == ":" and path[0].isalpha():
        return "it names a drive"
    if any(char < " " or char == "\x7f" for char in path):
        return "it holds a control character"
    if any("\ud800" <= char <= "\udfff" for char in path):
        return "it is not valid Unicode"
    if ".." in path.split("/"):
        return "it leads upwards with '..'"
    return None


def fold(path: str) -> str:
    """The path as the most forgiving file system would compare it: case, width, streams folded."""
    folded = fold_text(path)
    if ":" not in folded:
        return folded
    return "/".join(part.split(":")[0].rstrip(" .") for part in folded.split("/"))


def fold_text(text: str) -> str:
    """Case and width folded; patterns are folded by this alone."""
    if text.isascii():
        return text.lower()
    # Folding case can leave the normal form (İ), hence twice.
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def names_git(folded: str) -> bool:
    """Whether a folded path has a component that some file system opens as ``.git``."""
    if ".git" not in folded and "git~" not in folded:
        return False
    return any(_GIT_NAMES.fullmatch(part.rstrip(" .")) for part in folded.split("/"))


def _bad_component(part: str) -> str | None:
    if part in {"", "."}:
        return "it is not in normal form (empty or '.' component)"
    if part != part.strip(" ") or part.endswith("."):
        return "a component begins or ends with a space, or ends with a dot"
    if len(part.encode("utf-8")) > MAX_COMPONENT_BYTES:
        return f"a component is longer than {MAX_COMPONENT_BYTES} bytes"
    if _SHORT_NAME.fullmatch(part):
        return "a component looks like the short alias of another name"
    return None
