"""What the shell reader sees in a text, and what a constraint says to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.core.model import ToolConstraint
from interlock.core.policy import shell

from .workflows import at

LISTED = ToolConstraint(
    allowed_commands=("pytest", "python -m pytest", "npm test", "go test"),
    forbidden_commands=("git", "rm -rf", "curl", "wget", "npm publish"),
    position=at(44),
)
UNLISTED = ToolConstraint(forbidden_commands=("git", "rm -rf", "curl", "npm publish"))


def rule(text: str, constraint: ToolConstraint) -> str | None:
    reason = shell.decide(text, constraint)
    return reason.rule.removeprefix("command.") if reason else None


@pytest.mark.parametrize(
    "text",
    [
        "pytest",
        "pytest -q tests/test_a.py::test_b",
        "pytest -k 'a and not b'",
        "'pytest' -x",
        "python -m pytest -q",
        "python  -m\tpytest",
        "npm test -- --watch",
        "go test ./...",
        "pytest; pytest -x",
        "pytest && go test ./...",
        "pytest || npm test",
        "(pytest)",
        "{ pytest; }",
        "pytest > /dev/null 2>&1",
        "pytest 2>&1",
        "pytest < input.txt",
        "pytest $ARGS",
        "pytest tests/*.py",
        "pytest \\\n  -q",
        "pytest # and a comment",
        "CI=1 pytest",
        "timeout 60 pytest",
        "timeout -k 5 -s KILL 60 pytest",
        "time pytest",
        "env CI=1 pytest -q",
        "nice -n 5 pytest",
        "nohup pytest &",
        "bash -c 'pytest -q'",
        "bash -lc 'pytest -q && go test ./...'",
        "if pytest; then go test; fi",
        "for f in a b; do pytest $f; done",
        "! pytest",
    ],
)
def test_allowed_commands_in_every_honest_form_may_run(text: str) -> None:
    assert rule(text, LISTED) is None


@pytest.mark.parametrize(
    "text, expected",
    [
        ("ls", "not_allowed"),
        ("pytest; ls", "not_allowed"),
        ("pytest | tail -5", "not_allowed"),
        ("ls && pytest", "not_allowed"),
        ("python -m pip install x", "not_allowed"),
        ("python script.py", "not_allowed"),
        ("python -m $X", "not_allowed"),
        ("./pytest", "not_allowed"),
        ("/tmp/pytest", "not_allowed"),
        ("pytest-3", "not_allowed"),
        ("PYTEST", "not_allowed"),
        ("npm run build", "not_allowed"),
        ("sudo pytest", "not_allowed"),
        ("xargs pytest", "not_allowed"),
        ("find . -exec pytest {} +", "not_allowed"),
        ("pytest $(ls)", "not_allowed"),
        ("pytest <(ls)", "not_allowed"),
        ("[ -f x ] && pytest", "not_allowed"),
        ("export CI=1; pytest", "not_allowed"),
        ("bash run.sh", "not_allowed"),
        ("", "not_allowed"),
        ("   \n", "not_allowed"),
        ("# nothing", "not_allowed"),
        ("X=1", "not_allowed"),
        ("pytest > out.txt", "redirect"),
        ("pytest >> out.txt", "redirect"),
        ("pytest &> out.txt", "redirect"),
        ("pytest >| out.txt", "redirect"),
        ("pytest 2>err.txt", "redirect"),
        ("pytest > $OUT", "redirect"),
        ("{ pytest; } > out.txt", "redirect"),
        ("pytest > /dev/null > out.txt", "redirect"),
        ("PATH=. pytest", "opaque"),
        ("PYTHONPATH=/tmp pytest", "opaque"),
        ("PYTEST_ADDOPTS=-pevil pytest", "opaque"),
        ("LD_PRELOAD=x.so pytest", "opaque"),
        ("GIT_DIR=x pytest", "opaque"),
        ("env PATH=. pytest", "not_allowed"),
        ("PATH=.; pytest", "opaque"),
        ("for PATH in .; do pytest; done", "opaque"),
        ("pytest() { ls; }; pytest", "not_allowed"),
        ("pytest() { :; }; pytest", "not_allowed"),
        ("$CMD", "opaque"),
        ("$(echo pytest)", "not_allowed"),
        ("py*", "opaque"),
        ("~/pytest", "opaque"),
        ('bash -c "$X"', "not_allowed"),
        ("echo pytest | bash", "not_allowed"),
        ("pytest '", "opaque"),
        ("pytest (", "opaque"),
        ("pytest\r\nls", "opaque"),
        ("pytest\x00", "opaque"),
        ("pytest\u00a0-q", "opaque"),
        ("pytest \u202e", "opaque"),
    ],
)
def test_anything_else_is_denied_under_an_allow_list(text: str, expected: str) -> None:
    assert rule(text, LISTED) == expected


@pytest.mark.parametrize(
    "text",
    [
        "git push",
        "/usr/bin/git push",
        "./git push",
        "\\git push",
        "'git' push",
        '"git" push',
        "g''it push",
        'g"i"t push',
        "gi\\t push",
        "ls; git push",
        "ls && git push",
        "ls || git push",
        "ls | git apply",
        "ls |& git apply",
        "ls & git push",
        "(git push)",
        "{ git push; }",
        "! git push",
        "if true; then git push; fi",
        "while git push; do :; done",
        "for x in a; do git push; done",
        "case x in x) git push;; esac",
        "echo $(git push)",
        "echo `git push`",
        'echo "$(git push)"',
        'echo "a `git push` b"',
        "cat <(git log)",
        "tee >(git apply)",
        "x=$(git push)",
        "X=1 git push",
        "export X=$(git push)",
        "echo ${X:-$(git push)}",
        "cat <<EOF\n$(git push)\nEOF",
        "cat <<< $(git push)",
        "[[ -n $(git push) ]]",
        "git \\\n push",
        "env git push",
        "env -i A=1 git push",
        "sudo -u me git push",
        "timeout 5 git push",
        "timeout --signal=KILL 5 git push",
        "time -p git push",
        "nice git push",
        "nice -n5 git push",
        "nohup git push &",
        "command git push",
        "builtin git push",
        "stdbuf -oL git push",
        "setsid git push",
        "xargs git add",
        "xargs -n1 -I{} git add {}",
        "find . -exec git add {} \\;",
        "find . -type f -execdir git add {} +",
        "bash -c 'git push'",
        "sh -ec 'git push'",
        "bash -o pipefail -c 'git push'",
        "bash -c \"bash -c 'git push'\"",
        "timeout 5 bash -c 'env git push'",
        "busybox git",
        "git -C dir push",
        "f() { git push; }; f",
        "rm -rf x",
        "rm -fr x",
        "rm -r -f x",
        "rm x -f -r",
        "rm -Rf x",
        "rm --recursive --force x",
        "rm -r --force x",
        "rm -v -rf x",
        "npm publish",
        "npm --silent publish",
        "cat <<EOF && git push\nx\nEOF",
        "> /dev/null git push",
        "function x { git push; }",
    ],
)
def test_a_forbidden_command_is_found_wherever_it_stands(text: str) -> None:
    assert rule(text, UNLISTED) == "forbidden"
    assert rule(text, LISTED) == "forbidden"


@pytest.mark.parametrize(
    "text",
    [
        "$X push",
        "g$X push",
        "${X}",
        "`echo git`",
        "eval 'git push'",
        "source x.sh",
        ". x.sh",
        "exec git push",
        "coproc git push",
        "alias g=git",
        "trap 'git push' EXIT",
        "$'git' push",
        '$"git" push',
        "{git,push}",
        "echo git push | sh",
        "bash",
        "bash -s",
        "bash -c",
        "bash -c $X",
        "bash $X",
        "bash < x",
        "bash -i",
        "bash --rcfile x",
        "bash /dev/stdin",
        "bash <(echo git push)",
        "sh <<EOF\ngit push\nEOF",
        "cat <<EOF | sh\ngit push\nEOF",
        "env -S 'git push'",
        "timeout --unknown 5 ls",
        "time { git push; }",
        "find . $X",
        "find . -exec ls",
        "xargs rm",
        "rm $X",
        "rm -r $X",
        "npm $X publish",
        "ssh host ls",
        "su -c ls",
        "script -c ls",
        "unshare ls",
        "/lib64/ld-linux-x86-64.so.2 /bin/ls",
        "echo $((x + 1))",
        "((x++))",
        "let x=1",
        "[[ $x -eq 1 ]]",
        "echo ${x@P}",
        "echo ${!x}",
        "echo ${x[1]}",
        "x[1]=2",
        "unset 'x[$(ls)]'",
        "test -v 'x[$(ls)]'",
        "ls > a b",
        "gi\\\nt push",
        "echo $( ls",
        "ls 'x",
        "if ls; then",
        "x() { :; }",
        "ls >&$X",
        "ls >& -x",
        "ls <&x",
        "\ud800",
        "x" * 70_000,
        "echo " + "$(" * 200 + "ls" + ")" * 200,
    ],
)
def test_what_cannot_be_known_is_denied_where_something_is_forbidden(text: str) -> None:
    assert rule(text, UNLISTED) == "opaque"


@pytest.mark.parametrize(
    "text",
    [
        "ls -la",
        "echo git push",
        "echo 'git push'",
        "grep -rn git src | head -5",
        "cat git",
        "rm x",
        "rm -r build",
        "rm -f x",
        "mkdir -p build && cp -r a build/",
        "find . -name '*.py' | xargs grep -n foo",
        "find . -name '*.o' -delete",
        "cat <<'EOF' > notes.txt\n$(git push)\nEOF",
        "cat <<EOF\nplain\nEOF\nls",
        "echo a > b",
        "make -j4 2>&1 | tee build.log",
        "python -c 'print(1)'",
        'for f in *.py; do wc -l "$f"; done',
        'while read line; do echo "$line"; done < list.txt',
        "if [ -f x ]; then cat x; else echo no; fi",
        "[[ -n $x && -d y ]] && ls",
        "x=1; echo $x ${x:-2} ${x%.py}",
        "echo $((1 + 2))",
        "sed -n '1,$p' file",
        "awk '{print $1}' file",
        "grep 'x$' file",
        "diff <(sort a) <(sort b)",
        "npm run publish",
        "git-lfs version",
        "cd src && pytest -q",
        "set -euo pipefail; ls",
        "command -v rg",
        "bash tools/check.sh",
        "sleep 1 & wait",
        "printf '%s\\n' a b",
        "X=$(date) ls",
        "true; # git push",
        "",
    ],
)
def test_honest_shell_work_goes_through(text: str) -> None:
    assert rule(text, UNLISTED) is None


def test_without_lists_nothing_is_looked_at() -> None:
    assert shell.decide("eval $(", ToolConstraint()) is None


def test_words_without_a_shell_are_taken_as_they_are() -> None:
    assert shell.decide(("pytest", "a; git push"), LISTED) is None
    assert shell.decide(("bash", "-lc", "pytest; git push"), LISTED) is not None
    assert shell.decide((), LISTED) is not None
    assert shell.decide(("$X",), LISTED) is not None


def test_every_reason_is_listed_and_forbidden_decides() -> None:
    rules = [reason.rule for reason in shell.reasons("$X; ls > a; git push", LISTED)]
    assert rules == [
        "command.forbidden",
        "command.not_allowed",
        "command.not_allowed",
        "command.redirect",
        "command.opaque",
    ]


def test_a_reason_names_command_rule_line_and_what_may_run_instead() -> None:
    reason = shell.decide("timeout 5 git push origin", LISTED)
    assert reason is not None
    assert reason.facts == {"command": "git push origin", "forbidden": "git"}
    assert reason.position == at(44)
    assert "pytest" in reason.remedy


def test_a_message_never_carries_terminal_control() -> None:
    for text in ("ls '\x1b[31m'", "l\u202es", "'a\u200b'"):
        for reason in shell.reasons(text, LISTED):
            assert reason.message.isprintable()


def test_a_script_lists_commands_writes_and_what_is_opaque() -> None:
    script = shell.parse("a 'b c' \"$d\" > e; timeout 5 f; eval g > $h")
    assert [command.words for command in script.commands] == [
        ("a", "b c", None),
        ("timeout", "5", "f"),
        ("f",),
        ("eval", "g"),
    ]
    assert [command.transparent for command in script.commands] == [False, True, False, False]
    assert script.writes == ("e", None)
    assert script.opaque == ("'eval' runs a text as commands",)


# -- properties ----------------------------------------------------------------------------------


@given(st.text(max_size=60) | st.text("abgit'\"\\$`(){}[];|&<>= \n#!*?~-", max_size=40))
def test_any_text_is_read_without_an_error(text: str) -> None:
    script = shell.parse(text)
    for constraint in (LISTED, UNLISTED):
        found = shell.reasons(text, constraint)
        assert shell.decide(text, constraint) == (found[0] if found else None)
        if script.opaque:
            assert found


@st.composite
def quoted(draw: st.DrawFn, word: str) -> str:
    """The word in one of the spellings that a shell takes for it."""
    parts = []
    for char in word:
        form = draw(st.sampled_from(["{}", "'{}'", '"{}"', "\\{}", "''{}", '{}""']))
        parts.append(form.format(char))
    return "".join(parts)


WRAPPERS = [
    "{}",
    "ls; {}",
    "ls && {}",
    "ls | {}",
    "({})",
    "{{ {}; }}",
    "! {}",
    "if ls; then {}; fi",
    "for i in 1; do {}; done",
    "echo $({})",
    'echo "$({})"',
    "cat <({})",
    "env A=1 {}",
    "timeout 5 {}",
    "nice {}",
    "command {}",
    "X=1 {}",
    "> /dev/null {}",
    "{} &",
    "{} # x",
]


@given(
    command=st.sampled_from(["git push", "rm -rf x", "curl -s x", "npm publish"]).flatmap(
        lambda text: st.tuples(*map(quoted, text.split())).map(" ".join)
    ),
    wrappers=st.lists(st.sampled_from(WRAPPERS), max_size=3),
)
def test_no_quoting_or_wrapping_of_a_forbidden_command_is_allowed(
    command: str, wrappers: list[str]
) -> None:
    for wrapper in wrappers:
        command = wrapper.format(command)
    assert rule(command, UNLISTED) is not None
    assert rule(command, LISTED) is not None


@given(st.text(max_size=20))
def test_under_an_allow_list_a_text_without_an_allowed_name_never_runs(text: str) -> None:
    if "a" not in text:
        assert shell.decide(text, ToolConstraint(allowed_commands=("aaa",))) is not None
