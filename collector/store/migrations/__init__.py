"""Numbered SQL files per engine; each is applied once, in order, in a transaction of its own."""

from __future__ import annotations

import re
from importlib import resources
from typing import Literal

Engine = Literal["sqlite", "postgresql"]


def migrations(engine: Engine) -> list[tuple[int, str, list[str]]]:
    """Number, file name and statements of each, in order."""
    folder = resources.files(__package__) / engine
    found = []
    for file in folder.iterdir():
        number = re.match(r"(\d{4})_[a-z0-9_]+\.sql$", file.name)
        if number:
            found.append((int(number[1]), file.name, _statements(file.read_text("utf-8"))))
    return sorted(found)


def _statements(sql: str) -> list[str]:
    """The files hold no semicolon but those that end a statement."""
    lines = (line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    return [part.strip() for part in "\n".join(lines).split(";") if part.strip()]
