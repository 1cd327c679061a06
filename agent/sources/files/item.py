"""One file as the files source sees it, however it is read, and what there is to say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple, Protocol

from ...model.objects import File, Url
from ...model.observation import ByteHit, Claim, Observation, Place, moments
from .hash_cache import FileState

SOURCE = "files"
_DELETED = "deleted "
DELETED = f"{_DELETED}file"
"""What a file is called that is not there any more."""


class Opened(NamedTuple):
    """A file's content, and what is known of the file that was opened."""

    file: BinaryIO
    size: int
    about: Callable[[], File]


class Item(Protocol):
    """A file or folder that is looked at."""

    @property
    def shown(self) -> str:
        """Its whole path, for a person."""

    @property
    def known_place(self) -> str:
        """The same, or what of it is known without asking the disk."""

    @property
    def name(self) -> str: ...

    @property
    def named(self) -> bool:
        """Whether its name is wanted."""

    @property
    def seen(self) -> str:
        """What it is: ``file``."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of a finding should know of it."""

    @property
    def given(self) -> bool:
        """Whether it is what the sweep was asked about: then it is read whole."""

    @property
    def state(self) -> FileState | None:
        """How it stands now, if that can be told from how it stood at another time."""

    def about(self) -> File:
        """What is known of it without opening it."""

    def open(self) -> Opened:
        """Its content. Raises OSError."""

    def again(self) -> Callable[[], BinaryIO]:
        """Opens its content at any later time, whatever was closed meanwhile; raises OSError."""

    def streams(self) -> list[tuple[str, int | None]]:
        """Name and, where known, size of each alternate stream. Raises OSError, with those that
        were seen as ``kept``."""

    def open_stream(self, name: str) -> BinaryIO:
        """Raises OSError."""


def close_quietly(file: BinaryIO) -> None:
    """It was read, and nothing was written: that it cannot be closed takes nothing away."""
    try:  # noqa: SIM105 - of every file: to make an object for it takes longer than to close one
        file.close()
    except OSError:
        pass


def is_in_use(error: OSError) -> bool:
    """ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION."""
    return getattr(error, "winerror", None) in (32, 33)


def observation_of(
    item: Item,
    place: str,
    seen: str,
    file: File,
    *,
    hits: tuple[ByteHit, ...] = (),
    claim: Claim | None = None,
    text: str = "",
) -> Observation:
    """A sighting of a file, its place told as such."""
    was_there = seen.startswith(_DELETED)
    return Observation(
        source=SOURCE,
        seen=seen,
        place=Place(text=place, view="deleted" if was_there else ""),
        moments=moments(created=file.created, modified=file.mtime, accessed=file.accessed),
        file=file,
        hits=hits,
        claim=claim or (Claim.WAS_THERE if was_there else Claim.EXISTS),
        remarks=item.remarks,
        text=text,
    )


def mention_of(
    item: Item, place: str, file: File, hits: Sequence[ByteHit], text: str
) -> Observation:
    """What occurs in the bytes of a file; ``text``: as an observation has it."""
    about = File(path=file.path, name=file.name, size=file.size, mtime=file.mtime, inode=file.inode)
    return observation_of(
        item, place, "content", about, hits=tuple(hits), claim=Claim.MENTIONED, text=text
    )


def zone_observations(
    item: Item, file: File, urls: tuple[str, ...], place: str
) -> Iterator[Observation]:
    """One for each address that the file is said to have come from."""
    for url in urls:
        yield Observation(
            source=SOURCE,
            seen="zone identifier",
            claim=Claim.DOWNLOADED,
            place=Place(text=place),
            file=File(path=file.path, name=file.name, inode=file.inode, zone_url=list(urls)),
            url=Url(full=url),
            remarks=item.remarks,
        )
