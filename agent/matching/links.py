"""Metadata of shell links, compared with what a link says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..indicators import LnkTrait
from ..model.objects import Lnk
from .command_lines import holds
from .hidden_commands import readings


def matching(traits: Iterable[LnkTrait], lnk: Lnk) -> Iterator[tuple[LnkTrait, str]]:
    """The indicators that a link has, each with the link's value."""
    fields = _fields_of(lnk)
    arguments = readings(lnk.arguments)
    for trait in traits:
        if trait.field == "arguments":
            if holds(trait.value, arguments):
                yield trait, lnk.arguments
        elif fields[trait.field].casefold() == trait.value.casefold():
            yield trait, fields[trait.field]


def _fields_of(lnk: Lnk) -> dict[str, str]:
    return {
        "machine_id": lnk.machine_id,
        "mac": lnk.mac,
        "volume_serial": lnk.volume_serial,
        "droid_time": "" if lnk.droid_time is None else f"{lnk.droid_time:%Y-%m-%dT%H:%M:%SZ}",
        "droid_sequence": "" if lnk.droid_sequence is None else str(lnk.droid_sequence),
    }
