"""What only a file can suffer: a second server, another version, damage, a full disk, deletion."""

from __future__ import annotations

import ast
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import interlock
from interlock.adapters.lockfile import LockFile
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.errors import ConflictError, IntegrityError, InvalidInputError, UnavailableError
from interlock.ports.store import EVENT_SCHEMA, INLINE_BYTES, NewEvent

EVENT = NewEvent("task_created", {"n": 1}, "server")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "events.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    store.close()


def filled(path: Path) -> None:
    store = SQLiteStore(path)
    for version in range(5):
        store.append("t", version, [EVENT], command_id=f"c{version}", at=version)
    store.close()


def edit(path: Path, *statements: str) -> None:
    """What somebody does to the file behind our back."""
    with closing(sqlite3.connect(path)) as connection:
        for trigger in ("events_stay", "events_keep", "events_in_sequence", "events_counted"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_the_table_has_the_promised_columns(store: SQLiteStore, path: Path) -> None:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        names = {row[1] for row in connection.execute("PRAGMA table_info(events)")}
    promised = {"id", "timestamp", "event_type", "task_id", "data"}
    assert names == promised | {"task_version", "schema", "actor", "command_id"}


def test_commits_are_synced_and_the_log_is_write_ahead(store: SQLiteStore) -> None:
    with store._connections.write() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2


def test_a_second_server_is_refused_with_the_pid_of_the_first(
    store: SQLiteStore, path: Path, tmp_path: Path
) -> None:
    link = tmp_path / "events.db"
    link.symlink_to(path)
    for name in (path, link):
        with pytest.raises(ConflictError) as refused:
            SQLiteStore(name)
        assert str(os.getpid()) in refused.value.message
        assert refused.value.context["pid"] == os.getpid()
        assert refused.value.remedy == f"stop it first: kill {os.getpid()}"
    store.append("t", 0, [EVENT], command_id=None, at=1)


def test_the_lock_ends_with_its_process(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from interlock.adapters.stores.sqlite import SQLiteStore\n"
        "store = SQLiteStore(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ConflictError) as refused:
            SQLiteStore(path)
        assert refused.value.context["pid"] == other.pid
        other.kill()
        other.wait()
        SQLiteStore(path).close()


def test_a_child_process_does_not_keep_the_lock(path: Path) -> None:
    store = SQLiteStore(path)
    with subprocess.Popen(["sleep", "60"], close_fds=False) as child:
        store.close()
        SQLiteStore(path).close()
        child.kill()


def test_a_refused_open_does_not_keep_the_lock(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("this is no database, and was never meant to be one" * 100)
    for _ in range(2):
        with pytest.raises(IntegrityError):
            SQLiteStore(path)
    path.unlink()
    SQLiteStore(path).close()


def test_a_lock_file_that_says_nothing_is_refused_without_a_pid(tmp_path: Path) -> None:
    lock = LockFile(tmp_path / "lock", code="X", what="it")
    (tmp_path / "lock").write_text("")
    with pytest.raises(ConflictError) as refused:
        LockFile(tmp_path / "lock", code="X", what="it")
    assert "unknown" in refused.value.message
    lock.release()
    lock.release()


def test_a_database_of_somebody_else_is_not_touched(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    with pytest.raises(IntegrityError) as refused:
        SQLiteStore(path)
    assert refused.value.code == "IL-STO-022"


def test_a_schema_newer_than_ours_is_refused(path: Path) -> None:
    filled(path)
    edit(path, "PRAGMA user_version = 999")
    with pytest.raises(IntegrityError) as refused:
        SQLiteStore(path)
    assert refused.value.code == "IL-STO-023"


def test_an_event_newer_than_ours_is_refused(path: Path) -> None:
    filled(path)
    edit(path, f"UPDATE events SET schema = {EVENT_SCHEMA + 1} WHERE id = 3")
    with pytest.raises(IntegrityError) as refused:
        SQLiteStore(path)
    assert refused.value.code == "IL-STO-025"


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM events WHERE id = 5",
        "DELETE FROM events WHERE id = 3",
        "UPDATE events SET id = 9 WHERE id = 5",
        "DELETE FROM events",
        "UPDATE head SET last_id = 4",
        "INSERT INTO events SELECT 7, 1, 'x', 't', 9, 1, 'a', NULL, '{}'",
    ],
)
def test_a_hole_in_the_sequence_is_refused(path: Path, harm: str) -> None:
    filled(path)
    edit(path, harm)
    with pytest.raises(IntegrityError) as refused:
        SQLiteStore(path)
    assert refused.value.code == "IL-STO-024"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE id = 1",
        "UPDATE events SET actor = 'me' WHERE id = 1",
        "INSERT INTO events SELECT 9, 1, 'x', 't', 9, 1, 'a', NULL, '{}'",
        "INSERT INTO events SELECT NULL, 1, 'x', 't', 9, 1, 'a', NULL, '{}'",
    ],
)
def test_events_cannot_be_changed_by_accident(path: Path, statement: str) -> None:
    filled(path)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)


def test_damaged_data_is_no_answer(path: Path) -> None:
    filled(path)
    edit(path, "UPDATE events SET data = '[1]' WHERE id = 2")
    store = SQLiteStore(path)
    with pytest.raises(IntegrityError):
        store.task_events("t")
    store.close()


def test_large_data_lies_in_a_blob_that_is_checked(store: SQLiteStore, path: Path) -> None:
    data = {"x": "y" * INLINE_BYTES}
    store.append("t", 0, [NewEvent("e", data, "s")], command_id=None, at=1)
    (blob,) = (path.parent / "blobs").iterdir()
    assert blob.stat().st_mode & 0o777 == 0o600
    blob.write_bytes(blob.read_bytes().replace(b"y", b"z", 1))
    with pytest.raises(IntegrityError):
        store.task_events("t")
    with pytest.raises(IntegrityError):
        store.get_blob(blob.name)
    # Putting the true bytes again repairs it.
    store.append("t", 1, [NewEvent("e", data, "s")], command_id=None, at=1)
    assert [event.data for event in store.task_events("t")] == [data, data]


def test_an_unfinished_blob_is_removed_at_the_next_start(path: Path) -> None:
    filled(path)
    left = path.parent / "blobs" / ".unfinished-0123"
    left.write_bytes(b"half")
    SQLiteStore(path).close()
    assert not left.exists()


def test_a_text_that_is_not_unicode_is_refused(store: SQLiteStore) -> None:
    for task, actor in (("\ud800", "a"), ("t", "\ud800")):
        with pytest.raises(InvalidInputError) as refused:
            store.append(task, 0, [NewEvent("e", {}, actor)], command_id=None, at=1)
        assert refused.value.code == "IL-STO-014"
    assert store.task_ids() == ()


def test_a_full_disk_refuses_the_write_and_loses_nothing(store: SQLiteStore) -> None:
    store.append("t", 0, [EVENT], command_id=None, at=1)
    large = [NewEvent("e", {"x": "y" * 10_000}, "s")] * 20
    with store._connections.write() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    store._connections._writer.execute(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(UnavailableError) as refused:
        store.append("t", 1, large, command_id="c", at=1)
    assert refused.value.retryable
    assert len(store.task_events("t")) == 1
    store._connections._writer.execute("PRAGMA max_page_count = 100000")
    assert [e.id for e in store.append("t", 1, large, command_id="c", at=1)] == list(range(2, 22))


def test_after_an_input_output_error_nothing_is_written_until_reopened(store: SQLiteStore) -> None:
    store.append("t", 0, [EVENT], command_id=None, at=1)
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    with pytest.raises(UnavailableError), store._connections.write():
        raise failed
    with pytest.raises(UnavailableError):
        store.append("t", 1, [EVENT], command_id=None, at=1)
    assert len(store.task_events("t")) == 1


def test_readers_do_not_wait_for_a_writer(store: SQLiteStore) -> None:
    store.append("t", 0, [EVENT], command_id=None, at=1)
    found: list[int] = []
    with store._connections.write():
        reader = threading.Thread(target=lambda: found.append(len(store.task_events("t"))))
        reader.start()
        reader.join(10)
    assert found == [1]


def test_only_the_owner_can_read_the_state(store: SQLiteStore, path: Path) -> None:
    store.append("t", 0, [EVENT], command_id=None, at=1)
    store.put_blob(b"x")
    for found in (path.parent, *path.parent.rglob("*")):
        assert found.stat().st_mode & 0o077 == 0, found


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UnavailableError) as refused:
        SQLiteStore(tmp_path / "file" / "events.db")
    assert refused.value.code == "IL-STO-034"


def test_events_follow_each_other_by_id_whatever_the_clock_says(store: SQLiteStore) -> None:
    for n, at in enumerate((50, 10, 30)):
        store.append(f"t{n}", 0, [EVENT], command_id=None, at=at)
    found = store.events_after(0)
    assert [(event.id, event.timestamp) for event in found] == [(1, 50), (2, 10), (3, 30)]
    assert store.task_ids() == ("t0", "t1", "t2")


def test_a_version_of_a_task_is_given_once(store: SQLiteStore) -> None:
    store.append("t", 0, [EVENT], command_id="a", at=1)
    with pytest.raises(ConflictError) as refused:
        store.append("t", 0, [EVENT], command_id="b", at=1)
    assert refused.value.code == "IL-STO-001"
    assert [event.task_version for event in store.task_events("t")] == [1]


def test_a_version_that_is_there_cannot_be_written_past_the_store(path: Path) -> None:
    filled(path)
    again = "INSERT INTO events SELECT 6, 1, 'x', 't', 5, 1, 'a', NULL, '{}'"
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(again)


def test_a_command_is_stored_once_and_answers_with_what_it_did(store: SQLiteStore) -> None:
    first = store.append("t", 0, [EVENT, EVENT], command_id="c", at=1)
    assert store.append("t", 2, [EVENT], command_id="c", at=2) == first
    assert store.command("c") == first
    with pytest.raises(ConflictError) as refused:
        store.append("u", 0, [EVENT], command_id="c", at=2)
    assert refused.value.code == "IL-STO-002"


def test_a_claim_has_one_holder_and_every_grant_a_higher_fence(store: SQLiteStore) -> None:
    first = store.acquire("task/1/author", "ses_a", ttl_s=10, now=0)
    assert first is not None
    assert store.acquire("task/1/author", "ses_b", ttl_s=10, now=5_000_000) is None
    second = store.acquire("task/1/author", "ses_b", ttl_s=10, now=10_000_000)
    assert second is not None
    assert second.fence > first.fence
    with pytest.raises(ConflictError):
        store.renew(first, ttl_s=10, now=10_000_001)


def test_the_lock_survives_what_drops_a_librarys_locks(store: SQLiteStore, path: Path) -> None:
    """Closing any descriptor of a file drops all of a process's POSIX locks on it."""
    for _ in range(2):
        path.open("rb").close()
        path.with_name("events.db.lock").open("rb").close()
    program = (
        "import sys; from pathlib import Path\n"
        "from interlock.adapters.stores.sqlite import SQLiteStore\n"
        "from interlock.errors import ConflictError\n"
        "try: SQLiteStore(Path(sys.argv[1]))\n"
        "except ConflictError: sys.exit(6)"
    )
    other = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert other.returncode == 6
    assert path.read_bytes()[:15] == b"SQLite format 3"  # the lock is another file's


def test_only_the_server_opens_the_database() -> None:
    """Others would make its memory stale and could drop its locks: they ask its door."""
    package = Path(interlock.__file__).parent
    users = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "interlock.adapters.stores.sqlite"
    }
    libraries = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if "import sqlite3" in file.read_text(encoding="utf-8")
    }
    assert users == {"server/app.py", "server/workflows.py"}
    assert libraries == {"adapters/stores/sqlite.py", "adapters/stores/connections.py"}
