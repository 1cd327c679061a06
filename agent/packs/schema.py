"""The JSON Schema of a pack: ``python -m agent.packs.schema iocs/pack.schema.json`` writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ..indicators import PackFile
from ..output.schema import schema_of


def text() -> str:
    """The schema as it is committed."""
    schema = schema_of(PackFile)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "iocsweep.pack/1",
    }
    return json.dumps({**head, **schema}, indent=1) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
