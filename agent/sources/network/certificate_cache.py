r"""CryptoAPI's cache: what it fetched to judge certificates, and what certutil was told to fetch.

Evidence: ``AppData\LocalLow\Microsoft\CryptnetUrlCache`` of each user and of the system's accounts:
``MetaData``, a file for each address with the time, and ``Content``, what came from there, which is
searched as bytes: lists, answers and certificates name hosts (the hash of a certificate that lies
there as a file is told by ``files``). Since: Windows Vista.
Cannot tell: which program asked, which site's certificate it was about, earlier times than the
last; addresses that certutil was told to fetch and to forget (``-delete``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...formats.cryptnet_cache import read_fetched
from ...model.objects import Url
from ...model.observation import ByteHit, Claim, Observation, moments
from .. import whereabouts
from ..artefact import Found, Reader, WholeFile
from ..places import owner_of, place_in, told_as

if TYPE_CHECKING:
    from ...coverage import Part
    from ...targets.evidence import EvidenceFile

_CONTENT = "\\content\\"


class CertificateCache(WholeFile):
    """One observation for each file."""

    name = "certificate_cache"
    kind = "file of the certificate cache"
    where = whereabouts.CERTIFICATE_CACHE
    max_bytes = 64 << 20
    markers = ()

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        is_content = _CONTENT in file.path.casefold()
        return _ContentReader(file, part) if is_content else super().reader(file, part)

    def records(
        self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
    ) -> Iterator[Observation]:
        """An address that was asked for. Raises FormatError."""
        fetched = read_fetched(data)
        yield Observation(
            source=self.name,
            seen="cache of certificate look-ups",
            claim=Claim.VISITED,
            place=told_as(fetched.url, place_in(file)),
            moments=moments(visited=fetched.when),
            url=Url(full=fetched.url),
            user=owner_of(file),
            hits=tuple(hits),
            remarks=(f"{fetched.size:,} bytes were fetched, by CryptoAPI or certutil",),
        )


class _ContentReader(Reader):
    def records(self, found: Found) -> Iterator[Observation]:
        # In DER texts lie side by side, with nothing between but a tag that may be a letter.
        hits = found.rules.mentions(found.data, whole_words=False)
        if hits:
            yield Observation(
                source=CertificateCache.name,
                seen=CertificateCache.kind,
                claim=Claim.LOGGED,
                place=place_in(self.file),
                user=owner_of(self.file),
                hits=tuple(hits),
                remarks=("what came from an address that CryptoAPI was told to fetch",),
            )
