r"""One host on which the campaign was, from the link in a mail to the server: what each of Windows'
memories keeps of it, at the times of one afternoon.

Databases are written by SQLite, archives by zipfile, a volume by ntfs-3g where that is there; for
logs, hives, prefetch, jump lists and ESE databases there is no other writer, and the kit's are
read by other readers in the tests of their formats.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TypedDict
from uuid import UUID

from agent.formats.user_assist import turned

from .databases import HISTORY, Left, chromium_download, chromium_page, in_wal_mode
from .detections import detection
from .execution import srum
from .files import STAGE_0, archive, campaign_link, dll, shell_link
from .hive_files import nested
from .hives import Tree, dirty, hive, log
from .images import opened
from .journals import NOON, change
from .jump_lists import Listed, compound, dest_list
from .logged_events import (
    CALL,
    CYZFC,
    DLL_SHA1,
    RUNDLL32,
    USER,
    WINDOWS_POWERSHELL,
    audited_process,
    dns_query,
    engine_started,
    script_blocks,
    sysmon,
    sysmon_module,
    sysmon_process,
    sysmon_query,
)
from .logs import DNS_CLIENT_SYSTEM, SECURITY, LoggedEvent, event_log, sid_bytes
from .logs import JO as JO_OF_CORP
from .prefetch import PlantedVolume, mam, prefetch
from .remembered_values import last_run, shimcache, user_assist
from .shell_items import entry, root, volume
from .windows_folder import CONFIG, every_windows, record_of, software, system, volume_bytes


def at(minute: int, second: float = 0) -> datetime:
    """Of 2018-11-14, after three in the afternoon, UTC."""
    start = datetime(2018, 11, 14, 15, tzinfo=timezone.utc)
    return start + timedelta(minutes=minute, seconds=second)


CLICKED = at(1, 40)
VISITED = at(1, 52)
BEGUN, DOWNLOADED = at(2, 3), at(2, 5)
OPENED = at(3, 10)
UNPACKED = at(3, 58)
STAGE_0_RAN = at(4, 7)
ENGINE_STARTED = at(4, 8)
SCRIPT_LOGGED = at(4, 9)
SHOWN = at(4, 10)
DROPPED = at(4, 11)
CALLED = at(4, 12)
PIPED = at(4, 13)
ASKED = at(4, 14)
CONNECTED = at(4, 15)
INVENTORIED = at(25)
DETECTED = at(40, 20)
BY_THE_HOUR = datetime(2018, 11, 14, 16, 24, tzinfo=timezone.utc)
CLEANED = at(45, 30)
LONG_BEFORE = at(-9000)
MOMENT = timedelta(milliseconds=110)
"""Between what two programs write down of one deed."""

JO = r"C:\Users\jo"
LOCAL = rf"{JO}\AppData\Local"
RECENT = rf"{JO}\AppData\Roaming\Microsoft\Windows\Recent"
LINK = "https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl"
RECENT_LINK = rf"{RECENT}\ds7002.zip.lnk"
ZIP = rf"{JO}\Downloads\ds7002.zip"
LNK = rf"{LOCAL}\Temp\Temp1_ds7002.zip\ds7002.lnk"
PDF = rf"{LOCAL}\Temp\ds7002.PDF"
ZIP_SHA1 = "cd92f19d3ad4ec50f6d19652af010fe07dca55e1"
"""Of the campaign's archive, which Sysmon saw; what lies there is made up."""
DOMAIN, ADDRESS = "pandorasong.com", "95.216.59.92"
CHROME = r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe"
EXPLORER = r"C:\Windows\explorer.exe"
POWERSHELL_LINE = f"powershell.exe {STAGE_0}"

LOGS = r"C:\Windows\System32\winevt\Logs"
SECURITY_LOG = rf"{LOGS}\Security.evtx"
SYSTEM_LOG = rf"{LOGS}\System.evtx"
SYSMON_LOG = rf"{LOGS}\Microsoft-Windows-Sysmon%4Operational.evtx"
CLASSIC_LOG = rf"{LOGS}\Windows PowerShell.evtx"
SCRIPTS_LOG = rf"{LOGS}\Microsoft-Windows-PowerShell%4Operational.evtx"
DNS_LOG = rf"{LOGS}\Microsoft-Windows-DNS-Client%4Operational.evtx"
DEFENDER_LOG = rf"{LOGS}\Microsoft-Windows-Windows Defender%4Operational.evtx"
BROWSER = rf"{LOCAL}\Google\Chrome\User Data\Default\History"
JUMP_LIST = rf"{RECENT}\AutomaticDestinations\f01b4d95cf55d32a.automaticDestinations-ms"
NTUSER = rf"{JO}\NTUSER.DAT"
CLASSES = rf"{LOCAL}\Microsoft\Windows\UsrClass.dat"
AMCACHE = r"C:\Windows\AppCompat\Programs\Amcache.hve"
PREFETCH = r"C:\Windows\Prefetch"
RUN_OF_RUNDLL32 = rf"{PREFETCH}\RUNDLL32.EXE-2CC598BD.pf"
RUN_OF_POWERSHELL = rf"{PREFETCH}\POWERSHELL.EXE-767FB1AE.pf"
SRUDB = r"C:\Windows\System32\sru\SRUDB.dat"
FIREWALL = r"C:\Windows\System32\LogFiles\Firewall\pfirewall.log"
MFT = r"C:\$MFT"
JOURNAL = r"C:\$Extend\$UsnJrnl:$J"
GUARD = r"C:\ProgramData\Microsoft\Windows Defender"
GUARDS_LOG = rf"{GUARD}\Support\MPLog-20181101-120000.log"
GUARDS_RECORD = rf"{GUARD}\Scans\History\Service\DetectionHistory\05\6AFE33A0-19BA-4FFF"

DEFENDER = ("Microsoft-Windows-Windows Defender", "Microsoft-Windows-Windows Defender/Operational")
_EXPLORER = r"Software\Microsoft\Windows\CurrentVersion\Explorer"
_SHORTCUTS = "{F4E57C4B-2036-45F0-A9AB-443BCFE33D9F}"
_BAGS = r"Local Settings\Software\Microsoft\Windows\Shell\BagMRU"
ON_VOLUME = r"\VOLUME{01d2bf5a6c6f6d20-c4b2bd1c}"


class _Doer(TypedDict):
    """A process as Sysmon names it in each of its events."""

    image: str
    pid: int
    guid: str


_SHELL = _Doer(image=WINDOWS_POWERSHELL, pid=4120, guid="{94F748D5-4A45-5A42-0000-0010AAAAAA0F}")
_BROWSER = _Doer(image=CHROME, pid=3020, guid="{94F748D5-4A45-5A42-0000-0010BBBBBB0F}")
_DESKTOP = _Doer(image=EXPLORER, pid=2044, guid="{94F748D5-4A45-5A42-0000-0010CCCCCC0F}")


def infected() -> dict[str, bytes]:
    """All its files by their paths; an alternate stream behind a colon."""
    history = browser_history()
    return {
        **quiet(),
        **files(),
        SECURITY_LOG: event_log(audited()),
        SYSTEM_LOG: event_log([unanswered()]),
        SYSMON_LOG: event_log(watched()),
        CLASSIC_LOG: event_log([engine_started(POWERSHELL_LINE, time=ENGINE_STARTED)]),
        SCRIPTS_LOG: event_log(script_blocks(STAGE_0, time=SCRIPT_LOGGED)),
        DNS_LOG: event_log([dns_query(time=ASKED + 2 * MOMENT)]),
        DEFENDER_LOG: event_log([detected()]),
        BROWSER: history.database,
        f"{BROWSER}-wal": history.wal,
        **users_hive(),
        CLASSES: users_classes(),
        AMCACHE: inventory(),
        rf"{CONFIG}\SYSTEM": machines_hive(),
        **prefetched(),
        SRUDB: srum(
            r"\Device\HarddiskVolume3\Windows\System32\rundll32.exe",
            sid_bytes(JO_OF_CORP),
            [_days(BY_THE_HOUR)],
        ),
        FIREWALL: passed(),
        **guarded(),
    }


def quiet() -> dict[str, bytes]:
    """A host that remembers nothing; jo is of a domain."""
    return {
        **every_windows(),
        rf"{CONFIG}\SYSTEM": system(),
        rf"{CONFIG}\SOFTWARE": software(profiles={JO_OF_CORP: JO}),
        NTUSER: hive({}),
        CLASSES: hive({}),
    }


def files() -> dict[str, bytes]:
    """What lies there still: the shortcut was in a folder that Explorer has deleted."""
    opened = Listed(0x1F, ZIP, OPENED)
    return {
        CYZFC: dll(),
        ZIP: archive({"ds7002.lnk": campaign_link()}),
        f"{ZIP}:Zone.Identifier": (
            f"[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://mail.example/\r\nHostUrl={LINK}\r\n"
        ).encode(),
        PDF: b"%PDF-1.4\nApplication form DS-7002\n",
        RECENT_LINK: link_to(ZIP),
        JUMP_LIST: compound({"1f": link_to(ZIP), "DestList": dest_list(opened)}),
    }


def link_to(path: str) -> bytes:
    """A link that Explorer made on this host."""
    return shell_link("", machine_id="ws-0421", serial=7, tracked=UUID(int=0), target=path)


def times() -> dict[str, datetime]:
    """When its files were made and changed last."""
    own = {ZIP: DOWNLOADED, CYZFC: DROPPED, PDF: SHOWN, RECENT_LINK: OPENED}
    return dict.fromkeys((path for path in infected() if ":" not in path[2:]), LONG_BEFORE) | own


def journal() -> dict[str, bytes]:
    """The volume's change journal: the folder that Explorer unpacked into, and has deleted."""
    temp = record_of(infected(), rf"{LOCAL}\Temp"), 5
    folder, shortcut = (900, 1), (901, 1)
    made, gone = 0x100, 0x8000_0200

    def minutes(when: datetime) -> float:
        return (when - NOON) / timedelta(minutes=1)

    changes = (
        change("Temp1_ds7002.zip", made, minutes=minutes(UNPACKED), folder=temp, file=folder,
               attributes=0x10),
        change("ds7002.lnk", made, minutes=minutes(UNPACKED), folder=folder, file=shortcut),
        change("ds7002.lnk", gone, minutes=minutes(CLEANED), folder=folder, file=shortcut),
        change("Temp1_ds7002.zip", gone, minutes=minutes(CLEANED), folder=temp, file=folder,
               attributes=0x10),
    )  # fmt: skip
    return {JOURNAL: b"".join(changes)}


def mft() -> dict[str, bytes]:
    """The volume's $MFT, as it is copied beside the files."""
    volume = opened(volume_bytes({**infected(), **journal()}, times=times()))
    return {MFT: volume.open_stream(0).read()}


def browser_history() -> Left:
    """The page in the database; the download, which is newer, in its log alone."""
    return in_wal_mode(
        [*HISTORY, *chromium_page(7, LINK, webkit(VISITED), title="ds7002.zip")],
        chromium_download(3, ZIP, LINK, start=webkit(BEGUN), end=webkit(DOWNLOADED), size=402_500),
    )


def audited() -> list[LoggedEvent]:
    """Security: processes with their command lines, and a connection."""
    line = f'"{CHROME}" --single-argument {LINK}'
    return [
        audited_process(line, CHROME, time=CLICKED, pid=3020, parent=EXPLORER, parent_pid=2044),
        audited_process(
            POWERSHELL_LINE, WINDOWS_POWERSHELL,
            time=STAGE_0_RAN, pid=4120, parent=EXPLORER, parent_pid=2044,
        ),
        audited_process(CALL, time=CALLED),
        LoggedEvent(
            source=SECURITY, id=5156, time=CONNECTED,
            data=[
                ("ProcessID", 4312),
                ("Application", r"\device\harddiskvolume3\windows\system32\rundll32.exe"),
                ("Direction", "%%14593"), ("SourceAddress", "10.0.0.10"), ("SourcePort", 49278),
                ("DestAddress", ADDRESS), ("DestPort", 443), ("Protocol", 6),
            ],
        ),
    ]  # fmt: skip


def watched() -> list[LoggedEvent]:
    """Sysmon's whole tale, each a moment beside what others tell of it."""
    zone = f"[ZoneTransfer]  ZoneId=3  ReferrerUrl=https://mail.example/  HostUrl={LINK}"
    return [
        sysmon(11, ("TargetFilename", ZIP), time=BEGUN + MOMENT, **_BROWSER),
        sysmon(
            15, ("TargetFilename", ZIP), ("Hash", f"SHA1={ZIP_SHA1.upper()}"),
            time=DOWNLOADED, **_BROWSER,
        ),
        sysmon(
            15, ("TargetFilename", f"{ZIP}:Zone.Identifier"), ("Contents", zone),
            time=DOWNLOADED + MOMENT, **_BROWSER,
        ),
        sysmon(11, ("TargetFilename", LNK), time=UNPACKED, **_DESKTOP),
        sysmon(
            1, ("OriginalFileName", "PowerShell.EXE"), ("CommandLine", POWERSHELL_LINE),
            ("User", USER), ("ParentImage", EXPLORER), ("ParentProcessId", "2044"),
            time=STAGE_0_RAN + MOMENT, **_SHELL,
        ),
        sysmon(11, ("TargetFilename", PDF), time=SHOWN + MOMENT, **_SHELL),
        sysmon(11, ("TargetFilename", CYZFC), time=DROPPED + MOMENT, **_SHELL),
        sysmon_process(time=CALLED + MOMENT),
        sysmon_module(time=CALLED + 2 * MOMENT),
        sysmon(17, ("PipeName", r"\MSSE-4242-server"), time=PIPED),
        sysmon_query(time=ASKED + MOMENT),
        sysmon(
            3, ("User", USER), ("Protocol", "tcp"), ("Initiated", "true"),
            ("SourceIp", "10.0.0.10"), ("SourcePort", "49278"),
            ("DestinationIp", ADDRESS), ("DestinationPort", "443"), time=CONNECTED + MOMENT,
        ),
    ]  # fmt: skip


def unanswered() -> LoggedEvent:
    """System 1014, on by default, when a name server did not answer."""
    data: list[tuple[str, str | int]] = [("QueryName", DOMAIN), ("AddressLength", 128)]
    return LoggedEvent(source=DNS_CLIENT_SYSTEM, id=1014, time=ASKED, data=data)


def detected() -> LoggedEvent:
    """Defender 1116, half an hour too late."""
    return LoggedEvent(
        source=DEFENDER, id=1116, time=DETECTED,
        data=[
            ("Threat Name", "Trojan:Win64/Example"), ("Path", f"file:_{CYZFC}"),
            ("Process Name", RUNDLL32), ("Detection User", USER), ("Action Name", "Quarantine"),
        ],
    )  # fmt: skip


def users_hive() -> dict[str, bytes]:
    """NTUSER.DAT of a user who is logged on: the shortcut that was started is in the hive, the
    document that was opened in its log alone."""
    started: Tree = {_SHORTCUTS: {"Count": {turned(LNK): user_assist(1, STAGE_0_RAN)}}}
    document = "ds7002.zip\0".encode("utf-16-le") + entry("ds7002.zip.lnk", kind=0x32)
    opened: Tree = {".zip": {"0": document, "MRUListEx": b"\0\0\0\0\xff\xff\xff\xff"}}
    key = rf"{_EXPLORER}\RecentDocs\.zip"
    before = hive(nested(_EXPLORER, {"UserAssist": started}))
    after: Tree = {"UserAssist": started, "RecentDocs": opened}
    in_log = log(before, hive(nested(_EXPLORER, after), written={key: OPENED}), 5)
    return {NTUSER: dirty(before, 5), f"{NTUSER}.LOG1": in_log}


def users_classes() -> bytes:
    """UsrClass.dat: the archive was opened as a folder."""
    path = [root(), volume("C:\\"), entry("Users"), entry("jo"), entry("Downloads")]
    tree: Tree = {"0": entry("ds7002.zip", "DS7002.ZIP", kind=0x32), "MRUListEx": b"\0\0\0\0"}
    for item in reversed(path):
        tree = {"0": item, "0\\": tree}
    return hive(nested(_BAGS, tree), written={_BAGS + "\\0" * len(path): OPENED})


def inventory() -> bytes:
    """Amcache."""
    key = r"Root\InventoryApplicationFile\cyzfc.dat|1a2b"
    values: Tree = {
        "FileId": f"0000{DLL_SHA1}",
        "LowerCaseLongPath": CYZFC.lower(),
        "Size": "294400",
    }
    return hive(nested(key, values), written={key: INVENTORIED})


def machines_hive() -> bytes:
    """SYSTEM: programs that Windows looked at, and what ran of a user."""
    known = shimcache([(RUNDLL32, LONG_BEFORE), (CYZFC, DROPPED)])
    ran: Tree = {r"\Device\HarddiskVolume3\Windows\System32\rundll32.exe": last_run(CALLED)}
    return system(
        control={"Session Manager": {"AppCompatCache": {"AppCompatCache": known}}},
        services=nested(rf"bam\State\UserSettings\{JO_OF_CORP}", ran),
    )


def prefetched() -> dict[str, bytes]:
    """What rundll32 and powershell loaded in their first seconds."""

    def loaded(*paths: str) -> list[str]:
        return [f"{ON_VOLUME}{path[2:].upper()}" for path in paths]

    volumes = [PlantedVolume(ON_VOLUME)]
    ntdll = r"C:\Windows\System32\ntdll.dll"
    return {
        RUN_OF_RUNDLL32: mam(
            prefetch(files=loaded(ntdll, RUNDLL32, CYZFC), runs=[CALLED], volumes=volumes)
        ),
        RUN_OF_POWERSHELL: mam(
            prefetch(
                "POWERSHELL.EXE", loaded(ntdll, WINDOWS_POWERSHELL, LNK),
                runs=[STAGE_0_RAN], volumes=volumes, name_hash=0x767FB1AE,
            )
        ),
    }  # fmt: skip


def passed() -> bytes:
    """The firewall's log; its times are the host's own, which is in UTC."""
    return (
        "#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n"
        "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn "
        "tcpack tcpwin icmptype icmpcode info path\r\n\r\n"
        f"{CONNECTED:%Y-%m-%d %H:%M:%S} ALLOW TCP 10.0.0.10 {ADDRESS} 49278 443 0 - 0 0 0 - - - SEND\r\n"
    ).encode()


def guarded() -> dict[str, bytes]:
    """Defender's own records."""
    line = f"{DETECTED:%Y-%m-%dT%H:%M:%S}.000Z DETECTION_ADD Trojan:Win64/Example file:{CYZFC}\r\n"
    return {
        GUARDS_LOG: b"\xff\xfe" + line.encode("utf-16-le"),
        GUARDS_RECORD: detection(("file", CYZFC), sha1=DLL_SHA1, started=DETECTED),
    }


def webkit(when: datetime) -> int:
    """As Chromium counts."""
    return (when - datetime(1601, 1, 1, tzinfo=timezone.utc)) // timedelta(microseconds=1)


def _days(when: datetime) -> float:
    return (when - datetime(1899, 12, 30, tzinfo=timezone.utc)) / timedelta(days=1)
