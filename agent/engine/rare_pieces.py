"""Of each text the piece that is found quickest.

The engine (boreal) looks for four bytes of each declaration: for those that YARA ranks best, of
equal ones for the last. Its tables are asked for two bytes in a row first, which in UTF-16 are a
character and a zero: where that character is a common one, each of those that any text holds costs
a closer look, and a third of an event log is text. Whoever looks for many texts looks for most
characters. So only a piece of each text is looked for, chosen so that what the engine takes of it
begins with a character that is seldom, and with the same one for many texts.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from .texts import shortest

SIZE = 12
"""Characters of a piece: enough to be hardly ever anything else."""
MANY = 256
"""Texts among which there is nothing to choose: they begin with whatever there is."""
_FAR = 64
"""Characters of a text in which its piece is looked for."""
_RARE_FIRST = "^~`|&<;{}@>'+][$z#?%=\",_j\\76)q:59(x!*8k43/.2hvby1ug0fpw-lmd cnrtiosae"
"""Characters by how often they, in either case, stand in UTF-16 in the event logs of three hosts:
from 0.001 % of 94 MB on; some 8 % more from one to the next, up to 1.6 %."""
_OFTEN = {character: 1.08**rank for rank, character in enumerate(_RARE_FIRST)}
_SELDOM = 1.0
"""Control characters."""
_CLOSER = 0.005
"""What it costs to look closer, where the second character is there too, by how often that is."""


class RarePiece(NamedTuple):
    """A piece, in lower case, and the text of which it is one."""

    text: str
    at: int
    """Where in that text it begins."""
    whole: str


def rare_pieces(texts: Iterable[str]) -> list[RarePiece]:
    """One of each text that holds no other one: where any of them occurs, in any case, one of the
    pieces does. ``texts``: of ASCII."""
    looked_for = shortest(text.lower() for text in texts)
    if len(looked_for) > MANY:
        return [RarePiece(text, 0, text) for text in looked_for]
    begun: set[str] = set()
    found = []
    # Those of common characters alone choose first: others may share what they cost.
    for text in sorted(looked_for, key=lambda text: -min(map(_often, text))):
        piece, first = _piece_of(text, begun)
        begun.add(first)
        found.append(piece)
    return found


def _piece_of(text: str, begun: Container[str]) -> tuple[RarePiece, str]:
    """And what the engine's four bytes of it begin with, in UTF-16."""
    text, whole = text[:_FAR], text
    ranks = list(map(_rank, text, text[1:])) or [0]
    size = min(SIZE, len(text))
    cheapest, best, first = 0.0, -1, text[0]
    for begin in range(len(text) - size + 1):
        taken = begin
        for at in range(begin + 1, begin + size - 1):
            if ranks[at] >= ranks[taken]:
                taken = at
        often = _often(text[taken])
        cost = often * _CLOSER * _often(text[min(taken + 1, len(text) - 1)])
        cost += 0 if text[taken] in begun else often
        if best < 0 or cost < cheapest:
            cheapest, best, first = cost, begin, text[taken]
    return RarePiece(text[best : best + size], best, whole), first


def _rank(first: str, second: str) -> int:
    """As YARA ranks two characters in lower case and their zeros, but for what all have
    (libyara, atoms.c, ``yr_atoms_heuristic_quality``)."""
    return -2 * first.islower() - 2 * second.islower() + 2 * (first != second)


def _often(character: str) -> float:
    return _OFTEN.get(character, _SELDOM)
