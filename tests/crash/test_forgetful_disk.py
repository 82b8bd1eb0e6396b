"""On a disk that forgets what was never synced, nothing that was answered is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.crash.power import Power, require_fuse
from tests.records.support import open_log, records
from tests.records.test_durability import writer

from interlock.adapters.audit.log import AuditLog
from interlock.adapters.audit.verify import verify
from interlock.adapters.durable import sync_tree
from interlock.adapters.stores.blobs import BlobDirectory
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.adapters.trees.repository import Repository
from interlock.adapters.trees.synced import SyncedNames


@pytest.fixture
def power(tmp_path: Path) -> Iterator[Power]:
    require_fuse()
    with Power(tmp_path / "disk", tmp_path) as power:
        yield power


def test_the_disk_forgets(power: Power) -> None:
    """The test's own instrument: it loses what ext4 would keep, and keeps what was synced."""
    place = power.place
    for name in ("synced", "named", "neither"):
        (place / name).write_text(name)
    for name in ("synced",):
        with (place / name).open("rb") as file:
            os.fsync(file.fileno())
    (place / "neither").rename(place / "renamed")
    directory = os.open(place, os.O_RDONLY)
    (place / "synced").rename(place / "moved")
    os.fsync(directory)
    (place / "moved").rename(place / "again")
    os.close(directory)
    power.off(seed=None)
    power.on()
    assert {path.name: path.read_text() for path in place.iterdir()} == {
        "moved": "synced",
        "named": "",
        "renamed": "",
    }


def _records_survive(power: Power, cuts: int) -> None:
    """Write to both records until the power fails, again and again."""
    chance = random.Random(cuts)
    place = power.place
    key = bytes.fromhex(AuditLog.create(place / "audit"))
    said: list[str] = []
    for run in range(cuts):
        command = writer(place, run, count=100_000, workers=3)
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            listening = threading.Thread(target=said.extend, args=(process.stdout,))
            listening.start()
            power.cut_after(chance.randrange(20, 900))
            assert power.until_cut()
            process.kill()
            power.off(seed=chance.choice([None, run]))
            listening.join()
        power.on()
        _check_records(place, key, [line for line in said if line.endswith("\n")])
    assert len(said) > 10 * cuts


def _check_records(place: Path, key: bytes, said: list[str]) -> None:
    log = open_log(place / "audit")
    log.close()
    found = verify(place / "audit", key, [log.heads])
    assert found.ok, found
    audited = {line.split()[1] for line in said if line.startswith("AUDIT")}
    assert not audited - {record.get("call_id") for record in records(place / "audit")}
    store = SQLiteStore(place / "state" / "events.db")
    try:
        events = [event for task in store.task_ids() for event in store.task_events(task)]
        stored = {line.split()[1] for line in said if line.startswith("STORE")}
        assert not stored - {event.data["name"] for event in events}
        assert sorted(event.id for event in events) == list(range(1, len(events) + 1))
    finally:
        store.close()


def _git(place: Path, *words: str) -> str:
    command = ["git", "-c", "safe.directory=*", f"--git-dir={place}", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def user(power: Power) -> Path:
    """A person's repository with one commit, all of it durable."""
    user = power.place / "user"
    user.mkdir()
    subprocess.run(["git", "init", "-q", str(user)], check=True)
    who = ("-c", "user.name=p", "-c", "user.email=p@h")
    _git(user / ".git", *who, "commit", "-q", "--allow-empty", "-m", "First")
    sync_tree(power.place)
    return user


def _whole(repository: Path, oid: str) -> None:
    """Everything that an oid leads to is there and can be read."""
    _git(repository, "rev-list", "--objects", "--quiet", oid)


def test_a_base_that_was_fetched_outlives_the_power(power: Power, user: Path) -> None:
    bare = power.place / "state" / "repo.git"
    base = Repository.create(bare, user).fetch_base(user)
    power.off(seed=None)
    power.on()
    _whole(bare, f"refs/interlock/base/{base.commit}")
    assert Repository.open(bare).fetch_base(user) == base


@pytest.mark.parametrize("count", [3, 120])
def test_a_tree_that_was_imported_outlives_the_power(power: Power, user: Path, count: int) -> None:
    bare = power.place / "state" / "repo.git"
    repository = Repository.create(bare, user)
    base = repository.fetch_base(user)
    names = {f"d{n % 3}/f{n}": b"%d" % n for n in range(count)}
    tree = repository.replace(base.tree, names)
    power.off(seed=None)
    power.on()
    for path, data in names.items():
        assert Repository.open(bare).read(tree, path) == data


def test_a_ref_that_keeps_a_tree_outlives_the_power(power: Power, user: Path) -> None:
    bare = power.place / "state" / "repo.git"
    repository = Repository.create(bare, user)
    base = repository.fetch_base(user)
    tree = repository.replace(base.tree, {"a": b"a"})
    commit = repository.keep(tree, "refs/interlock/task_a/1/start", parent=base.commit)
    power.off(seed=None)
    power.on()
    _whole(bare, commit)
    assert _git(bare, "rev-parse", "refs/interlock/task_a/1/start") == commit


def test_a_landed_commit_outlives_the_power(power: Power, user: Path) -> None:
    repository = Repository.create(power.place / "state" / "repo.git", user)
    base = repository.fetch_base(user)
    tree = repository.replace(base.tree, {"a": b"a"})
    commit = repository.land(user, "interlock/task_a", tree, base.commit, "Land")
    power.off(seed=None)
    power.on()
    _whole(user / ".git", commit)
    assert _git(user / ".git", "rev-parse", "interlock/task_a") == commit


def test_a_landing_that_was_killed_before_its_sync_is_durable_when_it_is_answered(
    power: Power, user: Path
) -> None:
    repository = Repository.create(power.place / "state" / "repo.git", user)
    base = repository.fetch_base(user)
    tree = repository.replace(base.tree, {"a": b"a"})
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(SyncedNames, "ref", lambda *_: None)
        killed.setattr(SyncedNames, "packs", lambda *_: None)
        repository.land(user, "interlock/task_a", tree, base.commit, "Land")
    commit = repository.land(user, "interlock/task_a", tree, base.commit, "Land")
    power.off(seed=None)
    power.on()
    _whole(user / ".git", commit)
    assert _git(user / ".git", "rev-parse", "interlock/task_a") == commit


def test_objects_that_a_killed_process_left_unsynced_are_synced_by_the_next(
    power: Power, user: Path
) -> None:
    bare = power.place / "state" / "repo.git"
    repository = Repository.create(bare, user)
    base = repository.fetch_base(user)
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(SyncedNames, "objects", lambda *_: None)
        repository.replace(base.tree, {"a": b"a"})
    tree = Repository.open(bare).replace(base.tree, {"a": b"a"})
    power.off(seed=None)
    power.on()
    assert Repository.open(bare).read(tree, "a") == b"a"


def test_a_blob_outlives_the_power(power: Power) -> None:
    digest = BlobDirectory(power.place / "state" / "blobs").put(b"x" * 5000)
    power.off(seed=None)
    power.on()
    assert BlobDirectory(power.place / "state" / "blobs").get(digest) == b"x" * 5000


# Imports trees, keeps and lands them, and says each oid aloud when it is to be believed.
IMPORTER = """
import os, sys
from pathlib import Path
from interlock.adapters.trees.entry import Entry
from interlock.adapters.trees.repository import Repository

place, run = Path(sys.argv[1]), int(sys.argv[2])
repository = Repository.create(place / "state" / "repo.git", place / "user")
base = repository.fetch_base(place / "user")
print("BASE", base.commit, flush=True)
tree, parent = base.tree, base.commit
for n in range(1000):
    writer = repository.writer()
    many = 120 if n == 3 else 4
    new = {f"d{i % 3}/f{run}-{n}-{i}".encode(): Entry(b"100644", writer.add(os.urandom(300)))
           for i in range(many)}
    writer.store()
    tree, _ = repository.write(tree, {**repository.entries(tree), **new})
    print("TREE", tree, flush=True)
    kept = repository.keep(tree, f"refs/interlock/task_{run}/{n}/start", parent=parent)
    print("KEPT", kept, flush=True)
    landed = repository.land(place / "user", f"interlock/{run}-{n}", tree, base.commit, "land")
    print("LANDED", landed, f"interlock/{run}-{n}", flush=True)
"""


def _trees_survive(power: Power, user: Path, cuts: int) -> None:
    """Import, keep and land trees until the power fails, again and again."""
    chance = random.Random(cuts)
    place = power.place
    said: list[str] = []
    for run in range(cuts):
        command = [sys.executable, "-c", IMPORTER, str(place), str(run)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            assert process.stdout is not None
            listening = threading.Thread(target=said.extend, args=(process.stdout,))
            listening.start()
            power.cut_after(chance.randrange(20, 4000))
            assert power.until_cut()
            process.kill()
            power.off(seed=chance.choice([None, run]))
            listening.join()
        power.on()
    for line in said:
        match line.split():
            case ["LANDED", commit, branch]:
                assert _git(user / ".git", "rev-parse", branch) == commit
                _whole(user / ".git", commit)
            case [_, oid]:
                _whole(place / "state" / "repo.git", oid)
    assert sum(line.startswith("LANDED") for line in said) > cuts


def test_three_power_cuts_take_nothing_from_the_repositories(power: Power, user: Path) -> None:
    _trees_survive(power, user, 3)


@pytest.mark.long
def test_thirty_power_cuts_take_nothing_from_the_repositories(power: Power, user: Path) -> None:
    _trees_survive(power, user, 30)


def test_five_power_cuts_take_nothing_from_the_records(power: Power) -> None:
    _records_survive(power, 5)


@pytest.mark.long
def test_a_hundred_power_cuts_take_nothing_from_the_records(power: Power) -> None:
    _records_survive(power, 100)
