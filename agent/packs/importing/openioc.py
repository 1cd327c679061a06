"""OpenIOC 1.0 and 1.1: terms of files, processes, connections, joined by AND and OR.

Each term below OR stands alone; those below AND count together. A document with a doctype is
refused: none needs one, and entities in it can be made to grow without end. ``contains`` of a hash,
domain or address is taken as the whole value, which is what authors write there.

Source: OpenIOC 1.1 (github.com/fireeye/OpenIOC_1.1, Apache-2.0), and the schema of 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from msgspec import Struct

from ...model.report import Strength
from .expressions import Unfit
from .offer import Offer, left_out
from .stix_meaning import Alternative, alternatives
from .stix_pattern import MAX_DEPTH, Comparison, Joined, Node

_DOCTYPE = re.compile(r"<!DOCTYPE", re.IGNORECASE)
_ROOT = re.compile(r"<(?:\w{1,32}:)?(?:ioc|OpenIOC|iocs)[\s>]")
_MOST_BEFORE = 65_536
"""Characters before the root, comments and a doctype among them."""
_TERMS = {
    "file:name": "FileItem/FileName ProcessItem/name DriverItem/DriverName ModuleItem/ModuleName"
    " FileDownloadHistoryItem/FileName PrefetchItem/ApplicationFileName",
    "file:full_path": "FileItem/FullPath ServiceItem/serviceDLL ServiceItem/path ModuleItem/path"
    " ProcessItem/SectionList/MemorySection/Name DriverItem/path"
    " FileDownloadHistoryItem/TargetDirectory PrefetchItem/FullPath",
    "file:parent_directory_ref.path": "FileItem/FilePath ProcessItem/path",
    "file:size": "FileItem/SizeInBytes",
    "file:hashes.MD5": "FileItem/Md5sum ServiceItem/serviceDLLmd5sum ServiceItem/pathmd5sum"
    " ProcessItem/SectionList/MemorySection/Md5sum DriverItem/Md5sum ModuleItem/Md5sum",
    "file:hashes.SHA-1": "FileItem/Sha1sum ServiceItem/serviceDLLsha1sum ServiceItem/pathsha1sum",
    "file:hashes.SHA-256": "FileItem/Sha256sum ServiceItem/serviceDLLsha256sum"
    " ServiceItem/pathsha256sum",
    "file:import_hash": "FileItem/PEInfo/ImportHash FileItem/PEInfo/ImpHash",
    "ipv4-addr:value": "PortItem/remoteIP PortItem/remoteip RouteEntryItem/Destination"
    " DnsEntryItem/RecordData/IPv4Address Network/IP",
    "network-traffic:dst_ref.value": "Network/DNS DnsEntryItem/Host DnsEntryItem/RecordName"
    " UrlHistoryItem/HostName PortItem/remoteHost",
    "network-traffic:dst_port": "PortItem/remotePort",
    "url:value": "Network/URI UrlHistoryItem/URL FileDownloadHistoryItem/SourceURL",
    "process:command_line": "ProcessItem/arguments",
    "mutex:name": "ProcessItem/HandleList/Handle/Name",
    "service:name": "ServiceItem/name ServiceItem/descriptiveName TaskItem/Name",
}
_PATH_OF = {term.lower(): path for path, terms in _TERMS.items() for term in terms.split()}
_WHOLE = ("file:hashes", "ipv4-addr", "network-traffic:dst_ref", "url:", "process:command_line")
_ORDERED = {"greater-than": ">", "less-than": "<"}


class _Term(Struct, frozen=True):
    where: str
    kind: str
    written: str
    node: Node


def is_openioc(text: str) -> bool:
    """Whether an XML text is of this form."""
    return _ROOT.search(text, 0, _MOST_BEFORE) is not None


def read_openioc(text: str) -> Iterator[Offer]:
    """All terms of a file, which may hold several definitions."""
    if _DOCTYPE.search(text):
        yield left_out("file", "XML", "<!DOCTYPE", "a doctype: the whole file is refused")
        return
    try:
        root = ET.fromstring(text)  # noqa: S314 - no doctype, so no entities
    except ET.ParseError as error:
        yield left_out("file", "XML", "", f"no XML: {error}")
        return
    for one in root.iter():
        if _name(one) in ("ioc", "OpenIOC"):
            reference = _reference(one)
            for part in one:
                if _name(part) in ("definition", "criteria"):
                    yield from _alternatives(part, "OR", reference, 0)


def _name(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _found(element: ET.Element, name: str) -> str:
    for one in element.iter():
        if _name(one) == name and one.text:
            return " ".join(one.text.split())
    return ""


def _reference(ioc: ET.Element) -> str:
    identifier = ioc.get("id", "")
    links = [one.text or one.get("href") or "" for one in ioc.iter() if _name(one) == "link"]
    by = _found(ioc, "authored_by")
    parts = (
        f"OpenIOC {identifier}: {_found(ioc, 'short_description')}",
        f"by {by}" if by else "",
        *links,
    )
    return "; ".join(part for part in parts if part)


def _alternatives(
    element: ET.Element, operator: str, reference: str, depth: int
) -> Iterator[Offer]:
    """Of each child by itself; of all together where ``operator`` is AND."""
    where = f"Indicator {element.get('id', '?')}"
    if depth > MAX_DEPTH:
        yield left_out(where, "Indicator", "", "nested too deeply")
        return
    children = [one for one in element if _name(one) in ("Indicator", "IndicatorItem")]
    if operator == "AND" and len(children) > 1:
        try:
            terms = [_term(one, depth) for one in children]
        except Unfit as error:
            yield left_out(where, "Indicator", "", str(error))
            return
        written = " AND ".join(term.written for term in terms)
        node = Joined("AND", tuple(term.node for term in terms))
        yield from _offers(_Term(where, "AND", written, node), reference)
        return
    for one in children:
        if _name(one) == "Indicator":
            yield from _alternatives(one, one.get("operator", "OR").upper(), reference, depth + 1)
        else:
            yield from _offers(_item(one), reference)


def _term(element: ET.Element, depth: int) -> _Term:
    """Raises Unfit."""
    if _name(element) == "IndicatorItem":
        return _item(element)
    if depth > MAX_DEPTH:
        raise Unfit("nested too deeply")
    children = [one for one in element if _name(one) in ("Indicator", "IndicatorItem")]
    if not children:
        raise Unfit("an Indicator without terms")
    terms = [_term(one, depth + 1) for one in children]
    operator = "AND" if element.get("operator", "OR").upper() == "AND" else "OR"
    node = Joined(operator, tuple(term.node for term in terms))
    written = f"({f' {operator} '.join(term.written for term in terms)})"
    return _Term("", operator, written, node)


def _item(element: ET.Element) -> _Term:
    search, value = "", ""
    for one in element:
        if _name(one) == "Context":
            search = one.get("search", "")
        elif _name(one) == "Content":
            value = (one.text or "").strip()
    condition = element.get("condition", "is").lower()
    negated = element.get("negate", "").lower() == "true" or condition.endswith("not")
    path, operator, wanted = _compared(search, condition.removesuffix("not"), value)
    node = Comparison(path, operator, (wanted,), negated)
    return _Term(f"IndicatorItem {element.get('id', '?')}", search, value, node)


def _compared(search: str, condition: str, value: str) -> tuple[str, str, str]:
    """Path, operator and value, as the patterns of STIX have them."""
    path = _PATH_OF.get(search.lower()) or _unknown(search)
    if condition in _ORDERED:
        return path, _ORDERED[condition], value
    if condition == "is" or (condition == "contains" and path.startswith(_WHOLE)):
        if path in ("file:name", "file:full_path") and re.search("[*?]", value):
            return path, "MATCHES", re.escape(value)
        return path, "=", value
    expressions = {
        "contains": re.escape(value),
        "starts-with": f"^{re.escape(value)}",
        "ends-with": f"{re.escape(value)}$",
        "matches": value,
    }
    if condition not in expressions:
        return f"{search} {condition}", "=", value
    return path, "MATCHES", expressions[condition]


def _unknown(search: str) -> str:
    if search.startswith("RegistryItem"):
        return "windows-registry-key:key"
    return "email-message:body" if search.startswith("Email") else search


def _offers(term: _Term, reference: str) -> Iterator[Offer]:
    try:
        found, reasons = alternatives(term.node)
    except Unfit as error:
        yield left_out(term.where, term.kind, term.written, str(error))
        return
    for one in found:
        yield _offer(term, one, reference)
    for why in dict.fromkeys(reasons):
        yield left_out(term.where, term.kind, term.written, why)


def _offer(term: _Term, one: Alternative, reference: str) -> Offer:
    wider = any("wider, weak" in told for wanted in one.wanted for told in wanted.told)
    together = None
    if len(one.wanted) > 1:
        together = Strength.WEAK if wider else Strength.STRONG
    return Offer(
        where=term.where,
        kind=term.kind,
        written=term.written,
        wanted=one.wanted,
        together=together,
        same_file=one.same_file,
        reference=reference,
    )
