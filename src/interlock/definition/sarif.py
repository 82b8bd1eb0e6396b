"""Findings as a SARIF 2.1.0 log, which code hosts and editors show at their lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from interlock.definition.codes import page_of
from interlock.definition.explanations import explanation, page

__all__ = ["sarif"]

_SCHEMA: Final = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BASE: Final = "SRCROOT"

Json = dict[str, Any]


def sarif(diagnostics: Iterable[Mapping[str, Any]], version: str) -> Json:
    """The log of one run.

    The page of each code stands in its rule, so that it is read without a network; ``helpUri``
    names its path in Interlock's repository.

    Args:
        diagnostics: as ``Diagnostic.to_json`` has them, paths from the top of the tree.
        version: of Interlock.
    """
    found = list(diagnostics)
    codes = sorted({str(item["code"]) for item in found})
    run: Json = {
        "tool": {
            "driver": {
                "name": "interlock validate",
                "version": version,
                "rules": [_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_BASE: {"description": {"text": "The top of the working tree."}}},
        "results": [_result(item, codes) for item in found],
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> Json:
    row = explanation(code)
    return {
        "id": code,
        "shortDescription": {"text": f"{row.title}."},
        "fullDescription": {"text": row.meaning},
        "help": {"text": row.fix, "markdown": page(code)},
        "helpUri": f"urn:interlock:{page_of(code)}",
    }


def _result(item: Mapping[str, Any], codes: list[str]) -> Json:
    text = ". ".join(part.rstrip(".") for part in (item["message"], item["help"]) if part)
    return {
        "ruleId": item["code"],
        "ruleIndex": codes.index(item["code"]),
        "level": item["severity"],
        "message": {"text": f"{text}."},
        "locations": [{"physicalLocation": _physical(item["position"])}],
        "relatedLocations": [
            {
                "id": number,
                "physicalLocation": _physical(other["position"]),
                "message": {"text": other["message"]},
            }
            for number, other in enumerate(item["related"])
        ],
    }


def _physical(position: Mapping[str, Any]) -> Json:
    file = str(position["file"])
    at: Json = {"uri": quote(file), "uriBaseId": _BASE}
    if file.startswith("/"):
        at = {"uri": f"file://{quote(file)}"}
    region = {"startLine": position["line"], "startColumn": position["column"]}
    return {"artifactLocation": at, "region": region}
