"""Names, addresses and URLs as reports write them so that nobody follows them: ``hxxps``, ``[.]``.

No host holds them so: an indicator that is written defanged can never match.
"""

from __future__ import annotations

import re

_LETTER = r"[\w\u0080-\U0010ffff]"
"""Of any script; the signs of vowels and accents are none to an expression."""


def _between(spelling: str) -> re.Pattern[str]:
    return re.compile(f"(?i)(?<={_LETTER}){spelling}(?={_LETTER})")


_SPELLINGS = (
    (re.compile(r"(?i)\bh(?:xx|\*\*)ps(?=\[?:)"), "https"),
    (re.compile(r"(?i)\bh(?:xx|\*\*)p(?=\[?:)"), "http"),
    (re.compile(r"(?i)\bf(?:x|\*)p(?=\[?:)"), "ftp"),
    (re.compile(r"\[(://|:|/)\]"), r"\1"),
    (_between(r" ?(?:\[(?:\.|dot)\]|\((?:\.|dot)\)|\{(?:\.|dot)\}) ?"), "."),
    (_between(r"(?:\[\.|\.\])"), "."),
    (_between(r" ?(?:\[(?:@|at)\]|\((?:@|at)\)|\{(?:@|at)\}) ?"), "@"),
)

_MAY_BE = re.compile(r"[\[\](){}:]")
"""One of them stands in each spelling."""


def refanged(text: str) -> str:
    """As it stands on a host: ``hxxps://evil[.]example`` is ``https://evil.example``. What is
    not written defanged stays as it is."""
    if not _MAY_BE.search(text):
        return text
    for spelling, plain in _SPELLINGS:
        text = spelling.sub(plain, text)
    return text
