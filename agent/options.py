"""The command line, as one typed value."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from . import __version__
from .command_line import values
from .command_line.commands import COMMANDS, OF_A_DESK
from .command_line.environment import PREFIX, refuse_misspelt
from .command_line.given import Argument, with_files
from .command_line.layers import origin_of_error, taken, with_lower
from .command_line.parser import Parser, options_in
from .command_line.presets import PRESETS
from .delivery.config import DeliveryOptions
from .exit_codes import UsageError
from .output.exports import FORMATS
from .packs.arguments import add_packs
from .signing.arguments import add_signing_key, add_verify
from .sources.catalog import NAMES, MemoryMode

DEFAULT_RULES_TIMEOUT_S = 10.0
DETACHED = "--detached"
"""How this program starts itself for ``--detach`` (``commands/detach.py``); the log follows."""
ENVIRONMENT = "environment"
"""In a report's options: the variables that options were taken from."""
ONE_OF_MANY = "--one-of-many"
"""How this program starts itself to sweep one of several hosts (``commands/one_of_many.py``)."""
_NO_VALUE = re.compile(r"--[a-z-]+=")


class Options(DeliveryOptions, frozen=True, kw_only=True):
    """What was asked for. Sizes in bytes, times in seconds."""

    paths: list[str] = []
    action: str = ""
    against: str | None = None
    export_to: str = ""
    pack_id: str = ""
    pack_key: Path | None = None
    key: Path | None = None
    public_keys: list[Path] = []
    table: Path | None = None
    packs: list[Path] = []
    only_packs: list[Path] = []
    rules: list[Path] = []
    only: list[str] = []
    skip: list[str] = []
    strict_rules: bool = False
    rules_timeout: float = DEFAULT_RULES_TIMEOUT_S
    thorough: bool = False
    deep: bool = False
    memory: MemoryMode = "candidates"
    max_file_size: int = 64 << 20
    cache: bool = False
    bitlocker_keys: Path | None = None
    walk: bool = False
    verify_walk: bool = False
    max_runtime: float | None = None
    since: float | None = None
    out: Path | None = None
    timeline: Path | None = None
    csv: Path | None = None
    defender: Path | None = None
    html: Path | None = None
    force: bool = False
    yes: bool = False
    exit_zero: bool = False
    nice: bool = False
    pause: float | None = None
    max_memory: int | None = None
    run_once: str | None = None
    preset: str = ""
    detach: bool = False
    examiner: str = ""
    case: str = ""
    notes: Path | None = None
    check_hash: bool = False
    host: list[str] = []
    """Names of the only host that all is of."""
    jobs: int | None = None
    resume: bool = False
    scheduler: str | None = None
    given_as: str = ""
    """What is given is that, whatever its bytes look like."""
    installation: str = ""
    """Of several hosts on one image, the name of the one that is meant (``commands/many.py``)."""
    part: bool = False
    """This sweep is one of many: whoever started it wants to be told how it goes."""
    canary: str | None = None
    """A folder; empty: the home folder."""
    remove_canary: str | None = None
    once: list[str] = []
    """Of a report that is written once: digests of evidence and question
    (``commands/written_once.py``)."""
    taken: dict[str, str] = {}
    """By its field, where an option is from that is not from the command line itself."""

    def recorded(self) -> dict[str, object]:
        """What the report keeps of it: no secrets, and no defaults."""
        plain = msgspec.to_builtins(self, enc_hook=str)
        default = msgspec.to_builtins(Options(command=self.command), enc_hook=str)
        hidden = {
            "command",
            "token_file",
            "signing_key",
            "client_cert",
            "pinned_ca",
            "bitlocker_keys",
        }
        hidden |= {"part", "once", "taken"}
        asked = {
            key: value
            for key, value in plain.items()
            if key not in hidden and value != default[key]
        }
        if variables := self.variables:
            asked[ENVIRONMENT] = variables
        return asked

    @property
    def variables(self) -> list[str]:
        """Of the environment, those that options were taken from."""
        return sorted({one for one in self.taken.values() if one.startswith(PREFIX)})


def _delivery_arguments(where: argparse._ArgumentGroup) -> None:
    where.add_argument("--collector", metavar="URL", help="send reports there")
    where.add_argument("--token-file", metavar="FILE", type=Path,
                       help="the collector's token; or the variable IOCSWEEP_TOKEN")  # fmt: skip
    where.add_argument("--ca", metavar="FILE", type=Path,
                       help="certificates to trust, instead of the system's")  # fmt: skip
    where.add_argument("--client-cert", metavar="FILE", type=Path,
                       help="PEM with certificate and key, if the collector asks")  # fmt: skip
    where.add_argument("--proxy", metavar="URL",
                       help="http://host:port instead of the system's proxy; user and password"
                       " from IOCSWEEP_PROXY_CREDENTIALS=USER:PASSWORD")  # fmt: skip
    where.add_argument("--no-proxy", action="store_true", help="straight to the collector")
    where.add_argument("--share", metavar="DIR", type=Path,
                       help="where a report goes that the collector did not take")  # fmt: skip
    where.add_argument("--send-window", metavar="TIME", type=values.window,
                       help="how long sending is tried (default 2m, with --quiet 15m)")  # fmt: skip
    where.add_argument("--no-delivery", action="store_true",
                       help="send nothing, whatever delivery.yaml says")  # fmt: skip


def _sweep_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_argument_group("what to look for")
    what.add_argument("--pack", dest="packs", metavar="FILE", type=Path, action="append",
                      help="a pack more")  # fmt: skip
    what.add_argument("--only-pack", dest="only_packs", metavar="FILE", type=Path, action="append",
                      help="this pack instead of those built in")  # fmt: skip
    what.add_argument("--pack-key", metavar="FILE", type=Path,
                      help="public keys: packs, exclusions and --rules that none of them signed are"
                      " refused; what is built in is part of the program")  # fmt: skip
    what.add_argument("--rules", metavar="FILE.yar|DIR", type=Path, action="append",
                      help="YARA rules; every file is then read for content")  # fmt: skip
    what.add_argument("--strict-rules", action="store_true",
                      help="refuse to run if a rule has to be left out")  # fmt: skip
    what.add_argument("--rules-timeout", metavar="TIME", type=values.window,
                      help="for own rules on one file (default 10s)")  # fmt: skip
    how = parser.add_argument_group("how hard to look")
    how.add_argument("--only", metavar="SOURCE,…", type=values.sources,
                     help=f"ask these alone, of: {', '.join(NAMES)}")  # fmt: skip
    how.add_argument("--skip", metavar="SOURCE,…", type=values.sources,
                     help="leave these out; without a required one nothing is clean")  # fmt: skip
    how.add_argument(
        "--thorough", action="store_true", help="read every file, whatever its size and kind"
    )
    how.add_argument("--deep", action="store_true",
                     help="search folders' indexes, page file, hibernation, dumps, traces and free"
                     " clusters too, byte by byte: takes as long as reading the disk; how far it"
                     " came is kept in the home folder")  # fmt: skip
    how.add_argument("--memory", choices=("none", "candidates", "all"),
                     help="of which processes memory is read (default: likely hosts)")  # fmt: skip
    how.add_argument("--max-file-size", metavar="SIZE", type=values.size,
                     help="content of larger files is not read (default 64M)")  # fmt: skip
    how.add_argument("--cache", action="store_true",
                     help="keep hashes in the home folder, and do not read again what its NTFS"
                     " change journal says has not changed")  # fmt: skip
    how.add_argument("--since", metavar="TIME", type=values.window,
                     help="the verdict is about so long, for example 10d; all is searched, and"
                     " older traces are shown as older")  # fmt: skip
    where = parser.add_argument_group("where the report goes")
    where.add_argument("--out", metavar="FILE|DIR", type=Path, help="instead of the home folder")
    for name, what_it_is in (
        ("--timeline", "what happened when, for Timesketch (JSON lines)"),
        ("--csv", "findings and timeline for a spreadsheet"),
        ("--defender", "sightings as rows of Defender's advanced hunting (JSON lines)"),
        ("--html", "the report as a page for people, to read, print and sign"),
    ):
        where.add_argument(name, metavar="FILE", type=Path, help=what_it_is)
    where.add_argument("--force", action="store_true",
                       help="replace what --out, --timeline, --csv, --defender or --html FILE"
                       " names, if it is such a file")  # fmt: skip
    where.add_argument("--sweep-id", metavar="ID", help="kept in the report")
    add_signing_key(where)
    _delivery_arguments(where)
    manners = parser.add_argument_group("manners")
    manners.add_argument("--quiet", action="store_true", help="print only the summary line")
    manners.add_argument(
        "--exit-zero",
        action="store_true",
        help="0 instead of 1, 3 and 4, and 1618 (try later) instead of 5 on Windows",
    )
    manners.add_argument("--max-runtime", metavar="TIME", type=values.time,
                         help="stop after, for example 25m; the report says so")  # fmt: skip
    manners.add_argument("--nice", action="store_true",
                         help="lowest priority, on Windows at the disks too; a fifth of a"
                         " processor while others keep them busy")  # fmt: skip
    manners.add_argument("--pause", metavar="TIME", type=values.window,
                         help="wait while others keep the host busy or it runs on battery, at most"
                         " so long in all, for example 1h; counts for --max-runtime")  # fmt: skip
    manners.add_argument("--max-memory", metavar="SIZE", type=values.memory,
                         help="take no more, for example 1G; a source that needs more is a"
                         " gap")  # fmt: skip


def _offline_arguments(parser: argparse.ArgumentParser) -> None:
    custody = parser.add_argument_group("chain of custody")
    custody.add_argument("--examiner", metavar="NAME", type=values.words,
                         help="who sweeps; kept in the report")  # fmt: skip
    custody.add_argument("--case", metavar="ID", type=values.words, help="kept in the report")
    custody.add_argument("--notes", metavar="FILE", type=Path,
                         help="a text (UTF-8) that is kept in the report")  # fmt: skip
    custody.add_argument("--check-hash", action="store_true",
                         help="read and hash every byte of each image, and compare with the hash"
                         " that its container stores")  # fmt: skip

    whose = parser.add_argument_group("whose it is")
    whose.add_argument("--host", metavar="NAME", type=values.host, action="append",
                       help="all TARGETs are of this one host, images and folders alike: one"
                       " report; again, for another name that its Windows bears")  # fmt: skip
    many = parser.add_argument_group("several hosts")
    many.add_argument("--jobs", metavar="N", type=values.jobs,
                      help="each TARGET is a host of its own; so many are swept at once, a process"
                      " and a report each, and --max-runtime is for each")  # fmt: skip
    many.add_argument("--resume", action="store_true",
                      help="leave out images whose whole report, by this program and these packs,"
                      " is in the folder of the reports")  # fmt: skip
    many.add_argument("--scheduler", metavar="ADDRESS",
                      help="sweep them as tasks of a Dask cluster, such as tcp://10.0.0.5:8786;"
                      " its workers reach TARGETs and --out DIR under the same paths")  # fmt: skip


def _parser() -> Parser:
    parser = Parser(
        prog="iocsweep",
        description="Is there any trace of the campaign on this host, and how sure can we be that"
        " there is none? Reads only; contacts nobody but the given collector.",
        epilog="exit codes: 0 clean, 1 hit, 2 could not run, 3 incomplete, 4 clean but not"
        " delivered, 5 another sweep is running",
    )
    parser.add_argument("--version", action="version", version=f"iocsweep {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    parser.commands = commands.choices
    live = commands.add_parser("live", help="sweep this host; bare `iocsweep` is `iocsweep live`")
    live.add_argument("paths", nargs="*", metavar="PATH", help="limit the files source to these")
    _sweep_arguments(live)
    live.add_argument("--splay", metavar="TIME", type=values.splay,
                      help="wait first, each host its own time, such as 0-60m")  # fmt: skip
    live.add_argument(
        "--preset",
        choices=[*PRESETS],
        help="options as a deployment channel needs them; given ones win",
    )
    live.add_argument("--detach", action="store_true",
                      help="start the sweep as a process of its own, which outlives the session"
                      " that this one is in, tell where its report will be, and end; what it says"
                      " goes to detached.log in the home folder")  # fmt: skip
    live.add_argument("--once", dest="run_once", metavar="SWEEP", type=values.sweep_name,
                      help="not again where the sweep of this name has finished: which is kept in"
                      " the registry (HKLM\\Software\\iocsweep), elsewhere in the home folder;"
                      " also the --sweep-id")  # fmt: skip
    how = live.add_mutually_exclusive_group()
    how.add_argument(
        "--walk", action="store_true", help="walk NTFS volumes, do not read their records"
    )
    how.add_argument(
        "--verify-walk", action="store_true", help="do both, and tell of names that only one sees"
    )
    parser.swept = live
    offline = commands.add_parser(
        "offline", help="sweep folders, collections, or images of NTFS volumes"
    )
    offline.add_argument("paths", nargs="+", metavar="TARGET")
    _sweep_arguments(offline)
    _offline_arguments(offline)
    offline.add_argument("--as", dest="given_as", choices=("memory",),
                         help="each TARGET is an image of memory, which a raw one does not tell"
                         " itself")  # fmt: skip
    offline.add_argument("--keys", "--bitlocker-keys", dest="bitlocker_keys", metavar="FILE",
                         type=Path,
                         help="recovery passwords, passwords and paths of startup keys (.BEK), one"
                         " a line, to be tried on every BitLocker volume; the passwords on every"
                         " collection that is encrypted by AES, too; and paths of private keys"
                         " (.pem, .key, Velociraptor's server.config.yaml) for collections of"
                         " Velociraptor and acquire that are encrypted to a certificate; one of"
                         " these files may also be given itself")  # fmt: skip
    send = commands.add_parser("send", help="deliver what waits in the spool, or reports given")
    send.add_argument("paths", nargs="*", metavar="SPOOL|REPORT",
                      help="a folder or file; default: this host's spool")  # fmt: skip
    _delivery_arguments(send.add_argument_group("where reports go"))
    add_signing_key(send)
    send.add_argument("--quiet", action="store_true", help="print only one line of JSON")
    send.add_argument("--exit-zero", action="store_true", help="0 instead of 4")
    shown = commands.add_parser(
        "render", help="show reports that are there, or make a page of them"
    )
    shown.add_argument("paths", nargs="+", metavar="REPORT",
                       help="a report's JSON file, or a folder: all in it and below")  # fmt: skip
    shown.add_argument("--html", metavar="FILE", type=Path,
                       help="one page for people; of several reports, a case")  # fmt: skip
    shown.add_argument("--to", dest="export_to", choices=FORMATS,
                       help="for another system; of several reports, one file")  # fmt: skip
    shown.add_argument("--out", metavar="FILE", type=Path, help="of --to, instead of stdout")
    shown.add_argument("--force", action="store_true", help="replace FILE, if it is such a file")
    shown.add_argument("--exit-zero", action="store_true", help="0 instead of 1 and 3")
    cleaned = commands.add_parser(
        "clean",
        help="remove the home folder: reports, spool, cache; nothing that is not this program's",
    )
    cleaned.add_argument("--yes", action="store_true",
                         help="also reports that nobody has but this host")  # fmt: skip
    cleaned.add_argument("--quiet", action="store_true", help="print only one line of JSON")
    add_packs(commands)
    add_verify(commands)
    _add_selftest(commands.add_parser(
        "selftest", help="prove that every indicator type and source can fire on this host",
        description="Plants harmless things of chance (files in a folder of its own, a process, a"
        " connection to this machine, a pipe, one record in the log Application), sweeps for them,"
        " and removes them; the record stays. exit codes: 0 all proved, 2 could not run, 3 one"
        " could not be",
    ))  # fmt: skip
    return parser


def _add_selftest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", type=Path, help="what was proved, as JSON")
    parser.add_argument("--force", action="store_true", help="replace FILE")
    parser.add_argument("--quiet", action="store_true", help="print only one line of JSON")
    parser.add_argument("--exit-zero", action="store_true", help="0 instead of 3")
    drill = parser.add_mutually_exclusive_group()
    drill.add_argument("--canary", metavar="FOLDER", nargs="?", const="",
                       help="instead: leave one harmless file for a drill there (default: the home"
                       " folder), which every sweep of this host shows as a drill")  # fmt: skip
    drill.add_argument("--remove-canary", metavar="FOLDER", nargs="?", const="",
                       help="instead: remove that file")  # fmt: skip


def option_names() -> list[str]:
    """All options of a sweep."""
    parser = _parser()
    assert parser.swept is not None
    return options_in(parser.swept.format_help())


def _refuse_empty(arguments: Sequence[Argument]) -> None:
    """A variable that is not set would mean something else: as a path, the current folder."""
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument or _NO_VALUE.fullmatch(argument):
            where = f" for {before}" if before.startswith("-") else f" {argument}".rstrip()
            raise UsageError(f"an empty argument{where}: is a variable not set?")


def parse(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Options:
    """Raises UsageError. Bare ``iocsweep`` is ``iocsweep live``.

    What the command line says wins, then the environment, then the preset, then
    ``delivery.yaml``, then the defaults. ``environment``: without one, nothing is taken from it.
    """
    given = with_files(arguments)
    _refuse_empty(given)
    if not given or given[0] not in (*COMMANDS, "-h", "--help", "--version"):
        given = [Argument("live"), *given]
    options = _parsed(_parser(), given, environment or {})
    _refuse_what_does_not_fit(options)
    if options.run_once is not None:
        options = structs.replace(options, sweep_id=options.run_once)
    return options


def _parsed(parser: Parser, given: list[Argument], environment: Mapping[str, str]) -> Options:
    refuse_misspelt((name for one in parser.commands.values() for name in one.options), environment)
    command = parser.commands.get(given[0])
    if command is not None and given[0] not in OF_A_DESK:
        with command.nothing_required():
            asked = _asked(parser, given)
    else:
        asked = _asked(parser, given)
    known = parser.commands[asked["command"]].options
    if asked["command"] not in OF_A_DESK:
        given = with_lower(given, known, asked, environment)
        asked = _asked(parser, given)
    return Options(**asked, taken=taken(given, known, asked))


def _asked(parser: Parser, given: list[Argument]) -> dict[str, Any]:
    """The fields that arguments set. Raises UsageError, with where a wrong one is from."""
    try:
        return vars(parser.parse_args([*map(str, given)]))  # values are plain texts: they are kept
    except UsageError as error:
        raise UsageError(f"{origin_of_error(error, given)}{error}") from error


def _refuse_what_does_not_fit(options: Options) -> None:
    if options.action == "check" and not (options.paths or options.against):
        raise UsageError("packs check: give a FILE, or --against IMAGE")
    if options.only_packs and options.packs:
        raise UsageError(
            "--pack adds to what is built in, --only-pack replaces it: give one of them"
        )
    both = sorted({*options.only} & {*options.skip})
    if both:
        raise UsageError(
            f"--only and --skip: {', '.join(both)} in both; nothing of it would be asked"
        )
    if options.host and (options.jobs is not None or options.scheduler is not None):
        raise UsageError("--host: all TARGETs are of one host; --jobs and --scheduler: each is one")
    if options.proxy is not None and options.no_proxy:
        raise UsageError("--proxy and --no-proxy: give one of them")
    if options.run_once is not None and options.sweep_id not in (None, options.run_once):
        raise UsageError("--once and --sweep-id: they name one sweep; give --once alone")
    if options.no_delivery and (options.collector is not None or options.share is not None):
        raise UsageError("--no-delivery and --collector or --share: give one of them")
