"""``interlock person``: other people than the owner, by name."""

from __future__ import annotations

from tests.cli.conftest import PASSPHRASE, Shell


def test_people_are_named_with_a_passphrase_of_their_own(unserved: Shell) -> None:
    shell = unserved
    word = ("--passphrase-file", str(shell.passphrase))
    assert shell.json("person", "list").json == []
    assert shell.json("person", "add", "ada", *word).json == {"name": "ada"}
    assert shell.json("person", "list").json == ["ada"]
    file = shell.layout.people / "ada.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert PASSPHRASE not in file.read_text()
    assert shell.json("person", "add", "ada", *word).code == 6
    for name in ("owner", "../ada", "Ada", ""):
        assert shell.json("person", "add", name, *word).code == 7
    short = shell.root / "short"
    short.write_text("short")
    assert shell.json("person", "add", "bob", "--passphrase-file", str(short)).code == 7
    assert shell.json("person", "add", "bob").code == 4
    assert shell.json("person", "remove", "bob").code == 5
    assert "--as ada" in shell.interlock("person", "add", "eve", *word).out.replace("eve", "ada")
    assert shell.json("person", "remove", "ada").code == 0
    assert shell.json("person", "list").json == ["eve"]
