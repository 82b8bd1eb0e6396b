"""What tests say, without the values of secrets: as they are, and as they are often written.

Code that wants to tell a value can write it in a way that nobody foresees. It shares the sandbox
with the tests, which has no network; what it can say is what its agent is shown of the results.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import quote, quote_plus

from interlock.adapters.judge.results import RawRun

__all__ = ["Redaction"]

_LINE = 16


class Redaction:
    """Takes the values of some secrets out.

    Args:
        secrets: name → value.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        forms = {form: name for name, value in secrets.items() for form in _forms(value)}
        # What contains another form is looked for before it.
        self._forms = dict(sorted(forms.items(), key=lambda item: -len(item[0])))

    def of(self, raw: RawRun) -> RawRun:
        """A run without the values in its frames, output and problem."""
        if not self._forms:
            return raw
        frames = raw.frames.decode(errors="replace")
        for form, name in self._forms.items():
            # In JSON, as the runner writes it, and as others may.
            for ascii_only in (True, False):
                written = json.dumps(form, ensure_ascii=ascii_only)[1:-1]
                frames = frames.replace(written, _shown(name))
        return replace(
            raw,
            frames=frames.encode(),
            output=self._text(raw.output),
            problem=self._text(raw.problem),
        )

    def _text(self, text: str) -> str:
        for form, name in self._forms.items():
            text = text.replace(form, _shown(name))
        return text


def _shown(name: str) -> str:
    return f"[secret {name}]"


def _forms(value: str) -> Iterator[str]:
    data = value.encode()
    # Of several lines each may be printed by itself.
    lines = [line for line in value.splitlines() if len(line) >= _LINE]
    yield from dict.fromkeys((value, value.strip(), *lines))
    yield from (repr(value)[1:-1], repr(data)[2:-1], value[::-1])
    yield from (quote(value, safe=""), quote_plus(value))
    yield from (data.hex(), data.hex().upper())
    for encoded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        yield encoded.decode().rstrip("=")
