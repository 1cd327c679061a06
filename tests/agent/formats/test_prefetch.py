from __future__ import annotations

import io
import struct
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import pyscca
import pytest
from dissect.util.compression import lzxpress_huffman
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.prefetch import (
    MAX_DIRECTORIES,
    MAX_PLAIN_BYTES,
    MAX_VOLUMES,
    MappedFile,
    Prefetch,
    Volume,
    plain,
    read_prefetch,
)
from tests.evidence.filetime import EPOCH
from tests.evidence.prefetch import (
    CYZFC,
    DEVICE,
    RAN,
    RUNDLL32,
    SYSTEM32,
    PlantedVolume,
    ReadAsData,
    mam,
    prefetch,
)
from tests.evidence.samples import sample

VERSIONS = [17, 23, 26, 30, 31]
FILES = (rf"{SYSTEM32}\NTDLL.DLL", RUNDLL32, CYZFC)


def paths(found: Prefetch) -> tuple[str, ...]:
    return tuple(file.path for file in found.files)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


class Known(NamedTuple):
    """What an analyst reads in a hex editor."""

    run_count: int
    last_run: str
    files: int
    serials: tuple[str, ...]


KNOWN = {
    "win10-CHROME.EXE-B3BA7868": Known(20, "2016-01-13 18:06:55.334457", 282, ("8C9F-49EC",)),
    "win10-CMD.EXE-D269B812": Known(
        55, "2016-01-12 20:07:03.981069", 62, ("66F4-51BC", "8C9F-49EC")
    ),
    "win10-RUNDLL32.EXE-2CC598BD": Known(1, "2022-03-10 16:34:49.171951", 48, ("1A48-4CB6",)),
    "win11-RUNDLL32.EXE-52A71BD0": Known(3, "2022-02-05 19:12:46.201609", 44, ("180B-1E67",)),
    "win7-CMD.EXE-4A81B364": Known(2, "2016-01-16 20:26:42.515109", 16, ("8800-8C2F",)),
    "win7-RUNDLL32.EXE-457BF760": Known(1, "2022-05-13 21:09:34.657227", 24, ("6093-D43D",)),
    "win8-CMD.EXE-4A81B364": Known(2, "2016-01-16 21:10:14.120848", 13, ("C6EE-7444",)),
    "win8-RUNDLL32.EXE-A5F400ED": Known(1, "2022-05-13 20:36:54.830753", 36, ("3231-4037",)),
    "xp-CMD.EXE-087B4001": Known(2, "2013-03-10 10:11:49.281250", 33, ("24CB-074B",)),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_prefetch_of_windows_is_read(name: str) -> None:
    found = read_prefetch(sample(f"prefetch/{name}.pf"))

    _, executable, name_hash = name.split("-")
    known = KNOWN[name]
    assert found.executable == executable
    assert found.hash == name_hash
    assert found.run_count == known.run_count
    assert found.runs[0] == utc(known.last_run)
    assert len(found.files) == known.files
    assert tuple(volume.serial for volume in found.volumes) == known.serials
    assert found.path.endswith(rf"\{executable}")
    assert found.path in paths(found)


@pytest.mark.parametrize("name", KNOWN)
def test_it_is_read_as_the_document_of_the_format_says(name: str) -> None:
    data = sample(f"prefetch/{name}.pf")

    assert by_the_document(data) == read_prefetch(data)


def by_the_document(data: bytes) -> Prefetch:
    """A second reading, entry by entry (libyal, "Windows Prefetch File (PF) format", 4 to 8)."""
    if data.startswith(b"MAM"):
        data = lzxpress_huffman.decompress(data[8:])[: int.from_bytes(data[4:8], "little")]
    (version,) = struct.unpack_from("<I", data, 0)
    metrics, count, _, _, strings, _, volumes, volume_count, _ = struct.unpack_from("<9I", data, 84)
    run_at, slots = {17: (120, 1), 23: (128, 1)}.get(version, (128, 8))
    count_at = {17: 144, 23: 152, 26: 208, 30: 208 if metrics == 304 else 200}[version]
    entry, text_at = (20, 8) if version == 17 else (32, 12)
    files = []
    for number in range(count):
        offset, characters = struct.unpack_from("<II", data, metrics + number * entry + text_at)
        text = data[strings + offset :][: 2 * characters].decode("utf-16-le")
        files.append(MappedFile(text, as_image=is_image(data, version, metrics + number * entry)))
    name = data[16:76].decode("utf-16-le", "replace").partition("\0")[0]
    ticks = struct.unpack_from(f"<{slots}Q", data, run_at)
    return Prefetch(
        version=version,
        executable=name,
        hash=f"{int.from_bytes(data[76:80], 'little'):08X}",
        run_count=int.from_bytes(data[count_at : count_at + 4], "little"),
        runs=tuple(sorted((when(t) for t in ticks if t), reverse=True)),
        files=tuple(files),
        volumes=tuple(
            volume(data, volumes, {17: 40, 30: 96}.get(version, 104) * number)
            for number in range(volume_count)
        ),
        path=next(file.path for file in files if file.path.endswith("\\" + name)),
    )


def is_image(data: bytes, version: int, entry: int) -> bool | None:
    """By following the chain of a file's pages, one by one."""
    (chains,) = struct.unpack_from("<I", data, 84 + 8)
    number, count = struct.unpack_from("<II", data, entry)
    seen = 0
    for _ in range(count):
        page = data[chains + number * (12 if version < 30 else 8) :][:12]
        seen |= page[8] if version < 30 else page[4]
        number = int.from_bytes(page[:4], "little") if version < 30 else number + 1
    return bool(seen & 2) if seen & 6 else None


def when(ticks: int) -> datetime:
    return EPOCH + timedelta(microseconds=ticks // 10)


def volume(data: bytes, start: int, entry: int) -> Volume:
    device, characters, created, serial, _, _, directories, count, _ = struct.unpack_from(
        "<IIQ6I", data, start + entry
    )
    found, at = [], start + directories
    for _ in range(count):
        end = at + 2 + 2 * int.from_bytes(data[at : at + 2], "little")
        found.append(data[at + 2 : end].decode("utf-16-le"))
        at = end + 2
    return Volume(
        device=data[start + device :][: 2 * characters].decode("utf-16-le"),
        serial=f"{serial:08X}"[:4] + "-" + f"{serial:08X}"[4:],
        created=when(created),
        directories=tuple(found),
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_prefetch_of_every_version_tells_what_ran_and_what_it_loaded(version: int) -> None:
    found = read_prefetch(prefetch("RUNDLL32.EXE", FILES, version=version))

    assert found == Prefetch(
        version=version,
        executable="RUNDLL32.EXE",
        hash="2CC598BD",
        run_count=1,
        runs=(RAN,),
        files=tuple(MappedFile(path, as_image=True) for path in FILES),
        volumes=(
            Volume(
                device=DEVICE,
                serial="8C9F-49EC",
                created=utc("2015-11-17 20:57:46.243468"),
                directories=(rf"{DEVICE}\WINDOWS", SYSTEM32),
            ),
        ),
        path=RUNDLL32,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_the_planted_files_are_what_libscca_takes_for_prefetch(version: int) -> None:
    data = prefetch("RUNDLL32.EXE", FILES, version=version)
    for form in (data, mam(data)):
        read = pyscca.file()
        read.open_file_object(io.BytesIO(form))

        assert read.format_version == version
        assert [entry.filename for entry in read.file_metrics_entries] == list(FILES)
        assert [v.device_path for v in read.volumes] == [DEVICE]
        assert read.get_last_run_time(0).replace(tzinfo=timezone.utc) == RAN


def test_compression_hides_a_name_and_its_plain_bytes_show_it() -> None:
    data = prefetch("RUNDLL32.EXE", FILES)
    name = "CYZFC.DAT".encode("utf-16-le")

    assert name not in mam(data)
    assert plain(mam(data)) == data
    assert name in data
    assert read_prefetch(mam(data)) == read_prefetch(data)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_that_was_only_read_is_told_from_one_that_was_loaded(version: int) -> None:
    found = read_prefetch(prefetch(files=[RUNDLL32, ReadAsData(CYZFC)], version=version))

    assert found.files == (MappedFile(RUNDLL32, as_image=True), MappedFile(CYZFC, as_image=False))


@pytest.mark.parametrize("name", KNOWN)
def test_windows_loads_libraries_and_reads_tables_and_messages(name: str) -> None:
    found = read_prefetch(sample(f"prefetch/{name}.pf"))

    loaded = {file.path for file in found.files if file.as_image}
    read = {file.path for file in found.files if file.as_image is False}
    assert found.path in loaded
    assert any(path.endswith(r"\SYSTEM32\NTDLL.DLL") for path in loaded)
    assert any(path.endswith(r"\LOCALE.NLS") for path in read)
    assert not any(path.endswith((".NLS", ".MUI", ".TTF", ".SDB", r"\$MFT")) for path in loaded)


def test_pages_that_are_not_there_tell_nothing() -> None:
    data = bytearray(prefetch(files=[RUNDLL32, CYZFC]))
    (files,) = struct.unpack_from("<I", data, 84)
    struct.pack_into("<I", data, files + 32 + 4, 2**32 - 1)

    assert read_prefetch(bytes(data)).files == (
        MappedFile(RUNDLL32, as_image=True),
        MappedFile(CYZFC, as_image=None),
    )


def test_what_is_not_compressed_is_plain_whatever_it_is() -> None:
    assert plain(prefetch()) == prefetch()
    assert plain(b"[OptimalLayoutFile]") == b"[OptimalLayoutFile]"
    assert plain(b"") == b""


def test_a_file_of_several_blocks_is_read_whole() -> None:
    files = [rf"{SYSTEM32}\{number:04}.DLL" for number in range(900)]
    data = prefetch(files=files)
    assert len(data) > 2 * 65_536

    assert paths(read_prefetch(mam(data))) == tuple(files)


def test_runs_are_told_newest_first_whatever_slot_they_are_in() -> None:
    runs = [RAN - timedelta(days=2), RAN, RAN - timedelta(days=1)]

    assert read_prefetch(prefetch(runs=runs)).runs == tuple(sorted(runs, reverse=True))


def test_eight_runs_are_kept_of_many() -> None:
    runs = [RAN + timedelta(hours=hour) for hour in range(8)]
    found = read_prefetch(prefetch(runs=runs, run_count=55))

    assert found.runs == tuple(reversed(runs))
    assert found.run_count == 55


def test_a_slot_that_holds_no_time_is_left_out() -> None:
    data = bytearray(prefetch())
    struct.pack_into("<Q", data, 128 + 8, 2**64 - 1)

    assert read_prefetch(bytes(data)).runs == (RAN,)


@pytest.mark.parametrize(
    "name",
    ["HALF\ud800PAIR.DLL", "\udc00.EXE", "\N{CYRILLIC CAPITAL LETTER YA}.DLL", "\U0001f600.DLL"],
)
def test_a_name_that_is_no_valid_text_is_read_as_it_is(name: str) -> None:
    files = [RUNDLL32, rf"{SYSTEM32}\{name}", CYZFC]

    assert paths(read_prefetch(prefetch(files=files))) == tuple(files)


def test_a_long_name_ends_at_29_characters_and_its_path_is_found_by_its_beginning() -> None:
    path = rf"{DEVICE}\USERS\JO\DOWNLOADS\A-VERY-LONG-NAME-OF-A-PROGRAM-INDEED.EXE"
    found = read_prefetch(
        prefetch("A-VERY-LONG-NAME-OF-A-PROGRAM-INDEED.EXE", [f"{DEVICE}\\A-VERY.EXE", path])
    )

    assert found.executable == "A-VERY-LONG-NAME-OF-A-PROGRAM"
    assert found.path == path


def test_a_short_name_is_not_taken_for_the_beginning_of_another() -> None:
    found = read_prefetch(prefetch("CMD.EXE", [f"{SYSTEM32}\\CMD.EXE.MUI"]))

    assert found.path == ""


STATED = r"\DEVICE\HARDDISKVOLUME3\WINDOWS\SYSWOW64\RUNDLL32.EXE"


@pytest.mark.parametrize(("version", "variant"), [(30, 1), (30, 2), (31, 1)])
def test_the_path_that_newer_files_state_decides_which_program_it_was(
    version: int, variant: int
) -> None:
    wow = rf"{DEVICE}\WINDOWS\SYSWOW64\RUNDLL32.EXE"

    def path(*files: str) -> str:
        return read_prefetch(
            prefetch(files=files, version=version, variant=variant, path=STATED)
        ).path

    assert path(RUNDLL32, wow) == wow
    assert path(CYZFC) == STATED


def test_a_stated_text_that_is_not_the_programs_path_is_not_taken_for_it() -> None:
    found = read_prefetch(prefetch(files=[RUNDLL32], path="MICROSOFT.WINDOWSCALCULATOR"))

    assert found.path == RUNDLL32


def test_each_volume_tells_its_device_its_serial_number_and_when_it_was_made() -> None:
    stick = PlantedVolume(
        r"\DEVICE\HARDDISKVOLUME7", 0x0000BEEF, RAN, ("\\DEVICE\\HARDDISKVOLUME7\\",)
    )
    found = read_prefetch(prefetch(volumes=[PlantedVolume(), stick]))

    assert [v.device for v in found.volumes] == [DEVICE, stick.device]
    assert found.volumes[1] == Volume(stick.device, "0000-BEEF", RAN, tuple(stick.directories))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "not a prefetch file"),
        (b"[OptimalLayoutFile]", "not a prefetch file"),
        (prefetch()[:84], "malformed"),
        (prefetch()[:200], "malformed"),
        (prefetch()[:-40], "malformed"),
        (struct.pack("<I", 99) + prefetch()[4:], "malformed|version"),
        (b"MAM", "not known"),
        (b"MAM\x03" + mam(prefetch())[4:], "not known"),
        (mam(prefetch())[:300], "ends early"),
        (b"MAM\x04" + struct.pack("<I", MAX_PLAIN_BYTES + 1) + mam(prefetch())[8:], "bytes"),
        (b"MAM\x04" + struct.pack("<I", 2**32 - 1) + mam(prefetch())[8:], "bytes"),
        (mam(b"SCCA is not where it should be" * 9), "not a prefetch file"),
    ],
)
def test_what_is_no_prefetch_or_a_damaged_one_is_said_to_be(data: bytes, what: str) -> None:
    with pytest.raises(FormatError, match=what):
        read_prefetch(data)


@pytest.mark.parametrize(
    ("volumes", "what"),
    [
        ([PlantedVolume(directories=[""] * (MAX_DIRECTORIES + 1))], "folders"),
        ([PlantedVolume(directories=[""] * (MAX_DIRECTORIES // 2 + 1))] * 2, "folders"),
        ([PlantedVolume()] * (MAX_VOLUMES + 1), "257 volumes"),
    ],
    ids=["folders of one volume", "folders of two volumes", "volumes"],
)
def test_more_than_any_host_has_is_refused(volumes: list[PlantedVolume], what: str) -> None:
    with pytest.raises(FormatError, match=what):
        read_prefetch(prefetch(volumes=volumes))


def test_more_files_than_any_program_reads_are_refused() -> None:
    with pytest.raises(FormatError, match="malformed"):
        read_prefetch(prefetch(files=["A"] * 20_000))


def test_a_number_of_folders_that_is_not_there_is_an_error() -> None:
    data = bytearray(prefetch())
    (volumes,) = struct.unpack_from("<I", data, 84 + 24)
    struct.pack_into("<I", data, volumes + 32, 2**32 - 1)

    with pytest.raises(FormatError, match="malformed"):
        read_prefetch(bytes(data))


@settings(max_examples=60)
@given(st.binary(max_size=1024), st.sampled_from(VERSIONS))
def test_any_bytes_end_in_facts_or_in_a_format_error(data: bytes, version: int) -> None:
    start = prefetch(version=version)
    for attempt in (data, start[:84] + data, start[:300] + data, b"MAM\x04" + data):
        with suppress(FormatError):
            read_prefetch(attempt)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 255)), max_size=12),
    st.integers(0, 1100),
    st.sampled_from(VERSIONS),
)
def test_a_damaged_prefetch_ends_in_facts_or_in_a_format_error(
    damage: list[tuple[int, int]], cut: int, version: int
) -> None:
    for whole in (prefetch("RUNDLL32.EXE", FILES, version=version), mam(prefetch())):
        data = bytearray(whole)
        for offset, value in damage:
            data[offset % len(data)] = value
        with suppress(FormatError):
            read_prefetch(bytes(data[: len(data) - cut % len(data)]))
