"""What each code means, an example that ends in it, and what to do: the data behind the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from interlock.definition.codes import Code
from interlock.definition.diagnostics import Findings, did_you_mean
from interlock.definition.loader import load_tree
from interlock.definition.packs import load_pack
from interlock.definition.yaml_compose import compose
from interlock.definition.yaml_nodes import plain
from interlock.errors import InterlockError, NotFoundError

__all__ = ["FILE", "Explanation", "explanation", "explanations", "page"]

FILE = "agent_workflow.yaml"
_NO_TEXT = {Code.NO_FILE: FILE, Code.NO_PACK: "tdt"}
"""Codes that no text of a file ends in, with what is asked for instead."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code for a person.

    Args:
        code: stable.
        title: what it says, in a few words.
        meaning: why that is a mistake.
        fix: what to do.
        example: a whole file that ends in it.
    """

    code: Code
    title: str
    meaning: str
    fix: str
    example: str = ""

    def shown(self) -> str:
        """What ``interlock validate`` says of the example."""
        try:
            if self.code is Code.NO_FILE:
                load_tree(lambda _path: None, file=FILE)
            elif self.code is Code.NO_PACK:
                load_pack(_NO_TEXT[self.code])
            files = {FILE: self.example.encode()}
            return load_tree(files.get, file=FILE).rendered()
        except InterlockError as error:
            at = f"error {error.code}: {error.message}\n  help: {error.remedy}"
            return _errors(str(error.context.get("rendered") or at))


def _errors(rendered: str) -> str:
    """What keeps the file from loading; what it would load in spite of has pages of its own."""
    blocks = rendered.split("\n\n")
    return "\n\n".join(block for block in blocks if ": warning: " not in block.split("\n")[0])


@cache
def explanations() -> Mapping[Code, Explanation]:
    """All of them, in the order of their codes."""
    text = files("interlock.definition").joinpath("explanations.yaml").read_text("utf-8")
    findings = Findings()
    node = compose(text, file="explanations.yaml", findings=findings)
    if node is None or findings.failed:
        raise findings.failure({"explanations.yaml": text})
    rows = plain(node)
    return {Code(code): Explanation(Code(code), **row) for code, row in sorted(rows.items())}


def explanation(code: str) -> Explanation:
    """That of one code.

    Raises:
        NotFoundError: there is no such code.
    """
    known = {str(item): row for item, row in explanations().items()}
    if (found := known.get(code.upper())) is None:
        raise NotFoundError(
            f"There is no code '{code}'", code="IL-CLI-040", remedy=did_you_mean(code, known)
        )
    return found


def page(code: str) -> str:
    """The page of a code, as Markdown.

    Raises:
        NotFoundError: there is no such code.
    """
    row = explanation(code)
    shown = row.shown()
    lines = [f"# {row.code}: {row.title}", "", row.meaning.strip(), "", "## Example", ""]
    if row.example:
        lines += ["```yaml", row.example.rstrip("\n"), "```", "", "It is answered with:", ""]
    else:
        asked = _NO_TEXT[row.code]
        lines += [f"`interlock validate {asked}`, where there is no such thing, is answered with:"]
        lines += [""]
    lines += ["```text", shown, "```", "", "## What to do", "", row.fix.strip(), ""]
    return "\n".join(lines)
