"""A real bash as the judge: what the policy lets through must not run the forbidden program.

Random texts out of shell tokens are decided first; those that are let through are run in bash, with
a ``PATH`` of stubs only. If ``boom`` leaves its mark, the reader saw less than the shell ran.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.core.model import ToolConstraint
from interlock.core.policy import shell


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FORBIDDEN = ToolConstraint(forbidden_commands=("boom",))
ALLOWED = ToolConstraint(
    allowed_commands=words("ok echo cat : true test [ export read set printf xargs env find sleep")
)
TOOLS = words("cat env xargs timeout nice nohup bash sh find test printf sleep")
TOKENS = [
    *words("boom bo om b o m ok echo cat ' \" \\ $ ` ( ) { } [ ] [[ ]] (( )) ; & | && || < > <<"),
    *words("<<- <<< EOF # ! * ? ~ = a= $a ${a $( <( >( $(( 2>&1 >f if then fi for in do done"),
    *words("while case esac function time eval sh env xargs nice nohup -n 1 'boom' \"boom\" $' ,"),
    *words(": @ % ^ + - x a true export read $1 $@ unset printf test -v 'a[$(boom)]' declare let"),
    *words("coproc \\; {} ;; exec trap select until é &> |& >& <& command builtin EO 'EOF' \\EOF"),
    *words("!( @( -c -eq -i boom) $[ := PATH= () {a,boom}"),
    *["bash -c", "timeout 1", "find . -exec", "set --", "x() ", "\\\n", "boom\nEOF\n", "\nEOF\n"],
    *["\n", "\t", " ", " ", " ", "\r", "\x0b", "\u00a0"],
]


class Bash:
    """A folder with stubs, in which texts are run."""

    def __init__(self, root: Path) -> None:
        self.mark, self.bin, self.cwd = root / "mark", root / "bin", root / "cwd"
        self.bin.mkdir()
        self.cwd.mkdir()
        for name, body in (("boom", f": > {self.mark}"), ("ok", ":")):
            (self.bin / name).write_text(f"#!/bin/sh\n{body}\n")
            (self.bin / name).chmod(0o755)
        for name in TOOLS:
            if real := shutil.which(name):
                (self.bin / name).symlink_to(Path(real).resolve())

    def runs_boom(self, text: str) -> bool:
        self.mark.unlink(missing_ok=True)
        # A file that one text wrote must not be the script that the next one runs.
        shutil.rmtree(self.cwd)
        self.cwd.mkdir()
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [str(self.bin / "bash"), "-c", text],
                env={"PATH": str(self.bin), "HOME": str(self.cwd), "LC_ALL": "C.UTF-8"},
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=5,
                check=False,
            )
        return self.mark.exists()


@pytest.fixture
def bash(tmp_path: Path) -> Bash:
    if not shutil.which("bash"):
        pytest.skip("NOT RUN: there is no bash on this machine")
    return Bash(tmp_path)


def texts(seed: int, count: int) -> Iterator[str]:
    chance = random.Random(seed)
    for _ in range(count):
        text = "".join(
            chance.choice(TOKENS) + (" " if chance.random() < 0.45 else "")
            for _ in range(chance.randint(1, 9))
        )
        if "boom" not in text and chance.random() < 0.8:
            text += chance.choice([" boom", ";boom", "\nboom", "boom"])
        yield text


def missed(bash: Bash, seed: int, count: int) -> list[str]:
    """Texts that were let through and ran boom all the same."""
    return [
        text
        for text in texts(seed, count)
        if (shell.decide(text, FORBIDDEN) is None or shell.decide(text, ALLOWED) is None)
        and bash.runs_boom(text)
    ]


def test_the_stub_of_the_forbidden_program_leaves_its_mark(bash: Bash) -> None:
    assert bash.runs_boom("b''oom")
    assert not bash.runs_boom("echo boom")


@pytest.mark.parametrize("seed", [1, 2])
def test_no_random_text_runs_a_forbidden_program(bash: Bash, seed: int) -> None:
    assert missed(bash, seed, 2000) == []


@pytest.mark.long
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", range(100, 110))
def test_no_random_text_runs_a_forbidden_program_however_many(bash: Bash, seed: int) -> None:
    assert missed(bash, seed, 50_000) == []


# Each was let through by an earlier version of the reader and ran boom.
@pytest.mark.parametrize(
    "text",
    [
        ">&EO'a[$(boom)]'[[",
        "bash -c - boom",
        "\n x EO nice =~ \nboom",
        "command~ =~ \nboom",
        "b   &>$\nboom",
        ",<<<\\\t \nboom",
        ">f<<< 'EOF'echo}\\EOF  boom",
        "&> 'EOF'\\;if  boom",
        "^= $acat+ while é$\\ \nboom",
        "envcommand command ]]\\ # theno& boom",
        "x='a[$(boom)]'; echo $((x))",
        "a[0]=1; unset 'a[$(boom)]'",
        "x='$(boom)'; echo ${x@P}",
        "x='a[$(boom)]'; [[ x -eq 1 ]]",
        "test -v 'a[$(boom)]'",
        "cat <<EOF\n$(boom)\nEOF",
        "cat <<EOF\n`boom`\nEOF",
        "cat <<E\\\nOF\nx\nEOF\nboom",
        "bo\\\nom",
        "<& -boom",
        "nohupa=\\\n  boom",
        "boom-c \nEOF\n\\\n 'boom' b",
        "time { boom; }",
        "find . -exec boom \\;",
        "find . -exec sh -c 'boom' \\;",
        "echo boom | xargs -I{} sh -c {}",
        "echo boom | sh",
        "env -S 'boom x'",
        "timeout -s KILL 5 boom",
        "a=boom; $a",
        "{boom,x}",
        "b{oom,}",
        "$'bo\\x6fm'",
        "eval bo''om",
        "trap boom EXIT",
        "exec boom",
        "coproc boom; wait",
        "f() { boom; }; f",
        "BASH_ENV=<(echo boom) bash -c :",
        "bash <<< boom",
        "sh <<E\nboom\nE",
        "command boom",
        "! boom",
        "nice -n 1 boom",
        ": $(boom)",
        ": <(boom); sleep 0.1",
        "case x in $(boom)) ;; esac",
        "for i in $(boom); do :; done",
        "((a[$(boom)]))",
        "a[$(boom)]=1",
        "echo ${x:-$(boom)}",
        "declare x=$(boom)",
        "read 'a[$(boom)]' <<< 1",
        "printf -v 'a[$(boom)]' x",
        "set -- 'a[$(boom)]'; echo $(($1))",
    ],
)
def test_texts_that_run_boom_are_denied(bash: Bash, text: str) -> None:
    assert bash.runs_boom(text), "the text has lost its point"
    assert shell.decide(text, FORBIDDEN) is not None
    assert shell.decide(text, ALLOWED) is not None
