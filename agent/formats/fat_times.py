"""Times as FAT and exFAT write them: of the host's own clock, in steps of two seconds.

FAT keeps no zone: what it tells is given as it is written, as if it were UTC, and said to be
local. exFAT keeps one beside each time (specification 1.00, 7.4.10, UtcOffset fields), unless the
host did not know it.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import NamedTuple

_STEP = timedelta(minutes=15)
_IS_KNOWN = 0x80


class FatTime(NamedTuple):
    """A moment, and whether its zone is not known: then it is local time, written as UTC."""

    when: datetime | None = None
    """None: not kept, or no time."""
    is_local: bool = False


def fat_time(date: int, time: int = 0, hundredths: int = 0) -> FatTime:
    """``date``, ``time``: 16 bits each; ``hundredths``: of a second, 0 to 199."""
    try:
        told = datetime(
            1980 + (date >> 9), date >> 5 & 15, date & 31,
            time >> 11, time >> 5 & 63, 2 * (time & 31), tzinfo=timezone.utc,
        )  # fmt: skip
    except ValueError:
        return FatTime()
    return FatTime(told + timedelta(milliseconds=10 * min(hundredths, 199)), is_local=True)


def exfat_time(stamp: int, hundredths: int, zone: int) -> FatTime:
    """``stamp``: 32 bits, the date in the upper ones; ``zone``: a byte, quarters of an hour east of
    UTC in seven bits with a sign, and whether it is known."""
    told = fat_time(stamp >> 16, stamp & 0xFFFF, hundredths)
    if told.when is None or not zone & _IS_KNOWN:
        return told
    quarters = (zone & 0x7F) - ((zone & 0x40) << 1)
    try:
        return FatTime(told.when - quarters * _STEP)
    except OverflowError:
        return FatTime()


__all__ = ["FatTime", "exfat_time", "fat_time"]
