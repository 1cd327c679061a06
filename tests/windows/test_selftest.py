"""``selftest`` of the built exe under Wine: every type that Wine can fire does, and what Wine lacks
is named."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.windows.host import Host

if TYPE_CHECKING:
    from lab import Lab

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

FIRE = {
    "file_name", "file_path", "hash", "pe", "lnk", "layout", "content", "url", "domain", "certificate",
    "command_line", "address", "pipe",
}  # fmt: skip
NOT_UNDER_WINE = {
    "pipes": "no such kind of thing on this system",
    "event_logs": "",
    "registry": "every Windows has them",
    "scheduled_tasks": "every Windows has them",
    "wmi_repository": "every Windows has them",
    "usn_journal": "the raw volume",
    "ntfs_log": "the raw volume",
    "shadow_copies": "the raw volume",
    "files": "the raw volume",
}
"""Sources that cannot do all of it there, and a part of why."""


@pytest.fixture
def own_lab(host: Host, tmp_path: Path) -> Iterator[Lab]:
    """A Windows of the test's own: what runs there is the test's."""
    lab = host.lab.clone_prefix(tmp_path / "prefix")
    yield lab
    lab.kill_all()


def planted(lab: Lab) -> set[str]:
    return {path.name for path in (lab.drive_c / "ProgramData" / "iocsweep").glob("selftest-*")}


def told_by(lab: Lab, exe: Path, **named: Any) -> tuple[int, dict[str, Any]]:
    out = lab.drive_c / "told.json"
    out.unlink(missing_ok=True)
    arguments = ["selftest", "--out", r"C:\told.json", "--quiet"]
    done = lab.run_exe(exe, arguments, timeout=400, **named)
    line = json.loads(done.stdout.splitlines()[-1])
    assert line["exit"] == done.returncode, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(out.read_bytes())
    return done.returncode, told


def failures(told: dict[str, Any]) -> dict[str, str]:
    return {
        one["source"]: one.get("reason", "")
        for one in told["attempts"]
        if one["proof"] == "not proved"
    }


def proved(rows: list[dict[str, Any]]) -> set[str]:
    return {one["name"] for one in rows if one["proof"] == "proved"}


@pytest.mark.parametrize("form", ["one-dir", "one-file"])
def test_every_type_that_wine_can_fire_does(host: Host, own_lab: Lab, form: str) -> None:
    exe = host.exe if form == "one-dir" else host.one_file
    before = planted(own_lab)
    code, told = told_by(own_lab, exe)
    assert code == 3
    assert told["agent"]["form"] == form
    assert proved(told["types"]) == FIRE
    assert proved(told["sources"]) >= {"processes", "modules", "memory", "connections"}
    failed = failures(told)
    assert set(failed) == {*NOT_UNDER_WINE, "dns_cache"}
    assert [name for name, why in NOT_UNDER_WINE.items() if why not in failed[name]] == []
    assert told["left"] == ["log Application: one record of the source 'IOC sweep self-test'"]
    assert told["not_removed"] == []
    assert planted(own_lab) == before
    listed = own_lab.run_exe(r"C:\windows\system32\tasklist.exe", [])
    assert "iocsweep" not in listed.stdout.casefold()


def test_a_source_that_is_broken_is_named_and_one_that_is_mended_is_proved(
    host: Host, own_lab: Lab, tmp_path: Path
) -> None:
    """The DNS cache: Wine's own cannot be read, the lab's can."""
    _, broken = told_by(own_lab, host.exe)
    own_lab.put_in_system32(own_lab.test_dll("dnsapi"), "dnsapi.dll")
    (tmp_path / "dns.txt").write_text("www.example.org A 203.0.113.6\n")
    log = tmp_path / "queries.log"
    code, mended = told_by(
        own_lab,
        host.exe,
        dll_overrides={"dnsapi": "n,b"},
        env={
            "IOCSWEEP_TEST_DNS": own_lab.to_windows(tmp_path / "dns.txt"),
            "IOCSWEEP_TEST_DNS_LOG": own_lab.to_windows(log),
        },
    )
    # Wine 8 refuses; Wine 10's WMI gives an empty cache.
    said = ("the cache cannot be read", "the cache holds no name")
    assert failures(broken)["dns_cache"].startswith(said)
    assert code == 3
    assert set(failures(mended)) == set(failures(broken)) - {"dns_cache"}
    (seen,) = (one for one in mended["attempts"] if one["source"] == "dns_cache")
    assert (seen["proof"], seen["type"]) == ("proved", "domain")
    asked = log.read_text().splitlines()
    assert asked, "the test DLL saw no query: it was not used"
    assert [line for line in asked if "VIOLATION" in line] == []
