"""Collections encrypted to a certificate, as Velociraptor, Generaptor and acquire write them: by
another library than the one that reads them."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path

import pyzipper
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

from .collected import as_zip

SESSION = "5f0e1d2c3b4a"
"""The password that Velociraptor makes up for one collection."""
KEY_BYTES = 192
"""Large enough for what is encrypted, and quick to make."""
_WHEN = datetime(2026, 11, 18, tzinfo=timezone.utc)


@cache
def _made(name: str) -> rsa.RSAPrivateKey:
    del name
    return rsa.generate_private_key(65537, 8 * KEY_BYTES)


def rsa_key(name: str = "server") -> rsa.RSAPrivateKey:
    """A key for each name, new in each run."""
    return _made(name)


def as_pem(key: rsa.RSAPrivateKey, *, password: str = "", old: bool = False) -> str:
    """``old``: PKCS #1, as Velociraptor's configuration has it."""
    closed = serialization.BestAvailableEncryption(password.encode()) if password else None
    kind = serialization.PrivateFormat
    return key.private_bytes(
        serialization.Encoding.PEM,
        kind.TraditionalOpenSSL if old else kind.PKCS8,
        closed or serialization.NoEncryption(),
    ).decode()


def public_sha256(key: rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()


@cache
def certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "VelociraptorServer")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(7)
    made = made.not_valid_before(_WHEN).not_valid_after(_WHEN + timedelta(days=365))
    return made.sign(key, hashes.SHA256())


def certificate_sha256(key: rsa.RSAPrivateKey) -> str:
    return certificate(key).fingerprint(hashes.SHA256()).hex()


def server_config(key: rsa.RSAPrivateKey) -> str:
    """As the server of Velociraptor is set up, with two private keys."""
    lines = ["version:", "  name: velociraptor"]
    for part, one in (("CA", rsa_key("authority")), ("Frontend", key)):
        pem = as_pem(one, old=True).splitlines()
        lines += [f"{part}:", "  private_key: |", *(f"    {line}" for line in pem)]
    return "\n".join([*lines, "Logging:", "  output_directory: /opt/logs", ""])


def sealed_to(key: rsa.RSAPrivateKey, secret: str = SESSION) -> str:
    by = padding.OAEP(padding.MGF1(hashes.SHA512()), hashes.SHA512(), None)
    return base64.b64encode(key.public_key().encrypt(secret.encode(), by)).decode()


def by_certificate(key: rsa.RSAPrivateKey) -> dict[str, str]:
    """What Velociraptor keeps of the password."""
    pem = certificate(key).public_bytes(serialization.Encoding.PEM).decode()
    return {"EncryptedPass": sealed_to(key), "Scheme": "X509", "PublicKey": pem}


def by_generaptor(key: rsa.RSAPrivateKey) -> dict[str, str]:
    return {"b64_enc_secret": sealed_to(key), "fingerprint_hex": certificate_sha256(key)}


def velociraptor(path: Path, members: Mapping[str, bytes], *rows: Mapping[str, str]) -> Path:
    """All of a collection in one archive, and that encrypted in another one."""
    inner = as_zip(path.with_name("data.zip"), members, _WHEN.timestamp())
    with pyzipper.AESZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps(rows, indent=1))
        archive.setpassword(SESSION.encode())
        archive.setencryption(pyzipper.WZ_AES)
        archive.write(inner, "data.zip")
    inner.unlink()
    return path


def by_acquire(plain: bytes, key: rsa.RSAPrivateKey, *, version: int = 1, cipher: int = 1) -> bytes:
    """acquire 3.22, ``crypt.py``."""
    secret, nonce = bytes(range(32)), bytes(range(12))
    header = b"KUSJESVANSRT" + bytes((cipher, len(secret), len(nonce), 0)) + secret + nonce
    by = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    sealed = key.public_key().encrypt(header, by)
    digest = bytes.fromhex(public_sha256(key))
    when = int(_WHEN.timestamp())
    front = struct.pack("<16sBBHQ32s", b"ENCRYPTEDACQUIRE", version, 1, len(sealed), when, digest)
    made = AESGCM(secret).encrypt(nonce, plain, front + sealed)
    return front + sealed + made + struct.pack("<6sH", b"FOOTER", 16)
