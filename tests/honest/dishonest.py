"""The same steps with work that is not done: all of these must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.honest.gates import Verdict, green_verdict
from tests.honest.plain import Plain
from tests.honest.replay import Measured, Replay
from tests.honest.trees import Tree

__all__ = ["refusals"]

# Whatever is asked for is there and equals everything, and every test is reported as passed.
_FORGER = """

def _il_forge():
    import _pytest.reports

    class Anything:
        def __eq__(self, other):
            return True

        def __ne__(self, other):
            return False

        def __getattr__(self, name):
            return self

        def __call__(self, *args, **kwargs):
            return self

        __hash__ = object.__hash__

    true = _pytest.reports.TestReport.from_item_and_call.__func__

    def forged(cls, item, call):
        call.excinfo = None
        return true(cls, item, call)

    _pytest.reports.TestReport.from_item_and_call = classmethod(forged)
    return Anything()


_il_anything = _il_forge()


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _il_anything
"""
_CLAIM = Plain(exit_code=0, counts={"passed": 1}, bad=(), output="").claim()


def refusals(replay: Replay, honest: Measured) -> Iterator[tuple[str, Verdict]]:
    """Name and verdict of each way not to do the work of an honest step."""
    assert honest.green_request is not None
    for name, tree in (
        ("left out", _left_out(honest)),
        ("forged", _forged(honest)),
    ):
        asked = replace(honest.green_request, tree=replay.trees.store(tree))
        facts = replay.judge.green(asked)
        # The claim is as good as it can be: what refuses is the measurement.
        yield name, green_verdict(honest.trio.tests, tree, facts, _CLAIM)


def _left_out(honest: Measured) -> Tree:
    """Something is changed, but nothing that matters."""
    path = _changed_source(honest)
    return {**honest.trio.tests, path: honest.trio.tests[path] + b"\n# Done.\n"}


def _forged(honest: Measured) -> Tree:
    path = _changed_source(honest)
    return {**honest.trio.tests, path: honest.trio.tests[path] + _FORGER.encode()}


def _changed_source(honest: Measured) -> str:
    """A module that the release changes and that its package imports anyway."""
    before, after = honest.trio.tests, honest.trio.work
    changed = [p for p in before if p.endswith(".py") and after.get(p) not in (None, before[p])]
    inits = [path for path in changed if path.endswith("__init__.py")]
    return min(inits or changed, key=lambda path: (path.count("/"), path))
