"""What the exe makes of evidence that others collected: archives, several hosts, a page for people."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from agent.commands.resuming import is_cut_short
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
    out = tmp_path / "many"
    words = ["--jobs", "2", "--out", host.lab.to_windows(out), "--quiet"]
    done = host.lab.run_exe(host.exe, ["offline", *images, *words])
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


STARTS_AND_KILLS = """
import os, subprocess, sys, time
starter = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.1)
starter.kill()
starter.wait()
print("killed", flush=True)
"""


def test_sweeps_end_with_whoever_started_them_and_leave_their_journals(
    host: Host, tmp_path: Path
) -> None:
    """Each would take long: zeros that take no room on a disk."""
    images = []
    for name in ("one.raw", "two.raw"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(256 << 30)
        images.append(host.lab.to_windows(tmp_path / name))
    out, exe = tmp_path / "out", host.lab.to_windows(host.exe)
    words = ["--as", "memory", "--jobs", "2", "--out", host.lab.to_windows(out), "--quiet"]
    home = {"IOCSWEEP_HOME": host.lab.to_windows(tmp_path / "home")}
    killer = host.lab.popen(
        [
            host.lab.python_exe, "-c", STARTS_AND_KILLS, host.lab.to_windows(tmp_path / "now"),
            exe, "offline", *images, *words,
        ],
        env=home,
    )  # fmt: skip
    with killer:
        assert killer.stdout is not None
        deadline = time.monotonic() + 120
        while len([*out.glob("*.partial.jsonl")]) < 2:
            assert killer.poll() is None
            assert time.monotonic() < deadline, "they do not begin"
            time.sleep(0.1)
        assert len(sweeps_of(exe)) == 2
        (tmp_path / "now").touch()
        assert killer.stdout.readline().strip() == b"killed"
        _, alive = psutil.wait_procs(sweeps_of(exe), timeout=60)
        for process in alive:
            process.kill()
    assert alive == []
    assert [*out.glob("*.json")] == []
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "note.txt").write_text("nothing")
    small = host.lab.to_windows(tmp_path / "small")
    done = host.lab.run_exe(
        host.exe, ["offline", small, "--out", words[5], "--quiet"], env=home, timeout=180
    )
    assert done.returncode in (0, 3), done.stdout + done.stderr
    reports = [decode(path.read_bytes()) for path in out.glob("*.json")]
    assert [*out.glob("*.partial.jsonl")] == []
    cut = [one.target.paths for one in reports if is_cut_short(one)]
    assert sorted(cut) == [[image] for image in images]


def sweeps_of(exe: str) -> list[psutil.Process]:
    """Of several, as Linux sees them."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if {exe, "--one-of-many"} <= {*(process.info["cmdline"] or [])}
    ]
