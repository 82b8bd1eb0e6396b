"""The files of an environment: whose they are, what they may name, what a build left elsewhere."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from interlock.errors import InvalidInputError

__all__ = ["check_closed", "give", "keep_made", "rebase", "remove", "seal"]

_ABSOLUTE = re.compile(r"""(?:^|['"]|file://)(/[^'"\n:;]*)""", re.MULTILINE)
# What builders leave in a tree for themselves; nothing imports it.
_BY_PRODUCTS = re.compile(r"(?:^|/)(?:__pycache__|build|dist|[^/]*\.egg-info|\.[^/]+)(?:/|$)")
_MOST_MADE = 64 << 20


def below(root: Path) -> Iterator[Path]:
    """Everything below a directory; links are not followed."""
    for directory, names, files in os.walk(root):
        yield from (Path(directory, name) for name in (*names, *files))


def give(root: Path, uid: int) -> None:
    """Make a directory and everything below another user's."""
    for path in (root, *below(root)):
        os.chown(path, uid, uid, follow_symlinks=False)


def seal(root: Path) -> None:
    """Ours, readable for every user that a job may run as, and no file is anybody's to write.

    Directories stay the owner's to write, so that an ordinary `rm -r` removes an environment.
    """
    for path in (root, *below(root)):
        os.chown(path, os.getuid(), os.getgid(), follow_symlinks=False)
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            path.chmod(0o755)
        elif not stat.S_ISLNK(mode):
            path.chmod(0o555 if mode & 0o111 else 0o444)


def remove(root: Path) -> None:
    """Remove a directory, whatever permissions a recipe gave to what is in it."""
    if root.exists():
        for path in (root, *below(root)):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(root)


def _pointers(root: Path) -> Iterator[Path]:
    """Files of installed packages that may name places elsewhere."""
    for path in below(root):
        named = path.name.endswith(".pth") or path.name.startswith("__editable__")
        named = named or path.name == "direct_url.json"
        if named and path.is_file() and not path.is_symlink():
            yield path


def rebase(root: Path, old: str, new: str) -> None:
    """Let everything that names a place below ``old`` name it below ``new``."""
    for path in _pointers(root):
        path.write_text(path.read_text(errors="replace").replace(old, new))


def check_closed(root: Path, inner: tuple[str, str], tree: Collection[str]) -> None:
    """Refuse an environment that would run other code than its own and the judged tree's.

    Args:
        root: of the environment.
        inner: what the environment and the tree are called in what it names.
        tree: paths of the base.

    Raises:
        InvalidInputError: it names a place elsewhere (IL-JUD-006), or holds a copy of the project
            that a judged tree would not cover (IL-JUD-009).
    """
    for path in _pointers(root):
        text = path.read_text(errors="replace")
        for found in _ABSOLUTE.finditer(text):
            place = os.path.normpath(found[1])
            if not any(place == top or place.startswith(f"{top}/") for top in inner):
                raise InvalidInputError(
                    f"{path.name} of the environment points to {place}, outside of it",
                    code="IL-JUD-006",
                    remedy="install from the tree itself (`pip install -e .`) or from an index",
                )
        if path.name == "direct_url.json" and (copied := _copied(path, text, inner[1], tree)):
            raise InvalidInputError(
                f"the environment holds a copy of {copied}: tests would see the base's code there "
                "and not the tree that is judged",
                code="IL-JUD-009",
                remedy="install it editable: `pip install -e .`",
            )


def _copied(path: Path, text: str, tree_at: str, tree: Collection[str]) -> str:
    """A module that was installed from the tree as a copy, and that no tree stands before."""
    try:
        origin = json.loads(text)
        place = str(origin["url"]).removeprefix("file://")
        is_editable = bool(origin.get("dir_info", {}).get("editable"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    if is_editable or not (place == tree_at or place.startswith(f"{tree_at}/")):
        return ""
    # Where a run looks first: the project's directory, and `src` in it.
    directory = place[len(tree_at) :].strip("/")
    prefix = f"{directory}/" if directory else ""
    starts = (prefix, f"{prefix}src/")
    with (path.parent / "RECORD").open(newline="") as file:
        files = [row[0] for row in csv.reader(file) if row]
    tops = {name.split("/")[0] for name in files if name.endswith(".py") and name[:1] != "."}
    for top in sorted(tops):
        if not any(
            f == start + top or f.startswith(f"{start}{top}/") for f in tree for start in starts
        ):
            return top
    return ""


def keep_made(tree: Path, base: Collection[str], place: Path) -> list[str]:
    """Keep what a recipe made in its copy of the base: compiled parts, a file with the version.

    Args:
        tree: the copy.
        base: its paths before.
        place: where it is kept.

    Returns:
        The paths, from the tree's root.
    """
    known, made, size = frozenset(base), list[str](), 0
    for path in below(tree):
        name = path.relative_to(tree).as_posix()
        if name in known or _BY_PRODUCTS.search(name) or not stat.S_ISREG(path.lstat().st_mode):
            continue
        size += path.stat().st_size
        if size > _MOST_MADE:
            raise InvalidInputError(
                f"the recipe made more than {_MOST_MADE >> 20} MiB of files in the tree",
                code="IL-JUD-010",
                remedy="let it write below /env, or below $TMPDIR what only the build needs",
            )
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place / name)
        made.append(name)
    return sorted(made)
