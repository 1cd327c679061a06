"""What a Windows program says of itself: its manifest and its version resource.

Format: resources of a PE file (Microsoft, "PE Format", section ".rsrc"), read by pefile.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

import pefile

_RT_MANIFEST = 24

_WANTED = {
    "requestedExecutionLevel": "asInvoker",
    "longPathAware": "true",
    "activeCodePage": "UTF-8",
}
"""Element of the manifest to its text, or its attribute `level`."""


def version_strings(data: bytes) -> dict[str, str]:
    """The strings of the version resource (`FileVersion`, `ProductName` …); empty without one."""
    with _opened(data) as program:
        return {
            key.decode(): value.decode()
            for information in getattr(program, "FileInfo", ())
            for part in information
            if part.Key == b"StringFileInfo"
            for table in part.StringTable
            for key, value in table.entries.items()
        }


def manifests(data: bytes) -> list[str]:
    """The text of each manifest."""
    with _opened(data) as program:
        return [
            program.get_data(place.OffsetToData, place.Size).decode("utf-8")
            for place in _places(program, _RT_MANIFEST)
        ]


def wrong_manifest(data: bytes) -> list[str]:
    """What a program's manifest does not say of `_WANTED`; empty if it says all of it, once."""
    found = manifests(data)
    if len(found) != 1:
        return [f"{len(found)} manifests"]
    said: dict[str, list[str]] = {}
    for element in ET.fromstring(found[0]).iter():
        name = element.tag.rpartition("}")[2]
        said.setdefault(name, []).append(element.get("level") or (element.text or "").strip())
    return [
        f"the manifest does not say {name} {text} once: {said.get(name, [])}"
        for name, text in _WANTED.items()
        if said.get(name) != [text]
    ]


def wrong_version(data: bytes, version: str) -> list[str]:
    """What a program's version resource does not say."""
    said = version_strings(data)
    wanted = {"OriginalFilename": "iocsweep.exe", "FileVersion": version, "ProductVersion": version}
    return [
        f"the version resource does not say {name} {text}: {said.get(name)}"
        for name, text in wanted.items()
        if said.get(name) != text
    ]


def _opened(data: bytes) -> pefile.PE:
    program = pefile.PE(data=data, fast_load=True)
    resources = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]
    program.parse_data_directories([resources])
    return program


def _places(program: pefile.PE, kind: int) -> Iterator[pefile.Structure]:
    """Where the resources of one kind lie, in every language."""
    resources = getattr(program, "DIRECTORY_ENTRY_RESOURCE", None)
    for entry in resources.entries if resources else ():
        if entry.id == kind:
            for name in entry.directory.entries:
                yield from (language.data.struct for language in name.directory.entries)
