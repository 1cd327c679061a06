"""What Explorer has shown is named by its caches of pictures and icons, after the file is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.indicators import FileName, FilePath
from agent.matching.matcher import Matcher
from agent.model.observation import Claim, moments
from agent.model.report import State, Strength
from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.past_files import thumbnails
from agent.sources.past_files.thumbnails import PIECE, ThumbnailCaches, ThumbsDb
from tests.evidence.packs import matcher_of
from tests.evidence.recycled import NOON
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.thumbnails import cache, icon_cache, thumbs_db
from tests.evidence.windows_folder import FORMS, as_folder, windows

LOCAL = "C:\\Users\\jo\\AppData\\Local"
THUMBNAILS = f"{LOCAL}\\Microsoft\\Windows\\Explorer\\thumbcache_256.db"
ICONS = f"{LOCAL}\\IconCache.db"
DAT = f"{LOCAL}\\cyzfc.dat"
PICTURES = "C:\\Users\\jo\\Pictures"


def sweep(
    place: Path,
    path: str,
    data: bytes,
    artefact: type[Artefact] = ThumbnailCaches,
    *,
    form: str = "folder",
    matcher: Matcher | None = None,
) -> Swept:
    target = FORMS[form](place / "c", windows({path: data}))
    return swept(target, ArtefactSource(artefact()), matcher=matcher)


def told(found: Swept) -> set[tuple[str, Strength, str]]:
    """Files, what they prove, and whose they are."""
    return {
        (seen.file.path, match.strength, seen.place.owner)
        for match in found.matches()
        if (seen := match.observation).file is not None
    }


@pytest.mark.parametrize("form", FORMS)
def test_an_icon_tells_path_and_user_in_every_form(form: str, tmp_path: Path) -> None:
    made = icon_cache(["C:\\Windows\\explorer.exe", f"{DAT},-101", "\\\\srv\\x\\ds7002.lnk"])
    found = sweep(tmp_path, ICONS, made, form=form)

    assert (DAT, Strength.STRONG, "jo") in told(found)
    assert ("\\\\srv\\x\\ds7002.lnk", Strength.WEAK, "jo") in told(found)
    assert {(seen.claim, seen.moments) for seen in found.seen} == {(Claim.WAS_THERE, ())}
    assert (found.coverage.state, found.coverage.examined) == (State.COMPLETE, 1)


@pytest.mark.parametrize("version", [20, 21, 30, 32])
def test_an_identifier_that_is_a_name_is_told_whatever_is_beside_it(
    version: int, tmp_path: Path
) -> None:
    made = cache(["482d656ee647f25e", "ds7002.zip", DAT], version)
    assert told(sweep(tmp_path, THUMBNAILS, made)) >= {
        ("ds7002.zip", Strength.WEAK, "jo"),
        (DAT, Strength.STRONG, "jo"),
    }


def test_a_name_that_lies_in_two_pieces_is_told_whole_and_once(tmp_path: Path) -> None:
    for back in (20, 21, 60):
        before = icon_cache([])
        made = before.ljust(PIECE - back, b"\0") + icon_cache([DAT])[0x40:]
        found = sweep(tmp_path / str(back), ICONS, made + bytes(PIECE) + b"x")
        assert [seen.file.path for seen in found.seen if seen.file] == [DAT]


def test_two_paths_of_one_name_are_both_told(tmp_path: Path) -> None:
    found = sweep(tmp_path, ICONS, icon_cache(["D:\\x\\cyzfc.dat", DAT]))
    assert {path for path, *_ in told(found)} == {"D:\\x\\cyzfc.dat", DAT}


def test_a_path_alone_is_found_in_wide_and_in_narrow_text(tmp_path: Path) -> None:
    path = FilePath(
        id="p", value=r"Q\top.exe", strength=Strength.STRONG, reference=["S"], status="SRC"
    )
    narrow = icon_cache([]) + b"\0C:\\Q\\top.exe\0"
    for number, made in enumerate((icon_cache(["C:\\Q\\top.exe"]), narrow)):
        found = sweep(tmp_path / str(number), ICONS, made, matcher=matcher_of(path))
        assert told(found) == {("C:\\Q\\top.exe", Strength.STRONG, "jo")}


def test_what_is_in_no_name_is_a_mention(tmp_path: Path) -> None:
    for number, picture in enumerate((b"\0see cyzfc.dat\0" * 2, "see cyzfc.dat".encode("utf-16"))):
        found = sweep(tmp_path / str(number), THUMBNAILS, cache(["1f"], picture=picture))
        assert [(one.observation.claim, one.strength) for one in found.matches()] == [
            (Claim.MENTIONED, Strength.WEAK)
        ]


def test_of_too_many_names_each_indicator_is_told_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "MAX_LOOKED", 50)
    paths = [f"D:\\{number}\\cyzfc.dat" for number in range(600)]
    found = sweep(tmp_path, ICONS, icon_cache([*paths, "D:\\ds7002.zip"]))
    assert len(found.seen) < 60
    assert found.reasons == {"cache of pictures or icons: more than 50 places of names": 1}
    assert {match.indicator.id for match in found.matches()} == {
        "name-cyzfc-dat", "name-ds7002-zip"
    }  # fmt: skip


@pytest.mark.parametrize("cut", [1, 260, 266])
def test_a_cache_that_is_cut_or_damaged_tells_the_name_still(cut: int, tmp_path: Path) -> None:
    made = bytearray(cache(["1f", DAT])[:-cut])
    made[0:4] = b"XXXX"
    assert told(sweep(tmp_path, THUMBNAILS, bytes(made))) >= {(DAT, Strength.STRONG, "jo")}


def test_two_users_who_were_shown_it_are_two_sightings_of_one_file(tmp_path: Path) -> None:
    made = icon_cache(["D:\\x\\cyzfc.dat"])
    files = {f"C:\\Users\\{user}\\AppData\\Local\\IconCache.db": made for user in ("jo", "Ann")}
    target = as_folder(tmp_path, windows(files))
    (finding,) = reported(target, ArtefactSource(ThumbnailCaches())).findings
    assert {one.place.owner for one in finding.evidence} == {"jo", "Ann"}


# ---- Thumbs.db


@pytest.mark.parametrize("form", FORMS)
def test_thumbs_db_tells_names_with_their_folder_and_time(form: str, tmp_path: Path) -> None:
    made = thumbs_db(["holiday.jpg", "ds7002.pdf"])
    found = sweep(tmp_path, f"{PICTURES}\\a\\b\\Thumbs.db", made, ThumbsDb, form=form)

    assert told(found) == {(f"{PICTURES}\\a\\b\\ds7002.pdf", Strength.WEAK, "jo")}
    assert found.only().moments == moments(modified=NOON)
    assert (found.coverage.state, found.coverage.examined) == (State.COMPLETE, 1)


def test_a_name_that_only_the_pieces_of_a_stream_hold_is_found(tmp_path: Path) -> None:
    wanted = "ds7002.zip".encode("utf-16-le")
    for length in range(1, 33):
        made = thumbs_db([f"{'y' * length}.jpg", "x.jpg", "ds7002.zip"], scattered=True)
        if wanted not in made:
            break
    assert wanted not in made
    found = sweep(tmp_path, f"{PICTURES}\\Thumbs.db", made, ThumbsDb)
    assert told(found) == {(f"{PICTURES}\\ds7002.zip", Strength.WEAK, "jo")}


def test_a_path_of_an_older_catalog_stands_as_it_is(tmp_path: Path) -> None:
    name = FileName(id="n", value="a.jpg", strength=Strength.STRONG, reference=["S"], status="SRC")
    made = thumbs_db(["E:\\old\\a.jpg"])
    found = sweep(tmp_path, f"{PICTURES}\\Thumbs.db", made, ThumbsDb, matcher=matcher_of(name))
    assert {path for path, *_ in told(found)} == {"E:\\old\\a.jpg"}


def test_a_thumbs_db_that_cannot_be_read_is_a_gap_and_a_mention(tmp_path: Path) -> None:
    made = thumbs_db(["ds7002.zip"])
    for number, damaged in enumerate(
        (made.replace(b"\x10\0\x07\0", b"\x11\0\x07\0"), b"X" + made[1:])
    ):
        found = sweep(tmp_path / str(number), f"{PICTURES}\\Thumbs.db", damaged, ThumbsDb)
        assert found.coverage.state is State.PARTIAL
        assert {one.observation.claim for one in found.matches()} == {Claim.MENTIONED}
