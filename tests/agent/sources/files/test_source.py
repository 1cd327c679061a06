from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import iocs
from agent.findings.keys import file_key, keys_of
from agent.indicators import (
    Certificate,
    Gate,
    Indicator,
    Layout,
    LnkTrait,
    PeTrait,
    Url,
)
from agent.matching.matcher import Matcher, ScanFailed
from agent.matching.own_rules import OwnRules
from agent.matching.own_traces import Own
from agent.model.codec import encode
from agent.model.observation import ByteHit
from agent.model.report import State, Strength
from agent.reading.opening import open_quietly
from agent.sources.files.own_mentions import line_at
from agent.sources.files.source import FilesSource
from agent.targets import Root, SkippedVolume
from agent.targets.offline.folder import FolderTarget
from agent.windows.files import shown
from agent.windows.held import HeldFiles
from tests.evidence.files import DLL_SIZE, archive, campaign_link, dll, shell_link
from tests.evidence.packs import content, matcher_of, named, sha256_of
from tests.evidence.planted import Planted, plant
from tests.evidence.reports import finding, report
from tests.evidence.signing import killed_journal, signed_bytes
from tests.evidence.sweeping import Swept, swept

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


def of_folder(
    folder: Path | str,
    *indicators: Indicator,
    own: Own | None = None,
    thorough: bool = False,
    target: FolderTarget | None = None,
    **options: Any,
) -> Swept:
    """By a wanted name, if there is no indicator; ``options``: of the source."""
    return swept(
        target or FolderTarget(str(folder), own=own or Own()),
        FilesSource(**options),
        matcher=matcher_of(*(indicators or (named(),)), thorough=thorough),
    )


# The planted tree.


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def whole(planted: Planted) -> Swept:
    return swept(planted.folder, FilesSource(open_file=planted.opener()))


def test_everything_planted_is_seen_for_what_it_is(planted: Planted, whole: Swept) -> None:
    missed = {
        case.what: case.seen
        for case in planted.cases
        if not case.skipped and not case.seen <= {found.seen for found in whole.at(case.place)}
    }

    assert len(planted.cases) >= 25
    assert not missed


def test_everything_unread_in_the_planted_tree_is_counted(planted: Planted, whole: Swept) -> None:
    assert whole.coverage.state is State.PARTIAL
    assert whole.coverage.unread == planted.unread
    for case in planted.cases:
        if case.unread:
            reasons = [r for r in whole.coverage.reasons if r.reason.startswith(case.unread)]
            assert any(case.place in reason.samples for reason in reasons), case.what


def test_nothing_innocent_in_the_planted_tree_matches_more_than_it_should(
    planted: Planted, whole: Swept
) -> None:
    for case in planted.cases:
        if not case.skipped and case.at_most is None:
            assert not whole.matches(case.place), case.what


# Names.


def test_a_name_is_found_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "CyZFC.daT").write_bytes(b"x")
    found = of_folder(tmp_path).only()

    assert found.seen == "file"
    assert found.place.text == str(tmp_path / "CyZFC.daT")
    assert found.file is not None
    assert found.file.size == 1
    assert found.file.hash is not None
    assert found.file.hash.sha256 == hashlib.sha256(b"x").hexdigest()
    assert found.file.mtime is not None
    assert not found.mention


def test_a_folder_is_known_by_its_name_too(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").mkdir()
    (tmp_path / "cyzfc.dat/cyzfc.dat").write_bytes(b"")
    sweep = of_folder(tmp_path)

    assert {found.seen for found in sweep.seen} == {"directory", "file"}
    assert sweep.coverage.examined == 2


def test_a_given_path_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cyzfc.dat"
    file.write_bytes(b"x")

    assert of_folder(file).only().place.text == str(file)


def test_a_clean_folder_is_complete(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"Buy milk.")
    sweep = of_folder(tmp_path)

    assert sweep.seen == []
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.coverage.examined == 1
    assert sweep.coverage.bytes == 0


@posix
def test_a_loop_of_links_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "cyzfc.dat").write_bytes(b"")
    sweep = of_folder(tmp_path)

    assert len(sweep.seen) == 1
    assert sweep.notes == {"link not followed, its name was compared": 1}
    assert sweep.coverage.state is State.COMPLETE


@posix
def test_a_folder_given_twice_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/cyzfc.dat").write_bytes(b"")
    target = FolderTarget(str(tmp_path), str(tmp_path / "a"), own=Own())
    sweep = of_folder(tmp_path, target=target)

    assert len(sweep.seen) == 1
    assert sweep.notes == {"folder reached by a second way, walked once": 1}


def test_a_walk_stops_at_boundaries_and_says_what_was_left_out(tmp_path: Path) -> None:
    class Host(FolderTarget):
        boundaries = frozenset({str(tmp_path / "net")})

        def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
            return [Root(str(tmp_path))], [
                SkippedVolume(str(tmp_path / "net"), "network drive", gap=False),
                SkippedVolume("/locked", "locked by BitLocker", gap=True),
            ]

    (tmp_path / "net").mkdir()
    (tmp_path / "net/cyzfc.dat").write_bytes(b"")
    sweep = of_folder(tmp_path, target=Host(str(tmp_path), own=Own()))

    assert sweep.seen == []
    assert sweep.reasons == {"locked by BitLocker": 1}
    assert "network drive" in sweep.notes


@posix
def test_a_root_that_is_gone_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    target = FolderTarget(str(tmp_path / "usb"), own=Own())
    (tmp_path / "usb").rmdir()

    assert of_folder(tmp_path, target=target).reasons == {"cannot be walked: not found": 1}


def test_progress_is_told_each_folder_and_may_end_the_walk(tmp_path: Path) -> None:
    class OutOfTimeError(Exception):
        pass

    told: list[str] = []

    def progress(folder: str) -> None:
        told.append(shown(folder))
        if len(told) == 2:
            raise OutOfTimeError

    (tmp_path / "a/b").mkdir(parents=True)
    with pytest.raises(OutOfTimeError):
        of_folder(tmp_path, progress=progress)
    assert told == [str(tmp_path), str(tmp_path / "a")]


def test_a_folder_that_vanishes_during_the_walk_leaves_no_gap(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    def vanish(_: str) -> None:
        if (tmp_path / "a").exists():
            (tmp_path / "a").rmdir()

    sweep = of_folder(tmp_path, progress=vanish)

    assert sweep.coverage.state is State.COMPLETE
    assert list(sweep.notes) == ["vanished during the sweep"]


def test_a_target_without_a_volume_is_unavailable(tmp_path: Path) -> None:
    class Empty(FolderTarget):
        def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
            return [], []

    sweep = of_folder(tmp_path, target=Empty(str(tmp_path), own=Own()))

    assert sweep.coverage.state is State.UNAVAILABLE


@posix
def test_a_path_beyond_all_limits_is_counted(tmp_path: Path) -> None:
    number = os.open(tmp_path, os.O_RDONLY)
    for _ in range(132):
        os.mkdir("d" * 250, dir_fd=number)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=number)
        os.close(number)
        number = inner
    os.close(number)

    assert of_folder(tmp_path).reasons == {"path longer than 32,767 characters": 1}


# What cannot be read.


def test_a_scan_that_gives_up_is_counted(tmp_path: Path) -> None:
    class Tired(Matcher):
        def scan(self, data: bytes, *, wanted: Iterable[str] | None = None) -> list[ByteHit]:
            raise ScanFailed("timeout")

    (tmp_path / "a.ps1").write_bytes(b"x")
    (tmp_path / "cut.zip").write_bytes(archive({"a": b"x" * 100})[:-10])
    sweep = swept(tmp_path, matcher=Tired([content("x", ".ps1")]))

    assert sweep.reasons["scan of the bytes: timeout"] == 2


def failing(code: int, name: str) -> Callable[[str], BinaryIO]:
    def open_file(path: str) -> BinaryIO:
        if path.endswith(name):
            raise OSError(code, os.strerror(code), path)
        return open_quietly(path)

    return open_file


def test_a_file_that_is_denied_is_known_by_name_and_counted(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").write_bytes(b"x")
    sweep = of_folder(tmp_path, open_file=failing(errno.EACCES, "cyzfc.dat"))

    assert sweep.only().seen == "file name"
    assert sweep.only_file().size == 1
    assert sweep.reasons == {"access denied": 1}


def test_what_windows_itself_keeps_open_is_noted_and_anything_else_in_use_is_a_gap(
    tmp_path: Path,
) -> None:
    for name in ("SYSTEM", "SYSTEM{6cced2f1}.TM.blf", "SYSTEM.dat", "pagefile.sys"):
        (tmp_path / name).write_bytes(bytes(DLL_SIZE))

    class Host(FolderTarget):
        @property
        def held(self) -> HeldFiles:
            return HeldFiles(
                frozenset({str(tmp_path / "system").casefold(), f"{tmp_path}/pagefile.sys"}),
                (str(tmp_path / "system").casefold(),),
            )

    def in_use(path: str) -> BinaryIO:
        error = PermissionError(errno.EACCES, "in use", path)
        vars(error)["winerror"] = 32
        raise error

    indicators = (named(), sha256_of(b"x", size=DLL_SIZE))
    target = Host(str(tmp_path), own=Own())
    sweep = of_folder(tmp_path, *indicators, target=target, open_file=in_use)
    assert sweep.reasons == {"in use by another program (sharing violation)": 1}
    assert sweep.notes == {"kept open by Windows itself: name and size were compared": 3}

    whole = of_folder(tmp_path, *indicators, target=target, open_file=in_use, thorough=True)
    assert whole.reasons == {"in use by another program (sharing violation)": 4}


def test_a_file_that_vanished_leaves_no_gap(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").write_bytes(b"x")
    sweep = of_folder(tmp_path, open_file=failing(errno.ENOENT, "cyzfc.dat"))

    assert sweep.only().seen == "file name"
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.notes == {"vanished during the sweep": 1}


def test_a_file_that_would_not_have_been_opened_is_no_gap(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"x")
    sweep = of_folder(tmp_path, open_file=failing(errno.EACCES, "notes.txt"))

    assert sweep.coverage.state is State.COMPLETE


@posix
def test_folders_and_files_that_are_denied_are_counted() -> None:
    """By the system itself: as nobody, since root may read all."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "secret").mkdir(mode=0)
        (folder / "cyzfc.dat").write_bytes(b"x")
        (folder / "cyzfc.dat").chmod(0)
        me = os.geteuid()
        try:
            if me == 0:
                os.seteuid(65534)
            sweep = of_folder(folder)
        finally:
            os.seteuid(me)
            (folder / "secret").chmod(0o700)
    assert sweep.reasons == {"folder: access denied": 1, "access denied": 1}
    assert sweep.only().seen == "file name"


def test_a_file_above_the_limit_is_hashed_by_name_and_its_content_counted(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").write_bytes(bytes(2000))
    sweep = of_folder(tmp_path, named(), content("x", ".txt"), max_file_size=1000)

    found = sweep.only_file().hash
    assert found is not None
    assert found.sha256 == hashlib.sha256(bytes(2000)).hexdigest()
    assert sweep.reasons == {"larger than --max-file-size": 1}


def test_a_hash_with_its_exact_size_is_compared_above_the_limit_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(2000))
    sweep = of_folder(tmp_path, sha256_of(bytes(2000), size=2000), max_file_size=1000)

    assert sweep.only_file().hash is not None
    assert sweep.coverage.state is State.COMPLETE


# Content.


def test_only_files_of_the_right_size_and_magic_are_hashed(tmp_path: Path) -> None:
    data = b"MZ" + bytes(98)
    (tmp_path / "right").write_bytes(data)
    (tmp_path / "magic").write_bytes(bytes(100))
    (tmp_path / "size").write_bytes(data + b"\0")
    sweep = of_folder(tmp_path, sha256_of(data, size=100, magic="4d5a"))

    assert sweep.only().place.text == str(tmp_path / "right")
    found = sweep.only_file().hash
    assert found is not None
    assert found.md5 is None, "only what the pack needs is computed"


def test_a_renamed_dll_is_known_by_its_export(tmp_path: Path) -> None:
    trait = PeTrait(
        id="export",
        strength=Strength.STRONG,
        reference=["x"],
        status="SRC",
        value="PointFunctionCall",
        only_export=True,
        gate=Gate(size=DLL_SIZE, machine="amd64"),
    )
    (tmp_path / "a.dll").write_bytes(dll())
    (tmp_path / "x86.dll").write_bytes(dll(machine=0x14C))
    (tmp_path / "text").write_bytes(bytes(DLL_SIZE))
    sweep = of_folder(tmp_path, trait)

    found = sweep.only_file().pe
    assert found is not None
    assert found.exports == ["PointFunctionCall"]
    assert sweep.only_file().hash is None


def test_a_damaged_dll_of_the_name_is_a_gap_and_still_found(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").write_bytes(dll()[:0x90])
    sweep = of_folder(tmp_path)

    assert sweep.only().seen == "file"
    assert [reason[:17] for reason in sweep.reasons] == ["malformed PE file"]


def test_a_link_is_known_by_its_layout_under_any_name(tmp_path: Path) -> None:
    layout = Layout(
        id="layout",
        strength=Strength.CONFIRMED,
        reference=["x"],
        status="DRV",
        value="the campaign's layout",
        parts={"0xDD8": "1106", "0x48BD8": "790c181a"},
        gate=Gate(min_size=0x623B6, magic="4c000000", extensions=[".lnk"]),
    )
    trait = LnkTrait(
        id="mac",
        strength=Strength.WEAK,
        reference=["x"],
        status="SRC",
        field="mac",
        value="08:00:27:92:24:e5",
        gate=Gate(magic="4c000000", extensions=[".lnk"]),
    )
    (tmp_path / "report.lnk").write_bytes(campaign_link())
    (tmp_path / "other.lnk").write_bytes(shell_link().ljust(0x623B6, b"\0"))
    sweep = of_folder(tmp_path, layout, trait)
    (found,) = sweep.at(tmp_path / "report.lnk")
    (other,) = sweep.at(tmp_path / "other.lnk")

    assert [(hit.indicator, hit.offset) for hit in found.hits] == [("layout", 0xDD8)]
    assert found.file is not None
    assert found.file.lnk is not None
    assert found.file.lnk.mac == "08:00:27:92:24:e5"
    assert other.hits == ()


def test_a_certificate_is_known_in_either_form(tmp_path: Path) -> None:
    der = b"\x30\x82\x00\x10" + bytes(16)
    indicator = Certificate(
        id="certificate",
        strength=Strength.STRONG,
        reference=["x"],
        status="SRC",
        value=hashlib.sha256(der).hexdigest(),
    )
    (tmp_path / "a.cer").write_bytes(der)
    (tmp_path / "b.cer").write_bytes(der[:-1] + b"\1")
    found = of_folder(tmp_path, indicator).only()

    assert found.place.text == str(tmp_path / "a.cer")
    assert [hit.indicator for hit in found.hits] == ["certificate"]


def test_a_script_that_mentions_a_name_is_a_mention(tmp_path: Path) -> None:
    script = tmp_path / "hunt.ps1"
    script.write_bytes(b"Get-ChildItem -Include cyzfc.dat\n")
    (tmp_path / "hunt.txt").write_bytes(b"cyzfc.dat")
    found = of_folder(tmp_path, named(), content("nothing", ".ps1")).only()

    assert found.place.text == str(script)
    assert found.seen == "content"
    assert found.mention
    assert [hit.indicator for hit in found.hits] == ["name"]


def test_thorough_looks_into_every_file(tmp_path: Path) -> None:
    (tmp_path / "hunt.txt").write_bytes(b"cyzfc.dat")
    data = b"campaign's archive"
    (tmp_path / "a").write_bytes(data)
    sweep = of_folder(tmp_path, named(), sha256_of(data), thorough=True)

    assert {found.seen for found in sweep.at(tmp_path / "hunt.txt")} >= {"content"}
    assert any(found.file and found.file.hash for found in sweep.at(tmp_path / "a"))


# The agent's own traces.


def a_report(place: str) -> bytes:
    made = report(finding(title=place))
    assert place.encode() in encode(made)
    return encode(made)


def test_reports_of_the_agent_are_counted_and_not_reported(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(a_report("/x/cyzfc.dat"))
    sweep = of_folder(tmp_path, named(), content("cyzfc", ".json"))

    assert sweep.seen == []
    assert sweep.coverage.own == 1


def test_so_are_signed_ones_and_their_journals(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(signed_bytes())
    header, *lines = killed_journal(tmp_path).read_bytes().splitlines(keepends=True)
    header = header.replace(b"WS-0421", b"cyzfc.dat")
    (tmp_path / "r.json.partial.jsonl").write_bytes(b"".join([header, *lines]))
    sweep = of_folder(tmp_path, named(), content("cyzfc", ".json"), content("cyzfc.dat", ".jsonl"))

    assert sweep.seen == []
    assert sweep.coverage.own == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("report.json", b'{"schema":"iocsweep.report/1","x":"cyzfc.dat"}'),
        ("report.json", a_report("/x/cyzfc.dat") + b"x"),
        ("report.bat", a_report("/x/cyzfc.dat")),
        ("a.ps1", b"# iocsweep.pack/1\ncyzfc.dat"),
        ("pack.yaml", b"pack: iocsweep.pack/1\nid: x\ntitle: cyzfc.dat\n"),
    ],
)
def test_the_agents_words_in_a_file_do_not_make_it_the_agents(
    tmp_path: Path, name: str, data: bytes
) -> None:
    (tmp_path / name).write_bytes(data)
    extension = name[name.rfind(".") :]

    found = of_folder(tmp_path, named(), content("cyzfc", extension)).only()

    assert "content" in {hit.indicator for hit in found.hits}


def test_the_built_in_packs_are_told_by_their_content_wherever_they_lie(tmp_path: Path) -> None:
    for source in (Path(iocs.__file__).parent).glob("*.yaml"):
        shutil.copy(source, tmp_path / f"copy of {source.name}")
    sweep = of_folder(tmp_path, named(), content("PointFunctionCall", ".yaml"))

    assert sweep.seen == []
    assert sweep.coverage.own == 2


def test_a_history_of_running_the_agent_is_not_reported(tmp_path: Path) -> None:
    line = b"iocsweep --only files C:\\cyzfc.dat\r\n"
    (tmp_path / "history.txt").write_bytes(line)
    (tmp_path / "mixed.txt").write_bytes(b"del cyzfc.dat\n" + line)
    sweep = of_folder(tmp_path, named(), content("x", ".txt"))

    assert sweep.only().place.text == str(tmp_path / "mixed.txt")
    assert sweep.coverage.own == 1


def test_a_content_of_the_campaign_is_not_excused_by_the_agents_name(tmp_path: Path) -> None:
    (tmp_path / "a.ps1").write_bytes(b"$stage0 cyzfc.dat;#iocsweep")
    sweep = of_folder(tmp_path, named(), content("$stage0", ".ps1"))

    assert [hit.indicator for hit in sweep.only().hits] == ["content"]
    assert sweep.coverage.own == 1


def test_a_rule_of_the_operators_own_is_never_excused(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yar"
    rules.write_text('rule evil { strings: $a = "EVILMARK" condition: $a }')
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.bin").write_bytes(b"MZ EVILMARK iocsweep")
    (tree / "report.json").write_bytes(a_report("/EVILMARK/cyzfc.dat"))
    target = FolderTarget(str(tree), own=Own.of(folders=[str(tree)]))
    with closing(OwnRules([rules], timeout_s=10)) as own_rules:
        seen = swept(target, matcher=Matcher([named()], own_rules=own_rules)).seen

    assert {found.place.text for found in seen} == {str(tree / "a.bin"), str(tree / "report.json")}
    assert {hit.indicator for found in seen for hit in found.hits} == {"rules/rules.yar:evil"}


def test_the_packs_in_use_are_not_opened(tmp_path: Path) -> None:
    pack = tmp_path / "pack.ps1"
    pack.write_bytes(b"cyzfc.dat")
    own = Own.of(files=[str(pack)])
    sweep = of_folder(tmp_path, named(), content("x", ".ps1"), own=own)

    assert sweep.seen == []
    assert sweep.coverage.own == 1


def test_a_wanted_name_in_the_agents_folder_is_reported_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").write_bytes(b"x")

    assert of_folder(tmp_path, own=Own.of(folders=[str(tmp_path)])).only().seen == "file"
    told = Own.of(files=[str(tmp_path / "cyzfc.dat")])
    assert of_folder(tmp_path, own=told).seen == []


def test_a_file_in_the_agents_folder_is_looked_at_and_what_it_mentions_is_its_own(
    tmp_path: Path,
) -> None:
    data = b"MZ" + bytes(98)
    (tmp_path / "x.dll").write_bytes(data)
    (tmp_path / "log.ps1").write_bytes(b"cyzfc.dat")
    (tmp_path / "evil.ps1").write_bytes(b"$stage0")
    own = Own.of(folders=[str(tmp_path)])
    sweep = of_folder(
        tmp_path, named(), sha256_of(data, size=100), content("$stage0", ".ps1"), own=own
    )

    assert {found.place.text for found in sweep.seen} == {
        str(tmp_path / "x.dll"),
        str(tmp_path / "evil.ps1"),
    }
    assert sweep.coverage.own == 1


def test_the_line_of_a_hit_is_read_in_one_byte_and_in_two() -> None:
    text = "first\nsecond line\nthird"

    assert line_at(text.encode(), text.index("line")) == "second line"
    assert line_at(text.encode("utf-16-le"), 2 * text.index("line")) == "second line"
    assert line_at(text.encode(), 0) == "first"
    assert line_at(text.encode(), len(text) - 1) == "third"


# Archives.


def test_a_member_is_found_by_name_with_its_facts(tmp_path: Path) -> None:
    file = tmp_path / "mail.zip"
    file.write_bytes(archive({"docs/cyzfc.dat": dll(), "readme": b"x"}))
    found = of_folder(tmp_path).only()

    assert found.seen == "archive member"
    assert found.place.text == f"{file} → docs/cyzfc.dat"
    assert found.file is not None
    assert found.file.member_of == str(file)
    assert found.file.path == "docs/cyzfc.dat"
    assert found.file.hash is not None
    assert found.file.pe is not None
    assert keys_of(found) == (file_key(f"{file} → docs/cyzfc.dat"),)


def test_a_member_of_the_right_size_is_compared_by_hash(tmp_path: Path) -> None:
    data = dll()
    (tmp_path / "a.zip").write_bytes(archive({"x": data, "y": bytes(len(data)), "z": b""}))
    found = of_folder(tmp_path, sha256_of(data, size=DLL_SIZE, magic="4d5a")).only()

    assert found.place.text.endswith(" → x")
    assert found.file is not None
    assert found.file.hash is not None


def test_a_member_above_the_limit_is_known_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"cyzfc.dat": bytes(2000)}))
    sweep = of_folder(tmp_path, max_file_size=1000)

    assert sweep.only().seen == "archive member"
    assert sweep.reasons == {"archive member larger than --max-file-size": 1}


def test_an_archive_is_not_unpacked_without_end(tmp_path: Path) -> None:
    members = {f"{number}/cyzfc.dat": bytes(1000) for number in range(8)}
    (tmp_path / "a.zip").write_bytes(archive(members))
    sweep = of_folder(tmp_path, max_file_size=1000)

    assert len(sweep.seen) == 8
    assert sweep.reasons == {"archive too large when unpacked": 4}


def nested(levels: int, members: dict[str, bytes]) -> bytes:
    """An archive in so many others."""
    data = archive(members)
    for level in range(levels):
        data = archive({f"{level}.zip": data})
    return data


def test_archives_are_opened_three_levels_deep_and_deeper_ones_are_a_gap(tmp_path: Path) -> None:
    (tmp_path / "3.zip").write_bytes(nested(3, {"cyzfc.dat": b""}))
    (tmp_path / "4.zip").write_bytes(nested(4, {"cyzfc.dat": b""}))
    (tmp_path / "empty.zip").write_bytes(nested(4, {}))
    sweep = of_folder(tmp_path)

    assert sweep.only().place.text == f"{tmp_path}/3.zip → 2.zip → 1.zip → 0.zip → cyzfc.dat"
    assert sweep.reasons == {"archive too deep in archives, not opened": 1}


END = b"PK\5\6" + bytes(18)


@pytest.mark.parametrize(
    "data",
    [
        archive({"x": dll()}) + archive({"readme.txt": b"hi"}),
        archive({"x": dll()}) + END,
        b"MZ" + bytes(600) + archive({"x": dll()}) + archive({"readme.txt": b"hi"}),
        archive({"x": dll()}).partition(b"PK\1\2")[0] + archive({"readme.txt": b"hi"}),
        archive({"readme.txt": b"hi"}) + archive({"x": dll()}).partition(b"PK\1\2")[0],
    ],
    ids=["behind", "fake end", "program", "headers alone", "behind the end"],
)
def test_a_member_that_the_directory_does_not_tell_of_is_looked_at(
    tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    sweep = of_folder(tmp_path, sha256_of(dll(), size=DLL_SIZE, magic="4d5a"))

    assert sweep.only().place.text.endswith("a.zip → x")
    assert "archive with members that its directory does not tell of" in sweep.notes
    assert sweep.coverage.state is State.COMPLETE


def test_a_program_before_an_archive_is_searched_as_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"MZ" + b"\0cyzfc.dat\0" + archive({"a": b"x"}))
    sweep = of_folder(tmp_path)

    assert sweep.only().mention
    assert sweep.only().place.text == str(tmp_path / "a.zip")


def test_an_archive_made_as_a_stream_has_nothing_beside_its_directory(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        data = b""

        def writable(self) -> bool:
            return True

        def write(self, part: Any) -> int:
            self.data += bytes(part)
            return len(part)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as out:
        for name in ("a", "b"):
            out.writestr(name, b"cyzfc.dat" * 100)
    assert b"PK\7\x08" in pipe.data
    (tmp_path / "a.zip").write_bytes(pipe.data)
    sweep = of_folder(tmp_path)

    assert sweep.seen == []
    assert sweep.notes == {}


def claiming(data: bytes, size: int) -> bytes:
    """An archive whose directory says another size of its first member."""
    changed = bytearray(data)
    struct.pack_into("<I", changed, changed.find(b"PK\1\2") + 24, size)
    return bytes(changed)


@pytest.mark.parametrize("claimed", [0, 1000, DLL_SIZE + 1])
def test_what_a_member_is_does_not_depend_on_the_size_it_claims(
    tmp_path: Path, claimed: int
) -> None:
    (tmp_path / "a.zip").write_bytes(claiming(archive({"x": dll()}), claimed))
    sweep = of_folder(tmp_path, sha256_of(dll(), size=DLL_SIZE, magic="4d5a"))

    assert sweep.only().place.text.endswith(" → x")
    assert sweep.only_file().size == DLL_SIZE
    assert sweep.reasons == {"archive member of another size than its directory says": 1}


def test_a_member_that_claims_a_wrong_size_is_a_gap_whatever_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(claiming(archive({"x": b"harmless"}), 5))
    sweep = of_folder(tmp_path, sha256_of(dll(), size=DLL_SIZE, magic="4d5a"))

    assert sweep.reasons == {"archive member of another size than its directory says": 1}


def test_a_member_is_opened_for_its_extension_as_a_file_is(tmp_path: Path) -> None:
    members = {"docs/hunt.ps1": b"$stage0", "hunt.txt": b"$stage0"}
    (tmp_path / "a.zip").write_bytes(archive(members))
    sweep = of_folder(tmp_path, named(), content("$stage0", ".ps1"))

    assert sweep.only().place.text.endswith(" → docs/hunt.ps1")
    assert [hit.indicator for hit in sweep.only().hits] == ["content"]


def test_the_agents_documents_are_told_in_an_archive_too(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"report.json": a_report("/x/cyzfc.dat")}))
    sweep = of_folder(tmp_path, named(), content("cyzfc", ".json"))

    assert sweep.seen == []
    assert sweep.coverage.own == 1


def test_an_encrypted_member_is_a_gap_if_it_may_be_what_is_searched_for(tmp_path: Path) -> None:
    members = {"a.ps1": b"x", "large": bytes(100), "notes.txt": b"x"}
    (tmp_path / "a.zip").write_bytes(archive(members, encrypted=True))
    sweep = of_folder(tmp_path, content("x", ".ps1"), sha256_of(bytes(100), size=100))

    assert sweep.reasons == {"archive: encrypted archive member": 2}
    assert sweep.notes == {"archive member that cannot be opened, and claims nothing": 1}


def test_the_time_limit_ends_the_look_into_an_archive(tmp_path: Path) -> None:
    class OutOfTimeError(Exception):
        pass

    told: list[str] = []

    def progress(place: str) -> None:
        told.append(place)
        if len(told) == 4:
            raise OutOfTimeError

    (tmp_path / "a.zip").write_bytes(archive({f"{n}/x": b"x" for n in range(100)}))
    with pytest.raises(OutOfTimeError):
        of_folder(tmp_path, progress=progress)
    assert told[-1] == f"{tmp_path}/a.zip → 1/x"


def test_the_time_limit_ends_the_look_into_one_large_folder(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.ps1").write_bytes(b"x")
    told: list[str] = []
    of_folder(tmp_path, content("y", ".ps1"), progress=told.append)

    assert len(told) == 21


def test_the_members_of_an_archive_cut_short_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"x": dll(), "y": b"x" * 100})[:-30])
    sweep = of_folder(tmp_path, sha256_of(dll(), size=DLL_SIZE, magic="4d5a"))

    assert sweep.only().place.text.endswith(" → x")
    assert sweep.reasons == {"archive: no end of central directory": 1}


def test_a_damaged_member_is_a_gap_and_found_by_name(tmp_path: Path) -> None:
    data = bytearray(archive({"cyzfc.dat": bytes(range(256)) * 20}))
    data[45:60] = b"\xff" * 15
    (tmp_path / "a.zip").write_bytes(data)
    sweep = of_folder(tmp_path)

    assert sweep.only().seen == "archive member"
    assert any(reason.startswith("archive: damaged archive member") for reason in sweep.reasons)


def test_a_folder_in_an_archive_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"x/cyzfc.dat/": b""}))

    assert of_folder(tmp_path).only().place.text.endswith(" → x/cyzfc.dat/")


def test_an_archive_that_is_read_with_errors_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive({"a": b"x" * 100})[:-10])
    sweep = of_folder(tmp_path)

    assert sweep.reasons == {"archive: no end of central directory": 1}


# Streams and zones.


def test_a_zone_identifier_kept_as_a_file_tells_of_its_owner(tmp_path: Path) -> None:
    zone = tmp_path / "x.zip_Zone.Identifier"
    zone.write_bytes(b"[ZoneTransfer]\nZoneId=3\nHostUrl=https://example.org/a\n")
    indicator = Url(
        id="url",
        strength=Strength.WEAK,
        reference=["x"],
        status="SRC",
        value="https://example.org/",
    )
    found = of_folder(tmp_path, named(), indicator).only()

    assert found.seen == "zone identifier"
    assert found.place.text == str(zone)
    assert found.url is not None
    assert found.url.full == "https://example.org/a"
    assert found.file is not None
    assert found.file.path == str(tmp_path / "x.zip")


@pytest.fixture(params=["windows", "xattr"])
def ntfs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """An NTFS volume mounted by ntfs-3g, which shows alternate data streams."""
    tools = ("mkntfs", "ntfs-3g", "umount")
    if sys.platform == "win32" or os.geteuid() != 0 or not all(map(shutil.which, tools)):
        pytest.skip("needs root and ntfs-3g")
    image, mount = tmp_path / "ntfs.img", tmp_path / "ntfs"
    image.write_bytes(b"")
    os.truncate(image, 16 << 20)
    mount.mkdir()
    subprocess.run(["mkntfs", "-qF", str(image)], check=True, capture_output=True)

    def mounted(interface: str) -> bool:
        options = ["-o", f"streams_interface={interface}", str(image), str(mount)]
        return (
            subprocess.run(["ntfs-3g", *options], capture_output=True, check=False).returncode == 0
        )

    if not mounted("windows"):
        pytest.skip("no FUSE here")
    try:
        (mount / "notes.txt").write_bytes(b"Buy milk.")
        Path(f"{mount}/notes.txt:cyzfc.dat").write_bytes(dll(size=8192))
        Path(f"{mount}/large.txt").write_bytes(b"")
        Path(f"{mount}/large.txt:cyzfc.dat").write_bytes(bytes(100_000))
        Path(f"{mount}/notes.txt:other").write_bytes(b"x")
        (mount / "folder").mkdir()
        Path(f"{mount}/folder:cyzfc.dat").write_bytes(b"in a folder")
        (mount / "cyzfc.dat").write_bytes(b"x")
        Path(f"{mount}/cyzfc.dat:Zone.Identifier").write_bytes(b"HostUrl=https://example.org/a\n")
        Path(f"{mount}/cyzfc.dat:ds7002.lnk").write_bytes(b"hidden")
        if request.param != "windows":
            subprocess.run(["umount", str(mount)], check=True)
            assert mounted(request.param)
        yield mount
    finally:
        subprocess.run(["umount", str(mount)], check=False)


def test_streams_are_found_by_name_on_folders_and_on_files_looked_at(ntfs: Path) -> None:
    sweep = of_folder(ntfs, named(), named("ds7002.lnk"))
    streams = {found.place.text for found in sweep.seen if found.seen == "alternate data stream"}
    (file,) = [found for found in sweep.at(ntfs / "cyzfc.dat") if found.seen == "file"]
    (zone,) = [found for found in sweep.seen if found.seen == "zone identifier"]

    assert streams == {f"{ntfs}/folder:cyzfc.dat", f"{ntfs}/cyzfc.dat:ds7002.lnk"}
    assert file.file is not None
    assert file.file.zone_url == ["https://example.org/a"]
    assert zone.url is not None
    assert sweep.coverage.state is State.COMPLETE


def test_thorough_finds_the_streams_of_every_file_and_reads_them(ntfs: Path) -> None:
    sweep = of_folder(ntfs, thorough=True)
    (found,) = [
        found
        for found in sweep.at(f"{ntfs}/notes.txt:cyzfc.dat")
        if found.seen == "alternate data stream"
    ]

    assert found.file is not None
    assert found.file.stream == "cyzfc.dat"
    large = f"{ntfs}/large.txt:cyzfc.dat"
    assert "alternate data stream" in {other.seen for other in sweep.at(large)}
    # An extended attribute holds no more than 64 KiB.
    assert [large] == [s for r in sweep.coverage.reasons for s in r.samples] or not sweep.reasons
    assert found.file.size == 8192
    assert found.file.pe is not None
    assert found.file.pe.exports == ["PointFunctionCall"]
