"""Commands: bounded output, bounded time, nothing left in their process group."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.supervisor.toolhost.commands import Output

if TYPE_CHECKING:
    from tests.toolhost.conftest import Host

Eventually = Callable[[Callable[[], Any]], Any]


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] not in b"ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_run_tells_status_output_and_where_it_ran(host: Host, root: Path) -> None:
    (root / "sub").mkdir()
    ran = host.ok("run", shell='pwd; echo "$A" >&2; exit 3', cwd="sub", env={"A": "é"})
    assert (ran["rc"], ran["output"]) == (3, f"{root}/sub\né\n")
    assert (ran["timed_out"], ran["cut"], ran["background"]) == (False, 0, [])
    assert host.ok("run", argv=["sh", "-c", "kill -9 $$"])["rc"] == -9


def test_run_reads_its_body_as_standard_input(host: Host) -> None:
    data = os.urandom(1 << 20)
    assert host.ok("run", argv=["wc", "-c"], body=data)["output"].split() == [str(len(data))]
    assert host.ok("run", argv=["cat"])["output"] == ""


def test_program_that_is_not_there_is_refused_by_name(host: Host) -> None:
    assert host.refused("run", argv=["no-such-program"]) == "ENOENT"
    assert host.refused("run", argv=["true"], cwd="nowhere") == "ENOENT"
    assert host.refused("run", argv=[]) == "invalid"
    assert host.refused("run", argv=["true"], shell="true") == "invalid"
    assert host.refused("run") == "invalid"


def test_five_megabytes_of_output_keep_beginning_and_end(host: Host) -> None:
    began = time.monotonic()
    ran = host.ok("run", shell="echo first; yes | head -c 5000000; echo last", cap=200)
    assert time.monotonic() - began < 10
    assert ran["bytes"] == 5_000_011
    assert ran["cut"] == 5_000_011 - 200
    assert ran["output"].startswith("first\ny\n")
    assert ran["output"].endswith("y\nlast\n")
    assert f"[... {ran['cut']} bytes cut ...]" in ran["output"]


@given(blocks=st.lists(st.binary(max_size=50), max_size=20), cap=st.integers(0, 60))
def test_output_is_whole_or_its_two_ends(blocks: list[bytes], cap: int) -> None:
    output = Output(cap)
    for block in blocks:
        output.add(block)
    stream, half = b"".join(blocks), cap // 2
    text, cut = output.text()
    assert output.size == len(stream)
    assert cut == max(0, len(stream) - 2 * half)
    tail = stream[len(stream) - half :]
    whole = stream if not cut else stream[:half] + b"\n[... %d bytes cut ...]\n" % cut + tail
    assert text == whole.decode("utf-8", "replace")


def test_time_limit_ends_the_whole_group(host: Host, root: Path, eventually: Eventually) -> None:
    began = time.monotonic()
    ran = host.ok("run", shell="sleep 60 & echo $! > pid; wait", seconds=0.3)
    assert time.monotonic() - began < 10
    assert (ran["timed_out"], ran["rc"]) == (True, -9)
    pid = int((root / "pid").read_text())
    eventually(lambda: not alive(pid))


def test_background_child_that_holds_the_pipe_does_not_hold_the_call(
    host: Host, root: Path, eventually: Eventually
) -> None:
    began = time.monotonic()
    ran = host.ok("run", shell="sleep 60 & echo $! > pid; echo started", seconds=30)
    assert time.monotonic() - began < 10
    assert (ran["rc"], ran["output"], ran["timed_out"]) == (0, "started\n", False)
    pid = int((root / "pid").read_text())
    eventually(lambda: not alive(pid))


def test_child_that_left_the_group_is_named(host: Host, root: Path) -> None:
    script = "setsid sh -c 'echo $$ > pid; exec sleep 60' > /dev/null 2>&1 &"
    ran = host.ok("run", shell=f"{script} while ! test -s pid; do :; done")
    pid = int((root / "pid").read_text())
    assert ran["background"] == [pid]
    assert host.ok("quiesce")["killed"] == 1
    assert not alive(pid)
    assert host.ok("run", argv=["true"])["background"] == []


def test_running_command_blocks_nothing_else(host: Host, root: Path) -> None:
    async def both() -> None:
        slow = asyncio.ensure_future(
            host.client.call("run", shell="while ! test -e go; do sleep 0.01; done", seconds=30)
        )
        for n in range(20):
            await host.client.call("write", path=f"f{n}", text="")
            assert (await host.client.call("run", argv=["true"])).ok["rc"] == 0
        assert not slow.done()
        await host.client.call("write", path="go", text="")
        assert (await slow).ok["rc"] == 0

    host.run(both())


def test_many_commands_at_once_each_get_their_own_answer(host: Host) -> None:
    async def all_of_them() -> list[str]:
        calls = (host.client.call("run", argv=["echo", str(n)]) for n in range(40))
        return [reply.ok["output"] for reply in await asyncio.gather(*calls)]

    assert host.run(all_of_them()) == [f"{n}\n" for n in range(40)]


def test_too_many_commands_at_once_are_refused(host: Host, root: Path) -> None:
    async def flood() -> list[Any]:
        script = "while ! test -e go; do sleep 0.1; done"
        calls = [host.client.call("run", shell=script) for _ in range(80)]
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        (root / "go").touch()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    kinds = {getattr(outcome, "kind", "done") for outcome in host.run(flood())}
    assert kinds == {"done", "busy"}


@pytest.mark.parametrize("args", [{"seconds": 0}, {"seconds": 1e9}, {"cap": -1}, {"cap": 1 << 40}])
def test_limits_of_a_command_have_limits(host: Host, args: dict[str, Any]) -> None:
    assert host.refused("run", argv=["true"], **args) == "invalid"


def test_variables_with_impossible_names_are_refused(host: Host) -> None:
    for env in ({"": "x"}, {"A=B": "x"}, {"A": "x\0y"}):
        assert host.refused("run", argv=["true"], env=env) == "invalid"


def test_command_has_none_of_the_toolhosts_descriptors(host: Host) -> None:
    # 0, 1, 2 and the one that ls itself opens
    assert host.ok("run", argv=["ls", "/proc/self/fd"])["output"].split() == ["0", "1", "2", "3"]
