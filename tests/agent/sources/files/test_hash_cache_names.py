"""``--cache`` where one file has several names, and where rules lie in several files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from agent.matching.matcher import Matcher
from agent.matching.own_rules import OwnRules
from agent.matching.own_traces import Own
from agent.model.report import State, Strength
from agent.sources.files.hash_cache import HashCache
from agent.sources.files.source import FilesSource
from agent.targets.offline.image import ImageTarget
from tests.evidence.journals import journalled
from tests.evidence.packs import named, sha256_of
from tests.evidence.sweeping import cached, swept, was_read

DLL = named(strength=Strength.STRONG)
IN_BIN = sha256_of(b"other", extensions=[".bin"])


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("cyzfc.dat", bytes(1000))
    return made.getvalue()


@pytest.mark.parametrize("names", [("a.bin", "a.zip"), ("a.zip", "a.bin")], ids="-".join)
def test_an_archive_by_one_of_its_names_is_looked_into_in_every_sweep(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Each name calls for looks of its own: that one says nothing stands for no other."""
    path = journalled(tmp_path, archive(), names=names)
    for _ in range(2):
        found, coverage = cached(path, tmp_path, DLL, IN_BIN, thorough=False)
        assert coverage.state is State.COMPLETE
        assert "C.dd:\\a.zip → cyzfc.dat" in {match.observation.place.text for match in found}


def test_a_file_with_several_names_of_one_kind_is_not_read_again(tmp_path: Path) -> None:
    path = journalled(tmp_path, names=("report.bin", "Report of May.BIN"))
    _, first = cached(path, tmp_path, sha256_of(b"other"))
    _, second = cached(path, tmp_path, sha256_of(b"other"))
    assert was_read(first)
    assert not was_read(second)


def test_a_file_with_a_rule_that_another_file_brings_is_read_again_when_that_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule file may include others (YARA's ``include``): those are looked for too."""
    monkeypatch.chdir(tmp_path)
    path, main, more = journalled(tmp_path), tmp_path / "main.yar", tmp_path / "more.yar"
    main.write_text('include "more.yar"\nrule quiet { condition: false }')
    found = []
    for text in ("evil words", "nothing to see"):
        more.write_text(f'rule one {{ strings: $a = "{text}" condition: $a }}')
        own_rules = OwnRules([main], timeout_s=10)
        matcher = Matcher([], own_rules=own_rules)
        cache = HashCache(tmp_path / "hashes.sqlite", matcher.looks_for())
        target = ImageTarget(str(path), own=Own())
        found.append(swept(target, FilesSource(cache=cache), matcher=matcher).matches())
        cache.close()
        own_rules.close()
    assert [len(matches) for matches in found] == [0, 1]
