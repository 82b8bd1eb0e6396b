"""Each code has its page, and the example on it ends in that code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.definition.golden import ALL
from tests.definition.small import changed

from interlock.definition import load
from interlock.definition.codes import Code, page_of
from interlock.definition.explanations import explanation, explanations, page
from interlock.errors import DefinitionError, NotFoundError

ROOT = Path(__file__).parent.parent.parent


def test_every_code_is_explained() -> None:
    assert set(explanations()) == set(Code)


@pytest.mark.parametrize("code", Code)
def test_the_example_of_a_code_ends_in_it_and_in_nothing_else(code: Code) -> None:
    row = explanation(code)
    said = re.findall(r"IL-DEF-\d{3}", row.shown())
    assert set(said) == {code}
    assert row.title
    assert row.meaning
    assert row.fix
    assert row.shown() in page(code)


@pytest.mark.parametrize("code", Code)
def test_the_path_that_a_finding_names_is_that_of_its_page(code: Code) -> None:
    text = (ROOT / page_of(code)).read_text(encoding="utf-8")
    assert text.startswith(f"# {code}: ")


def test_no_page_is_left_of_a_code_that_is_gone() -> None:
    there = {path.stem for path in (ROOT / "docs" / "codes").iterdir()}
    assert there == {"README", *Code}


def test_a_finding_names_its_page() -> None:
    with pytest.raises(DefinitionError) as caught:
        load(changed("mode: strict", "mode: strikt"))
    assert caught.value.context["diagnostics"][0]["page"] == "docs/codes/IL-DEF-013.md"


def test_every_code_of_an_error_has_a_broken_file() -> None:
    others = {code for code in Code if code.startswith("IL-DEF-08")}
    others |= {Code.NO_FILE, Code.NO_PACK, Code.VARIABLE_UNUSED}
    assert {case.code for case in ALL.values()} == set(Code) - others


def test_a_code_that_nobody_knows_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFoundError) as caught:
        explanation("IL-DEF-38")
    assert "Did you mean" in caught.value.remedy
