"""Jump lists, the compound files they are, and the item ID lists of links."""

from __future__ import annotations

import struct
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.compound import read_streams
from agent.formats.jump_lists import Opened, read_jump_list
from agent.formats.lnk import read_target
from agent.formats.shell_items import path_of
from tests.evidence.files import shell_link
from tests.evidence.jump_lists import Listed, compound, dest_list, id_list, link_by_id_list
from tests.evidence.samples import sample

NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
PATH = "C:\\Users\\jo\\Downloads\\ds7002.zip"


def test_a_path_is_put_together_from_an_item_id_list() -> None:
    assert path_of(id_list("C:", "Users", "Jörg", "a long name.zip")) == (
        "C:\\Users\\Jörg\\a long name.zip"
    )


def test_a_link_with_nothing_but_an_id_list_has_a_target_times_and_size() -> None:
    times = [NOON, NOON.replace(hour=13), NOON.replace(hour=14)]
    target = read_target(link_by_id_list("C:", "x", "cyzfc.dat", size=294_400, times=times))
    assert (target.path, target.size) == ("C:\\x\\cyzfc.dat", 294_400)
    assert [target.created, target.accessed, target.modified] == times


def test_a_real_link_has_the_times_that_another_reader_gives() -> None:
    """As plaso's test of this file has them (test_data/example.lnk)."""
    target = read_target(sample("lnk/example.lnk"))
    assert target.path == "%windir%\\system32\\migwiz\\migwiz.exe"
    assert target.size == 544_768
    assert target.created is not None
    assert target.created.isoformat() == "2009-07-13T23:29:02.849131+00:00"
    assert target.modified is not None
    assert target.modified.isoformat() == "2009-07-14T01:39:18.220000+00:00"


@pytest.mark.parametrize("scattered", [False, True])
def test_streams_of_a_compound_file_are_joined(*, scattered: bool) -> None:
    streams = {"1": bytes(range(256)) * 3, LONG: b"x" * 100, "DestList": b"list"}
    assert read_streams(compound(streams, scattered=scattered)) == (streams, False)


LONG = "a name of thirty-one characters"


@pytest.mark.parametrize("version", [1, 4])
def test_an_automatic_list_tells_link_path_time_and_host(version: int) -> None:
    entries = [Listed(0x1F, PATH, NOON), Listed(2, "D:\\gone.txt", NOON)]
    link = shell_link(target=PATH)
    made = compound({"1f": link, "DestList": dest_list(*entries, version=version)})
    assert list(read_jump_list(made)) == [
        Opened("1f", link, PATH, "ws-0421", NOON),
        Opened("2", b"", "D:\\gone.txt", "ws-0421", NOON),
    ]


def test_streams_of_one_name_are_all_told_and_what_is_cut_is_said() -> None:
    whole = compound({"1f": b"first" * 40, "20": b"other" * 40})
    twice = whole.replace("20\0".encode("utf-16-le"), "1f\0".encode("utf-16-le"))
    told, is_cut = read_streams(twice)
    assert sorted(told.values()) == [b"first" * 40, b"other" * 40]
    assert not is_cut
    torn = bytearray(whole)
    place = whole.index("20\0".encode("utf-16-le")) + 120
    torn[place : place + 4] = struct.pack("<I", 3000)
    assert read_streams(bytes(torn)).is_cut


def test_a_custom_list_is_cut_at_its_links() -> None:
    first, second = shell_link(target="C:\\a"), shell_link(target="C:\\b")
    made = list(read_jump_list(b"\2\0\0\0" + first + b"\xab\xfb\xbf\xba" + second))
    assert [read_target(one.link).path for one in made] == ["C:\\a", "C:\\b"]


def test_a_list_of_an_unknown_version_is_refused() -> None:
    with pytest.raises(FormatError, match="unknown version"):
        list(read_jump_list(compound({"DestList": b"\x63" + bytes(40)})))


WHOLE = compound({"1f": shell_link(target=PATH), "DestList": dest_list(Listed(0x1F, PATH, NOON))})


@given(st.data())
def test_a_damaged_list_ends_in_entries_or_in_an_error(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        entries = list(read_jump_list(bytes(damaged)))
    except FormatError:
        return
    assert sum(len(one.link) for one in entries) <= 2 * len(damaged)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_path_or_none(data: bytes) -> None:
    assert isinstance(path_of(data), str)
    assert path_of(id_list("C:", "x")[:-2] + data).startswith("C:\\x")
