"""Lines that run, by statements; and what a project cannot talk out of being counted."""

from __future__ import annotations

from interlock.statics.python import statements

SOURCE = b'''\
"""Docstring."""
from __future__ import annotations
import os

x: int
y: int = (
    1
)


@decorator
@other(
    1,
)
def f(
    a,
):
    """Docstring."""
    global z
    if a:  # pragma: no cover
        return [
            a
        ]
    else:
        try:
            pass
        except OSError:
            raise
        finally:
            a = 1
    match a:
        case 1:
            return 2
    ...


if TYPE_CHECKING:
    import typing
else:
    typing = None
'''


def test_each_line_belongs_to_its_statement() -> None:
    found = statements(SOURCE)
    assert sorted(set(found.values())) == [2, 3, 6, 11, 20, 21, 25, 26, 28, 30, 31, 33, 40]
    assert [found[n] for n in (6, 7, 8)] == [6, 6, 6]
    assert [found[n] for n in range(11, 18)] == [11] * 7
    assert [found[n] for n in (21, 22, 23)] == [21] * 3
    assert not found.keys() & {1, 4, 5, 19, 24, 27, 29, 34, 37, 38}


def test_a_source_that_cannot_be_parsed_has_none() -> None:
    assert statements(b"def (") == {}
