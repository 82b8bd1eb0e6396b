"""YAML text → ``WorkflowSpec`` with positions, or every finding at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from interlock.core.model import Position, WorkflowSpec
from interlock.definition import check_plugins
from interlock.definition.agents import check_claims
from interlock.definition.builtin import REVIEW_VERDICT, pack_schemas, review_verdict_schema
from interlock.definition.codes import Code
from interlock.definition.conditions import check_skips
from interlock.definition.deciding import Places
from interlock.definition.diagnostics import Diagnostic, Findings, render
from interlock.definition.digest import digest_of
from interlock.definition.enforcement import read_confinement, read_enforcement
from interlock.definition.environment import read_environment
from interlock.definition.fields import Fields
from interlock.definition.gates import gate_reads_verdicts
from interlock.definition.inheritance import resolve
from interlock.definition.links import AUDIT_LINK, EVENTS_LINK
from interlock.definition.phases import read_phases
from interlock.definition.rule_examples import read_examples
from interlock.definition.schemas import Schemas
from interlock.definition.structure import check_structure
from interlock.definition.surroundings import read_surroundings
from interlock.definition.tools import read_extra_tools, read_protected, values_of
from interlock.definition.transitions import read_transitions
from interlock.definition.tried_examples import try_examples
from interlock.definition.work_types import read_work_types
from interlock.definition.yaml_nodes import Entry, MappingNode, Node, describe

__all__ = ["SCHEMAS_DIR", "Loaded", "load", "load_tree"]

SCHEMAS_DIR = ".orchestrator/schemas"

_KEYS = (
    "name",
    "version",
    "description",
    "phases",
    "transitions",
    "enforcement",
    "coordination",
    "monitoring",
    "recovery",
    "schemas_dir",
    "schemas",
    "environment",
    "protected_paths",
    "tools",
    "confinement",
    "work_types",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A definition that holds, with what is worth knowing about it.

    Args:
        sources: file → text, the file itself first, then those that it builds on.
        tree: what was read: the file together with what it builds on, variables put in.
        packs: those that it builds on, the nearest first.
        events_link, audit_link, metrics_link: paths from the repository's top at which other tools
            look for the records. They are no part of the rules that a task is pinned to.
        places: where each rule of the workflow stands.
    """

    workflow: WorkflowSpec
    warnings: tuple[Diagnostic, ...] = ()
    sources: Mapping[str, str] | None = None
    tree: Node | None = None
    packs: tuple[str, ...] = ()
    events_link: str = EVENTS_LINK
    audit_link: str = AUDIT_LINK
    metrics_link: str = ""
    places: Places | None = None

    def rendered(self) -> str:
        """The warnings as text with carets."""
        return "\n\n".join(render(item, self.sources or {}) for item in self.warnings)


def load(
    text: str,
    *,
    file: str = "agent_workflow.yaml",
    schema_dir: Mapping[str, Any] | None = None,
    pack: str = "",
) -> Loaded:
    """Read a definition.

    Args:
        text: the whole file, at most 1 MiB.
        file: its name, for positions.
        schema_dir: the files of ``schemas_dir``: name → text, bytes or parsed document.
        pack: the pack that the text belongs to, if it is one's.

    Raises:
        DefinitionError: with every finding in ``context["diagnostics"]``, and as text with carets
            in ``context["rendered"]``.
    """
    files = schema_dir or {}
    return _load(text, file, lambda _: None, lambda _directory, name: files.get(name), pack)


def load_tree(read: Callable[[str], bytes | None], *, file: str = "agent_workflow.yaml") -> Loaded:
    """Read the definition of a tree together with the schemas and files that it names there.

    Args:
        read: path from the tree's root → the file's bytes, ``None`` if there is none.
        file: path of the workflow file.

    Raises:
        DefinitionError: as ``load``; also when there is no such file.
    """
    data = read(file)
    if data is None:
        findings = Findings()
        findings.error(
            Code.NO_FILE,
            "There is no workflow file",
            Position(file, 1, 1),
            help="`interlock init` writes one.",
        )
        raise findings.failure({})
    text = data.decode(errors="surrogateescape")
    return _load(text, file, read, lambda directory, name: read(f"{directory}/{name}"))


def _load(
    text: str,
    file: str,
    read: Callable[[str], bytes | None],
    read_schema: Callable[[str, str], Any],
    pack: str = "",
) -> Loaded:
    check_plugins.installed()
    findings = Findings()
    sources = {file: text}
    resolved = resolve(text, file=file, read=read, findings=findings, sources=sources, pack=pack)
    if resolved is None:
        if not findings.failed:
            findings.error(Code.MISSING_KEY, "The file is empty", Position(file, 1, 1))
        raise findings.failure(sources)
    root = Fields(resolved.node, "", "The workflow", _KEYS, findings)
    if not root.usable:
        raise findings.failure(sources)
    loaded = _read(root, read_schema, resolved.packs, findings)
    examples = read_examples(root, loaded.workflow.extra_tools, findings)
    places = Places(resolved.node, loaded.workflow.extra_tools)
    if findings.shape_holds and loaded.workflow.phases:
        check_structure(loaded.workflow, findings)
        check_skips(loaded.workflow, findings)
    if not findings.failed:
        try_examples(loaded.workflow, examples, places, findings)
    if findings.failed:
        raise findings.failure(sources)
    workflow = replace(loaded.workflow, digest=digest_of(loaded.workflow))
    return replace(
        loaded,
        workflow=workflow,
        warnings=findings.sorted(),
        sources=sources,
        tree=resolved.node,
        packs=resolved.packs,
        places=places,
    )


def _read(
    root: Fields,
    read_schema: Callable[[str, str], Any],
    packs: Sequence[str],
    findings: Findings,
) -> Loaded:
    enforcement = read_enforcement(root, findings)
    directory = _schemas_dir(root, findings)
    schemas = Schemas(
        _inline_schemas(root, findings),
        directory,
        lambda name: read_schema(directory, name),
        findings,
        {name: data for pack in reversed(packs) for name, data in pack_schemas(pack).items()},
    )
    extra = read_extra_tools(root, findings)
    phases = read_phases(root, extra, schemas, findings)
    if any(gate_reads_verdicts(gate) for phase in phases for gate in phase.gates):
        schemas.adopt(REVIEW_VERDICT, review_verdict_schema(), root.position)
    check_claims(root, enforcement.tokens, phases, findings)
    around = read_surroundings(root, findings)
    workflow = WorkflowSpec(
        name=root.text("name", required=True),
        version=root.raw("version", required=True),
        digest="",
        phases=phases,
        transitions=read_transitions(root, phases, enforcement.mode, findings),
        description=root.text("description", empty=True),
        mode=enforcement.mode,
        tool_mode=enforcement.tool_mode,
        mode_position=enforcement.mode_position,
        tool_mode_position=enforcement.tool_mode_position,
        tokens=enforcement.tokens,
        schemas=schemas.used,
        schema_files=schemas.files,
        protected_paths=values_of(read_protected(root, findings)),
        environment=read_environment(root, findings),
        extra_tools=extra,
        required_confinement=read_confinement(root, findings),
        work_types=read_work_types(root, findings),
        sdk=enforcement.sdk,
        coordination=around.coordination,
        monitoring=around.monitoring,
        checkpoint_seconds=around.checkpoint_seconds,
    )
    return Loaded(
        workflow,
        events_link=around.events_link,
        audit_link=enforcement.audit_link,
        metrics_link=around.metrics_link,
    )


def _schemas_dir(root: Fields, findings: Findings) -> str:
    directory = root.text("schemas_dir") or SCHEMAS_DIR
    directory = directory.removeprefix("./").rstrip("/")
    if not directory.isprintable() or any(p in ("", ".", "..") for p in directory.split("/")):
        message = f"'{directory}' is no directory below the tree's root"
        findings.error(Code.BAD_PATTERN, message, root.place("schemas_dir"))
    return directory


def _inline_schemas(root: Fields, findings: Findings) -> Mapping[str, Entry]:
    entry = root.entry("schemas")
    if entry is None:
        return {}
    if isinstance(entry.value, MappingNode):
        return entry.value.entries
    message = f"'schemas' must be a mapping of names, not {describe(entry.value)}"
    findings.error(Code.WRONG_TYPE, message, entry.value)
    return {}
