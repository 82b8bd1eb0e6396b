"""The walker runs as the agent: whatever it says, only a tree that may land comes of it."""

from __future__ import annotations

import pytest
from tests.trees.support import ANYTHING, Project, body, causes, manifest, only_below, told

from interlock.adapters.trees import Import
from interlock.adapters.trees.objects import blob_oid
from interlock.errors import InterlockError, InternalError, InvalidInputError, TooLargeError

X = blob_oid(b"x")


def honest(project: Project, tree: str = "") -> dict[bytes, tuple[bytes, bytes]]:
    """What a walker says of an untouched tree."""
    entries = project.repository.entries(tree or project.base.tree)
    return {path: (entry.mode, entry.oid) for path, entry in entries.items()}


LIES: dict[str, bytes] = {
    "absolute": b"100644 %b /etc/passwd\0" % X,
    "above": b"100644 %b src/../../x\0" % X,
    "dot": b"100644 %b src/./x\0" % X,
    "empty part": b"100644 %b src//x\0" % X,
    "empty path": b"100644 %b \0" % X,
    "trailing slash": b"100644 %b src/x/\0" % X,
    "repository": b"100644 %b .git/config\0" % X,
    "submodule": b"160000 %b src/x\0" % X,
    "directory": b"040000 %b src/x\0" % X,
    "setuid": b"104755 %b src/x\0" % X,
    "short oid": b"100644 %b src/x\0" % X[:39],
    "oid that is an option": b"100644 --output=%b src/x\0" % X[:31],
    "upper case oid": b"100644 %b src/x\0" % X.upper(),
    "twice": b"100644 %b src/x\0" % X * 2,
    "below a file": b"100644 %b src/m.py/x\0" % X,
    "file and directory": b"100644 %b src/pkg\0" % X,
    "no oid": b"100644 src\0",
    "no fields": b"x\0",
}


@pytest.mark.parametrize("said", LIES.values(), ids=LIES)
def test_impossible_record_is_an_error(project: Project, said: bytes) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    with pytest.raises(InvalidInputError) as caught:
        told(todo, manifest(honest(project)).rstrip(b"\0") + b"\0" + said + b"\0\0")
    assert caught.value.code == "IL-TRE-014"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"100644 %b src/x" % X,
        b"100644 %b src/x\0" % X,
        b"\0no path",
        b"\0no path\0",
        b"\0why\n../x\0",
        b"\0why\nx\0why\nx\0",
        b"100644 %b x\0\0why\nx\0" % X,
        b"\0\0\0",
        b"\0\0new",
        b"\0\0a/b\0",
        b"\0\0../x\0",
        b"\0\0src\0",
        b"\0\0.git\0",
        b"\0why\nx\0\0x\0",
        b"100644 %b x\0\0\0x\0" % X,
    ],
)
def test_broken_frame_is_an_error(project: Project, said: bytes) -> None:
    with pytest.raises(InvalidInputError):
        told(Import(project.repository, project.base.tree, ANYTHING), said)


def test_a_walker_that_names_directories_without_end_is_ended(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    todo.directories()
    asked = todo.manifest(manifest(honest(project), closed=[b"d"]))
    path = b"d"
    for _ in range(63):
        path += b"/d"
        assert asked == path[:-2] + b"\0\0"
        asked = todo.manifest(manifest({}, closed=[path]))
    with pytest.raises(InvalidInputError):
        todo.manifest(manifest({}, closed=[path + b"/d"]))


def test_a_path_that_is_too_deep_does_not_land(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    asked: bytes | None = todo.directories()
    path = b"d"
    files = honest(project)
    while path.count(b"/") < 64:
        asked = todo.manifest(manifest(files, closed=[path]))
        path, files = path + b"/d", {}
    assert asked == path[:-2] + b"\0\0"
    with pytest.raises(InternalError):
        todo.finish()
    assert todo.manifest(manifest({path: (b"100644", X)})) is None
    assert todo.wanted() == []
    imported = todo.finish()
    assert (imported.tree, len(imported.refused)) == (project.base.tree, 1)


def test_a_directory_of_the_base_is_not_left_out(project: Project) -> None:
    """Else a rule that ignores it would make a deletion of all that the base has there."""
    tree = project.repository.replace(project.base.tree, {".gitignore": b"docs/\n"})
    files = {path: of for path, of in honest(project, tree).items() if path[:5] != b"docs/"}
    todo = Import(project.repository, tree, ANYTHING)
    todo.directories()
    with pytest.raises(InvalidInputError):
        todo.manifest(manifest(files, closed=[b"docs"]))


def test_content_under_a_false_name_is_refused(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    files = honest(project) | {b"src/x": (b"100644", X), b"src/m.py": (b"100644", X)}
    assert told(todo, manifest(files)) == [X]
    todo.blob(X, b"something else")
    imported = todo.finish()
    assert imported.tree == project.base.tree
    assert causes(imported) == dict.fromkeys(("src/m.py", "src/x"), "changed while it was read")


def test_content_that_never_comes_is_refused(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    told(todo, manifest(honest(project) | {b"src/x": (b"100644", X)}))
    assert causes(todo.finish()) == {"src/x": "its content did not arrive"}


def test_content_that_nobody_asked_for_is_an_error(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    told(todo, manifest(honest(project)))
    with pytest.raises(InvalidInputError):
        todo.blob(X, b"x")


@pytest.mark.parametrize(
    "reply", [b"", b"\0", b"\0\0\0\x09x", body([b"x", b"y"])], ids=["none", "cut", "short", "more"]
)
def test_reply_that_is_not_what_was_asked_for_is_an_error(project: Project, reply: bytes) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    wanted = told(todo, manifest(honest(project) | {b"src/x": (b"100644", X)}))
    with pytest.raises(InvalidInputError):
        todo.receive(wanted, reply)


def test_reply_may_end_early(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    y = blob_oid(b"y")
    wanted = told(
        todo, manifest(honest(project) | {b"src/x": (b"100644", X), b"src/y": (b"100644", y)})
    )
    left = todo.receive(wanted, body([b"x"]))
    assert left == [y]
    assert todo.receive(left, body([b"y"])) == []
    assert len(todo.finish().changes) == 2


def test_contents_of_forbidden_paths_are_not_even_asked_for(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, only_below("src/"))
    assert told(todo, manifest(honest(project) | {b"docs/x": (b"100644", X)})) == []


def test_known_content_becomes_no_outward_link(project: Project) -> None:
    """A file of the base says where a link would lead: asked or not, its target is looked at."""
    tree = project.repository.replace(project.base.tree, {"src/target.txt": b"/etc/passwd"})
    oid = project.repository.entries(tree)[b"src/target.txt"].oid
    files = honest(project, tree)
    todo = Import(project.repository, tree, ANYTHING)
    assert told(todo, manifest(files | {b"src/x": (b"120000", oid)})) == []
    assert causes(todo.finish()) == {"src/x": "a link that may lead out of the tree"}


def test_one_oid_as_file_and_as_link_is_looked_at_as_both(project: Project) -> None:
    oid = blob_oid(b"/etc/passwd")
    todo = Import(project.repository, project.base.tree, ANYTHING)
    told(todo, manifest(honest(project) | {b"src/f": (b"100644", oid), b"src/l": (b"120000", oid)}))
    todo.blob(oid, b"/etc/passwd")
    imported = todo.finish()
    assert list(imported.refused) == ["src/l"]
    assert [change.path for change in imported.changes] == ["src/f"]


def test_empty_manifest_deletes_only_what_may_be_deleted(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, only_below("src/"))
    told(todo, b"\0\0")
    assert {change.path.split("/")[0] for change in todo.finish().changes} == {"src"}


def test_reasons_of_the_walker_are_plain_text(project: Project) -> None:
    todo = Import(project.repository, project.base.tree, ANYTHING)
    told(todo, manifest(honest(project), {b"src/x": b"\x1b[31m" + b"y" * 1000}))
    (reason,) = todo.finish().refused.values()
    assert reason.isprintable()
    assert len(reason) <= 200


def test_oversized_manifest_is_an_error(project: Project) -> None:
    with pytest.raises(TooLargeError):
        told(Import(project.repository, project.base.tree, ANYTHING), bytes((128 << 20) + 1))


@pytest.mark.parametrize("seed", range(60))
def test_noise_is_an_error_and_nothing_worse(project_readonly: Project, seed: int) -> None:
    import random

    noise = random.Random(seed)
    said = bytearray(manifest(honest(project_readonly), {b"src/z": b"no"}))
    for _ in range(noise.randint(1, 4)):
        said[noise.randrange(len(said))] = noise.choice(b"\0\n /.10a\xff")
    todo = Import(project_readonly.repository, project_readonly.base.tree, lambda path: "no")
    try:
        told(todo, bytes(said))
        imported = todo.finish()
    except InterlockError:
        return
    assert imported.tree == project_readonly.base.tree
