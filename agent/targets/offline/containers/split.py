"""Raw images in pieces: ``disk.001``, ``disk.r01``, ``disk.aa`` and those that follow.

Whoever takes one piece for the whole disk reads a disk that ends early, and says nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from ....ntfs import ByteSource, FileSource
from ....reading.opening import open_quietly, reason_of
from . import MAX_FILES, Lacking, Medium, MediumError
from .pieces import Pieces

KIND = "raw image in pieces"
_PIECE = re.compile(r"(?i)(.*\.)(?:([0-9]{3,5})|r([0-9]{2,3})|([a-z]{2,3}))")
_MOST_MISSING = 9
"""One after the other; ``disk.dd`` beside ``disk.aa`` is no piece of it."""
_MISSING = f"{KIND}: a piece is missing"


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
        if number is not None and tuple(len(part or "") for part in one.groups()[1:]) == shape:
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
    """A piece that is shorter than the others, and not the last: all behind it lies elsewhere."""
    for number, part in zip(range(min(found), max(found)), parts, strict=False):
        if part.size != size:
            yield f"{KIND}: a piece is cut off", found.get(number, f"number {number}")


__all__ = ["KIND", "joined", "number_of", "pieces_of"]
