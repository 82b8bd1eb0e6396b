"""A command that says yes whatever happens is no check."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.policy.exit_status import why_it_cannot_fail

CANNOT_FAIL = [
    "make lint || true",
    "make lint || :",
    "make lint; true",
    "make lint ||\n  true",
    "make lint 2>&1 || true > /dev/null",
    "a && b || true",
    "a || (true)",
    "(a || true)",
    "{ a || true; }",
    "bash -c 'make lint || true'",
    "sh -c 'sh -c \"a || true\"'",
    "a | true",
    "make lint | tee log",
    "a; exit 0",
    "a; exit 0; b",
    "a &",
    "set -e; a || true",
    "set -e\na || true\ntrue",
    "true",
    "/bin/true",
    "echo done",
    "f() { false; }",
]
CAN_FAIL = [
    "make lint",
    "make lint && true",
    "a || exit 1",
    "a || b",
    "a || true && b",
    "true && a",
    "! a",
    "set -e; a; true",
    "set -euo pipefail\na\ntrue",
    "set -o pipefail; make lint | tee log",
    "a | grep -q done",
    "if a; then b; fi",
    "for x in 1 2; do a; done",
    "[ -f README.md ]",
    "x=$(a)",
    "a; b # true",
    "a 'b || true'",
    "it is (not shell",
    "",
]


@pytest.mark.parametrize("command", CANNOT_FAIL)
def test_what_cannot_fail_is_named(command: str) -> None:
    assert why_it_cannot_fail(command)


@pytest.mark.parametrize("command", CAN_FAIL)
def test_what_may_fail_is_not(command: str) -> None:
    assert why_it_cannot_fail(command) == ""


@given(st.text(alphabet="ab |&;(){}'\"$\n!true:exit0-sc", max_size=60))
def test_no_text_makes_it_raise(command: str) -> None:
    assert isinstance(why_it_cannot_fail(command), str)


def test_nesting_has_an_end() -> None:
    assert why_it_cannot_fail("(" * 5000 + "true" + ")" * 5000) == ""
