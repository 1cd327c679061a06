"""Files on one path, in another case or deleted before, are findings of their own."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.findings.keys import file_key, finding_id
from agent.model.objects import Dll, File, Hash, Pe, Process
from agent.model.observation import Claim, Observation, Place
from agent.model.report import Finding, Strength
from tests.evidence.files import dll
from tests.evidence.packs import campaign, chains_of, found
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import FORMS

MATCHER = campaign()
NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
PATH = r"C:\x\cyzfc.dat"
OTHER = r"C:\X\CYZFC.DAT"
TRAITS = Pe(machine="amd64", dll=True, exports=["PointFunctionCall"])


def findings(*observations: Observation) -> list[Finding]:
    matches = [match for seen in observations for match in MATCHER.match(seen)]
    made = [found(chain, NOW)[0] for chain in chains_of(matches)]
    return sorted(made, key=lambda finding: -finding.strength.rank)


def file(
    inode: str,
    path: str = PATH,
    *,
    pe: Pe | None = None,
    md5: str = "",
    claim: Claim = Claim.EXISTS,
    stream: str = "",
) -> Observation:
    digest = Hash(md5=md5.ljust(32, "0")) if md5 else None
    return Observation(
        source="files", claim=claim, seen="file", place=Place(text=path),
        file=File(path=path, inode=inode, pe=pe, hash=digest, stream=stream),
    )  # fmt: skip


def module(path: str, *, process: bool = True) -> Observation:
    return Observation(
        source="modules", claim=Claim.LOADED, seen="module", place=Place(text=path),
        dll=Dll(path=path, pe=TRAITS),
        process=Process(pid=7, name="rundll32.exe", command_line="rundll32") if process else None,
    )  # fmt: skip


def told(made: list[Finding]) -> list[tuple[Strength, str, str]]:
    return [(one.strength, one.file.path, one.file.inode) for one in made if one.file is not None]


CONFIRMED, STRONG, WEAK = Strength.CONFIRMED, Strength.STRONG, Strength.WEAK


def test_files_whose_names_differ_by_case_alone_keep_their_own_facts() -> None:
    made = findings(
        file("40-1", md5="a"), file("41-1", OTHER, pe=TRAITS, md5="b"), file("42-1", md5="c")
    )
    assert told(made) == [(CONFIRMED, OTHER, "41-1"), (WEAK, PATH, "40-1"), (WEAK, PATH, "42-1")]
    hashes = [one.file.hash.md5 for one in made if one.file and one.file.hash]
    assert hashes == [letter.ljust(32, "0") for letter in "bac"]
    assert len({one.id for one in made}) == 3


def test_a_file_and_those_deleted_before_it_are_apart() -> None:
    made = findings(
        file("40-3", md5="a"),
        file("40-2", pe=TRAITS, md5="b", claim=Claim.WAS_THERE),
        file("77-1", claim=Claim.WAS_THERE),
    )
    assert [(one.strength, one.file.inode) for one in made if one.file] == [
        (CONFIRMED, "40-2"), (WEAK, "40-3"), (WEAK, "77-1"),
    ]  # fmt: skip


def test_the_record_and_the_journal_tell_of_one_deleted_file() -> None:
    made = findings(
        file("40-3", claim=Claim.WAS_THERE),
        file("40-2", claim=Claim.WAS_THERE),
        file("50-1"),
    )
    assert sorted(len(one.evidence) for one in made) == [1, 2]


def test_what_was_seen_before_it_was_deleted_and_after_is_one_file() -> None:
    made = findings(file("40-2"), file("40-3", claim=Claim.WAS_THERE), file("50-1", OTHER))
    assert sorted(len(one.evidence) for one in made) == [1, 2]


def test_two_copies_of_a_collection_are_one_file() -> None:
    assert len(findings(file("40", md5="a"), file("41", md5="a"))) == 1


def test_a_file_alone_on_its_path_has_the_id_that_it_always_had() -> None:
    (known,) = findings(file("40-1"))
    (again,) = findings(file("99-7"))
    assert known.id == again.id == finding_id("host", file_key(PATH))


def test_one_of_several_is_known_by_its_record_in_every_sweep_and_version() -> None:
    """Before it was deleted and after, when its record counts that and the journal does not."""
    other = file("50-1", OTHER)
    there = {one.id for one in findings(file("40-2"), other)}
    record, journal = (file(inode, claim=Claim.WAS_THERE) for inode in ("40-3", "40-2"))
    gone = {one.id for one in findings(record, journal, other)}
    assert there == gone
    assert there == {finding_id("host", f"{file_key(PATH)}#{inode}") for inode in ("40-2", "50-1")}


def test_a_sighting_that_does_not_tell_the_record_is_of_the_one_file_there() -> None:
    assert len(findings(file("40"), file(""))) == 1


def test_a_module_whose_process_is_not_known_is_about_its_file() -> None:
    (alone,) = findings(module(PATH, process=False))
    (with_file,) = findings(file("40-1"), module(PATH, process=False))
    assert alone.id == with_file.id == finding_id("host", file_key(PATH))


def test_a_walk_of_the_same_volume_makes_no_files_more() -> None:
    """It may number them in its own way."""
    made = findings(file("40-1"), file("41-1", OTHER), file("2840", OTHER), file("2841"))
    assert sorted(len(one.evidence) for one in made) == [2, 2]
    by_records = findings(file("40-1"), file("41-1", OTHER))
    assert {one.id for one in made} == {one.id for one in by_records}
    assert len(findings(file("40-1"), file("2840"))) == 1


def test_copies_are_known_whichever_of_their_sightings_has_the_hash() -> None:
    hashed, again = file("40", md5="a"), file("40")
    for sightings in ([hashed, again], [again, hashed]):
        assert len(findings(*sightings, file("41", md5="a"))) == 1


def test_what_is_elsewhere_keeps_its_own_keys() -> None:
    elsewhere = file("60-1", r"D:\y\cyzfc.dat")
    made = findings(file("40-1"), file("41-1", OTHER), elsewhere, elsewhere)
    assert sorted(one.file.path for one in made if one.file) == [OTHER, PATH, r"D:\y\cyzfc.dat"]


@pytest.mark.parametrize("strong_first", [False, True])
def test_what_is_spelled_as_none_of_them_is_about_the_one_that_is_known_best(
    strong_first: bool,
) -> None:
    weak, strong = file("40-1"), file("41-1", OTHER, pe=TRAITS)
    files = (strong, weak) if strong_first else (weak, strong)
    made = findings(*files, module(r"C:\x\Cyzfc.Dat"))
    assert [one.dll is not None for one in made] == [True, False]
    assert [one.file.inode for one in made if one.file] == ["41-1", "40-1"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (file("40", md5="a"), file("41", md5="b")),
        (file("40"), file("41", md5="a")),
        (file("40", md5="a"), file("41")),
        (file("40"), file("41")),
        (file("40", md5="a"), file("41", md5="a", claim=Claim.WAS_THERE)),
    ],
)
def test_what_is_not_known_to_be_a_copy_is_another_file(
    one: Observation, other: Observation
) -> None:
    assert len(findings(one, other)) == 2


def test_streams_of_one_name_belong_to_their_own_files() -> None:
    made = findings(file("40-1", stream="cyzfc.dat"), file("41-1", OTHER, stream="cyzfc.dat"))
    assert {one.file.inode for one in made if one.file} == {"40-1", "41-1"}


def test_members_of_two_archives_on_one_path_are_apart() -> None:
    """Where one has the shortcut of the campaign, the other one's is not it."""
    paths = r"C:\x\ds7002.zip", r"C:\x\DS7002.ZIP"
    archives = [file(f"{number}-1", path) for number, path in enumerate(paths, 40)]
    members = [
        Observation(
            source="archives", claim=Claim.EXISTS, seen="member", place=Place(text=path),
            file=File(path="ds7002.lnk", member_of=path),
        )
        for path in paths
    ]  # fmt: skip
    made = findings(*archives, *members)
    told = {(one.file.member_of, one.file.path) for one in made if one.file}
    assert told == {("", path) for path in paths} | {(path, "ds7002.lnk") for path in paths}
    assert len({one.id for one in made}) == 4


def test_what_names_the_path_is_about_the_file_that_is_spelled_so() -> None:
    loaded = Observation(
        source="modules", claim=Claim.LOADED, seen="module", place=Place(text=OTHER),
        dll=Dll(path=OTHER, pe=TRAITS),
        process=Process(pid=7, name="rundll32.exe", command_line=f"rundll32 {OTHER},X"),
    )  # fmt: skip
    made = findings(loaded, file("40-1", md5="a"), file("41-1", OTHER, md5="b"))
    assert [(one.strength, one.file.inode if one.file else "") for one in made] == [
        (CONFIRMED, "41-1"),
        (WEAK, "40-1"),
    ]


def test_a_command_line_names_the_file_that_is_there() -> None:
    ran = Observation(
        source="processes", claim=Claim.RUNNING, seen="process", place=Place(text="x"),
        process=Process(pid=7, name="rundll32.exe", command_line=f"rundll32 {PATH},PointFunctionCall"),
    )  # fmt: skip
    gone = file("40-1", pe=TRAITS, claim=Claim.WAS_THERE)
    made = findings(ran, gone, file("41-1", md5="b"))
    assert [one.process is not None for one in made] == [False, True]
    assert [one.file.inode for one in made if one.file] == ["40-1", "41-1"]


def test_a_stream_belongs_to_its_own_file() -> None:
    stream = file("41-1", OTHER, stream="cyzfc.dat")
    made = findings(file("40-1", md5="a"), file("41-1", OTHER, md5="b"), stream)
    assert sorted(len(one.evidence) for one in made) == [1, 2]


@pytest.mark.parametrize("form", ["image", "folder"])
def test_a_case_sensitive_folder_tells_each_file(form: str, tmp_path: Path) -> None:
    contents = {
        "C:\\d\\cyzfc.dat": b"harmless",
        "C:\\d\\CYZFC.DAT": dll(),
        "C:\\d\\Cyzfc.Dat": dll(["DLLMain"], size=9216),
    }
    report = reported(FORMS[form](tmp_path / "c", contents))
    files = {one.file.name: one for one in report.findings if one.file}
    assert {name: one.strength for name, one in files.items()} == {
        "CYZFC.DAT": Strength.CONFIRMED,
        "Cyzfc.Dat": Strength.EXCLUDED,
        "cyzfc.dat": Strength.WEAK,
    }
    sizes = {name: one.file.size for name, one in files.items() if one.file}
    assert sizes == {"cyzfc.dat": 8, "CYZFC.DAT": 294_400, "Cyzfc.Dat": 9216}
