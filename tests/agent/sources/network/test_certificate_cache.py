"""What CryptoAPI and certutil fetched is told with its time and user."""

from __future__ import annotations

import struct
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.cryptnet_cache import read_fetched
from agent.model.observation import Claim, moments
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.network.certificate_cache import CertificateCache
from tests.evidence.filetime import ticks
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, Files, windows

CACHE = "C:\\Users\\jo\\AppData\\LocalLow\\Microsoft\\CryptnetUrlCache"
NOTE = f"{CACHE}\\MetaData\\0123456789ABCDEF0123456789ABCDEF"
SYSTEM = (
    "C:\\Windows\\System32\\config\\systemprofile\\AppData\\LocalLow\\Microsoft"
    "\\CryptnetUrlCache\\MetaData\\77EC63BDA74BD0D0E0426DC8F8008506"
)
URL = "http://pandorasong.com/radio/x.txt"
NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)


def note(url: str = URL, etag: str = '"5bec"', when: datetime = NOON) -> bytes:
    address, tag = ((text + "\0").encode("utf-16-le") for text in (url, etag))
    head = struct.pack("<III", 1, 0, 0) + struct.pack("<IQ", len(address), ticks(when))
    head += bytes(64) + struct.pack("<QIIIII", ticks(NOON), 0, len(tag), 0, 0, 4711)
    return head + address + tag


def sweep(place: Path, files: Files, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows(files)), ArtefactSource(CertificateCache()))


@pytest.mark.parametrize("form", FORMS)
def test_an_address_that_was_fetched_has_its_time_and_user(form: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, {NOTE: note(), SYSTEM: note("http://ctldl.example/a.cab")}, form)
    assert ("c2-domain", Strength.STRONG) in {
        (one.indicator.id, one.strength) for one in found.matches()
    }
    (seen,) = found.seen
    assert (seen.claim, seen.url and seen.url.full) == (Claim.VISITED, URL)
    assert seen.moments == moments(visited=NOON)
    assert seen.place.text == f"{URL} (jo) in {NOTE}"
    assert seen.user is not None
    assert seen.user.name == "jo"
    assert seen.remarks == ("4,711 bytes were fetched, by CryptoAPI or certutil",)
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 2


def test_what_came_from_there_is_a_mention(tmp_path: Path) -> None:
    path = NOTE.replace("MetaData", "Content")
    (match,) = sweep(tmp_path, {path: b"0\x82\1\0CN=pandorasong.com\x30"}).matches()
    assert (match.indicator.id, match.strength) == ("c2-domain", Strength.WEAK)
    assert match.observation.claim is Claim.LOGGED


def test_a_note_that_ends_early_is_a_gap_and_a_mention_and_hides_no_other(tmp_path: Path) -> None:
    found = sweep(tmp_path, {NOTE: note()[:160], SYSTEM: note()})
    assert found.reasons == {"file of the certificate cache: no note of what was fetched": 1}
    strengths = {(one.strength, one.observation.place.path) for one in found.matches()}
    assert strengths == {(Strength.WEAK, NOTE), (Strength.STRONG, SYSTEM)}


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_end_in_a_note_or_in_an_error(data: bytes, cut: int) -> None:
    for some in (data, note()[:cut] + data):
        try:
            assert len(read_fetched(some).url) <= len(some)
        except FormatError:
            continue
