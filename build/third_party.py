"""THIRD-PARTY.txt: what is inside the exe, under which licence, and the licences' texts.

Collected from the installed wheels; texts that a wheel does not bring lie in build/licences.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

TEXTS = Path(__file__).resolve().parent / "licences"
_RULE = "=" * 100
_HEAD = """\
What iocsweep {version} contains besides its own code (Apache-2.0, LICENSE)
"""
_RELINKING = """\
Under the LGPL are these, each a separate file in the folder _internal of the one-dir build:

{names}

Reverse engineering for debugging changes of them is allowed. To use a build of your own:

 1. Get the source: `python -m pip download --no-deps --no-binary :all: NAME==VERSION`.
 2. Change it, and build it with the same minor version of Python as is inside (python3*.dll) for
    Windows x64: `python -m pip wheel --no-deps FOLDER`.
 3. One-dir build: put the new wheel's .pyd in the place of the one in _internal. Nothing checks it.
 4. One-file exe: get iocsweep's source, install requirements/exe.lock, then
    `python -m pip install --no-deps --force-reinstall NEW.whl`, and `python build/build_exe.py`.
"""


class LicenceError(Exception):
    """A distribution in the exe has no licence text."""


def distributions(modules: Iterable[str]) -> list[importlib.metadata.Distribution]:
    """The installed distributions that bring these modules (dotted names), by name."""
    owners = importlib.metadata.packages_distributions()
    tops = {module.partition(".")[0] for module in modules}
    names = {re.sub(r"[-_.]+", "-", name).lower() for top in tops for name in owners.get(top, ())}
    return [importlib.metadata.distribution(name) for name in sorted(names - {"iocsweep"})]


def _texts(distribution: importlib.metadata.Distribution) -> list[str]:
    """The licence files of a wheel: those in its metadata folder, else ours."""
    wanted = re.compile(r"(?i)\.dist-info/.*(licen[cs]e|copying|notice)[^/]*$")
    files = [path for path in distribution.files or () if wanted.search(path.as_posix())]
    texts = [str(distribution.locate_file(path)) for path in files]
    ours = TEXTS / f"{distribution.metadata['Name']}.txt"
    if ours.is_file():
        texts.append(str(ours))
    if not texts:
        raise LicenceError(f"no licence text of {ours.stem} in its wheel; put one into {ours}")
    return [Path(path).read_text(encoding="utf-8", errors="replace").strip() for path in texts]


def licence_of(distribution: importlib.metadata.Distribution) -> str:
    """What a distribution's metadata or its own bill of materials says; an expression if it can."""
    metadata = distribution.metadata
    (expression,) = metadata.get_all("License-Expression") or [""]
    (text,) = metadata.get_all("License") or [""]
    billed = [_expressions(bill["metadata"]["component"]) for bill in bills(distribution)]
    classes = metadata.get_all("Classifier") or []
    licences = [c.rpartition(" :: ")[2] for c in classes if c.startswith("License ::")]
    stated = (expression, text.split("\n")[0], ", ".join(billed), ", ".join(licences))
    return next(filter(None, stated), "see the text")


def bills(distribution: importlib.metadata.Distribution) -> Iterator[dict[str, Any]]:
    """The bills of materials that a wheel brings (CycloneDX), of what is compiled into it."""
    for path in distribution.files or ():
        if path.as_posix().endswith(".cyclonedx.json"):
            yield json.loads(Path(str(distribution.locate_file(path))).read_text(encoding="utf-8"))


def _expressions(component: dict[str, Any]) -> str:
    stated = [entry.get("expression") or "" for entry in component.get("licenses", ())]
    return ", ".join(filter(None, stated))


def _built_in(distribution: importlib.metadata.Distribution) -> list[str]:
    """What is compiled into a wheel's binary."""
    parts = [part for bill in bills(distribution) for part in bill.get("components", ())]
    return sorted(
        {f"  {p.get('name')} {p.get('version')}: {_expressions(p) or 'not stated'}" for p in parts}
    )


def relinking(inside: Sequence[importlib.metadata.Distribution]) -> str:
    """How what is under the LGPL is replaced."""
    lesser = [one for one in inside if re.search(r"(?i)LGPL|lesser general", licence_of(one))]
    names = [
        f"    {one.metadata['Name']} {one.version}: {', '.join(_machine_code(one))}"
        for one in lesser
    ]
    return _RELINKING.format(names="\n".join(names))


def _machine_code(distribution: importlib.metadata.Distribution) -> list[str]:
    files = distribution.files or ()
    return [path.as_posix() for path in files if path.suffix.lower() in {".pyd", ".so"}]


def third_party_text(modules: Iterable[str], version: str) -> str:
    """The whole text for an exe holding these modules; raises `LicenceError`."""
    inside = distributions(modules)
    parts = [_HEAD.format(version=version), relinking(inside)]
    for distribution in inside:
        metadata = distribution.metadata
        urls = dict(u.split(", ", 1) for u in metadata.get_all("Project-URL") or () if ", " in u)
        named = {name.lower(): url for name, url in urls.items()}
        known = ("homepage", "repository", "source", "source code", "documentation")
        (stated,) = metadata.get_all("Home-page") or [""]
        home = stated or next((named[n] for n in known if n in named), "")
        title = f"{metadata['Name']} {distribution.version}: {licence_of(distribution)}"
        body = [f"{_RULE}\n{title}\n{home}".rstrip(), *_texts(distribution)]
        compiled_in = _built_in(distribution)
        if compiled_in:
            body.append(
                "Compiled into it, as its bill of materials says:\n" + "\n".join(compiled_in)
            )
        parts.append("\n\n".join(body))
    for title, name in (
        ("PyInstaller's loader (GPL with an exception for the programs it loads)", "pyinstaller"),
        ("Python", "python"),
        ("Libraries of the Python run-time", "python-libraries"),
    ):
        if name == "pyinstaller":
            texts = _texts(importlib.metadata.distribution(name))
        else:
            texts = [(TEXTS / f"{name}.txt").read_text(encoding="utf-8").strip()]
        parts.append("\n\n".join([f"{_RULE}\n{title}", *texts]))
    return "\n\n".join(parts) + "\n"
