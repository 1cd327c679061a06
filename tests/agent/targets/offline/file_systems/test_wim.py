from __future__ import annotations

import hashlib
import random
import struct
from pathlib import Path

import pytest

from agent.formats.wim import Unpacked, Wim, images_in
from agent.matching.own_traces import Own
from agent.model.report import Report, State, Verdict
from agent.targets.offline.file_systems.wim import OTHER_LIST, OTHER_SHA1
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from agent.targets.tree import Kind
from tests.evidence.files import dll
from tests.evidence.sweeping import commanded, swept
from tests.evidence.trees import content, contents, gaps_of, tree_of, walked
from tests.evidence.wims import METHODS, imagex, of_ntfs, wim
from tests.evidence.windows_folder import GUID, as_image, windows

CHANCE = random.Random(14)
TEXT = b"".join(b"line %d of a text, call %d\r\n" % (n, n * n) for n in range(9000))
CODE = b"".join(b"\xe8" + struct.pack("<i", n * 4711 - 90_000) + b"\x55\x8b" for n in range(9000))
FILES = {
    "C:\\Users\\jo\\text.txt": TEXT,
    "C:\\Windows\\code.dll": CODE,
    "C:\\noise.bin": CHANCE.randbytes(70_000),
    "C:\\ünïcödé 日本語 \U0001f600.txt": b"name",
    "C:\\empty.bin": b"",
    "C:\\in chunks.bin": bytes(32768) + CHANCE.randbytes(32768) + bytes(32768),
    **{f"C:\\many\\file number {number}.bin": b"%d" % number for number in range(300)},
}
IMPLANT = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
HOSTS = "C:\\Windows\\System32\\drivers\\etc\\hosts"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def sweep(folder: Path, *arguments: object) -> Report:
    return commanded(folder / "out", "offline", *map(str, arguments), "--quiet")[1]


@pytest.mark.parametrize("method", METHODS)
def test_files_are_those_that_were_written(tmp_path: Path, method: str) -> None:
    path = wim(tmp_path / "x.wim", FILES, options=METHODS[method])
    expected = {path[3:].replace("\\", "/"): data for path, data in FILES.items()}
    assert contents(tree_of(path)) == expected
    assert gaps_of(path) == []


@pytest.mark.parametrize("method", METHODS)
def test_any_place_of_a_file_is_read_in_any_order(tmp_path: Path, method: str) -> None:
    path = wim(tmp_path / "x.wim", FILES, options=METHODS[method])
    with walked(tree_of(path))["Users/jo/text.txt"].open()[0] as file:
        for offset, size in ((200_000, 5000), (0, 1), (32767, 2), (65535, 70_000), (len(TEXT), 1)):
            file.seek(offset)
            assert file.read(size) == TEXT[offset : offset + size]


def test_its_images_are_volumes_each(tmp_path: Path) -> None:
    path = wim(tmp_path / "x.wim", {"C:\\one": b"1", "C:\\both": b"same"}, {"C:\\both": b"same"})
    roots, _ = ImageTarget(str(path), own=Own()).roots()
    assert [root.path for root in roots] == [f"{path} (image 1)", f"{path} (image 2)"]
    assert [contents(root.tree) for root in roots if root.tree] == [
        {"one": b"1", "both": b"same"},
        {"both": b"same"},
    ]


def test_streams_links_and_times_are_those_of_the_volume(tmp_path: Path) -> None:
    path = of_ntfs(tmp_path / "x.wim", "a.txt", b"content", "Zone.Identifier", b"of the web")
    found = walked(tree_of(path))
    assert content(found["a.txt"]) == b"content"
    assert found["a.txt"].streams() == ["Zone.Identifier"]
    assert found["a.txt"].facts("Zone.Identifier").size == 10
    assert content(found["a.txt"], "Zone.Identifier") == b"of the web"
    times = found["a.txt"].facts().times()
    assert times.created is not None
    assert not times.is_local


def test_a_link_is_one(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "folder").mkdir(parents=True)
    (source / "link").symlink_to("folder")
    imagex("capture", source, tmp_path / "x.wim")
    kinds = {path: entry.kind() for path, entry in walked(tree_of(tmp_path / "x.wim")).items()}
    assert kinds == {"folder": Kind.FOLDER, "link": Kind.LINK}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--compress=LZMS",), "packed by LZMS, which is not read"),
        (("--compress=LZX", "--chunk-size=131072"),
         "packed in chunks of 131,072 bytes, which is not read"),
    ],
)  # fmt: skip
def test_what_is_packed_in_another_way_is_a_gap_by_its_name(
    tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    path = wim(tmp_path / "x.wim", FILES, options=options)
    assert gaps_of(path) == [f"WIM image: {reason}"]
    assert sweep(tmp_path, path).verdict is Verdict.INCOMPLETE


def test_names_of_a_solid_one_are_compared_and_its_contents_a_gap_each(tmp_path: Path) -> None:
    files = {"C:\\cyzfc.dat": b"one", "C:\\other.bin": b"two", "C:\\empty.bin": b""}
    path = wim(tmp_path / "x.wim", files, options=("--compress=LZX", "--solid"))
    target = ImageTarget(str(path), own=Own())
    (gap,) = target.roots()[1]
    assert (gap.reason, gap.count) == (
        "WIM image: packed as a solid resource, which is not read",
        2,
    )
    assert swept(target).only().place.text == "x.wim (image 1):\\cyzfc.dat"


def test_what_lies_in_another_part_is_a_gap(tmp_path: Path) -> None:
    files = {f"C:\\{number}.bin": CHANCE.randbytes(400_000) for number in range(6)}
    whole = wim(tmp_path / "x.wim", files, options=METHODS["none"])
    imagex("split", whole, tmp_path / "part.swm", 1)
    target = ImageTarget(str(tmp_path / "part.swm"), own=Own())
    (gap,) = target.roots()[1]
    assert gap.reason == "WIM image: in another part of a split image"
    assert len(files) > gap.count > 0
    assert gaps_of(tmp_path / "part2.swm") == ["WIM image: in another part of a split image"]


def changed(path: Path, at: int, data: bytes) -> Path:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
    return path


def test_content_of_another_sha1_is_no_content(tmp_path: Path) -> None:
    path = wim(tmp_path / "x.wim", {"C:\\a.bin": TEXT, "C:\\b.bin": b"b"}, options=METHODS["none"])
    changed(path, path.read_bytes().index(TEXT[100_000:100_100]), b"L")
    found = walked(tree_of(path))
    with pytest.raises(OSError, match=OTHER_SHA1):
        content(found["a.bin"])
    assert content(found["b.bin"]) == b"b"


def test_a_list_of_files_of_another_sha1_is_a_gap_and_its_names_are_compared(
    tmp_path: Path,
) -> None:
    files = {"C:\\cyzfc.dat": b"x", "C:\\other": b"y"}
    path = wim(tmp_path / "x.wim", files, options=METHODS["none"])
    name = "other".encode("utf-16-le")
    changed(path, path.read_bytes().index(name), b"O")
    assert gaps_of(path) == [f"WIM image: {OTHER_LIST}"]
    assert sorted(walked(tree_of(path))) == ["Other", "cyzfc.dat"]


def test_a_list_of_files_that_makes_no_sense_is_a_gap(tmp_path: Path) -> None:
    files = {"C:\\first": b"x", "C:\\second": b"y"}
    path = wim(tmp_path / "x.wim", files, options=METHODS["none"])
    name = path.read_bytes().index("second".encode("utf-16-le"))
    changed(path, name - 102, struct.pack("<Q", 50))
    problems: list[str] = []
    assert list(walked(tree_of(path), problems)) == ["first"]
    assert problems == ["folder: WIM image: list of files that makes no sense"]


@pytest.mark.parametrize("size", [20, 250, 5000])
def test_one_that_is_cut_short_is_never_clean(tmp_path: Path, size: int) -> None:
    path = wim(tmp_path / "x.wim", FILES)
    path.write_bytes(path.read_bytes()[:size])
    report = sweep(tmp_path, path)
    assert report.verdict is Verdict.INCOMPLETE
    (files,) = [one for one in report.coverage if one.source == "files"]
    assert files.reasons[0].reason.startswith("WIM image: ")


@pytest.mark.parametrize("method", METHODS)
def test_any_damage_ends_in_bytes_or_in_a_reason(tmp_path: Path, method: str) -> None:
    files = {path: data for path, data in FILES.items() if "many" not in path}
    path = wim(tmp_path / "x.wim", files, options=METHODS[method])
    whole, outcomes = path.read_bytes(), set()
    table = int.from_bytes(whole[56:64], "little")
    for seed in range(60):
        chance = random.Random(seed)
        damaged = {chance.choice((chance.randrange(len(whole)), chance.randrange(208),
                                  chance.randrange(table, len(whole))))
                   for _ in range(chance.choice((1, 4, 40)))}  # fmt: skip
        for at in sorted(damaged):
            changed(path, at, bytes([chance.randrange(256)]))
        if whole[:8] == path.read_bytes()[:8]:
            outcomes.add(_outcome(path))
        path.write_bytes(whole)
    assert (0, len(files), 0) in outcomes
    assert len(outcomes) > 3


def _outcome(path: Path) -> tuple[int, int, int]:
    """Gaps, files that are as they were, and those that are refused."""
    roots, gaps = ImageTarget(str(path), own=Own()).roots()
    right, refused = 0, 0
    for root in roots[:1]:
        assert root.tree is not None
        for name, entry in walked(root.tree).items():
            if entry.kind() is Kind.FILE:
                try:
                    data = content(entry)
                except OSError:
                    refused += 1
                else:
                    right += data == FILES.get(f"C:\\{name.replace('/', chr(92))}")
    return len(gaps), right, refused


def test_a_windows_in_it_gives_the_evidence_and_the_ids_that_its_volume_gives(
    tmp_path: Path,
) -> None:
    files = windows({HOSTS: b"10.1.2.3 pandorasong.com\r\n", IMPLANT: dll()})
    of_volume = sweep(tmp_path / "a", as_image(tmp_path / "volume", files))
    of_wim = sweep(tmp_path / "b", wim(tmp_path / "capture.wim", files))
    assert of_wim.host == of_volume.host
    assert of_wim.host.id == GUID
    assert [one.id for one in of_wim.findings] == [one.id for one in of_volume.findings]
    assert len(of_wim.findings) == 2
    (files_of,) = [one for one in of_wim.coverage if one.source == "files"]
    assert files_of.state is State.COMPLETE


def test_ids_do_not_hang_on_its_name(tmp_path: Path) -> None:
    path = wim(tmp_path / "one.wim", {IMPLANT: dll()})
    first = sweep(tmp_path / "a", path)
    second = sweep(tmp_path / "b", path.rename(tmp_path / "two.wim"))
    assert first.host.id == second.host.id
    assert first.host.id.startswith("wim:")
    assert [one.id for one in first.findings] == [one.id for one in second.findings]
    assert [one.title for one in second.findings] == [
        "two.wim (image 1):\\Users\\jo\\AppData\\Local\\cyzfc.dat"
    ]


def test_one_that_is_met_in_a_folder_is_swept(tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    files = windows({HOSTS: b"10.1.2.3 pandorasong.com\r\n", IMPLANT: dll()})
    wim(case / "x.wim", files)
    target = FolderTarget(str(case), own=Own())
    found = swept(target)
    place = f"{case}/x.wim (image 1):"
    assert {one.observation.place.text for one in found.matches()} == {f"{place}{IMPLANT[2:]}"}
    assert target.known_as(f"{place}\\Users\\jo") == "C:\\Users\\jo"
    assert found.notes["WIM image in a file, swept too"] == 1
    assert found.reasons == {}


def test_one_that_lies_on_an_image_is_swept_as_the_recovery_environment_is(
    tmp_path: Path,
) -> None:
    kept = wim(tmp_path / "x.wim", {"C:\\Windows\\cyzfc.dat": dll()}).read_bytes()
    place = "C:\\Recovery\\WindowsRE\\Winre.wim"
    path = as_image(tmp_path / "volume", windows({place: kept}))
    report = sweep(tmp_path, path)
    assert report.host.id == GUID
    assert [one.title for one in report.findings] == [
        "disk.img:\\Recovery\\WindowsRE\\Winre.wim (image 1):\\Windows\\cyzfc.dat"
    ]
    (files,) = [one for one in report.coverage if one.source == "files"]
    assert files.state is State.COMPLETE


def test_what_is_unpacked_has_the_sha1_that_wimlib_wrote(tmp_path: Path) -> None:
    data = wim(tmp_path / "x.wim", FILES).read_bytes()

    def read(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    opened = Wim(read)
    assert images_in(read) == 1
    assert len(opened.contents) == len(set(FILES.values())) - 1
    for digest, resource in opened.contents.items():
        unpacked = Unpacked(opened, resource).read(0, resource.size)
        assert hashlib.sha1(unpacked, usedforsecurity=False).digest() == digest
