"""What evidence in files is said of before its code is loaded, and when that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource, Later
from agent.sources.catalog import CATALOG, Entry, Setup
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.whereabouts import PREFETCH
from tests.evidence.prefetch import prefetch
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import as_folder, windows

IN_FILES = [
    entry
    for entry in CATALOG
    if isinstance(entry.make(Setup(1, lambda _: None)), ArtefactSource)
    and entry.name != "hosts_file"  # It is on every host, and lies elsewhere on some.
]


def without_prefetch(place: Path) -> Path:
    files = windows().items()
    return as_folder(place, {path: data for path, data in files if not path.endswith(".pf")})


@pytest.mark.parametrize("entry", IN_FILES, ids=lambda entry: entry.name)
def test_it_is_said_as_the_artefact_says_itself(entry: Entry) -> None:
    source = entry.make(Setup(1, lambda _: None))
    assert isinstance(source, ArtefactSource)
    assert isinstance(source.known, Later)
    assert source.known.where == source.artefact.where
    assert source.known.name == source.artefact.name == entry.name
    assert type(source.artefact).patterns is Artefact.patterns
    assert type(source.artefact).required is Artefact.required


def test_where_there_is_no_file_nothing_is_loaded(tmp_path: Path) -> None:
    def load() -> Artefact:
        raise AssertionError

    found = swept(without_prefetch(tmp_path), ArtefactSource(Later("prefetch", PREFETCH, load)))
    assert found.notes == {"none on this host": 1}


def test_for_many_files_it_is_loaded_once(tmp_path: Path) -> None:
    loaded = []

    def load() -> Artefact:
        loaded.append(PrefetchArtefact())
        return loaded[-1]

    target = without_prefetch(tmp_path)
    folder = tmp_path / "Windows" / "Prefetch"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("A.EXE-00000001.pf", "B.EXE-00000002.pf"):
        (folder / name).write_bytes(prefetch(name.partition("-")[0], []))
    found = swept(target, ArtefactSource(Later("prefetch", PREFETCH, load)))
    assert (found.coverage.examined, len(loaded)) == (2, 1)
