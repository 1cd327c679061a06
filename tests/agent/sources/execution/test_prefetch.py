"""A program that ran is told from its prefetch, with what it loaded and what it read."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.formats import FormatError
from agent.matching.matcher import Match
from agent.matching.own_traces import Own
from agent.model.objects import File, Hash
from agent.model.observation import Claim, MomentOf, Observation, Place
from agent.model.report import Finding, State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.targets.evidence import EvidenceFile
from agent.targets.offline.image import ImageTarget
from tests.evidence.packs import campaign, chains_of, found
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
from tests.evidence.samples import sample, samples
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import FORMS, as_folder, as_image, windows

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
NTDLL = rf"{SYSTEM32}\NTDLL.DLL"
LOCAL = r"C:\USERS\JO\APPDATA\LOCAL\CYZFC.DAT"
ARTEFACT = PrefetchArtefact()
MATCHER = campaign()


def planted(
    path: str = r"C:\Windows\Prefetch\RUNDLL32.EXE-2CC598BD.pf", *, view: str = "", owner: str = ""
) -> EvidenceFile:
    """A file of the host."""
    return EvidenceFile(path, 0, view=view, owner=owner)


HERE = planted()


def observed(data: bytes, file: EvidenceFile = HERE) -> list[Observation]:
    """As the driver asks: the plain bytes are scanned, then the record that was hit is read."""
    plain = ARTEFACT.plain(data)
    hits = MATCHER.records().mentions(plain)
    return list(ARTEFACT.records(file, plain, hits))


def matches(data: bytes, file: EvidenceFile = HERE) -> list[Match]:
    return [match for seen in observed(data, file) for match in MATCHER.match(seen)]


def findings(data: bytes, *others: Observation) -> list[Finding]:
    told = [*matches(data), *(match for seen in others for match in MATCHER.match(seen))]
    return [found(chain, NOW)[0] for chain in chains_of(told)]


def test_rundll32_that_loaded_the_dll_from_the_campaigns_folder_is_one_strong_finding() -> None:
    runs = [RAN, RAN + timedelta(days=1)]
    (finding,) = findings(mam(prefetch(files=[NTDLL, RUNDLL32, CYZFC], runs=runs)))

    assert finding.strength is Strength.STRONG
    assert finding.process is not None
    assert finding.process.executable == r"C:\WINDOWS\SYSTEM32\RUNDLL32.EXE"
    assert finding.dll is not None
    assert finding.dll.path == LOCAL
    assert finding.indicator.id == "path-localappdata-cyzfc-dat"
    assert (finding.first_seen, finding.last_seen) == (RAN, RAN + timedelta(days=1))
    assert "CYZFC.DAT" in finding.title
    assert "module path" in finding.reasons


def test_rundll32_that_loaded_a_dll_of_that_name_from_elsewhere_is_weak() -> None:
    (finding,) = findings(prefetch(files=[NTDLL, RUNDLL32, rf"{DEVICE}\TOOLS\CYZFC.DAT"]))

    assert finding.strength is Strength.WEAK
    assert finding.indicator.id == "name-cyzfc-dat"


def test_the_dll_that_ran_and_the_file_that_is_there_are_one_finding() -> None:
    there = Observation(
        source="files", claim=Claim.EXISTS, seen="file", place=Place(text=LOCAL.lower()),
        file=File(
            path=r"C:\Users\jo\AppData\Local\cyzfc.dat",
            hash=Hash(sha1="9858d5cb2a6614be3c48e33911bf9f7978b441bf"),
        ),
    )  # fmt: skip

    (finding,) = findings(prefetch(files=[NTDLL, RUNDLL32, CYZFC]), there)

    assert finding.strength is Strength.CONFIRMED
    assert {evidence.source for evidence in finding.evidence} == {"files", "prefetch"}


def test_a_program_tells_when_it_ran_and_how_often() -> None:
    runs = [RAN + timedelta(hours=hour) for hour in range(8)]
    data = prefetch(files=[NTDLL, RUNDLL32, CYZFC], runs=runs, run_count=55)

    for seen in observed(data):
        if seen.claim is Claim.RAN:
            assert [moment.time for moment in seen.moments] == sorted(runs, reverse=True)
            assert {moment.of for moment in seen.moments} == {MomentOf.RAN}
            assert seen.remarks == ("ran 55 times, of which prefetch keeps the last 8",)


def test_a_program_of_the_campaigns_name_ran() -> None:
    path = rf"{DEVICE}\USERS\JO\DOWNLOADS\CYZFC.DAT"
    data = prefetch("CYZFC.DAT", [NTDLL, path, rf"{SYSTEM32}\KERNEL32.DLL"])

    (match,) = matches(data, planted(r"C:\Windows\Prefetch\CYZFC.DAT-0DEADF00.pf"))

    assert match.reason == "image in prefetch file name"
    assert match.detail == r"C:\USERS\JO\DOWNLOADS\CYZFC.DAT"
    assert match.observation.claim is Claim.RAN
    assert match.observation.dll is None


def test_a_shortcut_that_powershell_read_was_there() -> None:
    link = rf"{DEVICE}\USERS\JO\APPDATA\LOCAL\TEMP\TEMP1_DS7002.ZIP\DS7002.LNK"
    image = rf"{SYSTEM32}\WINDOWSPOWERSHELL\V1.0\POWERSHELL.EXE"
    data = prefetch("POWERSHELL.EXE", [NTDLL, image, ReadAsData(link)])

    told = {match.indicator.id: match for match in matches(mam(data))}

    strong = told["path-temp-ds7002-lnk"]
    assert strong.strength is Strength.STRONG
    assert strong.observation.claim is Claim.WAS_THERE
    assert strong.observation.file is not None
    assert strong.observation.file.name == "DS7002.LNK"
    assert strong.observation.process is not None
    assert strong.observation.process.name == "POWERSHELL.EXE"
    assert strong.reason == "prefetched file path"
    assert told["name-temp1-ds7002-zip"].reason == "prefetched file: only mentioned"


def test_a_folder_of_the_campaigns_name_was_there() -> None:
    folder = rf"{DEVICE}\USERS\JO\APPDATA\LOCAL\TEMP\TEMP1_DS7002.ZIP"
    volume = PlantedVolume(directories=[SYSTEM32, folder])

    told = matches(prefetch(files=[NTDLL, RUNDLL32], volumes=[volume]))

    (match,) = [match for match in told if match.indicator.id == "name-temp1-ds7002-zip"]
    assert match.reason == "prefetched folder name"
    assert match.observation.claim is Claim.WAS_THERE
    assert match.detail == r"C:\USERS\JO\APPDATA\LOCAL\TEMP\TEMP1_DS7002.ZIP"


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_mention_in_a_path_is_told_of_that_path(as_folder: bool) -> None:
    path = r"\DEVICE\MUP\PANDORASONG.COM\SHARE"
    volume = PlantedVolume(directories=[SYSTEM32, path] if as_folder else [SYSTEM32])
    files = [NTDLL, RUNDLL32] + ([] if as_folder else [rf"{path}\X.DLL"])

    (match,) = matches(prefetch(files=files, volumes=[volume]))

    assert match.indicator.id == "c2-domain"
    assert match.strength is Strength.WEAK
    assert match.observation.place.text.startswith(path)


def test_a_mention_in_no_path_is_told_of_the_program() -> None:
    data = prefetch(files=[NTDLL, RUNDLL32], path="PANDORASONG.COM", variant=2)

    (match,) = matches(data)

    assert match.indicator.id == "c2-domain"
    assert match.strength is Strength.WEAK
    assert match.observation.place.text == HERE.path


def test_what_was_neither_read_nor_loaded_for_certain_says_so() -> None:
    data = bytearray(prefetch(files=[NTDLL, RUNDLL32, CYZFC]))
    pages = int.from_bytes(data[92:96], "little")
    data[pages + 2 * 8 + 4] = 0

    (seen,) = [s for s in observed(bytes(data)) if s.dll is not None and s.dll.path == LOCAL]

    assert seen.claim is Claim.RAN
    assert seen.remarks == ("prefetch does not tell whether it was loaded or read",)


@pytest.mark.parametrize(
    ("prefetch_file", "drive"),
    [
        (r"C:\Windows\Prefetch\X.pf", "C:"),
        (r"d:\windows\Prefetch\notes.txt:X.pf", "d:"),
        (r"C:\WINNT\Prefetch\X.pf", DEVICE),
        ("X.pf", DEVICE),
    ],
)
def test_the_device_of_windows_is_shown_as_its_drive(prefetch_file: str, drive: str) -> None:
    seen = observed(prefetch(files=[NTDLL, RUNDLL32, CYZFC]), planted(prefetch_file))

    assert f"{drive}\\USERS\\JO\\APPDATA\\LOCAL\\CYZFC.DAT" in {s.dll.path for s in seen if s.dll}


def test_a_device_whose_drive_nobody_knows_stays_and_its_paths_match() -> None:
    stick = r"\VOLUME{01d0000000000000-0000beef}"
    path = rf"{stick}\USERS\JO\APPDATA\LOCAL\CYZFC.DAT"
    volumes = [PlantedVolume(), PlantedVolume(stick, 0xBEEF, RAN, [rf"{stick}\USERS"])]

    told = matches(prefetch(files=[NTDLL, RUNDLL32, path], volumes=volumes))

    assert "path-localappdata-cyzfc-dat" in {match.indicator.id for match in told}
    assert {match.detail for match in told} == {path}


def test_where_it_was_seen_is_told_whole() -> None:
    file = planted(view="2018-11-15", owner="jo")

    *_, dll, _, _ = observed(prefetch(files=[NTDLL, RUNDLL32, CYZFC]), file)

    assert dll.place == Place(
        text=f"{LOCAL} in {file.path}", path=file.path, view="2018-11-15", owner="jo"
    )


def test_a_damaged_file_is_an_error_and_not_a_record() -> None:
    with pytest.raises(FormatError):
        observed(prefetch(files=[NTDLL, RUNDLL32, CYZFC])[:-40])


# As the driver looks at a host's files.


@pytest.mark.parametrize("form", FORMS)
def test_a_host_is_looked_at_in_whatever_form_it_comes(form: str, tmp_path: Path) -> None:
    data = mam(prefetch(files=[NTDLL, RUNDLL32, CYZFC]))
    other = prefetch("CMD.EXE", [NTDLL, rf"{SYSTEM32}\CMD.EXE"], version=23)
    place = tmp_path / "host"
    place.mkdir()
    target = FORMS[form](
        place,
        {
            **windows(),
            HERE.path: data,
            r"C:\Windows\Prefetch\RUNDLL32.EXE-12345678.pf": other,
            r"C:\Windows\Prefetch\Layout.ini": b"",
        },
    )

    sweep = swept(target, ArtefactSource(ARTEFACT))

    (match,) = [m for m in sweep.matches() if m.strength is Strength.STRONG]
    assert match.observation.place.path == HERE.path
    assert match.observation.dll is not None
    assert match.observation.dll.path == LOCAL
    assert sweep.coverage.required
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.coverage.examined == 2


@pytest.mark.parametrize("of", [r"\NOTES.TXT", ""])
def test_a_program_run_from_an_alternate_stream_is_found_by_its_prefetch_in_one(
    of: str, tmp_path: Path
) -> None:
    data = mam(prefetch(files=[NTDLL, RUNDLL32, CYZFC]))
    stream = rf"C:\Windows\Prefetch{of}:RUNDLL32.EXE-2CC598BD.pf"
    files = windows({r"C:\Windows\Prefetch\NOTES.TXT": b"", stream: data})

    sweep = swept(
        ImageTarget(str(as_image(tmp_path / "host", files)), own=Own()), ArtefactSource(ARTEFACT)
    )

    (match,) = [m for m in sweep.matches() if m.strength is Strength.STRONG]
    assert match.observation.place.path == stream
    assert match.detail == LOCAL


@pytest.mark.parametrize(
    ("damaged", "gap"),
    [
        (mam(prefetch(files=[NTDLL, RUNDLL32, CYZFC]))[:400], "ends early"),
        (prefetch(files=[NTDLL, RUNDLL32, CYZFC])[:-40], "malformed"),
    ],
)
def test_a_damaged_file_is_a_gap_and_what_its_bytes_show_is_a_mention(
    damaged: bytes, gap: str, tmp_path: Path
) -> None:
    files = {**windows(), r"C:\Windows\Prefetch\RUNDLL32.EXE-12345678.pf": damaged}

    sweep = swept(as_folder(tmp_path, files), ArtefactSource(ARTEFACT))

    assert sweep.coverage.state is State.PARTIAL
    assert any(gap in reason for reason in sweep.reasons)
    mentions = [m.indicator.id for m in sweep.matches() if m.observation.claim is Claim.MENTIONED]
    assert mentions == (["name-cyzfc-dat"] if gap == "malformed" else [])


@pytest.mark.parametrize("name", samples("prefetch/*.pf"))
def test_a_prefetch_of_windows_is_shown_on_drive_c_and_holds_nothing(name: str) -> None:
    data = sample(name)
    program, *_ = observed(data, planted(rf"C:\Windows\Prefetch\{Path(name).name}"))

    assert program.process is not None
    assert program.process.executable.startswith("C:\\")
    assert program.process.executable.endswith(name.split("-")[1])
    assert matches(data) == []
