"""THIRD-PARTY.txt: what is inside the exe, under which licence, and the licences' texts.

Collected from the installed wheels; texts that a wheel does not bring lie in build/licences.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable
from pathlib import Path

TEXTS = Path(__file__).resolve().parent / "licences"
_RULE = "=" * 100
_HEAD = """\
What iocsweep {version} contains besides its own code (Apache-2.0, LICENSE)

libfwnt, liblnk and libscca are under the LGPL, version 3 or later. Each is a separate file
(pyfwnt*.pyd, pylnk*.pyd, pyscca*.pyd) in the folder _internal of the one-dir build, where another
build of it can take its place; their sources are at https://github.com/libyal/libfwnt,
https://github.com/libyal/liblnk and https://github.com/libyal/libscca, and the same versions are on
PyPI as libfwnt-python, liblnk-python and libscca-python. The one-file exe is remade with such
builds by `python build/build_exe.py` from iocsweep's source. Reverse engineering for debugging such
changes is allowed.
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


def _licence(distribution: importlib.metadata.Distribution) -> str:
    metadata = distribution.metadata
    stated = metadata.get("License-Expression") or (metadata.get("License") or "").split("\n")[0]
    classes = metadata.get_all("Classifier") or []
    licences = [c.rpartition(" :: ")[2] for c in classes if c.startswith("License ::")]
    return stated or ", ".join(licences) or "see the text"


def _built_in(distribution: importlib.metadata.Distribution) -> list[str]:
    """What is compiled into a wheel's binary, by the bill of materials that some wheels bring."""
    lines = []
    for path in distribution.files or ():
        if not path.as_posix().endswith(".cyclonedx.json"):
            continue
        bill = json.loads(Path(str(distribution.locate_file(path))).read_text(encoding="utf-8"))
        for part in bill.get("components", ()):
            stated = [entry.get("expression") or "" for entry in part.get("licenses", ())]
            licence = ", ".join(filter(None, stated)) or "not stated"
            lines.append(f"  {part.get('name')} {part.get('version')}: {licence}")
    return sorted(set(lines))


def third_party_text(modules: Iterable[str], version: str) -> str:
    """The whole text for an exe holding these modules; raises `LicenceError`."""
    parts = [_HEAD.format(version=version)]
    for distribution in distributions(modules):
        metadata = distribution.metadata
        urls = dict(u.split(", ", 1) for u in metadata.get_all("Project-URL") or () if ", " in u)
        named = {name.lower(): url for name, url in urls.items()}
        known = ("homepage", "repository", "source", "source code", "documentation")
        home = metadata.get("Home-page") or next((named[n] for n in known if n in named), "")
        title = f"{metadata['Name']} {distribution.version}: {_licence(distribution)}"
        body = [f"{_RULE}\n{title}\n{home}".rstrip(), *_texts(distribution)]
        inside = _built_in(distribution)
        if inside:
            body.append("Compiled into it, as its bill of materials says:\n" + "\n".join(inside))
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
