"""The bytes of a BitLocker volume in the clear, by libbde, with one of the operator's keys.

libbde is exact on volumes that are encrypted whole; it cannot open those that are encrypted as they
are written to, and nobody has shown that it is right on those whose encryption is under way: they
are gaps, as is a volume that no key fits.
"""

from __future__ import annotations

import importlib.util
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ...exit_codes import CannotRun
from ...formats import FormatError
from ...formats.bitlocker import (
    CLEAR_KEY,
    PASSWORD,
    RECOVERY_PASSWORD,
    STARTUP_KEY,
    read_bitlocker,
)
from ...formats.kinds import Kind, kind_of
from ...ntfs import ByteSource, NtfsError, SliceSource
from .. import LOCKED
from ..volume_keys import Sort, VolumeKey
from .libyal_file import LibyalFile

NO_KEY_FITS = f"{LOCKED}: no key that was given fits"
IN_PART = f"{LOCKED}: encrypted in part or as it is written to, which is not read"
DAMAGED = f"{LOCKED}: its metadata is damaged"
REFUSED = f"{LOCKED}: a key fits, but what lies in it is refused by libbde"
NO_LIBRARY = f"{LOCKED}: libbde-python is not installed"
OPENED_BY = "BitLocker volume, opened by a {}"
BY_ITSELF = "BitLocker volume, suspended: opened by the clear key that lies on it"
_HEAD = 4096
_OTHER_STARTUP_KEY = "startup key"
"""In libbde's errors: the file is none, or another volume's."""
_PIECE = 1 << 20
_PROTECTED = {
    Sort.PASSWORD: PASSWORD,
    Sort.RECOVERY_PASSWORD: RECOVERY_PASSWORD,
    Sort.STARTUP_KEY: STARTUP_KEY,
}


def must_be_there() -> None:
    """Raises CannotRun where libbde is not."""
    if importlib.util.find_spec("pybde") is None:
        raise CannotRun("--bitlocker-keys needs libbde-python (extra: offline)")


class _Opened(NamedTuple):
    source: ByteSource
    kind: Kind | None
    by: str
    """By what, as a note for the coverage."""


class LockedVolume:
    """Unlocked once, for all that read from it, from any thread."""

    def __init__(self, open_it: Callable[[], ByteSource], keys: Sequence[VolumeKey]) -> None:
        """``open_it``: opens its bytes as they lie there; raises OSError."""
        self._open = open_it
        self._keys = keys
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._why = ""

    def plain(self) -> ByteSource:
        """Its bytes in the clear; closing that is nothing. Raises OSError: why not, in the words of
        the coverage."""
        opened = self._unlocked()
        return _Shared(opened.source, self)

    @property
    def kind(self) -> Kind | None:
        """Of what lies in it. Raises OSError."""
        return self._unlocked().kind

    @property
    def opened_by(self) -> str:
        """A note for the coverage. Raises OSError."""
        return self._unlocked().by

    def _unlocked(self) -> _Opened:
        with self._lock:
            if self._why:
                raise NtfsError(self._why)
            if self._opened is None:
                source = self._open()
                weakref.finalize(self, source.close)
                try:
                    self._opened = _unlock(source, self._keys)
                except NtfsError as error:
                    self._why = error.what
                    raise
            return self._opened


class _Shared(SliceSource):
    """Lets go of nothing: the volume is for others too."""

    def __init__(self, source: ByteSource, volume: LockedVolume) -> None:
        super().__init__(source, 0, source.size)
        self._volume = volume

    def close(self) -> None:
        pass


def _unlock(source: ByteSource, keys: Sequence[VolumeKey]) -> _Opened:
    """Raises NtfsError, OSError."""
    try:
        said = read_bitlocker(source.read_at)
    except FormatError:
        raise NtfsError(DAMAGED if keys else LOCKED) from None
    if not said.encrypted:
        raise NtfsError(IN_PART)
    if keys or CLEAR_KEY in said.protectors:
        opened = _opened(source, None, said.sector)
        if isinstance(opened, _Refused):
            raise NtfsError(DAMAGED)
        if opened is not None:
            return _looked_into(opened, BY_ITSELF)
    refused = ""
    for key in keys:
        if _PROTECTED.get(key.sort) not in said.protectors:
            continue
        opened = _opened(source, key, said.sector)
        if isinstance(opened, PlainSource):
            return _looked_into(opened, OPENED_BY.format(key.sort.value))
        if opened is not None and opened.fits:
            refused = REFUSED
    raise NtfsError(refused or (NO_KEY_FITS if keys else LOCKED))


def _looked_into(plain: PlainSource, by: str) -> _Opened:
    """Raises OSError."""
    head = plain.read_at(0, _HEAD)
    return _Opened(plain, kind_of(head, plain.size, "", plain.read_at), by)


class _Refused(NamedTuple):
    """By libbde, with an error of its own."""

    fits: bool
    """Whether the key does."""


def _opened(
    source: ByteSource, key: VolumeKey | None, sector: int
) -> PlainSource | _Refused | None:
    """None: it stays locked. Raises NtfsError, OSError."""
    try:
        import pybde
    except ImportError:
        raise NtfsError(NO_LIBRARY) from None
    volume, file = pybde.volume(), LibyalFile(source)
    try:
        if key is not None:
            _set(volume, key)
        volume.open_file_object(file)
        if volume.is_locked():
            return None
    except (OSError, ValueError) as error:
        if file.failed is not None:
            raise file.failed from None
        return _Refused(fits=_OTHER_STARTUP_KEY not in str(error))
    return PlainSource(volume, file, source.size, sector)


def _set(volume: Any, key: VolumeKey) -> None:
    """Raises OSError, ValueError: it cannot be a key."""
    if key.sort is Sort.PASSWORD:
        volume.set_password(key.secret)
    elif key.sort is Sort.RECOVERY_PASSWORD:
        volume.set_recovery_password(key.secret)
    else:
        volume.read_startup_key(key.secret)


class PlainSource:
    """A :class:`~agent.ntfs.ByteSource`: the bytes of a volume that is unlocked."""

    def __init__(self, volume: Any, file: LibyalFile, most: int, sector: int) -> None:
        self._volume = volume
        self._file = file
        self._most = most
        self._sector = sector
        self._lock = threading.Lock()

    @cached_property
    def size(self) -> int:
        """No more than there are: an image may end early."""
        return min(int(self._volume.get_size()), self._most)

    def read_at(self, offset: int, size: int) -> bytes:
        if offset < 0 or size <= 0:
            return b""
        data = bytearray(max(0, min(size, self.size - offset)))
        with memoryview(data) as view:
            done = self.read_into(offset, view)
        return bytes(data[:done])

    def read_into(self, offset: int, view: memoryview) -> int:
        wanted, done = max(0, min(len(view), self.size - offset)), 0
        with self._lock:
            while done < wanted:
                at = offset + done
                skip = at % self._sector
                piece = self._piece(at - skip, min(skip + wanted - done, _PIECE))[skip:]
                if not piece:
                    break
                view[done : done + len(piece)] = piece
                done += len(piece)
        return done

    def _piece(self, offset: int, size: int) -> bytes:
        """From the beginning of a sector on: libbde 20260916 gives wrong bytes, without a word,
        for what begins in one and ends in another."""
        self._file.failed = None
        try:
            return bytes(self._volume.read_buffer_at_offset(size, offset))
        except (OSError, ValueError):
            if self._file.failed is not None:
                raise self._file.failed from None
            raise NtfsError(
                "BitLocker volume: cannot be decrypted", f"offset {offset:#x}"
            ) from None

    def close(self) -> None:
        """With the volume's last reader."""


__all__ = ["IN_PART", "NO_KEY_FITS", "LockedVolume", "must_be_there"]
