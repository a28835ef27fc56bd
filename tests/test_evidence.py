"""Rows kept for the diagnosis: all of them up to the caps, the same ones whatever the split, a fair sample beyond."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from tencent_lines import log, odd, plain, replaced, saved

from cdnlog import evidence, gather
from cdnlog.columns import Coded, Column, Numbers
from cdnlog.evidence import NUMBERS, TEXTS, Evidence
from cdnlog.gather import Gatherer, Kept, merged
from cdnlog.model import MICROSECONDS, Accounting, Batch
from cdnlog.options import settings
from cdnlog.pipeline import Counter as FileCounter
from cdnlog.source import find
from cdnlog.strings import LONGEST

CELL = 300
START = 1_795_104_000 * MICROSECONDS
TINY = {"PER_STRATUM": 3, "ROWS": 20}
TIMES, FAILING = NUMBERS.index("time"), (0, 400, 404, 502, 999)


class Row(NamedTuple):
    """One request; of what it does not name the log says nothing. The first five draw its ticket."""

    at: int = 0
    sent: int = 10
    client: str | None = "203.0.113.7"
    path: str | None = "/a"
    agent: str | None = "curl"
    status: int = 502
    domain: str = "www.example.com"
    referer: str | None = None
    cache: str | None = "miss"


NAMES = {"client": "client_ip", "path": "path", "agent": "user_agent", "domain": "domain"}
TEXT_FIELDS = {**NAMES, "referer": "referer", "cache": "cache"}


def texts(values: Sequence[str | None]) -> Coded:
    """Return a column of text."""
    known = list(dict.fromkeys(values))
    return Coded((np.array([known.index(value) for value in values], np.int64), known))


def batch(rows: Sequence[Row]) -> Batch:
    """Return requests as a batch."""
    columns: dict[str, Column] = {
        "time": Numbers(np.array([START + row.at * MICROSECONDS for row in rows], np.int64)),
        "bytes": Numbers(np.array([row.sent for row in rows], np.int64)),
        "status": Numbers(np.array([row.status for row in rows], np.int64)),
        **{column: texts([getattr(row, name) for row in rows]) for name, column in TEXT_FIELDS.items()},
    }
    return Batch(columns, len(rows), Accounting(lines=len(rows), counted=len(rows)))


def gathered(batches: Iterable[Sequence[Row]], cell: int = CELL) -> Evidence:
    """Return what is kept of the batches of one file."""
    return kept_of_batches(batches, cell).evidence()


def kept_of_batches(batches: Iterable[Sequence[Row]], cell: int = CELL) -> Kept:
    """Return the same, to be merged."""
    gatherer = Gatherer(cell)
    for rows in batches:
        gatherer.add(batch(rows))
    return gatherer.kept()


def column(kept: Evidence, name: str) -> list[Any]:
    """Return one text column, row by row."""
    codes, values = kept.column(name)
    return [values[code] for code in codes.tolist()]


def content(kept: Evidence) -> Counter[Any]:
    """Return the kept rows with all that they say, in no order."""
    said = zip(*(column(kept, name) for name in TEXTS), strict=True)
    return Counter(zip(map(tuple, kept.numbers.tolist()), said, kept.tickets.tolist(), strict=True))


def said(rows: Kept) -> Counter[Any]:
    """Return the same of rows that are not evidence yet."""
    return content(rows.evidence())


def strata(kept: Evidence) -> Counter[Any]:
    """Return how many rows are kept of each stratum."""
    hits = (word == "hit" for word in column(kept, "cache"))
    starts = (time // (CELL * MICROSECONDS) for time in kept.numbers[:, TIMES].tolist())
    return Counter(zip(starts, column(kept, "domain"), kept.status.tolist(), hits, strict=True))


def made(rng: Random, most: int) -> list[Row]:
    """Return rows of small pools, so that they meet in a stratum, draw one ticket, or are alike altogether."""
    pools: dict[str, Sequence[Any]] = {
        "at": (0, 1, CELL - 1, CELL),
        "sent": (0, 10),
        "client": ("203.0.113.7", None),
        "path": ("/a", "/b", "/" + "c" * 40),
        "status": rng.choice(((502,), (200, 404, 502, 502, 0))),
        "domain": ("a.example", "b.example"),
        "referer": (None, "x", "y"),
        "cache": ("hit", "miss", None),
    }
    return [Row(**{name: rng.choice(pool) for name, pool in pools.items()}) for _ in range(rng.randrange(most + 1))]


@pytest.fixture(params=["tiny", "real"])
def _caps(request: pytest.FixtureRequest) -> Iterable[None]:
    """Make the caps so small that they bite, or leave them."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "tiny":
            for name, value in {**TINY, "POOL": 10, "FRESH": 5}.items():
                patch.setattr(gather, name, value)
        yield


@pytest.mark.usefixtures("_caps")
def test_merging_obeys_its_laws() -> None:
    """Merging is associative and commutative, nothing is its unit, and merging once more changes nothing."""
    for seed in range(60):
        rng = Random(seed)
        a, b, c = (kept_of_batches([made(rng, 30), made(rng, 30)]) for _ in range(3))
        whole = said(merged([a, b, c]))
        assert said(merged([merged([a, b]), c])) == said(merged([a, merged([b, c])])) == whole, seed
        assert said(merged([c, b, a])) == whole, seed
        assert said(merged([a, Kept.empty(CELL)])) == said(merged([Kept.empty(CELL), a])) == said(a)
        assert said(merged([merged([a, b, c])])) == whole, seed
    assert len(merged([Kept.empty(CELL)])) == 0


@pytest.mark.usefixtures("_caps")
def test_any_split_keeps_the_same_rows() -> None:
    """One batch or many, one file or many, in this order or that: the very same rows are kept."""
    for seed in range(60):
        rng = Random(seed)
        rows = made(rng, 60)
        whole = content(gathered([rows]))
        rng.shuffle(rows)
        cuts = sorted(rng.choices(range(len(rows) + 1), k=4))
        parts = [rows[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
        files = [parts[:2], parts[2:3], parts[3:]]
        halves = [[rows[cuts[0] :]], [rows[: cuts[0]]]]
        assert content(gathered(parts)) == whole, seed
        assert said(merged([Kept.empty(CELL), *map(kept_of_batches, files)])) == whole, seed
        assert said(merged(list(map(kept_of_batches, halves)))) == whole, seed
        if seed % 4 == 0:  # row by row
            assert content(gathered([row] for row in rows)) == whole, seed


@pytest.mark.usefixtures("_caps")
def test_threads_may_gather_together() -> None:
    """Several threads with one gatherer keep what one would."""
    for seed in range(10):
        rng = Random(seed)
        parts = [batch(made(rng, 30)) for _ in range(12)]
        alone, shared = Gatherer(CELL), Gatherer(CELL)
        for part in parts:
            alone.add(part)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(shared.add, parts))
        assert said(shared.kept()) == said(alone.kept()), seed


@pytest.mark.parametrize("seed", range(10))
def test_below_the_caps_nothing_is_lost(seed: int) -> None:
    """Up to the caps every row is kept, with all that it says."""
    rows = made(Random(seed), 200)
    kept = gathered([rows])
    said = zip(kept.status.tolist(), *(column(kept, name) for name in TEXT_FIELDS.values()), strict=True)
    assert Counter(said) == Counter((row.status, *(getattr(row, name) for name in TEXT_FIELDS)) for row in rows)
    assert sorted(kept.numbers[:, TIMES].tolist()) == sorted(START + row.at * MICROSECONDS for row in rows)


def test_the_caps_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stratum keeps more than its cap, of served requests a quarter; all together keep as many as there is room."""
    monkeypatch.setattr(gather, "PER_STRATUM", 8)
    monkeypatch.setattr(gather, "ROWS", 20)
    for seed in range(100):
        rows = made(Random(seed), 60)
        kept = gathered([rows])
        assert strata(kept) <= Counter({key: limit(key) for key in strata(kept)}), seed
        assert len(kept) == min(20, sum(min(n, limit(key)) for key, n in sizes(rows).items())), seed


def limit(stratum: tuple[int, str, int, bool]) -> int:
    """Return how many rows of a stratum are kept at most where eight are kept of failing ones."""
    return 8 if stratum[2] in FAILING else 2


def sizes(rows: Iterable[Row]) -> Counter[Any]:
    """Return how many rows each stratum has."""
    return Counter((row.at // CELL, row.domain, row.status, row.cache == "hit") for row in rows)


def test_strata_share_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap of all rows each stratum keeps as many as any other, and a small one all that it has."""
    monkeypatch.setattr(gather, "ROWS", 41)
    crowd = [Row(at=300 * cell, sent=n) for cell in range(10) for n in range(100)]
    few = [Row(status=404, sent=n) for n in range(1)]
    kept = strata(gathered([crowd, few]))
    assert sorted(kept.values()) == [1, *[4] * 10]


def crowded(seed: int, status: int, n: int = 12_000) -> list[Row]:
    """Return one stratum: half of the rows have the path /half, a tenth the client 192.0.2.1, all in any order."""
    rng = Random(seed)
    rows = [
        Row(
            at=rng.randrange(CELL),
            sent=rng.choice((0, 1000, rng.randrange(5000))),
            client="192.0.2.1" if rng.random() < 0.1 else f"198.51.100.{rng.randrange(200)}",
            path="/half" if i % 2 else f"/{rng.randrange(50)}",
            agent=rng.choice(("curl", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101")),
            status=status,
        )
        for i in range(n)
    ]
    rng.shuffle(rows)
    return rows


@pytest.mark.parametrize(("status", "share"), [(502, 256), (404, 256), (0, 256), (200, 64), (304, 64)])
def test_the_sample_is_fair(status: int, share: int) -> None:
    """Beyond the cap a path with half of the rows has about half of those kept, and a rare client its tenth."""
    halves, tenths = [], []
    for seed in range(6):
        kept = gathered([crowded(seed, status, 4000)])
        assert len(kept) == share
        halves.append(column(kept, "path").count("/half") / share)
        tenths.append(column(kept, "client_ip").count("192.0.2.1") / share)
    off = 5 * (0.25 / share) ** 0.5  # five standard deviations of one sample
    assert max(abs(half - 1 / 2) for half in halves) < off
    assert abs(float(np.mean(halves)) - 1 / 2) < off / 2
    assert abs(float(np.mean(tenths)) - 1 / 10) < off / 3


def test_the_sample_is_from_all_of_the_time() -> None:
    """Neither early nor late rows of a stratum are preferred, however many batches they come in."""
    rows = sorted(crowded(1, 502))
    times = gathered(rows[i : i + 500] for i in range(0, len(rows), 500)).number("time")
    assert abs(float(((times - START) / (CELL * MICROSECONDS) < 1 / 2).mean()) - 1 / 2) < 0.15


@pytest.mark.parametrize("name", [name for name in NAMES if name != "domain"])
def test_long_texts_are_cut(name: str) -> None:
    """A text beyond the longest ends in an ellipsis, one of just that length does not; its length is not forgotten."""
    kept = gathered([[Row(**{name: "x" * n}) for n in (LONGEST - 1, LONGEST, LONGEST + 1, 9000)]])
    cut = "x" * (LONGEST - 1)
    assert sorted(column(kept, NAMES[name])) == sorted([cut, cut + "x", cut + "…", cut + "…"])
    if name == "path":
        assert sorted(kept.number("url_length").tolist()) == [LONGEST - 1, LONGEST, LONGEST + 1, 9000]


def test_what_the_log_lacks_is_missing() -> None:
    """A column that no batch has is missing in every row, whether it holds text or numbers."""
    kept = gathered([[Row()]])
    assert set(column(kept, "node")) == {None}
    assert set(kept.number("duration_ms").tolist()) == {evidence.MISSING}


# Through files

NIGHT = log(Random(11), 1500, (plain, plain, odd)).replace(b" 200 ", b" 502 ")


@pytest.fixture
def _tight() -> Iterable[None]:
    """Make the caps bite, in threads too."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PER_STRATUM": 8, "ROWS": 500, "POOL": 700, "FRESH": 200}.items():
            patch.setattr(gather, name, value)
        yield


def kept_of(paths: Sequence[Path], **options: Any) -> Counter[Any]:  # noqa: ANN401 - any option of the library
    """Return the rows that are kept of some files."""
    counter = FileCounter(settings("5m", {"max_rejects": 1.0, **options}), gather=True)
    counter.run(find(list(map(str, paths))))
    return content(counter.evidence)


@pytest.mark.usefixtures("_tight")
@pytest.mark.parametrize("seed", range(3))
def test_any_cut_of_the_files_keeps_the_same(tmp_path: Path, seed: int) -> None:
    """Files, their order, threads and the size of blocks do not change which rows are kept."""
    rng = Random(seed)
    lines = NIGHT.splitlines(keepends=True)
    rng.shuffle(lines)
    one, *parts = saved(tmp_path, NIGHT, *(b"".join(lines[i::5]) for i in range(5)))
    rng.shuffle(parts)
    whole = kept_of([one], jobs=1)
    assert len(list(whole.elements())) == 500
    for jobs, block in product((1, 3), (1000, 65_536)):
        assert kept_of(parts, jobs=jobs, block=block) == whole, (jobs, block)


@pytest.mark.parametrize("keep", [False, True])
def test_withheld_files_leave_no_rows(tmp_path: Path, keep: bool) -> None:
    """Rows of a damaged file are kept only if they count."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(NIGHT)[:-4])
    assert bool(kept_of([path], keep_damaged=keep)) == keep


def test_filtered_rows_are_not_kept(tmp_path: Path) -> None:
    """What --domain leaves out is no evidence either."""
    (path,) = saved(tmp_path, b"".join(replaced(plain(Random(i)), "status", b"502") + b"\n" for i in range(90)))
    domains = {said[TEXTS.index("domain")] for _, said, _ in kept_of([path], domain="img.*")}
    assert domains == {"img.example.com"}
