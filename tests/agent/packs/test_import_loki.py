"""Lists of Loki and THOR become packs: expressions, scores, false positives, comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evidence.imported import Importer, importer

MD5 = "16bbc967a8b6a365871a05c74a4f345b"
SHA256 = "2cea2a1f53dac3f4fff156eacc2ecc8e98b1a64f0f5b5ee1c42c69d9a226c55c"
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def test_expressions_have_their_scores_comments_and_false_positives(imported: Importer) -> None:
    found = imported(
        {
            "filename-iocs.txt": r"""#
# LOKI CUSTOM EVIDENCE
#

# Evil loader, https://blog.example/1
\\evil_loader\.exe$;85
\\Temp\\evil_[a-f0-9]{4}\.tmp$;90
\\ProgramData\\evil\.dll$;60

# Evil helper
\\evil_helper\.exe$;80;\\Program Files\\Good\\
\\(one|two)_evil\.dll$
evil(?!good)\.exe;70
/tmp/\.evil;75
(unclosed;75
""",
        }
    )
    assert found.became() == {
        "evil_loader.exe": ("file_name", "strong"),
        r"Temp\evil_????.tmp": ("file_path", "weak"),
        r"ProgramData\evil.dll": ("file_path", "weak"),
        "evil_helper.exe": ("file_name", "weak"),
        "one_evil.dll": ("file_name", "weak"),
        "two_evil.dll": ("file_name", "weak"),
    }
    assert found.left_out() == {
        r"evil(?!good)\.exe": "it looks ahead, behind or back at what it found",
        r"/tmp/\.evil": "a path of another system than Windows",
        "(unclosed": "no regular expression: missing ), unterminated subpattern at position 0",
    }
    assert found.told() == {
        r"\\Temp\\evil_[a-f0-9]{4}\.tmp$": "wider than the expression: weak",
        r"\\ProgramData\\evil\.dll$": "a score below 75: weak",
        r"\\evil_helper\.exe$": "its expression of false positives is not carried over: weak",
    }
    assert found.pack is not None
    notes = {one.note for one in found.pack.indicators}
    assert r"line 6: \\evil_loader\.exe$; Evil loader, https://blog.example/1" in notes
    assert any(r"Evil helper; not at \\Program Files\\Good\\" in note for note in notes)
    assert next(iter(found.pack.references.values())).startswith(
        "filename-iocs.txt (Loki's file names), SHA-256 "
    )


def test_hashes_and_hosts_have_texts_and_scores(imported: Importer) -> None:
    found = imported(
        {
            "hash-iocs.txt": f"# made up\n{MD5.upper()};Evil loader\n{SHA1};60;Evil kit\nxyz;Broken\n"
            f"{SHA256};Evil, some say\n",
            "otx-c2-iocs.txt": "evil-one[.]net;Evil C2\n95.216.1.1;100;Evil C2\n10.0.0.5;Evil relay\n",
            "falsepositive-hashes.txt": f"{SHA256};good after all\n",
        }
    )
    assert found.became() == {
        MD5: ("hash", "confirmed"),
        SHA1: ("hash", "weak"),
        "evil-one.net": ("domain", "strong"),
        "95.216.1.1": ("address", "weak"),
        "10.0.0.5": ("address", "weak"),
    }
    assert found.left_out() == {
        "xyz": "a hash that is not hexadecimal",
        SHA256: "in a list of false positives",
    }
    assert found.pack is not None
    assert [one.note for one in found.pack.indicators][:3] == [
        f"line 2: {MD5.upper()}; Evil loader",
        "line 3; Evil kit; a score below 75: weak",
        "line 1: evil-one[.]net; Evil C2; written defanged",
    ]


def test_a_list_of_ones_own_by_such_a_name_is_plain_text(imported: Importer) -> None:
    found = imported({"c2.txt": "evil-one.net\n", "filenames.txt": "evil.exe\n"})
    assert found.became() == {
        "evil-one.net": ("domain", "strong"),
        "evil.exe": ("file_name", "weak"),
    }
    assert found.pack is not None
    assert found.pack.description == "c2.txt: plain text; filenames.txt: plain text"
