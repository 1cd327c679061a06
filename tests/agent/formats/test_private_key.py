from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.private_key import (
    CUT_SHORT,
    NO_RSA,
    PROTECTED,
    PrivateKey,
    has_private_key,
    is_of_rsa,
    private_keys,
)
from tests.evidence.encrypted import as_pem, by_certificate, public_sha256, rsa_key, server_config


@pytest.mark.parametrize("old", [True, False])
def test_a_key_is_known_by_its_public_half(*, old: bool) -> None:
    (pem,) = private_keys(f"a note\n{as_pem(rsa_key(), old=old)}\nanother\n")
    assert PrivateKey(pem).public_sha256 == public_sha256(rsa_key())


def test_the_keys_of_a_server_s_configuration_are_found_in_their_order() -> None:
    wanted = [public_sha256(rsa_key("authority")), public_sha256(rsa_key())]
    config = server_config(rsa_key())
    assert [PrivateKey(pem).public_sha256 for pem in private_keys(config)] == wanted
    pem = as_pem(rsa_key(), old=True)
    (found,) = private_keys('{"private_key": "' + pem.replace("\n", "\\n") + '"}')
    assert PrivateKey(found).public_sha256 == wanted[1]


@pytest.mark.parametrize("old", [True, False])
def test_one_that_is_protected_is_refused(*, old: bool) -> None:
    with pytest.raises(FormatError, match=PROTECTED):
        private_keys(as_pem(rsa_key(), password="secret", old=old))


def test_one_without_its_end_is_refused() -> None:
    text = as_pem(rsa_key())
    with pytest.raises(FormatError, match=CUT_SHORT):
        private_keys(text + text[:300])


def test_what_is_no_key_of_rsa_is_none() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert not is_of_rsa(other.decode())
    damaged = as_pem(rsa_key()).replace("M", "N", 3)
    with pytest.raises(FormatError, match=NO_RSA):
        PrivateKey(damaged)
    with pytest.raises(FormatError, match=NO_RSA):
        PrivateKey(by_certificate(rsa_key())["PublicKey"])


def test_a_certificate_is_its_key_s_alone() -> None:
    pem = by_certificate(rsa_key())["PublicKey"]
    assert PrivateKey(as_pem(rsa_key())).is_of(pem)
    assert not PrivateKey(as_pem(rsa_key("other"))).is_of(pem)
    assert not PrivateKey(as_pem(rsa_key())).is_of("-----BEGIN CERTIFICATE-----\nx\n")


@given(st.text(alphabet="-BEGIN PRIVATE KEYMRS\n\\nx", max_size=300))
def test_any_text_ends_in_keys_or_in_an_error(text: str) -> None:
    text = f"-----BEGIN PRIVATE KEY-----{text}-----END PRIVATE KEY-----"
    assert has_private_key(text)
    try:
        found = private_keys(text)
    except FormatError:
        return
    assert found
    assert not any(map(is_of_rsa, found))
