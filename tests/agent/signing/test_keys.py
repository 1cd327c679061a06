"""Key files: OpenSSL's are ours and ours are OpenSSL's; anything else is refused with why."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from agent.signing.keys import (
    KeyFileError,
    PrivateKey,
    new_key,
    public_keys,
    read_private_key,
    read_public_keys,
    signing_key,
)

# RFC 8032, section 7.1, TEST 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
OF_72 = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


def test_a_key_signs_as_the_standard_says() -> None:
    key = PrivateKey(SEED)
    assert key.public.raw == PUBLIC
    assert key.sign(b"\x72") == OF_72
    assert key.public.verify(OF_72, b"\x72")
    assert not key.public.verify(OF_72, b"\x73")
    assert not key.public.verify(OF_72[:-1], b"\x72")
    assert not new_key().public.verify(OF_72, b"\x72")


def test_a_key_is_told_by_its_id_and_never_by_its_seed() -> None:
    assert SEED.hex() not in repr(PrivateKey(SEED))
    assert str(SEED) not in repr(PrivateKey(SEED))
    assert PrivateKey(SEED).public.id in repr(PrivateKey(SEED))


def test_ours_are_read_by_another_library() -> None:
    key = PrivateKey(SEED)
    private = load_pem_private_key(key.pem().encode(), None)
    public = load_pem_public_key(key.public.pem().encode())
    assert isinstance(private, Ed25519PrivateKey)
    assert isinstance(public, Ed25519PublicKey)
    assert private.sign(b"m") == key.sign(b"m")
    assert public.public_bytes_raw() == PUBLIC


def test_another_library_s_are_read(tmp_path: Path) -> None:
    theirs = Ed25519PrivateKey.generate()
    path, public = tmp_path / "k", tmp_path / "k.pub"
    path.write_bytes(theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pem = theirs.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(pem + PrivateKey(SEED).public.pem().encode())
    assert read_private_key(path).seed == theirs.private_bytes_raw()
    assert [key.raw for key in read_public_keys(public)] == [
        theirs.public_key().public_bytes_raw(),
        PUBLIC,
    ]


def test_the_line_inside_is_enough_and_may_come_from_the_environment(tmp_path: Path) -> None:
    line = PrivateKey(SEED).pem().splitlines()[1]
    path = tmp_path / "k"
    path.write_text(f"{line}\r\n")
    assert read_private_key(path).seed == SEED
    assert signing_key(None, {"IOCSWEEP_SIGNING_KEY": line}) == PrivateKey(SEED)
    assert signing_key(None, {"IOCSWEEP_SIGNING_KEY": " "}) is None
    assert signing_key(None, {}) is None
    (public,) = public_keys(PrivateKey(SEED).public.pem().splitlines()[1], "x")
    assert public.raw == PUBLIC


def _pem(kind: str, der: bytes) -> str:
    return f"-----BEGIN {kind}-----\n{base64.b64encode(der).decode()}\n-----END {kind}-----\n"


ENCRYPTED = (
    Ed25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    .decode()
)
OTHER_KIND = (
    X25519PrivateKey.generate()
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no key is there"),
        ("hello world", "no key is there"),
        ("A" * 70_000, "is no key, larger than"),
        (ENCRYPTED, "the key is encrypted"),
        (OTHER_KIND, "is no private key of Ed25519"),
        (PrivateKey(SEED).public.pem(), "is no private key of Ed25519"),
        (PrivateKey(SEED).pem() * 2, "more than one key"),
        (_pem("PRIVATE KEY", bytes(48)), "is no private key of Ed25519"),
        ("-----BEGIN PRIVATE KEY-----\nAAAAA\n-----END PRIVATE KEY-----", "broken base64"),
    ],
)
def test_what_is_no_private_key_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "k"
    path.write_text(text)
    with pytest.raises(KeyFileError, match=why):
        read_private_key(path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PrivateKey(SEED).pem(), "but a private one"),
        (PrivateKey(SEED).public.pem() * 65, "more than 64 keys"),
        (PrivateKey(SEED).public.pem() + OTHER_KIND, "is no public key of Ed25519"),
        (
            PrivateKey(SEED).public.pem() + PrivateKey(SEED).public.pem().replace("MC", "M!"),
            "only 1 of 2 keys can be read",
        ),
    ],
)
def test_what_are_no_public_keys_are_refused(text: str, why: str) -> None:
    with pytest.raises(KeyFileError, match=why):
        public_keys(text, "x")


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="nowhere"):
        signing_key(tmp_path / "nowhere", {})


@pytest.mark.parametrize("text", [PrivateKey(SEED).pem(), PrivateKey(SEED).pem().splitlines()[1]])
def test_a_key_in_the_place_of_its_file_is_not_told_on(text: str) -> None:
    with pytest.raises(KeyFileError) as error:
        read_private_key(Path(text))
    assert str(error.value) == "a private key itself is in the place of its file's name"
    assert error.value.__cause__ is None
