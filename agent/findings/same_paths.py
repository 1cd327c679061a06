"""Several files on one path: in a case-sensitive folder, a live one and those deleted before it.

They are told apart by their records. What names nothing but the path (a command line, a module, a
log) is about the one that is spelled so, or else about the one that is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ..matching.matcher import Match
from ..model.objects import ARROW, File, Hash
from ..model.observation import Claim, Observation
from .keys import file_key, keys_of


class _Record(Struct):
    """One of the files on a path."""

    inode: str
    spelled: str
    rank: int
    """Of its strongest match."""
    exists: bool = False
    content: Hash | None = None
    """What the bytes of two copies of one file have in common, if it is known."""


class SamePaths:
    """Keys of observations, where one path may be of several files."""

    def __init__(self, matches: Iterable[Match]) -> None:
        found: dict[str, dict[str, _Record]] = {}
        for match in matches:
            file = match.observation.file
            if file is None or not file.inode:  # an archive's members have no record
                continue
            rank = match.strength.rank
            records = found.setdefault(file_key(file.path), {})
            record = records.setdefault(file.inode, _Record(file.inode, file.path, rank))
            record.exists |= match.observation.claim is Claim.EXISTS
            record.rank = max(record.rank, rank)
            if not file.stream:
                record.content = record.content or file.hash
        self._shared: dict[str, dict[str | None, _Record]] = {}
        """Of each path that is of several, the files by the records that they are told by."""
        for path, of_path in found.items():
            own = _of_one_volume(of_path)
            told: dict[str | None, _Record] = {
                inode: _same_deleted(record, own) for inode, record in own.items()
            }
            apart = {id(record): record for record in told.values()}
            if len(apart) > 1 and not _are_copies(apart.values()):
                self._shared[path] = told

    def keys(self, seen: Observation) -> tuple[str, ...]:
        """As :func:`keys_of`, those of a file with its record where others share its path."""
        keys = keys_of(seen)
        if not self._shared:
            return keys
        file = seen.file
        if file is not None:
            keys = self._told_apart(keys, _holder_of(file), file.inode)
        if seen.dll is not None:
            keys = self._told_apart(keys, seen.dll.path)
        return keys

    def apart(self, file: File | None) -> str:
        """What tells a file, or the archive that it is a member of, from the others on its path;
        empty if there are none."""
        return "" if file is None else self._mark(_holder_of(file), file.inode)

    def named(self, path: str, line: str, files: Sequence[Observation]) -> list[Observation]:
        """Of the files on a path, those that a command line with this path means."""
        key = file_key(path)
        if key not in self._shared:
            return list(files)
        spelled = {one.spelled for one in self._shared[key].values() if one.spelled in line}
        meant = self._inode(key, spelled.pop() if len(spelled) == 1 else None)
        # A module belongs with the file that it means already.
        return [
            one
            for one in files
            if one.file is not None and self._inode(key, one.file.path, one.file.inode) == meant
        ]

    def _mark(self, path: str, inode: str | None) -> str:
        key = file_key(path)
        return f"#{self._inode(key, path, inode)}" if key in self._shared else ""

    def _told_apart(
        self, keys: tuple[str, ...], path: str, inode: str | None = None
    ) -> tuple[str, ...]:
        whole, mark = file_key(path), self._mark(path, inode)
        return tuple(
            whole + mark + key[len(whole) :]
            if key == whole or key.startswith((f"{whole}:", whole + ARROW.upper()))
            else key
            for key in keys
        )

    def _inode(self, key: str, spelled: str | None, inode: str | None = None) -> str:
        records = self._shared[key]
        if inode in records:
            return records[inode].inode
        told = records.values()
        return max(told, key=lambda one: (one.exists, one.spelled == spelled, one.rank)).inode


def _of_one_volume(records: Mapping[str, _Record]) -> Mapping[str, _Record]:
    """Those by records of NTFS, if there are any: a walk of the same volume may number its files in
    its own way."""
    return {inode: one for inode, one in records.items() if "-" in inode} or records


def _same_deleted(record: _Record, records: Mapping[str, _Record]) -> _Record:
    """A deleted file is told by its record, whose sequence counts the deletion, and by the journal,
    which knows it from before."""
    number, mark, sequence = record.inode.partition("-")
    before = records.get(f"{number}-{int(sequence) - 1}") if mark else None
    return record if before is None or record.exists else before


def _holder_of(file: File) -> str:
    """Where it lies: a member where its archive does."""
    return file.member_of.partition(ARROW)[0] or file.path


def _are_copies(records: Iterable[_Record]) -> bool:
    """Whether it is one file of the host that lies here more than once: in two collections."""
    contents = [one.content if one.exists else None for one in records]
    first, *_ = contents
    return None not in contents and all(one == first for one in contents)
