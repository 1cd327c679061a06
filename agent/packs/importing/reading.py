"""A file of any of the forms, as offers: which form it is, is told by its content and its name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct, structs

from ..document import PackError
from . import loki
from .csv_text import delimiter_of, named, read_csv
from .json_text import NoJson, read_json
from .kusto import is_hunting, is_kusto, read_hunting, read_kusto
from .misp import is_misp, read_misp
from .offer import Offer
from .openioc import is_openioc, read_openioc
from .plain_text import read_text
from .sigma import is_sigma, read_sigma
from .stix import is_stix, read_stix
from .warning_list import is_warning_list, read_warning_list
from .yara_rules import is_yara, read_yara

MAX_BYTES = 64 << 20
"""Of a file that is imported."""
_GUESSED = "the file is no UTF-8: read as Windows-1252, other letters may be meant"

_READERS: dict[str, tuple[str, Callable[[str], Iterator[Offer]]]] = {
    "text": ("plain text", read_text),
    "csv": ("CSV", read_csv),
    **loki.READERS,
    "misp": ("MISP", read_misp),
    "stix": ("STIX 2", read_stix),
    "warning-list": ("MISP's warning list", read_warning_list),
    "openioc": ("OpenIOC", read_openioc),
    "sigma": ("Sigma", read_sigma),
    "hunting": ("hunting queries", read_hunting),
    "kusto": ("KQL", read_kusto),
    "yara": ("YARA", read_yara),
}
FORMS = {form: name for form, (name, _) in _READERS.items()}
"""Forms to what they are called."""


class Origin(Struct, frozen=True):
    """A file that was read."""

    name: str
    form: str
    citation: str
    sha256: str
    text: str
    is_guessed: bool = False
    """It is no UTF-8 and does not say what else: which letters its bytes mean is not known."""

    def offers(self) -> Iterator[Offer]:
        """All that stands in it, in its order."""
        found = _READERS[self.form][1](self.text)
        return map(_with_doubt, found) if self.is_guessed else found


def read_origin(path: Path, form: str = "") -> Origin:
    """``form``: if it is known. Raises PackError for what cannot be read, or is no text."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        what = "give its files" if path.is_dir() else "is the path right?"
        raise PackError(f"{path}: {error.strerror or error}; {what}") from error
    if len(data) > MAX_BYTES:
        raise PackError(f"{path}: larger than {MAX_BYTES:,} bytes")
    text, is_guessed = _text(path, data)
    form = form or form_of(path.name, text)
    digest = hashlib.sha256(data).hexdigest()
    citation = f"{path.name} ({FORMS[form]}), SHA-256 {digest}"
    return Origin(path.name, form, citation, digest, text, is_guessed)


def _with_doubt(offer: Offer) -> Offer:
    """Of what is not ASCII alone: all encodings have that in common."""
    wanted = [
        one if one.value.isascii() else structs.replace(one, told=(*one.told, _GUESSED))
        for one in offer.wanted
    ]
    return structs.replace(offer, wanted=tuple(wanted))


def _text(path: Path, data: bytes) -> tuple[str, bool]:
    """And whether its encoding was guessed. Raises PackError."""
    is_guessed = False
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text, is_guessed = data.decode("cp1252", "replace"), True
    if "\0" in text:
        raise PackError(f"{path}: no text; a list, STIX, MISP or OpenIOC is wanted")
    return text, is_guessed


def form_of(name: str, text: str) -> str:
    """One of :data:`FORMS`."""
    if text.lstrip()[:1] in ("{", "["):
        return _form_of_json(name, text)
    if text.lstrip()[:1] == "<" and (is_openioc(text) or name.lower().endswith((".ioc", ".xml"))):
        return _form_of_xml(name, text)
    if name.lower().endswith((".yml", ".yaml")):
        return _form_of_yaml(name, text)
    if name.lower().endswith((".yar", ".yara")) and is_yara(text):
        return "yara"
    if name.lower().endswith((".kql", ".kusto", ".csl")) or is_kusto(text):
        return "kusto"
    if form := loki.form_of(name, text):
        return form
    if name.lower().endswith((".csv", ".tsv")) or _is_table(text):
        return "csv"
    return "text"


def _form_of_json(name: str, text: str) -> str:
    """Raises PackError if it is none of them."""
    try:
        value = read_json(text)
    except NoJson as error:
        raise PackError(f"{name}: no JSON: {error}") from error
    if is_misp(value):
        return "misp"
    if is_stix(value):
        return "stix"
    if is_warning_list(value):
        return "warning-list"
    raise PackError(
        f"{name}: JSON of no known form; MISP's events and warning lists, and STIX 2 are read"
    )


def _form_of_xml(name: str, text: str) -> str:
    """Raises PackError if it is no OpenIOC."""
    if not is_openioc(text):
        raise PackError(f"{name}: XML of no known form; OpenIOC is read, STIX 1 is not")
    return "openioc"


def _form_of_yaml(name: str, text: str) -> str:
    """Raises PackError if it is none of them."""
    if is_sigma(text):
        return "sigma"
    if is_hunting(text):
        return "hunting"
    raise PackError(f"{name}: YAML of no known form; Sigma and hunting queries are read")


def _is_table(text: str) -> bool:
    """Whether what has another name is CSV: its rows have columns and a head."""
    delimiter = delimiter_of(text)
    if not delimiter or delimiter == "|":
        return False
    first = next((line for line in text.splitlines() if line.strip() and line[0] != "#"), "")
    return sum(bool(named(cell.strip(' "'))) for cell in first.split(delimiter)) > 0
