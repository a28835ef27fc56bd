"""Every format says what the oracle says: the same rows, the same rejects, for the same reasons and at the same places.

`tests/fuzz/oracle.py` makes the same comparison with other seeds, for as long as it is told to.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import hostile
import oracle
import pytest
from hostile import CATALOG, FORMATS, SIZES, compiled
from oracle import logs

from cdnlog import kernel
from cdnlog.aggregate import Tally
from cdnlog.columns import Numbers
from cdnlog.counts import DIMENSIONS
from cdnlog.formats import LogFormat, Pattern
from cdnlog.model import Accounting, Batch
from cdnlog.parse import Parser
from cdnlog.zones import zone

CASES = Path(__file__).parent / "fuzz" / "cases" / "oracle"
WINDOW = 300
NUMBERS = tuple(name for name, entry in CATALOG.columns().items() if entry.type in ("integer", "status", "timestamp"))
LONGEST = 4000
"""Bytes of a line of a pattern: the oracle's expressions backtrack, which is why cdnlog's do not."""
Told = dict[str, Any]


def expected(fmt: LogFormat, data: bytes, *, torn: bool) -> Told:
    """Return what the oracle says of a log."""
    lines = list(logs.told(fmt.name, data, torn=torn))
    fates = Counter(line.fate if line.fate in ("counted", "comments", "blank") else "rejected" for line in lines)
    return {
        "lines": {"lines": len(lines), **{fate: fates[fate] for fate in oracle.FATES}},
        "rejects": [
            (line.number, line.offset, line.fate) for line in lines if line.fate not in ("counted", "comments", "blank")
        ],
        "rows": [(line.row.domain, line.row.status, line.numbers) for line in lines if line.row],
        "table": oracle.tabulate([line.row for line in lines], lambda second: second // WINDOW * WINDOW),
    }


def measured(fmt: LogFormat, data: bytes, size: int, *, torn: bool, on: bool) -> Told:
    """Return what cdnlog says of it, read in blocks of a size, with the kernel or without."""
    with compiled(on):
        regions = CATALOG.regions(fmt.regions) if fmt.regions else None
        parser = Parser(fmt, (*NUMBERS, "domain"), zone(fmt.zone or "UTC"), regions)
        batches = [parser.parse(block, keep_rejects=True) for block in hostile.cut(data, size, torn=torn)]
        tally = Tally(DIMENSIONS, WINDOW)
        for batch in batches:
            tally.add(batch)
        account = sum((batch.accounting for batch in batches), Accounting())
        return {
            "lines": {fate: getattr(account, fate) for fate in ("lines", *oracle.FATES)},
            "rejects": [(one.line, one.offset, one.reason) for batch in batches for one in batch.rejects],
            "rows": [row for batch in batches for row in _rows(batch)],
            "table": {key: list(sums[:2]) for key, sums in tally.counts().table.items()},
        }


def _rows(batch: Batch) -> list[tuple[str | None, int, dict[str, int | None]]]:
    numbers = {}
    for name, column in batch.columns.items():
        if isinstance(column, Numbers):
            missing = [False] * batch.rows if column.missing is None else column.missing.tolist()
            pairs = zip(column.values.tolist(), missing, strict=True)
            numbers[name] = [None if gone else value for value, gone in pairs]
    codes, values = batch.columns["domain"].codes  # type: ignore[union-attr]
    domains = [values[code] for code in codes.tolist()]
    statuses = numbers.pop("status", [])
    return [
        (domains[i], statuses[i] or 0, {name: column[i] for name, column in numbers.items()}) for i in range(batch.rows)
    ]


def bounded(fmt: LogFormat, data: bytes) -> bytes:
    """Return a log without the lines on which the oracle would take too long."""
    if not isinstance(fmt, Pattern):
        return data
    return b"\n".join(line for line in data.split(b"\n") if len(line) < LONGEST)


BOTH = tuple({kernel.on, False})


def check(fmt: LogFormat, data: bytes, size: int, *, torn: bool = False, on: tuple[bool, ...] = BOTH) -> None:
    """Hold that cdnlog says what the oracle says, with the kernel and without."""
    data = bounded(fmt, data)
    told = expected(fmt, data, torn=torn)
    for compiled_ in on:
        found = measured(fmt, data, size, torn=torn, on=compiled_)
        for what, value in told.items():
            assert found[what] == value, (fmt.name, what, size, compiled_)


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_formats_equal_the_oracle(fmt: LogFormat) -> None:
    """Lines as they should be, damaged ones and hostile ones say what the oracle says, in blocks of any size."""
    rng = Random(f"oracle {fmt.name}")
    for size in SIZES:
        check(fmt, hostile.log(fmt, rng, 12 if size < 4096 else 30), size, torn=rng.random() < 0.1)


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_every_mark_equals_the_oracle(fmt: LogFormat) -> None:
    """Wherever a mark is one too many, or missing, the line says what the oracle says."""
    check(fmt, hostile.at_each_mark(fmt), 65_536, on=(kernel.on,))


@pytest.mark.parametrize("case", sorted(CASES.glob("*.log")), ids=lambda case: case.stem)
def test_cases_equal_the_oracle(case: Path) -> None:
    """Logs on which the two once differed, in blocks of any size."""
    fmt = max((fmt for name, fmt in FORMATS.items() if case.name.startswith(name)), key=lambda fmt: len(fmt.name))
    for size in SIZES:
        check(fmt, case.read_bytes(), size)
