"""``live PATH``: what is mounted below is swept too, or a gap; and which path is meant."""

from __future__ import annotations

import ntpath
import os
import posixpath
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.reading.openings import Selection
from agent.reading.walk import Folder, Walk, is_volume
from agent.sources.files.source import FilesSource
from agent.spelling import lies_below, whole_path
from agent.targets import LOCKED, Root, SkippedVolume
from agent.targets.live import host as live
from agent.targets.live.host import LiveHost
from agent.targets.live.mounts import layout, parse_mountinfo
from agent.windows import security, volumes
from agent.windows.volumes import Volume
from tests.evidence.files import dll
from tests.evidence.hosts import FakeSystem, host, installed
from tests.evidence.sweeping import swept

GUID = "\\\\?\\Volume{12345678-0000-0000-0000-000000000000}\\"
MOUNTS = """\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 8:2 / /case/disk rw - fuseblk /dev/sdb1 rw
3 1 0:5 / /case/net rw - cifs //srv/share rw
4 1 8:1 /data /case/bound rw - ext4 /dev/sda1 rw
5 1 0:6 / /case/odd rw - fuse.strange x rw
6 5 8:3 / /case/odd/inner rw - ext4 /dev/sdc1 rw
7 1 8:4 / /case/usb rw - vfat /dev/sdd1 rw
8 1 0:7 / /other/net rw - nfs srv:/x rw
"""


@pytest.fixture
def _mounts(monkeypatch: pytest.MonkeyPatch) -> None:
    made = layout(parse_mountinfo(MOUNTS), is_removable=lambda device: device == "8:4")
    monkeypatch.setattr(live, "_unix_layout", lambda *, removable: made)


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
@pytest.mark.usefixtures("_mounts")
def test_what_is_mounted_below_a_given_folder_is_walked_or_a_gap() -> None:
    target = LiveHost(Own(), paths=["/case"], system=FakeSystem(), installed=installed)
    roots, skipped = target.roots()

    assert [root.path for root in roots] == ["/case", "/case/odd/inner"]
    assert list(skipped) == [
        SkippedVolume("/case/net", "network file system (cifs)", gap=True),
        SkippedVolume(
            "/case/odd", "file system of a program (fuse.strange), which may be remote", gap=True
        ),
        SkippedVolume("/case/usb", "removable medium", gap=True),
    ]
    # Its files are not walked elsewhere, as nothing else is.
    assert "/case/bound" not in target.boundaries
    assert target.boundaries >= {"/case/net", "/case/odd", "/case/usb"}


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
@pytest.mark.usefixtures("_mounts")
def test_a_whole_host_is_walked_as_before() -> None:
    target = LiveHost(Own(), system=FakeSystem(), installed=installed)
    roots, skipped = target.roots()
    assert [root.path for root in roots] == ["/", "/case/odd/inner"]
    assert [volume.path for volume in skipped if volume.gap] == ["/case/odd"]
    assert "/case/bound" in target.boundaries


@pytest.fixture
def _volumes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        Volume(GUID, ["C:\\"], "fixed", "NTFS"),
        Volume(GUID, ["D:\\", "C:\\Mounts\\data\\"], "fixed", "NTFS"),
        Volume(GUID, ["C:\\Mounts\\more\\"], "fixed", "exFAT"),
        Volume(GUID, ["C:\\Mounts\\safe\\"], "fixed", error="locked", locked=True),
        Volume(GUID, ["E:\\", "C:\\Mounts\\stick\\"], "removable", "FAT32"),
        Volume(GUID, ["F:\\"], "fixed", "exFAT"),
    ]
    monkeypatch.setattr(volumes, "volumes", lambda: found)
    monkeypatch.setattr(security, "is_elevated", lambda: True)


@pytest.mark.usefixtures("_volumes")
@pytest.mark.parametrize("path", ["C:\\", "c:\\mounts", "C:\\Mounts\\"])
def test_volumes_in_folders_of_a_given_path_are_swept_or_gaps(path: str) -> None:
    target = host(paths=(path,))
    roots, skipped = target.roots()

    assert [root.path for root in roots[1:]] == ["D:\\", "C:\\Mounts\\more\\"]
    assert roots[1].raw is not None
    assert list(skipped) == [
        SkippedVolume("C:\\Mounts\\safe\\", LOCKED, gap=True),
        SkippedVolume("C:\\Mounts\\stick\\", "removable volume, left out", gap=True),
    ]


@pytest.mark.usefixtures("_volumes")
def test_volumes_elsewhere_are_not_asked_for() -> None:
    roots, skipped = host(paths=("C:\\Users",)).roots()
    assert [root.path for root in roots] == ["C:\\Users"]
    assert list(skipped) == []


@pytest.mark.usefixtures("_volumes")
def test_a_volume_given_twice_is_swept_once() -> None:
    roots, _ = host(paths=("C:\\", "D:\\")).roots()
    assert [root.path for root in roots] == ["C:\\", "D:\\", "C:\\Mounts\\more\\"]


@pytest.mark.parametrize(
    ("given", "whole"),
    [("C:", "C:\\"), ("c:", "c:\\"), ("C:\\", "C:\\"), ("C:\\a\\..\\b", "C:\\b")],
)
def test_a_letter_alone_means_the_drive(given: str, whole: str) -> None:
    assert whole_path(given, ntpath) == whole


def test_elsewhere_it_is_a_name() -> None:
    assert whole_path("C:", posixpath) == posixpath.join(os.getcwd(), "C:")


@pytest.mark.parametrize(
    ("path", "folder", "below"),
    [
        ("C:\\Mounts\\a\\", "c:\\", True),
        ("C:\\Mounts\\a\\", "C:\\MOUNTS", True),
        ("C:\\Mounts\\a\\", "C:\\Mounts\\a", False),
        ("C:\\Mounts2", "C:\\Mounts", False),
        ("/case/a", "/case", True),
        ("/case", "/case/", False),
        ("/cases", "/case", False),
        ("/a", "/", True),
        ("/", "/", False),
    ],
)
def test_what_lies_below_a_folder(path: str, folder: str, below: bool) -> None:
    assert lies_below(path, folder) is below


def test_a_mount_point_leads_to_a_volume_or_to_a_folder() -> None:
    assert is_volume(GUID)
    assert not is_volume("\\\\?\\C:\\Users")


class MountPoint:
    """An entry of a folder on Windows, as the system describes it."""

    name = "data"

    def stat(self, *, follow_symlinks: bool) -> object:
        class Status:
            st_file_attributes = 0x410
            st_reparse_tag = 0xA000_0003

        return Status()


@pytest.mark.parametrize(
    ("target", "boundaries", "gaps"),
    [(GUID, (), 1), (GUID, ("/top/data",), 0), ("\\\\?\\C:\\Users", (), 0)],
)
def test_a_volume_that_a_walk_meets_is_walked_elsewhere_or_a_gap(
    monkeypatch: pytest.MonkeyPatch, target: str, boundaries: tuple[str, ...], gaps: int
) -> None:
    monkeypatch.setattr(os, "readlink", lambda _: target)
    ledger = Ledger("files", required=True)
    walk = Walk(Selection(), ledger, frozenset(boundaries))
    assert not walk._enters(MountPoint(), Folder("/top"))  # type: ignore[arg-type]
    assert ledger.close().unread == gaps


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A folder in which another file system is mounted."""
    place = tmp_path / "top" / "inner"
    place.mkdir(parents=True)
    if shutil.which("mount") is None:
        pytest.skip("needs mount")
    done = subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], check=False)
    if done.returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.skipif(os.name == "nt", reason="POSIX only")
def test_a_file_on_a_volume_below_is_found(mounted: Path) -> None:
    (mounted / "x.bin").write_bytes(dll())
    top = str(mounted.parent)
    target = LiveHost(Own(), paths=[top], system=FakeSystem(), installed=installed)
    sweep = swept(target, FilesSource())
    assert {match.indicator.id for match in sweep.matches()} == {"dll-export"}
    assert sweep.reasons == {}


def test_roots_of_the_host_stay_whole(tmp_path: Path) -> None:
    target = LiveHost(Own(), paths=[str(tmp_path)], system=FakeSystem(), installed=installed)
    assert list(target.roots()[0]) == [Root(str(tmp_path))]
