"""``schema``: a document is what a schema of the workflow asks for."""

from __future__ import annotations

from interlock.core.facts import GateFacts
from interlock.core.gates.jobs import Plan, Settings
from interlock.core.gates.kind import CheckKind, Examples, result, settings
from interlock.core.gates.kinds.parameters import reference
from interlock.core.gates.references import files_in, over_documents, values
from interlock.core.model import CheckSpec
from interlock.core.reasons import CheckResult, Outcome

__all__ = ["KIND"]

_NAMED = 5


def _plan(params: Settings) -> Plan:
    document = str(params["document"])
    files = files_in([document])
    return Plan(texts=files, documents=files, valid=((document, str(params["schema"])),))


@over_documents
def _evaluate(spec: CheckSpec, facts: GateFacts) -> CheckResult:
    document, name = str(spec.params["document"]), str(spec.params["schema"])
    found = values(document, facts)
    problems = facts.invalid.get(f"{name} {document}")
    if problems is None or not found:
        why = "nobody compared them" if found else f"there is nothing at {document}"
        return result(
            spec, Outcome.UNDETERMINED, why, remedy=f"Write {document} as the schema {name} says."
        )
    if problems:
        return result(
            spec,
            Outcome.FAIL,
            f"{document} is not what the schema {name} asks for: {'; '.join(problems[:_NAMED])}",
            remedy=f"Write {document} as the schema {name} says.",
            facts={"problems": list(problems)},
        )
    return result(spec, Outcome.PASS, f"{document} is what the schema {name} asks for")


def _compared(*problems: str) -> GateFacts:
    return GateFacts(artifacts={"design": {"title": "T"}}, invalid={"design.json design": problems})


KIND = CheckKind(
    name="schema",
    passes_when="a document is valid against a schema of the workflow",
    schema=settings(
        "document",
        "schema",
        document=reference("what is compared; with `*` each of the values"),
        schema={
            "type": "string",
            "minLength": 1,
            "format": "schema",
            "title": "the name of a schema",
            "description": "a name in `schemas`, or a file below `schemas_dir`",
        },
    ),
    plan=_plan,
    evaluate=_evaluate,
    examples=Examples(
        passes=_compared(),
        fails=_compared("/title: too short"),
        params={"document": "design", "schema": "design.json"},
    ),
)
