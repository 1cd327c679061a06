"""With ``--force`` a command replaces what it has written itself, and nothing else."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import msgspec
import pytest

from agent import cli
from agent.model.codec import encode
from agent.model.self_test import SelfTest
from agent.selftest.run import SelfTestRun
from agent.signing.keys import new_key
from tests.evidence.reports import report

MINE = b"what somebody has written\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def self_test(_: SelfTestRun) -> SelfTest:
    now = datetime(2026, 11, 30, tzinfo=timezone.utc)
    known = report()
    return SelfTest(
        agent=known.agent, host=known.host, started=now, finished=now, attempts=[], types=[],
        sources=[],
    )  # fmt: skip


def test_a_self_test_takes_the_place_of_another_one_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(SelfTestRun, "run", self_test)
    out = folder / "told.json"
    # The variables of a sweep mean a self-test as well.
    monkeypatch.setenv("IOCSWEEP_OUT", str(out))
    monkeypatch.setenv("IOCSWEEP_FORCE", "1")
    for others in (encode(report()), MINE):
        out.write_bytes(others)
        assert cli.main(["selftest"]) == 3
        assert f"{out}: is there already, and is no self-test" in capsys.readouterr().err
        assert out.read_bytes() == others
    out.unlink()
    assert cli.main(["selftest"]) == 0
    out.write_bytes(out.read_bytes().replace(b"WS-0421", b"WS-0999"))
    assert cli.main(["selftest"]) == 0
    assert msgspec.json.decode(out.read_bytes(), type=SelfTest).host.name == "WS-0421"


def test_an_import_takes_the_place_of_its_pack_and_its_table_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "feed.txt").write_text("evil-one.net\n")
    words = ["packs", "import", "feed.txt", "--out", "feed.yaml", "--table", "table.csv", "--force"]
    for name, what in (("table.csv", "table of an import"), ("feed.yaml", "pack")):
        (folder / name).write_bytes(MINE)
        assert cli.main(words) == 2
        assert f"{name}: is there already, and is no {what}" in capsys.readouterr().err
        assert (folder / name).read_bytes() == MINE
        (folder / name).unlink()
    assert cli.main(words) == 0
    before = (folder / "feed.yaml").read_bytes()
    (folder / "feed.yaml").write_bytes(b"# Looked through.\n" + before)
    assert cli.main(words) == 0
    assert (folder / "feed.yaml").read_bytes() == before
    same = ["packs", "import", "feed.txt", "--out", "feed.yaml", "--table", "feed.txt", "--force"]
    assert cli.main(same) == 2
    assert (folder / "feed.txt").read_text() == "evil-one.net\n"


def test_a_signature_takes_the_place_of_another_one_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "feed.txt").write_text("evil-one.net\n")
    (folder / "key").write_text(new_key().pem())
    assert cli.main(["packs", "import", "feed.txt", "--out", "feed.json"]) == 0
    sign = ["packs", "sign", "feed.json", "--key", "key", "--force"]
    sig = folder / "feed.json.sig"
    sig.write_bytes(MINE)
    assert cli.main(sign) == 2
    assert "feed.json.sig: is there already, and is no signature" in capsys.readouterr().err
    assert sig.read_bytes() == MINE
    sig.unlink()
    assert cli.main(sign) == 0
    assert cli.main(sign) == 0
