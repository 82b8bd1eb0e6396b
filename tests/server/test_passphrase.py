"""The passphrase as it is kept: slow to try, readable by its owner alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from interlock.server.passphrase import set_passphrase

MEMORY = 64 << 20


def test_a_passphrase_is_kept_as_scrypt_with_a_salt_of_its_own(tmp_path: Path) -> None:
    kept = []
    for name in ("a", "b"):
        set_passphrase(tmp_path / name, "correct horse")
        record = json.loads((tmp_path / name).read_text())
        assert set(record) == {"salt", "key"}
        salt = bytes.fromhex(record["salt"])
        assert len(salt) >= 16
        slow = hashlib.scrypt(
            b"correct horse", salt=salt, n=1 << 15, r=8, p=1, maxmem=MEMORY, dklen=32
        )
        assert record["key"] == slow.hex()
        kept.append(record)
    assert kept[0] != kept[1]


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o755)
    file = tmp_path / "keys" / "passphrase.json"
    file.touch(0o644)
    set_passphrase(file, "correct horse")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "correct horse" not in file.read_text()
