"""One raw request, so that a script can say what no client would."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["request"]

_SECONDS = 30.0


def request(step: Mapping[str, Any], url: str, token: str | None) -> dict[str, Any]:
    """Send what ``step`` says.

    Args:
        step: ``method``, ``path``, ``body`` (JSON, or text as it stands), ``headers``, and ``url``
            of another server than the agent's door.
        url: the agent's door.
        token: bearer to send, ``None``: none.

    Returns:
        ``status`` (0: nobody answers), ``body`` as text, ``json`` where it is JSON.
    """
    parts = urlsplit(str(step.get("url") or url))
    body = step.get("body")
    data = body if isinstance(body, str) else json.dumps(body) if body is not None else None
    headers = {"Content-Type": "application/json"} if data is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    headers |= {str(name): str(value) for name, value in (step.get("headers") or {}).items()}
    connection = http.client.HTTPConnection(
        parts.hostname or "127.0.0.1",
        parts.port or 80,
        timeout=float(step.get("seconds", _SECONDS)),
    )
    try:
        connection.request(
            str(step.get("method", "GET")),
            str(step.get("path") or parts.path or "/"),
            body=data.encode() if data is not None else None,
            headers=headers,
        )
        response = connection.getresponse()
        text = response.read(1 << 20).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return {"status": 0, "body": f"{type(error).__name__}: {error}", "json": None}
    finally:
        connection.close()
    return {"status": response.status, "body": text, "json": _parsed(text)}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
