"""``interlock init``: set a repository up; what is written is committed, because workflows are
read from commits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from interlock.adapters.audit.log import AuditLog
from interlock.cli.output import emit, json_option, say
from interlock.cli.place import passphrase, passphrase_option
from interlock.core.model import EnvironmentSpec
from interlock.definition.detect import detect_environment
from interlock.definition.loader import load_tree
from interlock.definition.packs import pack_files
from interlock.errors import ConflictError, InvalidInputError
from interlock.server.layout import Layout, repository_root
from interlock.server.passphrase import set_passphrase
from interlock.server.trustfile import add_trusted

__all__ = ["init"]

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
    layout = Layout.of(root, create=True)
    if not layout.passphrase.exists():
        set_passphrase(layout.passphrase, passphrase(passphrase_file, confirm=True))
    written = _write_files(root, pack)
    committed = _commit(root, written) if written else ""
    workflow = load_tree(lambda path: _read(root, path)).workflow
    key = "" if (layout.audit / "key").exists() else AuditLog.create(layout.audit)
    _link_known_paths(root, layout)
    if workflow.environment is not None:
        _offer_trust(layout, workflow.environment, trusted)
    emit(
        {
            "repository": str(root),
            "state": str(layout.root),
            "written": written,
            "commit": committed,
            "audit_key": key,
            "environment": list(workflow.environment.setup) if workflow.environment else None,
        },
        as_json=as_json,
        text=_summary(layout, written, key),
    )


def _require_commit(root: Path) -> None:
    if _git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode:
        raise InvalidInputError(
            "the repository has no commit yet",
            code="IL-INI-001",
            remedy="git commit --allow-empty -m 'First commit'",
        )


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, check=False
    )


def _read(root: Path, path: str) -> bytes | None:
    try:
        return (root / path).read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None


def _write_files(root: Path, pack: str) -> list[str]:
    """Write what is missing; a file that is there is a person's and stays."""
    listed = _git(root, "ls-files", "-z").stdout.split("\0")
    environment = detect_environment(
        [path for path in listed if path], lambda path: _read(root, path)
    )
    files = {**pack_files(pack, environment), ".orchestrator/config.yaml": _CONFIG.encode()}
    if (root / "agent_workflow.yaml").exists():
        files = {".orchestrator/config.yaml": _CONFIG.encode()}
    written = []
    for path, data in files.items():
        target = root / path
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            written.append(path)
    return written


def _commit(root: Path, written: list[str]) -> str:
    """Commit only what was written; the person's index and hooks are left alone."""
    identity = []
    for key, value in (("user.name", "interlock"), ("user.email", "interlock@localhost")):
        if _git(root, "config", "--get", key).returncode:
            identity += ["-c", f"{key}={value}"]
    quiet = [*identity, "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false"]
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
    exclude = root / ".git" / "info" / "exclude"
    for name, target in links.items():
        link = root / ".orchestrator" / name
        if not link.is_symlink() and not link.exists():
            link.symlink_to(target)
    if exclude.parent.is_dir():
        there = exclude.read_text() if exclude.exists() else ""
        missing = [f"/.orchestrator/{n}" for n in links if f"/.orchestrator/{n}" not in there]
        if missing:
            exclude.write_text("\n".join([there.rstrip("\n"), *missing, ""]).lstrip("\n"))


def _offer_trust(layout: Layout, environment: EnvironmentSpec, trusted: bool | None) -> None:
    say("Commands that build the test environment (sandboxed, package index only):")
    for command in environment.setup:
        say(f"    {command}")
    if trusted is None:
        trusted = sys.stdin.isatty() and click.confirm("Trust them?", default=False, err=True)
    if trusted:
        add_trusted(layout, environment)
    else:
        say("Not trusted yet: gates that run tests stay undetermined. → interlock trust")


def _summary(layout: Layout, written: list[str], key: str) -> str:
    lines = [f"State: {layout.root}"]
    if written:
        lines.append(f"Written and committed: {', '.join(written)}")
    if key:
        lines += [
            f"Audit verification key (shown once, keep it elsewhere): {key}",
            "  → interlock audit verify --key-file FILE proves the whole log with it",
        ]
    lines.append("Next: interlock up")
    return "\n".join(lines)
