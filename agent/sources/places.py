"""Where in a file something was seen, and whose the file is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from ..model.objects import User
from ..model.observation import Place

if TYPE_CHECKING:
    from ..targets.evidence import EvidenceFile


def place_in(file: EvidenceFile, record: str = "", text: str = "") -> Place:
    """A record of a file, or all of it; ``text``: for people, unless the path says enough."""
    return Place(
        text=text or file.path, path=file.path, record=record, view=file.view, owner=file.owner
    )


def byte_in(file: EvidenceFile, offset: int) -> Place:
    """A byte of a file."""
    return place_in(file, f"byte {offset}", f"{file.path} (byte {offset:,})")


def owner_of(file: EvidenceFile) -> User | None:
    """In whose profile, or recycle bin, a file lies; None: in nobody's."""
    return User(name=file.owner, id=file.owner_id) if file.owner or file.owner_id else None


def told_as(what: str, place: Place) -> Place:
    """A place, named by what was seen there (nothing, if that is empty) and whose it is."""
    whose = f" ({place.owner})" if place.owner else ""
    return structs.replace(place, text=f"{what}{whose} in {place.text}") if what else place
