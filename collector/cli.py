"""``iocsweep-collector``: serve, and what an administrator does beside it."""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from agent import __version__
from agent.model.codec import MAX_BYTES

from .app import BODY_S, HEAD_S, Limits
from .certificate import AUTHORITY, CERTIFICATE, make_certificate
from .outputs.settings import OutputsError
from .records import Sweep
from .serving import ServeError, Serving, default_folder, is_postgresql, open_store, run
from .store.backup import BackupPlan
from .store.database import StoreError
from .store.store import Store, now_ms

OK, FAILED, USAGE = range(3)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MAX_LIST = 256 << 20
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 failed, 2 wrong arguments."""
    try:
        options = _parser().parse_args(arguments)
    except argparse.ArgumentError as error:
        return _fail(str(error), USAGE)
    try:
        return int(options.run(options))
    except (ServeError, StoreError, OutputsError, OSError, ValueError) as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return OK


def _fail(why: str, code: int) -> int:
    print(f"iocsweep-collector: {why}", file=sys.stderr)  # noqa: T201
    return code


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201


# ---- Commands


def _serve(options: argparse.Namespace) -> int:
    from .logs import log_to_stderr

    log_to_stderr()
    address, port = options.listen
    serving = Serving(
        address=address,
        port=port,
        folder=options.home,
        database=options.database,
        certificate=options.certificate,
        key=options.key,
        client_ca=options.client_ca,
        outputs=options.outputs,
        backup=_backup_plan(options),
        trust_proxy=options.trust_proxy,
        limits=Limits(
            max_body=options.max_body << 20,
            max_json=options.max_json << 20,
            head_s=options.head_timeout,
            body_s=options.body_timeout,
        ),
    )
    run(serving)
    return OK


def _backup_plan(options: argparse.Namespace) -> BackupPlan:
    return BackupPlan(str(options.backup_to or ""), wanted=not options.no_backup)


def _certificate(options: argparse.Namespace) -> int:
    folder: Path = options.home
    make_certificate(folder, options.names)
    _tell(f"{folder / CERTIFICATE} and its key: used by `serve` from now on")
    _tell(f"{folder / AUTHORITY}: give it to agents, iocsweep.exe --ca ca.pem")
    return OK


def _with_store(
    work: Callable[[Store, argparse.Namespace], Awaitable[int]],
) -> Callable[[argparse.Namespace], int]:
    """A command on the store, whether or not a server has it open."""

    async def run(options: argparse.Namespace) -> int:
        store = await open_store(
            options.home, options.database, join=True, plan=_backup_plan(options)
        )
        try:
            return await work(store, options)
        finally:
            await store.database.close()

    return lambda options: asyncio.run(run(options))


async def _sweep_create(store: Store, options: argparse.Namespace) -> int:
    sweep_id = options.id or re.sub(r"[^a-z0-9]+", "-", options.title.lower()).strip("-")[:60]
    if not _ID.fullmatch(sweep_id):
        raise ValueError(f"{sweep_id!r} is no id: letters, digits, '.', '_' and '-'")
    sweep = Sweep(
        sweep_id=sweep_id,
        title=options.title,
        pack=options.pack,
        created=now_ms(),
        deadline=options.deadline,
    )
    names = list(read_names(options.expect)) if options.expect else []
    if await store.sweep(sweep_id) is not None:
        raise ValueError(f"there is a sweep {sweep_id!r} already")
    await store.create_sweep(sweep, who="command line")
    expires = now_ms() + options.expires * 1000 if options.expires else None
    secret = await store.create_token(
        "sweep", sweep_id=sweep_id, label=options.title, expires=expires, who="command line"
    )
    _tell(f"sweep {sweep_id}\ntoken {secret}")
    if options.expect:
        added = await store.expect(sweep_id, names, who="command line")
        _tell(f"{added} expected hosts")
    return OK


async def _sweep_list(store: Store, _: argparse.Namespace) -> int:
    for sweep in await store.sweeps():
        counts = await store.counts(sweep.sweep_id)
        _tell(
            f"{sweep.sweep_id}   {sweep.title}   clean {counts.clean}, hit {counts.hit},"
            f" incomplete {counts.incomplete}, failed {counts.failed},"
            f" not reported {counts.not_reported} of {counts.expected}"
        )
    return OK


async def _expect(store: Store, options: argparse.Namespace) -> int:
    if await store.sweep(options.sweep) is None:
        raise ValueError(f"there is no sweep {options.sweep!r}")
    added = await store.expect(options.sweep, read_names(options.file), who="command line")
    _tell(f"{added} new expected hosts")
    return OK


async def _token_create(store: Store, options: argparse.Namespace) -> int:
    if options.sweep is not None and await store.sweep(options.sweep) is None:
        raise ValueError(f"there is no sweep {options.sweep!r}")
    secret = await store.create_token(
        "sweep" if options.sweep else "reader",
        sweep_id=options.sweep,
        label=options.label,
        expires=now_ms() + options.expires * 1000 if options.expires else None,
        who="command line",
    )
    _tell(secret)
    return OK


async def _token_list(store: Store, _: argparse.Namespace) -> int:
    for token in await store.tokens():
        state = "valid" if token.valid(now_ms()) else "revoked" if token.revoked else "expired"
        until = f" until {_day(token.expires)}" if token.expires else ""
        of = f" of {token.sweep_id}" if token.sweep_id else ""
        _tell(f"{token.digest.hex()[:16]}   {token.kind}{of}   {state}{until}   {token.label}")
    return OK


async def _token_revoke(store: Store, options: argparse.Namespace) -> int:
    found = [t for t in await store.tokens() if t.digest.hex().startswith(options.digest.lower())]
    if len(found) != 1 or len(options.digest) < 8:
        raise ValueError(f"{options.digest!r}: {len(found)} tokens begin so; `token list` tells")
    await store.revoke(found[0].digest, who="command line")
    _tell("revoked; it opens nothing after two seconds")
    return OK


async def _backup(store: Store, options: argparse.Namespace) -> int:
    from .store.backup import new_file
    from .store.sqlite import SqliteDatabase

    if not isinstance(store.database, SqliteDatabase):
        raise StoreError("for PostgreSQL use pg_dump, which does this well")
    if not new_file(options.file):  # its owner's alone, like the database
        raise ValueError(f"{options.file}: is there already")
    try:
        await store.database.backup(options.file.absolute())
    except BaseException:
        options.file.unlink()
        raise
    _tell(f"{options.file}   {options.file.stat().st_size:,} bytes")
    return OK


async def _verify(store: Store, _: argparse.Namespace) -> int:
    from .verifying import verify

    problems = 0
    async for line, is_problem in verify(store):
        _tell(line)
        problems += is_problem
    return FAILED if problems else OK


async def _forget(store: Store, options: argparse.Namespace) -> int:
    removed = await store.forget(now_ms() - options.older_than * 1000, who="command line")
    _tell(f"{removed} sweeps removed, with all of theirs")
    return OK


# ---- Reading arguments


def read_names(path: Path) -> Iterator[str]:
    """Host names from a text file (one per line) or CSV (the column called `name`, `hostname`,
    `dnshostname` or the like, else the first). Raises ValueError naming the line, OSError.
    """
    data = path.read_bytes()[: MAX_LIST + 1]
    if len(data) > MAX_LIST:
        raise ValueError(f"{path}: more than {MAX_LIST >> 20} MiB")
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no UTF-8 or UTF-16 text: {error}") from error
    yield from _names(path, text)


def _names(path: Path, text: str) -> Iterator[str]:
    lines = csv.reader(io.StringIO(text), delimiter=_delimiter(text))
    columns: list[int] = []
    try:
        for row in lines:
            if not any(cell.strip() for cell in row) or _is_remark(row):
                continue
            if not columns:
                columns = [i for i, cell in enumerate(row) if cell.strip().casefold() in _COLUMNS]
                if columns:
                    continue
                columns = [0]
            yield _name(row, columns)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"{path}:{lines.line_num}: {error}") from error


def _is_remark(row: list[str]) -> bool:
    return row[0].lstrip().startswith("#")


def _name(row: list[str], columns: list[int]) -> str:
    """The first that is not empty: not every host of a directory has its DNS name."""
    if len(row) <= columns[0]:
        raise ValueError(f"no column {columns[0] + 1}")
    names = [row[column].strip() for column in columns if column < len(row)]
    name = next(filter(None, names), "")
    if not _HOST.fullmatch(name) or not name.isprintable():
        raise ValueError(f"{name[:80]!r} is no host name")
    return name


def _delimiter(text: str) -> str:
    """Of the first line that is no remark: a comma, or what a spreadsheet puts there."""
    for line in io.StringIO(text):
        if line.strip() and not line.lstrip().startswith("#"):
            named = [mark for mark in ",;\t" if _COLUMNS & {
                cell.strip().strip('"').casefold() for cell in line.split(mark)
            }]  # fmt: skip
            return named[0] if named else ","
    return ","


_HOST = re.compile(r"[^\s,;:/\\|\"*?<>=]{1,255}")
_COLUMNS = {"name", "hostname", "dnshostname", "computer", "computername", "host", "device name"}


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no ADDRESS:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _mib(text: str) -> int:
    most = MAX_BYTES >> 20  # what was taken must be read again by lists, pages and outputs
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r}: 1 to {most}")
    return int(text)


def _duration(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 30d")
    return int(found[1]) * _UNITS[found[2]]


def _deadline(text: str) -> int:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return int(when.timestamp() * 1000)


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, timezone.utc):%Y-%m-%d %H:%M UTC}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="iocsweep-collector",
        description="Takes the reports of a fleet's sweeps, keeps them, answers for every host.",
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser.add_argument("--version", action="version", version=f"iocsweep-collector {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, default=default_folder(), metavar="DIR",
                        help="database, certificate and key (default: %(default)s)")  # fmt: skip
    common.add_argument("--database", default="", metavar="FILE|URL",
                        help="SQLite file, or postgresql://… (default: in the home)")  # fmt: skip
    common.add_argument("--backup-to", type=Path, metavar="DIR",
                        help="for the copy that is made before an older database is brought up to"
                        " date (default: beside an SQLite file, else in the home)")  # fmt: skip
    common.add_argument("--no-backup", action="store_true",
                        help="bring it up to date without a copy: you have one")  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], words: str, group: object = None
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = (group or commands).add_parser(  # type: ignore[attr-defined]
            name, help=words, description=words, parents=[common], allow_abbrev=False
        )
        made.set_defaults(run=run)
        return made

    _add_serve(command("serve", _serve, "take reports and show them"))
    made = command("certificate", _certificate, "make a certificate of one's own (ECDSA P-256)")
    made.add_argument("names", nargs="+", metavar="NAME", help="name or address of this server")

    sweeps = commands.add_parser("sweep", help="create and list sweeps").add_subparsers(
        required=True, metavar="ACTION"
    )
    made = command("create", _with_store(_sweep_create), "a new sweep and its token", sweeps)
    made.add_argument("title")
    made.add_argument("--id", default="", help="for addresses (default: from the title)")
    made.add_argument("--pack", default="", help="what is looked for")
    made.add_argument("--deadline", type=_deadline, metavar="TIME", help="2026-12-01T18:00 (UTC)")
    made.add_argument("--expires", type=_duration, metavar="30d", help="when its token ends")
    made.add_argument("--expect", type=Path, metavar="FILE", help="expected hosts, text or CSV")
    command("list", _with_store(_sweep_list), "all sweeps with their counters", sweeps)

    made = command("expect", _with_store(_expect), "add expected hosts to a sweep")
    made.add_argument("sweep")
    made.add_argument("file", type=Path, help="text (a name a line) or CSV")

    tokens = commands.add_parser("token", help="create, list, revoke tokens").add_subparsers(
        required=True, metavar="ACTION"
    )
    made = command("create", _with_store(_token_create), "a token, told this once", tokens)
    made.add_argument("--sweep", metavar="ID", help="to bring reports; without it, a reader's")
    made.add_argument("--label", default="")
    made.add_argument("--expires", type=_duration, metavar="30d")
    command("list", _with_store(_token_list), "all tokens, by the start of their SHA-256", tokens)
    made = command("revoke", _with_store(_token_revoke), "end a token", tokens)
    made.add_argument("digest", help="the start of its SHA-256, as `token list` tells it")

    made = command("backup", _with_store(_backup), "copy the database while it is served")
    made.add_argument("file", type=Path)
    command("verify", _with_store(_verify), "read every report again, check the database")
    made = command("forget", _with_store(_forget), "remove old sweeps")
    made.add_argument("--older-than", type=_duration, required=True, metavar="180d")
    return parser


def _add_serve(made: argparse.ArgumentParser) -> None:
    made.add_argument("--listen", type=_address, default=("127.0.0.1", 8440),
                      metavar="ADDRESS:PORT", help="default 127.0.0.1:8440")  # fmt: skip
    made.add_argument("--certificate", type=Path, metavar="FILE", help="the server's chain, PEM")
    made.add_argument("--key", type=Path, metavar="FILE", help="its key, PEM")
    made.add_argument("--client-ca", type=Path, metavar="FILE",
                      help="let in only clients with a certificate by this authority")  # fmt: skip
    made.add_argument(
        "--outputs", type=Path, metavar="FILE", help="see collector/outputs/README.md"
    )
    made.add_argument("--trust-proxy", default="", metavar="ADDRESS,…",
                      help="proxies whose X-Forwarded-For is believed")  # fmt: skip
    made.add_argument("--max-body", type=_mib, default=4, metavar="MIB")
    made.add_argument("--max-json", type=_mib, default=32, metavar="MIB")
    made.add_argument("--head-timeout", type=float, default=HEAD_S, metavar="SECONDS",
                      help="for a request's head to arrive (default: %(default)g)")  # fmt: skip
    made.add_argument("--body-timeout", type=float, default=BODY_S, metavar="SECONDS",
                      help="for its body (default: %(default)g)")  # fmt: skip


__all__ = ["is_postgresql", "main", "read_names"]

if __name__ == "__main__":
    sys.exit(main())
