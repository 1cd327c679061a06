"""What is fuzzed: one function for each format, from the fuzzer's bytes to the property that holds
for them (``tests/agent/ntfs/properties.py``, ``tests/agent/formats/properties.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.agent.formats import properties as formats
from tests.agent.ntfs import properties

CORPUS = Path(__file__).parent / "corpus"
RECORD = 1024
MAX_RECORDS = 4


def boot_sector(data: bytes) -> None:
    properties.boot_sector(data)


def run_list(data: bytes) -> None:
    properties.run_list(data)


def attribute_list(data: bytes) -> None:
    properties.attribute_list(data)


def lznt1(data: bytes) -> None:
    """Three bytes of the size asked for, then what is unpacked."""
    properties.lznt1(data[3:], int.from_bytes(data[:3], "little") % 140_000)


def overlay(data: bytes) -> None:
    """A byte of the algorithm, three of the file's size, then what is kept of it."""
    properties.overlay(data[4:], int.from_bytes(data[1:4], "little") % 140_000, data[:1])


def fixups(data: bytes) -> None:
    """Up to four records, as they lie on the disk."""
    pieces = [piece.ljust(RECORD, b"\0") for piece in _pieces(data)]
    if pieces:
        properties.mending(pieces)


def record(data: bytes) -> None:
    """Two records, as they lie on the disk: alone, and scanned in a volume."""
    one, other = ([piece.ljust(RECORD, b"\0") for piece in _pieces(data)] + [bytes(RECORD)] * 2)[:2]
    properties.attributes(one)
    properties.quick_answer(one)
    properties.usual_answers([one, other])
    properties.records(one, other)


def folder_index(data: bytes) -> None:
    """A record, then blocks."""
    properties.folder_index(data[:RECORD].ljust(RECORD, b"\0"), data[RECORD:])


def volume(data: bytes) -> None:
    properties.whole_volume(data)


def usn_journal(data: bytes) -> None:
    properties.change_journal(data)


def log_file(data: bytes) -> None:
    properties.log_file(data)


def shadow_copies(data: bytes) -> None:
    properties.shadow_copies(data)


def archive(data: bytes) -> None:
    """An archive or a disk, as its first bytes tell."""
    formats.archive(data)


def remembered(data: bytes) -> None:
    """A byte that says which reader, then what it reads."""
    formats.remembered(data[0] if data else 0, data[1:])


def memories(data: bytes) -> None:
    """A byte that says which reader, then the file that it reads."""
    formats.memories(data[0] if data else 0, data[1:])


def _pieces(data: bytes) -> Iterator[bytes]:
    for at in range(0, min(len(data), MAX_RECORDS * RECORD), RECORD):
        yield data[at : at + RECORD]


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        boot_sector,
        run_list,
        attribute_list,
        lznt1,
        overlay,
        fixups,
        record,
        folder_index,
        volume,
        usn_journal,
        log_file,
        shadow_copies,
        archive,
        remembered,
        memories,
    )
}


def corpus(target: str) -> list[Path]:
    """The committed inputs of a target."""
    return sorted((CORPUS / target).iterdir())
