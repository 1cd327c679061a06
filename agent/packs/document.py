"""A YAML or JSON document read strictly: bounded, each error with its line, no key unknown or
doubled.

JSON is read by its own parser, tens of times sooner, and straight into its type; plain values and
lines are made of it only if there is an error.
"""

from __future__ import annotations

import codecs
import json
import re
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
import yaml

from ..exit_codes import CannotRun
from .json_places import KeyTwice, Place, check_json, lines_of, read_json

MAX_PACK_BYTES = 32 * 1024 * 1024
"""100,000 indicators with their sources and notes take 17 to 25 million bytes."""

_MAX_NODES = 1_000_000
_MAX_JSON_PARTS = 2_000_000
"""Of a file named as JSON: 100,000 indicators have 10 to 15 commas and brackets each."""

_MAX_DEPTH = 32
_SAYS_PACK = re.compile(rb"""(?m)^[\s{\xef\xbb\xbf]*["']?pack["']?\s*:\s*["']?iocsweep\.pack/""")

_T = TypeVar("_T")


class PackError(CannotRun):
    """A pack that must not be used: ``path:line: why``."""


def is_pack(data: bytes) -> bool:
    """Whether these bytes say that they are one, however good."""
    return _SAYS_PACK.search(data) is not None


class Document:
    """A YAML or JSON document as plain values, knowing the line of every part."""

    def __init__(self, path: str, data: bytes) -> None:
        """Raises PackError."""
        self.path = path
        self._lines: dict[Place, int] = {}
        self._json = b""
        """The text, if it is JSON: its lines are found when one is asked for."""
        self._count = 0
        if len(data) > MAX_PACK_BYTES:
            raise PackError(f"{path}: larger than {MAX_PACK_BYTES} bytes")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise PackError(f"{path}: not UTF-8 at byte {error.start}") from error
        if not self._is_json(text, data):
            self.value = self._read_yaml(text)

    @cached_property
    def value(self) -> Any:
        """The document as plain values."""
        return read_json(self._json.decode("utf-8-sig"))

    def _is_json(self, text: str, data: bytes) -> bool:
        """What begins with a brace may be YAML still. Raises PackError."""
        is_named_so = self.path.lower().endswith(".json")
        may_be = is_named_so or text[:1] == "{" or text.lstrip()[:1] == "{"
        parts = text.count(",") + text.count("[") + text.count("{")
        if not may_be or (parts > _MAX_NODES and not is_named_so):
            return False
        if parts > _MAX_JSON_PARTS:
            raise PackError(f"{self.path}:1: too many values")
        self._json = data
        try:
            check_json(text)
        except KeyTwice:
            self._know_lines()
        except json.JSONDecodeError as error:
            if is_named_so:
                raise PackError(f"{self.path}:{error.lineno}: {error.msg}") from error
            self._json = b""
            return False
        except ValueError as error:
            raise PackError(f"{self.path}: {error}") from error
        except RecursionError as error:
            raise PackError(f"{self.path}: nested too deeply") from error
        return True

    def _know_lines(self) -> None:
        """Of a JSON text. Raises PackError for a key that stands twice."""
        self._lines, twice = lines_of(self._json.decode("utf-8-sig"))
        if twice:
            self.fail(twice, f"key {twice[-1]!r} stands twice")

    def _read_yaml(self, text: str) -> Any:
        """Raises PackError."""
        path = self.path
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            node = yaml.compose(text, Loader=loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{path}:{mark.line + 1}" if mark else path
            raise PackError(f"{where}: {getattr(error, 'problem', None) or error}") from error
        except RecursionError as error:
            raise PackError(f"{path}: nested too deeply") from error
        return self._plain(node, ()) if node is not None else None

    def line(self, place: Place) -> int:
        """Of a part, or of the nearest around it."""
        if self._json and not self._lines:
            self._know_lines()
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def _plain(self, node: Any, place: Place) -> Any:
        self._count += 1
        self._lines[place] = node.start_mark.line + 1
        if self._count > _MAX_NODES or len(place) > _MAX_DEPTH:
            self.fail(place, "too many or too deeply nested values")
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(getattr(key_node, "value", ""))
                inner = (*place, key)
                if key in mapping:
                    self._lines[inner] = key_node.start_mark.line + 1
                    self.fail(inner, f"key {key!r} stands twice")
                mapping[key] = self._plain(value_node, inner)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(v, (*place, n)) for n, v in enumerate(node.value)]
        return node.value  # a text; what is to be a number or a truth value, the type says

    def fail(self, place: Place, why: str) -> NoReturn:
        """Raises PackError with file and line."""
        raise PackError(f"{self.path}:{self.line(place)}: {why}")

    def into(self, kind: type[_T]) -> _T:
        """The whole document as this type, strictly. Raises PackError with file and line."""
        if self._json:
            with suppress(msgspec.DecodeError):
                decoder = msgspec.json.Decoder(kind, strict=False)
                return decoder.decode(self._json.removeprefix(codecs.BOM_UTF8))
        # Of JSON that is not of the type, the words for it are those of plain values.
        try:
            return msgspec.convert(self.value, kind, strict=False)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            place = _place(where.rstrip("`"))
            at = f" (at {where.rstrip('`').lstrip('.')})" if where else ""
            self.fail(place, f"{message}{at}")


def _place(path: str) -> Place:
    """``.indicators[3].value`` as the parts that lead there."""
    parts: list[str | int] = []
    for piece in path.replace("[", ".[").split("."):
        if piece.startswith("[") and piece[1:-1].isdigit():
            parts.append(int(piece[1:-1]))
        elif piece:
            parts.append(piece)
    return tuple(parts)


def read_yaml(path: Path) -> bytes:
    """At most one byte more than a pack may have. Raises PackError."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        what = "give one file" if path.is_dir() else "is the path right?"
        raise PackError(f"{path}: {error.strerror or error}; {what}") from error
