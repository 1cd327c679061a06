r"""A live volume's change journal, and its folders by their records, as the system tells them.

The system knows what it has not written to the disk yet, which the raw volume does not show.
Sources: "Change Journals", USN_JOURNAL_DATA_V0, READ_USN_JOURNAL_DATA_V0, OpenFileById and
GetFinalPathNameByHandleW (Microsoft Learn). Needs an elevated process. Nothing is changed: a folder
is opened for its attributes alone.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from typing import Any, NamedTuple

from . import dlls, files, handles, text
from .raw_volume import device_path, open_device

BUFFER = 1 << 20
"""Bytes of records asked for at once."""
_FSCTL_QUERY_USN_JOURNAL = 0x000900F4
_FSCTL_READ_USN_JOURNAL = 0x000900BB
_QUERY = struct.Struct("<Qqqq")
"""The beginning of USN_JOURNAL_DATA_V0: UsnJournalID, FirstUsn, NextUsn, LowestValidUsn."""
_QUERY_SIZE = 80
"""Of USN_JOURNAL_DATA_V2, the longest."""
_READ = struct.Struct("<qIIQQQ")
"""READ_USN_JOURNAL_DATA_V0: StartUsn, ReasonMask, ReturnOnlyOnClose, Timeout, BytesToWaitFor,
UsnJournalID."""
_ALL_REASONS = 0xFFFF_FFFF
_FLAGS = (
    0x02000000  # FILE_FLAG_BACKUP_SEMANTICS: folders too
    | 0x00200000  # FILE_FLAG_OPEN_REPARSE_POINT: a link itself
    | 0x00100000  # FILE_FLAG_OPEN_NO_RECALL
)
_NAME_SURROGATE = 0x2000_0000
_VOLUME_NAME_NONE = 0x4
_FILE_NAME_OPENED = 0x8


class JournalState(NamedTuple):
    """USNs are places in the journal, in bytes."""

    journal: int
    """Tells one journal of a volume from the next."""
    first: int
    """USN of the oldest record that is still there."""
    next: int
    """USN of the record that will be written next."""
    lowest: int
    """USN of the first record since the journal was begun, or begun anew; it may be gone."""


class _FileId(ctypes.Structure):
    """FILE_ID_DESCRIPTOR with a FileId of eight bytes."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("type", ctypes.c_int32),
        ("file", ctypes.c_uint64),
        ("padding", ctypes.c_uint64),
    )


class ChangeJournal:
    """Of one mounted NTFS volume. Not for several threads at once."""

    def __init__(self, device: str, root: str) -> None:
        r"""``device``: the volume, as for :class:`~agent.windows.raw_volume.RawVolume`; ``root``:
        the folder that it is mounted as.

        Raises:
            OSError: with ``winerror`` 5 where the rights do not suffice.
        """
        self._root = root
        self._folder: int | None = None
        self._path = device_path(device)
        self._device: int | None = open_device(self._path)

    def state(self) -> JournalState:
        """Raises OSError, with ``winerror`` 1179 if the volume keeps no journal."""
        answer = self._control(_FSCTL_QUERY_USN_JOURNAL, b"", _QUERY_SIZE)
        if len(answer) < _QUERY.size:
            raise OSError(errno.EIO, "too short an answer about the change journal", self._path)
        return JournalState(*_QUERY.unpack_from(answer))

    def read(self, journal: int, start: int) -> tuple[int, bytes]:
        """Records from one on: the USN to go on with, and USN_RECORD_V2 one behind the other, none
        at the end. ``start``: the USN of a record, or the beginning of a page of 4 KiB.

        Raises:
            OSError: with ``winerror`` 1181 if the record is not there any more, 87 if none begins
                there, 1179 if this journal was deleted.
        """
        asked = _READ.pack(start, _ALL_REASONS, 0, 0, 0, journal)
        answer = self._control(_FSCTL_READ_USN_JOURNAL, asked, BUFFER)
        if len(answer) < 8:
            raise OSError(errno.EIO, "too short an answer of the change journal", self._path)
        return int.from_bytes(answer[:8], "little", signed=True), answer[8:]

    def folder(self, reference: int) -> str:
        r"""The path of a folder within the volume: ``\Users\jo``, ``\`` for the root.
        ``reference``: number and sequence of its record in eight bytes.

        Raises:
            CloudPlaceholder: listing it would fetch it.
            NotADirectoryError: it is a link, or no folder.
            OSError: with ``winerror`` 87 where the volume has no such folder.
        """
        handle = self._by_reference(reference)
        try:
            self._must_be_a_folder(handle)
            return _path_of(handle)
        finally:
            dlls.close(handle)

    def close(self) -> None:
        for handle in (self._device, self._folder):
            if handle is not None:
                dlls.close(handle)
        self._device = self._folder = None

    def _control(self, code: int, asked: bytes, size: int) -> bytes:
        if self._device is None:
            raise OSError(errno.EBADF, "closed", self._path)
        return handles.control(self._device, code, asked, size, self._path)

    def _by_reference(self, reference: int) -> int:
        open_by_id = dlls.function(
            "kernel32",
            "OpenFileById",
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_uint32,
            ctypes.c_uint32,
            ctypes.c_void_p,
            ctypes.c_uint32,
        )
        if self._folder is None:
            self._folder = self._open_root()
        asked = _FileId(size=ctypes.sizeof(_FileId), type=0, file=reference)
        handle: int | None = open_by_id(
            self._folder,
            ctypes.addressof(asked),
            handles.FILE_READ_ATTRIBUTES,
            handles.SHARE_ALL,
            None,
            _FLAGS,
        )
        if handle is None or handle == dlls.INVALID_HANDLE:
            raise dlls.failure(self._root)
        return handle

    def _open_root(self) -> int:
        """Any file or folder of the volume tells OpenFileById which one is meant."""
        path = files.extended(self._root)
        # Not as a link: a folder that a volume is mounted in leads to the volume.
        return handles.open_existing(path, handles.FILE_READ_ATTRIBUTES, _FLAGS & ~0x00200000)

    def _must_be_a_folder(self, handle: int) -> None:
        tag = handles.attribute_tag(handle, self._root)
        if not tag.attributes & files.FILE_ATTRIBUTE_DIRECTORY:
            raise NotADirectoryError(errno.ENOTDIR, "no folder", self._root)
        if files.is_reparse(tag.attributes) and tag.tag & _NAME_SURROGATE:
            raise NotADirectoryError(errno.ENOTDIR, "a link", self._root)
        if tag.attributes & files.FILE_ATTRIBUTE_RECALL_ON_OPEN:
            raise files.CloudPlaceholder(errno.ENODATA, "kept in a cloud", self._root)


def _path_of(handle: int) -> str:
    """As it is now, without the volume: names in full, or as they were opened where a folder above
    does not let us look."""
    ask: Any = dlls.function(
        "kernel32",
        "GetFinalPathNameByHandleW",
        ctypes.c_uint32,
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_uint32,
        ctypes.c_uint32,
    )
    answer = text.space(text.MAX_PATH_UNITS)
    for flags in (_VOLUME_NAME_NONE, _VOLUME_NAME_NONE | _FILE_NAME_OPENED):
        length = ask(handle, answer, len(answer), flags)
        if 0 < length < len(answer):
            return text.narrow(answer, length)
    raise dlls.failure("path of a folder")
