"""What hives remember of programs and files, each in the words of its own."""

from __future__ import annotations

import base64
import codecs
import struct
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.indicators import FileName, FilePath
from agent.model.observation import Claim, Moment, Observation, moments
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.registry.hives import Hives
from tests.evidence.filetime import ticks
from tests.evidence.hive_files import nested
from tests.evidence.hives import Gone, Tree, Typed, hive, log
from tests.evidence.packs import matcher_of
from tests.evidence.remembered_values import (
    last_run,
    shimcache,
    task_actions,
    task_times,
    user_assist,
)
from tests.evidence.samples import sample
from tests.evidence.shell_items import entry, listed, root, volume
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import CONFIG, FORMS, JO_SID, as_folder, windows

NOON = datetime(2018, 11, 14, 12, 0, 2, tzinfo=timezone.utc)
LATER = NOON + timedelta(days=3)
DAT = r"C:\Users\jo\AppData\Local\cyzfc.dat"
ON_DEVICE = r"\Device\HarddiskVolume3\Users\jo\AppData\Local\cyzfc.dat"
NTUSER = r"C:\Users\jo\NTUSER.DAT"
USRCLASS = r"C:\Users\jo\AppData\Local\Microsoft\Windows\UsrClass.dat"
AMCACHE = r"C:\Windows\AppCompat\Programs\Amcache.hve"
SHA_1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
EXPLORER = r"Software\Microsoft\Windows\CurrentVersion\Explorer"
BAGS = r"Local Settings\Software\Microsoft\Windows\Shell\BagMRU"
CACHE = r"ControlSet001\Control\Session Manager\AppCompatCache"
COUNT = rf"{EXPLORER}\UserAssist\{{CEBFF5CD-ACE2-4F4F-9178-9926F41749EA}}\Count"
NT = r"Microsoft\Windows NT\CurrentVersion"
TASK = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tasks\{0A1B}"


def turned(text: str) -> str:
    return codecs.encode(text, "rot_13")


def sweep(place: Path, hives: Mapping[str, bytes], form: str = "folder") -> Swept:
    quiet = {r"C:\Users\Ann\NTUSER.DAT": hive({}), NTUSER: hive({}),
             rf"{CONFIG}\systemprofile\NTUSER.DAT": hive({})}  # fmt: skip
    target = FORMS[form](place / "c", windows({**quiet, **hives}))
    return swept(target, ArtefactSource(Hives()))


def strongest(found: Swept) -> tuple[Observation, Strength]:
    best = max(found.matches(), key=lambda match: match.strength.rank)
    assert found.coverage.state is State.COMPLETE, found.reasons
    return best.observation, best.strength


def of_user(path: str, values: Tree, written: datetime = NOON) -> bytes:
    return hive(nested(path, values), written={path: written})


def who(seen: Observation) -> str:
    user = seen.process.user if seen.process is not None else seen.user
    return "" if user is None else user.name or user.id


SIGHTINGS: dict[
    str,
    tuple[dict[str, bytes | None], Claim, Strength, str, str, tuple[Moment, ...] | None],
] = {
    "Shimcache": (
        {rf"{CONFIG}\SYSTEM": hive(nested(CACHE, {"AppCompatCache": shimcache([(r"C:\a.exe", NOON), (DAT, NOON)])}))},
        Claim.WAS_THERE, Strength.STRONG, "", DAT, moments(modified=NOON),
    ),
    "BAM": (
        {rf"{CONFIG}\SYSTEM": hive(nested(rf"ControlSet001\Services\bam\State\UserSettings\{JO_SID}", {ON_DEVICE: last_run(NOON)}))},
        Claim.RAN, Strength.STRONG, JO_SID, ON_DEVICE, moments(ran=NOON),
    ),
    "UserAssist": (
        {NTUSER: hive(nested(COUNT, {turned(DAT): user_assist(3, NOON)}))},
        Claim.RAN, Strength.STRONG, "jo", DAT, moments(ran=NOON),
    ),
    "MUICache": (
        {USRCLASS: hive(nested(r"Local Settings\Software\Microsoft\Windows\Shell\MuiCache", {f"{DAT}.FriendlyAppName": "x"}))},
        Claim.WAS_THERE, Strength.STRONG, "jo", DAT, (),
    ),
    "Compatibility Assistant": (
        {NTUSER: hive(nested(r"Software\Microsoft\Windows NT\CurrentVersion\AppCompatFlags\Compatibility Assistant\Store", {DAT: b"x" * 40}))},
        Claim.RAN, Strength.STRONG, "jo", DAT, (),
    ),
    "FeatureUsage": (
        {NTUSER: hive(nested(rf"{EXPLORER}\FeatureUsage\AppSwitched", {DAT: 3}))},
        Claim.RAN, Strength.STRONG, "jo", DAT, (),
    ),
    "Amcache": (
        {AMCACHE: hive(nested(r"Root\InventoryApplicationFile\cyzfc.dat|1a2b", {"FileId": f"0000{SHA_1}", "LowerCaseLongPath": DAT.lower(), "Size": "294400"}))},
        Claim.WAS_THERE, Strength.CONFIRMED, "", DAT.lower(), None,
    ),
    "scheduled task in the registry": (
        {rf"{CONFIG}\SOFTWARE": None},
        Claim.RAN, Strength.STRONG, "", "rundll32.exe " + DAT + ", PointFunctionCall", moments(created=NOON, ran=LATER),
    ),
    "RunMRU": (
        {NTUSER: of_user(rf"{EXPLORER}\RunMRU", {"a": f"rundll32 {DAT},PointFunctionCall\\1", "MRUList": "a"})},
        Claim.RAN, Strength.STRONG, "jo", f"rundll32 {DAT},PointFunctionCall", moments(ran=NOON),
    ),
    "RecentDocs": (
        {NTUSER: of_user(rf"{EXPLORER}\RecentDocs\.zip", {"0": "ds7002.zip\0".encode("utf-16-le") + entry("ds7002.zip.lnk", kind=0x32), "MRUListEx": b"\0\0\0\0\xff\xff\xff\xff"})},
        Claim.WAS_THERE, Strength.WEAK, "jo", "ds7002.zip", moments(happened=NOON),
    ),
}  # fmt: skip


def with_task(hives: Mapping[str, bytes | None]) -> dict[str, bytes]:
    task = hive(nested(TASK, {
        "Path": r"\Updater", "DynamicInfo": task_times(NOON, LATER),
        "Actions": task_actions("rundll32.exe", f"{DAT}, PointFunctionCall"),
    }))  # fmt: skip
    return {path: task if content is None else content for path, content in hives.items()}


@pytest.mark.parametrize("seen", SIGHTINGS)
def test_each_memory_says_what_who_and_when(seen: str, tmp_path: Path) -> None:
    hives, claim, strength, user, what, when = SIGHTINGS[seen]
    found, best = strongest(sweep(tmp_path, with_task(hives)))

    assert (found.seen, found.claim, best) == (seen, claim, strength)
    assert who(found) == user
    told = found.file.path if found.file else found.process and (
        found.process.command_line or found.process.executable)  # fmt: skip
    assert told == what
    assert when is None or found.moments == when
    assert found.place.path in hives


@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_stands_there_in_rot13_alone_is_found_in_every_form(
    form: str, tmp_path: Path
) -> None:
    jo = hive(nested(COUNT, {turned(DAT): user_assist(3, NOON), turned("a.exe"): b""}))
    assert b"cyzfc" not in jo
    found, _ = strongest(sweep(tmp_path, {NTUSER: jo}, form))

    assert (found.seen, found.moments, found.remarks) == (
        "UserAssist", moments(ran=NOON), ("started 3 times",)
    )  # fmt: skip
    assert found.process is not None
    assert found.process.executable == DAT
    assert "cyzfc.dat" in {hit.excerpt.rpartition("\\")[2] for hit in found.hits}


def test_a_name_in_rot13_outside_ascii_and_of_a_path_alone_is_found(tmp_path: Path) -> None:
    jo = hive(nested(COUNT, {turned(r"C:\x\счёт-final.exe"): b"", turned(r"C:\Q\top.exe"): b""}))
    target = as_folder(tmp_path / "c", windows({NTUSER: jo}))
    name = FileName(
        id="n", value="счёт-final.exe", strength=Strength.STRONG, reference=["S"], status="SRC"
    )
    path = FilePath(
        id="p", value=r"Q\top.exe", strength=Strength.STRONG, reference=["S"], status="SRC"
    )
    found = swept(target, ArtefactSource(Hives()), matcher=matcher_of(name, path))

    assert {match.indicator.id for match in found.matches()} == {"n", "p"}


def test_letters_beside_a_path_and_a_path_without_a_name_hide_nothing(tmp_path: Path) -> None:
    cache = bytearray(shimcache([(DAT, NOON), (r"C:\Q\top.exe", NOON)]))
    for text in (DAT, "top.exe"):
        at = cache.index(text.encode("utf-16-le")) + 2 * len(text)
        cache[at : at + 2] = b"a\0"  # the time begins like a letter
    system = hive(nested(CACHE, {"AppCompatCache": bytes(cache)}))
    path = FilePath(
        id="p", value=r"Q\top.exe", strength=Strength.STRONG, reference=["S"], status="SRC"
    )
    target = as_folder(tmp_path / "c", windows({rf"{CONFIG}\SYSTEM": system}))
    (match,) = swept(target, ArtefactSource(Hives()), matcher=matcher_of(path)).matches()

    assert match.observation.seen == "Shimcache"
    assert strongest(sweep(tmp_path / "again", {rf"{CONFIG}\SYSTEM": system}))[1] is Strength.STRONG


def test_a_deleted_name_in_rot13_and_one_in_a_log_are_told_as_gone(tmp_path: Path) -> None:
    before = hive(nested(COUNT, {turned(DAT): user_assist(3, NOON), "P": "x" * 5000}))
    deleted = hive(nested(COUNT, {turned(DAT): Gone(user_assist(3, NOON)), "P": "x"}))
    for jo, more in (
        (deleted, {}),
        (before, {f"{NTUSER}.LOG1": log(before, before[:4096] + hive({})[4096:], 5)}),
    ):
        found, _ = strongest(sweep(tmp_path / str(len(more)), {NTUSER: jo, **more}))
        assert found.process is not None
        assert found.process.executable == DAT
    assert strongest(sweep(tmp_path / "gone", {NTUSER: deleted}))[0].place.view == "deleted"


def test_a_folder_that_explorer_has_shown_is_told_with_its_whole_path(tmp_path: Path) -> None:
    path = [root(), volume("C:\\"), entry("Users"), entry("jo"), entry("Temp", version=3)]
    tree: Tree = {"0": entry("Temp1_ds7002.zip", "TEMP1_~1.ZIP", when=NOON),
                  "MRUListEx": b"\0\0\0\0"}  # fmt: skip
    for item in reversed(path):
        tree = {"0": item, "0\\": tree}
    last = BAGS + "\\0" * len(path)
    classes = hive(nested(BAGS, tree), written={last: LATER})
    seen, _ = strongest(sweep(tmp_path, {USRCLASS: classes}))

    assert (seen.seen, seen.claim, who(seen)) == ("shellbag", Claim.WAS_THERE, "jo")
    assert seen.file is not None
    assert seen.file.path == r"C:\Users\jo\Temp\Temp1_ds7002.zip"
    assert seen.moments == moments(created=NOON, modified=NOON, accessed=NOON, happened=LATER)


def test_a_chosen_file_has_the_path_of_all_its_items(tmp_path: Path) -> None:
    chosen = listed(root(), volume("C:\\"), entry("Temp"), entry("cyzfc.dat", kind=0x32))
    key = rf"{EXPLORER}\ComDlg32\OpenSavePidlMRU\dat"
    found, _ = strongest(sweep(tmp_path, {NTUSER: hive(nested(key, {"7": chosen}))}))

    assert found.file is not None
    assert found.file.path == r"C:\Temp\cyzfc.dat"
    assert found.remarks == ("when it was opened is not kept",)


def test_what_office_and_archivers_opened_is_told_with_its_time(tmp_path: Path) -> None:
    item = r"[F00000000][T01D47C1D0B15F000][O00000000]*C:\Users\jo\ds7002.PDF"
    jo = hive(
        {
            "Software": {
                "Microsoft": {"Office": {"16.0": {"Word": {
                    "File MRU": {"Item 1": item},
                    "Security": {"Trusted Documents": {"TrustRecords": {
                        "%USERPROFILE%/Downloads/ds7002.pdf": (0x01D47C1D0B15F000).to_bytes(8, "little")
                    }}},
                }}}},
                "WinRAR": {"ArcHistory": {"0": r"C:\Users\jo\Downloads\ds7002.zip"}},
                "7-Zip": {"FM": {"FolderHistory": "C:\\q\0C:\\Users\\jo\\Downloads\\ds7002.zip\\\0".encode("utf-16-le")}},
            }
        }
    )  # fmt: skip
    found = sweep(tmp_path, {NTUSER: jo})

    told = {(m.observation.seen, m.observation.file.path, bool(m.observation.moments))
            for m in found.matches() if m.observation.file is not None}  # fmt: skip
    assert told == {
        ("Office MRU", r"C:\Users\jo\ds7002.PDF", True),
        ("Office trusted document", r"C:\Users\jo\Downloads\ds7002.pdf", True),
        ("archiver's history", r"C:\Users\jo\Downloads\ds7002.zip", False),
    }


def test_a_program_beside_the_clock_is_found_though_its_path_is_turned(tmp_path: Path) -> None:
    key = r"Local Settings\Software\Microsoft\Windows\CurrentVersion\TrayNotify"
    known = r"{F38BF404-1D43-42F2-9305-67DE0B28FC23}\explorer.exe"
    paths = [turned(text).encode("utf-16-le").ljust(1640, b"\0") for text in (known, DAT)]
    for number, more in enumerate((0, 20)):  # longer than a cell: cut in pieces
        stream = bytes(20) + b"".join(paths) + bytes(1640 * more)
        classes = hive(nested(key, {"IconStreams": stream}))
        assert b"c\0y\0z\0f\0c" not in classes
        found, strength = strongest(sweep(tmp_path / str(number), {USRCLASS: classes}))
        assert (found.seen, found.claim, strength, who(found)) == (
            "icon beside the clock", Claim.RAN, Strength.STRONG, "jo"
        )  # fmt: skip
        assert found.process is not None
        assert found.process.executable == DAT


def test_the_icons_of_windows_11_are_told_too(tmp_path: Path) -> None:
    key = r"Control Panel\NotifyIconSettings\123"
    found, _ = strongest(sweep(tmp_path, {NTUSER: hive(nested(key, {"ExecutablePath": DAT}))}))
    assert (found.seen, found.claim) == ("icon beside the clock", Claim.RAN)


def test_documents_that_word_and_acrobat_showed_are_told(tmp_path: Path) -> None:
    jo = hive(
        {
            "Software": {
                "Microsoft": {"Office": {"16.0": {"Word": {"Reading Locations": {"Document 0": {
                    "File Path": r"C:\x\ds7002.pdf", "Datetime": "2018-11-14T13:00"}}}}}},
                "Adobe": {"Acrobat Reader": {"DC": {"AVGeneral": {"cRecentFiles": {"c1": {
                    "sDI": b"/C/Users/jo/AppData/Local/Temp/ds7002.PDF\0",
                    "sDate": b"D:20181114130002+01'00'\0"}}}}}},
            }
        }
    )  # fmt: skip
    found = sweep(tmp_path, {NTUSER: jo})
    told = {(m.observation.seen, m.observation.file.path, m.observation.moments)
            for m in found.matches() if m.observation.file is not None}  # fmt: skip
    assert told == {
        ("Word reading location", r"C:\x\ds7002.pdf", ()),
        ("Acrobat recent file", r"C:\Users\jo\AppData\Local\Temp\ds7002.PDF",
         moments(happened=NOON)),
    }  # fmt: skip
    assert "path-temp-ds7002-pdf" in {match.indicator.id for match in found.matches()}


@pytest.mark.parametrize("date", ["D:00010101000000+23'59'", "D:20181399000000+01'00'", "x"])
def test_a_time_that_is_none_is_left_out(date: str, tmp_path: Path) -> None:
    key = r"Software\Adobe\Acrobat Reader\DC\AVGeneral\cRecentFiles\c1"
    values: Tree = {"tDIText": "/C/x/ds7002.pdf", "sDate": date.encode()}
    found, _ = strongest(sweep(tmp_path, {NTUSER: hive(nested(key, values))}))
    assert (found.seen, found.moments) == ("Acrobat recent file", ())


def test_what_was_searched_for_is_weak(tmp_path: Path) -> None:
    words = {"0": "cyzfc.dat\0".encode("utf-16-le"), "MRUListEx": b"\0\0\0\0\xff\xff\xff\xff"}
    found, strength = strongest(
        sweep(tmp_path, {NTUSER: of_user(rf"{EXPLORER}\WordWheelQuery", words)})
    )
    assert (found.seen, found.claim, strength, found.moments) == (
        "search in Explorer", Claim.LOGGED, Strength.WEAK, moments(happened=NOON)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "values"),
    [
        (rf"{EXPLORER}\RecentDocs\.zip", {"0": "ds7002 (1).zip\0".encode("utf-16-le")}),
        (rf"{EXPLORER}\TypedPaths", {"url1": r"C:\x\DS7002 (2).zip"}),
        (rf"{EXPLORER}\TypedPaths", {"url1": r"C:\x\ds7002[1].zip"}),
        (rf"{EXPLORER}\TypedPaths", {"url1": r"C:\x\ds7002 - Kopie.zip"}),
        (COUNT, {turned(r"C:\x\ds7002 (1).zip"): b""}),
    ],
)
def test_a_second_download_is_known_by_its_first_ones_name(
    key: str, values: Tree, tmp_path: Path
) -> None:
    found, strength = strongest(sweep(tmp_path, {NTUSER: hive(nested(key, values))}))
    assert strength is Strength.WEAK
    assert found.file is not None or found.process is not None
    (match,) = sweep(tmp_path / "again", {NTUSER: hive(nested(key, values))}).matches()
    assert match.indicator.id == "name-ds7002-zip"


TRUSTED = r"Software\Microsoft\Office\16.0\Word\Security\Trusted Documents\TrustRecords"


@pytest.mark.parametrize(
    ("flags", "remark"),
    [(0x7FFFFFFF, "its macros were allowed to run"), (1, "it was opened for editing")],
)
def test_a_trusted_document_tells_when_it_came_and_when_it_was_trusted(
    flags: int, remark: str, tmp_path: Path
) -> None:
    """Of the two times the first is that of the file."""
    minutes = int(LATER.timestamp()) // 60
    data = struct.pack("<QqII", ticks(NOON), 0, minutes, flags)
    name = "%USERPROFILE%/Down%20loads/ds7002.pdf"
    found, _ = strongest(sweep(tmp_path, {NTUSER: hive(nested(TRUSTED, {name: data}))}))

    assert found.file is not None
    assert found.file.path == r"C:\Users\jo\Down loads\ds7002.pdf"
    assert found.moments == moments(created=NOON, happened=LATER.replace(second=0))
    assert found.remarks == (remark,)


def test_a_real_trusted_document_was_trusted_when_its_key_was_written(tmp_path: Path) -> None:
    """And its name is found, though it stands nowhere as it is: its blank is a ``%20``."""
    name = FileName(id="n", value="confluence guide.docx", strength=Strength.STRONG,
                    reference=["S"], status="SRC")  # fmt: skip
    real = {NTUSER: sample("registry/NTUSER_with_winscp.DAT.xz")}
    target = as_folder(tmp_path / "c", windows(real))
    found = swept(target, ArtefactSource(Hives()), matcher=matcher_of(name))
    (seen,) = (m.observation for m in found.matches()
               if m.observation.seen == "Office trusted document")  # fmt: skip
    assert [one.time.isoformat(timespec="minutes") for one in seen.moments] == [
        "2022-02-28T09:25+00:00", "2022-05-23T08:52+00:00"
    ]  # fmt: skip


def test_of_a_list_only_the_entry_that_was_used_last_has_a_time(tmp_path: Path) -> None:
    typed = {"a": "notepad ds7002.lnk\\1", "b": "cmd ds7002.lnk\\1", "MRUList": "ba"}
    found = sweep(tmp_path, {NTUSER: of_user(rf"{EXPLORER}\RunMRU", typed)})

    times = {m.observation.process.command_line: m.observation.moments
             for m in found.matches() if m.observation.process is not None}  # fmt: skip
    assert times == {"notepad ds7002.lnk": (), "cmd ds7002.lnk": moments(ran=NOON)}


def test_a_file_too_large_for_amcache_has_no_hash_of_the_whole(tmp_path: Path) -> None:
    key = r"Root\InventoryApplicationFile\big.exe|1"
    values = {"FileId": f"0000{SHA_1}", "LowerCaseLongPath": r"c:\big.exe", "Size": "31457281"}
    found, strength = strongest(sweep(tmp_path, {AMCACHE: hive(nested(key, values))}))

    assert strength is Strength.WEAK
    assert found.file is not None
    assert found.file.hash is None
    assert f"SHA-1 {SHA_1} is of its first 31,457,280 bytes" in found.remarks


def test_an_installed_shim_database_and_a_layer_are_told(tmp_path: Path) -> None:
    flags = rf"{NT}\AppCompatFlags"
    ticks = Typed(11, (0x01D47C1192D04D00).to_bytes(8, "little"))
    told: Tree = {"DatabasePath": r"C:\x\ds7002.bin", "DatabaseInstallTimeStamp": ticks,
                  "DatabaseDescription": "Updates"}  # fmt: skip
    software = hive(nested(rf"{flags}\InstalledSDB\{{1}}", told))
    found, strength = strongest(sweep(tmp_path / "1", {rf"{CONFIG}\SOFTWARE": software}))
    assert (found.seen, strength, found.moments) == (
        "installed shim database", Strength.WEAK, moments(happened=NOON)
    )  # fmt: skip
    assert found.file is not None
    assert found.file.path == r"C:\x\ds7002.bin"

    jo = hive(nested(rf"Software\{flags}\Layers", {DAT: "~ RUNASADMIN"}))
    found, strength = strongest(sweep(tmp_path / "2", {NTUSER: jo}))
    assert (found.seen, strength, who(found)) == ("compatibility layer", Strength.STRONG, "jo")
    assert found.remarks == ("it is to start with ~ RUNASADMIN",)


def test_an_older_amcache_tells_the_files_times(tmp_path: Path) -> None:
    ticks = (0x01D47C1D0B15F000).to_bytes(8, "little")
    key = r"Root\File\ccbe4c57-0000-0000-0000-100000000000\200001b0c1"
    values: Tree = {"15": DAT, "101": f"0000{SHA_1}", "6": 294400, "12": ticks, "11": ticks}
    found, strength = strongest(sweep(tmp_path, {AMCACHE: hive(nested(key, values))}))

    assert strength is Strength.CONFIRMED
    assert found.file is not None
    assert (found.file.size, found.file.created == found.file.mtime) == (294400, True)


def test_what_cannot_be_taken_apart_is_a_mention_and_a_gap(tmp_path: Path) -> None:
    cache = b"\x30\0\0\0" + bytes(44) + b"10ts" + b"\0cyzfc.dat"
    found = sweep(tmp_path, {rf"{CONFIG}\SYSTEM": hive(nested(CACHE, {"AppCompatCache": cache}))})

    (match,) = found.matches()
    assert (match.observation.claim, match.strength) == (Claim.MENTIONED, Strength.WEAK)
    assert found.reasons == {"registry: the application compatibility cache is cut": 1}


def test_a_value_beside_what_is_remembered_is_a_mention_still(tmp_path: Path) -> None:
    found = sweep(
        tmp_path, {rf"{CONFIG}\SYSTEM": hive(nested(CACHE, {"AppCompatCache": "see cyzfc.dat"}))}
    )
    assert {match.observation.claim for match in found.matches()} == {Claim.MENTIONED}


def test_two_users_who_ran_it_are_two_findings(tmp_path: Path) -> None:
    ran = hive(nested(COUNT, {turned(r"D:\cyzfc.dat"): user_assist(1, NOON)}))
    target = as_folder(tmp_path / "c", windows({NTUSER: ran, r"C:\Users\Ann\NTUSER.DAT": ran}))
    findings = reported(target, ArtefactSource(Hives())).findings

    assert len(findings) == len({finding.id for finding in findings}) == 2


@pytest.mark.parametrize(
    ("key", "value", "form", "when"),
    [
        ("AppCompatibility", "AppCompatCache", "xp", moments(modified=NOON, happened=NOON)),
        ("AppCompatCache", "AppCompatCache", "2003", moments(modified=NOON)),
        ("AppCompatCache", "CacheMainSdb", "bare", ()),
    ],
)
def test_older_shimcaches_are_told_where_they_are(
    key: str, value: str, form: str, when: tuple[Moment, ...], tmp_path: Path
) -> None:
    place = rf"ControlSet001\Control\Session Manager\{key}"
    system = hive(nested(place, {value: shimcache([(r"C:\a.exe", NOON), (DAT, NOON)], form)}))
    found, strength = strongest(sweep(tmp_path, {rf"{CONFIG}\SYSTEM": system}))

    assert (found.seen, strength, found.moments) == ("Shimcache", Strength.STRONG, when)
    assert found.file is not None
    assert (found.file.path, found.file.size) == (DAT, 294_400 if form == "xp" else None)


# ---- Of real hosts


@pytest.mark.parametrize(
    ("hive_file", "path", "name", "seen", "when"),
    [
        ("SYSTEM_B.xz", rf"{CONFIG}\SYSTEM", "FileCoAuth.exe", "Shimcache",
         "2018-03-27 09:22:00.521742"),
        ("SYSTEM_WIN_10_1709.xz", rf"{CONFIG}\SYSTEM", "dwm.exe", "BAM",
         "2019-05-16 07:36:44.219471"),
        ("NTUSER_with_winscp.DAT.xz", NTUSER, "Command Prompt.lnk", "UserAssist",
         "2022-05-30 11:26:22.119000"),
        ("NTUSER_with_winscp.DAT.xz", NTUSER, "dexter-tests-centos.ppk", "OpenSavePidlMRU", ""),
        ("UsrClass.dat.xz", USRCLASS, "Box Sync", "shellbag", "2018-03-28 00:53:58"),
        ("UsrClass.dat.xz", USRCLASS, "OneDrive.exe", "icon beside the clock", ""),
        ("NTUSER_with_winscp.DAT.xz", NTUSER, "111452.00537527.exe", "search in Explorer", ""),
        ("win10-Amcache.hve", AMCACHE, "7z.exe", "Amcache", "2019-12-16 21:01:12.793908"),
        ("amcache.hve.xz", AMCACHE, "vcredist_x64.exe", "Amcache", "2017-08-01 11:54:03.901115"),
    ],
)  # fmt: skip
def test_what_real_hives_remember_is_told_with_its_time(
    hive_file: str, path: str, name: str, seen: str, when: str, tmp_path: Path
) -> None:
    wanted = FileName(id="n", value=name, strength=Strength.STRONG, reference=["S"], status="SRC")
    target = as_folder(tmp_path / "c", windows({path: sample(f"registry/{hive_file}")}))
    found = swept(target, ArtefactSource(Hives()), matcher=matcher_of(wanted))

    told = [match.observation for match in found.matches() if match.observation.seen == seen]
    assert told
    times = {f"{moment.time:%Y-%m-%d %H:%M:%S.%f}" for one in told for moment in one.moments}
    assert not when or any(time.startswith(when) for time in times), times


# ---- What else is started


VERSION = r"Microsoft\Windows\CurrentVersion"
RUN = rf"{VERSION}\Run"
CALL = f"{DAT}, PointFunctionCall"
STARTS = {
    (rf"{CONFIG}\SOFTWARE", rf"{NT}\Winlogon", "Userinit", f"userinit.exe,{DAT},"): "Winlogon",
    (rf"{CONFIG}\SOFTWARE", rf"Wow6432Node\{NT}\Windows", "AppInit_DLLs", f"a.dll {DAT}"): (
        "AppInit_DLLs"
    ),
    (rf"{CONFIG}\SOFTWARE", rf"{NT}\Image File Execution Options\sethc.exe", "Debugger", DAT): (
        "debugger of a program"
    ),
    (rf"{CONFIG}\SOFTWARE", r"Classes\CLSID\{1}\InprocServer32", "", DAT): "class of COM",
    (USRCLASS, r"CLSID\{1}\InprocServer32", "", DAT): "class of COM",
    (NTUSER, r"Environment", "UserInitMprLogonScript", DAT): "logon script",
    (NTUSER, r"Software\Microsoft\Command Processor", "AutoRun", DAT): "AutoRun of cmd",
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Control\Lsa", "Notification Packages", ("scecli", DAT)): (
        "package of LSASS"
    ),
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Control\Session Manager\AppCertDlls", "x", DAT): (
        "AppCertDlls"
    ),
    (rf"{CONFIG}\SOFTWARE", rf"{NT}\AeDebug", "Debugger", f"{DAT} -p %ld"): "debugger of crashes",
    (rf"{CONFIG}\SOFTWARE", rf"{NT}\Image File Execution Options\a.exe\0", "Debugger", DAT): (
        "debugger of a program"
    ),
    (rf"{CONFIG}\SOFTWARE", rf"{NT}\AppCompatFlags\TelemetryController\x", "Command", DAT): (
        "telemetry controller"
    ),
    (rf"{CONFIG}\SOFTWARE", rf"{NT}\Terminal Server\Install\Software\{RUN}", "x", DAT): "Run key",
    (rf"{CONFIG}\SOFTWARE", rf"{NT}\Terminal Server\Install\Software\{RUN}OnceEx\1", "x", DAT): (
        "Run key"
    ),
    (rf"{CONFIG}\SOFTWARE", rf"{VERSION}\App Paths\a.exe", "", DAT): "path of a program's name",
    (rf"{CONFIG}\SOFTWARE", rf"{VERSION}\Group Policy\Scripts\Startup\0\0", "Parameters", CALL): (
        "script of group policy"
    ),
    (NTUSER, rf"Software\{VERSION}\Group Policy\Scripts\Logon\0\0", "Script", DAT): (
        "script of group policy"
    ),
    (rf"{CONFIG}\SOFTWARE", r"Microsoft\Office test\Special\Perf", "", DAT): "Office test",
    (NTUSER, r"Software\Microsoft\Office\16.0\Excel\Options", "OPEN2", f'/R "{DAT}"'): (
        "add-in of Excel"
    ),
    (NTUSER, r"Environment", "COR_PROFILER_PATH", DAT): "profiler of .NET",
    (rf"{CONFIG}\SOFTWARE", r"Microsoft\Cryptography\OID\EncodingType 0\CryptSIPDll\{1}", "Dll", DAT): (
        "cryptography provider"
    ),
    (rf"{CONFIG}\SOFTWARE", r"Classes\TypeLib\{1}\1.0\0\win64", "", DAT): "type library of COM",
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Control\Print\Providers\x", "Name", DAT): "print provider",
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Control\SecurityProviders", "SecurityProviders", f"a.dll, {DAT}"): (
        "security provider"
    ),
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Control\Session Manager\KnownDLLs", "x", DAT): "KnownDLLs",
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Services\x\NetworkProvider", "ProviderPath", DAT): (
        "network provider"
    ),
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Services\x\Performance", "Library", DAT): (
        "performance counters"
    ),
    (rf"{CONFIG}\SYSTEM", r"ControlSet001\Services\DNS\Parameters", "ServerLevelPluginDll", DAT): (
        "plug-in of the DNS server"
    ),
    (rf"{CONFIG}\SYSTEM", r"Setup", "CmdLine", f"rundll32 {CALL}"): "command of the setup",
}  # fmt: skip


@pytest.mark.parametrize(("where", "seen"), STARTS.items())
def test_whatever_windows_starts_or_loads_is_strong(
    where: tuple[str, str, str, str | tuple[str, ...]], seen: str, tmp_path: Path
) -> None:
    path, key, value, text = where
    found, strength = strongest(sweep(tmp_path, {path: of_user(key, {value: text})}))

    assert (found.seen, found.claim, strength) == (seen, Claim.RAN, Strength.STRONG)
    assert found.registry is not None
    assert found.registry.value == value
    assert found.moments == moments(modified=NOON)


def test_a_library_that_is_the_name_of_a_value_is_one_too(tmp_path: Path) -> None:
    key = r"Microsoft\Windows\Windows Error Reporting\RuntimeExceptionHelperModules"
    found, strength = strongest(sweep(tmp_path, {rf"{CONFIG}\SOFTWARE": of_user(key, {DAT: 0})}))

    assert (found.seen, found.claim, strength) == (
        "helper of error reports", Claim.RAN, Strength.STRONG
    )  # fmt: skip
    assert found.dll is not None
    assert found.dll.path == DAT


def test_another_value_of_such_a_key_is_a_mention(tmp_path: Path) -> None:
    hives = {rf"{CONFIG}\SOFTWARE": of_user(rf"{NT}\Winlogon", {"Comment": DAT})}
    assert {m.observation.claim for m in sweep(tmp_path, hives).matches()} == {Claim.MENTIONED}


@pytest.mark.parametrize("kind", ["task", "typed", "debugger"])
def test_a_command_that_base64_hides_is_found(kind: str, tmp_path: Path) -> None:
    call = f"rundll32.exe {DAT}, PointFunctionCall".encode("utf-16-le")
    hidden = f"powershell -enc {base64.b64encode(call).decode()}"
    made: dict[str, tuple[str, str, Tree]] = {
        "task": (rf"{CONFIG}\SOFTWARE", TASK, {"Actions": task_actions(*hidden.split(" ", 1))}),
        "typed": (NTUSER, rf"{EXPLORER}\RunMRU", {"a": f"{hidden}\\1"}),
        "debugger": (rf"{CONFIG}\SOFTWARE", rf"{NT}\Image File Execution Options\a.exe",
                     {"Debugger": hidden}),
    }  # fmt: skip
    path, key, values = made[kind]
    found, strength = strongest(sweep(tmp_path, {path: hive(nested(key, values))}))

    assert (found.claim, strength) == (Claim.RAN, Strength.STRONG)
    assert "decoded from -EncodedCommand" in found.remarks


@pytest.mark.parametrize(
    ("times", "said"), [(1, "started once"), (2, "started 2 times"), (1_200, "started 1,200 times")]
)
def test_how_often_it_was_started_is_said(times: int, said: str, tmp_path: Path) -> None:
    jo = hive(nested(COUNT, {turned(DAT): user_assist(times, NOON)}))
    found, _ = strongest(sweep(tmp_path, {NTUSER: jo}))
    assert found.remarks == (said,)
