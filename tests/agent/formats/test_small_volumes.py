"""Volumes made byte by byte: what the fuzzer begins with is what it should be."""

from __future__ import annotations

from agent.formats.exfat import Exfat
from agent.formats.fat import Fat
from agent.formats.kinds import EXFAT, FAT, WIM, Read, kind_of
from agent.formats.wim import Unpacked, Wim
from tests.evidence.tiny_volumes import tiny_exfat, tiny_fat, tiny_wim


def reading(data: bytes) -> Read:
    return lambda offset, size: data[offset : offset + size]


def problems(reason: str) -> None:
    raise AssertionError(reason)


def test_kinds() -> None:
    made = {FAT: tiny_fat(), EXFAT: tiny_exfat(), WIM: tiny_wim()}
    for kind, data in made.items():
        assert kind_of(data[:4096], len(data), "", reading(data)) is kind


def test_fat() -> None:
    volume = Fat(reading(tiny_fat()))
    (folder,) = volume.folder(volume.root, problems)
    (file,) = volume.folder(folder.first, problems)
    assert (folder.name, folder.is_folder, file.name, file.size) == (
        "A", True, "a long name.bin", 600,
    )  # fmt: skip
    assert volume.content(file).read(0, 600) == b"x" * 600


def test_exfat() -> None:
    volume = Exfat(reading(tiny_exfat()))
    (folder,) = volume.folder(volume.root, problems)
    (file,) = volume.folder(folder, problems)
    assert (folder.name, folder.is_folder, file.name, file.size) == (
        "a", True, "a long name.bin", 600,
    )  # fmt: skip
    assert volume.content(file).read(0, 600) == b"x" * 600


def test_wim() -> None:
    opened = Wim(reading(tiny_wim()))
    image, is_sound = opened.image(1)
    assert is_sound
    (folder,) = image.entries(image.top.below)
    (file,) = image.entries(folder.below)
    assert (folder.name, file.name) == ("a", "a long name.bin")
    resource = opened.content(file.digest)
    assert Unpacked(opened, resource).read(0, resource.size) == b"x" * 600
