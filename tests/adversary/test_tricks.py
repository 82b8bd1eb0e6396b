"""Every trick, played for real by an agent in a sandbox: it ends as declared for the level."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.adversary.names import TRICKS

from interlock.testing.adversary.tricks import Outcome, Trick
from interlock.testing.demo.report import Judged

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.timeout(300)]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.id)
def test_a_trick_ends_as_declared(trick: Trick, judged: Mapping[str, Judged], level: str) -> None:
    found = judged[trick.id]
    assert found.outcome is found.declared, f"{found.reason}\n" + "\n".join(found.facts)
    assert found.outcome is not Outcome.PASSED
    assert " → " in found.reason, "a reason says what would help"
