"""What a feed names is found by the pack that was made of it, as its origin means it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from agent.cli import main
from agent.spelling import base_name
from tests.evidence.imported import Importer, importer

CONTENT = b"made up for this test"


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def swept(tmp_path: Path, *options: str) -> dict[str, str]:
    """Names of files that were found, to their strengths."""
    report = tmp_path / "report.json"
    code = main(
        ["offline", str(tmp_path / "host"), "--only-pack", str(tmp_path / "feed.yaml"),
         "--only", "files", "--no-delivery", "--out", str(report), "--force", *options]
    )  # fmt: skip
    assert code in (0, 1, 3)
    findings = json.loads(report.read_bytes())["findings"]
    return {base_name(one["file"]["path"]): one["strength"] for one in findings}


def test_files_are_found_as_their_feeds_mean_them(imported: Importer, tmp_path: Path) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    for name, data in {
        "ProgramData/evil_loader.exe": b"x",
        "ProgramData/evil_loader.exe.bak": b"x",
        "Users/jo/AppData/Local/Temp/up/date.dll": b"x",
        "ProgramData/other.dll": b"x",
        "ProgramData/any.bin": CONTENT,
        "ProgramData/longer.bin": CONTENT + b"x",
    }.items():
        path = tmp_path / "host" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    pattern = f"[file:hashes.'SHA-256' = '{digest}' AND file:size = {len(CONTENT)}]"
    stix = {"type": "indicator", "id": "indicator--1", "pattern": pattern}
    made = imported(
        {
            "filename-iocs.txt": "\\\\evil_loader\\.exe$;85\n\\\\Temp\\\\.*\\.dll$;60\n",
            "bundle.json": json.dumps({"type": "bundle", "objects": [stix]}),
        }
    )
    assert made.code == 0
    assert swept(tmp_path) == {
        "evil_loader.exe": "strong",
        "date.dll": "weak",
        "any.bin": "confirmed",
    }


def test_a_hash_of_no_known_size_is_asked_of_every_file_with_thorough(
    imported: Importer, tmp_path: Path
) -> None:
    (tmp_path / "host" / "ProgramData").mkdir(parents=True)
    (tmp_path / "host" / "ProgramData" / "any.bin").write_bytes(CONTENT)
    made = imported({"list.txt": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()})
    assert "--thorough of every file" in made.shown
    assert swept(tmp_path) == {}
    assert swept(tmp_path, "--thorough") == {"any.bin": "confirmed"}
