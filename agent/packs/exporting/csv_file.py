"""A pack as CSV: type, value, strength, id, pack, reference, note. ``packs import`` reads it again.

Of a command line of several pieces, and of a shell link, a PE file, a layout and contents, a value
says too little to be one without the pack. Sizes that hashes are opened by are not in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ...indicators import Address, CommandLine, Indicator, Pipe
from ...matching.matcher import value_of
from ..loading import Pack
from .exported import Exported, Left, kind_of, sources_of

_COLUMNS = ("type", "value", "strength", "id", "pack", "reference", "note")
_KINDS = frozenset(
    ("file_name", "file_path", "hash", "domain", "address", "url", "command_line", "pipe")
)


def as_csv(packs: Sequence[Pack], _agent: str) -> Exported:
    """Row by row, in the packs' order."""
    left, count = Left(packs), 0
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for pack in packs:
        for indicator in pack.file.indicators:
            value = plain_value(indicator)
            if value is None:
                left.add(kind_of(indicator), indicator.id)
                continue
            count += 1
            rows.writerow(
                (
                    *(kind_of(indicator), value, indicator.strength.value, indicator.id),
                    *(pack.file.id, sources_of(pack, indicator), indicator.note),
                )
            )
    return Exported(out.getvalue(), count, left)


def plain_value(indicator: Indicator) -> str | None:
    """What says all of it in one text; None: nothing does."""
    if kind_of(indicator) not in _KINDS:
        return None
    if isinstance(indicator, CommandLine) and not isinstance(indicator.value, str):
        return indicator.value[0] if len(indicator.value) == 1 else None
    if isinstance(indicator, Pipe):
        return indicator.example
    if isinstance(indicator, Address) and indicator.value.endswith("/32"):
        return indicator.value.removesuffix("/32")
    return value_of(indicator)
