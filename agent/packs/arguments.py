"""What is asked of packs on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..signing.arguments import add_pack_signing

EXPORTS = ("csv", "kql", "misp", "sigma", "stix", "yara")
"""Forms that packs are written in."""


def add_packs(commands: argparse._SubParsersAction[Any]) -> None:
    """``packs`` with its actions."""
    packs = commands.add_parser(
        "packs",
        help="list what is built in; check, compare and sign packs, make them of feeds, or rules of"
        " them",
    )
    actions = packs.add_subparsers(dest="action", required=True)
    actions.add_parser("list")
    check = actions.add_parser("check")
    check.add_argument("paths", nargs="*", metavar="FILE", help="default: what is built in")
    check.add_argument("--against", metavar="IMAGE",
                       help="count how many files of an NTFS image each gate opens")  # fmt: skip
    export = actions.add_parser("export", help="as rules, queries and lists of others")
    export.add_argument("paths", nargs="*", metavar="PACK",
                        help="a file, or the id of one built in; default: all")  # fmt: skip
    export.add_argument("--to", dest="export_to", choices=EXPORTS, required=True)
    export.add_argument(
        "--out", metavar="FILE", type=Path, help="instead of stdout; never replaced"
    )
    diff = actions.add_parser("diff", help="what was added, removed and changed; 1 if anything")
    diff.add_argument("paths", nargs=2, metavar="PACK", help="a file, or the id of one built in")
    _add_import(actions.add_parser("import", help="make a pack of what others publish"))
    add_pack_signing(actions)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="FILE",
        help="plain text, CSV, a list of Loki, JSON of MISP or STIX 2, OpenIOC, Sigma, KQL, YARA",
    )
    parser.add_argument("--out", metavar="PACK", type=Path, required=True,
                        help="PACK.yaml; beyond 1,000 indicators PACK.json")  # fmt: skip
    parser.add_argument("--id", dest="pack_id", metavar="ID",
                        help="of the pack; default: the name of PACK")  # fmt: skip
    parser.add_argument("--table", metavar="FILE", type=Path,
                        help="what became of each value, as CSV")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace PACK and the table")
