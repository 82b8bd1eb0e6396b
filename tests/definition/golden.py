"""What is said of each broken definition, kept word by word with its carets.

``python -m tests.definition.golden`` writes the files anew; read the difference before it is kept.
"""

from __future__ import annotations

from pathlib import Path

from tests.definition.broken import BROKEN, Broken
from tests.definition.broken_further import FURTHER
from tests.definition.broken_rules import CONTRADICTORY
from tests.definition.small import SMALL

from interlock.definition import Loaded, load_tree
from interlock.errors import DefinitionError

__all__ = ["ALL", "DIRECTORY", "loaded_from", "said_of"]

ALL = {**BROKEN, **FURTHER, **CONTRADICTORY}
DIRECTORY = Path(__file__).parent / "golden"


def loaded_from(text: str) -> Loaded:
    """A file of a tree that holds ``SMALL`` besides, to build on."""
    tree = {"w.yaml": text.encode(errors="surrogateescape"), "small.yaml": SMALL.encode()}
    return load_tree(tree.get, file="w.yaml")


def said_of(case: Broken) -> str:
    """Everything that is said of the file, as a person sees it."""
    text, _, _ = case.text_and_place()
    try:
        loaded_from(text)
    except DefinitionError as error:
        return str(error.context["rendered"]) + "\n"
    raise AssertionError("it loads")


def write() -> None:
    """Make the files what is said now."""
    DIRECTORY.mkdir(exist_ok=True)
    for old in DIRECTORY.glob("*.txt"):
        old.unlink()
    for name, case in ALL.items():
        (DIRECTORY / f"{name}.txt").write_text(said_of(case), encoding="utf-8")


if __name__ == "__main__":
    write()
