"""The JSON Schema of a pack: ``python -m agent.pack_schema iocs/pack.schema.json`` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from .indicators import PackFile


def text() -> str:
    """The schema as it is committed."""
    schema = msgspec.json.schema(PackFile)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "iocsweep.pack/1",
    }
    return json.dumps({**head, **schema}, indent=1) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
