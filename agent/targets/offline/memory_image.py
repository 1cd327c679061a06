"""Images of memory, and dumps, in files.

What one is, its bytes tell (LiME, crash dump, minidump, ELF core); a raw one tells nothing, and is
known by its name (``.mem``, ``.vmem`` …) or because whoever sweeps says so (``--as memory``).
"""

from __future__ import annotations

import hashlib
import os
import threading
import weakref
from functools import cached_property, partial
from typing import BinaryIO

from ...formats.kinds import Holds, kind_of
from ...formats.memory_image import MemoryForm, is_core, memory_form
from ...reading.opening import open_quietly, read_at
from ...spelling import extension_of

NAMED_SO = frozenset({".mem", ".vmem", ".lime", ".dmp", ".mdmp", ".hdmp"})
"""Extensions of images of memory, lower case; ``.raw`` and ``.bin`` are others' too."""
HIBERNATION = "hiberfil.sys"
_HEAD = 4096
_SAMPLES = 64


class MemoryImage:
    """One file. May be asked from any thread; closed with the last reference to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = os.path.basename(path)
        self._lock = threading.Lock()

    @cached_property
    def _file(self) -> BinaryIO:
        file = open_quietly(os.path.realpath(self.path))
        weakref.finalize(self, file.close)
        return file

    @cached_property
    def size(self) -> int:
        """Bytes. Raises OSError."""
        with self._lock:
            return self._file.seek(0, os.SEEK_END)

    def read_at(self, offset: int, length: int) -> bytes:
        """At most so many bytes; fewer only at the end. Raises OSError."""
        with self._lock:
            return read_at(self._file, offset, length)

    @cached_property
    def form(self) -> MemoryForm:
        """Raises OSError."""
        return memory_form(self.read_at, self.size, self.name)

    @property
    def state(self) -> str:
        """Tells it from another one of the same name. Raises OSError."""
        with self._lock:
            told = os.fstat(self._file.fileno())
        return f"{told.st_dev}/{told.st_ino}/{told.st_size}/{told.st_mtime_ns}"

    def identity(self) -> str:
        """Of its form, its size, and pages from all over it: whatever it is called and wherever it
        lies. Raises OSError."""
        digest = hashlib.sha256(f"{self.form.kind}\0{self.size}\n".encode())
        for number in range(_SAMPLES + 1):
            digest.update(self.read_at((self.size - 1) * number // _SAMPLES & -_HEAD, _HEAD))
        return digest.hexdigest()[:32]


def is_memory(path: str) -> bool:
    """Whether a file is an image of memory by its bytes; by its name, where they say nothing. False
    if it cannot be read."""
    name = os.path.basename(path)
    try:
        with open_quietly(os.path.realpath(path)) as file:
            size = file.seek(0, os.SEEK_END)
            head = read_at(file, 0, _HEAD)
            kind = kind_of(head, size, name, partial(read_at, file))
    except OSError:
        return False
    if is_core(head) or (kind is not None and kind.holds is Holds.MEMORY):
        return True
    known = extension_of(name) in NAMED_SO or name.casefold() == HIBERNATION
    return known and kind is None
