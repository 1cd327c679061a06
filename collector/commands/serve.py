"""``serve``: take reports and show them."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.model.codec import MAX_BYTES

from ..app import BODY_S, HEAD_S, Limits
from ..crowd import CONNECTIONS
from ..serving import Serving, run
from .command import OK, Commands, backup_plan, database
from .owner import check_database

MOST_CONNECTIONS = 100_000


def add(commands: Commands) -> None:
    """The command and its options."""
    made = commands.add("serve", _serve, "take reports and show them")
    made.add_argument("--listen", type=_address, default=("127.0.0.1", 8440),
                      metavar="ADDRESS:PORT", help="default 127.0.0.1:8440")  # fmt: skip
    made.add_argument("--certificate", type=Path, metavar="FILE", help="the server's chain, PEM")
    made.add_argument("--key", type=Path, metavar="FILE", help="its key, PEM")
    made.add_argument("--client-ca", type=Path, metavar="FILE",
                      help="let in only clients with a certificate by this authority")  # fmt: skip
    made.add_argument(
        "--outputs", type=Path, metavar="FILE", help="see collector/outputs/README.md"
    )
    made.add_argument(
        "--public-url", default="", metavar="URL",
        help="where readers reach it, for the links of alerts",
    )  # fmt: skip
    made.add_argument("--trust-proxy", default="", metavar="ADDRESS,…",
                      help="proxies whose X-Forwarded-For is believed")  # fmt: skip
    made.add_argument("--max-body", type=_mib, default=4, metavar="MIB")
    made.add_argument("--max-json", type=_mib, default=32, metavar="MIB")
    made.add_argument("--head-timeout", type=float, default=HEAD_S, metavar="SECONDS",
                      help="for a request's head to arrive (default: %(default)g)")  # fmt: skip
    made.add_argument("--body-timeout", type=float, default=BODY_S, metavar="SECONDS",
                      help="for its body (default: %(default)g)")  # fmt: skip
    made.add_argument("--max-connections", type=_places, default=CONNECTIONS, metavar="N",
                      help="served at once (default: %(default)s)")  # fmt: skip
    made.add_argument("--max-per-address", type=_places, default=0, metavar="N",
                      help="of one address that is no proxy (default: a quarter)")  # fmt: skip


def _serve(options: argparse.Namespace) -> int:
    from ..logs import log_to_stderr

    check_database(options.home, options.database, make=False)
    log_to_stderr()
    address, port = options.listen
    serving = Serving(
        address=address,
        port=port,
        folder=options.home,
        database=database(options),
        certificate=options.certificate,
        key=options.key,
        client_ca=options.client_ca,
        outputs=options.outputs,
        public_url=options.public_url,
        backup=backup_plan(options),
        trust_proxy=options.trust_proxy,
        limits=Limits(
            max_body=options.max_body << 20,
            max_json=options.max_json << 20,
            head_s=options.head_timeout,
            body_s=options.body_timeout,
        ),
        connections=options.max_connections,
        per_address=options.max_per_address,
    )
    run(serving)
    return OK


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is no ADDRESS:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _places(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_CONNECTIONS:
        raise argparse.ArgumentTypeError(f"{text!r}: 1 to {MOST_CONNECTIONS:,}")
    return int(text)


def _mib(text: str) -> int:
    most = MAX_BYTES >> 20  # what was taken must be read again by lists, pages and outputs
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r}: 1 to {most}")
    return int(text)
