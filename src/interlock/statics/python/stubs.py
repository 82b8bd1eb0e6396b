"""Stubs: planned symbols made to exist, so that each new test fails by itself and not by an import.

A stub is appended to the module it belongs to; nothing that exists is changed. Its shape follows
the name: ``CapWords`` is a class, ``UPPER_CASE`` a value, anything else a function. All raise
``NotImplementedError`` with the caller's marker when a test *uses* them (calls, compares,
iterates); importing, subclassing, ``isinstance`` and ``pytest.raises`` with them work. While tests
are only collected nothing is raised: what is planned may stand in tables, decorators and constants.

What Python calls by itself (``__eq__``, ``__len__``) is not stubbed, and neither is what a class
inherits: that would change what is there already.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from interlock.ports.statics import ReadSource, Stubs
from interlock.statics.python.modules import Layout, PlannedSymbol, parse_symbol
from interlock.statics.python.offers import Offers
from interlock.statics.python.symbols import symbols

__all__ = ["stubs"]

_STUBBED = "_il_text"
_SPECIAL = re.compile(r"__\w+__")

_PREAMBLE = """

import abc as _il_abc
import functools as _il_functools
import os as _il_os


def _il_use(text, *args, plain=None):
    if "PYTEST_CURRENT_TEST" in _il_os.environ:
        raise NotImplementedError(text)
    if len(args) == 1 and callable(args[0]):
        return args[0] if isinstance(args[0], type) else _il_raising(text, args[0])
    return _il_value(text) if plain is None else plain


def _il_raising(text, instead=None):
    def use(*args, **_kwargs):
        return _il_use(text, *args)

    return use if instead is None else _il_functools.wraps(instead)(use)


def _il_value(text):
    def attribute(self, name):
        if name.startswith(("_", "pytest")):
            raise AttributeError(name)
        _il_use(text)
        return self

    def using(plain):
        return lambda _self, *args: _il_use(text, *args, plain=plain)

    plain = {"bool": True, "contains": False, "exit": False, "float": 1.0, "format": "planned"}
    plain |= {"index": 1, "int": 1, "len": 1, "str": "planned"}
    used = (
        "call eq ne lt le gt ge next getitem setitem delitem enter await aiter aenter aexit "
        "add radd sub rsub mul rmul truediv rtruediv floordiv mod pow neg abs and or xor invert "
        "lshift rshift"
    )
    body = {f"__{name}__": using(plain.get(name)) for name in (*plain, *used.split())}
    body["__iter__"] = lambda self: _il_use(text, plain=iter((self,)))
    body |= {"__getattr__": attribute, "__hash__": object.__hash__}
    body["__repr__"] = lambda _self: "<planned>"
    return type("Planned", (), body)()


class _il_Planned(_il_abc.ABCMeta):
    def __call__(cls, *args, **_kwargs):
        return _il_use(cls._il_text, *args)

    def __getattr__(cls, name):
        if name.startswith(("_", "pytest")):
            raise AttributeError(name)
        return _il_value(cls._il_text)

    def __getitem__(cls, _parameter):
        return cls
"""


def stubs(wanted: Collection[str], paths: Collection[str], read: ReadSource, marker: str) -> Stubs:
    """Source edits that make each planned symbol raise when it is used.

    Args:
        wanted: ``pkg.mod:Class.method``, ``pkg/mod.py::name`` or ``pkg.mod.name``.
        paths: all paths of the tree.
        read: contents of one of them.
        marker: starts every message; something that no test can know.
    """
    work = _Work(paths, read, marker)
    for text in dict.fromkeys(wanted):
        try:
            work.add(parse_symbol(text))
        except ValueError as error:
            work.impossible[text] = str(error)
    return Stubs(
        changes={path: text.encode() for path, text in work.texts.items()},
        stubbed=tuple(work.stubbed),
        impossible=work.impossible,
        names=frozenset(work.names),
    )


class _Work:
    """Edits so far, for symbols that build on each other."""

    def __init__(self, paths: Collection[str], read: ReadSource, marker: str) -> None:
        self.paths = set(paths)
        self.read = read
        self.marker = marker
        self.offers = Offers(self.paths.copy(), read)
        self.texts: dict[str, str] = {}
        self.stubbed: list[str] = []
        self.impossible: dict[str, str] = {}
        self.names: set[str] = set()

    def add(self, symbol: PlannedSymbol) -> None:
        place = _resolve(symbol, Layout(self.paths))
        if place.names and _SPECIAL.fullmatch(place.names[-1]):
            raise ValueError(f"Python uses {place.names[-1]} by itself")
        dotted = ".".join(place.module)
        if place.create:
            for new in place.create:
                self.texts[new] = ""
                self.paths.add(new)
            above = len(place.create) - 1
            self.names |= {dotted, *(dotted.rsplit(".", n)[0] for n in range(1, above + 1))}
        elif not place.names:
            raise ValueError(f"{place.path} exists already")
        if place.names:
            self._define(place.path, dotted, place.names, symbol.text)
        self.stubbed.append(symbol.text)

    def _define(self, path: str, module: str, names: tuple[str, ...], symbol: str) -> None:
        text = self.texts.get(path)
        if text is None:
            try:
                text = self.read(path).decode()
            except UnicodeDecodeError as error:
                raise ValueError(f"{path} is not UTF-8") from error
        inside = Layout(self.paths).find((*module.split("."), names[0]))
        if inside and path.endswith("__init__.py") and inside not in self.texts:
            raise ValueError(f"{inside} exists already: name what is new inside it")
        try:
            there = {**self.offers.through_stars(path, text.encode()), **symbols(text.encode())}
        except ValueError as error:
            raise ValueError(f"{path} cannot be parsed: {error}") from error
        if ".".join(names) in there:
            # An earlier symbol may have brought it; what the base has is not planned.
            if ".".join((module, *names)) in self.names:
                return
            raise ValueError(f"{path} defines it already")
        depth = next(n for n in range(1, len(names) + 1) if ".".join(names[:n]) not in there)
        new = ".".join(names[:depth])
        if ".".join((*names[: depth - 1], _STUBBED)) in there:
            # Whatever is asked of a stubbed class raises already.
            self.names.add(".".join((module, *names)))
            return
        self.names |= {".".join((module, *names[:n])) for n in range(depth, len(names) + 1)}
        stub = _stub(new, f"{self.marker} {symbol}", kept=depth < len(names))
        preamble = "" if "_il_Planned(" in text else _PREAMBLE
        self.texts[path] = f"{text.rstrip()}\n{preamble}{stub}".lstrip("\n")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a symbol belongs.

    Args:
        path: the module's file.
        module: its dotted name.
        names: what is inside it.
        create: files that are not there yet, packages first, the module last.
    """

    path: str
    module: tuple[str, ...]
    names: tuple[str, ...]
    create: tuple[str, ...] = ()


def _resolve(symbol: PlannedSymbol, layout: Layout) -> _Place:
    if symbol.path:
        create = () if layout.has(symbol.path) else (symbol.path,)
        return _Place(symbol.path, layout.name_of(symbol.path), symbol.names, create)
    if not symbol.dotted:
        return _in_module(symbol.module, symbol.names, layout)
    names = symbol.names
    start = next((n for n in range(len(names) - 1, 0, -1) if layout.find(names[:n])), 0)
    path = layout.find(names[:start]) if start else None
    # What follows an existing package in lower case, except the last, is a module to come.
    upper = next(
        (n for n, name in enumerate(names) if n >= start and name[:1].isupper()), len(names)
    )
    end = (
        start
        if path and not path.endswith("__init__.py")
        else max(1, start, min(upper, len(names) - 1))
    )
    return _in_module(names[:end], names[end:], layout)


def _in_module(module: tuple[str, ...], names: tuple[str, ...], layout: Layout) -> _Place:
    if path := layout.find(module):
        return _Place(path, module, names)
    path, packages = layout.place(module)
    return _Place(path, module, names, (*packages, path))


def _stub(name: str, text: str, *, kept: bool) -> str:
    """Code that binds ``name``; ``kept``: something inside it is planned, so it is a class."""
    owner, _, last = name.rpartition(".")
    if owner and kept:
        return f"\n\n{name} = _il_Planned({last!r}, (), {{}})\n{name}.{_STUBBED} = {text!r}\n"
    if owner:
        return f"\n\nif not hasattr({owner}, {last!r}):\n    {name} = _il_raising({text!r})\n"
    if last.isupper() and len(last) > 1 and not kept:
        return f"\n\n{last} = _il_value({text!r})\n"
    if last[:1].isupper() or kept:
        base = "Warning" if last.endswith("Warning") else "Exception"
        bases = f"{base}, " if last.endswith(("Error", "Exception", "Warning")) else ""
        return f"\n\nclass {last}({bases}metaclass=_il_Planned):\n    {_STUBBED} = {text!r}\n"
    return f"\n\ndef {last}(*args, **_kwargs):\n    return _il_use({text!r}, *args)\n"
