"""The binary XML of Windows event logs: bytes of a chunk in, elements out, within a budget.

Format: [MS-EVEN6] 2.2.12 BinXml (tokens, value types) and libyal, "Windows XML Event Log (EVTX)",
section 5 (names and templates by their offset in the chunk). A template may use one value many
times, and a value may be binary XML with a template of its own: 64 KiB can stand for many
gigabytes, so everything that is made is counted.

Text comes as it is stored: control characters, NULs and unpaired surrogates, which no XML has.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError
from .event_values import ARRAY, BINARY_XML, text_of, texts_of

MAX_TOKENS = 20_000
"""Tokens and values of one record; real records have up to some thousands."""
MAX_CHARACTERS = 4 << 20
"""Names and texts of one record; without templates 64 KiB hold 32,768."""
MAX_DEPTH = 32
"""Elements in elements, across templates and values."""

_MORE = 0x40
"""Set in a token that has attributes, or that is followed by another of its kind."""
_END_OF_FRAGMENT, _OPEN, _CLOSE_START, _CLOSE_EMPTY, _END_ELEMENT = range(5)
_VALUE, _ATTRIBUTE, _CDATA, _CHARACTER, _ENTITY, _PI_TARGET, _PI_DATA = range(5, 12)
_TEMPLATE, _SUBSTITUTION, _OPTIONAL_SUBSTITUTION, _FRAGMENT = range(12, 16)
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_NAME = struct.Struct("<IHH")
_DEFINITION = struct.Struct("<I16sI")
_DESCRIPTOR = struct.Struct("<HBB")


class Element:
    """An element: its name, its attributes, what it holds in order."""

    __slots__ = ("attributes", "content", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.attributes: dict[str, str] = {}
        self.content: list[Element | str] = []

    @property
    def text(self) -> str:
        """Its own text and that of all within, joined."""
        return "".join(part if isinstance(part, str) else part.text for part in self.content)

    @property
    def elements(self) -> list[Element]:
        """Those directly within."""
        return [part for part in self.content if isinstance(part, Element)]

    def find(self, name: str) -> Element | None:
        """The first element of that name directly within."""
        return next((element for element in self.elements if element.name == name), None)


class Value(NamedTuple):
    """One value that a template's substitutions name by their number: where it lies."""

    kind: int
    at: int
    size: int


class Budget:
    """What may still be made, in tokens and in characters."""

    __slots__ = ("characters", "tokens")

    def __init__(self, tokens: int = MAX_TOKENS, characters: int = MAX_CHARACTERS) -> None:
        self.tokens = tokens
        self.characters = characters

    def spend(self, tokens: int, characters: int = 0) -> None:
        """Raises :class:`FormatError` when more was made than may be."""
        self.tokens -= tokens
        self.characters -= characters
        if self.tokens < 0 or self.characters < 0:
            raise FormatError("binary XML expands beyond its bounds")


def read_binary_xml(chunk: bytes, start: int, end: int, into: Element, budget: Budget) -> None:
    """Read the fragment between two offsets of a chunk into ``into``, an element of the caller's.

    What was read before an error stays in ``into``.

    Raises:
        FormatError: malformed, or more than the budget; ``where`` is the offset in the chunk.
    """
    reader = _Reader(chunk, budget)
    try:
        reader.fragment(start, end, into, depth=0, nested=False)
    except (struct.error, IndexError) as error:
        raise FormatError("binary XML ends early", hex(start)) from error


def values_at(chunk: bytes, start: int, end: int) -> tuple[Value, ...]:
    """The values of the template instance that a fragment consists of, and nothing made of them.

    Raises:
        FormatError: no fragment of this kind, or malformed.
    """
    try:
        if chunk[start] == _FRAGMENT:
            start += 4
        if chunk[start] != _TEMPLATE:
            raise FormatError("binary XML: no template instance", hex(start))
        return _instance(chunk, start, end).values
    except (struct.error, IndexError) as error:
        raise FormatError("binary XML ends early", hex(start)) from error


class _Instance(NamedTuple):
    """A use of a template: where its body begins and stops, its values, where it ends."""

    body: int
    stop: int
    values: tuple[Value, ...]
    end: int


def _instance(chunk: bytes, at: int, end: int) -> _Instance:
    definition = _U32.unpack_from(chunk, at + 6)[0]
    at += 10
    _, _, size = _DEFINITION.unpack_from(chunk, definition)
    body = definition + _DEFINITION.size
    if definition == at:
        at = body + size
    count = _U32.unpack_from(chunk, at)[0]
    at += 4
    data: int = at + count * _DESCRIPTOR.size
    if data > end:
        raise FormatError("binary XML: more values than there is room for", hex(at))
    values = []
    for length, kind, _ in _DESCRIPTOR.iter_unpack(chunk[at:data]):
        values.append(Value(kind, data, length))
        data += length
    if data > end:
        raise FormatError("binary XML: values go beyond their record", hex(at))
    return _Instance(body, min(body + size, len(chunk)), tuple(values), data)


class _Reader:
    """Reads one record; every token and character is taken from its budget."""

    def __init__(self, chunk: bytes, budget: Budget) -> None:
        self._chunk = chunk
        self._spend = budget.spend
        self._names: dict[int, str] = {}

    def fragment(self, at: int, end: int, into: Element, *, depth: int, nested: bool) -> None:
        """A document fragment: its header, then elements or a template instance.

        ``nested``: a value of a template; its elements have no dependency identifier.
        """
        self._contents(at, end, into, values=(), depth=depth, nested=nested)

    def _contents(
        self,
        at: int,
        end: int,
        into: Element,
        *,
        values: tuple[Value, ...],
        depth: int,
        nested: bool = False,
    ) -> int:
        """Tokens up to the end of the element or of the fragment; gives the offset behind."""
        if depth > MAX_DEPTH:
            raise FormatError("binary XML nests too deeply", hex(at))
        while at < end:
            self._spend(1)
            kind = self._chunk[at] & ~_MORE
            if kind in {_END_OF_FRAGMENT, _END_ELEMENT}:
                return at + 1
            if kind == _OPEN:
                at = self._element(at, end, into, values=values, depth=depth, nested=nested)
            elif kind == _TEMPLATE:
                at = self._template(at, end, into, depth)
            elif kind == _FRAGMENT:
                at += 4
            elif kind in {_SUBSTITUTION, _OPTIONAL_SUBSTITUTION}:
                value = self._substituted(at, values)
                if value.kind == BINARY_XML:
                    inner = value.at + value.size
                    self.fragment(value.at, inner, into, depth=depth + 1, nested=True)
                else:
                    for text in self._texts(value):
                        into.content.append(text)
                at += 4
            else:
                text, at = self._text(at, end)
                into.content.append(text)
        return at

    def _element(
        self,
        at: int,
        end: int,
        parent: Element,
        *,
        values: tuple[Value, ...],
        depth: int,
        nested: bool,
    ) -> int:
        has_attributes = self._chunk[at] & _MORE
        at += 1 if nested else 3  # the token, and the dependency identifier
        name, at = self._name(at + 4)  # behind the element's size
        element = Element(name)
        parent.content.append(element)
        if has_attributes:
            at = self._attributes(at + 4, end, element, values)
        closing = self._chunk[at]
        if closing == _CLOSE_EMPTY:
            return at + 1
        if closing != _CLOSE_START:
            raise FormatError("binary XML: a start tag does not end", hex(at))
        first = at + 1
        at = self._contents(first, end, element, values=values, depth=depth + 1, nested=nested)
        if self._is_array(first, values):
            _repeat(element, parent)
        return at

    def _is_array(self, at: int, values: tuple[Value, ...]) -> bool:
        """Whether an element's content is one substitution, by an array: the element then stands
        once for each item."""
        if self._chunk[at] & ~_MORE not in {_SUBSTITUTION, _OPTIONAL_SUBSTITUTION}:
            return False
        if self._chunk[at + 4] != _END_ELEMENT:
            return False
        return bool(self._substituted(at, values).kind & ARRAY)

    def _attributes(self, at: int, end: int, element: Element, values: tuple[Value, ...]) -> int:
        while at < end and self._chunk[at] & ~_MORE == _ATTRIBUTE:
            name, at = self._name(at + 1)
            parts: list[str] = []
            while at < end:
                self._spend(1)
                kind = self._chunk[at] & ~_MORE
                if kind in {_ATTRIBUTE, _CLOSE_START, _CLOSE_EMPTY}:
                    break
                if kind in {_SUBSTITUTION, _OPTIONAL_SUBSTITUTION}:
                    parts.extend(self._texts(self._substituted(at, values)))
                    at += 4
                else:
                    text, at = self._text(at, end)
                    parts.append(text)
            element.attributes[name] = "".join(parts)
        return at

    def _template(self, at: int, end: int, into: Element, depth: int) -> int:
        """An instance: the definition, here or earlier in the chunk, with the values behind."""
        found = _instance(self._chunk, at, end)
        self._spend(len(found.values))
        self._contents(found.body, found.stop, into, values=found.values, depth=depth + 1)
        return found.end

    def _substituted(self, at: int, values: tuple[Value, ...]) -> Value:
        number: int = _U16.unpack_from(self._chunk, at + 1)[0]
        if number >= len(values):
            raise FormatError(f"binary XML: no value {number}", hex(at))
        return values[number]

    def _texts(self, value: Value) -> Iterator[str]:
        if value.kind == BINARY_XML:
            raise FormatError("binary XML: an element in an attribute", hex(value.at))
        data = self._chunk[value.at : value.at + value.size]
        found = texts_of(value.kind, data) if value.kind & ARRAY else (text_of(value.kind, data),)
        for text in found:
            self._spend(1, len(text))
            yield text

    def _text(self, at: int, end: int) -> tuple[str, int]:
        """A text that stands in the XML itself, and the offset behind it."""
        kind = self._chunk[at] & ~_MORE
        if kind == _CHARACTER:
            self._spend(0, 1)
            return chr(_U16.unpack_from(self._chunk, at + 1)[0]), at + 3
        if kind == _ENTITY:
            name, at = self._name(at + 1)
            return _ENTITIES.get(name, f"&{name};"), at
        if kind == _PI_TARGET:
            name, at = self._name(at + 1)
            return "", at
        if kind not in {_VALUE, _CDATA, _PI_DATA}:
            raise FormatError(f"binary XML: unknown token {self._chunk[at]:#04x}", hex(at))
        at += 2 if kind == _VALUE else 1
        if kind == _VALUE and self._chunk[at - 1] != 1:
            raise FormatError("binary XML: a value that is no string", hex(at))
        length = _U16.unpack_from(self._chunk, at)[0]
        stop = at + 2 + length * 2
        if stop > end:
            raise FormatError("binary XML: a text goes beyond its record", hex(at))
        self._spend(0, length)
        text = self._chunk[at + 2 : stop].decode("utf-16-le", "surrogatepass")
        return ("" if kind == _PI_DATA else text), stop

    def _name(self, at: int) -> tuple[str, int]:
        """The name that the offset at ``at`` leads to, and the offset behind its use."""
        place = _U32.unpack_from(self._chunk, at)[0]
        at += 4
        _, _, length = _NAME.unpack_from(self._chunk, place)
        text = self._names.get(place)
        if text is None:
            start = place + _NAME.size
            data = self._chunk[start : start + length * 2]
            if len(data) < length * 2:
                raise FormatError("binary XML: a name goes beyond the chunk", hex(place))
            text = self._names[place] = data.decode("utf-16-le", "surrogatepass")
        self._spend(0, length)
        if place == at:  # it stands here for the first time, with a NUL behind
            at += _NAME.size + length * 2 + 2
        return text, at


def _repeat(element: Element, parent: Element) -> None:
    """One element for each item of an array, as Windows shows it."""
    parent.content.pop()
    for item in element.content:
        single = Element(element.name)
        single.attributes = element.attributes
        single.content = [item]
        parent.content.append(single)
    if not element.content:
        parent.content.append(element)
