"""Files that were changed at random load or are refused: no crash, no hang, no traceback."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.definition.mutants import keys_of
from tests.definition.small import SMALL

from interlock.definition import load, load_tree
from interlock.definition.builtin import pack_text
from interlock.errors import DefinitionError

FIXTURES = Path(__file__).parent / "fixtures"
SEEDS = (
    SMALL,
    SMALL,
    (FIXTURES / "agent_workflow.yaml").read_text("utf-8"),
    (FIXTURES / "every_key.yaml").read_text("utf-8"),
    pack_text("tdd"),
)
TOKENS = (
    *("[", "]", "{", "}", ":", "- ", ",", "&a ", "*a ", "!!str ", "! ", "|\n", ">-\n", "? ", "#"),
    *("'", '"', "\\", "\t", "\n", "\n\n", "---\n", "...\n", "%YAML 1.2\n", "<<: ", "~", "\ufeff"),
    *("0x1F", "1e999", ".nan", "true", "2024-01-01", "\x00", "\u2028", "\ud800", "é", "**", "../"),
    *("|| true", "$(x)", "[[:a:]]", "(?=a)", "!src/**", "a" * 300, "[" * 70, "9" * 40),
)
VALUES = ("7", "[x]", "{a: b}", "~", "''", "true", "[]", "{}", "-1", "1.10", "*a", "'**'", "x y")
KEYS = {text: keys_of(text) for text in SEEDS}


def in_bytes(text: str, chance: random.Random) -> str:
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data.decode(errors="surrogateescape")


def in_lines(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(chance.randint(1, 4)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                lines[at], lines[other] = lines[other], lines[at]
            case 1:
                lines.insert(at, lines[other])
            case 2:
                lines[at] = " " * chance.randint(0, 12) + lines[at].lstrip()
            case _:
                lines[at] = ""
    return "\n".join(lines)


def in_tokens(text: str, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text))
        cut = at + chance.choice((0, 0, 1, 5, 40))
        text = text[:at] + chance.choice(TOKENS) + text[cut:]
    return text


def in_structure(text: str, chance: random.Random) -> str:
    key = chance.choice(KEYS[text])
    match chance.randrange(4):
        case 0:
            return key.removed()
        case 1:
            return key.misspelt()
        case 2:
            return key.valued(chance.choice(VALUES))
        case _:  # the value of another key, or of another file
            other = chance.choice(KEYS[chance.choice(SEEDS)])
            value = other.text[other.value : other.end]
            return key.valued("{}" if "\n" in value else value)


WAYS: tuple[Callable[[str, random.Random], str], ...] = (
    in_bytes,
    in_lines,
    in_tokens,
    in_structure,
)


def mutant(number: int) -> str:
    """The same text for the same number."""
    chance = random.Random(number)
    text = chance.choice(SEEDS)
    text = chance.choice(WAYS)(text, chance)
    if text and chance.random() < 0.3:
        text = chance.choice((in_bytes, in_lines, in_tokens))(
            text.encode(errors="replace").decode(), chance
        )
    return text


def survives(number: int) -> bool:
    """Whether the mutant loads; whatever is not a load or a refusal is raised."""
    text = mutant(number)
    data = text.encode(errors="surrogatepass" if number % 2 else "replace")
    try:
        if number % 3:
            load(text, file="w.yaml").rendered()
        else:
            load_tree({"w.yaml": data}.get, file="w.yaml").rendered()
    except DefinitionError as error:
        refused = error.context
    else:
        return True
    assert "[IL-DEF-" in refused["rendered"]
    assert refused["diagnostics"]
    for item in refused["diagnostics"]:
        assert min(item["position"]["line"], item["position"]["column"]) >= 1
    return False


def run(first: int, count: int) -> int:
    loaded = 0
    for number in range(first, first + count):
        try:
            loaded += survives(number)
        except Exception as error:
            error.add_note(f"mutant {number}: tests.definition.test_fuzz.mutant({number})")
            raise
    return loaded


def test_two_thousand_changed_files_load_or_are_refused() -> None:
    loaded = run(0, 2_000)
    assert 20 < loaded < 1_980, "the changes are too wild, or too tame"


@pytest.mark.long
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("part", range(20))
def test_a_hundred_thousand_changed_files_load_or_are_refused(part: int) -> None:
    run(10_000 + 5_000 * part, 5_000)
