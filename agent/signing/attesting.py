"""Signs reports and the lines of their journals; see ``model/attestation.py`` for what that is."""

from __future__ import annotations

from msgspec import structs

from ..model.attestation import (
    Attestation,
    PrevEvent,
    chained,
    digest_of,
    fingerprint,
    signature,
    signed_bytes,
)
from ..model.codec import lines_of, to_json
from ..model.report import Report
from .keys import PrivateKey

_UNSIGNED = b',"fingerprint":'


def attested(report: Report, key: PrivateKey, *, after: str = "") -> Report:
    """The same report with an attestation, over what it will be written as.

    ``after``: the fingerprint of what it follows in its chain. Raises ReportError.
    """
    lines = lines_of(report)
    digests = "".join(map(digest_of, lines))
    bare = _bare(report.report_id, key, after, digests)
    prefix = b'"attestation":' + _prefix(bare)
    return structs.replace(report, attestation=_signed(bare, chained([*lines, prefix]), key))


class ChainOfLines:
    """Attests the lines of one journal, each with the one before it."""

    def __init__(self, key: PrivateKey, report_id: str) -> None:
        self._key = key
        self._report_id = report_id
        self.last = ""
        """The fingerprint of the last line; empty: there is none yet."""

    def attested(self, line: bytes) -> bytes:
        """A record, one JSON object, with its attestation as its last member."""
        bare = _bare(self._report_id, self._key, self.last, "")
        start = line.removesuffix(b"}") + b',"attestation":'
        self.last = chained([start + _prefix(bare)])
        return start + to_json(_signed(bare, self.last, self._key)) + b"}"


def _bare(report_id: str, key: PrivateKey, after: str, digests: str) -> Attestation:
    return Attestation(
        chain_uid=report_id,
        authority_uid=key.public.id,
        prev_event=PrevEvent(fingerprint=fingerprint(after)) if after else None,
        line_digests=digests,
        fingerprint=fingerprint(""),
        signatures=[],
    )


def _prefix(bare: Attestation) -> bytes:
    """What is attested of the attestation itself."""
    text = to_json(bare)
    return text[: text.rindex(_UNSIGNED)]


def _signed(bare: Attestation, value: str, key: PrivateKey) -> Attestation:
    by = signature(key.sign(signed_bytes(value)))
    return structs.replace(bare, fingerprint=fingerprint(value), signatures=[by])


def is_as_attested(report: Report) -> bool:
    """Whether it would be written as it was when it was signed: another version may have read it,
    which writes it otherwise."""
    of = report.attestation
    if of is None:
        return False
    prefix = b'"attestation":' + _prefix(of)
    return chained([*lines_of(report), prefix]) == of.fingerprint.value
