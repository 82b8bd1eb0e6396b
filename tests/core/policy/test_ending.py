"""What a shell text ends with, whatever its programs do."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.policy.ending import Ending, ending, swallowed

WELL, BADLY, OPEN = Ending.ALWAYS_WELL, Ending.NEVER_WELL, Ending.OPEN


@pytest.mark.parametrize(
    "text, expected",
    [
        ("pytest", OPEN),
        ("pytest || true", WELL),
        ("pytest || :", WELL),
        ("pytest || exit 0", WELL),
        ("pytest || exit 1", OPEN),
        ("pytest || echo failed", WELL),
        ("pytest && echo fine", OPEN),
        ("pytest && lint || /bin/true", WELL),
        ("pytest; true", WELL),
        ("pytest\ntrue\n", WELL),
        ("pytest; exit 0", WELL),
        ("pytest; exit", OPEN),
        ("pytest; exit $?", OPEN),
        ("pytest; exit 1", BADLY),
        ("pytest; exit 256", WELL),
        ("exit 0; pytest", WELL),
        ("exit 0 && false", WELL),
        ("pytest && exit 1; true", OPEN),
        ("(exit 1); true", WELL),
        ("trap 'exit 0' EXIT; false", OPEN),
        ("true; pytest", OPEN),
        ("pytest &", WELL),
        ("pytest | tee log", WELL),
        ("pytest | grep passed", OPEN),
        ("set -o pipefail; pytest | tee log", OPEN),
        ("set -e; pytest; true", OPEN),
        ("set -e; true; false; pytest", BADLY),
        ("(pytest; true)", WELL),
        ("{ pytest || true; }", WELL),
        ("pytest > log 2>&1 || true", WELL),
        ("! false", WELL),
        ("! true", BADLY),
        ("false", BADLY),
        ("pytest && false", BADLY),
        ("pytest || false", OPEN),
        ("bash -c 'pytest || true'", WELL),
        ("bash -ec 'pytest; true'", OPEN),
        ("timeout 5 true", WELL),
        ("if pytest; then true; fi", OPEN),
        ("pytest # || true", OPEN),
        ("pytest '|| true'", OPEN),
        ("true() { pytest; }; true", OPEN),
        ("$COMMAND", OPEN),
        ("pytest || (", OPEN),
        ("", WELL),
    ],
)
def test_a_text_ends_as_its_last_word_says(text: str, expected: Ending) -> None:
    assert ending(text) is expected


def test_a_shell_that_stops_at_failures_hides_less() -> None:
    assert ending("pytest; true", errexit=True) is OPEN
    assert ending("pytest || true", errexit=True) is WELL
    assert ending("(pytest; true)", errexit=True) is OPEN


def test_each_statement_that_hides_a_failure_is_named() -> None:
    assert swallowed("a; b || true; c") == ("b || true",)
    assert swallowed("a && b") == ()
    assert swallowed("echo a || true") == ()


PARTS = st.sampled_from(
    (
        *("a", "!", "&&", "||", ";", "|", "&", "(", ")", "{", "}", "true", "false", ":"),
        *("exit 0", "exit 3", "\n", "set -e", "tee x"),
    )
)


@given(st.lists(PARTS, max_size=12).map(" ".join))
def test_any_text_has_an_ending(text: str) -> None:
    assert ending(text) in Ending
    assert isinstance(swallowed(text), tuple)


WORDS = st.sampled_from(
    (
        *("true", "false", "exit 0", "exit 3", "exit", "ok", "bad", "set -e"),
        *("! ok", "(bad; true)", "{ ok; exit; }", "ok | cat", "bad &"),
    )
)
JOINS = st.sampled_from([" && ", " || ", "; ", "\n"])


@given(st.lists(st.tuples(WORDS, JOINS), min_size=1, max_size=5), st.booleans())
def test_what_is_certain_is_what_a_shell_does(parts: list[tuple[str, str]], errexit: bool) -> None:
    """``ok`` and ``bad`` stand for programs: a certain end is the same for all of them."""
    text = "".join(word + join for word, join in parts)[: -len(parts[-1][1])]
    found = ending(text, errexit=errexit)
    if found is OPEN:
        return
    for ok, bad in (("true", "false"), ("false", "true")):
        script = f"ok() {{ {ok}; }}; bad() {{ {bad}; }}; {text}"
        words = ["sh", "-ec" if errexit else "-c", script]
        done = subprocess.run(words, capture_output=True, check=False)
        assert (done.returncode == 0) is (found is WELL), text
