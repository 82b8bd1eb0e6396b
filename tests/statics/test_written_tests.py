"""Where a test is written."""

from __future__ import annotations

from interlock.statics.python import definitions

TREE = {
    "tests/__init__.py": "class Mixin:\n    def test_a(self):\n        assert self.x\n",
    "tests/test_one.py": (
        "from tests import Mixin\n\n\nclass TestOne(Mixin):\n    x = 1\n\n\n"
        "class TestTwo(Mixin):\n    def test_a(self):\n        pass\n"
    ),
}


def test_classes_that_inherit_a_test_share_its_definition() -> None:
    one, two, none = (
        ("tests/test_one.py", f"{name}::test_a") for name in ("TestOne", "TestTwo", "X")
    )
    found = definitions([one, two, none], TREE.keys(), lambda path: TREE[path].encode())
    assert found == {one: "tests/__init__.py:2", two: "tests/test_one.py:9"}
