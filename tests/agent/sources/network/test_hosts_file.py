r"""Names that the hosts file pins: the same wherever the file lies."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.observation import Claim
from agent.model.report import State, Strength, Verdict
from agent.sources.artefact_source import ArtefactSource
from agent.sources.network.hosts_file import HostsEntry, HostsFile, OddLine, parse_hosts
from tests.evidence.hives import hive
from tests.evidence.sweeping import commanded, swept
from tests.evidence.windows_folder import CONFIG, FORMS, Files, as_folder, windows

ETC = "C:\\Windows\\System32\\drivers\\etc"
POISONED = (
    b"# pandorasong.com\n0.0.0.0 pandorasong.com # ours\n203.0.113.9\tcdn.pandorasong.com x\n"
)
WITH_HOSTS = windows({f"{ETC}\\hosts": POISONED})


def source() -> ArtefactSource:
    return ArtefactSource(HostsFile())


def claims(place: Path, form: str, files: Files) -> dict[str, Claim]:
    """What is said of each name that matches."""
    sweep = swept(FORMS[form](place, files), source())
    assert sweep.coverage.state is State.COMPLETE
    matched = [match.observation for match in sweep.matches()]
    return {seen.dns.question: seen.claim for seen in matched if seen.dns}


@pytest.mark.parametrize("form", FORMS)
def test_a_sinkhole_is_a_block_and_another_address_is_not(form: str, tmp_path: Path) -> None:
    assert claims(tmp_path / "c", form, WITH_HOSTS) == {
        "pandorasong.com": Claim.BLOCKED,
        "cdn.pandorasong.com": Claim.RESOLVED,
    }


@pytest.mark.parametrize("form", FORMS)
def test_the_file_of_connection_sharing_is_read_too(form: str, tmp_path: Path) -> None:
    files = windows({f"{ETC}\\hosts.ics": b"203.0.113.9 pandorasong.com\n"})
    assert claims(tmp_path / "c", form, files) == {"pandorasong.com": Claim.RESOLVED}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["hosts.bak", "Copy of hosts", "hosts.20181114-120000.backup"])
def test_a_copy_says_what_once_was_pinned_and_is_weak(name: str, form: str, tmp_path: Path) -> None:
    found = swept(FORMS[form](tmp_path / "c", windows({f"{ETC}\\{name}": POISONED})), source())
    assert {(one.strength, one.observation.claim) for one in found.matches()} == {
        (Strength.WEAK, Claim.LOGGED)
    }
    assert {one.observation.remarks for one in found.matches()} == {
        ("a copy: Windows does not read it",)
    }
    assert found.coverage.state is State.COMPLETE


def test_a_copy_takes_nothing_from_the_file_beside_it(tmp_path: Path) -> None:
    files = windows({f"{ETC}\\hosts": POISONED, f"{ETC}\\hosts.bak": POISONED})
    found = swept(FORMS["folder"](tmp_path / "c", files), source())
    assert found.coverage.examined == 6
    strong = [one for one in found.matches() if one.strength is Strength.STRONG]
    assert {one.observation.place.path for one in strong} == {f"{ETC}\\hosts"}


@pytest.mark.parametrize("form", ["folder", "drives", "image", "collection"])
def test_the_file_is_looked_for_where_the_registry_says(form: str, tmp_path: Path) -> None:
    network = {"Tcpip": {"Parameters": {"DataBasePath": "%SystemRoot%\\elsewhere"}}}
    system = hive({"Select": {"Current": 1}, "ControlSet001": {"Services": network}})
    elsewhere = "C:\\Windows\\elsewhere\\hosts"
    files = windows({f"{CONFIG}\\SYSTEM": system, elsewhere: b"203.0.113.9 pandorasong.com\n"})
    (found,) = swept(FORMS[form](tmp_path / "c", files), source()).seen
    assert found.place.path == elsewhere


def test_a_poisoned_hosts_file_in_a_folder_is_a_hit(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "c", WITH_HOSTS)
    code, report = commanded(tmp_path / "out", "offline", str(folder), "--quiet")
    assert (code, report.verdict) == (1, Verdict.HIT)
    (finding,) = [one for one in report.findings if one.strength is Strength.STRONG]
    assert [sighting.place.text for sighting in finding.evidence] == [f"{ETC}\\hosts, line 3"]
    assert finding.reasons == ["in the hosts file"]
    (of_hosts,) = [one for one in report.coverage if one.source == "hosts_file"]
    assert (of_hosts.state, of_hosts.required, of_hosts.examined) == (State.COMPLETE, True, 3)


def test_a_host_without_one_is_told_so(tmp_path: Path) -> None:
    sweep = swept(FORMS["folder"](tmp_path / "c", windows()), source())
    assert (sweep.coverage.examined, sweep.notes) == (0, {"none on this host": 1})


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("0", "0.0.0.0"),
        ("127.1", "127.0.0.1"),
        ("10.1.515", "10.1.2.3"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%12", "fe80::1"),
    ],
)
def test_an_address_is_read_as_windows_reads_it(word: str, address: str) -> None:
    (entry,) = parse_hosts(f"{word} pandorasong.com".encode())
    assert isinstance(entry, HostsEntry)
    assert str(entry.address) == address


@pytest.mark.parametrize(
    "word", ["256.1.1.1", "1.2.3.4.5", "0x1ffffffff", "08", "one", "1.2.65536"]
)
def test_the_names_of_a_line_whose_address_cannot_be_read_are_compared_all_the_same(
    word: str, tmp_path: Path
) -> None:
    files = windows({f"{ETC}\\hosts": f"{word} pandorasong.com".encode()})
    sweep = swept(FORMS["folder"](tmp_path / "c", files), source())
    assert sweep.notes == {"line is not an address and names": 1}
    (match,) = sweep.matches()
    assert (match.strength, match.observation.claim) == (Strength.WEAK, Claim.LOGGED)
    assert match.reason == "in the hosts file"


@given(st.binary(max_size=300))
def test_any_hosts_file_ends_in_names_and_odd_lines(data: bytes) -> None:
    for entry in parse_hosts(data):
        assert isinstance(entry, (HostsEntry, OddLine))
        assert 0 < entry.line <= data.count(b"\n") + len(data) + 1


def test_a_file_in_utf_16_is_read(tmp_path: Path) -> None:
    text = "\ufeff203.0.113.9 pandorasong.com\r\n".encode("utf-16-le")
    assert claims(tmp_path / "c", "folder", windows({f"{ETC}\\hosts": text})) == {
        "pandorasong.com": Claim.RESOLVED
    }


def test_a_mark_of_utf_16_before_plain_bytes_hides_nothing() -> None:
    """Windows reads the bytes."""
    line = b"\r\n95.216.59.92 pandorasong.com\r\n"
    for mark in (b"\xfe\xff", b"\xff\xfe"):
        told = [one.name for one in parse_hosts(mark + line) if isinstance(one, HostsEntry)]
        assert told == ["pandorasong.com"]
    wide = codecs.BOM_UTF16_LE + line.decode().encode("utf-16-le")
    assert [one.name for one in parse_hosts(wide) if isinstance(one, HostsEntry)] == [
        "pandorasong.com"
    ]
