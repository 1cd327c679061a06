"""Each binding against a real Windows interface: Windows, or Wine's Windows Python."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("needs Windows or Wine's Windows Python", allow_module_level=True)

import winreg

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.selftest.tiny_dll import tiny_dll
from agent.targets.live.host import LiveHost
from agent.windows import (
    change_journal,
    devices,
    dns_cache,
    dns_wmi,
    event_log,
    files,
    held,
    host,
    loading,
    lowered_rights,
    own_pipe,
    pipes,
    process_memory,
    process_priority,
    process_times,
    processes,
    profiles,
    security,
    signatures,
    single_instance,
    streams,
    sweep_values,
    volumes,
)


def test_a_process_knows_its_image_and_modules() -> None:
    image = processes.image_path(os.getpid())
    assert image.casefold().endswith("python.exe")
    modules = processes.modules(os.getpid())
    assert any(module.casefold().endswith("kernel32.dll") for module in modules)
    images = process_memory.mapped_images(os.getpid())
    assert any(path.casefold().endswith("python.exe") for path in images)
    assert process_memory.mapped_files(os.getpid())
    assert not processes.is_protected(os.getpid())
    assert not processes.is_minimal(os.getpid())


def test_a_process_that_is_not_there_is_a_lookup_error() -> None:
    with pytest.raises(OSError):
        processes.image_path(0x7FFF_FFF0)
    with pytest.raises(OSError):
        processes.modules(0x7FFF_FFF0)


def test_memory_is_read_where_it_is() -> None:
    marker = ctypes.create_string_buffer(b"a marker in this process's own memory")
    address = ctypes.addressof(marker)
    with process_memory.ProcessMemory(os.getpid()) as memory:
        regions = list(memory.regions())
        (holding,) = [r for r in regions if r.base <= address < r.base + r.size]
        assert holding.readable
        assert holding.private
        assert memory.read(address, 8) == b"a marker"
        assert any(region.image for region in regions)
        with pytest.raises(OSError):
            memory.read(8, 4)


def test_volumes_and_drives_are_listed() -> None:
    found = volumes.volumes()
    assert any(volume.root.casefold() == "c:\\" for volume in found)
    assert "C:" in [drive.upper() for drive in devices.drive_letters()]


def test_the_host_knows_itself() -> None:
    assert len(host.machine_guid()) >= 32
    assert host.names()[0]
    name, version = host.os_version()
    assert name.startswith(("Microsoft Windows", "Windows"))
    assert version[0].isdigit()
    assert host.product_name("Windows 10 Pro", "23H2", 22631) == "Windows 11 Pro 23H2"


def test_a_finished_sweep_is_kept_in_the_registry_and_goes_without_a_trace() -> None:
    names = ("LastSweep", "Verdict", "Finished")
    sweep_values.remove(names)
    assert sweep_values.read(names) == {}
    assert sweep_values.remove(names) is False
    for sweep in ("w48", "w49"):
        values = {"LastSweep": sweep, "Verdict": "clean", "Finished": "2026-11-24T14:02:00+00:00"}
        sweep_values.write(values)
        assert sweep_values.read(names) == values
    view = winreg.KEY_READ | winreg.KEY_WRITE | winreg.KEY_WOW64_64KEY
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, sweep_values.KEY, 0, view) as key:
        winreg.SetValueEx(key, "Mine", 0, winreg.REG_SZ, "kept")
    assert sweep_values.remove(names) is True
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, sweep_values.KEY, 0, view) as key:
        assert winreg.QueryValueEx(key, "Mine")[0] == "kept"
        winreg.DeleteValue(key, "Mine")
    sweep_values.write({"LastSweep": "w50"})
    assert sweep_values.remove(names) is True
    with pytest.raises(FileNotFoundError):
        winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, sweep_values.KEY, 0, view)


HUNGRY = """
import os
from agent.windows.lowered_rights import Job
Job.around(os.getpid(), 256 << 20, alone=False)
try:
    bytearray(512 << 20)
except MemoryError:
    print("refused")
else:
    print("had")
"""


def test_a_process_bounds_its_own_memory() -> None:
    """Wine takes the bound and does not keep it; Windows does."""
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY], capture_output=True, text=True, check=True
    )
    wine = hasattr(ctypes.WinDLL("ntdll"), "wine_get_version")
    assert done.stdout.strip() == ("had" if wine else "refused")


HOLDS = """
import subprocess, sys
from agent.windows.lowered_rights import Job
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(200)"])
job = Job.around(started.pid, None, alone=False)
print(started.pid, flush=True)
sys.stdin.read()
"""


def test_a_process_that_is_held_ends_with_whoever_holds_it_however_that_ends() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        held_one = lowered_rights.end_of(int(holder.stdout.readline()))
        holder.kill()
    held_one()


def test_what_a_process_took_is_told_when_it_has_ended() -> None:
    """Wine tells everybody what the asking process took."""
    work = "import time\nwhile time.process_time() < 0.3: pass"
    with subprocess.Popen([sys.executable, "-c", work]) as process:
        times = process_times.ProcessTimes(process.pid)
        process.wait()
    assert times.cpu_s() > (0 if hasattr(ctypes.WinDLL("ntdll"), "wine_get_version") else 0.25)
    times.close()


def test_rights_are_told_and_asked_for() -> None:
    assert security.is_elevated() in (True, False)
    assert security.enable_debug_privilege() in (True, False)
    assert security.enable_backup_privilege() in (True, False)
    assert security.current_user().startswith("S-1-")


def test_a_private_folder_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "private"
    security.make_private_folder(str(folder))
    security.make_private_folder(str(folder))
    assert folder.is_dir()
    assert security.writable_by_others(str(folder)) is False


def test_files_are_opened_to_be_read_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a file with a long name.txt"
    path.write_bytes(b"content")
    with os.fdopen(files.open_for_reading(str(path)), "rb") as file:
        assert file.read() == b"content"
    with pytest.raises(OSError):
        files.open_for_reading(str(tmp_path / "none"))
    with pytest.raises(OSError):
        files.open_for_reading(str(tmp_path))
    assert files.long_path(str(path)).casefold().endswith("a file with a long name.txt")
    assert files.attributes(str(path)) & 0x10 == 0
    assert files.shown(files.extended(str(path))) == str(path)
    assert files.shown("\\\\?\\UNC\\server\\share\\x") == "\\\\server\\share\\x"


def test_what_the_system_cannot_answer_is_an_os_error(tmp_path: Path) -> None:
    """Wine has no streams, no listing of pipes, no DNS table; Windows answers."""
    path = tmp_path / "x.txt"
    path.write_bytes(b"x")
    for ask in (
        lambda: streams.streams(str(path)),
        pipes.list_pipes,
        dns_cache.table,
        dns_wmi.wmi_table,
    ):
        try:
            assert isinstance(ask(), list)
        except OSError as error:
            assert str(error)


def test_the_loaded_hives_are_told_as_paths() -> None:
    """Wine has no such list; Windows does."""
    try:
        hives = held.loaded_hives()
    except OSError as error:
        assert error.winerror == 2
    else:
        assert all(isinstance(hive, str) for hive in hives)


def test_a_change_journal_is_told_or_refused_with_a_number() -> None:
    """Wine has none, and its drive C: is no device; Windows answers administrators."""
    with pytest.raises(OSError, match="no volume"):
        change_journal.ChangeJournal("C:\\folder", "C:\\")
    try:
        journal = change_journal.ChangeJournal("C:\\", "C:\\")
    except OSError as error:
        assert error.winerror
        return
    try:
        state = journal.state()
        assert 0 <= state.first <= state.next
        following, _ = journal.read(state.journal, state.first)
        assert following > state.first
        assert journal.folder(5 | 5 << 48) == "\\"
    except OSError as error:
        assert error.winerror
    finally:
        journal.close()


def test_an_unsigned_file_has_no_signer(tmp_path: Path) -> None:
    path = tmp_path / "x.exe"
    path.write_bytes(b"MZ")
    assert signatures.signer(str(path)) == ""


def test_only_one_process_holds_the_instance() -> None:
    script = (
        "import sys\nfrom agent.windows.single_instance import SingleInstance\n"
        "with SingleInstance() as one: sys.exit(10 + one.acquire())"
    )
    with single_instance.SingleInstance() as first:
        assert first.acquire()
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 10
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 11


def test_standing_back_tells_what_it_could_not_do() -> None:
    assert isinstance(process_priority.stand_back(), list)


def test_the_search_for_dlls_is_hardened_in_a_process_of_its_own() -> None:
    script = "from agent.windows.security import harden_dll_search as h; h()"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_drive_letters_say_whether_they_lead_to_this_machine() -> None:
    assert devices.drives()["C:"] is True


def test_an_administrators_rights_are_had_or_refused_in_words() -> None:
    assert all(isinstance(problem, str) for problem in security.take_administrators_rights())


def test_mapped_memory_says_whether_a_file_is_behind_it() -> None:
    with process_memory.ProcessMemory(os.getpid()) as memory:
        (image, *_) = [region for region in memory.regions() if region.image]
        assert memory.mapped_file(image.allocation)[0]
        assert any(region.executable for region in memory.regions())


def test_the_modules_of_this_process_lie_on_disks_of_this_machine() -> None:
    drives = devices.drives()
    closed = {p: files.why_not_opened(p, drives) for p in processes.modules(os.getpid())}
    assert {p: why for p, why in closed.items() if why} == {}


def test_the_folder_of_windows_and_the_profiles_are_told() -> None:
    assert profiles.system_root().casefold() == os.environ["SYSTEMROOT"].casefold()
    assert profiles.program_data()
    listed = profiles.listed()
    assert all(sid.startswith("S-1-") and path for sid, path in listed)
    assert isinstance(profiles.directory(), str)
    assert profiles.event_logs(["SOFTWARE\\no such key"]) == profiles.event_logs([])


def test_evidence_of_this_host_is_found_in_its_own_folders(tmp_path: Path) -> None:
    ledger = Ledger("test", required=True)
    patterns = [r"%SystemRoot%\system32\KERNEL32.dll", r"%Profile%\**\evidence of a t?st.txt"]
    (tmp_path / "evidence of a test.txt").write_bytes(b"whole")
    home = Path.home() / "evidence of a test.txt"
    home.write_bytes(b"of a user")
    try:
        found = list(LiveHost(Own()).evidence(patterns, ledger))
    finally:
        home.unlink()
    paths = {file.path.casefold(): file for file in found}
    kernel = paths[rf"{profiles.system_root()}\system32\kernel32.dll".casefold()]
    with kernel.open() as opened:
        assert opened.read(2) == b"MZ"
    assert (kernel.how, kernel.owner) == ("by path", "")
    assert paths[str(home).casefold()].owner.casefold() == Path.home().name.casefold()


def test_a_dll_without_code_is_loaded_and_listed(tmp_path: Path) -> None:
    path = tmp_path / "selfcheck.dll"
    path.write_bytes(tiny_dll(path.name, "selfcheck_export"))
    loading.load(str(path))
    modules = processes.modules(os.getpid())
    assert any(module.casefold().endswith("\\selfcheck.dll") for module in modules)
    with pytest.raises(OSError):
        loading.load(str(tmp_path / "none.dll"))


def test_a_pipe_of_our_own_is_there_once_and_while_it_is_held() -> None:
    name = f"selfcheck-{os.getpid()}"
    assert not pipes.is_there(name)
    with own_pipe.OwnPipe(name), pytest.raises(OSError):
        own_pipe.OwnPipe(name)
    with own_pipe.OwnPipe(name):
        assert pipes.is_there(name)


def test_a_record_is_taken_by_the_log() -> None:
    event_log.write_record("IOC sweep self-test", 1, "a record of the tests")
    with pytest.raises(ValueError, match="too long"):
        event_log.write_record("IOC sweep self-test", 1, "x" * (event_log.MAX_UNITS + 1))
