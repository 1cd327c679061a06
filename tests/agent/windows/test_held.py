"""Which files Windows keeps to itself: by the kernel's list, not by their names."""

from __future__ import annotations

from agent.windows.held import HeldFiles

HELD = HeldFiles.of(["C:\\", "D:\\Data\\"], [r"C:\Windows\System32\config\SYSTEM", ""])


def test_paging_files_at_a_root_are_held_and_their_likes_elsewhere_are_not() -> None:
    assert HELD.has(r"c:\PAGEFILE.SYS")
    assert HELD.has(r"D:\Data\hiberfil.sys")
    assert not HELD.has(r"C:\Users\jo\pagefile.sys")


def test_a_loaded_hive_its_logs_and_transactions_are_held_and_nothing_named_alike() -> None:
    hive = r"C:\Windows\System32\config\SYSTEM"
    for end in ("", ".LOG1", ".LOG2", "{53b39e88}.TM.blf", "{53b39e88}.TMContainer1.regtrans-ms"):
        assert HELD.has(hive + end), end
    for path in (hive + ".dat", hive + "x.blf", r"C:\Windows\System32\config\SOFTWARE", ""):
        assert not HELD.has(path), path
