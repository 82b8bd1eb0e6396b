"""``sections``: a Markdown text has the headings it should have, with something below each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import reference, texts, whole
from interlock.core.gates.references import files_in, over_documents, text_of
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def _headings(text: str) -> list[tuple[int, str, bool]]:
    """Level, title, and whether anything but headings stands below, of each heading.

    What stands below a heading of a deeper level is below the one above it as well. Text between
    fences has no headings.
    """
    found: list[tuple[int, str, bool]] = []
    fence = ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.fullmatch(line):
            found.append((len(heading[1]), (heading[2] or "").strip(), False))
            continue
        if line.strip() and found:
            found = _filled(found)
    return found


def _filled(found: list[tuple[int, str, bool]]) -> list[tuple[int, str, bool]]:
    """The last heading, and those that it is below, have something below them."""
    level = 7
    done = []
    for depth, title, is_filled in reversed(found):
        encloses = depth < level
        level = min(level, depth)
        done.append((depth, title, is_filled or encloses))
    return done[::-1]


def _same(title: str, wanted: str) -> bool:
    return " ".join(title.casefold().split()) == " ".join(wanted.casefold().split())


def _plan(params: Settings) -> Plan:
    files = files_in([str(params["document"])])
    return Plan(texts=files, documents=files if "#" in str(params["document"]) else ())


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    document = str(spec.params["document"])
    level = spec.params.get("level")
    there = [h for h in _headings(text_of(document, facts)) if level in (None, h[0])]
    wanted = [str(title) for title in spec.params["sections"]]
    if wrong := _wrong(there, wanted, in_order=bool(spec.params.get("in_order"))):
        return result(
            spec,
            Outcome.FAIL,
            f"{document}: {wrong}",
            remedy=f"Write the sections {', '.join(wanted)} into {document}.",
            facts={"headings": [title for _, title, _ in there]},
        )
    return result(spec, Outcome.PASS, f"{document} has {', '.join(wanted)}")


def _wrong(there: Sequence[tuple[int, str, bool]], wanted: list[str], *, in_order: bool) -> str:
    places = []
    for title in wanted:
        at = [n for n, heading in enumerate(there) if _same(heading[1], title)]
        if not at:
            return f"there is no section {title}"
        if not any(there[n][2] for n in at):
            return f"the section {title} is empty"
        places.append((at[0], title))
    for (before, one), (after, other) in pairwise(places):
        if in_order and after < before:
            return f"the section {other} comes before {one}"
    return ""


KIND = CheckKind(
    name="sections",
    passes_when="a Markdown document has the named sections, none of them empty",
    schema=settings(
        "document",
        "sections",
        document=reference("the Markdown text: a file of the tree, or a text of an artifact"),
        sections=texts("a list of headings", "whatever their case and blanks"),
        in_order={
            "type": "boolean",
            "default": False,
            "title": "true or false",
            "description": "whether they have to come in this order",
        },
        level=whole("only headings of this level count", least=1, most=6),
    ),
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=GateFacts(texts={"D.md": "# D\n\n## Risks\n\nNone.\n"}),
        fails=GateFacts(texts={"D.md": "# D\n\n## Risks\n\n## Plan\n\nGo.\n"}),
        params={"document": "file:D.md", "sections": ("Risks",)},
    ),
)
