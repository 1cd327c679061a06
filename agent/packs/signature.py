"""The signature of a pack or of a file of YARA rules, in a file of its own beside it: ``PACK.sig``.

One line of JSON, of which everything before ``signature`` is signed (Ed25519), as it is written:
the SHA-256 of the pack's bytes, and short digests of its values and lines; rules have lines alone.
These prove nothing by themselves; they tell where a pack was altered that is not the one that was
signed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..model.attestation import digest_of
from ..model.differences import Difference, difference, told
from ..signing.keys import PrivateKey, PublicKey
from .document import MAX_PACK_BYTES, Document, PackError

ENDING = ".sig"
_SCHEMA = "iocsweep.pack-signature/1"
_CONTEXT = f"{_SCHEMA}\n".encode()
"""Begins what is signed, so that no signature is one of anything else by the same key."""
_MAX_BYTES = MAX_PACK_BYTES
_DIGITS = 8
_END = re.compile(rb',"signature":"([0-9a-f]{128})"\}\n')


class Signature(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is signed of a pack, and the signature."""

    schema: str
    algorithm: str
    """``Ed25519``."""
    key: str
    """Its id: the first 16 hexadecimal digits of the SHA-256 of its 32 public bytes."""
    sha256: str
    """Of the pack's bytes."""
    values: dict[str, str]
    """For each key of the document 8 hexadecimal digits of the SHA-256 of its value; of a list, so
    many of each item. Of rules none."""
    line_digests: str
    """8 hexadecimal digits of each line."""
    signature: str
    """64 bytes, hexadecimal."""


_DECODER = msgspec.json.Decoder(Signature)


def beside(path: Path) -> Path:
    """Where a pack's signature lies."""
    return path.with_name(path.name + ENDING)


def is_signature(data: bytes) -> bool:
    """Whether these bytes begin as one does, of whatever and by whomever."""
    return data.startswith(b'{"schema":"iocsweep.pack-signature/')


def signature_of(path: str, data: bytes, key: PrivateKey) -> bytes:
    """The whole file for a pack of these bytes. Raises PackError: it cannot be read."""
    values = _values(Document(path, data).value)
    return _signed(data, {name: "".join(digests) for name, digests in values.items()}, key)


def signature_of_rules(data: bytes, key: PrivateKey) -> bytes:
    """The whole file for YARA rules of these bytes."""
    return _signed(data, {}, key)


def _signed(data: bytes, values: dict[str, str], key: PrivateKey) -> bytes:
    bare = Signature(
        schema=_SCHEMA,
        algorithm="Ed25519",
        key=key.public.id,
        sha256=hashlib.sha256(data).hexdigest(),
        values=values,
        line_digests="".join(_lines(data)),
        signature="",
    )
    text = json.dumps(msgspec.to_builtins(bare), separators=(",", ":")).encode("ascii")
    signed = text[: text.rindex(b',"signature":')]
    return signed + f',"signature":"{key.sign(_CONTEXT + signed).hex()}"}}\n'.encode("ascii")


def verified(path: Path, data: bytes, keys: Sequence[PublicKey]) -> PublicKey:
    """The key that signed these bytes, read from ``path``. Raises PackError: none of them did, and
    where they are not what was signed."""
    sig = beside(path)
    try:
        with sig.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise PackError(f"{path}: is not signed: there is no {sig.name} beside it") from None
    except OSError as error:
        raise PackError(f"{sig}: {error.strerror or error}") from error
    end = _END.fullmatch(text, text.rfind(b',"signature":')) if b',"signature":' in text else None
    try:
        found = _DECODER.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        end, found = None, None
    if end is None or found is None or found.schema != _SCHEMA:
        raise PackError(f"{sig}: is no signature as `packs sign` writes it, or was altered")
    key = next((one for one in keys if one.id == found.key), None)
    if key is None:
        raise PackError(f"{path}: is signed by another key, {found.key[:16]} ({sig.name})")
    signed = text[: end.start()]
    if not key.verify(bytes.fromhex(end[1].decode()), _CONTEXT + signed):
        raise PackError(f"{sig}: was altered: it is not what the key {key.id} signed")
    if hashlib.sha256(data).hexdigest() != found.sha256:
        raise _altered(path, data, found)
    return key


def _altered(path: Path, data: bytes, signed: Signature) -> PackError:
    """With where."""
    since = f"since it was signed by {signed.key}"
    if not signed.values:
        where = f"{path}:{_first_line(data, signed) or 1}"
        return PackError(f"{where}: {_changed_lines(data, signed)} {since}")
    try:
        document = Document(str(path), data)
    except PackError as error:
        where = _changed_lines(data, signed)
        return PackError(f"{error}; altered {since}: {where}")
    now = _values(document.value)
    if list(now) != list(signed.values):
        names = sorted(now.keys() ^ signed.values.keys()) or list(now)
        line = document.line((names[0],))
        return PackError(f"{path}:{line}: {', '.join(names)[:200]}: not as it was {since}")
    for name, digests in now.items():
        found = difference(_pieces(signed.values[name]), digests)
        if found is not None:
            line = _first_line(data, signed) or document.line((name,))
            return PackError(f"{path}:{line}: {_named(document, name, found)} {since}")
    return PackError(f"{path}: {_changed_lines(data, signed)} {since}, though no value of it")


def _named(document: Document, name: str, found: Difference) -> str:
    items = document.value[name]
    if not isinstance(items, list):
        return f"{name} was changed"

    def called(number: int) -> str:
        known = items[number].get("id") if number < len(items) and _has_id(items[number]) else None
        if found.kind == "removed" or known is None:
            return f"number {number + 1}"
        return str(known)[:80]

    return told(found, name.removesuffix("s"), name, called)


def _has_id(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), str)


def _first_line(data: bytes, signed: Signature) -> int:
    """That is not as it was; 0: none is."""
    found = difference(_pieces(signed.line_digests), _lines(data))
    return 0 if found is None else min(found.first, data.count(b"\n")) + 1


def _changed_lines(data: bytes, signed: Signature) -> str:
    found = difference(_pieces(signed.line_digests), _lines(data))
    if found is None:
        return "bytes at the ends of lines were changed"
    return told(found, "line", "lines", lambda n: str(n + 1))


def _values(value: Any) -> dict[str, list[str]]:
    """Digests by key. Text alone is a document as well; it has no keys, and no pack is one."""
    if not isinstance(value, dict):
        return {}
    return {
        str(name): [_digest(one) for one in item] if isinstance(item, list) else [_digest(item)]
        for name, item in value.items()
    }


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:_DIGITS]


def _lines(data: bytes) -> list[str]:
    return [digest_of(line) for line in data.split(b"\n")]


def _pieces(text: str) -> list[str]:
    return [text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS)]
