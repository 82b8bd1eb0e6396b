"""The clone an agent works in: one commit with its ancestors, the blobs' own bytes, no more."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from interlock.adapters.git import Git
from interlock.errors import ConflictError

__all__ = ["RAW_ATTRIBUTES", "make_scratch"]

# Stronger than any .gitattributes: what is in a file is what is in its blob.
RAW_ATTRIBUTES = (
    "* -text -eol -crlf -ident -filter -working-tree-encoding -export-ignore -export-subst\n"
)
_BRANCH = "refs/heads/work"
# An agent's own commits work, and no git of theirs tidies up in the background.
_CONFIG = """\
[user]
\tname = agent
\temail = agent@localhost
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


def make_scratch(source: Git, shallow: bytes, dest: Path, commit: str, owner: int | None) -> None:
    """Clone one commit with its ancestors.

    Args:
        source: the repository that has it.
        shallow: where that repository's history ends, as in git's ``shallow`` file.
        dest: a directory that does not exist yet; it is made with mode 0700.
        commit: its oid.
        owner: uid (and gid) that everything is given to; ``None`` to keep it.

    Raises:
        ConflictError: ``dest`` exists (``IL-TRE-018``).
    """
    try:
        dest.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        raise ConflictError(f"there is something at {dest} already", code="IL-TRE-018") from None
    try:
        _fill(source, shallow, dest, commit)
        if owner is not None:
            _give(dest, owner)
    except BaseException:
        shutil.rmtree(dest, ignore_errors=True)
        raise


def _fill(source: Git, shallow: bytes, dest: Path, commit: str) -> None:
    repository = dest / ".git"
    branch = _BRANCH.removeprefix("refs/heads/")
    Git(None).run("init", "-q", "--template=", f"--initial-branch={branch}", "--", str(dest))
    # A scratch that a power cut spoils is made again.
    git = Git(repository, settings={"core.fsync": "none"})
    with (repository / "config").open("a") as config:
        config.write(_CONFIG)
    (repository / "info").mkdir(exist_ok=True)
    (repository / "info" / "attributes").write_text(RAW_ATTRIBUTES)
    if shallow:
        (repository / "shallow").write_bytes(shallow)
    source.send([commit], git)
    git.run("update-ref", _BRANCH, commit)
    git.run("read-tree", "-m", "-u", commit, work_tree=dest)


def _give(dest: Path, owner: int) -> None:
    """Give everything to one uid, links themselves and not what they point to."""
    for _, directories, files, here in os.fwalk(os.fsencode(dest), follow_symlinks=False):
        for name in (*directories, *files):
            os.chown(name, owner, owner, dir_fd=here, follow_symlinks=False)
    os.chown(dest, owner, owner)
