"""Rows as one piece of bytes, in the form that an engine takes: made where there is time for it,
and handed on as it is. A report has thousands of values; to hand them over one by one costs as much
as to make them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

import msgspec

from .database import Form, Packed, Value, storable

_NULL = "\0"
"""Stands for NULL until backslashes are doubled: no text that is storable has it."""
_BREAKS = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
"""What ``COPY`` takes for its own marks, and how it is told that these are none."""
_MEANT = {escape: text for text, escape in _BREAKS.items()}
_ESCAPES = str.maketrans(_BREAKS)
_ENCODER = msgspec.msgpack.Encoder()


def packed(rows: Sequence[Sequence[Value]], form: Form) -> Packed:
    """Rows of text, whole numbers and None. Raises Unstorable."""
    if not rows:
        return Packed(0, b"")
    columns = [*zip(*rows, strict=True)]
    for column in columns:
        storable(column)
    return Packed(len(rows), _ENCODER.encode(rows) if form == "messagepack" else _copy(columns))


def read_copy(data: bytes, numbers: Sequence[bool]) -> list[list[Value]]:
    """The rows of ``copy`` again. ``numbers``: of each column, whether it holds whole numbers."""
    lines = [line.split("\t") for line in data.decode().split("\n")[:-1]]
    return [[*map(_value, line, numbers)] for line in lines]


def _copy(columns: Sequence[Sequence[Value]]) -> bytes:
    texts = [_texts(column) for column in columns]
    text = _lines(texts)
    count = len(columns[0])
    breaks = count * (len(columns) - 1), count
    if (text.count("\t"), text.count("\n")) == breaks and "\r" not in text:
        text = text.replace("\\", r"\\")
    else:
        text = _lines([[value.translate(_ESCAPES) for value in column] for column in texts])
    return text.replace(_NULL, r"\N").encode()


def _lines(columns: Sequence[Sequence[str]]) -> str:
    return "\n".join(map("\t".join, zip(*columns, strict=True))) + "\n"


def _texts(column: Sequence[Value]) -> Sequence[str]:
    if set(map(type, column)) == {str}:
        return cast(Sequence[str], column)
    return [_NULL if value is None else str(value) for value in column]


def _value(text: str, number: bool) -> Value:  # noqa: FBT001 - mapped over columns
    if text == r"\N":
        return None
    if number:
        return int(text)
    return re.sub(r"\\.", lambda found: _MEANT[found[0]], text) if "\\" in text else text
