"""The nodes of tree-sitter's grammar by what they run, and texts that it reads unlike a shell."""

from __future__ import annotations

import re
from typing import Final

from interlock.core.policy.launcher_table import EMBEDDED, split
from interlock.core.policy.quoting import UnclearWordError, unquote

__all__ = [
    "EVALUATING_TEST",
    "EXPANDING",
    "EXPANSION_PARTS",
    "HARMLESS_REDIRECTS",
    "LEAVES",
    "NAME_TEST",
    "NUMERIC",
    "PARTS",
    "SILENT",
    "STATEMENTS",
    "WORDS",
    "WRITING_REDIRECTS",
    "hides_command",
    "unclear_heredoc",
    "unreadable",
]

MAX_LENGTH: Final = 64 * 1024

# Only behind a word and a blank do shell and grammar agree on how a continued line goes on.
_CONTINUED: Final = re.compile(r"[^ \t\n][ \t]+\\\n")
# The grammar looks for a name behind the blank or backslash, the shell does not.
# The grammar takes it for an operator everywhere, and the line end behind it for a blank.
_ODD_MATCH: Final = re.compile(r"=~[ \t]*(?:\n|$)")
_LONE_DOLLAR: Final = re.compile(r"\$[\\ \t\n]")
# The grammar may end the word there, or begin a comment.
_ESCAPED_BLANK: Final = re.compile(r"\\[ \t](?![\w./-])")
NUMERIC: Final = re.compile(r"\$?[\s\d+*/%<>=!&|^~?:,()-]*")
EVALUATING_TEST: Final = re.compile(r"\s-(?:eq|ne|lt|le|gt|ge|v|R)\s")
NAME_TEST: Final = re.compile(r"\s-[vR]\s")

WORDS: Final = split(
    "word string raw_string number concatenation simple_expansion expansion command_substitution "
    "process_substitution arithmetic_expansion ansi_c_string translated_string brace_expression "
    "extglob_pattern regex test_operator"
)
EXPANDING: Final = split(
    "simple_expansion expansion command_substitution process_substitution arithmetic_expansion "
    "ansi_c_string translated_string brace_expression extglob_pattern"
)
STATEMENTS: Final = split(
    "program list pipeline subshell compound_statement do_group if_statement elif_clause "
    "else_clause while_statement for_statement case_statement case_item negated_command "
    "redirected_statement variable_assignments command_substitution process_substitution ERROR"
)
SILENT: Final = split("&& || | ; & |&") | {"\n"}
# Inside of a word: looked through for what runs, nothing else.
PARTS: Final = split(
    "command_name string concatenation translated_string array binary_expression unary_expression "
    "postfix_expression parenthesized_expression heredoc_body"
)
LEAVES: Final = split(
    "word raw_string ansi_c_string number simple_expansion string_content test_operator regex "
    "extglob_pattern variable_name special_variable_name heredoc_content file_descriptor"
)
EXPANSION_PARTS: Final = (
    split("${ } :- - :+ + :? ? # ## % %% / // /# /% ^ ^^ , ,,")
    | frozenset({"variable_name", "special_variable_name"})
    | WORDS
)
# What most redirections are; they write to no file.
HARMLESS_REDIRECTS: Final = split("2>&1 >&2 1>&2 2>/dev/null >/dev/null &>/dev/null </dev/null")
WRITING_REDIRECTS: Final = frozenset({">", ">>", ">|", "&>", "&>>"})


def unreadable(text: str) -> str:
    """Why a text is not even given to the parser, or an empty text."""
    if len(text) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    plain = text.isascii() and text.isprintable()
    if not plain and not all(
        char in "\t\n" or (char.isprintable() and (char == " " or not char.isspace()))
        for char in text
    ):
        return "it holds control characters or unusual spaces"
    if "\\\n" in text and len(_CONTINUED.findall(text)) != text.count("\\\n"):
        return "a line that is continued in an odd place"
    if "$" in text and _LONE_DOLLAR.search(text):
        return "a dollar sign with a blank or backslash behind it"
    if "\\" in text and _ESCAPED_BLANK.search(text):
        return "a word that ends with an escaped blank"
    if "=~" in text and ("[[" not in text or _ODD_MATCH.search(text)):
        return "a match operator outside of a test"
    return ""


def hides_command(source: str) -> bool:
    """Whether quoted text holds what a second evaluation would run."""
    return ("'" in source or "\\" in source) and EMBEDDED.search(source) is not None


def unclear_heredoc(start: str, body: str, end: str) -> str:
    """Why a here-document may end elsewhere for a shell, or run something, or an empty text.

    Args:
        start: the word behind the operator.
        body: the text the grammar took for the document.
        end: the whole line that the grammar took for its end.
    """
    try:
        delimiter = unquote(start)
    except UnclearWordError:
        delimiter = None
    if (
        not delimiter
        or end.lstrip("\t") != delimiter
        or any(line.strip() == delimiter for line in body.split("\n"))
    ):
        return "a here-document whose end is unclear"
    quoted = any(char in start for char in "'\"\\")
    if not quoted and (EMBEDDED.search(body) or "\\\n" in body):
        return "a here-document that runs commands"
    return ""
