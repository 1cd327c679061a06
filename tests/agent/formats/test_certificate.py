from __future__ import annotations

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from agent.formats.certificate import certificate_hashes, looks_like_certificate

DER = b"\x30\x82\x01\x00" + bytes(range(256))
DIGEST = hashlib.sha256(DER).hexdigest()


def pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def test_a_der_file_is_one_certificate_whatever_follows_it() -> None:
    assert certificate_hashes(DER) == [(0, DIGEST)]
    assert certificate_hashes(DER + b"appended") == [(0, DIGEST)]


def test_a_pem_file_holds_as_many_as_it_says() -> None:
    found = certificate_hashes(b"# a chain\r\n" + pem(DER).replace(b"\n", b"\r\n") + pem(DER))

    assert [digest for _, digest in found] == [DIGEST, DIGEST]
    assert found[0][0] == 11


def test_other_files_are_none() -> None:
    assert certificate_hashes(b"") == []
    assert certificate_hashes(b"-----BEGIN CERTIFICATE-----\n***\n-----END CERTIFICATE-----") == []
    assert certificate_hashes(DER + bytes(1 << 16)) == []
    assert not looks_like_certificate(b"MZ")
    assert looks_like_certificate(pem(DER))


@given(st.binary(max_size=500))
def test_any_bytes_end_in_a_list(data: bytes) -> None:
    for attempt in (data, b"\x30\x82" + data, pem(data), b"-----BEGIN CERTIFICATE-----" + data):
        assert isinstance(certificate_hashes(attempt), list)
