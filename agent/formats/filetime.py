"""The time of Windows: ticks of 100 ns since 1601, UTC ([MS-DTYP] 2.3.3 FILETIME)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)


def utc_of(ticks: int) -> datetime | None:
    """The moment, cut to microseconds; None for 0 ("never") and for what no calendar holds."""
    if ticks <= 0:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def ticks_of(when: datetime) -> int:
    """Of a moment with its zone."""
    return (when - _EPOCH) // timedelta(microseconds=1) * 10


def iso_of(ticks: int) -> str:
    """As event logs write it, ``2016-07-08T18:12:51.6816408Z``; "" beyond the year 9999."""
    try:
        when = _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return ""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{ticks % 10_000_000:07d}Z"
