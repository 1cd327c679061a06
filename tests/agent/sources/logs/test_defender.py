"""What an antivirus wrote down about the campaign is told, and is no hit by itself."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.detection_history import read_detection
from agent.formats.quarantine import decrypted, rc4, read_entry
from agent.model.observation import Claim
from agent.model.report import State, Strength, Verdict
from agent.sources.artefact_source import ArtefactSource
from agent.sources.files.source import FilesSource
from agent.sources.logs.defender import Defender
from tests.evidence.detections import detection, quarantined
from tests.evidence.filetime import ticks
from tests.evidence.packs import matcher_of, sha256_of
from tests.evidence.samples import sample
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import FORMS, Files, as_folder, windows

FOLDER = "C:\\ProgramData\\Microsoft\\Windows Defender"
RECORD = (
    f"{FOLDER}\\Scans\\History\\Service\\DetectionHistory\\05\\6AFE33A0-19BA-4FFF-892F-B700539D7D63"
)
LOG = f"{FOLDER}\\Support\\MPLog-20181101-120000.log"
DLL = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
LINK = "https://www.jmj.com/personal/nauerthn_state_gov/AbCdEf"
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
EICAR = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"
FOUND = detection(
    ("file", DLL), ("webfile", f"C:\\Users\\jo\\Downloads\\ds7002.zip|{LINK}|pid:1,ProcessStart:2"),
    ("containerfile", "C:\\Users\\jo\\Downloads\\ds7002.zip->ds7002.lnk"), sha1=SHA1, started=NOON,
)  # fmt: skip

ENTRY = f"{FOLDER}\\Quarantine\\Entries\\{{800CD1D8-0000-0000-DB5F-B52FE0CD0DD0}}"
CREATED = datetime(2018, 11, 14, 11, 58, tzinfo=timezone.utc)
PUT_AWAY = quarantined(
    ("file", DLL), ("containerfile", "C:\\Users\\jo\\Downloads\\ds7002.zip->ds7002.lnk"),
    ("runkey", "HKCU@S-1-5-21-7-1001\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\\\x"),
    when=NOON, created=CREATED, identifier=bytes(range(20)),
)  # fmt: skip


def sweep(place: Path, files: Files, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows(files)), ArtefactSource(Defender()))


@pytest.mark.parametrize("form", FORMS)
def test_a_detection_is_told_with_file_hash_url_and_time_and_is_weak(
    form: str, tmp_path: Path
) -> None:
    found = sweep(tmp_path, {RECORD: FOUND}, form)
    told = {match.indicator.id for match in found.matches()}
    assert {"path-localappdata-cyzfc-dat", "dll-sha1", "delivery-url", "name-ds7002-lnk"} <= told
    assert {match.strength for match in found.matches()} == {Strength.WEAK}
    assert {match.observation.claim for match in found.matches()} == {Claim.BLOCKED}
    assert {one.time for seen in found.seen for one in seen.moments} == {NOON}
    assert found.coverage.state is State.COMPLETE


def test_a_detection_and_its_log_are_no_hit_and_the_file_beside_them_is_one(
    tmp_path: Path,
) -> None:
    log = f"2018-11-14T12:00:00.000Z DETECTION_ADD Trojan:Win32/Example file:{DLL} {SHA1}\r\n"
    record: Files = {RECORD: FOUND, LOG: b"\xff\xfe" + log.encode("utf-16-le")}
    sources = ArtefactSource(Defender()), FilesSource()
    made = reported(as_folder(tmp_path / "record", windows(record)), *sources)
    assert made.verdict is not Verdict.HIT
    assert {finding.strength for finding in made.findings} == {Strength.WEAK}

    there = reported(as_folder(tmp_path / "file", windows({**record, DLL: b"MZ"})), *sources)
    assert there.verdict is Verdict.HIT
    (strong,) = (one for one in there.findings if one.strength is Strength.STRONG)
    assert {one.source for one in strong.evidence} >= {"files", "defender"}


def test_what_calls_itself_defenders_record_elsewhere_is_judged_as_what_it_is(
    tmp_path: Path,
) -> None:
    """Only Defender's own folder, where an administrator alone can write, is asked."""
    elsewhere = "C:\\Users\\jo\\AppData\\Local\\DetectionHistory\\05\\6AFE33A0"
    assert sweep(tmp_path, {elsewhere: FOUND}).seen == []


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-8"])
def test_each_line_of_a_log_is_told_by_itself(encoding: str, tmp_path: Path) -> None:
    text = f"first\r\nĊ {DLL}\r\nbetween\r\nlast pandorasong.com"
    found = sweep(tmp_path, {LOG: text.encode(encoding)})
    assert [(one.indicator.id, one.strength) for one in found.matches()] == [
        ("name-cyzfc-dat", Strength.WEAK),
        ("c2-domain", Strength.WEAK),
    ]
    data = text.encode(encoding)
    second = int(found.seen[1].place.record.split()[1])
    assert data[second:].decode(encoding) == "last pandorasong.com"


def test_a_damaged_record_is_a_gap_and_a_mention(tmp_path: Path) -> None:
    damaged = bytes(8) + FOUND[FOUND.find(DLL.encode("utf-16-le")) :]
    found = sweep(tmp_path, {RECORD: damaged})
    assert found.coverage.state is State.PARTIAL
    assert "name-cyzfc-dat" in {match.indicator.id for match in found.matches()}


def test_a_real_record_has_the_known_hashes_of_the_eicar_file(tmp_path: Path) -> None:
    """The hashes of that file are public; path and address were read by eye."""
    data = sample("defender/6AFE33A0-19BA-4FFF-892F-B700539D7D63")
    read = read_detection(data)
    assert read.threat == "Virus:DOS/EICAR_Test_File"
    assert [one.kind for one in read.resources] == ["containerfile", "file", "webfile"]
    file, web = read.resources[1:]
    assert file.named["ThreatTrackingSha256"] == EICAR
    assert file.named["ThreatTrackingSha1"] == "3395856ce81f2b7382dee72602f798b642f14140"
    assert file.named["ThreatTrackingMD5"] == "44d88612fea8a8f36de82e1278abb02f"
    assert (file.path, file.member) == (
        "C:\\Users\\testuser\\Downloads\\eicar_com.zip",
        "eicar.com",
    )
    assert web.url == "https://secure.eicar.org/eicar_com.zip"
    assert read.started is not None
    browser_start = 133029417782902463  # as the record's own text has it
    assert 0 < ticks(read.started) - browser_start < 3600 * 10_000_000

    target = FORMS["folder"](tmp_path / "c", windows({RECORD: data}))
    wanted = sha256_of(b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*")
    assert wanted.value == EICAR
    found = swept(target, ArtefactSource(Defender()), matcher=matcher_of(wanted))
    assert {match.strength for match in found.matches()} == {Strength.WEAK}


@given(st.data())
def test_a_damaged_record_ends_in_a_detection_or_in_an_error(data: st.DataObject) -> None:
    damaged = bytearray(FOUND)
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = read_detection(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    except FormatError:
        return
    assert read.resources


@pytest.mark.parametrize("form", FORMS)
def test_what_was_put_into_quarantine_is_told_though_it_is_encrypted_and_is_weak(
    form: str, tmp_path: Path
) -> None:
    found = sweep(tmp_path, {ENTRY: PUT_AWAY}, form)
    told = {match.indicator.id for match in found.matches()}
    assert {"path-localappdata-cyzfc-dat", "name-ds7002-lnk"} <= told
    assert {match.strength for match in found.matches()} == {Strength.WEAK}
    assert {match.observation.claim for match in found.matches()} == {Claim.BLOCKED}
    file, member, key, _ = found.seen
    assert file.file is not None
    assert (file.file.path, file.file.created) == (DLL, CREATED)
    assert [(one.of.value, one.time) for one in file.moments] == [
        ("created", CREATED), ("happened", NOON),
    ]  # fmt: skip
    assert file.remarks == (
        "quarantined as Trojan:Win32/Example",
        "kept as 000102030405060708090A0B0C0D0E0F10111213",
    )
    assert member.file is not None
    assert (member.file.path, member.file.member_of) == (
        "ds7002.lnk", "C:\\Users\\jo\\Downloads\\ds7002.zip",
    )  # fmt: skip
    assert key.file is None
    assert found.coverage.state is State.COMPLETE


def test_the_quarantine_is_no_hit_by_itself(tmp_path: Path) -> None:
    sources = ArtefactSource(Defender()), FilesSource()
    made = reported(as_folder(tmp_path, windows({ENTRY: PUT_AWAY})), *sources)
    assert made.verdict is not Verdict.HIT
    assert {finding.strength for finding in made.findings} == {Strength.WEAK}


def test_an_entry_that_ends_early_is_a_gap_and_tells_what_is_there(tmp_path: Path) -> None:
    whole = decrypted(PUT_AWAY)
    found = sweep(tmp_path, {ENTRY: PUT_AWAY[: len(PUT_AWAY) - len(whole.second) // 2]})
    assert found.reasons == {"Defender's record: it ends early": 1}
    assert "path-localappdata-cyzfc-dat" in {one.indicator.id for one in found.matches()}


def test_what_is_no_entry_is_a_gap_and_its_bytes_are_searched(tmp_path: Path) -> None:
    found = sweep(tmp_path, {ENTRY: bytes(80) + DLL.encode("utf-16-le")})
    assert "Defender's record: no entry of the quarantine" in found.reasons
    assert "name-cyzfc-dat" in {one.indicator.id for one in found.matches()}


def test_the_cipher_is_that_of_the_published_examples() -> None:
    """RFC 6229 has keystreams alone; these are the first widely published ones (Wikipedia, RC4)."""
    assert rc4(b"Plaintext", b"Key").hex() == "bbf316e8d940af0ad3"
    assert rc4(b"Attack at dawn", b"Secret").hex() == "45a01f645fc35b383552544b9bf5"


@given(st.data())
def test_a_damaged_entry_ends_in_what_is_there_or_in_an_error(data: st.DataObject) -> None:
    damaged = bytearray(PUT_AWAY)
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = read_entry(decrypted(bytes(damaged[: data.draw(st.integers(0, len(damaged)))])))
    except FormatError:
        return
    assert len(read.resources) < 4_097
