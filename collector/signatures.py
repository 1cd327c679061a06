"""Keys of sweeps, and whether a report is as one of them signed it.

The collector issues the private half once, to whoever brings the agents, and keeps the public one.
What a signature proves and what not: ``docs/signatures.md``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, cast, get_args

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from agent.model.attestation import ANOTHER_KEY, flaw_of_report, has_attestation, key_id
from agent.model.report import Report

Status = Literal[
    "verified", "unsigned", "altered", "unknown_key", "revoked_key", "unverified", "unchecked"
]
"""What is told outside of the collector, under one name everywhere: ``docs/signatures.md``."""
STATUSES: tuple[Status, ...] = get_args(Status)
REVOKED_KEY = "signed by the revoked key "
State = Literal["", "unsigned", "signed", "unknown", "wrong"]
"""``signed``: by a key of the sweep. ``unknown``: the sweep has none, so that nobody can tell.
``wrong``: the report is not as a key of the sweep signed it. Empty: it came before this was asked.
"""


class Verdict(NamedTuple):
    """What is known of a report's signature."""

    state: State
    detail: str
    """The key's id, or what is wrong and in which line."""

    @property
    def status(self) -> Status:
        """For programs. ``unknown_key``: of another sweep, or of anybody."""
        if self.state == "wrong":
            told = {ANOTHER_KEY: "unknown_key", REVOKED_KEY: "revoked_key"}
            found = (status for words, status in told.items() if words in self.detail)
            return cast(Status, next(found, "altered"))
        known: dict[State, Status] = {
            "signed": "verified", "unsigned": "unsigned", "unknown": "unverified",
        }  # fmt: skip
        return known.get(self.state, "unchecked")

    @property
    def words(self) -> str:
        """For people; empty if nothing is known."""
        return {
            "": "",
            "unsigned": "not signed",
            "signed": f"as it was signed by this sweep's key {self.detail}",
            "unknown": f"signed by the key {self.detail}; this sweep has no key to verify it by",
            "wrong": f"not as this sweep's key signed it: {self.detail}",
        }[self.state]


def kept(verdict: Verdict) -> str:
    """As the store has it."""
    return f"{verdict.state} {verdict.detail}".strip()


def verdict_kept(text: str) -> Verdict:
    """What :func:`kept` wrote; of anything else nothing is known."""
    state, _, detail = text.partition(" ")
    for known in ("unsigned", "signed", "unknown", "wrong"):
        if state == known:
            return Verdict(known, detail)
    return Verdict("", "")


def judged(
    data: bytes, report: Report, keys: Sequence[bytes], revoked: Sequence[bytes] = ()
) -> Verdict:
    """``data``: the report's JSON as it came; ``keys``: the public ones of its sweep that count;
    ``revoked``: those that do not any more."""
    of = report.attestation
    if of is None and not has_attestation(data):
        return Verdict("unsigned", "")
    if of is None:
        return Verdict("wrong", "it has an attestation that is not its own")
    by_id = {key_id(key): _verify(key) for key in keys}
    nobody_s = not keys and not revoked
    if nobody_s:
        # Whether it is whole can be told without one.
        by_id = {of.authority_uid: lambda *_: True}
    if why := flaw_of_report(data, by_id):
        for one in map(key_id, revoked):
            why = why.replace(f"{ANOTHER_KEY}{one}", f"{REVOKED_KEY}{one}")
        return Verdict("wrong", why)
    return Verdict("unknown" if nobody_s else "signed", of.authority_uid)


def _same(one: Verdict, other: Verdict) -> bool:
    """Whether they say the same; what is wrong is worded by the version that judged."""
    return one.state == other.state and (one.state == "wrong" or one.detail == other.detail)


def judged_anew(
    data: bytes,
    report: Report,
    recorded: str,
    keys: Iterable[tuple[Sequence[bytes], Sequence[bytes]]],
) -> tuple[Verdict, bool]:
    """What these bytes are now, and whether that is what was recorded. ``keys``: valid and revoked
    ones as they were when the report came, the likeliest first; any may have been what it was held
    against. Where nobody looked when it came, nothing but what is wrong gainsays that.
    """
    was = verdict_kept(recorded)
    found = [judged(data, report, *some) for some in keys]
    if not was.state:
        return found[0], found[0].state != "wrong"
    agreed = next((one for one in found if _same(was, one)), None)
    return (agreed or found[0]), agreed is not None


@lru_cache(1024)
def _verify(public: bytes) -> Callable[[bytes, bytes], bool]:
    key = Ed25519PublicKey.from_public_bytes(public)

    def verify(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


def new_key() -> tuple[str, bytes]:
    """A private key as agents are given it, one line of base64 (PKCS #8), and its public half."""
    key = Ed25519PrivateKey.generate()
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(der).decode("ascii"), key.public_key().public_bytes_raw()


def public_pem(public: bytes) -> str:
    """For ``iocsweep verify --pubkey``."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


__all__ = [
    "ANOTHER_KEY", "REVOKED_KEY", "STATUSES", "State", "Status", "Verdict", "judged",
    "judged_anew", "kept", "new_key", "public_pem", "verdict_kept",
]  # fmt: skip
