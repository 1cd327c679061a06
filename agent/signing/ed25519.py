"""Ed25519 by PyNaCl, on bytes alone."""

from __future__ import annotations

from functools import lru_cache

SEED_BYTES = 32
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64


@lru_cache(4)
def public_of(seed: bytes) -> bytes:
    """The public key, 32 bytes, of a private one."""
    from nacl.bindings import crypto_sign_seed_keypair

    return crypto_sign_seed_keypair(seed)[0]


def sign(seed: bytes, message: bytes) -> bytes:
    """64 bytes, always the same for the same key and message."""
    from nacl.bindings import crypto_sign

    return crypto_sign(message, seed + public_of(seed))[:SIGNATURE_BYTES]


def verify(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the holder of the key signed this message."""
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import BadSignatureError

    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True
