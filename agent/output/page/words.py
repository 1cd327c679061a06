"""What the pages say in words that everybody knows, and what each word of ours means."""

from __future__ import annotations

from typing import NamedTuple

from ...model.observation import Claim, MomentOf
from ...model.remembered import Behaviour
from ...model.report import State, Strength


class Kind(NamedTuple):
    """A source of evidence, for people."""

    title: str
    about: str


SOURCES = {
    "processes": Kind("Running programs", "the programs that ran during the check"),
    "modules": Kind("Loaded libraries", "the libraries (DLLs) that running programs had loaded"),
    "memory": Kind("Memory", "the working memory of running programs"),
    "connections": Kind("Connections", "network connections that were open during the check"),
    "dns_cache": Kind("Names just looked up", "names of servers that Windows had looked up lately"),
    "pipes": Kind("Named pipes", "channels by which running programs talk to each other"),
    "files": Kind("Files", "the files on the drives, by name, place and content"),
    "usn_journal": Kind("Change journal", "the drive's own list of files that came, went, changed"),
    "ntfs_log": Kind("File system log", "what the drive noted of its last hours of work"),
    "live_response": Kind("Live response", "what a collector wrote of the running computer"),
    "hosts_file": Kind("Hosts file", "names that this computer was told the address of"),
    "firewall_log": Kind("Firewall log", "connections that the Windows firewall wrote down"),
    "event_logs": Kind("Event logs", "the logs in which Windows writes down what happens"),
    "defender": Kind("Microsoft Defender", "what the built-in antivirus detected or put away"),
    "prefetch": Kind("Prefetch", "notes that Windows keeps of programs that it started"),
    "registry": Kind(
        "Registry", "the database of settings, with traces of what ran and was opened"
    ),
    "recycle_bin": Kind("Recycle bin", "what users deleted"),
    "opened_files": Kind("Opened files", "lists of files that users opened"),
    "thumbnails": Kind("Thumbnails", "small pictures kept of files that were shown"),
    "thumbs_db": Kind("Thumbs.db", "small pictures kept beside files that were shown"),
    "browsers": Kind("Browser history", "pages visited and files downloaded"),
    "srum": Kind("Resource use (SRUM)", "which program ran and used the network, by the hour"),
    "scheduled_tasks": Kind("Scheduled tasks", "what Windows starts at set times"),
    "startup_files": Kind("Startup files", "what starts when a user logs on"),
    "shim_databases": Kind("Compatibility fixes", "what Windows loads into programs to mend them"),
    "startup_info": Kind("Startup notes", "what ran in the first minutes after a logon"),
    "compatibility_assistant": Kind("Compatibility helper", "programs that it saw run, and when"),
    "error_reports": Kind("Error reports", "programs that failed, and what they had loaded"),
    "wmi_repository": Kind("WMI", "commands that the management service runs by itself"),
    "browser_files": Kind("Browser files", "open pages, bookmarks and settings of browsers"),
    "web_cache": Kind("Windows web cache", "pages and files that Windows' own browser fetched"),
    "bits_queue": Kind("Background downloads", "what was to be fetched in the background (BITS)"),
    "certificate_cache": Kind("Certificate cache", "what was fetched to check certificates"),
    "search_index": Kind("Search index", "what Windows Search knows of files and pages"),
    "activities": Kind("Activities", "programs and files of Windows' own timeline"),
    "console_history": Kind("Typed commands", "what users typed into PowerShell"),
    "transcripts": Kind("PowerShell records", "sessions of PowerShell that were written down"),
    "index_slack": Kind("Traces in folders", "what folders still hold of names taken out"),
    "shadow_copies": Kind("Shadow copies", "older states of a drive that Windows keeps"),
    "memory_image": Kind("Images of memory", "texts in an image of the memory, byte by byte"),
    "deep": Kind("Raw search", "free space, page file and dumps, searched byte by byte"),
}
"""By the names that the report has."""

STRENGTHS = {
    Strength.CONFIRMED: "it is the campaign's: the very file by its fingerprint, or what only "
    "the campaign's program does",
    Strength.STRONG: "something that hardly anything but the campaign leaves: its file "
    "where it puts it, its command, its server asked for",
    Strength.WEAK: "a bare mention, or a likeness; alone it proves nothing and makes no hit",
    Strength.EXCLUDED: "known to be harmless by the rule that is named; kept so that all "
    "can be seen",
}
STATES = {
    State.COMPLETE: "all of it was looked at",
    State.PARTIAL: "some of it could not be looked at",
    State.UNAVAILABLE: "it could not be looked at",
    State.SKIPPED: "it was left out",
}
CLAIMS = {
    Claim.EXISTS: "is there",
    Claim.RUNNING: "was running",
    Claim.LOADED: "was loaded",
    Claim.RAN: "ran",
    Claim.CONNECTED: "connected",
    Claim.RESOLVED: "name looked up",
    Claim.VISITED: "visited",
    Claim.DOWNLOADED: "downloaded",
    Claim.LOGGED: "logged",
    Claim.WAS_THERE: "was there",
    Claim.MENTIONED: "mentioned",
    Claim.BLOCKED: "blocked",
}
MOMENTS = {
    MomentOf.CREATED: "created",
    MomentOf.MODIFIED: "changed",
    MomentOf.ACCESSED: "read",
    MomentOf.RAN: "ran",
    MomentOf.LOGGED: "logged",
    MomentOf.VISITED: "visited",
    MomentOf.DOWNLOADED: "downloaded",
    MomentOf.DELETED: "deleted",
    MomentOf.CONNECTED: "connected",
    MomentOf.HAPPENED: "happened",
}
DEEDS = {
    Behaviour.RAN: "A program that ran",
    Behaviour.LOADED: "A library that was loaded",
    Behaviour.ON_DISK: "A file that is gone again",
    Behaviour.DOWNLOADED: "A download",
    Behaviour.RESOLVED: "A name that was looked up",
    Behaviour.CONNECTED: "A connection",
}
TERMS = (
    ("campaign", "an attack known by its traces, against one or many; the packs describe it"),
    ("pack", "a file of indicators of one campaign, each with where it is known from"),
    ("indicator", ("one fact to search for: a file's name or fingerprint, a server's name or "
     "address, a piece of a command")),
    ("trace", "something on the computer that an indicator fits"),
    ("finding", "one thing (a file, a program, a name) with all traces of it"),
    ("sighting", "one trace of a finding, in one place"),
    ("source", "one kind of evidence on a computer, such as its files or a log"),
    ("required source", "a source without which a computer is not called clean"),
    ("hit", "at least one finding is strong or confirmed"),
    ("clean", "nothing strong or confirmed was found, and every required source was looked at"),
    ("incomplete", ("nothing strong or confirmed was found in what could be looked at, and "
     "something could not be: not a clean result")),
    ("fingerprint", ("a number worked out of all bytes of a file (a hash: SHA-256, SHA-1, MD5); "
     "files with one SHA-256 are the same")),
    ("module, DLL", "a library of code that a program loads"),
    ("process, PID", "a running program, and the number that it runs under"),
    ("parent", "the program that started another"),
    ("PE, exports", "the form of Windows' programs, and what a library offers to others by name"),
    ("droid", "numbers in a link that tell on which machine its target was, and since when"),
    ("command line", "the text by which a program is started"),
    ("DNS", "the service that gives the address of a server's name"),
    ("view", "whether a thing is as it is now, deleted, or of an older state of the drive"),
    ("UTC", "world time, without summer time; all times here are in it"),
    ("JSON", "the form in which programs read the report"),
)  # fmt: skip


NAMES = (
    (
        "Sysmon",
        (
            "a logger by Microsoft that administrators install; event 1 tells of a program, 3 of a "
            "connection, 7 of a library, 11 of a new file, 15 of a download, 22 of a name"
        ),
    ),
    (
        "Security",
        "Windows' log of what is audited: 4688 a program ran, 5156 a connection was let through",
    ),
    ("PowerShell", "Windows' language of commands; 400 it began, 4103 and 4104 what it was told"),
    ("DNS client", "Windows' log of names that were looked up, with 3008 the answer"),
    (
        "rundll32",
        "a program of Windows that runs what is in a library; attackers use it for theirs",
    ),
    ("Prefetch", "Windows' notes of programs that it started, and of what they loaded at once"),
    ("Amcache", "Windows' list of programs that it has met, with fingerprints"),
    ("Shimcache", "Windows' list of programs whose compatibility it has looked up"),
    ("UserAssist", "the list of what a user started by mouse or menu"),
    ("BAM", "Windows' list of programs that ran in the last days, by user"),
    ("SRUM", "Windows' account of what programs used, by the hour"),
    ("Run key", "the registry's list of what starts when a user logs on"),
    ("LNK", "a link on the desktop or in a folder, to a file or command"),
    ("NTFS", "the usual form of Windows' drives"),
    ("$MFT", "the list of all files that such a drive keeps of itself"),
    ("USN", "the number of an entry in a drive's list of changes"),
    ("BITS", "Windows' service for downloads in the background"),
    ("WMI", "Windows' service for management, which can run commands by itself"),
    ("MAC", "the number of a network card"),
    ("BitLocker", "Windows' encryption of drives"),
)
"""Of Windows and the field: told where they occur."""
DONE = {
    "resolved": "name looked up",
    "modified": "changed",
    "accessed": "read",
    "exists": "is there",
    "running": "was running",
}
"""Words of the timeline that say less than others."""


def title_of(source: str) -> str:
    """The name of a source for people; one that is not known is told as it is."""
    return SOURCES[source].title if source in SOURCES else source
