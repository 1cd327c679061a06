"""Running the server: on loopback as it is, beyond it with TLS only."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import logging
import os
import secrets
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import Any

import uvicorn
from msgspec import Struct, structs

from .accepting import Accepting, bind
from .app import Collector, Limits
from .certificate import AUTHORITY, CERTIFICATE, KEY, names_of, read_chain
from .crowd import BACKLOG, CONNECTIONS, RESERVE, TOLD, Crowd, raise_limit, room_in
from .expiry import CertificateEnd
from .introducing import introduce, reached_at
from .outputs.runner import OutputRunner
from .outputs.settings import load_outputs
from .store.backup import USUAL, BackupPlan, new_file
from .store.database import Database, StoreError
from .store.presence import require_postgresql, require_sqlite
from .store.sqlite import SqliteDatabase
from .store.store import Store

_LOG = logging.getLogger("collector")


class ServeError(Exception):
    """The server cannot start; the message says why."""


class Serving(Struct, frozen=True, kw_only=True):
    """How to serve."""

    address: str
    port: int
    folder: Path
    """Database, certificate and key, unless named otherwise."""
    database: str = ""
    """Path of an SQLite file or a ``postgresql://`` URL; empty: in the folder."""
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    """Given: only clients with a certificate by this authority are let in."""
    outputs: Path | None = None
    public_url: str = ""
    """Where readers reach it; empty: as the outputs' file says."""
    backup: BackupPlan = USUAL
    trust_proxy: str = ""
    """Addresses whose X-Forwarded-For is believed, comma-separated."""
    limits: Limits = Limits()
    connections: int = CONNECTIONS
    """Served at once; fewer where the limit of open files is lower."""
    per_address: int = 0
    """Of one address; 0: a quarter of all."""


def default_folder() -> Path:
    """``IOCSWEEP_COLLECTOR_HOME``, or the state folder of root or the user."""
    if given := os.environ.get("IOCSWEEP_COLLECTOR_HOME"):
        return Path(given)
    if os.geteuid() == 0:
        return Path("/var/lib/iocsweep-collector")
    return Path.home() / ".local" / "state" / "iocsweep-collector"


def database_path(folder: Path, stated: str) -> Path:
    """Of the SQLite file."""
    return Path(stated) if stated else folder / "collector.db"


def is_postgresql(stated: str) -> bool:
    """Whether this names a PostgreSQL database."""
    return stated.startswith(("postgresql://", "postgres://"))


async def open_store(
    folder: Path,
    stated: str,
    *,
    join: bool = False,
    make: bool = True,
    plan: BackupPlan = USUAL,
) -> Store:
    """The store, made if it is new, brought up to date after a backup if it is older.

    ``join``: beside a server that has it open; ``make``: False, and one that is not there yet is
    an error. Raises StoreError, OSError.
    """
    database: Database
    if is_postgresql(stated):
        from .store.postgresql import PostgresqlDatabase

        if not make:
            await require_postgresql(stated)
        if not plan.folder:
            plan = structs.replace(plan, folder=str(folder / "backups"))
        database = await PostgresqlDatabase.open(stated, plan)
    else:
        path = database_path(folder, stated)
        if not make:
            require_sqlite(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new_file(path)
        open_ = SqliteDatabase.join if join else SqliteDatabase.open
        database = await open_(path, plan)
    return Store(database)


def is_loopback(address: str) -> bool:
    """Whether nobody else can reach it."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _tls(serving: Serving) -> dict[str, Any]:
    """uvicorn's options; empty for plain HTTP. Raises ServeError beyond loopback without TLS."""
    certificate, key = serving.certificate, serving.key
    if certificate is None and (serving.folder / CERTIFICATE).is_file():
        certificate, key = serving.folder / CERTIFICATE, serving.folder / KEY
    if certificate is None:
        if not is_loopback(serving.address):
            raise ServeError(
                f"{serving.address} is beyond loopback, which takes TLS: make a certificate with"
                " `iocsweep-collector certificate NAME…`, or give --certificate and --key"
            )
        return {}
    for path in (certificate, key):
        if path is None or not path.is_file():
            raise ServeError(f"{path or '--key'}: no such file")
    made: dict[str, Any] = {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
    if serving.client_ca is not None:
        made |= {"ssl_ca_certs": str(serving.client_ca), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return made


def _where(serving: Serving, tls: dict[str, Any]) -> str:
    """Raises OSError."""
    names: list[str] = []
    if tls:
        # What is none at all is refused with OpenSSL's words, when it is loaded.
        with contextlib.suppress(ValueError):
            names = names_of(read_chain(Path(tls["ssl_certfile"]))[0])
    return reached_at(serving.address, serving.port, names, secure=bool(tls))


def _authority(serving: Serving, tls: dict[str, Any]) -> Path | None:
    """What agents need beside the system's authorities, where the certificate is our own."""
    own = tls.get("ssl_certfile") == str(serving.folder / CERTIFICATE)
    path = (serving.folder / AUTHORITY).absolute()
    return path if own and path.is_file() else None


def run(serving: Serving) -> None:
    """:func:`serve` on the fastest loop there is. Raises ServeError, StoreError, OSError."""
    work = serve(serving)
    if sys.platform == "win32":
        asyncio.run(work)
    else:
        import uvloop

        uvloop.run(work)


async def serve(serving: Serving) -> None:
    """Until a signal ends it. Raises ServeError, StoreError, OSError."""
    tls = _tls(serving)
    outputs = load_outputs(serving.outputs, serving.public_url) if serving.outputs else []
    store = await open_store(serving.folder, serving.database, plan=serving.backup)
    try:
        where = _where(serving, tls)
        key = await store.setting("session-key", secrets.token_bytes(32))
        app = Collector(
            store,
            key=key,
            secure=bool(tls),
            runners=[OutputRunner(store, output) for output in outputs],
            limits=serving.limits,
            certificate=CertificateEnd.of(Path(tls["ssl_certfile"])) if tls else None,
        )
        config = _config(app, serving, tls)
        _load(config)
        collect_less()
        crowd = _crowd(app, serving)
        sockets = await _bind(serving)
        # What is told once is told by a server that has all it needs.
        _LOG.info("serving at %s", where)
        reached = serving.public_url.rstrip("/") or where
        if told := await introduce(store, reached, _authority(serving, tls)):
            print(told, flush=True)  # noqa: T201
    except BaseException:
        await store.database.close()
        raise
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises what it was stopped by once more at its end; a stop that was asked for, and
        # went well, is no death by a signal.
        signal.signal(number, lambda *_: None)
    try:
        await Accepting(config, crowd, serving.limits.head_s).serve(sockets)
    except SystemExit as error:  # uvicorn's own end, after it has logged why
        raise ServeError(f"{serving.address}:{serving.port}: cannot serve there") from error


async def _bind(serving: Serving) -> list[socket.socket]:
    """Raises ServeError."""
    try:
        return await bind(serving.address, serving.port, BACKLOG)
    except OSError as error:
        where = f"{serving.address}:{serving.port}"
        why = (error.strerror or str(error)).lower()
        raise ServeError(f"{where}: cannot serve there: {why}") from error


def _crowd(app: Collector, serving: Serving) -> Crowd:
    """As many connections as the limit of open files allows, once it is raised; said in the log."""
    before, files = raise_limit(serving.connections + TOLD + RESERVE)
    room = room_in(files, served=serving.connections, per_address=serving.per_address)
    _LOG.info(
        "open files: %s%s; %s connections at once, %s of one address",
        f"{files:,}", f" (raised from {before:,})" if files > before else "",
        f"{room.served:,}", f"{room.per_address:,}",
    )  # fmt: skip
    if room.served < serving.connections:
        _LOG.warning(
            "the limit of open files (ulimit -Hn, LimitNOFILE=) is %s: %s of %s connections",
            f"{files:,}", f"{room.served:,}", f"{serving.connections:,}",
        )  # fmt: skip
    proxies = [one.strip() for one in serving.trust_proxy.split(",") if one.strip()]
    return Crowd(room, exempt=proxies, count=app.metrics.refuse)


def _config(app: Collector, serving: Serving, tls: dict[str, Any]) -> uvicorn.Config:
    from .protocol import bounded

    limits = serving.limits
    return uvicorn.Config(
        app,
        http=bounded(head_s=limits.head_s, body_s=limits.body_s, max_head=limits.max_head),
        ws="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=20,
        proxy_headers=bool(serving.trust_proxy),
        forwarded_allow_ips=serving.trust_proxy or None,
        **tls,
    )


def collect_less() -> None:
    """Look for garbage in cycles less often, and not among what a server always has: nothing that
    reports are made of is in one, and a sixth of what large reports took went into looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _load(config: uvicorn.Config) -> None:
    """Raises ServeError naming the files, of which OpenSSL says nothing."""
    try:
        config.load()
    except ssl.SSLError as error:
        files = (config.ssl_certfile, config.ssl_keyfile, config.ssl_ca_certs)
        raise ServeError(f"{', '.join(str(file) for file in files if file)}: {error}") from error


__all__ = ["ServeError", "Serving", "StoreError", "default_folder", "open_store", "run", "serve"]
