from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from agent.formats import FormatError
from agent.model.objects import User
from agent.model.observation import Claim
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.registry import every_hit
from agent.sources.registry.hives import Hives
from tests.evidence.hive_files import (
    COMMAND,
    RUN,
    Account,
    MadeFile,
    hits_of,
    made_file,
    nested,
    of_jo,
    only,
)
from tests.evidence.hives import Content, Gone, Tree, Typed, dirty, hive, log, with_checksum
from tests.evidence.packs import campaign
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import CONFIG, FORMS, as_folder, windows

# ---- everything else


def test_any_other_value_that_is_hit_is_a_mention_with_its_key() -> None:
    found = only(of_jo({}, {"Notes": {"n": "see cyzfc.dat"}}))

    assert (found.seen, found.claim) == ("registry", Claim.MENTIONED)
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo\Notes", "n")
    assert found.registry.data == "cyzfc.dat"
    assert found.user == User(name="jo", id="S-1-5-21-7-1001")


def test_the_hits_of_one_value_are_one_mention() -> None:
    found = only(of_jo({}, {"Notes": {"n": "cyzfc.dat and cyzfc.dat", "cyzfc": "quiet"}}))

    assert len(found.hits) == 2


def test_a_key_by_its_name_is_a_mention_without_a_value() -> None:
    found = only(of_jo({}, {"cyzfc.dat": {}}))

    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo\cyzfc.dat", "")


def test_a_word_over_the_edge_of_a_long_value_is_a_mention_of_it() -> None:
    found = only(of_jo({}, {"Long": {"v": "x" * 8168 + "cyzfc.dat" + "y" * 9000}}))

    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo\Long", "v")


def test_a_deleted_run_value_is_told_as_deleted_with_its_command() -> None:
    found = only(of_jo({"gone": Gone(COMMAND), "kept": "notepad.exe"}))

    assert (found.seen, found.claim) == ("Run key", Claim.RAN)
    assert found.place.view == "deleted"
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (rf"HKU\jo\{RUN}", "gone")
    assert found.process is not None
    assert found.process.command_line == COMMAND
    assert "what is left of a deleted value" in found.remarks


def test_a_hit_in_a_cell_that_nothing_tells_of_is_kept_and_deleted() -> None:
    file = of_jo({"gone": Gone("see cyzfc.dat"), "kept": "notepad.exe"})
    assert file.content is not None
    record = file.content.index(b"gone") - 20
    file.content = file.content[:record] + bytes(24) + file.content[record + 24 :]
    found = only(file)

    assert (found.claim, found.place.view) == (Claim.MENTIONED, "deleted")
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo", "")


@pytest.mark.parametrize(
    ("path", "root"),
    [
        (rf"{CONFIG}\SYSTEM", r"HKLM\SYSTEM"),
        (rf"{CONFIG}\DEFAULT", r"HKU\.DEFAULT"),
        (r"C:\Users\jo\AppData\Local\Microsoft\Windows\UsrClass.dat", r"HKU\jo_Classes"),
    ],
)
def test_a_path_is_as_people_write_it(path: str, root: str) -> None:
    found = only(made_file(hive({"k": {"v": "cyzfc.dat"}}), path))

    assert found.registry is not None
    assert found.registry.path == rf"{root}\k"


# ---- transaction logs

BEFORE = hive(nested(RUN, {"old": COMMAND, "pad": "x" * 5000}))
AFTER = hive(nested(RUN, {"new": r"C:\Users\jo\fresh.exe", "pad": "y" * 5000}))


def in_use(logs: Mapping[str, bytes | None]) -> MadeFile:
    return made_file(dirty(BEFORE, 5), logs=logs)


def test_what_only_the_log_has_is_a_run_key_as_any() -> None:
    found = only(in_use({".LOG2": log(BEFORE, AFTER, 5)}), "fresh.exe")

    assert (found.seen, found.place.view) == ("Run key", "")
    assert found.process is not None
    assert found.process.command_line == r"C:\Users\jo\fresh.exe"


def test_what_the_log_removed_is_told_as_it_was_before() -> None:
    found = only(in_use({".LOG1": log(BEFORE, AFTER, 5)}))

    assert (found.seen, found.place.view) == ("Run key", "deleted")
    assert found.remarks == ("as it was before its transaction log",)
    assert found.process is not None
    assert found.process.command_line == COMMAND


def test_what_an_old_entry_of_a_log_remembers_is_told_with_its_key() -> None:
    old = log(AFTER, BEFORE, 5)
    found = only(made_file(AFTER, logs={".LOG1": old}))

    assert (found.seen, found.place.view) == ("Run key", "deleted")
    assert found.place.path == r"C:\Users\jo\NTUSER.DAT.LOG1"
    assert found.remarks == ("an earlier state, from entry 5 of its transaction log",)
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (rf"HKU\jo\{RUN}", "old")


def test_a_value_that_was_only_written_anew_is_told_once() -> None:
    moved = hive(nested(RUN, {"pad": "x" * 300, "old": COMMAND}))
    found = only(made_file(dirty(BEFORE, 5), logs={".LOG1": log(BEFORE, moved, 5)}))

    assert (found.seen, found.place.view, found.remarks) == ("Run key", "", ())


def test_bytes_that_a_log_only_repeats_are_told_once_though_no_key_is_left() -> None:
    data = hive({"gone": Gone("see cyzfc.dat"), "kept": "notepad.exe"})
    record = data.index(b"gone") - 20
    data = data[:record] + bytes(24) + data[record + 24 :]
    found = only(made_file(data, logs={".LOG1": log(hive({}), data, 1)}))

    assert (found.place.path, found.remarks) == (r"C:\Users\jo\NTUSER.DAT", ())


def test_a_hit_in_a_torn_log_is_kept_as_bytes() -> None:
    found = only(made_file(AFTER, logs={".LOG1": b"torn " + b"cyzfc.dat"}))

    assert (found.claim, found.place.record) == (Claim.MENTIONED, "0x5")
    assert found.place.path == r"C:\Users\jo\NTUSER.DAT.LOG1"


def test_a_hive_in_use_without_its_logs_is_a_gap() -> None:
    assert Account(in_use({})).gaps == ["registry hive: dirty, and its logs are missing"]
    assert Account(in_use({".LOG1": log(BEFORE, AFTER, 5), ".LOG2": b""})).gaps == []
    assert Account(made_file(AFTER)).gaps == []


def test_a_log_that_cannot_be_opened_is_a_gap() -> None:
    assert Account(in_use({".LOG1": None})).gaps == [
        "registry hive: dirty, and its logs are missing",
        "transaction log: access denied",
    ]


def test_what_is_no_hive_is_refused_and_searched_nonetheless() -> None:
    file = made_file(b"cyzfc.dat")
    account = Account(file)

    assert (account.text, account.gaps) == (b"cyzfc.dat", [])
    with pytest.raises(FormatError):
        list(account.reader.seen_in(hits_of(account.text, "cyzfc.dat"), campaign().records()))


# As the driver looks at a host's files.


def with_hives(*, jo: bytes, more: Mapping[str, bytes] | None = None) -> Mapping[str, bytes]:
    """A host whose other users have hives without anything in them."""
    quiet = hive({})
    return windows(
        {
            rf"{CONFIG}\systemprofile\NTUSER.DAT": quiet,
            r"C:\Users\Ann\NTUSER.DAT": quiet,
            r"C:\Users\jo\NTUSER.DAT": jo,
            **(more or {}),
        }
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_host_is_looked_at_in_whatever_form_it_comes(form: str, tmp_path: Path) -> None:
    jo = hive({**nested(RUN, {"Update": COMMAND}), "Notes": {"n": "cyzfc.dat"}})
    logged = log(hive({}), hive({"Late": {"v": "pandorasong.com"}}), 5)
    more = {
        r"C:\Users\Ann\NTUSER.DAT": dirty(hive({}), 5),
        r"C:\Users\Ann\ntuser.dat.LOG1": logged,
        r"C:\Users\Ann\ntuser.dat.LOG2": b"",
    }
    sweep = swept(
        FORMS[form](tmp_path / "c", with_hives(jo=jo, more=more)), ArtefactSource(Hives())
    )

    strong = [m.observation for m in sweep.matches() if m.strength is Strength.STRONG]
    assert [one.place.text for one in strong] == [
        rf"HKU\jo\{RUN}, Update in C:\Users\jo\NTUSER.DAT"
    ]
    mentions = {
        (match.observation.registry.path, match.indicator.id)
        for match in sweep.matches()
        if match.observation.mention and match.observation.registry is not None
    }
    assert mentions == {
        (r"HKU\jo\Notes", "name-cyzfc-dat"),
        (r"HKU\Ann\Late", "c2-domain"),
    }
    assert sweep.coverage.required
    assert (sweep.coverage.state, sweep.reasons) == (State.COMPLETE, {})
    assert sweep.coverage.examined == 5


def test_every_mention_is_found_not_the_first_alone(tmp_path: Path) -> None:
    jo = hive({f"key {number}": {"v": "see cyzfc.dat"} for number in range(30)})
    sweep = swept(as_folder(tmp_path / "c", with_hives(jo=jo)), ArtefactSource(Hives()))

    told = {one.registry.path for one in sweep.seen if one.registry is not None}
    assert told == {rf"HKU\jo\key {number}" for number in range(30)}


def test_each_key_has_its_own_hits_and_no_others(tmp_path: Path) -> None:
    jo = hive({"a": {"v": "see cyzfc.dat"}, "b": {"v": "see pandorasong.com"}})
    sweep = swept(as_folder(tmp_path / "c", with_hives(jo=jo)), ArtefactSource(Hives()))

    assert [
        (one.registry.path, [hit.indicator for hit in one.hits])
        for one in sweep.seen
        if one.registry is not None
    ] == [(r"HKU\jo\a", ["name-cyzfc-dat"]), (r"HKU\jo\b", ["c2-domain"])]


def test_more_hits_than_are_told_are_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every_hit, "MAX_HITS", 10)
    jo = hive({f"key {number}": {"v": "see cyzfc.dat"} for number in range(11)})
    sweep = swept(as_folder(tmp_path / "c", with_hives(jo=jo)), ArtefactSource(Hives()))

    assert len(sweep.seen) == 10
    assert sweep.reasons == {"more than 10 hits in it": 1}


def test_a_hive_in_use_without_its_logs_makes_the_source_partial(tmp_path: Path) -> None:
    jo = dirty(hive({}), 5)
    sweep = swept(as_folder(tmp_path / "c", with_hives(jo=jo)), ArtefactSource(Hives()))

    assert sweep.coverage.state is State.PARTIAL
    assert sweep.reasons == {"registry hive: dirty, and its logs are missing": 1}


def test_a_damaged_hive_that_is_hit_is_a_gap_and_a_mention_by_its_bytes(tmp_path: Path) -> None:
    jo = hive({"k": {"v": "cyzfc.dat"}})
    jo = with_checksum(jo[:36] + b"\xf8\xff\xff\x0f" + jo[40:])
    sweep = swept(as_folder(tmp_path / "c", with_hives(jo=jo)), ArtefactSource(Hives()))

    assert sweep.coverage.state is State.PARTIAL
    (one,) = sweep.seen
    assert (one.claim, one.place.path) == (Claim.MENTIONED, r"C:\Users\jo\NTUSER.DAT")


ZONES = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings\ZoneMap\Domains"


@pytest.mark.parametrize(
    ("name", "content", "at", "beside"),
    [
        ("pandorasong.com", {"*": 1}, 15, b"x"),
        ("cyzfc.dat", 1, -2, b"ab"),
        ("x", Typed(1, "cyzfc.dat".encode("utf-16-le")), 18, "ab".encode("utf-16-le")),
    ],
)
def test_letters_of_another_record_beside_a_name_hide_nothing(
    name: str, content: Content, at: int, beside: bytes, tmp_path: Path
) -> None:
    data = bytearray(hive(nested(ZONES, {name: content})))
    text = b"c\0y\0z\0" if isinstance(content, Typed) else name.encode()
    at += data.index(text)
    data[at : at + len(beside)] = beside
    target = FORMS["folder"](tmp_path / "c", windows({r"C:\Users\jo\NTUSER.DAT": bytes(data)}))

    (match,) = swept(target, ArtefactSource(Hives())).matches()

    assert match.observation.registry is not None
    assert match.observation.registry.path.startswith(rf"HKU\jo\{ZONES}")


def test_a_longer_word_is_another_one(tmp_path: Path) -> None:
    data = hive(nested(ZONES, {"mypandorasong.com": {"xcyzfc.dat": "acyzfc.datb"}}))
    target = FORMS["folder"](tmp_path / "c", windows({r"C:\Users\jo\NTUSER.DAT": data}))
    assert swept(target, ArtefactSource(Hives())).matches() == []


@pytest.mark.parametrize("content", [b"", bytes(4096), bytes(70_000)])
def test_a_hive_that_was_copied_without_its_content_is_a_gap(
    tmp_path: Path, content: bytes
) -> None:
    place = as_folder(tmp_path, windows({"C:\\Users\\jo\\NTUSER.DAT": content}))
    sweep = swept(place, ArtefactSource(Hives()))
    assert sweep.reasons == {"registry hive: blank, nothing of it is there": 1}


USUAL = r"%SystemRoot%\System32\winevt\Logs\Security.evtx"
NOT_SEARCHED = "an event log has a name, or a form, that is not searched"


@pytest.mark.parametrize(
    ("path", "is_gap"),
    [
        (USUAL, False),
        (r"C:\Windows\system32\WINEVT\logs\Security.evtx", False),
        (r"D:\EventLogs\Security.evtx", False),
        (r"%SystemRoot%\System32\config\SecEvent.Evt", True),
        (r"D:\EventLogs\Security.log", True),
    ],
)
def test_a_log_whose_name_or_form_is_not_searched_is_a_gap(
    path: str, is_gap: bool, tmp_path: Path
) -> None:
    """Windows XP has logs of another form; where a log is kept is asked by the event logs."""
    logs: Tree = {
        "Security": {"File": path},
        "System": {"File": USUAL},
        "Vendor": {"File": "E:\\v.evt"},
    }
    data = hive({"Select": {"Current": 3}, "ControlSet003": {"Services": {"EventLog": logs}}})
    sweep = swept(
        as_folder(tmp_path, windows({f"{CONFIG}\\SYSTEM": data})), ArtefactSource(Hives())
    )
    assert sweep.reasons == ({NOT_SEARCHED: 1} if is_gap else {})


@pytest.mark.parametrize(
    "key",
    [
        r"Microsoft\Windows\CurrentVersion\WINEVT\Channels\Microsoft-Windows-Sysmon/Operational",
        r"Policies\Microsoft\Windows\EventLog\Security",
    ],
)
@pytest.mark.parametrize("name", ["x.evtx", "x.log"])
def test_so_is_one_of_a_channel_and_of_a_policy(key: str, name: str, tmp_path: Path) -> None:
    path = f"D:\\EventLogs\\{name}"
    data = hive(nested(key, {"File": path}))
    sweep = swept(
        as_folder(tmp_path, windows({f"{CONFIG}\\SOFTWARE": data})), ArtefactSource(Hives())
    )
    told = [one.samples for one in sweep.coverage.reasons if one.reason == NOT_SEARCHED]
    assert told == ([[path]] if name == "x.log" else [])
