"""Raw images in pieces: ``disk.001``, ``disk.r01``, ``disk.aa`` and those that follow.

Whoever takes one piece for the whole disk reads a disk that ends early, and says nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from ....formats import FormatError
from ....formats.kinds import Holds, kind_of
from ....formats.partitions import partitions
from ....ntfs import ByteSource, FileSource
from ....reading.opening import open_quietly, reason_of
from . import MAX_FILES, Lacking, Medium, MediumError
from .pieces import Pieces

KIND = "raw image in pieces"
_PIECE = re.compile(r"(?i)(.*\.)(?:([0-9]{3,5})|r([0-9]{2,3})|([a-z]{2,3}))")
_MOST_MISSING = 9
"""One after the other; ``disk.dd`` beside ``disk.aa`` is no piece of it."""
_MISSING = f"{KIND}: a piece is missing"
_UNEVEN = f"{KIND}: a piece of another length than the first"
_ANOTHER = f"{KIND}: a piece that begins as a disk of its own; sweep it alone, under another name"
_HEAD = 4096


def number_of(path: str) -> int | None:
    """Which piece a file is by its name, from 0 or 1 on; None: no piece."""
    told = _PIECE.fullmatch(os.path.basename(path))
    if told is None:
        return None
    digits = told[2] or told[3]
    if digits:
        return int(digits)
    value = 0
    for letter in told[4].casefold():
        value = value * 26 + ord(letter) - 97
    return value


def pieces_of(path: str) -> dict[int, str]:
    """All pieces that lie beside this one, by their numbers; empty if it is none."""
    told = _PIECE.fullmatch(os.path.basename(path))
    if told is None:
        return {}
    shape = tuple(len(part or "") for part in told.groups()[1:])
    folder, found = os.path.dirname(path), dict[int, str]()
    for name in os.listdir(folder):
        one = _PIECE.fullmatch(name)
        if one is None or one[1].casefold() != told[1].casefold():
            continue
        number = number_of(name)
        is_exact = one[1] == told[1]
        if number is None or tuple(len(part or "") for part in one.groups()[1:]) != shape:
            continue
        # Of names that Windows takes for one, that which is spelt as this one.
        if number not in found or is_exact:
            found[number] = os.path.join(folder, name)
    return found


def joined(path: str, file: BinaryIO) -> Medium | None:
    """A raw image of which this is the first of several pieces; None if it is alone, or by its name
    no piece. Raises MediumError for another piece than the first, OSError."""
    number = number_of(path)
    found = _following(pieces_of(path))
    if number not in found or len(found) < 2:
        return None
    first = min(found)
    if number != first:
        raise MediumError(f"{KIND}: piece {number}; give the first", path)
    if len(found) > MAX_FILES:
        raise MediumError(f"{KIND}: more than {MAX_FILES:,} pieces", path)
    start = FileSource(file)
    parts: list[ByteSource | Lacking] = [start]
    problems: list[tuple[str, str]] = []
    for number in range(first + 1, max(found) + 1):
        if number not in found:
            # All but the last are equally long.
            parts.append(Lacking(0, start.size, _MISSING))
            problems.append((_MISSING, f"number {number}"))
            continue
        try:
            parts.append(FileSource(open_quietly(found[number])))
        except OSError as error:
            why = f"{KIND}: {reason_of(error)}"
            parts.append(Lacking(0, start.size, why))
            problems.append((why, found[number]))
    disk = Pieces(parts)
    problems += _uneven(parts, found, start.size)
    problems += _disks_of_their_own(disk, parts, found)
    return Medium(
        KIND, disk, tuple(found[one] for one in sorted(found)), disk.lacking, tuple(problems)
    )


def _following(found: dict[int, str]) -> dict[int, str]:
    """Those that belong together, from the first on; empty if that is not there."""
    kept: dict[int, str] = {}
    last = -1
    for number in sorted(found):
        if number - last > _MOST_MISSING + 1 or (not kept and number > 1):
            break
        kept[number] = found[number]
        last = number
    return kept


def _uneven(
    parts: list[ByteSource | Lacking], found: dict[int, str], size: int
) -> Iterator[tuple[str, str]]:
    """A piece that is shorter than the others, and not the last: all behind it lies elsewhere. A
    last one that is longer says that all others are."""
    numbers = range(min(found), max(found) + 1)
    for number, part in zip(numbers, parts, strict=True):
        if part.size > size or (part.size != size and number != numbers[-1]):
            yield _UNEVEN, found.get(number, f"number {number}")


def _disks_of_their_own(
    disk: Pieces, parts: list[ByteSource | Lacking], found: dict[int, str]
) -> Iterator[tuple[str, str]]:
    """Pieces that begin as a disk or a volume does where none of this disk begins: images of
    several disks that are numbered look like one in pieces. Raises OSError."""
    starts = set[int]()
    with contextlib.suppress(FormatError, OSError):  # Whoever reads the partitions tells of it.
        starts.update(one.start for one in partitions(disk.read_at, disk.size))
    at = 0
    for number, part in zip(range(min(found), max(found) + 1), parts, strict=True):
        if number in found and number != min(found) and not isinstance(part, Lacking):
            kind = kind_of(part.read_at(0, _HEAD), part.size, "", part.read_at)
            begins = kind is not None and kind.holds in (Holds.DISK, Holds.NTFS)
            if begins and at not in starts:
                yield _ANOTHER, found[number]
        at += part.size


__all__ = ["KIND", "joined", "number_of", "pieces_of"]
