"""``iocsweep verify``, and what a sweep with a key leaves behind."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from agent import cli
from agent.commands.destination import destination_of, finish_interrupted
from agent.delivery.parcel import unpacked
from agent.delivery.smaller import smaller
from agent.delivery.spool import packed
from agent.model.attestation import flaw_of_report
from agent.model.codec import decode, encode, to_json
from agent.model.journal_record import SUFFIX, EndRecord
from agent.model.report import Verdict
from agent.options import Options
from agent.sweep.recovery import ALTERED, UNSIGNED, recover
from tests.evidence.reports import report
from tests.evidence.signing import KEY, KEYS, OTHER, killed_journal, signed_bytes, signed_report


@pytest.fixture
def pubkey(tmp_path: Path) -> str:
    path = tmp_path / "sweep.pub"
    path.write_text(KEY.public.pem())
    return str(path)


def test_a_report_is_verified_plain_and_packed(
    tmp_path: Path, pubkey: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, gz = tmp_path / "a.json", tmp_path / "b.json.gz"
    plain.write_bytes(signed_bytes())
    gz.write_bytes(gzip.compress(signed_bytes()))
    assert cli.main(["verify", str(plain), str(gz), "--pubkey", pubkey]) == 0
    told = capsys.readouterr().out
    assert told.count(f"of WS-0421, hit: as it was signed by the key {KEY.public.id}") == 2
    folder = tmp_path / "reports"
    folder.mkdir()
    plain.rename(folder / "a.json")
    assert cli.main(["verify", str(folder), "--pubkey", pubkey]) == 0


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (signed_bytes().replace(b"WS-0421", b"WS-0422", 1), "line 6 was changed"),
        (signed_bytes().replace(b'"since":null,\n', b""), "line 15 was removed"),
        (signed_bytes().replace(b'"since":null,\n', b'"since":x,\n'), "line 15 was changed"),
        (signed_bytes(key=OTHER), f"signed by another key, {OTHER.public.id}"),
        (encode(report()), "is not signed"),
        (json.dumps(json.loads(signed_bytes())).encode(), "line 1: the attestation is not where"),
        (gzip.compress(signed_bytes()) + b"x", "broken gzip: something follows it"),
        (gzip.compress(signed_bytes()) + gzip.compress(b"{}"), "something follows it"),
        (b"{}", "cannot be verified"),
        (b"", "cannot be verified"),
    ],
)
def test_what_is_not_as_it_was_signed_is_refused_with_where(
    tmp_path: Path, pubkey: str, capsys: pytest.CaptureFixture[str], data: bytes, why: str
) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_bytes(data)
    good.write_bytes(signed_bytes())
    assert cli.main(["verify", str(bad), str(good), "--pubkey", pubkey]) == 2
    said = capsys.readouterr()
    assert f"{bad}: " in said.err
    assert why in said.err
    assert f"{good}: report " in said.out


def test_a_folder_is_all_that_lies_below_it(
    tmp_path: Path, pubkey: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"
    below = folder / "WS-2" / "reports"
    below.mkdir(parents=True)
    (folder / "a.json").write_bytes(signed_bytes())
    assert cli.main(["verify", str(folder), "--pubkey", pubkey]) == 0
    for name in ("b.json", "b.JSON"):
        (below / name).write_bytes(signed_bytes().replace(b"WS-0421", b"WS-0422", 1))
        assert cli.main(["verify", str(folder), "--pubkey", pubkey]) == 2
        assert f"{below / name}: line 6 was changed" in capsys.readouterr().err
        (below / name).unlink()
    listed = os.scandir

    def refused(path: str) -> object:
        if str(path) == str(below):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert cli.main(["verify", str(folder), "--pubkey", pubkey]) == 2
    assert f"{below}: cannot be listed: access denied" in capsys.readouterr().err


def test_without_a_key_or_a_report_nothing_is_verified(
    tmp_path: Path, pubkey: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "none"
    folder.mkdir()
    assert cli.main(["verify", str(folder)]) == 2
    assert "--pubkey" in capsys.readouterr().err
    assert cli.main(["verify", str(folder), "--pubkey", pubkey]) == 2
    assert "no report is there" in capsys.readouterr().err
    assert cli.main(["verify", str(tmp_path / "x.json"), "--pubkey", pubkey]) == 2


def test_a_sweep_with_a_key_signs_what_it_writes(
    tmp_path: Path, pubkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept, out = tmp_path / "swept", tmp_path / "out"
    swept.mkdir()
    key = tmp_path / "sweep.key"
    key.write_text(KEY.pem())
    sweep = ["offline", str(swept), "--only", "files", "--out", str(out)]
    assert cli.main([*sweep, "--signing-key-file", str(key)]) == 3
    assert cli.main(["verify", str(out), "--pubkey", pubkey]) == 0
    (path,) = out.glob("*.json")
    made = decode(path.read_bytes())
    assert made.attestation is not None
    assert made.attestation.chain_uid == made.report_id
    assert made.attestation.prev_event is not None, "it follows its journal"
    assert "signing_key" not in made.options
    path.unlink()
    monkeypatch.setenv("IOCSWEEP_SIGNING_KEY", KEY.pem().splitlines()[1])
    assert cli.main(sweep) == 3
    assert cli.main(["verify", str(out), "--pubkey", pubkey]) == 0


def test_a_key_that_is_none_ends_a_sweep_before_it_begins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "k"
    key.write_text("a secret")
    out = tmp_path / "out"
    assert (
        cli.main(["offline", str(tmp_path), "--out", str(out), "--signing-key-file", str(key)]) == 2
    )
    said = capsys.readouterr().err
    assert f"{key}: no key is there" in said
    assert "secret" not in said.replace(str(tmp_path), "")
    assert not out.exists()


def test_a_journal_is_verified(
    tmp_path: Path, pubkey: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = killed_journal(tmp_path)
    assert cli.main(["verify", str(path), "--pubkey", pubkey]) == 0
    assert "a journal of 6 lines: as it was signed by the key" in capsys.readouterr().out
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert cli.main(["verify", str(path), "--pubkey", pubkey]) == 0
    assert "6 lines, 1 torn ones left out" in capsys.readouterr().out
    path.unlink()
    unsigned = killed_journal(tmp_path, None)
    assert cli.main(["verify", str(unsigned), "--pubkey", pubkey]) == 2
    assert "is not signed" in capsys.readouterr().err


def altered(path: Path) -> dict[str, tuple[bytes, str]]:
    lines = path.read_bytes().splitlines(keepends=True)
    other = lines[3].replace(b"C:\\\\2.dat", b"C:\\\\7.dat")
    assert other != lines[3]
    plain = lines[3][: lines[3].index(b',"attestation"')] + b"}\n"
    return {
        "changed": (b"".join([*lines[:3], other, *lines[4:]]), "line 4 was changed"),
        "removed": (b"".join(lines[:3] + lines[4:]), "before line 4, lines were removed or"),
        "swapped": (
            b"".join([*lines[:3], lines[4], lines[3], lines[5]]),
            "lines 4 and 5 were swapped",
        ),
        "moved": (b"".join([lines[0], lines[4], *lines[1:4], lines[5]]), "line 2 was moved"),
        "twice": (b"".join([*lines[:3], lines[2], *lines[3:]]), "line 4 is there twice"),
        "bared": (
            b"".join([lines[0][: lines[0].index(b',"attestation"')] + b"}\n", *lines[1:]]),
            "line 1 has no attestation, and line 2 has: it was changed",
        ),
        "added": (b"".join([*lines[:3], plain, *lines[3:]]), "line 4 has no attestation"),
        "of other line ends": (
            b"".join(line.replace(b"\n", b"\r\n") for line in lines),
            "line 1: the attestation itself was changed",
        ),
    }


def test_a_journal_of_nothing_is_not_signed(
    tmp_path: Path, pubkey: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"a.json{SUFFIX}"
    path.write_bytes(b"")
    assert cli.main(["verify", str(path), "--pubkey", pubkey]) == 2
    captured = capsys.readouterr()
    assert f"{path}: is not signed" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "how",
    ["changed", "removed", "swapped", "moved", "twice", "bared", "added", "of other line ends"],
)
def test_an_altered_journal_is_told_with_the_line_and_what_is_recovered_says_so(
    tmp_path: Path, pubkey: str, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    path = killed_journal(tmp_path)
    data, why = altered(path)[how]
    path.write_bytes(data)
    assert cli.main(["verify", str(path), "--pubkey", pubkey]) == 2
    assert f"{path}: {why}" in capsys.readouterr().err
    for key in (KEY.public, None):
        (whole,) = (one for one in recover(path, key).coverage if one.source == "sweep")
        (reason,) = (one for one in whole.reasons if one.reason == ALTERED)
        assert why in reason.samples[0]


def test_another_sweep_s_journal_is_told(
    tmp_path: Path, pubkey: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = killed_journal(tmp_path, OTHER)
    assert cli.main(["verify", str(path), "--pubkey", pubkey]) == 2
    assert f"line 1: signed by another key, {OTHER.public.id}" in capsys.readouterr().err


def test_what_is_recovered_as_it_was_written_is_signed_and_says_nothing_of_it(
    tmp_path: Path, pubkey: str
) -> None:
    killed_journal(tmp_path)
    key = tmp_path / "sweep.key"
    key.write_text(KEY.pem())
    options = Options(command="live", out=tmp_path, signing_key=key)
    (recovered,) = finish_interrupted(destination_of(options, tmp_path / "home"), None)
    assert recovered.path is not None
    assert cli.main(["verify", str(recovered.path), "--pubkey", pubkey]) == 0
    assert ALTERED not in {r.reason for c in recovered.report.coverage for r in c.reasons}


def test_a_journal_that_nobody_signed_is_not_vouched_for(tmp_path: Path) -> None:
    """A line that says how the sweep ended could be anybody's."""
    path = killed_journal(tmp_path, None)
    end = structs.replace(report(), report_id="018f0000-0000-7000-8000-000000000000")
    record = EndRecord(at=end.finished, report=end)
    path.write_bytes(path.read_bytes() + to_json(record) + b"\n")
    assert recover(path) == end
    made = recover(path, KEY.public)
    assert made.verdict is Verdict.HIT, "what it had found"
    (whole,) = (one for one in made.coverage if one.source == "sweep")
    assert UNSIGNED in {one.reason for one in whole.reasons}


def test_a_smaller_form_is_signed_anew_or_says_that_it_is_not() -> None:
    body = packed(signed_bytes())
    data = unpacked(smaller(body, KEY))
    assert flaw_of_report(data, KEYS) == ""
    of, whole = decode(data).attestation, signed_report().attestation
    assert of is not None
    assert of.prev_event is not None
    assert whole is not None
    assert of.prev_event.fingerprint == whole.fingerprint
    bare = decode(unpacked(smaller(body)))
    assert bare.attestation is None
    assert "signature, for the collector" in {one.what for one in bare.truncated}
