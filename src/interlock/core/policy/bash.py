"""From shell text to the commands it would run: a walk over tree-sitter's tree that fails closed.

The walk knows a fixed list of node types and what each of them runs. Anything else, and every place
where the grammar and a real shell could disagree, makes the script opaque; it never makes it
shorter.
"""

from __future__ import annotations

from typing import Final

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from interlock.core.policy.bash_nodes import (
    EVALUATING_TEST,
    NAME_TEST,
    SILENT,
    STATEMENTS,
    WORDS,
    hides_command,
    unreadable,
)
from interlock.core.policy.bash_words import WordReader
from interlock.core.policy.launchers import launched
from interlock.core.policy.quoting import PLAIN_BYTES, plain_words
from interlock.core.policy.script import Script, SimpleCommand, Word

__all__ = ["BASH", "read_text", "read_words"]

MAX_TEXTS: Final = 8
"""How deep shells may be nested: bash -c 'bash -c …'."""

_TOUCHING: Final = "words that run into each other"

BASH: Final = Language(tree_sitter_bash.language())


def read_text(text: str) -> Script:
    """Everything a shell text would run; never raises on any text."""
    reader = _Reader()
    reader.text(text)
    return reader.script()


def read_words(words: tuple[str, ...]) -> Script:
    """Everything a program started with these words would run (no shell in between)."""
    reader = _Reader()
    reader.command(words)
    return reader.script()


class _Reader(WordReader):
    """Collects commands, writes and opaque reasons over nested texts."""

    __slots__ = ("commands", "texts")

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[SimpleCommand] = []
        self.texts = 0

    def script(self) -> Script:
        return Script(tuple(self.commands), tuple(self.writes), tuple(self.opaque))

    def text(self, text: str) -> None:
        if (why := unreadable(text)) or self.texts >= MAX_TEXTS:
            self.unclear(why or "shells are nested too deep")
            return
        outer, self.source = self.source, text.encode()
        self.texts += 1
        root = Parser(BASH).parse(self.source).root_node
        if root.has_error:
            self.unclear("it is not valid shell syntax, or not understood")
        self.visit(root)
        self.texts -= 1
        self.source = outer

    def visit(self, node: Node) -> None:
        """A node in the place of a statement."""
        kind = node.type
        if kind in STATEMENTS:
            if self.deeper():
                self.children(node)
            self.depth -= 1
        elif kind == "command":
            self.simple(node)
        elif kind in WORDS:
            self.look(node)
        else:
            self.other(node, kind)

    def children(self, node: Node) -> None:
        before: Node | None = None
        for child in node.children:
            kind = child.type
            if kind in SILENT:
                before = None
            elif not child.is_named:
                before = None
                if kind == "((":
                    self.arithmetic(node)
                elif kind == "`" and b"\\" in self.source[node.start_byte : node.end_byte]:
                    self.unclear("backquotes with backslashes in them")
            else:
                # A statement that begins where another ends: one of them is half a word.
                if (
                    before is not None
                    and before.end_byte == child.start_byte
                    and not kind.endswith("_redirect")
                ):
                    self.unclear(_TOUCHING)
                before = child
                if kind == "command":
                    self.simple(child)
                else:
                    self.visit(child)

    def other(self, node: Node, kind: str) -> None:
        match kind:
            case "file_redirect":
                self.redirect(node)
            case "heredoc_redirect":
                self.heredoc(node)
            case "herestring_redirect":
                self.parts(node)
            case "variable_assignment":
                self.assignment(node)
            case "declaration_command" | "unset_command":
                self.declaration(node)
            case "test_command":
                self.test(node)
            case "variable_name":
                self.variable(self.slice(node))
            case "comment":
                before = self.source[node.start_byte - 1 : node.start_byte]
                if before not in (b"", b" ", b"\t", b"\n", b";", b"&", b"|", b"(", b")"):
                    self.unclear("a comment that may not be one")
            case "function_definition":
                self.unclear("it defines a function")
                for child in node.named_children[1:]:
                    self.visit(child)
            case "c_style_for_statement":
                self.unclear("arithmetic over variables, which can run commands")
                for child in node.named_children:
                    if child.type in ("do_group", "compound_statement"):
                        self.visit(child)
            case _:
                self.look(node)

    def simple(self, node: Node) -> None:
        """One simple command with its assignments and redirections."""
        # Most commands are nothing but plain words: no node of theirs has to be looked at.
        if plain := plain_words(self.source[node.start_byte : node.end_byte].decode()):
            self.command(plain)
            return
        words: list[Word] = []
        end = -1
        for child in node.children:
            kind = child.type
            if kind == "command_name" or kind in WORDS:
                start = child.start_byte
                if start == end:
                    self.unclear(_TOUCHING)
                end = child.end_byte
                # Most words are plain; asking here saves a third of the whole time.
                source = self.source[start:end]
                words.append(source.decode() if PLAIN_BYTES.fullmatch(source) else self.word(child))
            else:
                self.visit(child)
                end = child.end_byte
        self.command(tuple(words))

    def command(self, words: tuple[Word, ...]) -> None:
        """Notes a command and follows what it starts."""
        if not words or not words[0]:
            self.unclear("the name of a command is not known yet")
            return
        if "=" in words[0]:
            self.unclear("the name of a command looks like an assignment")
        starts = launched(words)
        if starts is None:
            self.commands.append(SimpleCommand(words))
            return
        self.commands.append(SimpleCommand(words, starts.transparent))
        if starts.opaque:
            self.unclear(starts.opaque)
        if self.deeper():
            for inner in starts.commands:
                self.command(inner)
        self.depth -= 1
        for text in starts.texts:
            self.text(text)

    def declaration(self, node: Node) -> None:
        words: list[Word] = []
        for child in node.children:
            if child.type == "variable_assignment":
                self.assignment(child)
                words.append("=")
            else:
                words.append(self.word(child))
                if child.type == "variable_name":
                    self.variable(self.slice(child))
        self.command(tuple(words))

    def test(self, node: Node) -> None:
        text = self.slice(node)
        if text.startswith("[["):
            evaluates = EVALUATING_TEST.search(text)
        else:
            evaluates = NAME_TEST.search(text)
            self.commands.append(SimpleCommand(("[", None)))
        if text.startswith("((") or evaluates:
            self.arithmetic(node)
        if hides_command(text):
            self.unclear("a quoted text that a test could run")
        self.parts(node)
