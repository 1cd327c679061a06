"""X.509 certificates lying about as files, known by the SHA-256 of their DER encoding.

DER begins with a SEQUENCE of long length (``30 82``, X.690, 8.1 and 8.9); PEM is RFC 7468. Nothing
of the certificate is parsed: equality is the whole question.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re

MAX_CERTIFICATE_BYTES = 64 << 10
MAX_CERTIFICATES = 256

_DER = b"\x30\x82"
_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END", re.ASCII
)


def looks_like_certificate(head: bytes) -> bool:
    """Whether a file that begins so may be a certificate (a PEM file may begin with a comment)."""
    return head.startswith(_DER) or b"-----BEGIN " in head


def certificate_hashes(data: bytes) -> list[tuple[int, str]]:
    """Offset and SHA-256 of every certificate in a DER or PEM file of at most 64 KiB."""
    if len(data) > MAX_CERTIFICATE_BYTES:
        return []
    if data.startswith(_DER) and len(data) >= 4:
        # Its own length, so that bytes appended to the file do not hide it.
        length = 4 + int.from_bytes(data[2:4], "big")
        return [(0, hashlib.sha256(data[:length]).hexdigest())]
    found: list[tuple[int, str]] = []
    for block in _PEM.finditer(data):
        if len(found) == MAX_CERTIFICATES:
            break
        try:
            der = base64.b64decode(b"".join(block[1].split()), validate=True)
        except binascii.Error:
            continue  # not Base64, so whatever it is, it is no certificate
        found.append((block.start(), hashlib.sha256(der).hexdigest()))
    return found
