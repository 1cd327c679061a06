"""Findings that a destination refused for good: counted, logged, and kept for a person to look at.

One NDJSON file per output, bounded: when it is full, the older half of it is dropped (one file
``.old`` is kept).
"""

from __future__ import annotations

import logging
import os
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from .output import Item

log = logging.getLogger(__name__)
MAX_BYTES = 16 * 1024 * 1024


class DeadLetters:
    """``path`` None: counted and logged only."""

    def __init__(self, path: Path | None, name: str, *, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.count = 0
        self._name = name
        self._max_bytes = max_bytes

    def bury(self, item: Item, reason: str, document: object) -> None:
        """Pass one finding over. A file that cannot be written is logged, not raised."""
        self.count += 1
        log.error(
            "output %s: finding %s of report %s refused: %s",
            self._name, item.id, item.report.report_id, reason,
        )  # fmt: skip
        if self.path is None:
            return
        line = msgspec.json.encode(
            {
                "time": datetime.now(timezone.utc),
                "output": self._name,
                "seq": item.seq,
                "document_id": item.id,
                "reason": reason[:2000],
                "document": document,
            }
        )
        try:
            self._append(line + b"\n")
        except OSError as error:
            log.error("output %s: %s: %s", self._name, self.path, error.strerror or error)

    def _append(self, line: bytes) -> None:
        assert self.path is not None
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path.exists() and self.path.stat().st_size + len(line) > self._max_bytes // 2:
            self.path.replace(self.path.with_name(self.path.name + ".old"))
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(line)
