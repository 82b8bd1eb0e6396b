"""``python -m interlock.server --state DIR``: the server alone; ``interlock up`` starts the
supervisor as well."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from interlock.errors import InterlockError
from interlock.server.layout import Layout
from interlock.server.logs import configure


def main() -> int:
    """Run the server; the exit code says how it ended."""
    parser = argparse.ArgumentParser(prog="interlock.server")
    parser.add_argument("--state", type=Path, required=True, help="directory of the state")
    layout = Layout(parser.parse_args().state)
    configure()
    # Heavy; only the server pays for them.
    import uvloop

    from interlock.server.app import serve_forever

    try:
        uvloop.run(serve_forever(layout))
    except InterlockError as error:
        print(f"{error.code}: {error.message}\n  → {error.remedy}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
