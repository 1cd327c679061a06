"""The files of an NTFS volume by its records: what a walk sees of it, and what it cannot."""

from __future__ import annotations

import errno
import gc
import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.findings.finding import evidence_of
from agent.matching.own_traces import Own
from agent.model.report import State, Strength
from agent.ntfs import ByteSource, FileSource
from agent.sources.files.cross_view import ONLY_RECORDS, ONLY_WALK
from agent.sources.files.file_inspection import _Read
from agent.targets import RawNtfs, Root
from agent.targets.offline.image import ImageTarget
from tests.evidence.files import campaign_link, dll, shell_link
from tests.evidence.hosts import Mounted, Volumes, disk
from tests.evidence.images import (
    BadSectors,
    file_name,
    image,
    make,
    mounted,
    non_resident,
    record,
    require_tools,
    resident,
    run,
    standard,
)
from tests.evidence.planted import Case, plant
from tests.evidence.sweeping import Swept, swept, swept_mounted

LOCAL = "\\Users\\jo\\AppData\\Local"


def of_image(path: Path) -> Swept:
    return swept(ImageTarget(str(path), own=Own()))


def of_bytes(folder: Path, data: bytes) -> Swept:
    return swept(disk(folder, data))


# The planted tree, by the walk and by the records.


@dataclass
class Both:
    cases: Sequence[Case]
    root: Path
    walk: Swept
    engine: Swept

    def in_image(self, place: str) -> str:
        """A place of the walk as the engine shows it."""
        path, arrow, member = place.partition(" → ")
        return "disk.img:" + path.removeprefix(str(self.root)).replace("/", "\\") + arrow + member


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    require_tools()
    path = make(tmp_path_factory.mktemp("volume") / "disk.img", 64)
    # Names with a colon are names and no streams then.
    with mounted(path, "streams_interface=xattr") as root:
        cases = plant(root).cases
        walk = swept(root)
    return Both(cases, root, walk, of_image(path))


LINKS = ("a dangling link", "a link to a folder", "a link to itself", "a FIFO", "a socket")
"""Files of their own to Windows, and to the records."""


def test_everything_planted_is_seen_for_what_it_is(both: Both) -> None:
    missed = {}
    for case in both.cases:
        found = both.engine.at(both.in_image(case.place))
        wanted = {"file"} if case.what.startswith(LINKS) else case.seen - {"file name"}
        if case.seen and not case.skipped and not wanted <= {one.seen for one in found}:
            missed[case.what] = {one.seen for one in found}
    assert len(both.cases) >= 25
    assert not missed


def test_both_views_make_the_same_of_it(both: Both) -> None:
    def findings(view: Swept, place: str) -> set[tuple[str, str, str]]:
        return {(m.indicator.id, m.strength.value, m.reason) for m in view.matches(place)}

    for case in both.cases:
        if not case.skipped:
            engine = findings(both.engine, both.in_image(case.place))
            walk = findings(both.walk, case.place)
            assert walk <= engine if case.what.startswith(LINKS) else walk == engine, case.what

    def facts(view: Swept, place: str) -> list[tuple[object, ...]]:
        return [
            (o.seen, f.size, f.hash, f.pe, f.lnk, f.zone_url, o.hits, o.mention)
            for o in view.at(place)
            if (f := o.file) is not None
        ]

    for case in both.cases:
        if not case.skipped and not case.what.startswith((*LINKS, "the name on a file")):
            assert facts(both.engine, both.in_image(case.place)) == facts(both.walk, case.place)


def test_nothing_but_what_the_walk_sees_is_there(both: Both) -> None:
    walked = {both.in_image(found.place.text) for found in both.walk.seen}
    assert {found.place.text for found in both.engine.seen} - walked == set()


def test_what_cannot_be_read_is_counted_by_both(both: Both) -> None:
    listing = {"alternate data streams: name too long"}  # A walk's trouble alone.
    assert both.engine.reasons == {
        reason: count for reason, count in both.walk.reasons.items() if reason not in listing
    }
    assert both.engine.coverage.state is State.PARTIAL


# What the walk cannot see.


@dataclass
class Hidden:
    engine: Swept
    walk: Swept
    dll: str


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Hidden:
    require_tools()
    path = make(tmp_path_factory.mktemp("hidden") / "disk.img", 32)
    data = dll()
    with mounted(path) as root:
        local = root / "Users/jo/AppData/Local"
        local.mkdir(parents=True)
        (local / "cyzfc.dat").write_bytes(data)
        (local / "small").mkdir()
        (local / "small/ds7002.lnk").write_bytes(b"small")
        (root / "holiday.jpg").write_bytes(b"x")
        os.link(root / "holiday.jpg", root / "cyzfc.dat")
        Path(f"{local}:audio.dll").write_bytes(data)
        Path(f"{root}/holiday.jpg:ds7002.lnk").write_bytes(b"hidden")
        for place in (root / "Users/jo", root / "readme.txt"):
            Path(f"{place}:a.lnk").write_bytes(shell_link())
    with mounted(path) as root:
        (root / "Users/jo/AppData/Local/cyzfc.dat").unlink()
        shutil.rmtree(root / "Users/jo/AppData/Local/small")
    with mounted(path) as root:
        walk = swept(root)
    return Hidden(of_image(path), walk, hashlib.sha256(data).hexdigest())


def test_a_deleted_file_is_told_with_its_last_path_and_its_content(hidden: Hidden) -> None:
    place = f"disk.img:{LOCAL}\\cyzfc.dat"
    (found,) = [one for one in hidden.engine.at(place) if not one.mention]
    assert found.seen == "deleted file"
    assert found.file is not None
    assert found.file.hash is not None
    assert found.file.hash.sha256 == hidden.dll
    assert any("free" in remark for remark in found.remarks)
    matches = {match.reason: match for match in hidden.engine.matches(place)}
    assert matches["deleted file path"].strength is Strength.STRONG
    assert "deleted file export" in matches
    assert "deleted; read from clusters" in evidence_of(matches["deleted file name"]).detail
    assert not [one for one in hidden.walk.seen if one.place.text.endswith("Local/cyzfc.dat")]


def test_a_small_deleted_file_in_a_deleted_folder_is_read_from_its_record(hidden: Hidden) -> None:
    (found,) = hidden.engine.at(f"disk.img:{LOCAL}\\small\\ds7002.lnk")
    assert found.file is not None
    assert found.file.hash is not None
    assert found.file.hash.sha256 == hashlib.sha256(b"small").hexdigest()
    assert {"deleted; its content is kept in its record", "in a deleted folder"} <= set(
        found.remarks
    )


def test_a_hard_link_under_another_name_is_told_by_the_wanted_one(hidden: Hidden) -> None:
    (found,) = [one for one in hidden.engine.at("disk.img:\\cyzfc.dat") if one.seen == "file"]
    assert found.file is not None
    assert found.file.size == 1
    assert not [one for one in hidden.engine.at("disk.img:\\holiday.jpg") if one.seen == "file"]


def test_a_stream_of_a_folder_is_found_by_its_size(hidden: Hidden) -> None:
    (found,) = hidden.engine.at(f"disk.img:{LOCAL}:audio.dll")
    assert found.seen == "alternate data stream"
    assert found.file is not None
    assert found.file.pe is not None
    assert found.file.pe.exports == ["PointFunctionCall"]


def test_a_stream_of_a_file_that_a_walk_passes_by_is_found_by_its_name(hidden: Hidden) -> None:
    places = [found.place.text for found in hidden.engine.seen if found.file and found.file.stream]
    assert "disk.img:\\cyzfc.dat:ds7002.lnk" in places or (
        "disk.img:\\holiday.jpg:ds7002.lnk" in places
    )


@pytest.mark.parametrize("place", ["\\Users\\jo", "\\readme.txt"])
def test_a_stream_is_found_by_its_extension(hidden: Hidden, place: str) -> None:
    found = [one for one in hidden.engine.at(f"disk.img:{place}:a.lnk") if not one.mention]
    assert [one.file.lnk is not None for one in found if one.file] == [True]
    assert [match.strength for match in hidden.engine.matches(f"disk.img:{place}:a.lnk")]


def test_a_folders_stream_is_found_by_its_extension_in_the_walk_too(hidden: Hidden) -> None:
    assert [one for one in hidden.walk.seen if one.place.text.endswith("/jo:a.lnk")]


def test_all_of_it_is_complete(hidden: Hidden) -> None:
    assert hidden.engine.coverage.state is State.COMPLETE, hidden.engine.reasons
    assert hidden.engine.coverage.examined >= 30
    assert hidden.engine.coverage.bytes > 64 * 1024


# Records made byte by byte.


def test_a_deleted_file_whose_clusters_are_used_again_is_told_by_its_name(tmp_path: Path) -> None:
    bitmap = record(standard(), file_name("$Bitmap"), resident(0x80, b"\xff" * 32))
    gone = record(
        standard(), file_name("cyzfc.dat"), non_resident(0x80, 4096, run(1, 100)), flags=0
    )
    sweep = of_bytes(tmp_path, image({6: bitmap, 30: gone}, contents={100: b"MZ"}))
    (found,) = sweep.at("disk.img:\\cyzfc.dat")
    assert found.seen == "deleted file"
    assert found.file is not None
    assert found.file.hash is None
    assert "in use again" in found.remarks[0]
    assert sweep.notes["deleted file whose content is no longer there"] == 1
    assert sweep.coverage.state is State.COMPLETE


def test_a_deleted_file_of_which_nobody_knows_is_read_and_says_so(tmp_path: Path) -> None:
    """Without a $Bitmap: what its clusters hold is looked at rather than left out."""
    gone = record(
        standard(), file_name("cyzfc.dat"), non_resident(0x80, 4096, run(1, 100)), flags=0
    )
    sweep = of_bytes(tmp_path, image({30: gone}, contents={100: b"MZ"}))
    (found,) = sweep.at("disk.img:\\cyzfc.dat")
    assert found.file is not None
    assert found.file.hash is not None
    assert found.remarks[0].endswith("of which is not known whether another file uses them now")
    assert "deleted file whose content is no longer there" not in sweep.notes


def test_times_that_were_set_are_said_in_the_finding(tmp_path: Path) -> None:
    old = standard(*(10**17,) * 4)
    made = record(old, file_name("cyzfc.dat"), resident(0x80, b"x"))
    sweep = of_bytes(tmp_path, image({30: made}))
    (match,) = [m for m in sweep.matches("disk.img:\\cyzfc.dat") if m.reason == "file name"]
    assert "$SI before $FN" in evidence_of(match).detail


def test_a_name_in_the_slack_of_a_record_is_a_mention(tmp_path: Path) -> None:
    made = bytearray(record(standard(), file_name("notes.txt"), resident(0x80, b"x")))
    made[0x300:0x312] = "cyzfc.dat".encode("utf-16-le")
    sweep = of_bytes(tmp_path, image({30: bytes(made)}))
    (found,) = sweep.seen
    assert found.mention
    assert found.place.text.startswith("disk.img:\\notes.txt ($MFT record 30, slack")
    (match,) = sweep.matcher.match(found)
    assert match.strength is Strength.WEAK


def test_a_cloud_placeholder_is_a_gap(tmp_path: Path) -> None:
    made = record(standard(bits=0x400020), file_name("cyzfc.dat"), resident(0x80, b""))
    sweep = of_bytes(tmp_path, image({30: made}))
    assert sweep.reasons == {"cloud placeholder, not recalled": 1}
    assert sweep.matches("disk.img:\\cyzfc.dat")


@pytest.mark.parametrize("bits", [0x4000], ids=["EFS"])
def test_content_that_cannot_be_had_is_a_gap(tmp_path: Path, bits: int) -> None:
    made = record(
        standard(), file_name("cyzfc.dat"), non_resident(0x80, 4096, run(1, 100), flags=bits)
    )
    sweep = of_bytes(tmp_path, image({30: made}))
    assert sweep.reasons == {"content encrypted by EFS": 1}
    assert {found.seen for found in sweep.at("disk.img:\\cyzfc.dat")} == {"file name"}


# Never clean.


def damaged(data: bytes, what: str) -> bytes:
    if what == "cut within the $MFT":
        return data[: 20 << 10]
    if what == "cut behind the $MFT":
        return data[: 200 << 10]
    if what == "boot sector alone":
        return data[:512]
    changed = bytearray(data)
    if what == "record torn":
        at = (16 << 10) + 30 * 1024
        changed[at + 510 : at + 512] = b"\xaa\xaa"
    elif what == "$MFT elsewhere":
        changed[0x30:0x38] = (200).to_bytes(8, "little")
        changed[0x38:0x40] = (201).to_bytes(8, "little")
    elif what == "impossible cluster":
        changed[0x0D] = 3
    return bytes(changed)


@pytest.mark.parametrize(
    "what",
    [
        "cut within the $MFT",
        "cut behind the $MFT",
        "boot sector alone",
        "record torn",
        "$MFT elsewhere",
        "impossible cluster",
    ],
)
def test_a_damaged_image_is_never_complete(tmp_path: Path, what: str) -> None:
    whole = image({30: record(standard(), file_name("notes.txt"), resident(0x80, b"x"))})
    assert of_bytes(tmp_path, whole).coverage.state is State.COMPLETE
    sweep = of_bytes(tmp_path, damaged(whole, what))
    assert sweep.coverage.state in (State.PARTIAL, State.UNAVAILABLE)
    assert sweep.reasons


def unmounted(source: ByteSource) -> Volumes:
    raw = RawNtfs(lambda: source, "D:")
    return Volumes(Root("D:\\", raw=raw, mounted=False))


@pytest.mark.parametrize(
    "bad",
    [range(512), range(16 << 10, 17 << 10), range(46 << 10, 47 << 10), range(100 << 12, 101 << 12)],
    ids=["boot sector", "$MFT's own record", "another record", "the file's cluster"],
)
def test_bad_sectors_are_gaps(bad: range) -> None:
    files = {
        30: record(standard(), file_name("cyzfc.dat"), non_resident(0x80, 4096, run(1, 100))),
    }
    sweep = swept(unmounted(BadSectors(image(files), bad)))
    assert sweep.coverage.state is State.PARTIAL
    assert sweep.reasons


# A volume that is mounted too.


@pytest.fixture
def volume(tmp_path: Path) -> tuple[Path, Path]:
    """An image, and a folder that holds what it holds."""
    require_tools()
    path = make(tmp_path / "disk.img", 16)
    data = dll()
    copy = tmp_path / "copy"
    with mounted(path) as root:
        for place in (root, copy):
            (place / "denied").mkdir(parents=True)
            (place / "cyzfc.dat").write_bytes(data)
            (place / "denied/ds7002.lnk").write_bytes(b"x" * 5000)
    return path, copy


def test_a_mounted_volume_is_read_by_its_records_and_its_files_by_their_paths(
    volume: tuple[Path, Path],
) -> None:
    path, copy = volume
    (copy / "cyzfc.dat").write_bytes(b"fresher than the disk")
    sweep = swept_mounted(Mounted(copy, lambda: FileSource(path.open("rb"))))
    (file,) = [one for one in sweep.at("D:\\cyzfc.dat") if one.seen == "file"]
    assert file.file is not None
    assert file.file.hash is not None
    assert file.file.hash.md5 == hashlib.md5(b"fresher than the disk").hexdigest()
    assert sweep.notes["read by its $MFT"] == 1
    assert sweep.coverage.state is State.COMPLETE


def test_a_file_that_is_denied_is_read_by_its_record_and_the_finding_says_so(
    volume: tuple[Path, Path],
) -> None:
    path, copy = volume
    sweep = swept_mounted(Mounted(copy, lambda: FileSource(path.open("rb"))))
    (file,) = [one for one in sweep.at("D:\\denied\\ds7002.lnk") if one.seen == "file"]
    assert file.file is not None
    assert file.file.hash is not None
    assert file.file.hash.sha256 == hashlib.sha256(b"x" * 5000).hexdigest()
    assert file.remarks[-1] == "read from the raw volume: access denied"
    assert sweep.coverage.state is State.COMPLETE


def test_a_raw_volume_that_is_denied_is_walked(volume: tuple[Path, Path]) -> None:
    def denied() -> ByteSource:
        raise PermissionError(errno.EACCES, "denied")

    _, copy = volume
    sweep = swept_mounted(Mounted(copy, denied))
    assert {one.seen for one in sweep.at(f"{copy}/cyzfc.dat")} == {"file", "content"}
    assert sweep.notes["NTFS: access denied"] == 1
    assert sweep.notes["walked: the raw volume could not be opened"] == 1
    assert "read by its $MFT" not in sweep.notes
    assert sweep.reasons == {"access denied": 1}, "the walk's own gap"


def test_a_raw_read_that_fails_in_the_middle_is_made_good_by_a_walk(
    volume: tuple[Path, Path],
) -> None:
    path, copy = volume
    (copy / "denied/ds7002.lnk").unlink()
    data = path.read_bytes()
    start = int.from_bytes(data[0x30:0x38], "little") * 4096
    sweep = swept_mounted(
        Mounted(copy, lambda: BadSectors(data, range(start + 65 * 1024, len(data))))
    )
    assert sweep.at(f"{copy}/cyzfc.dat")
    assert "$MFT: Input/output error" in sweep.notes
    assert sweep.notes["walked: parts of the $MFT are unreadable"] == 1
    assert sweep.coverage.state is State.COMPLETE


def test_names_that_only_one_view_shows_are_told(volume: tuple[Path, Path]) -> None:
    path, copy = volume
    (copy / "cyzfc.dat").unlink()
    (copy / "denied/new.txt").write_bytes(b"x")
    target = Mounted(copy, lambda: FileSource(path.open("rb")))
    notes = {note.reason: note for note in swept_mounted(target, verify_walk=True).coverage.notes}
    assert notes[ONLY_RECORDS].samples == ["D:\\cyzfc.dat"]
    assert notes[ONLY_RECORDS].count == 1
    assert notes[ONLY_WALK].samples == ["D:\\denied\\new.txt"]
    assert notes["walked: --verify-walk"].samples == [str(copy)]


def test_two_views_that_agree_say_so(volume: tuple[Path, Path]) -> None:
    path, copy = volume
    notes = swept_mounted(
        Mounted(copy, lambda: FileSource(path.open("rb"))), verify_walk=True
    ).notes
    assert "$MFT and walk compared" in notes
    assert not {ONLY_RECORDS, ONLY_WALK} & set(notes)


def test_a_walk_says_why_where_records_could_be_expected(tmp_path: Path) -> None:
    host = Volumes(Root(str(tmp_path), why_walked="not elevated"))
    assert swept(host).notes == {"walked: not elevated": 1}


def test_a_large_stream_of_a_folder_is_looked_at(tmp_path: Path) -> None:
    link = campaign_link()
    clusters = -(-len(link) // 4096)
    stream = non_resident(0x80, len(link), run(clusters, 100), name="x", last=clusters - 1)
    folder = record(standard(), file_name("folder"), stream, flags=3)
    sweep = of_bytes(tmp_path, image({30: folder}, contents={100: link}))
    (found,) = [one for one in sweep.at("disk.img:\\folder:x") if not one.mention]
    assert found.hits


# What was read goes when it is told.


def test_a_file_that_cannot_be_read_is_kept_by_nobody(tmp_path: Path) -> None:
    encrypted = non_resident(0x80, 5000, run(2, 100), flags=0x4000)
    made = {
        number: record(standard(), file_name(f"{number}.lnk"), encrypted) for number in (40, 41)
    }
    gc.collect()
    gc.disable()
    try:
        sweep = of_bytes(tmp_path, image(made))
        kept = [one for one in gc.get_objects() if isinstance(one, _Read)]
    finally:
        gc.enable()
    assert kept == []
    assert any("encrypted" in reason for reason in sweep.reasons)
