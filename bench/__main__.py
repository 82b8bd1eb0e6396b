"""Run all measurements or the named ones, print a table, say whether each budget was kept.

Exit code 3 if one was missed; also if one could not be measured where ``CI`` is ``true``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from typing import Any

from bench.figures import Budget, Figure, Measured, NotRunError, Plan

MISSED = 3
MEASUREMENTS = {
    "validation": "validation",
    "decision": "decision",
    "check": "tool_check",
    "trees": "trees",
    "commands": "commands",
    "sandbox": "sandbox",
    "audit": "audit",
    "commit": "commit",
    "green": "green",
}


def _shown(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _print(name: str, measured: Measured) -> None:
    print(f"\n{name}")
    budgeted = {budget.figure.name: budget for budget in measured.budgets}
    figures = {figure.name: figure for figure in measured.figures}
    figures |= {name: budget.figure for name, budget in budgeted.items()}
    for figure in figures.values():
        spread = f"{_shown(min(figure.rounds), '')}… {_shown(max(figure.rounds), '')}"
        line = f"  {figure.name:<44} {_shown(figure.value, figure.unit):>12}   {spread:<18}"
        print(f"{line} {_verdict(budgeted.get(figure.name))}".rstrip(), flush=True)


def _verdict(budget: Budget | None) -> str:
    if budget is None:
        return ""
    sign = "≥" if budget.at_least else "≤"
    limit = _shown(budget.limit, budget.figure.unit)
    return f"{sign} {limit}  {'ok' if budget.kept else 'MISSED'}"


def _plain(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "unit": figure.unit,
        "median": figure.value,
        "rounds": list(figure.rounds),
    }


def _json(measured: Measured) -> dict[str, Any]:
    return {
        "figures": [_plain(figure) for figure in measured.figures],
        "budgets": [
            {
                **_plain(budget.figure),
                "limit": budget.limit,
                "at_least": budget.at_least,
                "kept": budget.kept,
            }
            for budget in measured.budgets
        ],
    }


def main() -> int:
    """Measure; the exit code says whether every budget was kept."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASUREMENTS))
    parser.add_argument("--json", action="store_true", help="figures of all rounds, as JSON")
    parser.add_argument("--quick", action="store_true", help="a sample: 3 short rounds")
    parser.add_argument("--rounds", type=int, help="rounds of each measurement (7; quick: 3)")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - MEASUREMENTS.keys()):
        parser.error(f"there is no {', '.join(unknown)}; choose from {', '.join(MEASUREMENTS)}")
    plan = Plan(rounds=asked.rounds or (3 if asked.quick else 7), quick=asked.quick)
    failed, out = False, {}
    for name in asked.names or MEASUREMENTS:
        try:
            measured = importlib.import_module(f"bench.{MEASUREMENTS[name]}").measure(plan)
        except NotRunError as reason:
            print(f"NOT RUN: {name}: {reason}", file=sys.stderr)
            failed |= os.environ.get("CI") == "true"
            out[name] = {"not_run": str(reason)}
            continue
        failed |= not all(budget.kept for budget in measured.budgets)
        out[name] = _json(measured)
        if not asked.json:
            _print(name, measured)
    if asked.json:
        print(json.dumps(out, indent=1))
    return MISSED if failed else 0


if __name__ == "__main__":
    sys.exit(main())
