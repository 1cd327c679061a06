r"""Names that outlive their files in raw bytes: page file, hibernation, dumps, traces, free
clusters. Looked for where it is asked for, and nowhere else."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.observation import Claim
from agent.model.report import Coverage, Report, State, Strength, Verdict
from agent.ntfs import Volume
from agent.sources.deep.look import LIST, RAW
from agent.sources.deep.places import HIBERNATED, PAGED, TRACED
from agent.sources.deep.raw_search import searched
from agent.sources.deep.reading import of_free_clusters
from agent.sources.deep.source import NO_VOLUME, NOT_REACHED, DeepSource
from agent.sweep.course import Deadline
from agent.targets.offline.image import ImageTarget
from tests.evidence.files import STAGE_0
from tests.evidence.images import (
    CLUSTER,
    MFT_CLUSTER,
    BadSectors,
    file_name,
    make,
    mounted,
    record,
    require_tools,
    resident,
    standard,
)
from tests.evidence.packs import campaign
from tests.evidence.sweeping import Swept, commanded, reported, swept
from tests.evidence.windows_folder import FORMS, as_folder, volume_bytes, windows

MIB = 1 << 20
NAME = "cyzfc.dat"
WIDE = NAME.encode("utf-16-le")
RECORD = 4096
PAGEFILE = "C:\\pagefile.sys"


def noise(size: int) -> bytes:
    """No text, no zeros."""
    return (bytes(range(128, 251)) * (size // 123 + 1))[:size]


def with_text(size: int, *texts: tuple[int, bytes]) -> bytes:
    data = bytearray(noise(size))
    for at, text in texts:
        data[at : at + len(text)] = text
    return bytes(data)


def places(sweep: Swept) -> list[tuple[str, str]]:
    """Path and byte of what matches."""
    matched = [match.observation for match in sweep.matches()]
    return [(one.place.path, one.place.record) for one in matched]


def of_pagefile(place: Path, content: bytes, form: str = "folder") -> Swept:
    return swept(FORMS[form](place, windows({PAGEFILE: content})), DeepSource())


@pytest.mark.parametrize("form", FORMS)
def test_a_name_in_the_page_file_is_a_mention_with_its_byte(form: str, tmp_path: Path) -> None:
    sweep = of_pagefile(tmp_path / "c", with_text(20_000, (9_001, WIDE)), form)
    assert places(sweep) == [(PAGEFILE, "byte 9001")]
    (match,) = sweep.matches()
    assert match.strength is Strength.WEAK
    seen = match.observation
    assert (seen.claim, seen.remarks) == (Claim.MENTIONED, (RAW,))
    assert seen.place.text == f"{PAGEFILE} (byte 9,001)"
    assert sweep.notes[PAGED] == 1


@pytest.mark.parametrize("text", [WIDE, NAME.encode(), NAME.upper().encode()])
@pytest.mark.parametrize(
    "at",
    [0, MIB - 3, MIB, MIB + 4096 - 5, 2 * MIB - 9, 3 * MIB + 17, 3 * MIB + 4096 - 7],
)
def test_no_border_of_pieces_cuts_a_name(text: bytes, at: int, tmp_path: Path) -> None:
    content = with_text(3 * MIB + 9_000, (at, text))
    assert places(of_pagefile(tmp_path / "c", content)) == [(PAGEFILE, f"byte {at}")]


def test_every_page_that_holds_a_name_is_told(tmp_path: Path) -> None:
    at = [70, 4096, 4096 * 9 + 4090, MIB - 2, 2 * MIB + 8]
    content = with_text(2 * MIB + 5_000, *((one, WIDE) for one in at))
    assert places(of_pagefile(tmp_path / "c", content)) == [(PAGEFILE, f"byte {one}") for one in at]


def test_an_excerpt_shows_what_stands_in_the_page_before(tmp_path: Path) -> None:
    line = b"\0rundll32.exe cyzfc.dat, PointFunctionCall\0"
    content = with_text(12_000, (8192 - 14, line))
    sweep = of_pagefile(tmp_path / "c", content)
    excerpts = {hit.excerpt for seen in sweep.seen for hit in seen.hits}
    assert "rundll32.exe cyzfc.dat, PointFunctionCall" in excerpts


@pytest.mark.parametrize(
    "path",
    [
        "C:\\swapfile.sys",
        "C:\\Windows\\MEMORY.DMP",
        "C:\\Windows\\Minidump\\112926-1.dmp",
        "C:\\Windows\\LiveKernelReports\\x\\y.dmp",
        "C:\\ProgramData\\Microsoft\\Windows\\WER\\ReportQueue\\a\\memory.hdmp",
        "C:\\Users\\jo\\AppData\\Local\\CrashDumps\\rundll32.exe.4312.dmp",
        "C:\\Windows\\System32\\LogFiles\\WMI\\x.etl",
        "C:\\Users\\jo\\AppData\\Local\\Microsoft\\Windows\\Explorer\\ExplorerStartupLog.etl",
    ],
)
def test_dumps_and_traces_are_searched(path: str, tmp_path: Path) -> None:
    files = windows({path: with_text(5_000, (1_234, NAME.encode()))})
    sweep = swept(FORMS["folder"](tmp_path / "c", files), DeepSource())
    assert places(sweep) == [(path, "byte 1234")]
    owner = "jo" if "\\jo\\" in path else ""
    assert [seen.place.owner for seen in sweep.seen] == [owner]


def test_copied_alone_they_are_known_by_their_names(tmp_path: Path) -> None:
    for name in ("pagefile.sys", "crash.dmp", "trace.etl"):
        (tmp_path / name).write_bytes(with_text(5_000, (100, NAME.encode())))
    assert len(swept(tmp_path, DeepSource()).matches()) == 3


def test_a_hibernation_is_a_gap_for_it_is_compressed(tmp_path: Path) -> None:
    files = windows({"C:\\hiberfil.sys": with_text(5_000, (4_100, WIDE))})
    sweep = swept(FORMS["folder"](tmp_path / "c", files), DeepSource())
    assert places(sweep) == [("C:\\hiberfil.sys", "byte 4100")]
    assert (sweep.coverage.state, sweep.reasons) == (State.PARTIAL, {HIBERNATED: 1})


def trace(*, mode: int = 0, flags: tuple[int, ...] = (0, 0)) -> bytes:
    """Buffers of 1 KiB, each with its flags; the first one tells the mode of all."""
    data = bytearray()
    for flag in flags:
        buffer = bytearray(1024)
        struct.pack_into("<I", buffer, 0, 1024)
        struct.pack_into("<H", buffer, 0x34, flag)
        data += buffer
    struct.pack_into("<I", data, 0x88, mode)
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "gap"),
    [
        (trace(), False),
        (trace(mode=1, flags=(0x21, 0x20, 0x01)), False),
        (trace(mode=0x0400_0001), True),
        (trace(flags=(0x20, 0x60)), True),
        (b"", False),
        (b"\x01\0\0\0", False),
    ],
)
def test_a_compressed_trace_is_a_gap(content: bytes, gap: bool, tmp_path: Path) -> None:
    files = windows({"C:\\Windows\\Logs\\x.etl": content})
    sweep = swept(FORMS["folder"](tmp_path / "c", files), DeepSource())
    assert sweep.reasons == ({TRACED: 1} if gap else {})


def test_a_list_of_indicators_is_told_as_one(tmp_path: Path) -> None:
    texts = ["cyzfc.dat", "ds7002.zip", "ds7002.lnk", "pandorasong.com", "95.216.59.92"]
    text = "\n".join(texts).encode()
    alone = b"pandorasong.com"
    sweep = of_pagefile(tmp_path / "c", with_text(20_000, (500, text), (9_000, alone)))
    remarks = {seen.place.record: seen.remarks for seen in sweep.seen}
    assert remarks["byte 500"] == (RAW, LIST)
    assert remarks["byte 9000"] == (RAW,)


def test_what_a_deleted_report_held_of_the_campaigns_content_makes_no_hit(tmp_path: Path) -> None:
    """Strong where a file or a record has it: nobody knows who wrote these bytes."""
    told = b'{"command_line":"powershell.exe ' + STAGE_0.encode() + b'"}'
    folder = as_folder(tmp_path / "c", windows({PAGEFILE: with_text(5_000, (100, told))}))
    _, report = commanded(tmp_path / "out", "offline", str(folder), "--deep")
    told_of = {seen.indicator for finding in report.findings for seen in finding.evidence}
    assert {"content-stage0-long", "content-stage0-decoder"} <= told_of
    assert {finding.strength for finding in report.findings} == {Strength.WEAK}
    assert report.verdict is not Verdict.HIT


def test_a_command_line_of_the_agent_is_its_own(tmp_path: Path) -> None:
    line = b"\0iocsweep.exe --only files C:\\cyzfc.dat\0"
    sweep = of_pagefile(tmp_path / "c", with_text(9_000, (500, line)))
    assert (sweep.seen, sweep.coverage.own) == ([], 1)


def test_a_folder_has_no_free_clusters_and_says_so(tmp_path: Path) -> None:
    sweep = of_pagefile(tmp_path / "c", noise(5_000))
    assert (sweep.coverage.state, sweep.notes[NO_VOLUME]) == (State.COMPLETE, 1)
    assert (sweep.coverage.examined, sweep.coverage.bytes) == (1, 5_000)


# Free clusters.


def image_of(
    place: Path, *planted: tuple[int, bytes], used: bool = False, bitmap: bytes | None = None
) -> Path:
    """A volume of at least 3 MiB of free clusters behind its files; ``planted``: bytes by their
    offset behind the files. ``used``: those clusters are in use all the same."""
    data = bytearray(volume_bytes(windows({"C:\\big.bin": noise(3 * MIB)})))
    first = data.index(noise(3 * MIB)) // CLUSTER
    clusters = (len(data) - 512) // CLUSTER
    bits = bytearray(b"\xff" * (-(-clusters // 8)))
    if not used:
        for cluster in range(first, first + 3 * MIB // CLUSTER):
            bits[cluster // 8] &= ~(1 << cluster % 8) & 0xFF
    content = bytes(bits) if bitmap is None else bitmap
    at = MFT_CLUSTER * CLUSTER + 6 * RECORD
    data[at : at + RECORD] = record(
        standard(), file_name("$Bitmap"), resident(0x80, content), size=RECORD
    )
    for offset, text in planted:
        data[first * CLUSTER + offset : first * CLUSTER + offset + len(text)] = text
    place.write_bytes(data)
    return place


def begin(path: Path) -> int:
    return path.read_bytes().index(noise(64))


def of_image(path: Path) -> Swept:
    return swept(ImageTarget(str(path), own=Own()), DeepSource())


def test_a_name_in_free_clusters_is_a_mention_with_its_byte(tmp_path: Path) -> None:
    at = [77, MIB - 4, 2 * MIB + 4090, 3 * MIB - len(WIDE)]
    path = image_of(tmp_path / "disk.img", *((one, WIDE) for one in at))
    sweep = of_image(path)
    found = [int(record.removeprefix("byte ")) for _, record in places(sweep)]
    assert found == [begin(path) + one for one in at]
    assert {seen.seen for seen in sweep.seen} == {"free clusters"}
    assert (sweep.coverage.state, sweep.coverage.bytes) == (State.COMPLETE, 3 * MIB)


def test_a_deleted_files_bytes_are_found_where_a_driver_freed_them(tmp_path: Path) -> None:
    require_tools("ntfsinfo")
    path = make(tmp_path / "disk.img", 16)
    with mounted(path) as root:
        (root / "kept.bin").write_bytes(with_text(70_000, (50, b"ds7002.zip")))
        (root / "gone.bin").write_bytes(with_text(70_000, (60_000, WIDE)))
    with mounted(path) as root:
        (root / "gone.bin").unlink()
    sweep = of_image(path)
    ((_, place),) = places(sweep)
    at = int(place.removeprefix("byte "))
    assert path.read_bytes()[at : at + len(WIDE)] == WIDE
    info = subprocess.run(["ntfsinfo", "-m", path], capture_output=True, text=True, check=True)
    free = int(info.stdout.split("Free Clusters:")[1].split()[0])
    assert sweep.coverage.bytes == free * CLUSTER


def test_clusters_of_files_are_not_searched_as_free_ones(tmp_path: Path) -> None:
    sweep = of_image(image_of(tmp_path / "disk.img", (77, WIDE), used=True))
    assert (sweep.seen, sweep.coverage.bytes) == ([], 0)


def test_what_lies_apart_makes_no_name(tmp_path: Path) -> None:
    path = image_of(tmp_path / "disk.img", (CLUSTER - 5, b"cyzfc"), (2 * CLUSTER, b".dat"))
    data = bytearray(path.read_bytes())
    cluster = begin(path) // CLUSTER + 1
    at = data.index(b"$\0B\0i\0t\0m\0a\0p\0")
    bits = data.index(b"\xff" * 4, at)
    data[bits + cluster // 8] |= 1 << cluster % 8
    path.write_bytes(data)
    sweep = of_image(path)
    assert (sweep.seen, sweep.coverage.bytes) == ([], 3 * MIB - CLUSTER)


def test_a_bitmap_that_ends_early_is_a_gap(tmp_path: Path) -> None:
    sweep = of_image(image_of(tmp_path / "disk.img", bitmap=b"\xff" * 8))
    assert sweep.reasons == {"free clusters: $Bitmap ends before the volume does": 1}


def test_an_image_cut_short_is_searched_as_far_as_it_goes(tmp_path: Path) -> None:
    path = image_of(tmp_path / "disk.img", (100, WIDE), (2 * MIB, WIDE))
    whole, start = path.read_bytes(), begin(path)
    path.write_bytes(whole[: start + MIB + 100])
    sweep = of_image(path)
    assert [record for _, record in places(sweep)] == [f"byte {start + 100}"]
    assert sweep.coverage.state is State.PARTIAL
    assert "image ends before the volume does" in sweep.reasons
    assert sweep.coverage.bytes == MIB + 100


def test_a_volume_without_a_bitmap_is_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(volume_bytes(windows()))
    assert of_image(path).coverage.state is State.PARTIAL


def test_what_cannot_be_read_is_a_gap_and_what_is_behind_it_is_searched(tmp_path: Path) -> None:
    path = image_of(tmp_path / "disk.img", (100, WIDE), (2 * MIB + 100, WIDE))
    data, start = path.read_bytes(), begin(path)
    bad = BadSectors(data, range(start + MIB + 5_000, start + MIB + 6_000))
    ledger = Ledger("deep", required=False)
    pieces = of_free_clusters(Volume(bad), ledger.part("C:"), lambda: None)
    rules = campaign().records()
    hits = [hit.offset for one in searched(pieces, rules) for hit, _ in one.hits]
    assert hits == [start + 100, start + 2 * MIB + 100]
    (reason,) = ledger.close().reasons
    assert (reason.count, reason.reason) == (1, "read: read error on the disk")


# What ends it early.


class Ends:
    """Ends the sweep when so much was told of a place."""

    def __init__(self, end: str, calls: int) -> None:
        self.end, self.calls = end, calls

    def __call__(self, place: str) -> None:
        if place.endswith(self.end):
            self.calls -= 1
            if self.calls < 0:
                raise Deadline


def coverage_of(report: Report) -> Coverage:
    (only,) = report.coverage
    return only


def test_when_time_is_over_what_was_not_searched_is_a_gap(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "c", windows({PAGEFILE: with_text(40 * MIB, (100, WIDE))}))
    report = reported(folder, DeepSource(progress=Ends("pagefile.sys", 20)))
    assert [finding.strength for finding in report.findings] == [Strength.WEAK]
    told = {one.reason: one.samples for one in coverage_of(report).reasons}
    assert "--max-runtime was over; not looked at from here on" in told
    (place,) = told["ended before all of it was searched"]
    assert place.startswith(f"{PAGEFILE} (byte ")
    assert 0 < int(place.split("byte ")[1].rstrip(")").replace(",", "")) < 20 * MIB


def test_volumes_that_were_not_reached_are_named(tmp_path: Path) -> None:
    files = windows({PAGEFILE: noise(5_000)})
    target = FORMS["image"](tmp_path / "c", files)
    report = reported(target, DeepSource(progress=Ends("pagefile.sys", 0)))
    assert NOT_REACHED in {one.reason for one in coverage_of(report).reasons}


# On the command line.


def sources_in(report: Report) -> set[str]:
    return {one.source for one in report.coverage}


@pytest.mark.parametrize(
    ("options", "asked"),
    [((), False), (("--thorough",), False), (("--deep",), True), (("--only", "deep"), True)],
)
def test_it_is_only_asked_when_it_is_asked_for(
    options: tuple[str, ...], asked: bool, tmp_path: Path
) -> None:
    folder = as_folder(tmp_path / "c", windows({PAGEFILE: with_text(5_000, (100, WIDE))}))
    _, report = commanded(tmp_path / "out", "offline", str(folder), "--quiet", *options)
    assert ("deep" in sources_in(report)) is asked
    places = [seen.place.path for finding in report.findings for seen in finding.evidence]
    assert (PAGEFILE in places) is asked


def test_a_mention_in_raw_bytes_leaves_a_clean_verdict_and_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = as_folder(tmp_path / "c", windows({PAGEFILE: with_text(5_000, (100, WIDE))}))
    _, report = commanded(tmp_path / "out", "offline", str(folder), "--deep")
    assert report.verdict is not Verdict.HIT
    assert {finding.strength for finding in report.findings} == {Strength.WEAK}
    assert f"{PAGEFILE} (byte 100)" in capsys.readouterr().out
