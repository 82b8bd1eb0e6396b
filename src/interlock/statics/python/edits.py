"""Insertions and replacements at the places of syntax nodes: all other bytes stay as they are."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

__all__ = ["Edits", "Located"]

_LINE = re.compile(rb"\r\n|\r|\n")

Located = ast.expr | ast.stmt


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: bytes


class Edits:
    """Collected edits of one UTF-8 source.

    Args:
        source: what the syntax tree was made from, without a byte order mark.
    """

    def __init__(self, source: bytes) -> None:
        self.source = source
        self._lines = [0, *(match.end() for match in _LINE.finditer(source))]
        self._edits: list[_Edit] = []

    def __bool__(self) -> bool:
        return bool(self._edits)

    def start(self, node: Located) -> int:
        """Byte offset of a node's first character."""
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: Located) -> int:
        """Byte offset after a node's last character."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError("a node without an end")
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def replace(self, start: int, end: int, text: str) -> None:
        """Put ``text`` in the place of the bytes from ``start`` to ``end``."""
        self._edits.append(_Edit(start, end, text.encode()))

    def wrap(self, node: Located, before: str, after: str) -> None:
        """Put text around a node."""
        self.replace(self.start(node), self.start(node), before)
        self.replace(self.end(node), self.end(node), after)

    def apply(self) -> bytes:
        """The source with all edits; of edits at one place the first one stands first."""
        pieces: list[bytes] = []
        at = 0
        for edit in sorted(self._edits, key=lambda edit: edit.start):
            pieces += [self.source[at : edit.start], edit.text]
            at = edit.end
        return b"".join([*pieces, self.source[at:]])
