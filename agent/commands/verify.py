"""The command ``verify``: whether reports and journals of killed sweeps are as they were signed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..delivery.parcel import unpacked
from ..exit_codes import CLEAN, FAILED
from ..model.attestation import Verify, flaw_of_report, has_attestation
from ..model.chain_of_lines import ChainCheck
from ..model.codec import MAX_BYTES, ReportError, decode, from_json
from ..model.journal_record import BODY, SUFFIX, Header
from ..options import Options
from ..output.escape import shown
from ..output.plain import plain
from ..output.say import say, tell
from ..reading.opening import reason_of
from ..signing.keys import read_public_keys
from .given_paths import files_below, refuse_missing

_ENDINGS = (".json", ".json.gz", SUFFIX)
_GZIP = b"\x1f\x8b"
_NOT_SIGNED = "is not signed"


def verify(options: Options) -> int:
    """0 if all are as one of the keys signed them, else 2. Raises UsageError, KeyFileError."""
    refuse_missing(options.paths)
    keys: dict[str, Verify] = {
        key.id: key.verify for path in options.public_keys for key in read_public_keys(path)
    }
    unlisted: list[str] = []
    files = [file for path in options.paths for file in _files(Path(path), unlisted)]
    # All of them, whatever one says.
    good = [_verified(file, keys) for file in files]
    return CLEAN if good and all(good) and not unlisted else FAILED


def _files(place: Path, unlisted: list[str]) -> list[Path]:
    """``unlisted``: is told what cannot be looked at."""
    if not place.is_dir():
        return [place]

    def lost(error: OSError) -> None:
        why = f"{shown(error.filename)}: cannot be listed: {reason_of(error)}"
        say(why)
        unlisted.append(why)

    found = files_below(place, _ENDINGS, lost)
    if not found:
        say(f"{shown(str(place))}: no report is there")
    return found


def _verified(path: Path, keys: Mapping[str, Verify]) -> bool:
    try:
        words = _journal(path, keys) if path.name.endswith(SUFFIX) else _report(path, keys)
    except (OSError, ReportError) as error:
        say(f"{shown(str(path))}: cannot be verified: {plain(error)}")
        return False
    except _Refused as refused:
        say(f"{shown(str(path))}: {shown(str(refused))}")
        return False
    tell(f"{shown(str(path))}: {shown(words)}")
    return True


class _Refused(Exception):
    """It is not as it was signed; says why, with the line."""


def _report(path: Path, keys: Mapping[str, Verify]) -> str:
    """Raises OSError, ReportError, _Refused."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if data.startswith(_GZIP):
        data = unpacked(data)
    # Before it is decoded: what was altered may be no report any more.
    if has_attestation(data) and (flaw := flaw_of_report(data, keys)):
        raise _Refused(flaw)
    report = decode(data)
    of = report.attestation
    if of is None:
        raise _Refused(_NOT_SIGNED)
    if flaw := flaw_of_report(data, keys):
        raise _Refused(flaw)
    told = f"report {report.report_id} of {report.host.name}, {report.verdict.value}"
    return f"{told}: as it was signed by the key {of.authority_uid}"


def _journal(path: Path, keys: Mapping[str, Verify]) -> str:
    """Raises OSError, ReportError, _Refused."""
    check, torn, number = ChainCheck(keys), 0, 0
    with path.open("rb") as file:
        while line := file.readline(MAX_BYTES + 1):
            number += 1
            if number == 1:
                version_1 = from_json(line, Header).made_as is not None
            elif line != b"\n":
                try:
                    from_json(line, BODY, version_1=version_1)
                except ReportError:
                    torn += 1
                    continue
            check.add(number, line)
    if flaw := check.flaw():
        raise _Refused(flaw)
    if not check.signed:
        raise _Refused(_NOT_SIGNED)
    broken = f", {torn} torn ones left out" if torn else ""
    return f"a journal of {number} lines{broken}: as it was signed by the key {check.key}"
