"""What RED pins: the tests as they are now, and what each of them was on the base."""

from __future__ import annotations

from interlock.core import events as ev
from interlock.core.facts import RedFacts, TestOutcome
from interlock.core.parameters import function

__all__ = ["freeze"]


def freeze(red: RedFacts, tree: str) -> ev.TestsFrozen | None:
    """The tests of ``tree``; ``None`` if nothing was measured.

    A function that was changed is judged as it is now: ids that it had on the base and has no more
    are not missed. Its guards have to stay green.
    """
    if red.red is None or red.base is None:
        return None
    is_red = red.red.with_outcome(TestOutcome.FAILED, TestOutcome.ERROR)
    guards = red.red.with_outcome(TestOutcome.PASSED) & set(red.guards)
    changed = {function(test) for test in red.new_tests}
    was_green = {
        test
        for test in red.base.with_outcome(TestOutcome.PASSED) - set(red.new_tests)
        if test in red.red.ids or function(test) not in changed
    }
    return ev.TestsFrozen(
        tree=tree,
        red_tests=tuple(test for test in red.new_tests if test in is_red),
        new_tests=red.new_tests,
        base_green=(
            *(test.id for test in red.base.tests if test.id in was_green),
            *(test for test in red.new_tests if test in guards),
        ),
        config=red.config,
        environment=red.environment,
    )
