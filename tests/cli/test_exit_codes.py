"""Exit codes are API: each command gives the one that its outcome means, and JSON when asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Shell

from interlock.cli.main import VERBS

NONE = "task_00000000000000000000000000"
WITH_ID = (
    ("show", NONE),
    ("why", NONE),
    ("evidence", NONE),
    ("approve", NONE, "plan_approved", "--passphrase-file", "{right}"),
    ("reject", NONE, "plan_approved", "--reason", "r", "--passphrase-file", "{right}"),
    ("abort", NONE, "--passphrase-file", "{right}"),
    ("run", "--task", NONE),
)
TALKING = (
    *WITH_ID,
    ("task", "list"),
    ("task", "add", "t", "--agent-command", "true"),
    ("inbox",),
    ("trust", "--passphrase-file", "{right}"),
    ("run", "t", "--agent-command", "true"),
)
MISUSED = (
    ("nothing",),
    ("show",),
    ("show", "a", "b"),
    ("show", "a", "--nothing"),
    ("task",),
    ("task", "nothing"),
    ("audit",),
    ("reject", NONE, "gate"),
    ("up", "--level", "most"),
    ("init", "--passphrase-file", "no/such/file"),
    ("audit", "verify", "--key-file", "no/such/file"),
    ("run",),
    ("run", "t"),
    ("task", "add", "t"),
    ("run", "t", "--task", NONE),
    ("run", "t", "--agent-command", "true", "--max-attempts", "0"),
)


def filled(shell: Shell, words: tuple[str, ...]) -> list[str]:
    return [word.replace("{right}", str(shell.passphrase)) for word in words]


def check(shell: Shell, words: tuple[str, ...], code: int) -> None:
    """The code and a message on stderr; with --json one document on stdout and nothing else."""
    said = shell.interlock(*filled(shell, words))
    assert said.code == code, (words, said)
    if code == 0:
        return
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err
    shown = shell.json(*filled(shell, words))
    assert shown.code == code
    error = shown.json["error"]
    assert set(error) == {"code", "kind", "message", "retryable", "remedy", "context"}
    assert error["remedy"]
    assert error["retryable"] is (code == 8)


@pytest.mark.parametrize("words", WITH_ID, ids=" ".join)
def test_a_task_that_is_not_there_is_5(served: Shell, words: tuple[str, ...]) -> None:
    check(served, words, 5)


@pytest.mark.parametrize("words", MISUSED, ids=" ".join)
def test_what_was_written_wrong_is_2(served: Shell, words: tuple[str, ...]) -> None:
    said = served.interlock(*words)
    assert said.code == 2, said
    assert said.out == ""
    shown = served.json(*words)
    assert shown.code == 2
    assert shown.json["error"]["kind"] == "UsageError"
    assert shown.json["error"]["remedy"]


@pytest.mark.parametrize(
    "words", [("approve", NONE, "g"), ("reject", NONE, "g", "--reason", "r"), ("abort", NONE)]
)
def test_a_wrong_or_no_passphrase_is_4(served: Shell, words: tuple[str, ...]) -> None:
    said = served.interlock(*words)
    assert said.code == 4
    assert "--passphrase-file" in said.err
    wrong = served.interlock(*words, "--passphrase-file", "-", stdin="wrong horse\n")
    assert (wrong.code, wrong.out) == (4, "")
    assert "wrong" in wrong.err
    # Not the one that slows down the next test.
    right = served.interlock(*words, "--passphrase-file", str(served.passphrase))
    assert right.code == 5


def added(shell: Shell, title: str = "t") -> str:
    done = shell.interlock("task", "add", title, "--agent-command", "true")
    assert done.code == 0, done
    return done.out.strip()


def test_what_cannot_be_now_is_6(served: Shell) -> None:
    task_id = added(served)
    check(served, ("approve", task_id, "plan_approved", "--passphrase-file", "{right}"), 6)
    abort = ("abort", task_id, "--passphrase-file", "{right}")
    check(served, abort, 0)
    check(served, abort, 6)


def test_reading_works(served: Shell) -> None:
    task_id = added(served, "Read \x1b[31mme\x07")
    shown = served.interlock("show", task_id)
    assert shown.code == 0
    assert "\x1b" not in shown.out
    assert "\x07" not in shown.out
    for words in (
        ("show", task_id),
        ("why", task_id),
        ("evidence", task_id),
        ("task", "list"),
        ("inbox",),
        ("audit", "verify"),
    ):
        said, read = served.interlock(*words), served.json(*words)
        assert (said.code, read.code) == (0, 0), (said, read)
        assert said.out
        json.loads(read.out)
    assert task_id in served.interlock("task", "list").out


def test_what_was_not_done_in_time_is_3(served: Shell) -> None:
    words = ("run", "t", "--agent-command", "true", "--timeout", "0", "--json")
    done = served.interlock(*words)
    assert done.code == 3
    *events, last = [json.loads(row) for row in done.out.splitlines()]
    assert events[0]["event_type"] == "task_created"
    assert last["task"]["status"] != "completed"


@pytest.mark.parametrize("words", TALKING, ids=" ".join)
def test_without_a_server_it_is_8(unserved: Shell, words: tuple[str, ...]) -> None:
    check(unserved, words, 8)


def test_outside_of_a_repository_it_is_5(shell: Shell, tmp_path: Path) -> None:
    for words in (("init",), ("up",), ("down",), ("task", "list"), ("audit", "verify")):
        said = shell.interlock(*words, cwd=tmp_path)
        assert (said.code, said.out) == (5, "")
        assert "git" in said.err


def test_in_a_repository_that_was_not_set_up_it_is_5(shell: Shell) -> None:
    for words in (("up",), ("down",), ("task", "list"), ("audit", "verify")):
        said = shell.interlock(*words)
        assert (said.code, said.out) == (5, "")
        assert "interlock init" in said.err


def test_a_record_that_was_changed_is_3(shell: Shell) -> None:
    shell.init("--trust")
    assert shell.interlock("audit", "verify").code == 0
    (shell.layout.audit / "000001.jsonl").write_text('{"seq": 1}\n')
    said = shell.interlock("audit", "verify")
    assert said.code == 3
    assert "BROKEN" in said.out
    shown = shell.interlock("audit", "verify", "--json")
    assert (shown.code, shown.json["ok"]) == (3, False)


def test_a_key_that_is_none_is_7(unserved: Shell) -> None:
    check(unserved, ("audit", "verify", "--key-file", str(unserved.passphrase)), 7)


def test_down_where_nothing_runs_is_fine(unserved: Shell) -> None:
    assert unserved.interlock("down", "--json").json == {"stopped": False}


def test_down_leaves_processes_alone_that_only_have_the_number(unserved: Shell) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as other:
        unserved.layout.up.write_text(json.dumps({"pid": other.pid}))
        assert unserved.interlock("down").code == 0
        assert other.poll() is None
        other.kill()


def test_a_server_that_cannot_start_says_why_once(shell: Shell) -> None:
    shell.init("--trust")
    (shell.repository / ".orchestrator" / "config.yaml").write_text("api: {port: x}\n")
    said = shell.interlock("up")
    assert said.code == 7
    assert "api.port" in said.err
    assert said.err.count("error ") == 1
    assert not shell.layout.up.exists()


def test_help_is_there_for_everything(served: Shell) -> None:
    shown = served.interlock("--help")
    assert shown.code == 0
    for verb in VERBS:
        assert verb in shown.out
    assert served.interlock("--version").out.startswith("interlock, version ")
