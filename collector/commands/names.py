"""Files of expected hosts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..expected_list import Unkept, expected_in, same_words
from ..store.expecting import Expected

MAX_LIST = 256 << 20


def read_names(path: Path) -> Iterator[str]:
    """The names of :func:`read_expected`. Raises ValueError naming the line, OSError."""
    for one in read_expected(path, Unkept()):
        yield one.name


def read_expected(path: Path, unkept: Unkept) -> Iterator[Expected]:
    """See :func:`~collector.expected_list.expected_in`. Raises ValueError, OSError."""
    with path.open("rb") as file:
        data = file.read(MAX_LIST + 1)
    if len(data) > MAX_LIST:
        raise ValueError(f"{path}: more than {MAX_LIST >> 20} MiB")
    yield from expected_in(data, str(path), unkept)


__all__ = ["MAX_LIST", "Unkept", "read_expected", "read_names", "same_words"]
