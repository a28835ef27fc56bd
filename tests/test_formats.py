"""Every format of the catalogue: its samples are read as it says, told from all others, and counted like their rows.

Nothing here names a format: a new TOML file under schemas/formats/ is tested by being there.
"""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

import cdnlog
from cdnlog.catalog import Catalog
from cdnlog.formats import LogFormat, Sample
from cdnlog.model import Verdict

CATALOG = Catalog()
FORMATS = CATALOG.formats()


def header(fmt: LogFormat, sample: Sample) -> bytes:
    """Return the header a sample stands below, if its kind has headers."""
    text = sample.header or getattr(fmt, "header", None)
    return text.encode() + b"\n" if text else b""


def text(fmt: LogFormat, *chosen: Sample) -> bytes:
    """Return samples as a file, each below its header."""
    return b"".join(header(fmt, sample) + sample.line.encode() + b"\n" for sample in chosen)


def good(fmt: LogFormat) -> list[Sample]:
    """Return the samples that are accepted."""
    return [sample for sample in fmt.samples if sample.expect is not None]


def saved(path: Path, data: bytes) -> Path:
    """Write a file and return it."""
    path.write_bytes(data)
    return path


def each_sample() -> list[Any]:
    """Return every sample of every format, as test parameters."""
    return [
        pytest.param(fmt, sample, id=f"{name}-{i}")
        for name, fmt in FORMATS.items()
        for i, sample in enumerate(fmt.samples, 1)
    ]


each_format = pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)


@pytest.mark.parametrize(("fmt", "sample"), each_sample())
def test_samples_hold(fmt: LogFormat, sample: Sample, tmp_path: Path) -> None:
    """A sample is parsed to exactly what it expects, or rejected for the reason it states."""
    path = saved(tmp_path / "sample.log", text(fmt, sample))
    if sample.expect is None:
        rejects = io.BytesIO()
        total = cdnlog.count(path, format=fmt.name, rejects=rejects).inputs.total
        assert (total.lines - total.comments, total.rejected) == (1, 1)
        assert json.loads(rejects.getvalue())["reason"] == sample.reject
        return
    frame = cdnlog.read(path, format=fmt.name)
    assert len(frame) == 1
    found = {column: frame[column].iloc[0] for column in sample.expect}
    expected = dict(sample.expect)
    if "time" in expected:
        expected["time"] = datetime.fromisoformat(expected["time"])
        assert expected["time"].tzinfo is not None
    assert found == expected


@each_format
def test_samples_say_what_counts(fmt: LogFormat) -> None:
    """Every accepted sample says what its time and status are, and one at least which domain and how many bytes."""
    expected = [sample.expect or {} for sample in good(fmt)]
    assert all({"time", "status"} <= expect.keys() for expect in expected)
    columns = {column for field in fmt.fields for column in field.columns}
    for column in {"domain", "bytes"} & columns:
        assert any(column in expect for expect in expected)


@pytest.mark.parametrize(("fmt", "sample"), [p for p in each_sample() if p.values[1].expect is not None])
def test_a_single_sample_tells_its_format(fmt: LogFormat, sample: Sample, tmp_path: Path) -> None:
    """One line is enough to tell its format from all others."""
    report = cdnlog.count(saved(tmp_path / "x", text(fmt, sample))).inputs.files[0]
    assert (report.verdict, report.format) == (Verdict.OK, fmt.name), report.problem


@each_format
def test_all_samples_tell_their_format(fmt: LogFormat, tmp_path: Path) -> None:
    """The samples together, the rejected ones among them, tell their format, and the accounting is exact."""
    report = cdnlog.count(saved(tmp_path / "x", text(fmt, *fmt.samples)), max_rejects=1.0).inputs.files[0]
    assert (report.verdict, report.format) == (Verdict.OK, fmt.name), report.problem
    assert report.accounting.counted == len(good(fmt))
    assert report.accounting.rejected == len(fmt.samples) - len(good(fmt))


def columns_of(fmt: LogFormat) -> list[str]:
    """Return the columns of a format that can be counted by."""
    return sorted({c for field in fmt.fields for c in field.columns} - {"time", "domain", "status", "bytes", "weight"})


@each_format
def test_rows_count_like_their_log(fmt: LogFormat, tmp_path: Path) -> None:
    """What `read` makes of a log counts like the log, by every column there is."""
    path = saved(tmp_path / "x", text(fmt, *fmt.samples) * 3)
    for by in [[], *([column] for column in columns_of(fmt))]:
        counts = cdnlog.count(path, format=fmt.name, tz="UTC", by=by, max_rejects=1.0)
        assert cdnlog.count(cdnlog.read(path, format=fmt.name, max_rejects=1.0), tz="UTC", by=by) == counts
        assert counts.inputs.total.counted == 3 * len(good(fmt))


@each_format
def test_what_is_asked_for_changes_no_fate(fmt: LogFormat, tmp_path: Path) -> None:
    """The same lines are rejected whatever columns are wanted."""
    path = saved(tmp_path / "x", damaged(text(fmt, *fmt.samples), Random(fmt.name)))
    options: Any = {"format": fmt.name, "max_rejects": 1.0, "tz": "UTC"}
    total = cdnlog.count(path, **options).inputs.total
    for column in columns_of(fmt):
        assert cdnlog.count(path, by=[column], **options).inputs.total == total
        assert len(cdnlog.read(path, columns=[column], **options)) == total.counted


def damaged(data: bytes, rng: Random) -> bytes:
    """Return the lines and, behind them, copies with a byte changed, put in or left out."""
    lines = data.split(b"\n")[:-1]
    for _ in range(100):
        line = bytearray(rng.choice(lines) or b"-")
        at = rng.randrange(len(line))
        line[at : at + rng.randrange(2)] = rng.choice(
            [b"", b'"', b" ", b"\\", b"\x00", b"\xff", b"\t", b"9", b"{", b"|"]
        )
        lines.append(bytes(line).replace(b"\n", b""))
    return b"\n".join(lines) + b"\n"


@each_format
@pytest.mark.parametrize("block", [7, 1 << 20])
def test_blocks_do_not_matter(fmt: LogFormat, block: int, tmp_path: Path) -> None:
    """However a file is cut into blocks, the table, the accounting and the rejected lines are the same."""
    path = saved(tmp_path / "x", damaged(text(fmt, *fmt.samples), Random(fmt.name)))
    found = []
    for size in (block, 4096):
        rejects = io.BytesIO()
        counts = cdnlog.count(path, format=fmt.name, max_rejects=1.0, block=size, rejects=rejects, tz="UTC")
        found.append((counts.table, counts.inputs.total, rejects.getvalue()))
    assert found[0] == found[1]


@each_format
def test_a_bad_line_costs_itself_only(fmt: LogFormat, tmp_path: Path) -> None:
    """Between any two lines a line that is none, a stray quote at its end, adds one reject and nothing else."""
    whole = [text(fmt, sample) for sample in good(fmt)]
    options: Any = {"format": fmt.name, "max_rejects": 1.0, "tz": "UTC"}
    before = cdnlog.count(saved(tmp_path / "x", b"".join(whole)), **options)
    for i in range(1, len(whole) + 1):
        data = b"".join([*whole[:i], b'no line of any log "\n', *whole[i:]])
        after = cdnlog.count(saved(tmp_path / "x", data), **options)
        assert after.table == before.table
        assert after.inputs.total.rejected == 1


@each_format
def test_line_ends_do_not_matter(fmt: LogFormat, tmp_path: Path) -> None:
    """CRLF for LF, no LF at the end and a BOM at the start change nothing."""
    data = text(fmt, *good(fmt))
    options: Any = {"format": fmt.name, "tz": "UTC"}
    before = cdnlog.count(saved(tmp_path / "x", data), **options)
    for other in (data.replace(b"\n", b"\r\n"), data[:-1], b"\xef\xbb\xbf" + data, b"\n \t\n" + data):
        after = cdnlog.count(saved(tmp_path / "x", other), **options)
        assert after.table == before.table
        assert after.inputs.total.rejected == 0
