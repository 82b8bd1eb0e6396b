"""Settings: which place wins, where each value came from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from interlock.errors import InvalidInputError
from interlock.server.settings import SETTINGS, Settings, variable


def config(place: Path, text: str) -> Path:
    file = place / "config.yaml"
    file.write_text(text)
    return file


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path / "none.yaml", {})
    assert {key: s.value for key, s in settings.all().items()} == {
        "api.host": "127.0.0.1",
        "api.port": 8000,
        "enforcement.mode": "strict",
        "jwt.expiry_seconds": 7200,
    }
    assert {s.origin for s in settings.all().values()} == {"default"}


def test_the_environment_wins_over_the_file_and_both_are_named(tmp_path: Path) -> None:
    file = config(tmp_path, "api: {port: 9000, host: localhost}\n")
    settings = Settings.load(file, {"ORCHESTRATOR_API_PORT": "9100"})
    found = settings.all()
    assert (found["api.port"].value, found["api.port"].origin) == (9100, "ORCHESTRATOR_API_PORT")
    assert (found["api.host"].value, found["api.host"].origin) == ("127.0.0.1", str(file))
    assert settings["jwt.expiry_seconds"] == 7200


def test_every_setting_has_its_variable() -> None:
    assert {key: variable(key) for key in SETTINGS} == {
        "api.host": "ORCHESTRATOR_API_HOST",
        "api.port": "ORCHESTRATOR_API_PORT",
        "enforcement.mode": "ORCHESTRATOR_ENFORCEMENT_MODE",
        "jwt.expiry_seconds": "ORCHESTRATOR_JWT_EXPIRY_SECONDS",
    }


@pytest.mark.parametrize(
    "text, word",
    [
        ("api: {prot: 1}", "api.prot"),
        ("nothing: {}\napi: 3", "api"),
        ("api: {port: true}", "api.port"),
        ("api: {port: 65536}", "api.port"),
        ("api: {port: -1}", "api.port"),
        ("api: {port: 80.5}", "api.port"),
        ("api: {port: }", "api.port"),
        ("api: {host: 0.0.0.0}", "api.host"),
        ("api: {host: 127.0.0.1.evil.example}", "api.host"),
        ("api: {host: 10.0.0.1}", "api.host"),
        ("enforcement: {mode: Strict}", "enforcement.mode"),
        ("enforcement: {mode: off}", "enforcement.mode"),
        ("jwt: {expiry_seconds: 0}", "jwt.expiry_seconds"),
        ("jwt: {expiry_seconds: 1e9}", "jwt.expiry_seconds"),
        ("[1, 2]", "mapping"),
        ("text", "mapping"),
        ("a: {b", "config.yaml"),
        ("!!python/object/apply:os.system ['true']", "config.yaml"),
        ("\x00", "config.yaml"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_file(tmp_path: Path, text: str, word: str) -> None:
    file = config(tmp_path, text)
    with pytest.raises(InvalidInputError) as caught:
        Settings.load(file, {})
    assert str(file) in caught.value.message
    assert word in caught.value.message
    assert caught.value.exit_code == 7


def test_a_variable_that_does_not_fit_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="ORCHESTRATOR_API_PORT"):
        Settings.load(tmp_path / "none.yaml", {"ORCHESTRATOR_API_PORT": "http"})


def test_a_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").mkdir()
    with pytest.raises(InvalidInputError):
        Settings.load(tmp_path / "config.yaml", {})


@pytest.mark.parametrize("mode", ["permissive", "advisory"])
def test_a_weaker_mode_is_said_with_its_place(tmp_path: Path, mode: str) -> None:
    file = config(tmp_path, f"enforcement: {{mode: {mode}}}\n")
    (notice,) = Settings.load(file, {}).notices()
    assert mode in notice
    assert notice.startswith("ENFORCEMENT MAY BE LESS THAN STRICT")
    assert str(file) in notice
    assert Settings.load(tmp_path / "none.yaml", {}).notices() == ()
