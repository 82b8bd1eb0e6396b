"""What never gets into the record: secrets, by what they look like and by the name they stand
under.

Redaction errs on the safe side: it takes out too much rather than too little, and it runs before a
record is sealed, because nothing can be taken out afterwards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import Final

import re2

__all__ = ["is_secret_name", "may_hold_secret", "redact"]

_NAME: Final = (
    r"(?:password|passwd|passphrase|pwd|secret|token|credentials?"
    r"|(?:api|access|private|signing|encryption)[_-]?key)"
)
_QUOTED: Final = r"""\\?"[^"]+"|\\?'[^']+'"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret.

    Args:
        name: shown in its place.
        hints: lower-case texts of which one must occur, so that the pattern is rarely tried.
        pattern: group ``keep``, if it has one, stays in front of the replacement.
    """

    name: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]

    def apply(self, text: str) -> str:
        """The text without secrets of this kind."""
        keep = r"\g<keep>" if "keep" in self.pattern.groupindex else ""
        return self.pattern.sub(rf"{keep}[redacted:{self.name}]", text)


# Every repetition is bounded or cannot overlap with what follows it: linear on hostile text.
_RULES: Final = (
    Rule(
        "private-key",
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?s:.*?)(?:-----END [A-Z0-9 ]{0,60}-----|\Z)"
        ),
    ),
    Rule("jwt", ("eyj",), re.compile(r"(?<![\w-])eyJ[\w-]{5,}\.[\w-]{2,}(?:\.[\w-]*)?")),
    Rule(
        "key",
        (
            "akia",
            "asia",
            "aiza",
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "glpat-",
            "k_live_",
            "k_test_",
            "npm_",
            "pypi-",
            "hf_",
            "sk-",
            "_pat_",
            "xox",
        ),
        re.compile(
            r"(?<![\w-])(?:(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|AIza[\w-]{30,}"
            r"|(?:gh[pousr]_|github_pat_|glpat-|[sr]k_(?:live|test)_|sk-|xox[a-z]-|npm_|pypi-|hf_)"
            r"[\w-]{16,})"
        ),
    ),
    Rule(
        "authorization",
        ("authorization", "bearer"),
        re.compile(
            r"(?i)(?P<keep>\bauthorization\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?"
            r"(?:(?:basic|bearer|digest|token)\s{1,3})?|\bbearer\s{1,3})[^\s\"'\\,;]{6,}"
        ),
    ),
    Rule(
        "password",
        ("://",),
        re.compile(r"(?P<keep>://[^\s/:@\"']{0,100}:)[^\s/@\"']{1,200}(?=@)"),
    ),
    Rule(
        "variable",
        ("pass", "pwd", "secret", "token", "credential", "key"),
        re.compile(
            r"(?P<keep>(?:PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|TOKEN|CREDENTIALS?|KEY|PASS)"
            rf"[A-Z0-9_]{{0,40}}=)(?!\[redacted:)(?:{_QUOTED}|[^\s\"'\\;&|]+)"
        ),
    ),
    Rule(
        "field",
        ("passw", "passphrase", "pwd", "secret", "token", "credential", "key"),
        re.compile(
            rf"(?i)(?P<keep>{_NAME}[\w-]{{0,40}}\\?[\"']?\s{{0,3}}[:=]{{1,2}}\s{{0,3}}"
            rf"|--[\w-]{{0,40}}{_NAME}[\w-]{{0,40}}[ =])(?!\[redacted:)"
            rf"(?:{_QUOTED}|[^\s\"'\\,;&|)(]{{6,}})"
        ),
    ),
)

_SECRET_NAME: Final = re.compile(rf"(?i)(?:{_NAME}|authorization|cookie|secrets)$")


# "cookie" stands in no rule's hints, but among the names above. RE2 looks for all at once.
_HINTS: Final = re2.compile(
    "(?i)" + "|".join(re2.escape(hint) for hint in (*chain(*(r.hints for r in _RULES)), "cookie"))
)


def may_hold_secret(text: bytes) -> bool:
    """Whether anything here could be redacted, or be a secret's name; quick, and never a false no.

    Args:
        text: ASCII, where lower case is all that a pattern without case could match.
    """
    return _HINTS.search(text) is not None


def redact(text: str) -> str:
    """The text with everything that looks like a secret replaced by ``[redacted:KIND]``."""
    lowered = text.lower()
    for rule in _RULES:
        for hint in rule.hints:
            if hint in lowered:
                text = rule.apply(text)
                break
    return text


def is_secret_name(name: str) -> bool:
    """Whether what stands under that name is a secret whatever it looks like (``api_key``)."""
    return _SECRET_NAME.search(name) is not None
