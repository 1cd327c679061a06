"""What the operator is told at a start: where the server is, and on the first one, the tokens."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path

import msgspec

from .certificate import AUTHORITY, CERTIFICATE, names_of, read_chain
from .demanding import first_demand
from .outputs.state import keep_value, value_of
from .records import ROLES, Sweep
from .signatures import new_key
from .store.store import Store, now_ms

WHO = "first start"
_PLACE = "served-at"
"""The setting: where the server is reached, and the file of the authority that agents need."""
_KEPT = msgspec.json.Decoder(tuple[str, str])
_PORT = 8440


def reached_at(address: str, port: int, names: Sequence[str], *, secure: bool) -> str:
    """The address that agents and readers can use: by a name that the certificate has.

    ``names``: of the certificate. An address that stands for all of a machine's is no name.
    """
    host = _host(address, names) if secure else address
    if ":" in host:
        host = f"[{host}]"
    return f"{'https' if secure else 'http'}://{host}:{port}"


def _host(address: str, names: Sequence[str]) -> str:
    if address in names and _is_loopback(address):
        return address  # nobody else can come, whatever else it is called
    plain = [name for name in names if "*" not in name]
    called = [name for name in plain if not _is_address(name)]
    if called or plain:
        return (called or plain)[0]
    return socket.getfqdn() if _is_everywhere(address) else address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    return text == "localhost" or (_is_address(text) and ipaddress.ip_address(text).is_loopback)


def _is_everywhere(text: str) -> bool:
    return not text or (_is_address(text) and ipaddress.ip_address(text).is_unspecified)


async def introduce(store: Store, where: str, authority: Path | None) -> str:
    """Tokens that nobody has yet, and how they are used; empty when all have theirs.

    A sweep and its token if there is no sweep, and an administrator's token if nobody ever had one
    for the pages, in whichever order things were made. ``authority``: the file that agents need to
    trust the server.
    """
    agents = readers = ""
    await keep_value(store, _PLACE, msgspec.json.encode((where, str(authority or ""))))
    if not await store.sweeps():
        now = now_ms()
        demand = first_demand("first", now)
        first = Sweep(
            sweep_id="first", title="first sweep", pack=demand.pack, created=now, deadline=None,
            demand=demand,
        )  # fmt: skip
        await store.create_sweep(first, who=WHO)
        token = await store.create_token("sweep", sweep_id="first", label="first", who=WHO)
        key, public = new_key()
        await store.add_sweep_key("first", public, who=WHO)
        lines = agent_lines(where, token, authority, key)
        agents = f"\n  for agents   {token}\n  their key    {key}\n{_lines(lines)}"
    if not any(token.kind == "reader" for token in await store.tokens()):
        token = await store.create_token("reader", role=ROLES[-1], label="first", who=WHO)
        readers = f"\n  for readers  {token}\n{_lines(_log_in(where))}"
    if not agents and not readers:
        return ""
    return (
        "\nThese are told this once; the database keeps no more than the tokens' SHA-256 and the"
        " public half of the key.\n"
        f"{agents}{readers}"
    )


def _log_in(where: str) -> list[str]:
    return [
        f"log in at {where}/login",
        "it is an administrator's. For each of the others:",
        "iocsweep-collector token create --role reader --label NAME   (or analyst)",
    ]


async def how_to_bring(store: Store, token: str, home: Path, key: str = "") -> list[str]:
    """The same lines for the token of another sweep, by where the server was last."""
    where, authority = await _place(store, home)
    return agent_lines(where, token, authority, key)


async def how_to_log_in(store: Store, home: Path) -> str:
    """Where a token for the pages is typed in."""
    where, _ = await _place(store, home)
    return f"log in at {where}/login"


async def _place(store: Store, home: Path) -> tuple[str, Path | None]:
    """As the last start told it; before the first one beyond this machine, as the certificate in
    the home will have it at the usual port."""
    kept = await value_of(store, _PLACE)
    where, named = _KEPT.decode(kept) if kept else ("", "")
    if not where.startswith("https:") and (home / CERTIFICATE).is_file():
        names = names_of(read_chain(home / CERTIFICATE)[0])
        where = reached_at("0.0.0.0", _PORT, names, secure=True)  # noqa: S104 - not listened at
        named = str((home / AUTHORITY).absolute())
    authority = Path(named) if named and Path(named).is_file() else None
    return where or reached_at("127.0.0.1", _PORT, [], secure=False), authority


def agent_lines(where: str, token: str, authority: Path | None, key: str = "") -> list[str]:
    """What is typed on a host, in its shell; the same in that of Windows and of others. ``key``:
    that reports are signed by."""
    sign = " --signing-key-file signing.key" if key else ""
    ca = f" --ca {authority.name}" if authority else ""
    return [
        *([f"on a host, in a folder with iocsweep.exe and {authority}:"] if authority else []),
        f">token.txt echo {token}",
        *([f">signing.key echo {key}"] if key else []),
        f"iocsweep.exe --quiet --collector {where}{ca} --token-file token.txt{sign}",
    ]


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"               {line}\n" for line in lines)
