"""The rows of ``launchers``: which programs start other programs, and how their words are read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "DANGEROUS_VARIABLES",
    "EMBEDDED",
    "FROM_OUTSIDE",
    "LAUNCHERS",
    "LOADER",
    "NAMING",
    "NAMING_AFTER_V",
    "OPAQUE",
    "SHELLS",
    "SHELL_FLAGS",
    "SHELL_LONG_FLAGS",
    "SPECIAL",
    "Launcher",
    "split",
]


def split(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Launcher:
    """How to find the command in the words of a launcher.

    Args:
        valued: options that take a value.
        flags: options that take none.
        operands: words before the command.
        assignments: whether NAME=VALUE may stand before the command.
        transparent: it does nothing but start the command.
        more_words: it adds words of its own behind the command.
    """

    valued: frozenset[str] = field(default_factory=frozenset)
    flags: frozenset[str] = field(default_factory=frozenset)
    operands: int = 0
    assignments: bool = False
    transparent: bool = True
    more_words: bool = False


def _row(
    valued: str = "",
    flags: str = "",
    operands: int = 0,
    *,
    assignments: bool = False,
    transparent: bool = True,
    more_words: bool = False,
) -> Launcher:
    return Launcher(split(valued), split(flags), operands, assignments, transparent, more_words)


LAUNCHERS: Final[dict[str, Launcher]] = {
    "env": _row(
        "-u --unset -C --chdir", "-i - --ignore-environment -0 --null -v --debug", assignments=True
    ),
    "timeout": _row(
        "-k --kill-after -s --signal", "--preserve-status --foreground -v --verbose", 1
    ),
    "time": _row("-f --format -o --output", "-p --portability -v --verbose -a --append -q --quiet"),
    "nice": _row("-n --adjustment"),
    "ionice": _row("-c --class -n --classdata", "-t --ignore"),
    "nohup": _row(),
    "setsid": _row("", "-c --ctty -f --fork -w --wait"),
    "stdbuf": _row("-i --input -o --output -e --error"),
    "taskset": _row("", "-c --cpu-list", 1),
    "chrt": _row("", "-o -b -f -r -i --other --batch --fifo --rr --idle", 1),
    "command": _row("", "-p"),
    "builtin": _row(),
    "!": _row(),
    "sudo": _row(
        "-u --user -g --group -C -D --chdir -h --host -p --prompt -r --role -t --type -T",
        "-E -H -n -S -k -K -P -A -b -B --preserve-env --non-interactive --set-home --stdin",
        assignments=True,
        transparent=False,
    ),
    "doas": _row("-u -C", "-n -L", transparent=False),
    "busybox": _row(transparent=False),
    "toybox": _row(transparent=False),
    "xargs": _row(
        "-n --max-args -L --max-lines -P --max-procs -s --max-chars -d --delimiter -E -a "
        "--arg-file -I --replace",
        "-0 --null -r --no-run-if-empty -t --verbose -p --interactive -x --exit",
        transparent=False,
        more_words=True,
    ),
}

SHELLS: Final = split("sh bash dash zsh ksh ksh93 mksh ash rbash fish yash posh")
SHELL_FLAGS: Final = frozenset("ceuxlvnahmfC")
SHELL_LONG_FLAGS: Final = split("--login --noprofile --norc --posix --verbose")
FROM_OUTSIDE: Final = re.compile(r"-|/dev/(?:stdin|fd/.*|tty.*)|/proc/.*")

_WHY_OPAQUE: Final = {
    "runs a text as commands": "eval source . trap",
    "replaces or doubles the shell": "exec coproc",
    "changes what names mean to the shell": (
        "alias enable hash shopt bind complete compgen fc history"
    ),
    "evaluates arithmetic, which can run commands": "let",
    "is a word of the shell's grammar in an odd place": (
        "{ } ( ) if then else elif fi while until do done for select case esac in [[ ]] function"
    ),
    "hands its words to another program": (
        "su runuser ssh script watch parallel unshare nsenter setpriv chroot at batch crontab "
        "systemd-run flock strace ltrace gdb expect unbuffer screen tmux socat dtach bwrap "
        "firejail proot fakeroot entr capsh start-stop-daemon pkexec numactl catchsegv"
    ),
}
OPAQUE: Final = {name: why for why, names in _WHY_OPAQUE.items() for name in split(names)}
"""Program → why nobody can know what it runs."""

# Builtins that take names of variables and evaluate array subscripts in them: unset 'a[$(rm x)]'.
NAMING: Final = split("declare typeset local export readonly unset read mapfile readarray getopts")
# These do so after -v alone.
NAMING_AFTER_V: Final = frozenset({"test", "[", "printf"})
EMBEDDED: Final = re.compile(r"\$\(|`|\$\{|\$\[|<\(|>\(")
"""Text that runs a command where the shell evaluates it a second time."""
LOADER: Final = re.compile(r"ld(?:-linux.*|-musl.*)?\.so.*|ld-[0-9.]+\.so")

DANGEROUS_VARIABLES: Final = re.compile(
    r"PATH|CDPATH|IFS|ENV|BASH_.*|SHELLOPTS|BASHOPTS|PS[0-4]|PROMPT_COMMAND|LD_.*|DYLD_.*"
    r"|GCONV_PATH"
    r"|GIT_.*|PYTEST_.*"
    r"|PYTHON(?:PATH|HOME|STARTUP|USERBASE|INSPECT|BREAKPOINT|EXECUTABLE|PYCACHEPREFIX)"
    r"|COVERAGE_.*|NODE_(?:OPTIONS|PATH)|NPM_CONFIG_.*|npm_config_.*|PERL5.*|RUBY(?:OPT|LIB)"
    r"|GO(?:FLAGS|ROOT|PATH|TOOLCHAIN|WORK|ENV)|CARGO_.*|RUSTC.*|RUSTFLAGS|CC|CXX|LD|AR|MAKEFLAGS"
    r"|MAKEFILES|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|EDITOR|VISUAL|PAGER|LESSOPEN"
    r"|LESSCLOSE|SHELL|HOME|XDG_CONFIG_.*|TERMINFO|SSH_ASKPASS|ORCHESTRATOR_.*|INTERLOCK_.*"
)
"""Variables that decide which programs run or what they load."""

SPECIAL: Final = (
    SHELLS
    | LAUNCHERS.keys()
    | OPAQUE.keys()
    | NAMING
    | NAMING_AFTER_V
    | split("find fd fdfind git")
)
"""Every program whose words mean more than arguments; all others are ordinary."""
