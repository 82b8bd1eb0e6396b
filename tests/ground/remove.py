"""``python -m tests.ground.remove ID...``: take properties away and see whether it is noticed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.ground.properties import properties
from tests.ground.removal import Copy


def main(ids: list[str]) -> int:
    """Print a verdict per id (all of them without ids); 1 if one was missed."""
    table = {one.id: one for one in properties()}
    unknown = [name for name in ids if name not in table]
    if unknown:
        print(f"no such property: {', '.join(unknown)}")
        return 2
    missed = 0
    with tempfile.TemporaryDirectory(prefix="il-ground-") as place:
        copy = Copy(Path(place))
        for name in ids or table:
            verdict = copy.without(table[name])
            print(f"{verdict.word:8} {name}", flush=True)
            if verdict.word == "missed":
                missed += 1
                print(verdict.output)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
