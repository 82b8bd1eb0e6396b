"""Comment blocks that are code, and everything else that stands in comments."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.statics.python import commented_code

CODE = {
    "a return": "# return slug(text.lower())",
    "an assignment": "# width = len(text)",
    "a setting": "# DEBUG = True",
    "an annotated assignment": "# width: int = 3",
    "an attribute": "# self.width = width",
    "a call": "# print(text)",
    "a method": "# self.close()",
    "a debugger": "# import pdb; pdb.set_trace()",
    "an import": "# from os import path",
    "a function": "# def slug(text):\n#     return text",
    "a loop": "# for a in b:\n#     skip",
    "a branch": "# else:\n#     text = other",
    "a handler": "# except ValueError:\n#     pass",
    "without a blank": "#x += 1",
    "indented": "def f():\n    # return f(1)\n    pass",
    "below a heading": "# the old way:\n# text = text.strip()\n# return text.lower()",
}
PROSE = {
    "a sentence": "# Returns early if there is nothing to do.",
    "words that parse": "# not implemented\n# yes or no",
    "a word": "# return",
    "two words": "# return early\n# raise error\n# assert correctness\n# import order",
    "a license": "# Copyright (c) 2020 The Authors\n# SPDX-License-Identifier: MIT",
    "a shebang": "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-",
    "directives": "# type: ignore\n# noqa\n# pragma: no cover\n# fmt: off\n# mypy: strict",
    "an editor's line": "# vim: ts=4",
    "a linter's line": "# cython: language_level=3\n# pylint: disable=foo",
    "a reminder": "# TODO: x = 1\n# FIXME: y = compute(x)",
    "a doctest": "# >>> slug('a')\n# 'a'",
    "art": "# ------\n# |  a  |\n# ======",
    "an order of growth": "# O(n)",
    "a mention": "# slug(text)\n# os.getcwd()",
    "a group of words": "# helpers (internal)",
    "a legend": "# r = radius\n# area = width * height",
    "an abbreviation": "# e.g. width = 3",
    "a condition in words": "# if needed: skip",
    "an example": "# As in:\n#     width = len(text)\n#     return width",
    "an attribute's comment": "#: width of the text",
    "inline metadata": "# /// script\n# dependencies = ['a']\n# ///",
    "beside code": "x = 1  # y = f(2)",
    "in a string": "x = '''\n# y = f(2)\n'''",
}


@pytest.mark.parametrize("name", CODE)
def test_code_that_was_commented_out_is_found(name: str) -> None:
    found = commented_code("a.py", b"", f"{CODE[name]}\n".encode())
    assert [one.kind for one in found] == ["commented_code"]


@pytest.mark.parametrize("name", PROSE)
def test_prose_is_left_alone(name: str) -> None:
    assert commented_code("a.py", None, f"{PROSE[name]}\n".encode()) == ()


def test_a_block_has_its_place() -> None:
    (found,) = commented_code("a.py", None, b"x = 1\n\n# why:\n# y = f(2)\n# z = y[0]\n")
    assert (found.path, found.line, found.message) == ("a.py", 4, "y = f(2)")


def test_what_the_base_has_is_not_added_wherever_it_stands() -> None:
    old = b"# y = f(2)\nx = 1\n"
    assert commented_code("a.py", old, b"x = 1\n# y = f(2)\n") == ()
    assert len(commented_code("a.py", old, b"# y = f(2)\nx = 1\n# y = f(2)\n")) == 1


def test_only_python_is_read() -> None:
    assert commented_code("a.sh", None, b"# y = f(2)\n") == ()


WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8).filter(
    lambda word: not keyword.iskeyword(word)
)


@given(st.lists(WORDS, min_size=2, max_size=8), st.sampled_from(["", ".", ":", " -"]))
def test_no_row_of_words_is_code(words: list[str], end: str) -> None:
    assert commented_code("a.py", None, f"# {' '.join(words)}{end}\n".encode()) == ()


@given(WORDS, WORDS, st.integers(0, 3))
def test_an_assignment_of_a_call_is_code_at_any_depth(name: str, called: str, depth: int) -> None:
    blanks = "    " * depth
    head = "".join(f"{'    ' * n}if x:\n" for n in range(depth))
    text = f"{head}{blanks}# {name} = {called}('a')\n{blanks}pass\n"
    assert len(commented_code("a.py", None, text.encode())) == 1


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f"# {text}".encode()))
def test_no_text_makes_it_raise(data: bytes) -> None:
    commented_code("a.py", data, data)
    commented_code("a.py", None, data)
