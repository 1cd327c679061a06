"""``iocsweep packs export``: packs in the forms of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..exit_codes import CLEAN, FAILED
from ..options import Options
from ..output.atomic import write_new
from ..output.say import say, tell
from ..packs.built_in import load_packs
from ..packs.document import PackError
from ..packs.exporting.csv_file import as_csv
from ..packs.exporting.exported import Exported
from ..packs.exporting.kusto_queries import as_kusto
from ..packs.exporting.misp_event import as_misp
from ..packs.exporting.sigma_rules import as_sigma
from ..packs.exporting.stix_bundle import as_stix
from ..packs.loading import Pack, load_pack
from ..packs.yara_file import Exported as YaraFile
from ..reading.opening import reason_of
from ..sources.catalog import NAMES


def export_packs(options: Options) -> int:
    """Those that are named, by file or by id; else what is built in; the exit code."""
    try:
        exported = _exported(options.export_to, _named(options.paths))
    except PackError as error:
        say(str(error))
        return FAILED
    if options.out is None:
        tell(exported.text)
    else:
        try:
            write_new(options.out, exported.text.encode())
        except FileExistsError:
            say(f"{options.out}: is there already")
            return FAILED
        except OSError as error:
            say(f"{options.out}: could not be written: {reason_of(error)}")
            return FAILED
    say(exported.told)
    return CLEAN


def _exported(form: str, packs: Sequence[Pack]) -> YaraFile | Exported:
    if form == "yara":
        return YaraFile(packs, __version__)
    made = {
        "csv": as_csv, "kql": as_kusto, "misp": as_misp, "sigma": as_sigma, "stix": as_stix,
    }  # fmt: skip
    return made[form](packs, __version__)


def _named(names: Sequence[str]) -> list[Pack]:
    """Raises PackError."""
    built_in = {pack.file.id: pack for pack in load_packs()}
    return [built_in.get(name) or load_pack(Path(name), NAMES) for name in names] or [
        *built_in.values()
    ]
