"""Findings as a SARIF log: valid, with a rule, its page and a region for each of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.definition.golden import ALL

from interlock.definition import load
from interlock.definition.explanations import page
from interlock.definition.sarif import sarif
from interlock.errors import DefinitionError

SCHEMA = json.loads((Path(__file__).parent / "fixtures/sarif.schema.json").read_text("utf-8"))
VALID = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)


def log(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The run of one broken file, and what was found in it."""
    text, _, _ = ALL[name].text_and_place()
    with pytest.raises(DefinitionError) as caught:
        load(text, file="dir/a workflow.yaml")
    found = caught.value.context["diagnostics"]
    document = sarif(found, "1.0")
    VALID.validate(document)
    return document["runs"][0], found


@pytest.mark.parametrize("name", ALL)
def test_every_finding_makes_a_valid_log(name: str) -> None:
    run, found = log(name)
    assert len(run["results"]) == len(found)
    for result, item in zip(run["results"], found, strict=True):
        rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] == item["code"]
        assert rule["helpUri"].endswith(item["page"])
        assert rule["help"]["markdown"] == page(item["code"])
        place = result["locations"][0]["physicalLocation"]
        assert place["region"] == {
            "startLine": item["position"]["line"],
            "startColumn": item["position"]["column"],
        }
        assert item["message"] in result["message"]["text"]


def test_a_path_is_a_reference_from_the_top_of_the_tree() -> None:
    run, _ = log("unknown_mode")
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": "dir/a%20workflow.yaml", "uriBaseId": "SRCROOT"}
    assert "SRCROOT" in run["originalUriBaseIds"]


def test_the_other_place_is_named_with_what_it_is() -> None:
    run, _ = log("allowed_and_forbidden")
    (other,) = run["results"][0]["relatedLocations"]
    assert other["message"]["text"] == "allowed here"
    assert other["physicalLocation"]["region"] == {"startLine": 5, "startColumn": 46}


def test_a_file_that_holds_makes_an_empty_log() -> None:
    VALID.validate(document := sarif([], "1.0"))
    assert document["runs"][0]["results"] == []
