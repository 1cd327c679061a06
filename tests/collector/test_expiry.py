"""The end of the server's certificate: who is told of it, and when."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from collector.certificate import CERTIFICATE, make_certificate, read_chain
from collector.expiry import CertificateEnd

DAY = 86_400_000
UNTIL = 1_796_083_200_000  # 2026-12-01


def told(left: int) -> str:
    return CertificateEnd(UNTIL, "x.pem", lambda: UNTIL - left).notice()


def test_nothing_is_said_while_there_is_time() -> None:
    assert told(61 * DAY) == ""


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (60 * DAY, "ends on 2026-12-01, in 60 days."),
        (DAY, "ends on 2026-12-01, in 1 day."),
        (1, "in 0 days."),
        (0, "ended on 2026-12-01 00:00 UTC: no agent takes it."),
        (-DAY, "ended on"),
    ],
)
def test_people_are_told_sixty_days_before(left: int, words: str) -> None:
    assert words in told(left)
    assert "--renew" in told(left)


def test_it_is_read_from_the_file(tmp_path: Path) -> None:
    make_certificate(tmp_path, ["collector"])
    found = CertificateEnd.of(tmp_path / CERTIFICATE)
    assert found is not None
    made = read_chain(tmp_path / CERTIFICATE)[0]
    assert found.until == made.not_valid_after_utc.timestamp() * 1000
    assert found.notice() == ""


def test_a_file_that_is_no_certificate_for_us_is_said_and_not_watched(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "x.pem").write_text("nothing")
    assert CertificateEnd.of(tmp_path / "x.pem") is None
    assert "not watched" in caplog.text


@pytest.mark.parametrize(("left", "lines"), [(59 * DAY, 1), (61 * DAY, 0)])
def test_the_log_has_it_at_once(left: int, lines: int, caplog: pytest.LogCaptureFixture) -> None:
    async def watched() -> None:
        task = asyncio.create_task(CertificateEnd(UNTIL, "x.pem", lambda: UNTIL - left).watch())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with caplog.at_level(logging.WARNING):
        asyncio.run(watched())
    assert [record.levelname for record in caplog.records] == ["WARNING"] * lines
