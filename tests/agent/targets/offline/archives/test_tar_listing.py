"""What tar archives of collections hold, and what of it is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import Verdict
from agent.sources.artefact_source import ArtefactSource
from agent.sources.files.source import FilesSource
from agent.sources.logs.event_logs import EventLogs
from agent.targets.offline import archives
from agent.targets.offline.archives import tar_listing
from agent.targets.offline.archives.opening import collected
from agent.targets.offline.folder import FolderTarget
from tests.evidence.collected import as_folder, as_tar, laid_out
from tests.evidence.files import dll
from tests.evidence.logged_events import audited_process
from tests.evidence.logs import event_log
from tests.evidence.sweeping import reported, swept
from tests.evidence.windows_folder import windows

from .test_archives import NOW, evidence, gaps, read

MODES = ["w", "w:gz", "w:bz2", "w:xz"]
PREFETCH = r"%SystemRoot%\Prefetch\*.pf"


def packed(path: Path, mode: str, *more: tarfile.TarInfo) -> Path:
    """A plain collection, and more members without content."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in laid_out("plain", windows()).items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), NOW
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return path


def member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("mode", MODES)
def test_files_are_read_and_have_their_times(mode: str, tmp_path: Path) -> None:
    (file,), told = evidence(packed(tmp_path / "x", mode), PREFETCH)
    assert told == {}
    assert (file.size, read(file)) == (15, b"MAM of rundll32")
    assert file.modified is not None
    assert file.modified.timestamp() == NOW


def test_a_hard_link_is_another_name_of_the_same_file(tmp_path: Path) -> None:
    inside = "Windows/Prefetch/RUNDLL32.EXE-12345678.pf"
    hard = member("Windows/Prefetch/X.EXE-1.pf", tarfile.LNKTYPE, inside)
    lost = member("Windows/Prefetch/Y.EXE-1.pf", tarfile.LNKTYPE, "nowhere")
    path = packed(tmp_path / "x.tar", "w", hard, lost)
    found, _ = evidence(path, PREFETCH)
    assert [read(file) for file in found] == [b"MAM of rundll32"] * 2
    assert gaps(path) == {tar_listing.LINK: 1}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_what_is_no_file_is_not_opened(mode: str, tmp_path: Path) -> None:
    odd = [
        member("Windows/Prefetch/A.EXE-1.pf", tarfile.SYMTYPE, "/etc/passwd"),
        member("Windows/Prefetch/B.EXE-1.pf", tarfile.CHRTYPE),
        member("Windows/Prefetch/C.EXE-1.pf", tarfile.FIFOTYPE),
        member("../D.EXE-1.pf", tarfile.REGTYPE),
        member("/E.EXE-1.pf", tarfile.REGTYPE),
    ]
    path = packed(tmp_path / "x.tar", mode, *odd)
    found, told = evidence(path, PREFETCH)
    assert len(found) == 1
    assert told == {"link not followed": 1}
    assert gaps(path) == {archives.OUTSIDE: 1, archives.ABSOLUTE: 1}


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("w", "archive: cut short"), ("w:gz", "archive: compressed stream is cut short")],
)
def test_one_that_breaks_off_keeps_what_stands_before(
    mode: str, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    last = tarfile.TarInfo("Windows/last.bin")
    noise = bytes(range(256)) * 40
    with tarfile.open(packed(path, "w"), "a") as archive:
        last.size = len(noise)
        archive.addfile(last, io.BytesIO(noise))
    data = path.read_bytes().rstrip(b"\0")[:-5000]
    if mode == "w:gz":
        with tarfile.open(packed(path, mode)) as archive:
            names = archive.getnames()
        assert names
        data = path.read_bytes()[:-20]
    path.write_bytes(data)
    found, _ = evidence(path, PREFETCH)
    assert len(found) == 1
    assert gaps(path)[reason] == 1


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_a_stream_that_holds_no_tar_is_no_collection(mode: str, tmp_path: Path) -> None:
    import gzip
    import lzma

    pack = gzip.compress if mode == "w:gz" else lzma.compress
    (tmp_path / "C.tar").write_bytes(pack(b"C/Windows/System32" * 100))
    assert collected(str(tmp_path / "C.tar")) is None


def test_what_uac_collects_is_swept_as_its_folder_is(tmp_path: Path) -> None:
    members = {
        "uac-ws-0421/[root]/home/jo/Downloads/cyzfc.dat": dll(),
        "uac-ws-0421/[root]/mnt/logs/Security.evtx": event_log([audited_process()]),
        "uac-ws-0421/uac.log": b"collected\n",
    }
    sources = (FilesSource(), ArtefactSource(EventLogs()))
    folder = as_folder(tmp_path / "HOST", members, NOW)
    archive = as_tar(tmp_path / "HOST.tar.gz", members, NOW, "w:gz")
    told = []
    for path in (folder, archive):
        report = reported(FolderTarget(str(path), own=Own()), *sources)
        assert report.verdict is Verdict.HIT
        told.append(
            sorted((one.strength, one.title.replace(str(path), "")) for one in report.findings)
        )
    assert told[0] == told[1]


def test_a_sparse_member_is_a_gap(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.tar", "w", member("Windows/s.bin", tarfile.GNUTYPE_SPARSE))
    assert gaps(path) == {tar_listing.SPARSE_MEMBER: 1}


def test_a_wanted_name_is_found_by_the_files_source(tmp_path: Path) -> None:
    members = {**laid_out("acquire", windows()), "fs/c:/Users/jo/cyzfc.dat": dll()}
    path = as_tar(tmp_path / "x.tar", members, NOW)
    target = FolderTarget(str(path), own=Own())
    found = swept(target).seen[0]
    assert found.file is not None
    assert target.known_as(found.file.path) == r"C:\Users\jo\cyzfc.dat"
    assert found.file.mtime is not None
