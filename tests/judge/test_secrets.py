"""Secrets reach the tests, and nothing that anybody reads afterwards."""

from __future__ import annotations

import base64
import threading
from pathlib import Path

import msgspec
import pytest
from tests.judge.support import PATTERNS, SPEC, Bench

from interlock.adapters.judge.redaction import Redaction
from interlock.adapters.judge.results import RawRun
from interlock.adapters.secrets import DIRECTORY, Secrets
from interlock.core.model import EnvironmentSpec
from interlock.errors import InvalidInputError, NotFoundError
from interlock.ports.judge import RedRequest

VALUE = 's3cr"et värde=/+ 0123456789'
WITH = EnvironmentSpec(setup=(*SPEC.setup, 'env > "$VIRTUAL_ENV/seen"'), secrets=("API_TOKEN",))
TELLS = """
import base64, os, sys, time, warnings
from pathlib import Path
import pytest

TOKEN = os.environ.get("API_TOKEN", "")

def test_given():
    assert TOKEN.startswith("s3cr") and len(TOKEN) == LENGTH

@pytest.mark.parametrize("value", [TOKEN, TOKEN[::-1]])
def test_id(value):
    assert value == "another"

def test_message():
    print(TOKEN, file=sys.stderr)
    sys.stdout.write(TOKEN)
    data = TOKEN.encode()
    raise AssertionError([TOKEN, repr(TOKEN), base64.b64encode(data), data.hex()])

def test_skipped():
    pytest.skip(TOKEN)

def test_nobody_else_has_it():
    for place in Path("/proc").glob("[0-9]*"):
        for name in ("environ", "cmdline"):
            try:
                data = (place / name).read_bytes()
            except OSError:
                continue
            assert TOKEN.encode() not in data, place
    time.sleep(1)

raise_at_import = os.environ["API_TOKEN"]
""".replace("LENGTH", str(len(VALUE)))
BROKEN = "import os\n\nraise RuntimeError(os.environ['API_TOKEN'])\n"
FORMS = [
    VALUE,
    VALUE.encode().hex(),
    VALUE[::-1],
    base64.b64encode(VALUE.encode()).decode().rstrip("="),
]


@pytest.fixture(scope="module")
def kept(state: Path) -> Secrets:
    secrets = Secrets(state / DIRECTORY)
    secrets.set("API_TOKEN", VALUE)
    return secrets


def _seen_by_everybody(stop: threading.Event, found: list[str]) -> None:
    """What a person could see of all processes while tests run."""
    needle = VALUE.encode()
    while not stop.wait(0.05):
        for place in Path("/proc").glob("[0-9]*"):
            for name in ("environ", "cmdline"):
                try:
                    if needle in (place / name).read_bytes():
                        found.append(f"{place}/{name}")
                except OSError:
                    continue


@pytest.mark.slow
def test_tests_have_the_values_and_no_result_process_or_file_has(
    bench: Bench, state: Path, kept: Secrets
) -> None:
    tree = bench.tree({"tests/test_new.py": TELLS, "tests/test_odd.py": BROKEN})
    asked = RedRequest(
        base=bench.base, tree=tree, test_patterns=PATTERNS, environment=WITH, seconds=60
    )
    stop, found = threading.Event(), list[str]()
    watcher = threading.Thread(target=_seen_by_everybody, args=(stop, found))
    watcher.start()
    try:
        facts = bench.judge.red(asked)
    finally:
        stop.set()
        watcher.join()
    assert facts.problem == ""
    assert facts.red is not None
    ended = {t.id.partition("::")[2].split("[")[0]: t.outcome.value for t in facts.red.tests}
    assert ended == {
        "test_given": "passed",
        "test_id": "failed",
        "test_message": "failed",
        "test_skipped": "skipped",
        "test_nobody_else_has_it": "passed",
    }
    told = msgspec.json.encode(facts).decode() + str(msgspec.to_builtins(facts))
    assert "[secret API_TOKEN]" in told
    for form in FORMS:
        assert form not in told
    assert found == []
    # No build has them, and no file but their own.
    root = Path(bench.judge.environment_path(facts.environment))
    assert "API_TOKEN" not in (root / "seen").read_text()
    holding = [
        path
        for path in state.rglob("*")
        if path.is_file() and not path.is_symlink() and VALUE.encode() in path.read_bytes()
    ]
    assert holding == [state / DIRECTORY / "API_TOKEN"]


def test_a_secret_without_a_value_is_said_with_the_command_for_it(
    bench: Bench, kept: Secrets
) -> None:
    spec = EnvironmentSpec(setup=WITH.setup, secrets=("OTHER_TOKEN",))
    asked = RedRequest(
        base=bench.base, tree=bench.base, test_patterns=PATTERNS, environment=spec, seconds=60
    )
    facts = bench.judge.red(asked)
    assert "no value is kept for it; interlock secret set OTHER_TOKEN" in facts.problem


def test_values_are_their_owners_alone_and_long_enough_to_be_told_from_other_text(
    tmp_path: Path,
) -> None:
    secrets = Secrets(tmp_path / "secrets")
    assert secrets.names() == []
    secrets.set("TOKEN", "long enough\nand of two lines")
    assert secrets.values(["TOKEN"]) == {"TOKEN": "long enough\nand of two lines"}
    stamp = secrets.stamp(["TOKEN"])
    path = tmp_path / "secrets" / "TOKEN"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    secrets.set("TOKEN", "another value")
    assert secrets.stamp(["TOKEN"]) != stamp
    path.chmod(0o640)
    with pytest.raises(InvalidInputError, match="others can read"):
        secrets.values(["TOKEN"])
    for name, value in (
        ("TOKEN", "short"),
        ("TOKEN", "with\0nul and more"),
        ("../X", "long enough"),
    ):
        with pytest.raises(InvalidInputError):
            secrets.set(name, value)
    secrets.remove("TOKEN")
    with pytest.raises(NotFoundError):
        secrets.remove("TOKEN")


def test_each_line_of_a_long_value_is_taken_out() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----"
    raw = RawRun(
        status=0,
        timed_out=False,
        frames=b'{"k":"x","text":"AQEFAASCBKcwggSjAgEAAo"}\n',
        output=f"one line: {key.splitlines()[1]}",
        seconds=1.0,
        problem=f"it said {key}",
    )
    clean = Redaction({"KEY": key}).of(raw)
    assert clean.frames == b'{"k":"x","text":"[secret KEY]"}\n'
    assert clean.output == "one line: [secret KEY]"
    assert clean.problem == "it said [secret KEY]"
