"""A resolved workflow for people: YAML that loads to the same digest, values with their origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from interlock.core.model import Position
from interlock.definition.builtin import pack_schemas
from interlock.definition.defaults import defaults_of
from interlock.definition.loader import Loaded
from interlock.definition.merge import identity_keys
from interlock.definition.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, plain
from interlock.definition.yaml_text import flow, key_text, scalar_text

__all__ = ["Value", "document", "shown", "values"]

_WIDTH = 100
_COMMENT_FROM = 64


@dataclass(frozen=True, slots=True)
class Value:
    """One resolved value: ``phases.IMPL.allowed_tools``; a default has no place."""

    path: str
    value: Any
    position: Position | None


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    origin: str = ""


def document(loaded: Loaded) -> dict[str, Any]:
    """The workflow as plain values, complete in itself but for the schemas that lie in the tree."""
    found = plain(_tree(loaded))
    return {**found, "schemas": {**found.get("schemas", {}), **_inherited(loaded)}}


def values(loaded: Loaded) -> Iterator[Value]:
    """Every value that counts, with where it was written."""
    yield from _values(_tree(loaded), "", "")
    for name, schema in _inherited(loaded).items():
        yield Value(f"schemas.{name}", schema, Position(_schema_place(loaded, name), 1, 1))


def shown(loaded: Loaded, *, origin: bool) -> str:
    """The workflow as YAML.

    Args:
        origin: each value with file and line, and what counts by default as a comment.
    """
    tree, inherited = _tree(loaded), _inherited(loaded)
    own = tree.entries.get("schemas") if inherited else None
    rest = {name: entry for name, entry in tree.entries.items() if entry is not own}
    lines = list(_mapping(MappingNode(tree.position, rest), "", "", with_defaults=origin))
    if inherited:
        lines.append(_Line("schemas:"))
    if own is not None and isinstance(own.value, MappingNode):
        lines += _mapping(own.value, "  ", "schemas", with_defaults=origin)
    lines += [
        _Line(f"  {key_text(name)}: {flow(schema)}", _schema_place(loaded, name))
        for name, schema in inherited.items()
    ]
    return "\n".join(_commented(lines) if origin else [line.text for line in lines]) + "\n"


def _tree(loaded: Loaded) -> MappingNode:
    assert isinstance(loaded.tree, MappingNode)  # noqa: S101 - else it would not have loaded
    return loaded.tree


def _inherited(loaded: Loaded) -> dict[str, Any]:
    """The schemas that stand neither in the file nor in the tree: those of packs."""
    entry = _tree(loaded).entries.get("schemas")
    own = entry.value.entries if entry and isinstance(entry.value, MappingNode) else {}
    workflow = loaded.workflow
    return {
        name: schema
        for name, schema in workflow.schemas.items()
        if name not in own and name not in workflow.schema_files
    }


def _schema_place(loaded: Loaded, name: str) -> str:
    pack = next((pack for pack in loaded.packs if name in pack_schemas(pack)), "tdd")
    return f"packs/{pack}/schemas/{name}"


def _commented(lines: list[_Line]) -> list[str]:
    widest = max((len(line.text) for line in lines if len(line.text) < _WIDTH), default=0)
    column = max(widest, _COMMENT_FROM)
    return [
        f"{line.text:<{column}}  # {_inert(line.origin)}" if line.origin else line.text
        for line in lines
    ]


def _inert(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _mapping(node: MappingNode, indent: str, path: str, *, with_defaults: bool) -> Iterator[_Line]:
    for name, entry in node.entries.items():
        head, below = f"{indent}{key_text(name)}:", f"{path}.{name}" if path else name
        yield from _under(head, entry.value, indent, below, with_defaults=with_defaults)
    if with_defaults:
        for name, value in defaults_of(path, node).items():
            yield _Line(f"{indent}# {key_text(name)}: {flow(value)}", "default")


def _under(
    head: str, node: Node, indent: str, path: str, *, with_defaults: bool
) -> Iterator[_Line]:
    """What stands behind and below a key."""
    line = _on_one_line(head, node)
    if line is not None:
        yield line
        return
    yield _Line(head)
    match node:
        case SequenceNode():
            yield from _items(node, f"{indent}  ", f"{path}[]", with_defaults=with_defaults)
        case MappingNode():
            yield from _mapping(node, f"{indent}  ", path, with_defaults=with_defaults)


def _items(node: SequenceNode, indent: str, path: str, *, with_defaults: bool) -> Iterator[_Line]:
    for item in node.items:
        line = _on_one_line(f"{indent}-", item)
        if line is not None:
            yield line
            continue
        inner = f"{indent}  "
        below = (
            _mapping(item, inner, path, with_defaults=with_defaults)
            if isinstance(item, MappingNode)
            else _items(item, inner, f"{path}[]", with_defaults=with_defaults)
            if isinstance(item, SequenceNode)
            else iter(())
        )
        first = next(below)
        yield _Line(f"{indent}- {first.text[len(inner) :]}", first.origin)
        yield from below


def _on_one_line(head: str, node: Node) -> _Line | None:
    """The value behind its key or dash, if it is short and of one place."""
    match node:
        case ScalarNode():
            return _Line(f"{head} {scalar_text(node)}", _place(node.position))
        case SequenceNode(items=items):
            if not all(isinstance(item, ScalarNode) for item in items):
                return None
            if len({_place(item.position) for item in items}) > 1:
                return None
            texts = [scalar_text(item) for item in items if isinstance(item, ScalarNode)]
            line = f"{head} [{', '.join(texts)}]"
            is_short = len(line) <= _WIDTH or len(items) == 0
            place = items[0].position if items else node.position
            return _Line(line, _place(place)) if is_short else None
        case MappingNode(entries=entries):
            return None if entries else _Line(f"{head} {{}}", _place(node.position))


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"


def _values(node: Node, name: str, path: str) -> Iterator[Value]:
    match node:
        case MappingNode():
            for key, entry in node.entries.items():
                below = f"{path}.{key}" if path else key
                yield from _values(entry.value, f"{name}.{key}".lstrip("."), below)
            for key, value in defaults_of(path, node).items():
                yield Value(f"{name}.{key}".lstrip("."), value, None)
        case SequenceNode(items=items) if any(not isinstance(item, ScalarNode) for item in items):
            for number, item in enumerate(items):
                yield from _values(item, f"{name}.{_called(item, path, number)}", f"{path}[]")
        case SequenceNode(items=[first, *_]):
            yield Value(name, plain(node), first.position)
        case _:
            yield Value(name, plain(node), node.position)


def _called(item: Node, path: str, number: int) -> str:
    """An item by what identifies it, else by its number."""
    keys = identity_keys(f"{path}[]")
    if keys and isinstance(item, MappingNode) and all(key in item.entries for key in keys):
        parts = [item.entries[key].value for key in keys]
        return "→".join(part.raw for part in parts if isinstance(part, ScalarNode))
    return str(number)
