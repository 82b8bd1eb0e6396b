"""``interlock init``: set a repository up; what is written is committed, because workflows are
read from commits."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from interlock.adapters.acting import acting_as
from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.segments import FIRST
from interlock.cli.durable_init import make_durable
from interlock.cli.output import emit, json_option, say
from interlock.cli.place import passphrase, passphrase_option, user_repository
from interlock.cli.recipe import recipe_lines
from interlock.cli.standing import standing
from interlock.core.model import EnvironmentSpec
from interlock.definition.detect import Proposal, detect_environment
from interlock.definition.loader import SCHEMAS_DIR, Loaded, load_tree
from interlock.definition.packs import pack_files
from interlock.engine.codec import plain
from interlock.errors import ConflictError, NotFoundError
from interlock.server.layout import Layout, repository_root
from interlock.server.passphrase import check_passphrase, set_passphrase
from interlock.server.trustfile import add_trusted, is_trusted

__all__ = ["init"]

_MESSAGE = "Set up Interlock"
_OURS = ("agent_workflow.yaml", ".orchestrator/config.yaml", ".orchestrator/schemas")
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
    repository = user_repository(root)
    repository.commit("HEAD")
    _require_plain_directories(root)
    here = Path.cwd().resolve().relative_to(root).as_posix()
    proposal = detect_environment(
        repository.tracked(), lambda path: _present(root, path), standing=here
    )
    # Read before anything is changed: what does not hold is a person's to put right first.
    files, loaded = _load(root, _files(pack, proposal))
    environment = loaded.workflow.environment
    if environment is None and proposal is not None:
        environment = proposal.environment
    given = None if _is_set_up(root) else passphrase(passphrase_file, confirm=True)
    if given is not None:
        check_passphrase(given)
    layout = Layout.of(root, create=True)
    if given is not None:
        set_passphrase(layout.passphrase, given)
    with acting_as(repository.place.uid, repository.place.gid):
        written = _write(root, files)
    committed = repository.add({path: files[path] for path in written}, _MESSAGE) if written else ""
    key = "" if (layout.audit / "key").exists() else AuditLog.create(layout.audit)
    with acting_as(repository.place.uid, repository.place.gid):
        links = {loaded.events_link: layout.events, loaded.audit_link: layout.audit / FIRST}
        if loaded.metrics_link:
            links[loaded.metrics_link] = layout.metrics[loaded.workflow.monitoring.export]
        _link_known_paths(repository.place.common_dir, root, links)
    if environment is not None:
        _offer_trust(layout, environment, proposal, trusted)
    read = standing(root)
    built_from = [path for path in loaded.sources or () if read(path) is not None]
    uncommitted = list(repository.uncommitted(*dict.fromkeys([*_OURS, *built_from])))
    make_durable(root, repository, layout, written)
    emit(
        {
            "repository": str(root),
            "state": str(layout.root),
            "written": written,
            "commit": committed,
            "audit_key": key,
            "environment": list(environment.setup) if environment else None,
            "notes": list(proposal.notes) if proposal else [],
            "uncommitted": uncommitted,
        },
        as_json=as_json,
        text="\n".join([*_where(root, here), *_summary(layout, written, key, uncommitted)]),
    )


def _is_set_up(root: Path) -> bool:
    """Whether a passphrase was set before."""
    try:
        return Layout.of(root).passphrase.exists()
    except NotFoundError:
        return False


def _require_plain_directories(root: Path) -> None:
    """A repository must not lead our writing somewhere else."""
    for path in (root / ".orchestrator", root / ".orchestrator" / "schemas"):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise ConflictError(
                f"{path} is not a directory of the repository",
                code="IL-INI-003",
                remedy=f"git rm --cached {path} && rm {path}",
            )


def _present(root: Path, path: str) -> bytes | None:
    try:
        return (root / path).read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None


def _load(root: Path, files: dict[str, bytes]) -> tuple[dict[str, bytes], Loaded]:
    """The workflow as it will be, and what has to be written for it."""
    read = standing(root)

    def after(path: str) -> bytes | None:
        there = read(path)
        return files.get(path) if there is None else there

    loaded = load_tree(after)
    if loaded.packs and read(_OURS[0]) is not None:
        # The schemas come along with what the file builds on; copies of ours would win over them.
        files = {path: data for path, data in files.items() if not path.startswith(SCHEMAS_DIR)}
        loaded = load_tree(after)
    return files, loaded


def _files(pack: str, proposal: Proposal | None) -> dict[str, bytes]:
    """What ``init`` would write into an empty repository."""
    known = proposal or Proposal(environment=None)
    written = pack_files(pack, known.environment, known.why)
    return {**written, ".orchestrator/config.yaml": _CONFIG.encode()}


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


def _link_known_paths(common_dir: Path, root: Path, links: Mapping[str, Path]) -> None:
    """The paths that other tools know, as links into the state; git does not see them."""
    exclude = common_dir / "info" / "exclude"
    for name, target in links.items():
        link = root / name
        if not link.parent.resolve().is_relative_to(root.resolve()):
            raise ConflictError(
                f"{name} leads out of the repository",
                code="IL-INI-006",
                remedy=f"correct the path in agent_workflow.yaml, or rm {link.parent}",
            )
        if not link.is_symlink() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(target)
    there = exclude.read_text() if exclude.exists() else ""
    missing = [f"/{name}" for name in links if f"/{name}" not in there]
    if missing:
        exclude.parent.mkdir(exist_ok=True)
        exclude.write_text("\n".join([there.rstrip("\n"), *missing, ""]).lstrip("\n"))


def _offer_trust(
    layout: Layout,
    environment: EnvironmentSpec,
    proposal: Proposal | None,
    trusted: bool | None,
) -> None:
    if is_trusted(layout, environment):
        return
    known = proposal or Proposal(environment=None)
    why = known.why if known.environment == environment else {}
    say("\n".join(recipe_lines(plain(environment), why=why, notes=known.notes)))
    if trusted is None:
        trusted = sys.stdin.isatty() and click.confirm("Trust them?", default=False, err=True)
    if trusted:
        add_trusted(layout, environment)
    else:
        say("Not trusted yet: gates that run tests stay undetermined. → interlock trust")


def _where(root: Path, here: str) -> list[str]:
    """Said to somebody in a part of a repository: it is set up as a whole."""
    if here == ".":
        return []
    return [
        f"Repository: {root}, set up as a whole from {here}/",
        "  paths in the workflow are from its root; tests are run in environment.directory",
    ]


def _summary(layout: Layout, written: list[str], key: str, uncommitted: list[str]) -> list[str]:
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
    return lines
