"""Sightings of one thing are one finding, and together they prove more."""

from __future__ import annotations

from datetime import datetime, timezone

from agent.findings.finding import MAX_EVIDENCE
from agent.findings.keys import file_key
from agent.model.objects import Destination, Dll, Dns, File, Hash, Pe, Process
from agent.model.observation import Claim, Observation, Place
from agent.model.report import Finding, Strength
from tests.evidence.claims import together
from tests.evidence.packs import campaign, chains_of, found

MATCHER = campaign()
PATH = r"C:\Users\jo\AppData\Local\cyzfc.dat"
RUNDLL32 = r"C:\Windows\System32\rundll32.exe"
NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
TRAITS = Pe(machine="amd64", dll=True, exports=["PointFunctionCall"])


def findings(*observations: Observation) -> list[Finding]:
    matches = [match for seen in observations for match in MATCHER.match(seen)]
    made = [found(chain, NOW)[0] for chain in chains_of(matches)]
    return sorted(made, key=lambda finding: -finding.strength.rank)


def running(
    line: str, *, image: str = RUNDLL32, original: str = "", pid: int = 4312
) -> Observation:
    name = image.rpartition("\\")[2]
    return Observation(
        source="processes",
        claim=Claim.RUNNING,
        seen="running process",
        place=Place(text=f"{name}[{pid}]"),
        process=Process(
            pid=pid, name=name, executable=image, command_line=line, original_file_name=original
        ),
    )


def loaded(
    path: str, *, pe: Pe | None = None, image: str = RUNDLL32, original: str = ""
) -> Observation:
    name = image.rpartition("\\")[2]
    return Observation(
        source="modules",
        claim=Claim.LOADED,
        seen="loaded module",
        place=Place(text=f"{name}[4312]: {path}"),
        dll=Dll(path=path, pe=pe),
        process=Process(pid=4312, name=name, executable=image, original_file_name=original),
    )


def file(path: str, *, pe: Pe | None = None, sha1: str | None = None) -> Observation:
    digest = Hash(sha1=sha1) if sha1 else None
    return Observation(
        source="files",
        claim=Claim.EXISTS,
        seen="file",
        place=Place(text=path),
        file=File(path=path, pe=pe, hash=digest),
    )


def connection(pid: int = 4312, image: str = RUNDLL32) -> Observation:
    return Observation(
        source="connections",
        claim=Claim.CONNECTED,
        seen="connection",
        place=Place(text="95.216.59.92:443"),
        destination=Destination(ip="95.216.59.92", port=443, state="established"),
        process=Process(pid=pid, name=image.rpartition("\\")[2], executable=image),
    )


def cached(name: str = "pandorasong.com", *answers: str) -> Observation:
    return Observation(
        source="dns_cache",
        claim=Claim.RESOLVED,
        seen="DNS cache",
        place=Place(text=name),
        dns=Dns(question=name, type="A", answers=list(answers)),
    )


def blocked(name: str = "pandorasong.com") -> Observation:
    return Observation(
        source="hosts_file",
        claim=Claim.BLOCKED,
        seen="hosts file",
        place=Place(text="hosts:3"),
        dns=Dns(question=name, answers=["0.0.0.0"]),
    )


def test_the_whole_chain_is_one_confirmed_finding() -> None:
    found = findings(
        running(f"rundll32.exe {PATH},PointFunctionCall"),
        loaded(PATH, pe=TRAITS),
        file(PATH, pe=TRAITS),
        connection(),
        cached("pandorasong.com", "95.216.59.92"),
    )
    assert [finding.strength for finding in found] == [Strength.CONFIRMED]
    sources = {evidence.source for evidence in found[0].evidence}
    assert sources == {"processes", "modules", "files", "connections", "dns_cache"}
    assert found[0].title == f"rundll32.exe 4312 has cyzfc.dat loaded: {PATH}"
    assert found[0].score == 100


def test_a_renamed_dll_is_confirmed_by_its_export() -> None:
    path = r"C:\x\holiday.jpg"
    (finding,) = findings(
        running(f"rundll32.exe {path},PointFunctionCall"), loaded(path, pe=TRAITS)
    )
    assert finding.strength is Strength.CONFIRMED


def test_a_renamed_rundll32_is_known_by_its_original_name() -> None:
    image, original = r"C:\x\svch.exe", "RUNDLL32.EXE.MUI"
    (finding,) = findings(
        running(f"svch.exe {PATH},PointFunctionCall", image=image, original=original),
        loaded(PATH, image=image, original=original),
    )
    assert finding.strength is Strength.CONFIRMED


def test_the_name_alone_in_rundll32_is_strong_not_confirmed() -> None:
    (finding,) = findings(loaded(r"C:\x\cyzfc.dat"))
    assert finding.strength is Strength.STRONG


def test_the_labs_dll_is_no_confirmed_one() -> None:
    lab = Pe(machine="amd64", dll=True, exports=["DLLMain"])
    (finding,) = findings(running(f"rundll32.exe {PATH},DLLMain"), loaded(PATH, pe=lab))
    assert finding.strength is Strength.STRONG


def test_a_file_with_name_and_export_is_confirmed_and_another_file_is_not_counted_in() -> None:
    (finding,) = findings(file(r"D:\cyzfc.dat", pe=TRAITS))
    assert finding.strength is Strength.CONFIRMED
    apart = findings(file(r"D:\cyzfc.dat"), file(r"D:\other.dll", pe=TRAITS))
    assert [f.strength for f in apart] == [Strength.STRONG, Strength.WEAK]


def test_a_file_with_the_hash_is_confirmed_under_any_name() -> None:
    (finding,) = findings(file(r"D:\a.bin", sha1="9858d5cb2a6614be3c48e33911bf9f7978b441bf"))
    assert finding.strength is Strength.CONFIRMED
    assert finding.indicator.id == "dll-sha1"
    assert finding.indicator.pack == "cyzfc-2018-11"


def test_an_address_alone_is_weak_and_by_rundll32_strong() -> None:
    (alone,) = findings(connection(image=r"C:\Program Files\Browser\browser.exe"))
    assert alone.strength is Strength.WEAK
    (talking,) = findings(connection())
    assert talking.strength is Strength.STRONG


def test_an_address_with_the_name_in_the_cache_is_one_strong_finding() -> None:
    (finding,) = findings(connection(image=r"C:\b.exe"), cached())
    assert finding.strength is Strength.STRONG


def test_a_name_that_the_hosts_file_blocks_is_weak_in_the_cache_too() -> None:
    (finding,) = findings(cached("pandorasong.com", "0.0.0.0"), blocked())
    assert finding.strength is Strength.WEAK
    assert any("the hosts file blocks it" in evidence.seen for evidence in finding.evidence)


def test_a_real_answer_in_the_cache_is_strong_despite_the_block() -> None:
    (finding,) = findings(cached("pandorasong.com", "95.216.59.92"), blocked())
    assert finding.strength is Strength.STRONG


def test_the_process_that_names_a_file_belongs_to_it() -> None:
    found = findings(running(f'notepad.exe "{PATH}"', image=r"C:\Windows\notepad.exe"), file(PATH))
    assert len(found) == 1


def test_the_finding_is_about_the_process_that_has_the_dll_not_the_shell_that_started_it() -> None:
    shell = r"C:\Windows\System32\cmd.exe"
    (found,) = findings(
        running(f'cmd /c rundll32 "{PATH}",PointFunctionCall', image=shell, pid=100),
        running(f'rundll32 "{PATH}",PointFunctionCall'),
        loaded(PATH, pe=TRAITS),
        file(PATH, pe=TRAITS),
    )
    assert found.process is not None
    assert (found.process.name, found.process.pid) == ("rundll32.exe", 4312)
    assert found.process.command_line.startswith("rundll32")


def test_a_file_is_one_whatever_the_notation() -> None:
    assert file_key("\\\\?\\c:\\x\\Y.dat") == file_key("C:/X/y.DAT")
    assert file_key("\\\\?\\UNC\\srv\\s\\a") == file_key(r"\\SRV\S\A")


def test_the_same_thing_has_the_same_id_in_every_sweep() -> None:
    first, second = findings(file(PATH)), findings(file(PATH))
    assert first[0].id == second[0].id
    assert findings(file(PATH.replace("jo", "al")))[0].id != first[0].id


def test_many_sightings_take_linear_time_and_are_counted() -> None:
    seen = [
        Observation(
            source="files",
            claim=Claim.EXISTS,
            seen="file",
            place=Place(text=f"C:\\{number}\\cyzfc.dat"),
            file=File(path=f"C:\\{number}\\cyzfc.dat"),
        )
        for number in range(20_000)
    ]
    matches = [match for one in seen for match in MATCHER.match(one)]
    (chain,) = chains_of(together(*matches))
    finding, more = found(chain, NOW)

    assert (len(finding.evidence), more) == (MAX_EVIDENCE, 20_000 - MAX_EVIDENCE)
