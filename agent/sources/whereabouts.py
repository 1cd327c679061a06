r"""Where on a host each artefact lies, in the host's own language (``targets/path_patterns.py``).

Kept apart from the code that reads the files, which is loaded where there is one of them: of most
artefacts a volume that is no system volume has none.
"""

from __future__ import annotations

from ..targets.every_windows import PREFETCH as PREFETCH_FOLDER
from ..targets.every_windows import Wanted

FIREWALL_LOG = (
    r"%SystemRoot%\System32\LogFiles\Firewall\*.log",
    r"%SystemRoot%\System32\LogFiles\Firewall\*.old",
    r"%SystemRoot%\pfirewall.log",
    r"%SystemRoot%\pfirewall.log.old",
    r"%Loose%\**\pfirewall*.log",
    r"%Loose%\**\pfirewall*.old",
)
EVENT_LOGS = (
    r"%EventLogs%\*.evtx",
    r"%SystemRoot%\System32\winevt\Logs\*.evtx",
    r"%Loose%\**\*.evtx",
)
_DEFENDER = r"%ProgramData%\Microsoft\Windows Defender"
DEFENDER = (
    rf"{_DEFENDER}\Scans\History\Service\DetectionHistory\**\*",
    rf"{_DEFENDER}\Quarantine\Entries\*",
    rf"{_DEFENDER}\Support\MPLog*.log",
    rf"{_DEFENDER}\Support\MPDetection*.log",
    r"%Loose%\**\Quarantine\Entries\*",
    r"%Loose%\**\DetectionHistory\**\*",
    r"%Loose%\**\MPLog*.log",
)
PREFETCH = (
    r"%SystemRoot%\Prefetch\*.pf",
    r"%SystemRoot%\Prefetch\*:*.pf",
    r"%SystemRoot%\Prefetch:*.pf",
    r"%Loose%\**\*.pf",
)
REGISTRY = (
    r"%SystemRoot%\System32\config\SYSTEM",
    r"%SystemRoot%\System32\config\SOFTWARE",
    r"%SystemRoot%\System32\config\DEFAULT",
    r"%SystemRoot%\System32\config\SAM",
    r"%SystemRoot%\System32\config\SECURITY",
    r"%SystemRoot%\AppCompat\Programs\Amcache.hve",
    r"%Volume%\Boot\BCD",
    r"%Profile%\NTUSER.DAT",
    r"%Profile%\AppData\Local\Microsoft\Windows\UsrClass.dat",
    r"%Profile%\Local Settings\Application Data\Microsoft\Windows\UsrClass.dat",
    r"%Loose%\**\SYSTEM",
    r"%Loose%\**\SOFTWARE",
    r"%Loose%\**\SECURITY",
    r"%Loose%\**\NTUSER.DAT",
    r"%Loose%\**\UsrClass.dat",
    r"%Loose%\**\Amcache.hve",
)
RECYCLE_BIN = (
    r"%Volume%\$Recycle.Bin\*\$I*",
    r"%Volume%\RECYCLER\*\INFO",
    r"%Volume%\RECYCLER\*\INFO2",
    r"%Volume%\RECYCLED\INFO",
    r"%Volume%\RECYCLED\INFO2",
    r"%Loose%\**\$I*",
    r"%Loose%\**\INFO2",
)
_RECENT = r"%Profile%\AppData\Roaming\Microsoft\Windows\Recent"
OPENED_FILES = (
    rf"{_RECENT}\*.lnk",
    rf"{_RECENT}\AutomaticDestinations\*.automaticDestinations-ms",
    rf"{_RECENT}\CustomDestinations\*.customDestinations-ms",
    r"%Profile%\AppData\Roaming\Microsoft\Office\Recent\*.lnk",
    r"%Profile%\Desktop\*.lnk",
    r"%Profile%\Recent\*.lnk",
    r"%Profile%\Application Data\Microsoft\Office\Recent\*.lnk",
    r"%Loose%\**\*.automaticDestinations-ms",
    r"%Loose%\**\*.customDestinations-ms",
    r"%Loose%\**\Recent\*.lnk",
)
_LOCAL = r"%Profile%\AppData\Local"
_OLD_LOCAL = r"%Profile%\Local Settings\Application Data"
THUMBNAILS = (
    rf"{_LOCAL}\Microsoft\Windows\Explorer\thumbcache_*.db",
    rf"{_LOCAL}\Microsoft\Windows\Explorer\iconcache_*.db",
    rf"{_LOCAL}\Microsoft\Windows\Caches\*.db",
    rf"{_LOCAL}\IconCache.db",
    rf"{_OLD_LOCAL}\IconCache.db",
    r"%Loose%\**\thumbcache_*.db",
    r"%Loose%\**\iconcache_*.db",
    r"%Loose%\**\IconCache.db",
)
_PICTURES = ("Desktop", "Documents", "Downloads", "Pictures", "My Documents")
THUMBS_DB = (
    *(
        rf"%Profile%\{name}\{below}Thumbs.db"
        for name in _PICTURES
        for below in ("", "*\\", "*\\*\\")
    ),
    r"%Loose%\**\Thumbs.db",
)
_ROAMING = r"%Profile%\AppData\Roaming"
_CHROMIUM_PROFILES = (
    rf"{_LOCAL}\*\User Data\*",
    rf"{_LOCAL}\*\*\User Data\*",
    rf"{_LOCAL}\*\*\User Data\Snapshots\*\*",
    rf"{_LOCAL}\*\EBWebView\*",
    rf"{_LOCAL}\*\*\EBWebView\*",
    rf"{_LOCAL}\Packages\*\LocalCache\*\*\EBWebView\*",
    rf"{_ROAMING}\Opera Software\*",
    rf"{_ROAMING}\Opera Software\*\*",
    r"%Profile%\Local Settings\Application Data\*\*\User Data\*",
)
_CHROMIUM = (
    "History",
    "Archived History",
    "Favicons",
    "Top Sites",
    "Shortcuts",
    "Network Action Predictor",
    "Web Data",
    "Media History",
    "DIPS",
    "Cookies",
    r"Network\Cookies",
    r"Network\Reporting and NEL",
)
_FIREFOX_PROFILES = (
    rf"{_ROAMING}\*\Profiles\*",
    rf"{_ROAMING}\*\*\Profiles\*",
    rf"{_LOCAL}\Packages\*\LocalCache\Roaming\*\*\Profiles\*",
    r"%Profile%\Application Data\*\*\Profiles\*",
)
_FIREFOX = (
    "places.sqlite",
    "favicons.sqlite",
    "cookies.sqlite",
    "downloads.sqlite",
    "formhistory.sqlite",
    "permissions.sqlite",
)
_LOOSE_DATABASES = ("History", "Favicons", "places.sqlite", "favicons.sqlite", "downloads.sqlite")
BROWSERS = (
    *(rf"{place}\{name}" for place in _CHROMIUM_PROFILES for name in _CHROMIUM),
    *(rf"{place}\{name}" for place in _FIREFOX_PROFILES for name in _FIREFOX),
    *(rf"%Loose%\**\{name}" for name in _LOOSE_DATABASES),
)
SRUM = (
    r"%SystemRoot%\System32\sru\SRUDB.dat",
    r"%SystemRoot%\System32\sru\SRU*.log",
    r"%Loose%\**\SRUDB.dat",
)
SCHEDULED_TASKS = (
    r"%SystemRoot%\System32\Tasks\**\*",
    r"%SystemRoot%\SysWOW64\Tasks\**\*",
    r"%SystemRoot%\Tasks\*.job",
    r"%Loose%\**\*.job",
)
_STARTUP = r"Start Menu\Programs\Startup"
_STARTED_FROM = (
    rf"%Profile%\AppData\Roaming\Microsoft\Windows\{_STARTUP}",
    rf"%ProgramData%\Microsoft\Windows\{_STARTUP}",
    rf"%Profile%\{_STARTUP}",
    rf"%Volume%\Documents and Settings\All Users\{_STARTUP}",
)
_STARTED_FORMS = ("lnk", "url", "bat", "cmd", "ps1", "vbs", "vbe", "js", "jse", "wsf", "hta")
_POWERSHELL = (
    r"%Profile%\Documents\WindowsPowerShell",
    r"%Profile%\Documents\PowerShell",
    r"%SystemRoot%\System32\WindowsPowerShell\v1.0",
    r"%SystemRoot%\SysWOW64\WindowsPowerShell\v1.0",
    r"%Volume%\Program Files\PowerShell\*",
)
STARTUP_FILES = (
    *(rf"{folder}\*.{form}" for folder in _STARTED_FROM for form in _STARTED_FORMS),
    r"%SystemRoot%\System32\GroupPolicy\*\Scripts\*.ini",
    *(rf"%SystemRoot%\System32\GroupPolicy\*\Scripts\*\*.{form}" for form in _STARTED_FORMS),
    r"%SystemRoot%\System32\GroupPolicyUsers\*\*\Scripts\*.ini",
    *(rf"{folder}\*profile.ps1" for folder in _POWERSHELL),
    r"%SystemRoot%\Setup\Scripts\*.cmd",
    r"%SystemRoot%\win.ini",
    r"%SystemRoot%\system.ini",
    r"%Volume%\autoexec.bat",
)
SHIM_DATABASES = (
    r"%SystemRoot%\AppPatch\*.sdb",
    r"%SystemRoot%\AppPatch\*\*.sdb",
    r"%SystemRoot%\AppPatch\Custom\Custom64\*.sdb",
    r"%Loose%\**\*.sdb",
)
STARTUP_INFO = (
    r"%SystemRoot%\System32\WDI\LogFiles\StartupInfo\*.xml",
    r"%Loose%\**\*_StartupInfo*.xml",
)
COMPATIBILITY_ASSISTANT = (
    r"%SystemRoot%\AppCompat\pca\Pca*.txt",
    r"%SystemRoot%\AppCompat\Programs\RecentFileCache.bcf",
    r"%Loose%\**\PcaAppLaunchDic.txt",
    r"%Loose%\**\PcaGeneralDb*.txt",
    r"%Loose%\**\RecentFileCache.bcf",
)
_REPORTS = r"Microsoft\Windows\WER\Report*\*\Report.wer"
ERROR_REPORTS = (
    rf"%ProgramData%\{_REPORTS}",
    rf"%Profile%\AppData\Local\{_REPORTS}",
    r"%Loose%\**\Report.wer",
)
WMI_REPOSITORY = (
    r"%SystemRoot%\System32\wbem\Repository\OBJECTS.DATA",
    r"%SystemRoot%\System32\wbem\Repository\FS\OBJECTS.DATA",
    r"%Loose%\**\OBJECTS.DATA",
)
_CHROMIUM_FILES = (
    r"Sessions\*",
    "Current Session",
    "Current Tabs",
    "Last Session",
    "Last Tabs",
    "Bookmarks",
    "Bookmarks.bak",
    "Preferences",
    "Secure Preferences",
    r"Network\Network Persistent State",
)
_FIREFOX_FILES = (
    "sessionstore*",
    r"sessionstore-backups\*",
    r"bookmarkbackups\*",
    "prefs.js",
    "SiteSecurityServiceState.*",
)
BROWSER_FILES = (
    *(rf"{place}\{name}" for place in _CHROMIUM_PROFILES for name in _CHROMIUM_FILES),
    *(rf"{place}\{name}" for place in _FIREFOX_PROFILES for name in _FIREFOX_FILES),
)
WEB_CACHE = (
    r"%Profile%\AppData\Local\Microsoft\Windows\WebCache\WebCacheV*.dat",
    r"%Profile%\AppData\Local\Microsoft\Windows\WebCache\V*.log",
    r"%Loose%\**\WebCacheV*.dat",
)
_DOWNLOADER = r"%ProgramData%\Microsoft\Network\Downloader"
BITS_QUEUE = (
    rf"{_DOWNLOADER}\qmgr*.dat",
    rf"{_DOWNLOADER}\qmgr*.db",
    rf"{_DOWNLOADER}\edb*.log",
    r"%Loose%\**\qmgr*.dat",
    r"%Loose%\**\qmgr*.db",
)
_CRYPTNET_HOLDERS = (
    "%Profile%",
    r"%SystemRoot%\System32\config\systemprofile",
    r"%SystemRoot%\SysWOW64\config\systemprofile",
    r"%SystemRoot%\ServiceProfiles\*",
)
_CRYPTNET = r"AppData\LocalLow\Microsoft\CryptnetUrlCache"
CERTIFICATE_CACHE = (
    *(
        rf"{holder}\{_CRYPTNET}\{folder}\*"
        for holder in _CRYPTNET_HOLDERS
        for folder in ("MetaData", "Content")
    ),
    r"%Loose%\**\CryptnetUrlCache\MetaData\*",
    r"%Loose%\**\CryptnetUrlCache\Content\*",
)
_SEARCH = r"%ProgramData%\Microsoft\Search\Data\Applications\Windows"
_ROAMING_SEARCH = r"%Profile%\AppData\Roaming\Microsoft\Search\Data\Applications"
SEARCH_INDEX = (
    rf"{_SEARCH}\Windows.edb",
    rf"{_SEARCH}\edb*.jtx",
    rf"{_SEARCH}\edb*.log",
    rf"{_SEARCH}\MSS*.log",
    rf"{_ROAMING_SEARCH}\S-1-*\*.edb",
    r"%Loose%\**\Windows.edb",
)
ACTIVITIES = (
    r"%Profile%\AppData\Local\ConnectedDevicesPlatform\*\ActivitiesCache.db",
    r"%Profile%\AppData\Local\Microsoft\Windows\Notifications\wpndatabase.db",
    r"%ProgramData%\Microsoft\Search\Data\Applications\Windows\Windows*.db",
    r"%Loose%\**\ActivitiesCache.db",
    r"%Loose%\**\wpndatabase.db",
)
CONSOLE_HISTORY = (
    r"%Profile%\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine\*_history.txt",
    r"%Loose%\**\PSReadLine\*_history.txt",
    r"%Loose%\**\ConsoleHost_history.txt",
)
_TRANSCRIPT = "PowerShell_transcript*.txt"
TRANSCRIPTS = (
    rf"%Profile%\Documents\{_TRANSCRIPT}",
    rf"%Profile%\Documents\*\{_TRANSCRIPT}",
    rf"%Profile%\My Documents\{_TRANSCRIPT}",
    rf"%Volume%\*Transcript*\**\{_TRANSCRIPT}",
    rf"%Loose%\**\{_TRANSCRIPT}",
)
_OF_DEFENDER = (
    "Autoruns",
    "Installed programs",
    "Network connections",
    "Processes",
    "Scheduled tasks",
    "Services",
    "System information",
    "Temp directories",
    "Users and groups",
    "Windows Server Message Block sessions",
    "Windows Server Message Block (SMB) sessions",
)
"""Folders of an investigation package (Microsoft Learn, "Take response actions on a device")."""
LIVE_RESPONSE = (
    r"%Loose%\**\live_response\**\*",
    *(rf"%Loose%\**\*.7z\**\*.{extension}" for extension in ("csv", "txt", "xml", "log")),
    *(rf"%Loose%\**\results\*.{extension}" for extension in ("json", "jsonl", "csv")),
    *(
        rf"%Loose%\**\{folder}\*.{extension}"
        for folder in _OF_DEFENDER
        for extension in ("txt", "csv", "json", "log", "xls", "xml", "htm", "html")
    ),
)
_USERS = ((r"%Volume%\Users", r"%Volume%\Documents and Settings"),)
EVERY_WINDOWS_HAS: dict[str, tuple[Wanted, ...]] = {
    "hosts_file": (("%DataBasePath%",),),
    "event_logs": tuple(
        (rf"%EventLogs%\{name}.evtx",) for name in ("System", "Security", "Application")
    ),
    "prefetch": ((PREFETCH_FOLDER,),),
    "registry": (
        (r"%SystemRoot%\System32\config\SYSTEM",),
        (r"%SystemRoot%\System32\config\SOFTWARE",),
        (r"%Profile%\NTUSER.DAT",),
    ),
    "scheduled_tasks": ((r"%SystemRoot%\System32\Tasks", r"%SystemRoot%\Tasks"),),
    "wmi_repository": ((r"%SystemRoot%\System32\wbem\Repository",),),
    **dict.fromkeys(
        ("opened_files", "browsers", "browser_files", "web_cache", "console_history"), _USERS
    ),
}
"""By source, what is on every Windows since Vista: where it was not copied, that none is there says
nothing. What stands in for what runs (``processes``, ``modules``, ``dns_cache``, ``connections``)
is among it: event logs, prefetch, hives."""
HELD_BY_EVERY_WINDOWS = frozenset({"event_logs", "registry", "scheduled_tasks", "wmi_repository"})
"""Sources that have files to read on every running Windows since Vista."""
