"""Ids, and which build of the agent is running."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import uuid
from datetime import datetime
from pathlib import Path

from .. import __version__
from ..model.report import Agent


def new_report_id(when: datetime) -> str:
    """A UUIDv7 (RFC 9562, 5.7): sorts by time, random otherwise."""
    milliseconds = int(when.timestamp() * 1000) & ((1 << 48) - 1)
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & ((1 << 62) - 1)
    return str(uuid.UUID(int=value))


def running_agent() -> Agent:
    """What the report says of the program: from ``build.json`` inside the exe, or ``source``."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is None:
        return Agent(version=__version__, build="source")
    facts = json.loads((Path(bundle) / "build.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256()
    with Path(sys.executable).open("rb") as exe:
        while block := exe.read(1 << 20):
            digest.update(block)
    return Agent(
        version=__version__, build=facts["build"], form=facts["form"], sha256=digest.hexdigest()
    )
