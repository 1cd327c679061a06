"""A report as bytes and back: JSON, pure ASCII, whatever strings the host put into it.

Names that are not valid Unicode hold surrogates (from ``os.fsdecode``, or unpaired on NTFS)
and must come back the same. They have no UTF-8 form, so the file is written with ``\\uXXXX``
escapes
only, which also survives every console, mail gateway and script on its way. msgspec refuses the
escape of a lone surrogate, as RFC 8259 section 8.2 lets it; only for those, and for reports of
version 1, does decoding take the slower way through :mod:`json`, and validates the same.

A high surrogate directly followed by a low one is the JSON form of one character beyond the basic
plane (RFC 8259 section 7) and comes back as that character.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import msgspec

from .report import Report
from .version_1 import WithoutFindings, begins_as_version_1, may_be_version_1, straight, upgraded

MAX_BYTES = 64 * 1024 * 1024
"""The largest report that is decoded unless the caller says otherwise."""
MAX_DEPTH = 64
"""How deep free-form values (``options``) may nest."""

T = TypeVar("T")
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}
_PREPARING = threading.Lock()


class ReportError(ValueError):
    """A report cannot be written or read; says what is wrong and where."""


def encode(report: Report) -> bytes:
    """The report as one line of ASCII JSON with a line end; one that is attested in the lines that
    its attestation is of, and that one last.

    Raises :class:`ReportError` for a value that JSON has no form for (in ``options``, or a NaN).
    """
    if report.attestation is None:
        return to_json(report) + b"\n"
    last = b'"attestation":' + to_json(report.attestation) + b"}\n"
    return b"\n".join([*lines_of(report), last])


def lines_of(report: Report) -> list[bytes]:
    """A report without its attestation, for that one to follow: a line for each member, and one for
    each item of a list. As :func:`encode`."""
    plain = msgspec.to_builtins(report, str_keys=True)
    plain.pop("attestation", None)
    lines: list[bytes] = []
    for name, value in plain.items():
        member = b'"' + name.encode("ascii") + b'":'
        if isinstance(value, list) and value:
            lines.append(member + b"[")
            lines += [to_json(item) + b"," for item in value]
            lines[-1] = lines[-1].removesuffix(b",")
            lines.append(b"],")
        else:
            lines.append(member + to_json(value) + b",")
    return [b"{" + lines[0], *lines[1:]]


def decode(data: bytes, *, max_bytes: int = MAX_BYTES) -> Report:
    """The report in ``data``, checked against the model; raises :class:`ReportError`.

    A report whose verdict does not follow from its findings and coverage is refused. One of version
    1 is read as one of today's. Fields that a later version added are passed over.
    """
    if len(data) > max_bytes:
        raise ReportError(f"report is {len(data):,} bytes, more than the {max_bytes:,} allowed")
    report = from_json(data, Report)
    if not _flat(report.options) and _too_deep(report.options):
        raise ReportError(f"report nests deeper than {MAX_DEPTH} levels - at `$.options`")
    return report


def to_json(value: object) -> bytes:
    """A value of the model as one line of ASCII JSON, without a line end."""
    try:
        # msgspec's own encoder writes UTF-8 and cannot write surrogates at all; the detour costs a
        # few milliseconds per thousand findings.
        text = json.dumps(
            msgspec.to_builtins(value, str_keys=True), allow_nan=False, separators=(",", ":")
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise ReportError(f"not representable in JSON: {error}") from error
    return text.encode("ascii")


def from_json(data: bytes, kind: type[T], *, version_1: bool = False) -> T:
    """A value of the model from JSON, strictly; raises :class:`ReportError`.

    ``version_1``: it belongs to a journal of that version, which only the journal's header names.
    """
    if version_1 or begins_as_version_1(data):
        if kind is Report and (report := straight(data, _decoder(WithoutFindings))) is not None:
            return cast("T", report)
        return _from_json_the_long_way(data, kind)
    try:
        return _decoder(kind).decode(data)
    except msgspec.ValidationError as error:
        if not may_be_version_1(data):
            raise ReportError(str(error)) from error
    except msgspec.DecodeError as error:
        if b"\\ud" not in data and b"\\uD" not in data:
            raise ReportError(str(error)) from error
    except UnicodeDecodeError as error:
        raise ReportError(f"not UTF-8: {error.reason} (byte {error.start})") from error
    except RecursionError as error:
        raise ReportError("nested too deeply") from error
    return _from_json_the_long_way(data, kind)


def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Made once, by one thread.

    msgspec (0.22) works out what a type consists of when it is first used, and a second thread that
    uses it meanwhile reads what is not there yet: the process ends with a segmentation fault.
    """
    made = _DECODERS.get(kind)
    if made is not None:
        return made
    with _PREPARING:
        if kind not in _DECODERS:
            _DECODERS[kind] = msgspec.json.Decoder(kind)
        return _DECODERS[kind]


def _from_json_the_long_way(data: bytes, kind: type[T]) -> T:
    _decoder(kind)
    try:
        return msgspec.convert(upgraded(_loaded(data)), kind)
    except json.JSONDecodeError as error:
        raise ReportError(f"JSON is malformed: {error.msg} (character {error.pos})") from error
    except UnicodeDecodeError as error:
        raise ReportError(f"not UTF-8: {error.reason} (byte {error.start})") from error
    except RecursionError as error:
        raise ReportError("nested too deeply") from error
    except ValueError as error:  # ValidationError, a number out of range
        raise ReportError(str(error)) from error


def _loaded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):  # half a surrogate pair, or none of JSON
        pass
    return json.loads(data.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite_float)


def unknown_fields(data: bytes, decoded: msgspec.Struct) -> list[str]:
    """Where the JSON that was decoded holds what this version has no field for: ``findings[0].x``.
    It may come from a later version, or be no report's at all."""
    return list(_unknown(upgraded(_loaded(data)), decoded, ""))


def _unknown(value: Any, made: Any, place: str) -> Iterator[str]:
    if isinstance(made, msgspec.Struct) and isinstance(value, dict):
        tag = made.__struct_config__.tag_field
        known = dict(zip(made.__struct_encode_fields__, made.__struct_fields__, strict=True))
        for name, item in value.items():
            if name != tag:
                inner = f"{place}.{name}".lstrip(".")
                if name in known:
                    yield from _unknown(item, getattr(made, known[name]), inner)
                else:
                    yield inner
    elif isinstance(value, list) and isinstance(made, (list, tuple)):
        for index, (item, inner_made) in enumerate(zip(value, made, strict=False)):
            yield from _unknown(item, inner_made, f"{place}[{index}]")


def _no_constant(name: str) -> float:
    raise ValueError(f"JSON is malformed: {name} is not a JSON value")


def _finite_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"Number out of range: {text[:32]}")
    return number


def _flat(options: dict[str, Any]) -> bool:
    """Most are."""
    for value in options.values():  # noqa: SIM110 - of a few values, in half the time
        if isinstance(value, (dict, list)):
            return False
    return True


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
