"""A script as users write it: `tests/test_typing.py` holds that a type checker has nothing to say about it."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import matplotlib.axes
import pandas as pd
import polars as pl

import cdnlog


def worst(folder: Path) -> cdnlog.Finding | None:
    """Return the worst finding of a folder of logs."""
    diagnosis = cdnlog.diagnose(folder, window="1min", tz="Asia/Seoul", since=date(2026, 11, 20), progress=True)
    return diagnosis[0] if len(diagnosis) else None


def told(diagnosis: cdnlog.Diagnosis) -> list[str]:
    """Use every way to tell a diagnosis."""
    table: pd.DataFrame = diagnosis.findings
    cards: list[str] = [f"{finding.severity} {finding.domain}: {finding.fix[0]}" for finding in diagnosis]
    document = json.loads(diagnosis.to_json())
    first: tuple[cdnlog.Finding, ...] = diagnosis[:3]
    same: cdnlog.Finding = diagnosis[first[0].id]
    return [*cards, diagnosis.to_markdown(), diagnosis.to_html(), str(len(table) + len(document)), same.cause]


def counted() -> cdnlog.Counts:
    """Count everything that can be counted."""
    with gzip.open("a.gz") as zipped, Path("b.log").open("rb") as plain:
        counts = cdnlog.count([zipped, plain, "c.log", Path("d.log")], by=["cache"], domain="www.*")
    counts += cdnlog.count(io.BytesIO(b""), since=datetime.now(UTC), until="2026-11-21")
    frame = cdnlog.read("*.gz", ["time", "status"])
    counts += cdnlog.count(frame) + cdnlog.count([frame, frame]) + cdnlog.count(pl.from_pandas(frame))
    parts: Iterator[pd.DataFrame] = cdnlog.stream("logs/")
    return (counts + cdnlog.count(parts)).resample("1h")


def drawn(counts: cdnlog.Counts, diagnosis: cdnlog.Diagnosis) -> matplotlib.axes.Axes:
    """Draw all pictures."""
    ax = counts.plot("www.*", classes=["4xx", "5xx"], incidents=diagnosis)
    ax = counts.heatmap(ax=ax)
    ax = diagnosis.plot(ax=ax)
    ax.set_title("all")
    return diagnosis.timeline(ax=ax)


def looked_at(counts: cdnlog.Counts, finding: cdnlog.Finding) -> pd.DataFrame:
    """Look closer."""
    pivot: pd.DataFrame = counts.pivot(columns="domain", values="bytes")
    share: pd.DataFrame = counts.share()
    failed = cdnlog.rows(finding, "logs/", ["time", "client_ip"], lang="ko")
    answer: cdnlog.Answer = cdnlog.explain(finding.status, finding.provider, lang="ko")
    renamed = failed.rename(columns=cdnlog.names("otel"))
    return pd.concat([pivot, share, renamed, pd.DataFrame({"text": [answer.to_markdown()]})])


def careful(path: str) -> pd.DataFrame | None:
    """Catch what can go wrong."""
    try:
        return cdnlog.read(path, keep_damaged=False)
    except cdnlog.UnknownNameError as error:
        raise SystemExit(error.known) from error
    except cdnlog.DamagedInput as error:
        return None if error.verdict == "truncated" else cdnlog.read(path, keep_damaged=True)
