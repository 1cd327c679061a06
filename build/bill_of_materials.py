"""The bill of materials of a built exe, made of what is inside it.

Every file and module of the archive is given to the distribution whose RECORD lists it, to Python
or to one of the libraries beside Python, to PyInstaller's loader, or to iocsweep; one that belongs
to nobody, is another than its RECORD says, or is of a version that is not pinned, is an error.

Form: CycloneDX 1.6 (ECMA-424), JSON. The same exe gives the same bytes.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.metadata
import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import exe_contents
import pe_resources
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from third_party import bills, licence_of

OURS = re.compile(
    r"(agent|iocs)/.*|__main__|(build\.json|iocs\.zip|THIRD-PARTY\.txt|delivery\.yaml)"
)

BESIDE_PYTHON = {
    r"(?i)lib(crypto|ssl)-.*\.dll": ("OpenSSL", {"id": "Apache-2.0"}),
    r"(?i)sqlite3\.dll": ("SQLite", {"id": "blessing"}),
    r"(?i)libffi-.*\.dll": ("libffi", {"id": "MIT"}),
    r"(?i)vcruntime140(_1)?\.dll": (
        "Microsoft Visual C++ run-time",
        {"name": "Microsoft Visual C++ Redistributable"},
    ),
}
"""Libraries that come with Python: path inside, name, licence."""

_LOADER = (
    "PyInstaller/loader/{}.py",
    "PyInstaller/hooks/rthooks/{}.py",
    "_pyinstaller_hooks_contrib/rthooks/{}.py",
    "PyInstaller/fake-modules/{}.py",
)


class BillError(Exception):
    """What is inside is not what it should be; the message names the file."""


@dataclass(frozen=True)
class Origin:
    """Where the exe's contents come from.

    site: the Windows Python's site-packages; home: its own folder; pins: version by distribution.
    """

    site: Path
    home: Path
    pins: Mapping[str, str]

    @cached_property
    def distributions(self) -> dict[str, importlib.metadata.Distribution]:
        """The installed distributions, by the path of each of their files in lower case."""
        return {
            path.as_posix().lower(): distribution
            for distribution in importlib.metadata.distributions(path=[str(self.site)])
            for path in distribution.files or ()
        }

    def recorded(self, path: str) -> importlib.metadata.Distribution | None:
        """The distribution that brings a file, which is as it was recorded; raises `BillError`."""
        distribution = self.distributions.get(path.lower())
        for listed in (distribution.files or ()) if distribution else ():
            if listed.as_posix().lower() == path.lower() and listed.hash is not None:
                seen = hashlib.new(listed.hash.mode, (self.site / listed).read_bytes()).digest()
                if base64.urlsafe_b64encode(seen).rstrip(b"=").decode() != listed.hash.value:
                    raise BillError(f"{path} is not as its wheel brought it")
        return distribution

    def run_time(self, path: str) -> Path | None:
        """A file of the interpreter itself."""
        places = (self.home / path, self.home / "DLLs" / path)
        return next((place for place in places if place.is_file()), None)


@dataclass
class Component:
    """What one origin brought. files: SHA-256 by path inside."""

    name: str
    version: str
    licences: list[dict[str, Any]]
    kind: str = "library"
    purl: str = ""
    files: dict[str, str] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)

    @property
    def reference(self) -> str:
        """What the bill calls it."""
        return self.purl or f"part:{self.name}"

    def written(self) -> dict[str, Any]:
        """As a component of the bill."""
        inside = [
            {
                "type": "file",
                "bom-ref": f"{self.reference}#{path}",
                "name": path,
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
            for path, digest in sorted(self.files.items())
        ]
        stated = {
            "version": self.version,
            "purl": self.purl,
            "licenses": self.licences,
            "components": [*self.parts, *inside],
        }
        given = {key: value for key, value in stated.items() if value}
        return {"type": self.kind, "bom-ref": self.reference, "name": self.name, **given}


def pins_of(lock: Path) -> dict[str, str]:
    """Version by distribution of a lock file."""
    return dict(re.findall(r"(?m)^([a-z0-9-]+)==(\S+)", lock.read_text(encoding="utf-8")))


def python_inside(exe: bytes) -> tuple[str, bytes]:
    """Python's version, as its own DLL says, and the DLL; raises `BillError`."""
    dlls = {
        n: d for n, d in exe_contents.files(exe).items() if re.fullmatch(r"python3\d\d+\.dll", n)
    }
    if len(dlls) != 1:
        raise BillError(f"Python's own DLL is not inside once: {sorted(dlls)}")
    (data,) = dlls.values()
    return pe_resources.version_strings(data)["ProductVersion"], data


def bill(exe: bytes, origin: Origin) -> dict[str, Any]:
    """The bill of materials of a one-file exe; raises `BillError`."""
    components = _Sorting(exe, origin).components()
    told = json.loads(exe_contents.read(exe, "build.json"))
    own = components.pop("iocsweep")
    own.kind, own.version = "application", told["version"]
    own.licences = [{"license": {"id": "Apache-2.0"}}]
    others = sorted(components.values(), key=lambda component: component.reference)
    known = {component.name: component.reference for component in others}
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": own.written(),
            "properties": [{"name": "iocsweep:build", "value": told["build"]}],
        },
        "components": [component.written() for component in others],
        "dependencies": [
            {"ref": own.reference, "dependsOn": sorted(known.values())},
            *(
                {
                    "ref": component.reference,
                    "dependsOn": sorted({known[name] for name in component.needs if name in known}),
                }
                for component in others
            ),
        ],
    }
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}"
    return document


class _Sorting:
    """What is inside an exe, sorted by where it comes from."""

    def __init__(self, exe: bytes, origin: Origin) -> None:
        self._exe = exe
        self._origin = origin
        self._found: dict[str, Component] = {}

    def components(self) -> dict[str, Component]:
        """Components by name, with all that is inside; raises `BillError`."""
        for path, data in exe_contents.files(self._exe).items():
            self._of_file(path, data).files[path] = hashlib.sha256(data).hexdigest()
        code = exe_contents.scripts(self._exe) | exe_contents.pure_modules(self._exe)
        for path, data in code.items():
            self._of_code(path).files[path] = hashlib.sha256(data).hexdigest()
        return self._found

    def _of_file(self, path: str, data: bytes) -> Component:
        if OURS.fullmatch(path):
            return self._named("iocsweep")
        if path == "base_library.zip":
            return self._python()
        if distribution := self._origin.recorded(path):
            self._is(path, data, self._origin.site / path)
            return self._distributed(distribution)
        if place := self._origin.run_time(path):
            self._is(path, data, place)
            return self._run_time(path, data)
        raise BillError(f"{path} is inside the exe and belongs to nobody")

    def _of_code(self, path: str) -> Component:
        if OURS.fullmatch(path):
            return self._named("iocsweep")
        for form in ("{}.py", *_LOADER):
            if distribution := self._origin.recorded(form.format(path)):
                return self._distributed(distribution)
        if path.partition("/")[0] in sys.stdlib_module_names:
            return self._python()
        raise BillError(f"the module {path} is inside the exe and belongs to nobody")

    @staticmethod
    def _is(path: str, data: bytes, place: Path) -> None:
        if place.read_bytes() != data:
            raise BillError(f"{path} is not what was installed")

    def _named(self, name: str) -> Component:
        return self._found.setdefault(name, Component(name, "", []))

    def _python(self) -> Component:
        """Python itself."""
        if "Python" not in self._found:
            version, _ = python_inside(self._exe)
            licences = [{"license": {"id": "Python-2.0"}}]
            purl = f"pkg:generic/python@{version}"
            self._found["Python"] = Component("Python", version, licences, "platform", purl)
        return self._found["Python"]

    def _run_time(self, path: str, data: bytes) -> Component:
        said = pe_resources.version_strings(data)
        for pattern, (name, licence) in BESIDE_PYTHON.items():
            if re.fullmatch(pattern, path):
                component = self._named(name)
                component.version = said.get("ProductVersion", "")
                component.licences = [{"license": licence}]
                return component
        if said.get("CompanyName") == "Python Software Foundation":
            return self._python()
        component = self._named(f"{path} of the Wine lab")
        component.licences = [{"license": {"id": "Apache-2.0"}}]
        return component

    def _distributed(self, distribution: importlib.metadata.Distribution) -> Component:
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if self._origin.pins.get(name) != distribution.version:
            raise BillError(f"{name} {distribution.version} is inside, which is not what is pinned")
        if name not in self._found:
            self._found[name] = Component(
                name,
                distribution.version,
                [_licence(licence_of(distribution))],
                purl=f"pkg:pypi/{name}@{distribution.version}",
                parts=list(_compiled_in(distribution, name)),
                needs=_needs(distribution),
            )
        return self._found[name]


def _licence(stated: str) -> dict[str, Any]:
    """An expression of SPDX, or the name that was stated."""
    with contextlib.suppress(InvalidLicenseExpression):
        return {"expression": canonicalize_license_expression(stated)}
    return {"license": {"name": stated}}


def _needs(distribution: importlib.metadata.Distribution) -> list[str]:
    """Names of what a distribution asks for, extras left out."""
    wanted = (line for line in distribution.requires or () if "extra ==" not in line)
    return [
        re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", line, maxsplit=1)[0]).lower() for line in wanted
    ]


def _compiled_in(
    distribution: importlib.metadata.Distribution, name: str
) -> Iterator[dict[str, Any]]:
    """What a wheel's own bill of materials says is compiled into its binary; what it was only
    built by (`scope: excluded`) is left out.
    """
    kept = ("type", "name", "version", "purl", "licenses", "hashes")
    for stated in bills(distribution):
        for part in stated.get("components", ()):
            if part.get("scope") != "excluded":
                given = {key: part[key] for key in kept if key in part}
                yield {**given, "bom-ref": f"{name}#{part['bom-ref']}"}
