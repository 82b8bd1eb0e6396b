"""``interlock init``: set a repository up; what is written is committed, because workflows are
read from commits."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from interlock.adapters.audit.log import AuditLog
from interlock.cli.output import emit, json_option, say
from interlock.cli.place import passphrase, passphrase_option
from interlock.core.model import EnvironmentSpec
from interlock.definition.detect import detect_environment
from interlock.definition.loader import load_tree
from interlock.definition.packs import pack_files
from interlock.errors import ConflictError, InvalidInputError, NotFoundError
from interlock.server.layout import Layout, repository_root
from interlock.server.passphrase import check_passphrase, set_passphrase
from interlock.server.trustfile import add_trusted, is_trusted

__all__ = ["init"]

_OF_A_CALLER = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"}
)

_CONFIG = """\
# Settings of Interlock for this repository; ORCHESTRATOR_<SECTION>_<KEY> wins over them.
api:
  host: localhost
  port: 8000
enforcement:
  mode: strict
jwt:
  expiry_seconds: 7200
"""


@click.command()
@passphrase_option
@click.option("--pack", default="tdd", show_default=True, help="Workflow to write.")
@click.option(
    "--trust/--no-trust",
    "trusted",
    default=None,
    help="Trust the commands that build the test environment without asking.",
)
@json_option
def init(passphrase_file: Path | None, pack: str, trusted: bool | None, as_json: bool) -> None:
    """Set this repository up: workflow, schemas, state, passphrase, audit key."""
    root = repository_root(Path.cwd())
    _require_commit(root)
    _require_plain_directories(root)
    files = _files(root, pack)
    # Read before anything is changed: what does not hold is a person's to put right first.
    workflow = load_tree(lambda path: _after(root, path, files)).workflow
    given = None if _is_set_up(root) else passphrase(passphrase_file, confirm=True)
    if given is not None:
        check_passphrase(given)
    layout = Layout.of(root, create=True)
    if given is not None:
        set_passphrase(layout.passphrase, given)
    written = _write(root, files)
    committed = _commit(root, written) if written else ""
    key = "" if (layout.audit / "key").exists() else AuditLog.create(layout.audit)
    _link_known_paths(root, layout)
    if workflow.environment is not None:
        _offer_trust(layout, workflow.environment, trusted)
    uncommitted = _uncommitted(root)
    emit(
        {
            "repository": str(root),
            "state": str(layout.root),
            "written": written,
            "commit": committed,
            "audit_key": key,
            "environment": list(workflow.environment.setup) if workflow.environment else None,
            "uncommitted": uncommitted,
        },
        as_json=as_json,
        text=_summary(layout, written, key, uncommitted),
    )


def _is_set_up(root: Path) -> bool:
    """Whether a passphrase was set before."""
    try:
        return Layout.of(root).passphrase.exists()
    except NotFoundError:
        return False


def _require_commit(root: Path) -> None:
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        raise InvalidInputError(
            "the repository has no commit yet",
            code="IL-INI-001",
            remedy="git commit --allow-empty -m 'First commit'",
        )


def _require_plain_directories(root: Path) -> None:
    """A repository must not lead our writing somewhere else."""
    for path in (root / ".orchestrator", root / ".orchestrator" / "schemas"):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise ConflictError(
                f"{path} is not a directory of the repository",
                code="IL-INI-003",
                remedy=f"git rm --cached {path} && rm {path}",
            )


_QUIET = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
"""What a repository's own configuration must not run in the name of whoever sets it up."""


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # Variables of a git that called us (a hook) would lead it to another repository or index.
    environment = {k: v for k, v in os.environ.items() if k not in _OF_A_CALLER}
    return subprocess.run(
        ["git", "-C", str(root), *_QUIET, *words],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )


def _present(root: Path, path: str) -> bytes | None:
    try:
        return (root / path).read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None


def _after(root: Path, path: str, files: Mapping[str, bytes]) -> bytes | None:
    """A file as it will be."""
    there = _present(root, path)
    return files.get(path) if there is None else there


def _files(root: Path, pack: str) -> dict[str, bytes]:
    """What ``init`` would write into an empty repository."""
    listed = _git(root, "ls-files", "-z").stdout.split("\0")
    environment = detect_environment(
        [path for path in listed if path], lambda path: _present(root, path)
    )
    return {**pack_files(pack, environment), ".orchestrator/config.yaml": _CONFIG.encode()}


def _write(root: Path, files: Mapping[str, bytes]) -> list[str]:
    """Write what is missing; a file that is there is a person's and stays."""
    written = []
    for path, data in files.items():
        target = root / path
        if target.is_symlink():
            raise ConflictError(
                f"{path} is a link, and what it leads to is not written through it",
                code="IL-INI-005",
                remedy=f"rm {path}",
            )
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            written.append(path)
    return written


def _uncommitted(root: Path) -> list[str]:
    """Files of ours that differ from HEAD: tasks do not see what is not committed."""
    names = ("agent_workflow.yaml", ".orchestrator/config.yaml", ".orchestrator/schemas")
    found = _git(root, "status", "--porcelain", "-z", "--no-renames", "--ignored", "--", *names)
    return sorted(entry[3:] for entry in found.stdout.split("\0") if entry)


def _commit(root: Path, written: list[str]) -> str:
    """Commit only what was written; the person's index and hooks are left alone."""
    identity = []
    for key, value in (("user.name", "interlock"), ("user.email", "interlock@localhost")):
        if _git(root, "config", "--get", key).returncode:
            identity += ["-c", f"{key}={value}"]
    quiet = [*identity, "-c", "commit.gpgSign=false"]
    added = _git(root, "add", "--force", "--", *written)
    done = _git(root, *quiet, "commit", "--quiet", "-m", "Set up Interlock", "--", *written)
    if added.returncode or done.returncode:
        raise ConflictError(
            f"the files were written but not committed: {(added.stderr + done.stderr).strip()}",
            code="IL-INI-002",
            remedy=f"git add {' '.join(written)} && git commit",
        )
    return _git(root, "rev-parse", "HEAD").stdout.strip()


def _link_known_paths(root: Path, layout: Layout) -> None:
    """The paths that other tools know, as links into the state; git does not see them."""
    links = {"events.db": layout.events, "tool_audit.jsonl": layout.audit / "000001.jsonl"}
    # Not below .git of a worktree, which is a file.
    exclude = root / _git(root, "rev-parse", "--git-path", "info/exclude").stdout.strip()
    for name, target in links.items():
        link = root / ".orchestrator" / name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(target)
    there = exclude.read_text() if exclude.exists() else ""
    missing = [f"/.orchestrator/{n}" for n in links if f"/.orchestrator/{n}" not in there]
    if missing:
        exclude.parent.mkdir(exist_ok=True)
        exclude.write_text("\n".join([there.rstrip("\n"), *missing, ""]).lstrip("\n"))


def _offer_trust(layout: Layout, environment: EnvironmentSpec, trusted: bool | None) -> None:
    if is_trusted(layout, environment):
        return
    say("Commands that build the test environment (sandboxed, package index only):")
    for command in environment.setup:
        say(f"    {command}")
    if trusted is None:
        trusted = sys.stdin.isatty() and click.confirm("Trust them?", default=False, err=True)
    if trusted:
        add_trusted(layout, environment)
    else:
        say("Not trusted yet: gates that run tests stay undetermined. → interlock trust")


def _summary(layout: Layout, written: list[str], key: str, uncommitted: list[str]) -> str:
    lines = [f"State: {layout.root}"]
    if written:
        lines.append(f"Written and committed: {', '.join(written)}")
    if key:
        lines += [
            f"Audit verification key (shown once, keep it elsewhere): {key}",
            "  → interlock audit verify --key-file FILE proves the whole log with it",
        ]
    if uncommitted:
        names = " ".join(uncommitted)
        lines.append(f"Not committed, so not seen by tasks: {names}")
        lines.append(f"  → git add --force -- {names} && git commit")
    lines.append("Next: interlock up")
    return "\n".join(lines)
