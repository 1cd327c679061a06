"""Windows' times for evidence made byte by byte."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)


def ticks(when: datetime) -> int:
    """Of 100 ns since 1601."""
    return (when - EPOCH) // timedelta(microseconds=1) * 10
