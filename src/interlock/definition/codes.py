"""Every code that reading a workflow file can end in; codes are API and never reused."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Code", "page_of"]


class Code(StrEnum):
    """00 text, 01 shape, 02 names, 03 structure, 04 schemas, 05 patterns, 06 conditions,
    07 examples, 08 warnings, 09 ``extends`` and ``variables``.

    Each has a page, made from its entry in ``explanations.yaml``.
    """

    SYNTAX = "IL-DEF-001"
    TOO_LARGE = "IL-DEF-002"
    DUPLICATE_KEY = "IL-DEF-003"
    ALIAS = "IL-DEF-004"
    TAG = "IL-DEF-005"
    NUMBER = "IL-DEF-006"
    KEY_NOT_TEXT = "IL-DEF-007"
    NO_FILE = "IL-DEF-008"
    NO_PACK = "IL-DEF-009"

    WRONG_TYPE = "IL-DEF-010"
    UNKNOWN_KEY = "IL-DEF-011"
    MISSING_KEY = "IL-DEF-012"
    UNKNOWN_VALUE = "IL-DEF-013"
    BAD_VALUE = "IL-DEF-014"
    DUPLICATE_ID = "IL-DEF-015"

    UNKNOWN_CHECK = "IL-DEF-020"
    UNKNOWN_RULE = "IL-DEF-021"
    UNKNOWN_TOOL = "IL-DEF-022"
    UNKNOWN_PHASE = "IL-DEF-023"
    UNKNOWN_GATE = "IL-DEF-024"
    CHECK_PARAMETER = "IL-DEF-025"

    GATE_CANNOT_FAIL = "IL-DEF-030"
    GATE_CANNOT_PASS = "IL-DEF-031"
    TOOL_CONTRADICTION = "IL-DEF-032"
    UNREACHABLE = "IL-DEF-033"
    DEAD_END = "IL-DEF-034"
    GATE_UNUSED = "IL-DEF-035"
    CONSTRAINT_WITHOUT_EFFECT = "IL-DEF-036"
    REFUSED = "IL-DEF-037"

    SCHEMA_MISSING = "IL-DEF-040"
    SCHEMA_INVALID = "IL-DEF-041"

    BAD_PATTERN = "IL-DEF-050"
    BAD_COMMAND = "IL-DEF-051"

    BAD_CONDITION = "IL-DEF-060"

    EXAMPLE_FAILS = "IL-DEF-070"
    BAD_EXAMPLE = "IL-DEF-071"

    NO_EFFECT_YET = "IL-DEF-080"
    NO_EFFECT = "IL-DEF-082"
    UNGUARDED = "IL-DEF-083"
    FAILURE_HIDDEN = "IL-DEF-084"
    UNQUOTED = "IL-DEF-085"

    NO_PARENT = "IL-DEF-090"
    PARENT_CYCLE = "IL-DEF-091"
    PARENT_REFUSED = "IL-DEF-092"
    BAD_MERGE = "IL-DEF-093"
    NOTHING_THERE = "IL-DEF-094"
    UNKNOWN_VARIABLE = "IL-DEF-095"
    VARIABLE_MISPLACED = "IL-DEF-096"
    VARIABLE_UNUSED = "IL-DEF-097"


def page_of(code: str) -> str:
    """The page that explains a code, as a path in the repository of Interlock."""
    return f"docs/codes/{code}.md"
