"""Which names are those of disks and volumes, and how their bytes are read as of a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.commands.resuming import identity_of
from agent.matching.own_traces import Own
from agent.reading.block_device import is_device, is_windows_device, name_of, open_device, real_path
from agent.targets.offline.at_rest import TargetError
from agent.targets.offline.recognise import offline_target
from tests.evidence.infected import infected
from tests.evidence.loop_device import attached
from tests.evidence.windows_folder import as_image

VOLUME = "\\\\?\\Volume{12345678-0000-0000-0000-000000000000}"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (r"\\.\PhysicalDrive12", "PhysicalDrive12"),
        (r"\\.\physicaldrive0", "physicaldrive0"),
        (r"\\.\E:", "E"),
        (r"\\.\Harddisk0Partition2", "Harddisk0Partition2"),
        (r"\\.\HarddiskVolumeShadowCopy3", "HarddiskVolumeShadowCopy3"),
        (VOLUME, VOLUME[4:]),
        (r"\\?\GLOBALROOT\Device\HarddiskVolume3", "HarddiskVolume3"),
        (r"\\?\GLOBALROOT\Device\Harddisk1\DR1", "DR1"),
    ],
)
def test_disks_and_volumes_of_windows_are_known_by_their_names(path: str, name: str) -> None:
    assert is_windows_device(path)
    assert name_of(path) == name


@pytest.mark.parametrize(
    "path",
    [
        r"\\.\COM1",
        r"\\.\pipe\PhysicalDrive0",
        r"\\.\CON",
        "\\\\.\\E:\\",
        r"\\.\E:\PhysicalDrive0",
        r"E:",
        VOLUME + "\\",
        r"\\?\C:\PhysicalDrive0",
        r"PhysicalDrive0",
        "\\\\.\\PhysicalDrive0\n",
    ],
)
def test_anything_else_is_never_opened_as_one(path: str) -> None:
    assert not is_windows_device(path)


def test_a_file_or_folder_is_none(tmp_path: Path) -> None:
    (tmp_path / "disk.img").write_bytes(b"x")
    assert not is_device(str(tmp_path))
    assert not is_device(str(tmp_path / "disk.img"))
    assert not is_device(str(tmp_path / "nothing"))
    assert name_of(str(tmp_path / "disk.img")) == "disk.img"
    (tmp_path / "link").symlink_to("disk.img")
    assert real_path(str(tmp_path / "link")) == os.path.realpath(tmp_path / "disk.img")


def test_a_device_is_evidence_of_its_own_kind(tmp_path: Path) -> None:
    image = Path(as_image(tmp_path / "case", infected()))
    os.truncate(image, -(-image.stat().st_size // 512) * 512)
    with attached(image) as device:
        with open_device(device) as file:
            assert file.read(4096) == image.read_bytes()[:4096]
        (exhibit,) = offline_target(device, own=Own()).exhibits()
        link = tmp_path / "as another"
        link.symlink_to(device)
        again = offline_target(str(link), own=Own()).exhibits()
    assert exhibit.kind == "disk or volume by its device"
    assert exhibit.size == image.stat().st_size
    assert not exhibit.files
    assert identity_of(again) == identity_of([exhibit]) != ()


def test_a_device_on_which_nothing_is_known_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "blank").write_bytes(bytes(1 << 20))
    with (
        attached(tmp_path / "blank") as device,
        pytest.raises(TargetError, match=f"{device}: no image of a disk or of a volume"),
    ):
        offline_target(device, own=Own())
