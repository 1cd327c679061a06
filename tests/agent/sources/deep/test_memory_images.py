"""An image of memory given to ``offline``: texts and command lines by their bytes, and no more than
that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.cli import main
from agent.model.observation import Claim
from agent.model.report import MEMORY_ALONE, Coverage, Report, State, Strength, TargetKind, Verdict
from agent.output.console import render
from agent.sources.deep import stands
from agent.sources.deep.carving import MOST, is_command_line, text_around
from agent.sources.deep.look import GOES_ON, LIST
from agent.sources.deep.memory_images import COMPRESSED, NO_PROCESSES
from tests.evidence.files import EXPORT
from tests.evidence.infected import quiet
from tests.evidence.journals import change
from tests.evidence.memory_images import (
    bitmap_dump,
    core,
    crash_dump,
    lime,
    minidump,
    pages_of,
)
from tests.evidence.sweeping import commanded
from tests.evidence.windows_folder import as_folder, as_image

MIB = 1 << 20
PAGE = 4096
LINE = rf'rundll32.exe "C:\Users\jo\AppData\Local\cyzfc.dat",{EXPORT}'
WIDE = LINE.encode("utf-16-le") + b"\0\0"
NARROW = LINE.encode() + b"\0"
AT = 5 * PAGE + 100
MEMORY = pages_of((AT, WIDE), size=16 * PAGE)
HIGH = 0x1_4000_0000
FORMS = {
    "host.mem": (MEMORY, ""),
    "host.lime": (lime([(HIGH, MEMORY)]), f"physical address {HIGH + AT + 30:#x}"),
    "MEMORY.DMP": (crash_dump([(HIGH, MEMORY)]), f"physical address {HIGH + AT + 30:#x}"),
    "rundll32.dmp": (minidump([(HIGH, MEMORY)]), f"virtual address {HIGH + AT + 30:#x}"),
    "vm.core": (core([(HIGH, MEMORY)]), f"physical address {HIGH + AT + 30:#x}"),
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def swept(place: Path, name: str, data: bytes, *more: str) -> tuple[int, Report]:
    place.mkdir(exist_ok=True)
    (place / name).write_bytes(data)
    return commanded(place / "out", "offline", str(place / name), *more)


def of_memory(report: Report) -> Coverage:
    (told,) = (one for one in report.coverage if one.source == "memory_image")
    return told


def reasons(report: Report) -> set[str]:
    return {reason.reason for reason in of_memory(report).reasons}


def lines(report: Report) -> list[tuple[str, str]]:
    """Places and texts of what was taken for a command line."""
    return [
        (seen.place.text, seen.detail.partition("; ")[0])
        for finding in report.findings
        for seen in finding.evidence
        if seen.seen.startswith("command line in memory image")
    ]


@pytest.mark.parametrize("name", FORMS)
def test_a_command_line_is_carved_with_its_byte_and_address(name: str, tmp_path: Path) -> None:
    data, address = FORMS[name]
    _, report = swept(tmp_path / "c", name, data)
    found = dict(lines(report))
    assert set(found.values()) == {LINE}
    at = data.index("cyzfc.dat".encode("utf-16-le"))
    told = f"{name} (byte {at:,}{', ' if address else ''}"
    (place,) = found
    assert place.startswith(told)
    if address:
        start = data.index(MEMORY)
        kind = address.partition(" address")[0]
        assert place == f"{told}{kind} address {HIGH + at - start:#x})"


@pytest.mark.parametrize("text", [WIDE, NARROW], ids=["UTF-16", "ASCII"])
@pytest.mark.parametrize("at", [0, 7 * PAGE - 20, MIB - 40, 2 * MIB + 9])
def test_wherever_it_stands_the_whole_line_is_told(text: bytes, at: int, tmp_path: Path) -> None:
    size = 2 * MIB + 8 * PAGE
    _, report = swept(tmp_path / "c", "host.mem", pages_of((at, text), size=size))
    assert {line for _, line in lines(report)} == {LINE}
    assert len(report.findings) == 1


@pytest.mark.parametrize("name", FORMS)
def test_memory_alone_is_never_more_than_a_mention(name: str, tmp_path: Path) -> None:
    _, report = swept(tmp_path / "c", name, FORMS[name][0])
    assert report.verdict is not Verdict.HIT
    assert {one.strength for one in report.findings} == {Strength.WEAK}
    claims = {seen.claim for one in report.findings for seen in one.evidence}
    assert claims == {Claim.MENTIONED}


@pytest.mark.parametrize("make", [lambda ranges: ranges[0][1], crash_dump, lime, core])
def test_the_memory_of_a_machine_without_a_text_is_not_clean(
    make: Callable[..., bytes], tmp_path: Path
) -> None:
    data = make([(0, pages_of(size=16 * PAGE))])
    code, report = swept(tmp_path / "c", "host.mem", data)
    assert (code, report.verdict, report.findings) == (3, Verdict.INCOMPLETE, [])
    assert reasons(report) == {COMPRESSED}
    assert "INCOMPLETE, no trace found in what could be seen" in render(report)


def test_the_memory_of_a_process_is_clean_as_far_as_it_was_asked(tmp_path: Path) -> None:
    data = minidump([(0, pages_of(size=16 * PAGE))])
    code, report = swept(tmp_path / "c", "tool.dmp", data)
    assert (code, report.verdict) == (0, Verdict.CLEAN)
    assert not report.scope.whole_host
    text = " ".join(render(report).split())
    assert "CLEAN, as far as asked (text in images of memory alone)" in text


def test_what_was_not_looked_at_is_told(tmp_path: Path) -> None:
    _, report = swept(tmp_path / "c", "host.mem", MEMORY)
    assert (report.target.kind, report.host.name) == (TargetKind.MEMORY, "host.mem")
    told = of_memory(report)
    assert (told.required, told.state, told.examined) == (True, State.PARTIAL, 1)
    assert told.bytes == len(MEMORY)
    assert NO_PROCESSES in {note.reason for note in told.notes}
    others = {one.source: one for one in report.coverage if one is not told}
    assert {"processes", "files", "event_logs", "registry"} <= set(others)
    for one in others.values():
        assert (one.required, one.state) == (False, State.SKIPPED)
        assert [reason.reason for reason in one.reasons] == [MEMORY_ALONE]


def test_what_is_cut_off_or_left_out_is_a_gap(tmp_path: Path) -> None:
    dump = bitmap_dump({3: MEMORY[:PAGE], 9: MEMORY[5 * PAGE : 6 * PAGE]}, 4096)
    _, report = swept(tmp_path / "one", "MEMORY.DMP", dump)
    assert "Windows crash dump of the kernel: 4,094 of 4,096 pages are not in it" in reasons(report)
    (place,) = {
        place
        for place, _ in lines(report)
        if f"{9 * PAGE + 100 + 2 * LINE.index('cyzfc'):#x}" in place
    }
    assert place.startswith("MEMORY.DMP (byte ")
    _, report = swept(tmp_path / "two", "host.lime", lime([(0, MEMORY)])[:-777])
    assert "LiME memory image: cut short, 777 bytes are missing" in reasons(report)
    assert report.verdict is Verdict.INCOMPLETE
    assert lines(report)


def test_a_hibernation_is_a_gap_by_its_name(tmp_path: Path) -> None:
    code, report = swept(tmp_path / "c", "hiberfil.sys", b"HIBR" + MEMORY)
    assert code == 3
    assert reasons(report) == {
        "hibernation file: compressed memory (XPRESS), searched only as it stands"
    }
    assert lines(report)


@pytest.mark.parametrize("name", ["image.bin", "image"])
def test_what_nothing_tells_is_memory_if_whoever_sweeps_says_so(name: str, tmp_path: Path) -> None:
    _, report = swept(tmp_path / "one", name, MEMORY)
    assert report.target.kind is TargetKind.FOLDER
    _, report = swept(tmp_path / "two", name, MEMORY, "--as", "memory")
    assert report.target.kind is TargetKind.MEMORY
    assert report.options["given_as"] == "memory"
    assert lines(report)


def test_an_image_by_its_name_is_memory_if_whoever_sweeps_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "image.raw").write_bytes(MEMORY)
    assert main(["offline", str(tmp_path / "image.raw")]) == 2
    assert 'if it is an image of memory, say so by "--as memory"' in capsys.readouterr().err
    _, report = swept(tmp_path / "c", "image.raw", MEMORY, "--as", "memory")
    assert lines(report)


def test_the_same_memory_is_the_same_host_with_the_same_ids_whatever_it_is_called(
    tmp_path: Path,
) -> None:
    _, one = swept(tmp_path / "one", "a.lime", FORMS["host.lime"][0])
    _, two = swept(tmp_path / "two", "case 7.bin", FORMS["host.lime"][0])
    assert one.host.id == two.host.id
    assert [f.id for f in one.findings] == [f.id for f in two.findings] != []
    _, other = swept(tmp_path / "three", "a.lime", lime([(HIGH, pages_of(size=16 * PAGE))]))
    assert other.host.id != one.host.id


@pytest.mark.parametrize("form", ["image", "folder"])
def test_beside_a_hosts_disk_it_is_that_hosts_and_decides_nothing(
    form: str, tmp_path: Path
) -> None:
    files = quiet()
    if form == "image":
        disk = as_image(tmp_path / "disk", {**files, r"C:\$Extend\$UsnJrnl:$J": change("a.txt")})
    else:
        disk = as_folder(tmp_path / "disk", files)
    memory = tmp_path / "WS-0421.dmp"
    memory.write_bytes(FORMS["MEMORY.DMP"][0])
    code, report = commanded(tmp_path / "out", "offline", str(disk), str(memory))
    assert (code, report.verdict, report.host.name) == (0, Verdict.CLEAN, "WS-0421")
    assert not of_memory(report).required
    assert {line for _, line in lines(report)} == {LINE}
    assert report.target.paths == [str(disk), str(memory)]
    assert report.custody is not None
    assert [one.path for one in report.custody.exhibits] == [str(disk), str(memory)]


def test_no_source_tells_of_memory_where_none_was_given(tmp_path: Path) -> None:
    _, report = commanded(tmp_path / "out", "offline", str(as_folder(tmp_path / "c", quiet())))
    assert "memory_image" not in {one.source for one in report.coverage}


def test_a_list_of_indicators_is_told_to_look_like_one(tmp_path: Path) -> None:
    names = b"ds7002.zip\0ds7002.lnk\0ds7002.pdf\0cyzfc.dat\0pandorasong.com\0PointFunctionCall\0"
    _, report = swept(tmp_path / "c", "host.mem", pages_of((PAGE, names), size=4 * PAGE))
    assert any(LIST in finding.reasons for finding in report.findings)


def test_a_sweep_that_was_ended_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stands, "LEAST", MIB)
    monkeypatch.setattr(stands, "_EVERY_S", 0.0)
    place = tmp_path / "c"
    place.mkdir()
    path = place / "host.mem"
    path.write_bytes(pages_of((AT, WIDE), (9 * MIB, WIDE), size=12 * MIB))
    with monkeypatch.context() as broken:
        real = stands.Standing.reached

        def stop(self: stands.Standing, until: int, hits: object) -> None:
            real(self, until, hits)  # type: ignore[arg-type]
            if until >= 4 * MIB:
                raise KeyboardInterrupt

        broken.setattr(stands.Standing, "reached", stop)
        _, first = commanded(place / "one", "offline", str(path))
    assert "ended before all of it was searched" in str(of_memory(first).reasons)
    _, second = commanded(place / "two", "offline", str(path))
    assert GOES_ON in {note.reason for note in of_memory(second).notes}
    assert of_memory(second).bytes < 12 * MIB
    assert len(set(lines(second))) == 2


def test_a_file_that_cannot_be_read_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["offline", str(tmp_path / "not there.mem")]) == 2
    assert "no such file or folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (LINE, True),
        ("powershell -noni -ep bypass", True),
        (r'"C:\Program Files\x\tool.exe" /run', True),
        ("cmd.exe /c start ds7002.lnk", True),
        ("cyzfc.dat", False),
        (r"C:\Windows\System32\rundll32.exe", False),
        ("the rundll32 of cyzfc", True),
        ("overrundll32 cyzfc", False),
    ],
)
def test_what_reads_like_a_command_line(text: str, is_one: bool) -> None:
    assert is_command_line(text) is is_one


def test_a_text_is_carved_as_far_as_it_goes_and_no_farther_than_shown() -> None:
    data = b"\x01\x02" + NARROW + b"\xff"
    assert text_around(data, data.index(b"cyzfc")) == LINE
    data = b"\x80\x01" + WIDE + b"\xff\xff"
    assert text_around(data, data.index(b"c\0y\0z\0f\0c\0")) == LINE
    long = b"a" * 5000 + b" cyzfc.dat " + b"b" * 5000
    told = text_around(long, long.index(b"cyzfc"))
    assert len(told) == MOST
    assert "a cyzfc.dat b" in told
