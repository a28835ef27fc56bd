"""How a finding compares with earlier nights when its cause is told anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

import cdnlog
from cdnlog.history.baseline import Baseline, Seen, base_id

LOGS = "sample_logs/2026112003-api.example.com.gz"


@pytest.mark.parametrize(
    ("cause", "status", "state"),
    [
        ("as-it-is", 502, "chronic"),
        ("undetermined", 502, "chronic"),
        ("background", 502, "new"),
        ("undetermined", 504, "new"),
    ],
)
def test_a_flipped_cause_is_no_new_incident(cause: str, status: int, state: str) -> None:
    """An incident of the same code is the same one under another cause; background noise or another code is not."""
    finding = cdnlog.diagnose(LOGS)[0]
    starts = int(datetime.fromisoformat(finding.start).timestamp())
    name = base_id(finding.id) if cause == "as-it-is" else f"{finding.domain}/{status}/{cause}"
    before = Seen(
        1, name, finding.domain, status, cause, finding.requests, finding.total, starts - 86_400, starts - 82_800
    )
    baseline = Baseline(cdnlog.count(LOGS, window="1h"), [before])
    assert baseline.state(replace(finding, state="unknown"), starts, finding.total) == state
