"""What goes wrong, in words for people: no numbers of the C library, no lines of its source."""

from __future__ import annotations

import json
import re

from .. import __version__
from .escape import shown

MAX_LINE = 1500
"""Characters of the line that deployment tools keep."""
_MAX_ERROR = 300
_NUMBER = re.compile(r"\[(?:Errno|WinError) -?[0-9]+\] ")
_SSL = re.compile(r"^\[[A-Z0-9_: ]+\] | ?\(_ssl\.c:[0-9]+\)")


def plain(error: BaseException) -> str:
    """Why, on one line: what the system says of an error of its own, or else its text."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = _NUMBER.sub("", " ".join(str(said).split()))
    return shown(_SSL.sub("", text)) or type(error).__name__


def failure_line(why: str, code: int) -> str:
    """In place of the summary line where there was no sweep: JSON, ASCII, its keys those of one,
    and no longer."""
    first = why.partition("\n")[0][:_MAX_ERROR]
    while True:
        line = {"v": 1, "verdict": None, "exit": code, "error": first, "agent": __version__}
        text = json.dumps(line, ensure_ascii=True, separators=(",", ":"))
        if len(text) <= MAX_LINE:
            return text
        first = first[: len(first) * 3 // 4]
