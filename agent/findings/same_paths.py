"""Several files on one path: in a case-sensitive folder, a live one and those deleted before it.

They are told apart by their records. What names nothing but the path (a command line, a module, a
log) is about the one that is spelled so, or else about the one that is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..matching.matcher import Match
from ..model.objects import ARROW, File
from ..model.observation import Claim, Observation
from .keys import file_key, keys_of


@dataclass
class _Record:
    """One of the files on a path."""

    inode: str
    spelled: str
    exists: bool = False
    rank: int = 0
    """Of its strongest match."""
    content: object = None
    """What the bytes of two copies of one file have in common, if it is known."""


class SamePaths:
    """Keys of observations, where one path may be of several files."""

    def __init__(self, matches: Iterable[Match]) -> None:
        found: dict[str, dict[str, _Record]] = {}
        for match in matches:
            file = match.observation.file
            if file is None or not file.inode or file.member_of:
                continue
            records = found.setdefault(file_key(file.path), {})
            record = records.setdefault(file.inode, _Record(file.inode, file.path))
            record.exists |= match.observation.claim is Claim.EXISTS
            record.rank = max(record.rank, match.strength.rank)
            if not file.stream:
                record.content = record.content or _content_of(file)
        self._shared: dict[str, dict[str, _Record]] = {}
        """Of each path that is of several, the files by the records that they are told by."""
        for path, of_path in found.items():
            own = _of_one_volume(of_path)
            told = {inode: _same_deleted(record, own) for inode, record in own.items()}
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
            holder = file.member_of.partition(ARROW)[0] or file.path
            keys = self._told_apart(keys, holder, file.inode)
        if seen.dll is not None:
            keys = self._told_apart(keys, seen.dll.path, "")
        return keys

    def apart(self, file: File | None) -> str:
        """What tells a file from the others on its path; empty if there are none."""
        if file is None or file_key(file.path) not in self._shared:
            return ""
        return f"#{self._inode(file_key(file.path), file.path, file.inode)}"

    def named(self, path: str, line: str, files: Sequence[Observation]) -> list[Observation]:
        """Of the files on a path, those that a command line with this path means."""
        key = file_key(path)
        if key not in self._shared:
            return list(files)
        spelled = {one.spelled for one in self._shared[key].values() if one.spelled in line}
        meant = self._inode(key, spelled.pop() if len(spelled) == 1 else "", "")
        return [one for one in files if self._inode(key, *_spelled(one)) == meant]

    def _told_apart(self, keys: tuple[str, ...], path: str, inode: str) -> tuple[str, ...]:
        whole = file_key(path)
        if whole not in self._shared:
            return keys
        apart = f"{whole}#{self._inode(whole, path, inode)}"
        return tuple(
            apart + key[len(whole) :]
            if key == whole or key.startswith((f"{whole}:", whole + ARROW.upper()))
            else key
            for key in keys
        )

    def _inode(self, key: str, spelled: str, inode: str) -> str:
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
    return record if before is None or before.exists or record.exists else before


def _spelled(seen: Observation) -> tuple[str, str]:
    """Path and record of what was seen."""
    if seen.file is not None:
        return seen.file.path, seen.file.inode
    return "" if seen.dll is None else seen.dll.path, ""


def _content_of(file: File) -> object:
    digest = file.hash
    return None if digest is None else (digest.md5, digest.sha1, digest.sha256)


def _are_copies(records: Iterable[_Record]) -> bool:
    """Whether it is one file of the host that lies here more than once: in two collections."""
    contents = [one.content for one in records if one.exists]
    there = [one for one in records if not one.exists]
    return not there and contents[0] is not None and contents.count(contents[0]) == len(contents)
