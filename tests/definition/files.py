"""Files that together use every key of the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from interlock.definition.builtin import pack_schemas, pack_text
from interlock.definition.diagnostics import Findings
from interlock.definition.yaml_compose import compose
from interlock.definition.yaml_nodes import plain

EVERY_KEY: Final = (Path(__file__).parent / "fixtures/every_key.yaml").read_text("utf-8")
SCHEMAS: Final = {"scope.schema.json": b'{"type": "object"}', "review.json": {"type": "object"}}

CALLS: Final = """\
name: Calls
version: "1"
phases:
  - id: A
    allowed_tools: [read_files, bash, web_fetch]
    examples:
      allowed: [{tool: read_files, path: a}, {command: ls}, {tool: web_fetch, args: {url: "x"}}]
      denied: [{tool: write_files, path: a}, {command: curl x}, {tool: grep, args: {path: a}}]
    tool_constraints:
      bash:
        forbidden_commands: [curl]
        examples:
          allowed: [{command: ls}, {tool: read_files, path: a}, {args: {command: ls}}]
          denied: [{command: curl x}, {tool: write_files, path: a}, {args: {command: curl x}}]
      read_files:
        forbidden_patterns: [keys/**]
        examples:
          - {path: a, allowed: true}
          - {tool: grep, args: {path: a}, allowed: false}
          - {command: ls, tool: bash, allowed: true}
  - id: B
    allowed_tools: [bash]
    examples:
      - {command: ls, allowed: true}
      - {tool: read_files, path: a, allowed: false}
      - {tool: bash, args: {command: ls}, allowed: true}
transitions: [{from: A, to: B}]
"""
"""Examples in each form."""

FILES: Final = {"every key": EVERY_KEY, "calls": CALLS, "tdd": pack_text("tdd")}


def schemas(name: str) -> dict[str, Any]:
    """What lies in the schema directory of one of the files."""
    return dict(pack_schemas("tdd")) if name == "tdd" else dict(SCHEMAS)


def document(text: str) -> Any:
    """A file as plain values."""
    findings = Findings()
    node = compose(text, file="f.yaml", findings=findings)
    assert node is not None
    assert not findings.failed
    return plain(node)
