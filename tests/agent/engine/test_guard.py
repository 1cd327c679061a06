"""The operator's rules behind a guard, with the real engine and with those of ``bad_engines``."""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import pytest

from agent.engine import rules_process, worker
from agent.engine.frames import (
    Answers,
    Begun,
    FrameError,
    Ready,
    Refused,
    Room,
    Scan,
    Setup,
    encoded,
    read_answer,
)
from agent.engine.guard import Content, GuardedRules, RuleMatch, RulesFailed, ScanAnswer
from tests.agent.engine.left_running import processes, started_since

HOME = Path(__file__).resolve().parents[3]
BAD_ENGINES = Path(__file__).parent / "bad_engines.py"
EXTERNALS = {"filename": ""}
MEMORY = 256 << 20
Pipes = tuple[BinaryIO, BinaryIO]
"""What to write orders to, and what to read answers from."""


def bad(way: str) -> list[str]:
    return [sys.executable, "-P", str(BAD_ENGINES), way]


def guarded(*rules: str, **options: Any) -> GuardedRules:
    return GuardedRules({"rules/x.yar": "\n".join(rules)}, EXTERNALS, workers=1, **options)


def guarded_bad(way: str, *, workers: int = 1, timeout_s: float = 0.5) -> GuardedRules:
    return GuardedRules(
        {"rules/x.yar": ""},
        EXTERNALS,
        workers=workers,
        timeout_s=timeout_s,
        memory=MEMORY,
        command=bad(way),
    )


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    before = processes()
    threads = set(threading.enumerate())
    yield
    assert not started_since(before)
    assert set(threading.enumerate()) <= threads


# ---- What rules say


def test_a_rule_is_told_at_its_earliest_place() -> None:
    with guarded(
        'rule a { strings: $late = "ell" $early = "say" condition: any of them }'
    ) as rules:
        assert rules.scan(b"I say hello", {}) == ScanAnswer([RuleMatch("rules/x.yar:a", 2, 3)], ())


def test_a_rule_without_strings_is_told_at_no_place() -> None:
    with guarded("rule a { condition: filesize == 3 }") as rules:
        assert rules.scan(b"abc", {}).matches == [RuleMatch("rules/x.yar:a", 0, 0)]


def test_externals_are_those_of_the_file() -> None:
    with guarded('rule a { condition: filename == "evil.exe" }') as rules:
        answers = rules.scan_many(
            [Content(b"", {"filename": name}) for name in ("evil.exe", "good.exe", "\udc80")]
        )
        assert [len(a.matches) for a in answers if isinstance(a, ScanAnswer)] == [1, 0, 0]


@pytest.mark.parametrize("count", [16, 40, 20_000])
def test_counts_are_true(count: int) -> None:
    rule = f'rule a {{ strings: $s = "#" condition: #s == {count} and @s[{count}] == {count - 1} }}'
    with guarded(rule) as rules:
        assert rules.scan(b"#" * count, {}) == ScanAnswer([RuleMatch("rules/x.yar:a", 0, 1)], ())


def test_a_count_that_is_not_true_is_a_gap() -> None:
    with guarded('rule a { strings: $s = "#" condition: #s > 2000000 }') as rules:
        assert rules.scan(b"#" * 2_000_001, {}).gaps == (
            "rule rules/x.yar:a: $s occurs more than 1,000,000 times: its counts are not true",
        )


def test_all_rules_are_told_however_many_match() -> None:
    many = [f"rule r{number} {{ condition: true }}" for number in range(11_000)]
    with guarded(*many) as rules:
        answers = rules.scan_many([Content(b"x", {})] * 2)
        assert [len(a.matches) for a in answers if isinstance(a, ScanAnswer)] == [11_000, 11_000]


def test_a_file_larger_than_the_shared_memory_is_scanned_whole() -> None:
    with guarded('rule a { strings: $s = "the end" condition: $s }') as rules:
        size = 65 << 20
        assert rules.scan(memoryview(bytes(size) + b"the end"), {}).matches[0].offset == size
        assert rules.scan(b"the end", {}).matches[0].offset == 0


def test_without_shared_memory_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Room, "made", lambda: None)
    with guarded('rule a { strings: $s = "x" condition: $s }') as rules:
        answers = rules.scan_many([Content(data, {}) for data in (b"x", b"", b"..x")])
        assert [a.matches for a in answers if isinstance(a, ScanAnswer)] == [
            [RuleMatch("rules/x.yar:a", 0, 1)],
            [],
            [RuleMatch("rules/x.yar:a", 2, 1)],
        ]


def test_rules_that_do_not_compile_are_refused_in_the_engines_words() -> None:
    with pytest.raises(RulesFailed, match=r'do not compile: .*unknown identifier "nobody"'):
        guarded("rule a { condition: nobody }")


# ---- Damaged PE files

PE_RULE = 'import "pe" rule a { condition: pe.is_pe }'
DAMAGED = (worker.DAMAGED_PE,)


def pe_file(optional_size: int = 0xE0, magic: int = 0x10B, sections: int = 1) -> bytes:
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, sections, 0, 0, 0, optional_size, 0x102)
    optional = struct.pack("<H", magic).ljust(92, b"\0") + struct.pack("<I", 16) + bytes(128)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 0x100, 0x1000, 0x200, 0x200, 0, 0, 0, 0, 0)
    return (dos + coff + optional + section).ljust(0x400, b"\0")


def test_a_sound_pe_file_is_no_gap() -> None:
    with guarded(PE_RULE) as rules:
        assert rules.scan(pe_file(), {}) == ScanAnswer([RuleMatch("rules/x.yar:a", 0, 0)], ())


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(pe_file(optional_size=0x40), id="its optional header is too small"),
        pytest.param(pe_file(magic=0x107), id="its magic is unknown"),
        pytest.param(pe_file(sections=0xFFFF), id="its section table does not fit"),
    ],
)
def test_a_pe_file_that_the_engine_refuses_is_a_gap(damaged: bytes) -> None:
    with guarded(PE_RULE) as rules:
        assert rules.scan(damaged, {}).gaps == DAMAGED


def test_a_damaged_pe_file_is_no_gap_for_rules_that_do_not_ask_for_it() -> None:
    with guarded("rule a { condition: true }") as rules:
        assert rules.scan(pe_file(magic=0x107), {}).gaps == ()


def test_what_merely_begins_like_a_dos_program_is_no_gap() -> None:
    with guarded(PE_RULE) as rules:
        assert rules.scan(b"MZ is how it begins" * 100, {}).gaps == ()


# ---- Engines that misbehave

REASONS = {
    "never_returns": r"own rules: no answer within 0.5 s \(rule rules/x.yar:slow\)",
    "holds_the_interpreter": r"own rules: no answer within 0.5 s \(rule rules/x.yar:slow\)",
    "leaves": r"own rules: their process died \(rule rules/x.yar:slow; exit code 7\)",
    "aborts": r"own rules: their process died \(rule rules/x.yar:slow; .+\)",
    "eats_memory": r"own rules: more than 256 MB of memory",
    "answers_garbage": r"own rules: their process died \(.*its answer was out of form\)",
    "answers_out_of_turn": r"own rules: their process died \(.*its answer was out of form\)",
    "answers_for_ever": r"own rules: no answer within 0.5 s .*",
    "raises": r"own rules: the engine gave up: ValueError: no good",
}


@pytest.mark.parametrize(("way", "reason"), REASONS.items(), ids=REASONS)
def test_a_file_that_breaks_the_engine_fails_alone(way: str, reason: str) -> None:
    timeout_s = 30.0 if way == "eats_memory" else 0.5
    with guarded_bad(way, timeout_s=timeout_s) as rules:
        files = (b"one", b"bad", b"three")
        first, second, third = rules.scan_many([Content(data, {}) for data in files])
        assert first == ScanAnswer([RuleMatch("rules/x.yar:a", 0, 3)], ())
        assert isinstance(second, RulesFailed)
        assert re.fullmatch(reason, second.reason)
        assert third == ScanAnswer([RuleMatch("rules/x.yar:a", 0, 5)], ())
        assert rules.scan(b"later", {}).matches == [RuleMatch("rules/x.yar:a", 0, 5)]


def test_memory_that_is_eaten_slowly_is_noticed() -> None:
    with (
        guarded_bad("eats_memory_slowly", timeout_s=30.0) as rules,
        pytest.raises(RulesFailed, match=r"^own rules: more than 256 MB of memory$"),
    ):
        rules.scan(b"bad", {})


@pytest.mark.parametrize("claim", [b"bad place", b"bad rule"])
def test_a_match_that_cannot_be_is_not_believed(claim: bytes) -> None:
    with guarded_bad("raises") as rules, pytest.raises(RulesFailed, match="out of form"):
        rules.scan(claim, {})


def test_files_with_another_process_are_not_touched() -> None:
    with guarded_bad("never_returns", workers=2, timeout_s=3.0) as rules:
        failed = threading.Event()

        def hang() -> None:
            with pytest.raises(RulesFailed):
                rules.scan(b"bad", {})
            failed.set()

        thread = threading.Thread(target=hang)
        thread.start()
        answered = 0
        while not failed.is_set() and answered < 200:
            assert rules.scan(b"good", {}).matches
            answered += 1
        assert answered == 200
        rules.close()
        thread.join()


def test_only_the_first_culprits_are_named() -> None:
    with guarded_bad("leaves") as rules:
        answers = rules.scan_many([Content(b"bad", {})] * 6)
        reasons = [answer.reason for answer in answers if isinstance(answer, RulesFailed)]
        assert len(reasons) == 6
        assert sum("slow" in reason for reason in reasons) == 5


def test_a_thread_that_waits_is_let_go_at_the_end() -> None:
    rules = guarded_bad("never_returns", timeout_s=600.0)
    reasons = []

    def wait() -> None:
        try:
            rules.scan(b"bad", {})
        except RulesFailed as error:
            reasons.append(error.reason)

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    rules.close()
    for thread in threads:
        thread.join()
    assert reasons == ["own rules: ended before their answer"] * 3
    with pytest.raises(RulesFailed, match="ended before their answer"):
        rules.scan(b"good", {})


def test_a_program_that_cannot_be_started_is_told() -> None:
    with pytest.raises(RulesFailed, match="cannot be started"):
        GuardedRules({}, EXTERNALS, command=[str(HOME / "no such program")])


def test_a_program_that_is_no_worker_is_told() -> None:
    with pytest.raises(RulesFailed, match=r"did not start \(exit code 3\)"):
        GuardedRules({}, EXTERNALS, command=[sys.executable, "-c", "raise SystemExit(3)"])


@pytest.mark.parametrize("data", [b"good", b"bad"], ids=["while idle", "while the engine hangs"])
def test_a_sweep_that_is_killed_leaves_no_process(data: bytes) -> None:
    script = f"""
import psutil, sys, threading
from agent.engine.guard import GuardedRules
rules = GuardedRules({{"rules/x.yar": ""}}, {{}}, timeout_s=600, command={bad("never_returns")!r})
threading.Thread(target=rules.scan, args=({data!r}, {{}}), daemon=True).start()
print(*(child.pid for child in psutil.Process().children()), flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=HOME,
    ) as sweep:
        assert sweep.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in sweep.stdout.readline().split()]
        assert len(workers) == 2
        sweep.kill()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


def test_what_ended_processes_took_is_counted_where_the_system_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on Windows: of each process that was ever started, once."""

    class Times:
        def __init__(self) -> None:
            self.told = self.closed = 0

        def cpu_s(self) -> float:
            assert not self.closed
            self.told += 1
            return 1.5

        def close(self) -> None:
            self.closed += 1

    made: list[Times] = []

    def counted(*_: object) -> Times:
        made.append(Times())
        return made[-1]

    monkeypatch.setattr(rules_process, "_counted", counted)
    with guarded_bad("leaves", workers=2) as rules:
        assert rules.ended_s == 0
        with pytest.raises(RulesFailed, match="died"):
            rules.scan(b"bad", {})
        assert rules.ended_s >= 1.5
    assert len(made) > 2
    assert [(one.told, one.closed) for one in made] == [(1, 1)] * len(made)
    assert rules.ended_s == 1.5 * len(made)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a process's bounds")
def test_the_process_has_few_rights() -> None:
    before = set(psutil.Process().children())
    with guarded("rule a { condition: true }") as rules:
        (process,) = set(psutil.Process().children()) - before
        assert rules.notes == []
        assert process.uids().real != 0
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        for what in ("file size", "core file size", "processes"):
            assert re.search(rf"^Max {what} +0 +0 ", limits, re.MULTILINE)
        assert rules.scan(b"x", {}).matches


# ---- The worker's side, in this process


@pytest.fixture
def serve() -> Iterator[Pipes]:
    """What to write orders to, and what to read answers from."""
    orders, to_worker = os.pipe()
    from_worker, answers = os.pipe()
    ended: list[str] = []

    def run() -> None:
        with os.fdopen(orders, "rb") as reader, os.fdopen(answers, "wb", 0) as writer:
            try:
                worker.Server(reader, writer).serve(
                    lambda setup: worker.BorealEngine(setup.sources, setup.externals),
                    lambda setup: ["kept"],
                )
            except FrameError as error:
                ended.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    with os.fdopen(to_worker, "wb", 0) as writer, os.fdopen(from_worker, "rb") as reader:
        yield writer, reader
        writer.close()
        thread.join()


def setup_of(**sources: str) -> bytes:
    return encoded(Setup(sources, {}, MEMORY, 10.0))


def test_the_worker_answers_in_turn(serve: Pipes) -> None:
    orders, answers = serve
    orders.write(setup_of(x='rule a { strings: $s = "x" condition: $s }'))
    assert read_answer(answers) == Ready(b"", ["kept"])
    orders.write(encoded(Scan(1, [1, 2], [{}, {}], in_room=False)) + b"x.x")
    told = read_answer(answers)
    assert isinstance(told, Answers)
    assert [answer and answer.matches for answer in told.files] == [
        [("x:a", 0, 1)],
        [("x:a", 1, 1)],
    ]


def test_the_worker_names_modules_and_rules_as_they_begin(serve: Pipes) -> None:
    orders, answers = serve
    first = 'import "math" rule a { condition: true } private rule b { condition: true }'
    orders.write(setup_of(x=f"{first} rule c {{ condition: b }}", y="rule d { condition: true }"))
    read_answer(answers)
    orders.write(encoded(Scan(1, [1], [{}], in_room=False, naming=True)) + b"x")
    begun = []
    while isinstance(told := read_answer(answers), Begun):
        begun.append(told.what)
    assert begun == [
        "module math",
        "the strings of x",
        "rule x:a",
        "one of the rules x:b to x:c",
        "the strings of y",
        "rule y:d",
    ]


def test_the_worker_refuses_rules_that_do_not_compile(serve: Pipes) -> None:
    orders, answers = serve
    orders.write(setup_of(x="rule a { condition: nobody }"))
    told = read_answer(answers)
    assert isinstance(told, Refused)
    assert 'unknown identifier "nobody"' in told.why


def test_a_signal_is_named_as_the_system_does() -> None:
    if os.name == "nt":
        pytest.skip("no signals")
    with guarded_bad("aborts") as rules, pytest.raises(RulesFailed, match=signal.SIGABRT.name):
        rules.scan(b"bad", {})
