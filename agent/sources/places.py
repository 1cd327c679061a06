"""How a place is told where what was seen there is worth more than where."""

from __future__ import annotations

from msgspec import structs

from ..model.observation import Place


def told_as(what: str, owner: str, place: Place) -> Place:
    """A place, named by what was seen there (nothing, if that is empty) and whose it is."""
    whose = f" ({owner})" if owner else ""
    return structs.replace(place, text=f"{what}{whose} in {place.text}") if what else place
