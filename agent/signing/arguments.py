"""What is asked about signatures on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_pack_signing(actions: argparse._SubParsersAction[Any]) -> None:
    """``packs keygen``, ``sign`` and ``verify``."""
    made = actions.add_parser("keygen", help="make a key pair (Ed25519)")
    made.add_argument("--out", metavar="KEY", type=Path, required=True,
                      help="the private key; the public one is KEY.pub")  # fmt: skip
    sign = actions.add_parser("sign", help="sign packs and YARA rules: FILE.sig beside each")
    sign.add_argument("paths", nargs="+", metavar="FILE", help="a pack, exclusions.yaml, or rules")
    sign.add_argument("--key", metavar="FILE", type=Path, required=True, help="the private key")
    sign.add_argument("--force", action="store_true", help="replace FILE.sig")
    verify = actions.add_parser("verify", help="whether they are as they were signed")
    verify.add_argument("paths", nargs="+", metavar="FILE")
    _public_keys(verify)


def add_verify(commands: argparse._SubParsersAction[Any]) -> None:
    """``verify``."""
    parser = commands.add_parser("verify", help="whether reports are as they were signed")
    parser.add_argument("paths", nargs="+", metavar="REPORT",
                        help="a report, plain or gzip, the journal of a killed sweep, or a folder"
                        " of them, those below it too")  # fmt: skip
    _public_keys(parser)


def add_signing_key(where: argparse._ActionsContainer) -> None:
    """Of a sweep, and of sending where a report has to be made smaller."""
    where.add_argument("--signing-key-file", dest="signing_key", metavar="FILE", type=Path,
                       help="sign the report by the sweep's key; or the variable"
                       " IOCSWEEP_SIGNING_KEY")  # fmt: skip


def _public_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pubkey", dest="public_keys", metavar="FILE", type=Path, action="append",
                        required=True, help="public keys, one of which signed")  # fmt: skip
