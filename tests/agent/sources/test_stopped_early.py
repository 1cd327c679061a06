"""A sweep that is stopped early has told what it saw by name until then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.model import Observation
from agent.own import Own
from agent.sources.files import FilesSource
from agent.targets import Target
from agent.targets.folder import FolderTarget
from agent.targets.image import ImageTarget
from tests.agent.ntfs.synthetic import file_name, image, non_resident, record, run, standard
from tests.sweeping import campaign


class Stopped(Exception):
    pass


def stopping_after(count: int) -> Callable[[str], None]:
    told: list[str] = []

    def progress(place: str) -> None:
        told.append(place)
        if len(told) > count:
            raise Stopped

    return progress


def seen_before_the_end(target: Target, count: int) -> set[str]:
    source = FilesSource(progress=stopping_after(count))
    seen: list[Observation] = []
    with pytest.raises(Stopped):
        seen.extend(source.observe(target, campaign(), Ledger("files", required=True)))
    return {one.place.replace("\\", "/").rpartition("/")[2] for one in seen}


def test_a_wanted_name_that_lies_far_back_on_the_disk(tmp_path: Path) -> None:
    places = {30 + number: (f"{number}.lnk", 100 + number) for number in range(10)}
    places[45] = ("cyzfc.dat", 150)
    records = {
        number: record(standard(), file_name(name), non_resident(0x80, 500, run(1, cluster)))
        for number, (name, cluster) in places.items()
    }
    path = tmp_path / "disk.img"
    path.write_bytes(image(records))
    assert "cyzfc.dat" in seen_before_the_end(ImageTarget(str(path), own=Own()), 5)


def test_a_wanted_name_in_a_walk(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").write_bytes(b"x" * 500)
    for number in range(10):
        (tmp_path / f"{number}.lnk").write_bytes(b"x" * 500)
    assert "cyzfc.dat" in seen_before_the_end(FolderTarget(str(tmp_path), own=Own()), 5)
