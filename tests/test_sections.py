"""A large plain file, counted in sections, gives what it gives as a whole: sums, evidence, rejects, verdict."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import hostile
import pytest
from test_evidence import content

from cdnlog.formats import W3c
from cdnlog.model import MAX_LINE, Block, Verdict
from cdnlog.options import settings
from cdnlog.parse import Headers
from cdnlog.parse.w3c import W3cSplitter
from cdnlog.pipeline import CountFile
from cdnlog.sections import Section, sections
from cdnlog.source import find
from cdnlog.totals import Counted, joined, whole
from cdnlog.workers import Monitor

FIRST = "#Fields: date time s-ip cs-method cs-uri-stem sc-status time-taken"
OTHER = "#Fields: date time sc-status cs-uri-stem cs-method"
IIS = (
    f"#Software: x\n{FIRST}\n",
    "2026-11-20 10:00:0{} 10.0.0.1 GET /a 200 15\n",
    f"{OTHER}\n",
    "2026-11-20 10:00:0{} 404 /b GET\n",
)


def counted(task: CountFile, given: Any) -> Counted:  # noqa: ANN401 - an input or a section
    """Run the task in this thread."""
    return task((0, given), Monitor(Event()))


def both(path: Path, size: int, **options: Any) -> tuple[Counted, Counted, int]:  # noqa: ANN401 - any option
    """Return a file counted whole and in sections, and how many these were."""
    made = settings("1h", {"block": 4096, **options})
    task = CountFile(made, None, gather=True, inline=True)
    (found,) = find([path]).inputs
    parts = sections(found, made, size)
    done = [counted(task, part) for part in parts]
    half = len(done) // 2
    if half:  # neighbours may be joined first
        done = [joined(done[:half]), joined(done[half:])]
    return counted(task, found), whole(done, made) if done else counted(task, found), len(parts)


def same(one: Counted, other: Counted) -> None:
    """Compare all that there is."""
    assert one.report == other.report
    assert one.rejects == other.rejects
    assert (one.counts is None) == (other.counts is None)
    if one.counts is not None and other.counts is not None and one.kept is not None and other.kept is not None:
        assert one.counts.table == other.counts.table
        assert content(one.kept.evidence()) == content(other.kept.evidence())


@pytest.mark.parametrize("name", sorted(hostile.FORMATS))
def test_sections_are_the_file(tmp_path: Path, name: str) -> None:
    """Any format, with hostile lines and a torn end, cut anywhere: the same sums, places of rejects, report."""
    rng = Random(name)
    path = tmp_path / "x.log"
    path.write_bytes(hostile.log(hostile.FORMATS[name], rng, 30).removesuffix(b"\n")[: -rng.randrange(1, 9)])
    for size in (400, 5000):
        one, other, _ = both(path, size, format=name)
        same(one, other)


def test_the_format_is_told_once(tmp_path: Path) -> None:
    """A file whose format is told by its first lines is cut, and what follows is read by that format."""
    rng = Random(1)
    lines = [hostile.FORMATS["tencent-cdn"].samples[0].line.encode() + b"\n"] * 3000
    lines[2000:2000] = [hostile.line(hostile.FORMATS["combined"], rng) + b"\n" for _ in range(50)]
    path = tmp_path / "x.log"
    path.write_bytes(b"".join(lines))
    one, other, parts = both(path, 50_000)
    assert parts > 5
    assert one.report.accounting.rejected
    assert one.report.over_budget
    same(one, other)


def test_a_header_amid_a_section_goes_on_in_the_next(tmp_path: Path) -> None:
    """The `#Fields:` line that is in force where a section begins stands in another one."""
    rng = Random(2)
    path = tmp_path / "x.log"
    first, row, second, short = IIS
    runs = [
        (first + "".join(row.format(i) for i in range(9)), second + "".join(short.format(i) for i in range(9)))[i % 2]
        for i in range(20)
    ]
    rng.shuffle(runs)
    path.write_text(first + row.format(1) + "".join(runs), encoding="utf-8")
    for size in (40, 1000):
        one, other, parts = both(path, size, format="iis-w3c")
        assert parts > 5
        assert one.report.accounting.counted > 100
        same(one, other)


@pytest.mark.parametrize("seed", range(12))
def test_headers_passed_by_are_those_that_are_read(seed: int) -> None:
    """Going from header to header remembers what reading all lines does; its lines, read first, lead to the same."""
    rng = Random(seed)
    pieces = [
        b"#Fields: a b\n", b"#Fields: c\r\n", b"\xef\xbb\xbf#Fields: d\n", b"x #Fields: e\n", b"\n", b"#Fields:\n",
        b"y\n",
        b"#Fields: " + b"z" * MAX_LINE + b"\n", b" #Fields: f\n", b"\xef\xbb\xbf\xef\xbb\xbf#Fields: g\n",
        b"#Fields: h\r\r\n", *(b"#Fields: %d\n" % n for n in range(70) if seed % 2),
    ]  # fmt: skip
    chosen = rng.choices(pieces, k=200 if seed % 2 else 6)
    block = Block.of([b"".join(chosen) + rng.choice([b"", b"#Fields: end"])], 1, 0)
    fmt = hostile.FORMATS["iis-w3c"]
    assert isinstance(fmt, W3c)
    read, passed, told = W3cSplitter(fmt), Headers(), W3cSplitter(fmt)
    read.split(block)
    passed.pass_by(block)
    assert (passed.current, passed.lines) == (read.headers.current, read.headers.lines)
    if passed.lines:
        told.split(Block.of([passed.lines], 1, 0))
    assert (told.headers.current, told.headers.lines) == (passed.current, passed.lines)


def test_a_file_that_shrank_is_truncated(tmp_path: Path) -> None:
    """What was cut into sections and is shorter by now is withheld, or counted up to there if that is asked for."""
    path = tmp_path / "x.log"
    line = hostile.FORMATS["tencent-cdn"].samples[0].line.encode() + b"\n"
    path.write_bytes(line * 100)
    for keep in (False, True):
        made = settings("1h", {"keep_damaged": keep, "format": "tencent-cdn"})
        task = CountFile(made, None, gather=True, inline=True)
        path.write_bytes(line * 100)
        (found,) = find([path]).inputs
        parts = sections(found, made, len(line) * 10)
        path.write_bytes((line * 100)[: len(line) * 54 + 7])
        report = whole([counted(task, part) for part in parts], made).report
        assert (report.verdict, report.problem) == (Verdict.TRUNCATED, "the file shrank while it was read")
        account = report.accounting
        assert (account.lines, account.counted, account.rejected) == ((55, 54, 1) if keep else (55, 0, 0))


def test_a_section_that_killed_its_worker_spoils_the_file(tmp_path: Path) -> None:
    """A section that cannot be counted makes the file unreadable: none of its lines count."""
    path = tmp_path / "x.log"
    path.write_bytes(hostile.FORMATS["tencent-cdn"].samples[0].line.encode() + b"\n")
    made = settings("1h", {})
    task = CountFile(made, None, gather=True, inline=True)
    (found,) = find([path]).inputs
    good = counted(task, Section(found, "tencent-cdn"))
    result = whole([good, task.failed(found, "it died"), good], made)
    assert (result.report.verdict, result.report.problem, result.counts) == (Verdict.UNREADABLE, "it died", None)
    assert (result.report.accounting.lines, result.report.accounting.withheld) == (1, 1)
    to = io.BytesIO()
    result.hand_over_rejects(to)
    assert to.getvalue() == b""


def test_compressed_files_and_unclear_ones_are_read_whole(tmp_path: Path) -> None:
    """Nothing is cut that must be read from its beginning."""
    made = settings("1h", {})
    texts = {"a.log": b"no line of any log\n" * 2000, "b.log": b"# nothing\n" * 2000, "c.log": b""}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    logs = [*find([tmp_path]).inputs, *find(["sample_logs/2026112000-api.example.com.gz"]).inputs]
    assert [sections(one, made, 100) for one in logs] == [(), (), (), ()]
