"""``certificate``: a certificate of one's own, and another one before it ends."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..certificate import (
    AUTHORITY,
    AUTHORITY_KEY,
    CERTIFICATE,
    make_certificate,
    names_of,
    read_chain,
    renew,
)
from .command import OK, Commands, day, tell
from .owner import check_folder


def add(commands: Commands) -> None:
    """The command and its options."""
    made = commands.add(
        "certificate", _certificate, "make a certificate of one's own (ECDSA P-256), or renew it"
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="name or address of this server")
    made.add_argument(
        "--renew", action="store_true",
        help="another one by the same authority, for the same names or those given",
    )  # fmt: skip
    made.add_argument(
        "--ca-key", type=Path, metavar="FILE",
        help=f"the authority's key (default: {AUTHORITY_KEY} in the home)",
    )  # fmt: skip
    made.add_argument(
        "--new-authority", action="store_true",
        help="with --renew: by a new authority, beside the earlier one in ca.pem",
    )  # fmt: skip


def _certificate(options: argparse.Namespace) -> int:
    folder: Path = options.home
    check_folder(folder)
    if not options.renew:
        if options.new_authority or options.ca_key:
            raise ValueError("--new-authority and --ca-key belong to --renew")
        if (folder / CERTIFICATE).exists():
            raise ValueError(
                f"{folder / CERTIFICATE}: is there already; `certificate --renew` makes the next"
                " one, for these names or those given, and agents keep their ca.pem"
            )
        make_certificate(folder, options.names)
        tell(f"{folder / CERTIFICATE} and its key: used by `serve` from its next start on")
        tell(f"{folder / AUTHORITY}: give it to agents, iocsweep.exe --ca ca.pem")
        tell(f"{folder / AUTHORITY_KEY}: for --renew; whoever has it is trusted by these agents")
        return OK
    renew(
        folder,
        options.names,
        authority_key=options.ca_key,
        new_authority=options.new_authority,
    )
    made = read_chain(folder / CERTIFICATE)[0]
    until = day(int(made.not_valid_after_utc.timestamp() * 1000))
    tell(f"{folder / CERTIFICATE}: {', '.join(names_of(made))}, until {until}; restart `serve`")
    if options.new_authority:
        tell(
            f"{folder / AUTHORITY}: give it to all agents before that; it has the earlier one, too"
        )
    else:
        tell(f"{folder / AUTHORITY}: as it was, agents need nothing")
    return OK
