"""Who had which bytes swept, in words for people."""

from __future__ import annotations

from ..model.custody import Checked, Custody, Exhibit
from ..model.objects import Hash
from .escape import shown
from .layout import when

_CHECKED = {
    Checked.EQUAL: "all bytes were read; the stored hash matches",
    Checked.DIFFERENT: "all bytes were read; the STORED HASH DOES NOT MATCH",
    Checked.NOTHING_STORED: "all bytes were read; the container stores no hash",
    Checked.NOT_READ: "NOT ALL BYTES could be read: no hash",
}
_MOST_LINES = 40
"""Of the notes."""
_ALGORITHMS = (("MD5", "md5"), ("SHA-1", "sha1"), ("SHA-256", "sha256"))


def custody_lines(custody: Custody | None, *, most: int = 20) -> list[tuple[str, str]]:
    """What, and the words for it; of an exhibit its hashes follow it. ``most``: exhibits."""
    if custody is None:
        return []
    told = [("case", custody.case), ("examiner", custody.examiner)]
    where = " as ".join(filter(None, (custody.workstation, custody.account)))
    told.append(("swept on", where))
    for exhibit in custody.exhibits[:most]:
        told.append(("evidence", _exhibit(exhibit)))
        told += _hashes(exhibit)
    if len(custody.exhibits) > most:
        told.append(("evidence", f"… and {len(custody.exhibits) - most:,} more in the report"))
    lines = [line for line in custody.notes.splitlines() if line.strip()]
    told += [("notes" if not n else "", line) for n, line in enumerate(lines[:_MOST_LINES])]
    if len(lines) > _MOST_LINES:
        told.append(("", f"… and {len(lines) - _MOST_LINES:,} more lines in the report"))
    return [(what, shown(words)) for what, words in told if words]


def is_worth_telling(custody: Custody | None) -> bool:
    """Whether it says more than what was given, which stands at the head of the report."""
    return custody is not None and bool(
        custody.examiner
        or custody.case
        or custody.notes
        or any(one.checked is not None for one in custody.exhibits)
    )


def _exhibit(exhibit: Exhibit) -> str:
    count = len(exhibit.files) + exhibit.more_files
    files = f"{count:,} files, " if count > 1 else ""
    sizes = sum(file.size for file in exhibit.files)
    size = f"{sizes:,} bytes" if exhibit.files and not exhibit.more_files else ""
    disk = f"disk of {exhibit.size:,} bytes" if exhibit.size not in (None, sizes) else ""
    times = [file.mtime for file in exhibit.files]
    since = f"last changed {when(max(times))}" if times else ""
    told = ", ".join(filter(None, (f"{files}{size}", disk, since)))
    return f"{exhibit.path}: {exhibit.kind}{', ' if told else ''}{told}"


def _hashes(exhibit: Exhibit) -> list[tuple[str, str]]:
    if exhibit.checked is None:
        return []
    told = [("", _CHECKED[exhibit.checked])]
    if exhibit.read is not None:
        told += [("", text) for text in _each(exhibit.read, "read")]
    if exhibit.stored is not None and exhibit.checked is not Checked.EQUAL:
        told += [("", text) for text in _each(exhibit.stored, "stored")]
    return told


def _each(digest: Hash, whose: str) -> list[str]:
    return [
        f"{label} {whose} {value}"
        for label, name in _ALGORITHMS
        if (value := getattr(digest, name)) is not None
    ]
