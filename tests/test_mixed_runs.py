"""Runs that mix formats: each domain is told by its own vendor's table, and what a log lacks is said, not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cases import log

import cdnlog

NGINX = (
    '198.51.100.{ip} - - [20/Nov/2026:0{hour}:{minute:02d}:01 +0800] "GET /p{ip} HTTP/1.1" {status} 512 "-" "curl/8"\n'
)


def nginx(*, failing: bool) -> str:
    """Return two hours of a log without a cache column; every answer of the second is 502 if `failing`."""
    return "".join(
        NGINX.format(ip=ip, hour=hour, minute=minute, status=502 if failing and hour else 200)
        for hour in (0, 1)
        for minute in range(60)
        for ip in range(1, 21)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A Tencent log with refused requests beside a larger, healthy nginx log."""
    (tmp_path / "tencent.log").write_text(log("200 514 " * 30))
    (tmp_path / "nginx.log").write_text(nginx(failing=False))
    return tmp_path


def test_each_domain_asks_its_own_table(folder: Path) -> None:
    """Most lines are nginx's; the 514 is Tencent's all the same."""
    (finding,) = (f for f in cdnlog.diagnose(folder) if f.status == 514)
    assert (finding.provider, finding.name) == ("tencent-cdn", "IP access frequency limit exceeded")


def test_a_frame_knows_its_table(folder: Path) -> None:
    """Rows that were read are told by the table that their file is told by."""
    path = folder / "nginx.log"
    path.write_text(nginx(failing=True))
    whole, rows = cdnlog.diagnose(path, tz="UTC"), cdnlog.diagnose(cdnlog.read(path), tz="UTC")
    assert [finding.id for finding in rows] == [finding.id for finding in whole]
    assert {finding.provider for finding in whole} == {"nginx"}


def test_a_log_without_a_cache_column_blames_no_cache(folder: Path) -> None:
    """What the cache did is not measurable, and the column to switch on is named."""
    path = folder / "nginx.log"
    path.write_text(nginx(failing=True))
    (finding,) = (f for f in cdnlog.diagnose(path) if f.status == 502)
    assert finding.cause != "cache-buster"
    assert finding.owner == "origin"
    (said,) = (one for one in finding.evidence if one["rule"] == "E41")
    assert (said["verdict"], "cache status" in said["statement"]) == ("not-measurable", True)


def test_a_damaged_log_is_sure_of_nothing(tmp_path: Path) -> None:
    """With more than one line in a thousand rejected no cause is of high confidence, and the finding says why."""
    (tmp_path / "a.log").write_text(log("200 " * 200 + "bad " * 5 + "531 " * 60))
    (finding,) = (f for f in cdnlog.diagnose(tmp_path) if f.status == 531)
    assert finding.confidence != "high"
    assert "E14" in {one["rule"] for one in finding.evidence}
