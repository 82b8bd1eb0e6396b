"""A socket that lies deeper than the kernel's limit is bound and reached all the same."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from interlock.unixpath import within_limit


@pytest.mark.parametrize("depth", [0, 1, 12])
def test_a_socket_is_bound_and_reached_at_any_depth(tmp_path: Path, depth: int) -> None:
    directory = tmp_path.joinpath(*["a-long-directory-name"] * depth)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "door.sock"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        with within_limit(path) as name:
            server.bind(name)
        server.listen()
        assert path.is_socket()
        with within_limit(str(path)) as name:
            client.connect(name)
