"""What RED pins."""

from __future__ import annotations

from dataclasses import replace

from interlock.core.freezing import freeze
from interlock.core.gates.samples import NEW, OLD, red, run

TABLE = "tests/test_old.py::test_table"


def test_nothing_is_pinned_where_nothing_was_measured() -> None:
    assert freeze(replace(red(), red=None), "t") is None
    assert freeze(replace(red(), base=None), "t") is None


def test_what_was_red_and_what_was_green_are_pinned() -> None:
    frozen = freeze(red(), "t")
    assert frozen is not None
    assert (frozen.red_tests, frozen.base_green) == ((NEW,), (OLD,))


def test_guards_stay_green_and_ids_that_a_changed_function_has_no_more_are_not_missed() -> None:
    facts = red(
        base=run("base", OLD, f"{TABLE}[a]", f"{TABLE}[b]", "tests/test_other.py::test_c[1]"),
        new=run("red", OLD, f"{TABLE}[c]", f"{TABLE}[b]", failed=(f"{TABLE}[d]",)),
    )
    new = (f"{TABLE}[c]", f"{TABLE}[d]")
    frozen = freeze(replace(facts, new_tests=new, guards=(f"{TABLE}[c]",)), "t")
    assert frozen is not None
    assert frozen.red_tests == (f"{TABLE}[d]",)
    # [a] is gone with its case; what was not changed is missed if it is not there later.
    assert frozen.base_green == (
        OLD,
        f"{TABLE}[b]",
        "tests/test_other.py::test_c[1]",
        f"{TABLE}[c]",
    )
