"""That a report, or a line of a journal, is as its writer left it.

The fields are those of OCSF 1.9's ``attestation`` (profile ``record_integrity``). What is attested
is the bytes as they were written, up to the attestation's own ``fingerprint`` and ``signatures``,
which stand at the end; nothing is written anew to be checked. OCSF has no place for a signature's
bytes, nor for the digests of lines: ``value`` and ``line_digests`` are ours.

A report with an attestation is JSON laid out in lines. The fingerprint is the end of a chain over
them: of 32 zero bytes, then ever again SHA-256 of the value before and the line. So no line can be
changed, removed, added or moved. ``line_digests`` tells which one was; it proves nothing by itself.

No I/O, and no cryptography but SHA-256: who verifies brings the keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from .differences import difference, told
from .objects import Part

ALGORITHM = "Ed25519"
ANOTHER_KEY = "signed by another key, "
"""Begins the flaw of a signature by a key that was not asked for; its id follows."""
_DIGEST = 8
"""Hexadecimal digits of a line's digest: enough to find a line, and 4 bytes a line when packed."""
_CONTEXT = b"iocsweep.attestation/1\n"
"""Begins what is signed, so that no signature is one of anything else by the same key."""
_MEMBER = b'"attestation":'
_UNATTESTED = re.compile(
    rb',"fingerprint":\{"algorithm":"SHA-256","algorithm_id":3,"value":"([0-9a-f]{64})"\},'
    rb'"signatures":\[\{"algorithm":"Ed25519","algorithm_id":99,"value":"([0-9a-f]{128})"\}\]\}\}'
)
_AUTHORITY = re.compile(rb',"authority_uid":"([0-9a-f]{16})"')
_LINE_DIGESTS = re.compile(rb',"line_digests":"((?:[0-9a-f]{8})*)"')

Verify = Callable[[bytes, bytes], bool]
"""Whether a signature is of a message, by one key."""


class Fingerprint(Part, kw_only=True):
    """A digest, named as OCSF names it."""

    algorithm: str
    """``SHA-256``."""
    algorithm_id: int
    """3."""
    value: str
    """64 hexadecimal digits."""


class PrevEvent(Part, kw_only=True):
    """The record before this one in its chain."""

    fingerprint: Fingerprint


class DigitalSignature(Part, kw_only=True):
    """A signature of a fingerprint."""

    algorithm: str
    """``Ed25519``."""
    algorithm_id: int
    """99, OCSF's "other"."""
    value: str
    """128 hexadecimal digits."""


class Attestation(Part, kw_only=True):
    """By whom and of what; see the module."""

    chain_uid: str
    """Of the report whose chain it is."""
    authority_uid: str
    """The key: the first 16 hexadecimal digits of the SHA-256 of its 32 public bytes."""
    prev_event: PrevEvent | None = None
    """Of a report: the last line of its journal, or the whole report of which this is a smaller
    form. Of a journal's line: the line before."""
    line_digests: str = ""
    """Of a report: the first 8 hexadecimal digits of the SHA-256 of each line before this one,
    without a comma at its end."""
    fingerprint: Fingerprint
    signatures: list[DigitalSignature]


class Sealed(Struct, frozen=True):
    """What an attestation's end says."""

    attested: bytes
    fingerprint: str
    signature: bytes
    key: str


def key_id(public: bytes) -> str:
    """What a key is called."""
    return hashlib.sha256(public).hexdigest()[:16]


def signed_bytes(fingerprint: str) -> bytes:
    """What the signature is made of."""
    return _CONTEXT + fingerprint.encode("ascii")


def digest_of(line: bytes) -> str:
    """Of a line, to find it by."""
    return hashlib.sha256(line.removesuffix(b",")).hexdigest()[:_DIGEST]


def chained(lines: Iterable[bytes]) -> str:
    """The end of the chain over these lines."""
    value = bytes(32)
    for line in lines:
        value = hashlib.sha256(value + line).digest()
    return value.hex()


def fingerprint(value: str) -> Fingerprint:
    """By its hexadecimal digits."""
    return Fingerprint(algorithm="SHA-256", algorithm_id=3, value=value)


def signature(value: bytes) -> DigitalSignature:
    """By its 64 bytes."""
    return DigitalSignature(algorithm=ALGORITHM, algorithm_id=99, value=value.hex())


def unsealed(line: bytes) -> Sealed | None:
    """The attestation that a line ends with; None: it has none as we write it."""
    end = line.rfind(b',"fingerprint":')
    rest = _UNATTESTED.fullmatch(line, end) if end >= 0 else None
    at = line.rfind(_MEMBER, 0, end) if rest else -1
    who = _AUTHORITY.search(line, at, end) if at >= 0 else None
    if rest is None or who is None:
        return None
    return Sealed(line[:end], rest[1].decode(), bytes.fromhex(rest[2].decode()), who[1].decode())


def has_member(line: bytes) -> bool:
    """Whether a journal's line has an attestation, whatever that is worth: in a text that is told
    its quotes are escaped."""
    return b"," + _MEMBER + b"{" in line


def has_attestation(data: bytes) -> bool:
    """Whether a line of these bytes is an attestation's, whatever that is worth."""
    return b"\n" + _MEMBER + b"{" in data


def flaw_of_report(data: bytes, keys: Mapping[str, Verify]) -> str:
    """Why these bytes are not as somebody with one of the keys (by their ids) wrote them, with the
    line; empty: they are. For a report that has an attestation."""
    whole = data.endswith(b"\n")
    *lines, last = data.removesuffix(b"\n").split(b"\n")
    sealed = unsealed(last) if last.startswith(_MEMBER) else None
    number = len(lines) + 1
    if sealed is None or not whole:
        return _not_last(lines, last, number)
    if chained([*lines, sealed.attested]) != sealed.fingerprint:
        return _where(lines, sealed, number)
    return f"line {number}: {why}" if (why := flaw_of_signature(sealed, keys)) else ""


def flaw_of_signature(sealed: Sealed, keys: Mapping[str, Verify]) -> str:
    """Why the signature is not one of its fingerprint by one of the keys; empty: it is."""
    verify = keys.get(sealed.key)
    if verify is None:
        return f"{ANOTHER_KEY}{sealed.key}"
    if not verify(sealed.signature, signed_bytes(sealed.fingerprint)):
        return f"the signature is not one of this content by the key {sealed.key}"
    return ""


def _not_last(lines: Sequence[bytes], last: bytes, number: int) -> str:
    at = next((n for n, one in enumerate(lines, 1) if one.startswith(_MEMBER)), 0)
    if at:
        return f"line {at + 1}: was added behind the attestation"
    if last.startswith(_MEMBER):
        return f"line {number}: the attestation itself was changed"
    return f"line {number}: the attestation is not where it was written: the lines were made anew"


def _where(lines: Sequence[bytes], sealed: Sealed, number: int) -> str:
    itself = f"line {number}: the attestation itself was changed"
    listed = _LINE_DIGESTS.search(sealed.attested)
    if listed is None:
        return itself
    text, now = listed[1].decode(), [digest_of(line) for line in lines]
    was = [text[at : at + _DIGEST] for at in range(0, len(text), _DIGEST)]
    found = difference(was, now)
    start, end = listed.span(1)
    right = sealed.attested[:start] + "".join(now).encode() + sealed.attested[end:]
    if found is None or chained([*lines, right]) == sealed.fingerprint:
        return itself
    return told(found, "line", "lines", lambda n: str(n + 1))
