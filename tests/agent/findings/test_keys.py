"""What tells things apart stays as it is: another id would orphan what an analyst wrote to it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from agent.findings.keys import address_key, domain_key, file_key, finding_id, process_key


def test_the_id_of_a_finding_is_the_same_in_every_sweep_and_version() -> None:
    told = finding_id("6f9619ff", "name-cyzfc-dat", r"C:\Users\jo\cyzfc.dat")
    assert told == "b97a5760-da79-504c-a958-e76972d53cd2"


@pytest.mark.parametrize(
    "path",
    [
        r"C:\Users\jo\cyzfc.dat", r"c:\users\JO\CYZFC.DAT", "C:/Users/jo/cyzfc.dat",
        r"\\?\C:\Users\jo\cyzfc.dat",
    ],
)  # fmt: skip
def test_a_file_has_one_key_however_it_is_written(path: str) -> None:
    assert file_key(path) == r"file:C:\USERS\JO\CYZFC.DAT"


def test_a_file_on_a_share_has_one_key() -> None:
    assert file_key(r"\\?\UNC\srv\s\a.b") == file_key(r"\\SRV\s\A.B") == r"file:\\SRV\S\A.B"


def test_a_process_is_told_by_its_start_too() -> None:
    start = datetime(2026, 11, 24, tzinfo=timezone.utc)
    assert process_key(7) == "process:7:0"
    assert process_key(7, start) == "process:7:1795478400"


def test_names_and_addresses_are_folded() -> None:
    assert domain_key("PandoraSong.COM.") == "domain:pandorasong.com"
    assert address_key("FE80::1") == "address:fe80::1"
