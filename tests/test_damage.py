"""A damaged line costs itself and no other: it is rejected for a stated reason, and its record leads back to it."""

from __future__ import annotations

import io
import json
import warnings
from collections import Counter
from pathlib import Path
from random import Random

import oracle
import pytest
from tencent_lines import DAMAGE, FIELDS, PLAIN, odd, plain, replaced

import cdnlog
from cdnlog.model import Accounting

LINES, DAMAGED = 100_000, 1000
GOOD = b'20261120223000 203.0.113.7 good.example / 10 4 2 200 - 3 "curl" "-" GET HTTPS hit 1'
BEFORE, AFTER = (replaced(GOOD, "domain", name) for name in (b"before.example", b"after.example"))
BOM = b"\xef\xbb\xbf"
MAX_LINE = 65_536


def accounted(path: Path, data: bytes, block: int = 1 << 20) -> tuple[cdnlog.Counts, Accounting]:
    """Write and count a log of the format."""
    path.write_bytes(data)
    counts = cdnlog.count(path, format="tencent-cdn", max_rejects=1.0, jobs=1, block=block)
    return counts, counts.inputs.total


def requests_of(counts: cdnlog.Counts) -> dict[str, int]:
    """Return the requests of each domain."""
    sums: Counter[str] = Counter()
    for (_, domain, _), cell in counts.table.items():
        sums[domain] += cell[0]
    return dict(sums)


def long(size: int) -> bytes:
    """Return a good line of exactly so many bytes."""
    return GOOD.replace(b" / ", b" /" + b"a" * (size - len(GOOD)) + b" ")


# A large log


@pytest.fixture(scope="module")
def spoilt() -> dict[int, str]:
    """Which lines of the log are damaged, and how; every way occurs."""
    names = list(DAMAGE)
    places = Random("places").sample(range(LINES), DAMAGED)
    return {place: names[i % len(names)] for i, place in enumerate(places)}


@pytest.fixture(scope="module")
def lines(spoilt: dict[int, str]) -> list[bytes]:
    """A log of which one line in a hundred is damaged."""
    rng = Random("lines")
    made = [plain(rng) if rng.random() < 0.8 else odd(rng) for _ in range(LINES)]
    for place, name in spoilt.items():
        made[place] = DAMAGE[name].spoil(plain(rng), rng)
    return made


def test_one_line_in_a_hundred_is_damaged(tmp_path: Path, lines: list[bytes], spoilt: dict[int, str]) -> None:
    """Every good line counts; every damaged one is rejected for a reason of its kind, at its file, line and offset."""
    assert len(DAMAGE) >= 20
    paths = [tmp_path / "first.log", tmp_path / "second.log"]
    halves = lines[: LINES // 2], lines[LINES // 2 :]
    for path, half in zip(paths, halves, strict=True):
        path.write_bytes(b"".join(line + b"\n" for line in half))
    file = io.BytesIO()
    counts = cdnlog.count(paths, format="tencent-cdn", max_rejects=1.0, jobs=2, rejects=file)

    good = b"\n".join(line for place, line in enumerate(lines) if place not in spoilt)
    table, fates = oracle.count(good, 300)
    assert {key: list(sums[:2]) for key, sums in counts.table.items()} == table
    assert fates["counted"] == counts.inputs.total.counted == LINES - DAMAGED

    records = [json.loads(record) for record in file.getvalue().splitlines()]
    places = [r["line"] - 1 + LINES // 2 * paths.index(Path(r["file"])) for r in records]
    assert places == sorted(spoilt)
    contents = {str(path): path.read_bytes() for path in paths}
    for place, record in zip(places, records, strict=True):
        content, offset = contents[record["file"]], record["offset"]
        assert content[offset : content.index(b"\n", offset)] == lines[place]
        assert record["reason"] in DAMAGE[spoilt[place]].reasons, (spoilt[place], lines[place][:200])
        assert min(record["text"], default=" ") >= " "
    assert Counter(record["reason"] for record in records) == counts.inputs.total.reject_reasons


@pytest.mark.parametrize("name", DAMAGE)
def test_each_way_gives_its_reasons(tmp_path: Path, name: str) -> None:
    """A way of damage gives the reasons its table names and no other, and the reference rejects these lines too."""
    rng = Random(name)
    bad = [DAMAGE[name].spoil(plain(rng), rng) for _ in range(200)]
    _, account = accounted(tmp_path / "log", b"".join(line + b"\n" for line in bad))
    assert account.rejected == len(bad)
    assert set(account.reject_reasons) <= DAMAGE[name].reasons
    assert {oracle.judge(line) for line in bad} == {"rejected"}


# Quotes


@pytest.mark.parametrize("place", ["start", "middle", "end"])
@pytest.mark.parametrize("quotes", [b'"', b'""', b'" "', b'"""'])
@pytest.mark.parametrize("field", FIELDS)
def test_a_stray_quote_costs_no_neighbour(tmp_path: Path, field: str, quotes: bytes, place: str) -> None:
    """One quote too many in any field, or several, may cost its own line; the lines around it count."""
    text = (PLAIN[field] or (b"20261120223000",))[0]
    at = {"start": 0, "middle": len(text) // 2, "end": len(text)}[place]
    stray = text[:at] + quotes + text[at:]
    bad = replaced(GOOD, field, b'"%b"' % stray if field in ("user_agent", "range") else stray)
    data = b"\n".join([BEFORE, bad, AFTER, bad, GOOD, b""])
    counts, account = accounted(tmp_path / "log", data)
    found = requests_of(counts)
    assert (found["before.example"], found["after.example"]) == (1, 1)
    assert account.lines == 5
    assert account.counted == oracle.count(data, 300)[1]["counted"]


def test_quotes_do_not_pair_across_lines(tmp_path: Path) -> None:
    """Two lines that each lost a quote, three lines apart, cost two lines."""
    bad = GOOD.replace(b'"', b"", 1)
    _, account = accounted(tmp_path / "log", b"\n".join([GOOD, bad, GOOD, GOOD, bad, GOOD]))
    assert (account.counted, dict(account.reject_reasons)) == (4, {"quote": 2})


# Single lines: what is between two good lines, and what becomes of it

FATES: dict[str, tuple[bytes, dict[str, int]]] = {
    "nothing": (b"", {"blank": 1}),
    "spaces and tabs": (b" \t  ", {"blank": 1}),
    "CR LF": (b"\r", {"blank": 1}),
    "two CRs": (b"\r\r", {"control": 1}),
    "a CR between spaces": (b" \r \r", {"control": 1}),
    "a BOM": (BOM, {"blank": 1}),
    "a comment": (b"#Fields: a b c", {"comments": 1}),
    "a comment behind a BOM": (BOM + b"# joined", {"comments": 1}),
    "a comment with a NUL": (b"#\0", {"comments": 1}),
    "a space before a comment": (b" # none", {"fields": 1}),
    "CR LF behind a good line": (GOOD + b"\r", {"counted": 1}),
    "two CRs behind a good line": (GOOD + b"\r\r", {"control": 1}),
    "a forged line behind a CR": (GOOD + b"\r" + GOOD, {"control": 1}),
    "a forged line behind a VT": (GOOD + b"\v" + GOOD, {"control": 1}),
    "a forged line behind an FF": (GOOD + b"\f" + GOOD, {"control": 1}),
    "NEL and U+2028 in the path": (replaced(GOOD, "path", "/\u0085\u2028".encode()), {"counted": 1}),
    "TAB, BEL, BS and ESC in the path": (replaced(GOOD, "path", b"/\t\a\b\x1b[2J"), {"counted": 1}),
    "DEL and C1 in the path": (replaced(GOOD, "path", b"/\x7f\x9b"), {"counted": 1}),
    "NULs": (bytes(300), {"control": 1}),
    "a million NULs": (bytes(1_000_000), {"too-long": 1}),
    "a line as long as may be": (long(MAX_LINE), {"counted": 1}),
    "the same with CR": (long(MAX_LINE) + b"\r", {"counted": 1}),
    "the same behind a BOM": (BOM + long(MAX_LINE - 3), {"counted": 1}),
    "a byte more": (long(MAX_LINE + 1), {"too-long": 1}),
    "a line of a million bytes": (long(1_000_000), {"too-long": 1}),
    "a comment beyond all length": (b"#" * (MAX_LINE + 1), {"too-long": 1}),
    "spaces beyond all length": (b" " * (MAX_LINE + 1), {"too-long": 1}),
    "spaces at the end": (GOOD + b"   ", {"counted": 1}),
    "no port": (GOOD[:-2], {"counted": 1}),
    "no port behind a BOM": (BOM + GOOD[:-2], {"counted": 1}),
    "no duration": (replaced(GOOD, "duration_ms", b""), {"counted": 1}),
    "no duration behind a BOM": (BOM + replaced(GOOD, "duration_ms", b""), {"counted": 1}),
    "no cache and no port": (GOOD[:-5], {"counted": 1}),
    "no cache and no port behind a BOM": (BOM + GOOD[:-5], {"counted": 1}),
}


@pytest.mark.parametrize("block", [7, 4096, 1 << 20])
@pytest.mark.parametrize("name", FATES)
def test_fate_of_a_line(tmp_path: Path, name: str, block: int) -> None:
    """Each odd line has the one fate that its table names, whatever the size of the blocks."""
    line, expected = FATES[name]
    counts, account = accounted(tmp_path / "log", b"\n".join([BEFORE, line, AFTER, b""]), block)
    fates = {"counted": account.counted - 2, "comments": account.comments, "blank": account.blank}
    assert {name: n for name, n in fates.items() if n} | dict(account.reject_reasons) == expected
    assert account.lines == 3
    assert requests_of(counts).keys() >= {"before.example", "after.example"}


@pytest.mark.parametrize("size", [MAX_LINE - 1, MAX_LINE, MAX_LINE + 1])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_no_place_of_a_cut_lengthens_a_line(tmp_path: Path, size: int, ending: bytes) -> None:
    """Where reading happens to stop near the end of the longest line changes nothing; its CR is no part of it."""
    data = long(size) + ending + AFTER + b"\n"
    for block in range(MAX_LINE - 12, MAX_LINE + 8):
        _, account = accounted(tmp_path / "log", data, block)
        assert dict(account.reject_reasons) == ({"too-long": 1} if size > MAX_LINE else {}), block


TAILS: dict[str, tuple[bytes, str]] = {
    "a whole line": (GOOD, "counted"),
    "a whole line and CR": (GOOD + b"\r", "counted"),
    "a comment": (b"# end", "comments"),
    "spaces": (b"  ", "blank"),
    "a line cut off": (GOOD[:40], "partial-tail"),
    "a line cut off in its agent": (GOOD[: GOOD.index(b"curl")], "partial-tail"),
    "a wrong status": (replaced(GOOD, "status", b"2e2"), "partial-tail"),
    "NULs": (bytes(99), "partial-tail"),
    "a line of a byte too many": (long(MAX_LINE + 1), "too-long"),
    "a line far too long": (long(2 * MAX_LINE), "too-long"),
}


@pytest.mark.parametrize("block", [7, 1 << 20])
@pytest.mark.parametrize("name", TAILS)
def test_last_line_without_lf(tmp_path: Path, name: str, block: int) -> None:
    """The last line may lack its LF; if it does not parse then, it was cut short while it was written."""
    tail, fate = TAILS[name]
    _, account = accounted(tmp_path / "log", GOOD + b"\n" + tail, block)
    fates = {"counted": account.counted - 1, "comments": account.comments, "blank": account.blank}
    assert {name: n for name, n in fates.items() if n} | dict(account.reject_reasons) == {fate: 1}
    assert account.lines == 2


@pytest.mark.parametrize("head", [b"# comment\n", b"\n", b" \r\n"])
@pytest.mark.parametrize(("lines", "block"), [(1001, 7), *((lines, 1 << 20) for lines in (999, 1000, 1001, 2000))])
def test_a_long_preamble_hides_nothing(tmp_path: Path, lines: int, head: bytes, block: int) -> None:
    """However many comments or blank lines a file begins with, its format is found and its lines count."""
    path = tmp_path / "log"
    path.write_bytes(head * lines + (GOOD + b"\n") * 5)
    account = cdnlog.count(path, block=block).inputs.total
    assert (account.counted, account.comments + account.blank, account.withheld) == (5, lines, 0)


def test_blocks_do_not_decide_the_format(tmp_path: Path) -> None:
    """What a file is told to be, from its first lines, does not depend on the size of the blocks."""
    path = tmp_path / "log"
    path.write_bytes((b"j" * 70_000 + b"\n") * 20 + (GOOD + b"\n") * 5)
    told = set()
    for block in (4096, 65_536, 1 << 20, 1 << 22):
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            report = cdnlog.count(path, block=block).inputs.files[0]
        told.add((report.verdict, report.accounting.counted, report.accounting.withheld))
    assert len(told) == 1


# The budget for rejected lines


@pytest.mark.parametrize(
    ("rejected", "total", "share", "over"),
    [
        (0, 100, 0.0, False),
        (10, 10, 0.01, False),
        (10, 11, 0.0, False),
        (11, 100, 0.01, True),
        (11, 1100, 0.01, False),
        (12, 1100, 0.01, True),
        (11, 100, 0.11, False),
        (11, 100, 0.1, True),
        (11, 11, 1.0, False),
        (11, 5000, 0.0, True),
    ],
)
def test_budget_of_rejects(tmp_path: Path, rejected: int, total: int, share: float, over: bool) -> None:
    """Ten rejects never make a file incomplete, more do so beyond the given share; good lines count either way."""
    path = tmp_path / "log"
    path.write_bytes(b"junk\n" * rejected + (GOOD + b"\n") * (total - rejected))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        counts = cdnlog.count(path, format="tencent-cdn", max_rejects=share)
    assert [report.over_budget for report in counts.inputs.files] == [over]
    assert [warning.category for warning in told] == [cdnlog.InputWarning] * over
    assert counts.inputs.exit_code == (3 if over else 0)
    assert counts.inputs.total.counted == total - rejected


@pytest.mark.parametrize("block", [7, 4096, 1 << 20])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_records_give_the_bytes_back(tmp_path: Path, ending: bytes, block: int) -> None:
    """Rejects carry line number and offset in the file, also behind lines too long for a block."""
    rng = Random(ending)
    lines = [DAMAGE[name].spoil(plain(rng), rng) for name in DAMAGE for _ in range(3)]
    data = b"".join(line + ending + plain(rng) + ending for line in lines)
    path, file = tmp_path / "log", io.BytesIO()
    path.write_bytes(data)
    cdnlog.count(path, format="tencent-cdn", max_rejects=1.0, rejects=file, block=block)
    records = [json.loads(record) for record in file.getvalue().splitlines()]
    assert [record["line"] for record in records] == list(range(1, 2 * len(lines), 2))
    assert [data[r["offset"] :][: len(line)] for r, line in zip(records, lines, strict=True)] == lines


@pytest.mark.parametrize("end", range(0, len(GOOD), 7))
def test_a_short_line_is_judged_by_itself(tmp_path: Path, end: int) -> None:
    """What becomes of the beginning of a line does not depend on what follows it in its block."""
    fates = set()
    for tail, counted, blank in ((b"\n", 0, 0), (b"\n" + GOOD + b"\n", 1, 0), (b"\n\n", 0, 1)):
        (tmp_path / "a.log").write_bytes(GOOD[:end] + tail)
        total = cdnlog.count(tmp_path / "a.log", format="tencent-cdn", max_rejects=1).inputs.total
        fates.add((total.counted - counted, total.blank - blank, *total.reject_reasons))
    assert len(fates) == 1
