"""The honest agent, saying aloud every answer it gets: ``telling.py DIRECTORY_OF_HONEST``.

What it was told must hold for ever, so each line of its output is a claim on the records.
"""

import importlib
import json
import sys

from interlock.sdk.exchange import Call, Reply
from interlock.sdk.transport import Transport

_send = Transport.send


def _telling(self: Transport, call: Call) -> Reply:
    reply = _send(self, call)
    answer = json.loads(reply.body or b"{}")
    told = {
        "status": reply.status,
        "method": call.method,
        "path": call.path.partition("?")[0],
        "key": call.headers.get("Idempotency-Key", ""),
        "request": answer.get("transition_id", ""),
        "outcome": answer.get("status", "") if "transition_id" in answer else "",
    }
    print("ANSWERED", json.dumps(told), flush=True)
    return reply


if __name__ == "__main__":
    Transport.send = _telling  # type: ignore[method-assign]  # the one place where answers arrive
    sys.path.insert(0, sys.argv.pop(1))
    sys.exit(importlib.import_module("honest").main())
