"""``python -m interlock.supervisor --state DIR``."""

from __future__ import annotations

import argparse
import logging
import sys

from interlock import failpoints
from interlock.errors import InterlockError
from interlock.ports.confinement import Level
from interlock.supervisor.main import main


def _command() -> int:
    parser = argparse.ArgumentParser(prog="interlock-supervisor", description=__doc__)
    parser.add_argument("--state", required=True, metavar="DIR", help="the state directory")
    parser.add_argument(
        "--level",
        choices=[level.value for level in Level],
        default=Level.FULL.value,
        help="the strongest confinement that is used where it works",
    )
    options = parser.parse_args()
    failpoints.arm("supervisor")
    logging.basicConfig(level=logging.INFO, format="supervisor: %(levelname)s %(message)s")
    try:
        return main(options.state, strongest=Level(options.level))
    except InterlockError as error:
        sys.stderr.write(f"{error.code}: {error.message}\n{error.remedy}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(_command())
