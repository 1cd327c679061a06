"""What waits for a collector: kept, bounded, set aside, and sent by one at a time."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from agent.delivery.spool import Spool, SpoolError

ID = str(uuid.UUID(int=7))


def test_the_spool_keeps_what_it_was_given_until_it_is_done(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    path = spool.put(ID, b"{}")
    assert gzip.decompress(spool.read(ID)) == b"{}"
    assert spool.pending() == [(ID, path)]
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o077 == 0
    spool.done(ID)
    assert spool.pending() == []
    with pytest.raises(SpoolError):
        spool.read(ID)


@pytest.mark.parametrize("name", ["../x", "", "a" * 36, ID.upper() + "x", "/etc/passwd"])
def test_an_id_that_is_a_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpoolError, match="is no report id"):
        Spool(tmp_path).put(name, b"")


def test_a_full_spool_says_so(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", max_bytes=100)
    with pytest.raises(SpoolError, match="full, 0 of 100 bytes used"):
        spool.put(ID, os.urandom(500))


def test_a_spool_in_the_place_of_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="file"):
        Spool(tmp_path / "file")


def test_strangers_in_the_spool_are_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    (tmp_path / "s" / "readme.json.gz").write_text("x")
    assert spool.pending() == []


def test_a_refused_report_is_set_aside_with_the_reason_and_counts_as_space(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s", max_bytes=150)
    spool.put(ID, b"one")
    aside = spool.refuse(ID, "HTTP 422\x1b[2J")
    spool.put(ID, b"two")
    second = spool.refuse(ID, "again")
    assert gzip.decompress(aside.read_bytes()) == b"one"
    assert gzip.decompress(second.read_bytes()) == b"two"
    assert aside.parent == tmp_path / "s" / "refused"
    assert (aside.parent / f"{ID}.reason.txt").read_text() == "HTTP 422\\x1b[2J\n"
    assert (aside.parent / f"{ID}.1.reason.txt").read_text() == "again\n"
    assert aside.parent.stat().st_mode & 0o777 == 0o700
    assert spool.pending() == []
    with pytest.raises(SpoolError, match="full"):
        spool.put(ID, os.urandom(100))


def test_links_in_a_spool_are_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    (tmp_path / "other").write_text("x")
    (tmp_path / "s" / f"{ID}.json.gz").symlink_to(tmp_path / "other")
    assert spool.pending() == []


def test_only_one_sends_from_a_spool(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "s")
    with spool.sending() as first, Spool(tmp_path / "s").sending() as second:
        assert (first, second) == (True, False)
    with spool.sending() as free:
        assert free


def test_a_killed_sender_keeps_nobody_from_sending(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from agent.delivery.spool import Spool\n"
        f"with Spool(Path({str(tmp_path / 's')!r})).sending() as free: print(free, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    with Spool(tmp_path / "s").sending() as free:
        assert not free
    process.kill()
    process.communicate()
    with Spool(tmp_path / "s").sending() as free:
        assert free
