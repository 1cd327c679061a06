"""What the exe makes of evidence that others collected: archives, several hosts, a page for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.codec import decode
from agent.model.report import Report
from tests.evidence.collected import as_folder, as_tar, as_zip, laid_out
from tests.evidence.infected import infected
from tests.evidence.windows_folder import as_image
from tests.windows.host import Host

WHEN = 1_542_211_200.0
"""Of the members: 2018-11-14."""


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


@pytest.mark.parametrize("shape", ["kape", "velociraptor"])
def test_a_collection_in_an_archive_is_what_its_folder_is(
    host: Host, tmp_path: Path, shape: str
) -> None:
    members = laid_out(shape, infected())
    folder = as_folder(tmp_path / "folder", members, WHEN)
    code, known, _ = host.sweep("offline", host.lab.to_windows(folder))
    assert code == 1
    assert len(known.findings) > 10
    for path in (
        as_zip(tmp_path / "host.zip", members, WHEN),
        as_tar(tmp_path / "host.tar.gz", members, WHEN, "w:gz"),
    ):
        code, found, _ = host.sweep("offline", host.lab.to_windows(path))
        assert code == 1, path.name
        assert ids(found) == ids(known), path.name
        assert found.host == known.host


def test_several_hosts_have_a_report_each(host: Host, tmp_path: Path) -> None:
    images = []
    for name in ("one", "two"):
        made = Path(as_image(tmp_path / name, infected()))
        images.append(host.lab.to_windows(made.rename(tmp_path / f"{name}.dd")))
    out = host.lab.drive_c / "many"
    done = host.lab.run_exe(
        host.exe, ["offline", *images, "--jobs", "2", "--out", r"C:\many", "--quiet"]
    )
    assert done.returncode == 1, done.stdout + done.stderr
    reports = [decode(path.read_bytes()) for path in out.glob("*.json")]
    assert len(reports) == 2
    assert ids(reports[0]) == ids(reports[1])
    assert len(reports[0].findings) == 13


def test_a_page_for_people_is_written_and_rendered_again(host: Host, tmp_path: Path) -> None:
    image = Path(as_image(tmp_path / "one", infected()))
    page = host.lab.drive_c / "page.html"
    code, report, _ = host.sweep(
        "offline", host.lab.to_windows(image), "--html", r"C:\page.html", "--case", "IR-114"
    )
    assert code == 1
    text = page.read_text(encoding="utf-8")
    assert "Traces of the campaign were found on WS-0421" in text
    assert "IR-114" in text
    (written,) = (host.lab.drive_c / "reports").glob("*.json")
    done = host.lab.run_exe(
        host.exe, ["render", host.lab.to_windows(written), "--html", r"C:\again.html"]
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert report.report_id in (host.lab.drive_c / "again.html").read_text(encoding="utf-8")
