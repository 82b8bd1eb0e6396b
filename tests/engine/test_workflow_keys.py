"""What single keys of the workflow file come to where they are used: told, asked for, refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.engine.bench import WORKFLOW, Bench, run

from interlock.core.gates.kind import result
from interlock.core.model import CheckSpec
from interlock.core.reasons import Outcome
from interlock.core.tasks import TaskState
from interlock.definition import load
from interlock.definition.builtin import pack_schemas, pack_text
from interlock.engine.prompts import author_prompt
from interlock.errors import DeniedError
from interlock.ports.confinement import Level

TOLD = {
    "name of a phase": ('name: "Failing tests"', 'name: "@"'),
    "description of a phase": ('description: "Write the tests that the plan', 'description: "@'),
    "description of an artifact": ('description: "Which file covers which', 'description: "@'),
    "message of a rule": ('message: "No test file was added or changed"', 'message: "@"'),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_phase_says_of_itself_is_told_to_its_agent(name: str) -> None:
    old, new = TOLD[name]
    text = pack_text("tdd")
    assert text.count(old) == 1
    word = "xyzzy"
    changed = load(text.replace(old, new.replace("@", word)), schema_dir=pack_schemas("tdd"))
    state = TaskState(title="slug", phase="TDD")
    assert word in author_prompt(changed.workflow, state)
    assert word not in author_prompt(WORKFLOW, state)


def test_the_message_of_a_check_is_told_when_it_fails_and_only_then() -> None:
    spec = CheckSpec(check="all_tests_pass", message="Ask the team")
    assert result(spec, Outcome.FAIL, "2 fail").reason.message == "Ask the team: 2 fail"
    assert result(spec, Outcome.PASS, "3 pass").reason.message == "3 pass"


@pytest.mark.parametrize(
    "wanted, there, is_made",
    [
        ("full", Level.FULL, True),
        ("full", Level.PARTIAL, False),
        ("partial", Level.FULL, True),
        ("partial", Level.PARTIAL, True),
        ("partial", Level.NONE, False),
        ("none", Level.NONE, True),
    ],
)
def test_no_task_is_made_below_the_confinement_that_the_workflow_asks_for(
    wanted: str, there: Level, is_made: bool
) -> None:
    async def story(b: Bench) -> None:
        b.workflow = replace(WORKFLOW, required_confinement=wanted)
        b.runner.level = there
        if is_made:
            assert await b.create()
            return
        with pytest.raises(DeniedError) as refused:
            await b.create()
        assert (refused.value.code, refused.value.remedy) == ("IL-PPL-002", "interlock doctor")

    run(story)
