"""``python -m interlock.server --state DIR``: the server alone; ``interlock up`` starts the
supervisor as well.

Why a server could not start is left in a file for ``interlock up`` and told on stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
from pathlib import Path

from interlock import failpoints
from interlock.errors import InterlockError, InternalError
from interlock.server.layout import Layout
from interlock.server.logs import configure


def main() -> int:
    """Run the server; the exit code says how it ended."""
    parser = argparse.ArgumentParser(prog="interlock.server")
    parser.add_argument("--state", type=Path, required=True, help="directory of the state")
    layout = Layout(parser.parse_args().state)
    failpoints.arm("server")
    configure()
    layout.failure.unlink(missing_ok=True)
    try:
        _run(layout)
    except InterlockError as error:
        return _fail(layout, error)
    except Exception as error:
        logging.getLogger(__name__).exception("server_failed")
        said = f"the server failed: {type(error).__name__}: {error}"
        return _fail(layout, InternalError(said, remedy=f"less {layout.root}/logs/server.log"))
    return 0


def _run(layout: Layout) -> None:
    # Heavy; only the server pays for them.
    import uvloop

    from interlock.server.app import serve_forever

    uvloop.run(serve_forever(layout))


def _fail(layout: Layout, error: InterlockError) -> int:
    with contextlib.suppress(OSError):  # a state that was never set up has no place for it
        layout.failure.write_text(json.dumps(error.problem()))
    print(f"{error.code}: {error.message}\n  → {error.remedy}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
