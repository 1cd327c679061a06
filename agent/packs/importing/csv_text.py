"""CSV of values: with a head that names columns, or without one.

A column of values and one of their types; or columns that are named as a type (``sha256``,
``domain``); else whatever is recognised. Comments (``#``) are no rows; the last one before the rows
may be the head, as in the lists of abuse.ch. Strength comes from a column ``strength``; a number in
``confidence`` or ``score`` below 75 is weak.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from ...model.report import Strength
from .offer import Offer, left_out
from .plain_text import of_value
from .scores import scored
from .values import limited, offered

_KINDS = {
    "hash": "prüfsumme хеш хэш"
    " hash md5 sha1 sha256 sha512 sha224 sha384 md5_hash sha1_hash sha256_hash filehash"
    " filehash_md5 filehash_sha1 filehash_sha256 file_hash hash_md5 hash_sha1 hash_sha256",
    "address": "ip_adresse adresse_ip direccion_ip dirección_ip endereço_ip ip_адрес"
    " ip ipv4 ipv6 ip_dst ip_src ip_address ipv4_addr ipv6_addr address dst_ip src_ip"
    " cidr ip_port ipport netblock",
    "domain": "domäne domaine dominio domínio домен domain domain_name fqdn hostname host_name",
    "host": "host c2 host_port",
    "url": "url uri link_url",
    "file_name": "dateiname nom_de_fichier nombre_de_archivo archivo имя_файла файл"
    " file_name filename file name_of_file",
    "file_path": "pfad dateipfad chemin ruta путь file_path filepath path fullpath full_path",
    "command_line": "command_line commandline cmdline process_command_line",
    "pipe": "pipe named_pipe pipe_name",
    "email": "email email_address email_src email_dst sender",
    "registry": "registry registry_key regkey windows_registry_key",
    "mutex": "mutex mutant",
    "user_agent": "user_agent useragent",
    "fuzzy": "ssdeep tlsh imphash pehash authentihash vhash",
    "vulnerability": "cve vulnerability",
    "rule": "yara sigma snort",
}
"""Kinds of values, by the names that types and columns have."""
_KIND_OF = {name.replace("_", ""): kind for kind, names in _KINDS.items() for name in names.split()}
"""Names as one word: ``SHA-256`` is ``sha256``."""
_VALUES = ("ioc_value", "indicator_value", "value", "indicator", "ioc", "observable", "artifact",
           "wert", "valeur", "valor", "valore", "значение")  # fmt: skip
_TYPES = (
    "typ",
    "tipo",
    "тип",
    "ioc_type",
    "indicator_type",
    "type",
    "kind",
    "data_type",
    "category",
)
_NOTES = ("description", "comment", "note", "notes", "title", "malware_printable", "threat")
_REFERENCES = ("reference", "references", "source", "link", "report")
_NUMBERS = ("confidence", "score", "confidence_level")
_DELIMITERS = ",;\t|"
_OTHER_COLUMN = "a value in a column of no known name"
_SEPARATOR = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
"""How Excel is told what separates columns, in the first line."""


def named(name: str) -> str:
    """The kind of values that a type or column of this name is of; empty if that is not known."""
    return _KIND_OF.get(_plain(name).replace("_", ""), "")


def _plain(name: str) -> str:
    return "_".join(name.lower().replace("-", " ").replace(":", " ").replace("_", " ").split())


def delimiter_of(text: str) -> str:
    """What separates columns: what stands equally often in most rows; empty: nothing does."""
    stated = _SEPARATOR.match(text)
    if stated is not None and stated[1] in _DELIMITERS:
        return stated[1]
    rows = [line for line in text.splitlines()[:64] if line.strip() and line[0] != "#"]
    best, share = "", 0
    for one in _DELIMITERS:
        counts = [len(row) for row in csv.reader(rows, delimiter=one, skipinitialspace=True)]
        alike = sum(count == counts[0] for count in counts) if counts and counts[0] > 1 else 0
        if alike * 10 >= len(counts) * 9 and alike > share:
            best, share = one, alike
    return best


def read_csv(text: str) -> Iterator[Offer]:
    """Row by row."""
    delimiter = delimiter_of(text) or ","
    head: list[str] = []
    commented: list[str] = []
    is_first = True
    lines = text.splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            where = f"line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if reader.line_num == 1 and _SEPARATOR.fullmatch(lines[0]):
                continue
            if cells[0].lstrip().startswith("#"):
                if is_first:
                    line = lines[reader.line_num - 1].lstrip("# \t")
                    commented = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
                continue
            if is_first:
                is_first = False
                head = _head(commented) or _head(cells)
                if head and head == [_plain(cell) for cell in cells]:
                    continue
            yield from _row(where, head, cells) if head else _unnamed(where, cells)
    except csv.Error as error:
        yield left_out(f"line {reader.line_num}", "row", "", f"no CSV from here on: {error}")


def _head(cells: Sequence[str]) -> list[str]:
    """Names of columns; empty if these are none."""
    names = [_plain(cell) for cell in cells]
    known = [name for name in names if name in _VALUES or named(name)]
    return names if known and len(names) > 1 else []


def _first(cells: dict[str, str], names: Sequence[str]) -> str:
    return next((cells[name].strip() for name in names if cells.get(name, "").strip()), "")


def _row(where: str, head: Sequence[str], cells: Sequence[str]) -> Iterator[Offer]:
    by_name = dict(zip(head, cells, strict=False))
    note, reference = _first(by_name, _NOTES), _first(by_name, _REFERENCES)
    if _first(by_name, ["to_ids"]).lower() in ("0", "false"):
        yield left_out(
            where, "row", " ".join(cells), "to_ids is not set: context, not for detection"
        )
        return
    column = next((name for name in _VALUES if name in by_name), "")
    stated = _first(by_name, ["strength"]).lower()
    number = _first(by_name, _NUMBERS)
    some = False
    if column:
        some = True
        kind = _first(by_name, _TYPES)
        yield _offer(where, kind, by_name[column].strip(), note, reference, stated, number)
    else:
        for name, cell in by_name.items():
            written = cell.strip()
            if named(name) and written:
                some = True
                yield _offer(where, name, written, note, reference, stated, number)
            elif name not in (*_NOTES, *_REFERENCES) and of_value(where, written) is not None:
                yield left_out(where, name, written, _OTHER_COLUMN)
    if not some:
        yield left_out(where, "row", " ".join(cells), "no value in its columns")


def _offer(
    where: str, kind: str, written: str, note: str, reference: str, stated: str, number: str
) -> Offer:
    known = named(kind)
    if not written:
        return left_out(where, kind or "row", written, "empty")
    if not known:
        offer = of_value(where, written, note, reference)
        if offer is None:
            return left_out(where, kind or "value", written, "of no known type, and not recognised")
    else:
        found = offered(known, written)
        if isinstance(found, str):
            return left_out(where, kind, written, found)
        offer = Offer(
            where=where, kind=kind, written=written, wanted=(found,), note=note, reference=reference
        )
    wanted = tuple(scored(one, number) for one in offer.wanted)
    if stated == Strength.WEAK.value:
        wanted = tuple(limited(one, Strength.WEAK) for one in wanted)
    elif stated == Strength.STRONG.value:
        wanted = tuple(limited(one, Strength.STRONG) for one in wanted)
    return Offer(
        where=where,
        kind=kind or offer.kind,
        written=written,
        wanted=wanted,
        why=offer.why,
        note=note,
        reference=reference,
    )


def _unnamed(where: str, cells: Sequence[str]) -> Iterator[Offer]:
    found = [(cell.strip(), of_value(where, cell.strip())) for cell in cells if cell.strip()]
    note = " ".join(cell for cell, offer in found if offer is None)[:512]
    some = False
    for _, offer in found:
        if offer is not None:
            some = True
            yield Offer(
                where=where,
                kind=offer.kind,
                written=offer.written,
                wanted=offer.wanted,
                why=offer.why,
                note=note,
            )
    if not some:
        yield left_out(where, "row", " ".join(cells), "nothing recognised")
