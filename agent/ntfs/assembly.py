"""From the attributes of a file's records to one entry.

A file with many attributes keeps some in further records, named by its $ATTRIBUTE_LIST ([Russon]
"$ATTRIBUTE_LIST").
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from . import attributes as kinds
from .attributes import Attribute
from .entry import (
    MAX_REPARSE_DATA,
    MftEntry,
    Name,
    Stream,
    Times,
    read_name,
    read_standard,
    time_notes,
)
from .errors import NtfsError
from .record import Record
from .reference import Reference
from .run_list import Run, RunListDamaged, joined

MAX_LIST = 1 << 20
"""Bytes of an attribute list; NTFS allows 256 KiB."""
MAX_EXTENSIONS = 32_768
MAX_LISTS = 4
"""A file has one."""
MAX_FOREIGN = 64
"""Records named by one list that are not the file's: the rest of such a list is not followed, as
many records may share it. A file that was deleted has as many of those as were used again."""
LIST_ENTRY = struct.Struct("<IHBBQQH")
"""Kind, length of the entry, of the name and where that stands, first cluster, record, number."""


class Parts(Struct):
    """The attributes of one file, each with the record that holds it."""

    record: Record
    found: list[tuple[Attribute, Record]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Why some are missing."""
    foreign: int = 0
    """Records that its attribute list names and that are not its own."""

    def of(self, kind: int) -> Iterable[tuple[Attribute, Record]]:
        return (part for part in self.found if part[0].type == kind)


def collect(
    record: Record,
    read_record: Callable[[int], Record],
    read_value: Callable[[Attribute, Record, int], bytes],
) -> Parts:
    """All attributes of a file. ``read_value`` gives at most so many bytes of an attribute."""
    parts = Parts(record)
    own, problem = record.sound_attributes()
    if problem:
        parts.problems.append(problem)
    parts.found = [(attribute, record) for attribute in own]
    lists = [attribute for attribute in own if attribute.type == kinds.ATTRIBUTE_LIST]
    if len(lists) > MAX_LISTS:
        parts.problems.append("more than one attribute list")
    for listed in lists[:MAX_LISTS]:
        try:
            references = read_list(read_value(listed, record, MAX_LIST))
            if not _follow(parts, references, read_record):
                parts.problems.append("attribute list names records of other files")
                break
        except OSError as error:
            parts.problems.append(f"attribute list: {error}")
    return parts


def _follow(
    parts: Parts, references: Iterable[Reference], read_record: Callable[[int], Record]
) -> bool:
    """Whether these records were all asked."""
    for reference in references:
        if reference.number != parts.record.number:
            parts.foreign += not _extend(parts, reference, read_record)
            if parts.foreign > MAX_FOREIGN:
                return False
    return True


def read_list(data: bytes) -> Iterator[Reference]:
    """The records named by an attribute list, each once. Raises NtfsError where it is damaged."""
    references: set[Reference] = set()
    at = 0
    while at + LIST_ENTRY.size <= len(data):
        kind, length, _, _, _, reference, _ = LIST_ENTRY.unpack_from(data, at)
        if not kind or kind == kinds.END:
            break
        if length < LIST_ENTRY.size or length & 7:
            raise NtfsError("attribute list damaged", f"entry of {length} bytes")
        named = Reference.of(reference)
        if named not in references:
            references.add(named)
            if len(references) > MAX_EXTENSIONS:
                raise NtfsError("attribute list damaged", "too many records")
            yield named
        at += length


def _extend(parts: Parts, reference: Reference, read_record: Callable[[int], Record]) -> bool:
    """Whether it is a record of this file."""
    base = parts.record
    try:
        record = read_record(reference.number)
    except OSError as error:
        parts.problems.append(f"extension record: {error}")
        return False
    ours = record.signed and record.base.number == base.number
    later = 0 if base.in_use else 1  # Deleting counts the use of a record up.
    if not ours or not 0 <= record.sequence - reference.sequence <= later:
        parts.problems.append("extension record used again for something else")
        return False
    more, problem = record.sound_attributes()
    if problem:
        parts.problems.append(problem)
    if record.torn:
        parts.problems.append("extension record torn")
    parts.found += [(attribute, record) for attribute in more]
    return True


def entry_of(parts: Parts, read_value: Callable[[Attribute, Record, int], bytes]) -> MftEntry:
    """The entry that these attributes make."""
    record = parts.record
    names: dict[tuple[Reference, str, int], Name] = {}
    times: Times | None = None
    bits = usn = 0
    reparse = b""
    data: dict[str, list[tuple[Attribute, Record]]] = {}
    problems = list(parts.problems)
    for attribute, holder in parts.found:
        kind = attribute.type
        try:
            if kind == kinds.FILE_NAME:
                name = read_name(attribute.content(holder.data))
                names.setdefault((name.parent, name.text, name.space), name)
            elif kind == kinds.DATA:
                data.setdefault(attribute.name, []).append((attribute, holder))
            elif kind == kinds.STANDARD_INFORMATION and times is None:
                times, bits, usn = read_standard(attribute.content(holder.data))
            elif kind == kinds.REPARSE_POINT and not reparse:
                reparse = read_value(attribute, holder, MAX_REPARSE_DATA)
        except OSError as error:
            problems.append(str(error))
    streams = tuple([stream_of(name, pieces) for name, pieces in data.items()])
    found = tuple(names.values())
    if record.torn:
        problems.append("record torn: written in part")
    notes = tuple(dict.fromkeys((*problems, *time_notes(times, found))))
    return MftEntry(
        reference=Reference(record.number, record.sequence),
        live=record.in_use,
        folder=record.is_folder,
        names=found,
        streams=streams,
        times=times,
        attributes=bits,
        reparse_data=reparse,
        notes=notes,
        partial=bool(problems),
        usn=usn,
    )


def stream_of(name: str, pieces: list[tuple[Attribute, Record]]) -> Stream:
    """One stream from the attributes of its name; in several records if it lies in many places."""
    first, holder = pieces[0]
    if first.resident:
        value = first.content(holder.data)
        size = len(value)
        return Stream(name, size, size, size, resident=True, flags=first.flags, value=value)
    if len(pieces) > 1:
        pieces = [piece for piece in pieces if not piece[0].resident]
        pieces.sort(key=lambda piece: piece[0].first_vcn)
    head = pieces[0][0]
    runs: list[Run] = []
    damage = "" if not head.first_vcn else "first part of the file's runs missing"
    following = head.first_vcn
    for attribute, owner in pieces:
        if attribute.first_vcn != following and not damage:
            damage = "part of the file's runs missing"
        try:
            more = attribute.runs(owner.data)
        except RunListDamaged as error:
            damage = damage or error.what
            runs += error.kept
            break
        runs += more
        following = more[-1].vcn + more[-1].length if more else attribute.first_vcn
    return Stream(
        name,
        head.size,
        head.allocated,
        min(head.initialized, head.size),
        resident=False,
        flags=head.flags,
        unit=head.unit,
        runs=tuple(joined(runs) if len(runs) > 1 else runs),
        damage=damage,
    )
