"""``certificate``: a certificate of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..certificate import AUTHORITY, CERTIFICATE, make_certificate
from .command import OK, Commands, tell


def add(commands: Commands) -> None:
    """The command and its options."""
    made = commands.add(
        "certificate", _certificate, "make a certificate of one's own (ECDSA P-256)"
    )
    made.add_argument("names", nargs="+", metavar="NAME", help="name or address of this server")


def _certificate(options: argparse.Namespace) -> int:
    folder: Path = options.home
    make_certificate(folder, options.names)
    tell(f"{folder / CERTIFICATE} and its key: used by `serve` from now on")
    tell(f"{folder / AUTHORITY}: give it to agents, iocsweep.exe --ca ca.pem")
    return OK
