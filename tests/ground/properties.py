"""The table of what the ground promises: property, the tests that hold it, and its removal.

A test that passes with and without a property proves nothing. So each property comes with the
smallest change to the code that takes it away, and that change must turn its tests red.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

__all__ = ["ROOT", "Change", "Property", "functions_in", "properties", "section_files"]

ROOT = Path(__file__).parent.parent.parent


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One text of one file and what stands there without the property."""

    file: str
    find: str
    put: str


class Property(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One promise.

    Args:
        id: unique, in kebab case.
        says: the promise, in one sentence.
        tests: ``path::[Class::]function`` of the tests that hold it, parameters left out.
        without: the changes that remove it.
        needs: ``root`` or ``user`` if its tests only run there.
    """

    id: str
    says: str
    tests: tuple[str, ...]
    without: tuple[Change, ...]
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One file of the table."""

    path: Path
    properties: tuple[Property, ...]


def section_files() -> Iterator[Section]:
    """The files of the table in order.

    Raises:
        msgspec.ValidationError: an entry has an unknown key, or lacks one.
    """
    for path in sorted(Path(__file__).parent.glob("[0-9]-*.yaml")):
        entries = yaml.safe_load(path.read_text(encoding="utf-8")) or []
        yield Section(path, msgspec.convert(entries, tuple[Property, ...]))


def properties() -> tuple[Property, ...]:
    """All properties of all sections."""
    return tuple(one for section in section_files() for one in section.properties)


def functions_in(path: Path) -> frozenset[str]:
    """Names of the test functions of a file, methods as ``Class::method``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.ClassDef():
                found |= {
                    f"{node.name}::{inner.name}"
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                }
    # A stateful test is an assignment: TestMachine = Machine.TestCase.
    found |= {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return frozenset(found)
