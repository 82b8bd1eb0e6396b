"""Words, assignments and redirections: what a shell would run, set or write to in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

from tree_sitter import Node

from interlock.core.policy.bash_nodes import (
    EXPANDING,
    EXPANSION_PARTS,
    HARMLESS_REDIRECTS,
    LEAVES,
    NUMERIC,
    PARTS,
    WORDS,
    WRITING_REDIRECTS,
    hides_command,
    unclear_heredoc,
)
from interlock.core.policy.launchers import changes_commands
from interlock.core.policy.quoting import UnclearWordError, unquote
from interlock.core.policy.script import Word

__all__ = ["WordReader"]

MAX_DEPTH: Final = 100


class WordReader(ABC):
    """Reads what is no statement; statements inside of it are the subclass's to ``visit``."""

    __slots__ = ("depth", "opaque", "source", "writes")

    def __init__(self) -> None:
        self.opaque: dict[str, None] = {}
        self.writes: list[Word] = []
        self.source = b""
        self.depth = 0

    @abstractmethod
    def visit(self, node: Node) -> None:
        """A node in the place of a statement."""

    def unclear(self, why: str) -> None:
        """Notes why something cannot be known."""
        self.opaque[why] = None

    def deeper(self) -> bool:
        """Goes one level down (the caller comes up again); false if that is too deep."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.unclear("it is nested too deep")
            return False
        return True

    def slice(self, node: Node) -> str:
        """The node's text."""
        return self.source[node.start_byte : node.end_byte].decode()

    def word(self, node: Node) -> Word:
        """One word without its quotes; what runs inside of it is followed."""
        source = self.slice(node)
        if node.child_count:
            self.look(node)
        if node.type in EXPANDING:
            return None
        try:
            return unquote(source)
        except UnclearWordError:
            self.unclear("a word whose end is unclear")
            return None

    def look(self, node: Node) -> None:
        """Finds what runs inside of a word."""
        kind = node.type
        if kind in LEAVES or not node.is_named:
            return
        if kind in ("command_substitution", "process_substitution"):
            self.visit(node)
        elif kind == "expansion":
            self.expansion(node)
        elif kind == "arithmetic_expansion":
            self.arithmetic(node)
            self.parts(node)
        elif kind in PARTS:
            self.parts(node)
        else:
            self.unclear(f"it holds a {kind.replace('_', ' ')}")
            self.parts(node)

    def parts(self, node: Node) -> None:
        """Finds what runs inside of a node's children."""
        if self.deeper():
            for child in node.children:
                self.look(child)
        self.depth -= 1

    def expansion(self, node: Node) -> None:
        # ${x@P}, ${!x}, ${a[…]}, ${x:…} evaluate what they expand to; ${x:=…} assigns.
        if any(child.type not in EXPANSION_PARTS for child in node.children):
            self.unclear("an expansion that can run what it expands to")
        self.parts(node)

    def arithmetic(self, node: Node) -> None:
        # A variable in arithmetic is evaluated again: x='a[$(rm y)]'; echo $((x))
        if not NUMERIC.fullmatch(self.slice(node)):
            self.unclear("arithmetic over variables, which can run commands")

    def assignment(self, node: Node) -> None:
        name, *_, value = node.children
        if name.type != "variable_name":
            self.unclear("an assignment to an array's element, which can run commands")
        self.variable(self.slice(name))
        if value.type in ("=", "+="):
            return
        self.look(value)
        if hides_command(self.slice(value)):
            self.unclear("a quoted text that a later evaluation could run")

    def variable(self, name: str) -> None:
        if changes_commands(name):
            self.unclear(f"{name} decides which code runs")

    def redirect(self, node: Node) -> None:
        """One redirection: a file that is written to is noted."""
        if self.slice(node) in HARMLESS_REDIRECTS:
            return
        operator, targets = "", []
        for child in node.children:
            if child.type == "file_descriptor":
                continue
            if not child.is_named:
                operator = child.type
            elif child.type in WORDS:
                targets.append(child)
            else:
                self.unclear("a redirection that is not understood")
        if operator in (">&-", "<&-"):
            return
        if len(targets) != 1:
            self.unclear("a redirection that is not understood")
            return
        target = self.word(targets[0])
        if operator in (">&", "<&"):
            plain = self.slice(targets[0])
            if plain.isdecimal() or plain == "-":
                return
            # A plain name behind >& means &>; anything else a shell cuts up or expands twice.
            operator = "&>" if operator == ">&" and target == plain and plain[:1].isalpha() else ""
        if operator in WRITING_REDIRECTS:
            if target != "/dev/null":
                self.writes.append(target)
        elif operator != "<":
            self.unclear("a redirection that is not understood")

    def heredoc(self, node: Node) -> None:
        """A here-document, and whatever of its command stands behind it on the line."""
        start = body = end = ""
        for child in node.children:
            match child.type:
                case "heredoc_start":
                    start = self.slice(child)
                case "heredoc_body":
                    body = self.slice(child)
                    self.look(child)
                case "heredoc_end":
                    end = self._line(child)
                case "word" | "string" | "raw_string" | "concatenation":
                    self.unclear("words of a command behind its here-document")
                case _ if child.is_named and child.type != "file_descriptor":
                    self.visit(child)
        if why := unclear_heredoc(start, body, end):
            self.unclear(why)

    def _line(self, node: Node) -> str:
        begin = self.source.rfind(b"\n", 0, node.start_byte) + 1
        stop = self.source.find(b"\n", node.end_byte)
        return self.source[begin : stop if stop >= 0 else len(self.source)].decode()
