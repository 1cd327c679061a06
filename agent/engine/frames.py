"""What a sweep and the processes that run the operator's rules say to each other.

Each message is a frame: its length, 4 bytes little-endian, then MessagePack. The sweep writes
frames to the process's standard input and reads its standard output. Contents of files lie in
memory that both share (``Room``); where there is none, and where one is too large for it, its bytes
follow the frame that names it.

The process reads hostile files and may be taken over by one: what it answers is bounded, decoded
strictly, and believed in nothing else than its matches.
"""

from __future__ import annotations

import mmap
import os
import secrets
import struct
import sys
from typing import BinaryIO, Final, NamedTuple

import msgspec
from msgspec import Struct, field

MAX_FRAME: Final = 16 << 20
"""Bytes; more is no answer. Rules with their includes have more room."""
MAX_SETUP: Final = 1 << 30

_LENGTH: Final = struct.Struct("<I")


class FrameError(Exception):
    """Not a frame, not a whole one, or not the message that was due."""


class Ended(FrameError):
    """The other side closed its end."""


class Setup(Struct, array_like=True, tag=0):
    """The first frame: what to compile, and how the process is bounded."""

    sources: dict[str, str]
    externals: dict[str, str | int | bool]
    memory: int
    """Bytes that it may take for its scans."""
    longest_s: float
    """After so many seconds with one frame a process that nobody ends any more ends itself."""
    room: str = ""
    """Of the shared memory: a descriptor's number, or a name; empty: there is none."""


class Scan(Struct, array_like=True, tag=1):
    """Files to scan, in this order."""

    serial: int
    sizes: list[int]
    externals: list[dict[str, str | int]]
    in_room: bool
    """One behind the other in the room; else their bytes follow."""
    naming: bool = False
    """Say what begins while it is under way."""


class Ready(Struct, array_like=True, tag=2):
    """The rules are compiled and the rights lowered."""

    room_proof: bytes
    """What lies at the beginning of the room that the process sees."""
    notes: list[str]
    """What could not be lowered, and why."""


class Refused(Struct, array_like=True, tag=3):
    """The rules do not compile; the engine's words."""

    why: str


class Begun(Struct, array_like=True, tag=4):
    """What is under way now, in words."""

    what: str


class FileAnswer(Struct, array_like=True):
    """Of one file."""

    matches: list[tuple[str, int, int]] = field(default_factory=list)
    """Rule, offset and length of its earliest place."""
    gaps: list[str] = field(default_factory=list)
    failure: str = ""
    """Why there is no answer."""
    out_of_memory: bool = False

    @property
    def says_something(self) -> bool:
        return bool(self.matches or self.gaps or self.failure or self.out_of_memory)


class Answers(Struct, array_like=True, tag=5):
    """Of the next files of a ``Scan``, at least one."""

    serial: int
    files: list[FileAnswer | None]
    """None: nothing matches."""


Order = Setup | Scan
Answer = Ready | Refused | Begun | Answers

_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def encoded(message: Order | Answer) -> bytes:
    """A frame. Raises UnicodeEncodeError for a lone surrogate."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def _body(file: BinaryIO, most: int) -> bytes:
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise Ended("ended")
    (length,) = _LENGTH.unpack(head)
    if length > most:
        raise FrameError(f"a frame of {length:,} bytes")
    body = file.read(length)
    if len(body) < length:
        raise Ended("ended within a frame")
    return body


def read_order(file: BinaryIO) -> Order:
    """What the sweep wants next. Raises FrameError."""
    try:
        return _orders.decode(_body(file, MAX_SETUP))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(str(error)) from error


def read_answer(file: BinaryIO) -> Answer:
    """What the process says next. Raises FrameError, OSError."""
    try:
        return _answers.decode(_body(file, MAX_FRAME))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(str(error)) from error


ROOM_BYTES: Final = 8 << 20
"""For contents, of each process. Larger files go by the pipe, at about two thirds of the speed;
more room would be slower still, as memory that was not used before costs more than both copies."""
_HEAD: Final = 64
_PROOF: Final = slice(32, 48)
_COUNT: Final = struct.Struct("<Q")


class Place(NamedTuple):
    """Where the other process finds a room."""

    name: str
    descriptors: tuple[int, ...]
    """To be inherited."""


class Room:
    """Memory shared by a sweep and one process: a head, in which the process counts the files of
    a ``Scan`` that it has begun, then contents."""

    def __init__(self, memory: mmap.mmap, place: Place) -> None:
        self._memory = memory
        self._view = memoryview(memory)
        self.place = place

    @classmethod
    def made(cls) -> Room | None:
        """A new one, by the sweep; None where the system has no such memory without a file."""
        size = _HEAD + ROOM_BYTES
        if sys.platform == "win32":
            # An unguessable name: who knows it, and runs as this user or above, can open it.
            name = f"iocsweep-{secrets.token_hex(16)}"
            room = cls(mmap.mmap(-1, size, tagname=name), Place(name, ()))
        elif sys.platform == "linux":
            number = os.memfd_create("iocsweep", os.MFD_CLOEXEC)
            try:
                os.ftruncate(number, size)
                room = cls(mmap.mmap(number, size), Place(str(number), (number,)))
            except OSError:
                os.close(number)
                raise
        else:
            return None
        room._view[_PROOF] = secrets.token_bytes(16)
        return room

    @classmethod
    def opened(cls, name: str) -> Room:
        """The one that the sweep made, by the process. Raises OSError, ValueError."""
        size = _HEAD + ROOM_BYTES
        if sys.platform == "win32":
            # Where there is none of this name a new one comes about; the proof tells.
            return cls(mmap.mmap(-1, size, tagname=name), Place(name, ()))
        number = int(name)
        try:
            return cls(mmap.mmap(number, size), Place(name, ()))
        finally:
            os.close(number)

    @property
    def proof(self) -> bytes:
        """What both must see alike."""
        return bytes(self._view[_PROOF])

    def fill(self, contents: list[bytes | memoryview]) -> None:
        """Put contents in, one behind the other."""
        start = _HEAD
        for data in contents:
            end = start + len(data)
            self._view[start:end] = data if isinstance(data, bytes) else data.cast("B")
            start = end

    def piece(self, start: int, length: int) -> bytes:
        """A copy of one content."""
        return bytes(self._view[_HEAD + start : _HEAD + start + length])

    @property
    def begun(self) -> int:
        """How many files of the ``Scan`` have begun."""
        count: int = _COUNT.unpack_from(self._view)[0]
        return count

    @begun.setter
    def begun(self, count: int) -> None:
        _COUNT.pack_into(self._view, 0, count)

    def close(self) -> None:
        """Give the memory back."""
        self._view.release()
        self._memory.close()
        for number in self.place.descriptors:
            os.close(number)
