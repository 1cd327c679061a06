"""A pack in another form: its text, and what of the pack is not in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from ...indicators import Indicator
from ..loading import Pack


class Left:
    """What a form does not hold."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        self._why: dict[str, list[str]] = {}
        """Ids, by what they are."""
        for pack in packs:
            for chain in pack.file.chains:
                self.add("chain", chain.id)

    def add(self, what: str, identifier: str) -> None:
        self._why.setdefault(what, []).append(identifier)

    def lines(self) -> list[str]:
        """For the head of a file: all of them."""
        return [f"not carried over, {what}: {' '.join(ids)}" for what, ids in self._why.items()]

    def told(self) -> str:
        """Counts alone."""
        counts = Counter({what: len(ids) for what, ids in self._why.items()})
        return ", ".join(f"{count} {what}" for what, count in counts.most_common()) or "nothing"


class Exported:
    """One file."""

    def __init__(self, text: str, count: int, left: Left) -> None:
        """``count``: indicators that are in it."""
        self.text, self._count, self._left = text, count, left

    @property
    def told(self) -> str:
        """In one line, how many indicators it holds, and what it does not."""
        many = "1 indicator" if self._count == 1 else f"{self._count:,} indicators"
        return f"{many}; not carried over: {self._left.told()}"


def kind_of(indicator: Indicator) -> str:
    """Its type, as packs write it."""
    return str(indicator.__struct_config__.tag)


def head_of(packs: Iterable[Pack], agent: str) -> list[str]:
    """What a comment at the beginning says."""
    lines = [f"iocsweep packs, by iocsweep {agent}"]
    for pack in packs:
        file = pack.file
        title = " ".join(file.title.split())
        lines.append(f"{file.id} {file.version}: {title}, SHA-256 {pack.sha256}")
    return lines


def sources_of(pack: Pack, indicator: Indicator) -> str:
    """What the pack cites for it."""
    return "; ".join(pack.file.references[key] for key in indicator.reference)


def day_of(pack: Pack) -> date | None:
    """When it was made, if its version is a day, as packs have it."""
    try:
        return datetime.strptime(pack.file.version[:10], "%Y.%m.%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        return None
