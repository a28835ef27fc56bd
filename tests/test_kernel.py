"""The compiled kernel does what numpy does: each function, and whole parsers, on input that nobody would write.

`tests/fuzz/kernel.py` makes the same checks with other seeds, for as long as it is told to.
"""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import hostile
import numpy as np
import pytest
from hostile import FORMATS, VALUES, compiled, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from cdnlog import gather, kernel, strings
from cdnlog.aggregate import Tally
from cdnlog.buffer import PAD, Buffer, Ints, count_lines, distinct
from cdnlog.columns import Coded, Column, HashedWords, InternedWords, Numbers, Texts
from cdnlog.counts import Cells
from cdnlog.formats import Delimited, LogFormat, W3c
from cdnlog.history import fingerprint
from cdnlog.kernel import library
from cdnlog.kernel.build import build, compiler
from cdnlog.model import Accounting, Batch
from cdnlog.parse import times, values

BUILDABLE = compiler() is not None
WIDTHS = (1, 16, 32) if platform.machine() in ("x86_64", "AMD64") else (1,)
with_kernel = pytest.mark.skipif(not kernel.on, reason="there is no compiled kernel")
law = settings(max_examples=100, deadline=None, derandomize=True, database=None)
TEXTS = st.lists(st.one_of(st.sampled_from(VALUES), st.binary(max_size=20)), max_size=8)
Slices = tuple[Buffer, Ints, Ints]


def column(texts: Sequence[bytes]) -> Slices:
    """Return texts as slices, with something that they could be taken to go on with between any two."""
    length = np.array([len(text) for text in texts], np.int64)
    return Buffer(b"".join(b'9"' + text for text in texts)), np.cumsum(length + 2) - length, length


def both(ask: Callable[[], Any]) -> tuple[Any, Any]:
    """Return what the kernel answers, and what numpy does."""
    with compiled(True):
        one = ask()
    with compiled(False):
        return one, ask()


@pytest.mark.skipif(not BUILDABLE or os.environ.get("CDNLOG_KERNEL") == "off", reason="there is to be no kernel")
def test_the_kernel_is_built() -> None:
    """Where there is a compiler there is a kernel of these sources (`poe kernel`): no test here was left out."""
    assert kernel.on


# Values


READERS: dict[str, Callable[[Buffer, Ints, Ints], Any]] = {
    "unsigned": values.unsigned,
    "signed": values.signed,
    "status": values.status,
    **{f"decimal {n}": lambda *slices, n=n: values.decimal(*slices, n) for n in range(10)},
    **{f"duration in {u}": lambda *slices, u=u: values.duration(*slices, u) for u in ("s", "ms", "us", "ns")},
}
LAYOUTS = ("YYYYMMDDhhmmss", "clf", "iso", "epoch", "iso epoch", "epoch clf YYYYMMDDhhmmss")


def check_numbers(texts: Sequence[bytes]) -> None:
    """Hold that the same texts are numbers, and the same ones."""
    slices = column(texts)
    for name, read in READERS.items():
        (value, bad, *more), (plain, plain_bad, *plain_more) = both(lambda read=read: read(*slices))
        assert bad.tolist() == plain_bad.tolist(), name
        assert value[~bad].tolist() == plain[~bad].tolist(), name
        assert [one.tolist() for one in more] == [one.tolist() for one in plain_more], name


def check_times(texts: Sequence[bytes]) -> None:
    """Hold that the same texts are times, and the same ones, with the same distance from UTC."""
    slices = column(texts)
    for layouts in LAYOUTS:
        read = times.reader(tuple(layouts.split()))
        one, other = both(lambda read=read: read(*slices))
        assert (one.bad.tolist(), one.strange.tolist()) == (other.bad.tolist(), other.strange.tolist()), layouts
        good = ~(one.bad | one.strange)
        assert one.local[good].tolist() == other.local[good].tolist(), layouts
        offsets = (np.full(len(texts), times.NO_ZONE) if m.offset is None else m.offset for m in (one, other))
        assert len({tuple(offset[good].tolist()) for offset in offsets}) == 1, layouts


def check_looks(texts: Sequence[bytes], chars: bytes) -> None:
    """Hold that addresses, words, what stands where and what is in it are the same."""
    buffer, start, length = column(texts)
    for ask in (
        lambda: values.address(buffer, start, length),
        lambda: values.word(buffer, start, length),
        lambda: buffer.next(chars[:1], start, start + length),
        lambda: buffer.holds(chars, start, length),
        lambda: buffer.holds_odd(start, length),
    ):
        one, other = both(ask)
        assert one.tolist() == other.tolist()


@with_kernel
@pytest.mark.parametrize("rows", [1, 2, 17, 3000])
@pytest.mark.parametrize("check", [check_numbers, check_times, lambda texts: check_looks(texts, b'"\0/')])
def test_values(check: Callable[[Sequence[bytes]], None], rows: int) -> None:
    """What nearly is a number or a time is read alike, few of them or many."""
    for seed in range(100 // rows + 1):
        check(hostile.texts(Random(seed), rows))


@with_kernel
@law
@given(texts=TEXTS, chars=st.binary(min_size=1, max_size=3))
def test_values_of_any_bytes(texts: list[bytes], chars: bytes) -> None:
    """Any bytes are read alike, whatever is looked for in them."""
    check_looks(texts, chars)
    check_times(texts)


@with_kernel
@law
@given(
    lines=st.lists(st.one_of(st.binary(max_size=40), st.integers(4080, 4110).map(bytes)), min_size=1),
    more=st.integers(0, 99),
)
def test_hashes_of_lines(lines: list[bytes], more: int) -> None:
    """Lines of any bytes and lengths get the same numbers."""
    data = b"".join(one.replace(b"\n", b"") + b"\n" for one in lines)
    one, other = both(lambda: fingerprint._hashes(data, more).tolist())
    assert one == other


# Texts


def check_distinct(texts: Sequence[bytes]) -> None:
    """Hold that each text has the number of its equals, and a row that has it stands for the number."""
    for codes, rows in both(lambda: distinct(*column(texts))):
        assert [texts[rows[code]] for code in codes.tolist()] == texts
        assert len(rows) == len(set(texts))


def check_dictionaries(batches: Sequence[Sequence[bytes]], size: int, room: int) -> None:
    """Hold that what is learnt of a batch serves the next ones; and a dictionary that is full never lies."""
    small = InternedWords()
    small._interned = kernel.Interned(size, room)
    for known in (InternedWords(), small, HashedWords()):
        for texts in batches:
            codes, meant = Texts(*column(texts), lambda raw: raw.decode("latin-1"), nulls=(b"-",), known=known).codes
            shown = [None if text in (b"", b"-") else text.decode("latin-1") for text in texts]
            assert [meant[code] for code in codes.tolist()] == shown
    assert len(small._interned) <= size


def check_tickets(texts: Sequence[bytes], seed: int) -> None:
    """Hold that rows are hashed as numpy hashes them, to the last bit: evidence is the same wherever it is gathered."""
    slices = Texts(*column(texts), bytes.decode, nulls=(b"-", b"null"))
    numbers = np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, len(texts))
    begin = np.zeros(len(texts), np.uint64)
    one, other = both(lambda: gather._mixed_heads(gather._mixed_numbers(begin.copy(), numbers), slices).tolist())
    assert one == other


def check_copies(texts: Sequence[bytes]) -> None:
    """Hold that texts are copied one behind the other."""
    buffer, start, length = column(texts)
    for copied in both(lambda: strings._gathered(buffer.bytes, start, length).tobytes()):
        assert copied == b"".join(texts)


def check_sums(seed: int) -> None:
    """Hold that rows of sums are added up by their keys."""
    rng = np.random.default_rng(seed)
    rows, dims, measures = rng.integers(1, 60), rng.integers(1, 4), rng.integers(1, 5)
    keys, sums = rng.integers(-3, 4, (rows, dims)), rng.integers(0, 2**40, (rows, measures))
    one, other = both(Cells(keys, sums, (None,) * int(dims)).folded)
    assert (one.keys.tolist(), one.sums.tolist()) == (other.keys.tolist(), other.sums.tolist())


def check_count(data: bytes) -> None:
    """Hold that LFs are counted, and those behind the data are not."""
    assert both(lambda: count_lines(data)) == (data.count(b"\n"),) * 2


ALIKE = st.lists(st.sampled_from([b"", b"a", b"a\0", b"a" * 8, b"a" * 9, b"a" * 64, b"a" * 65, b"b" * 300]))


@with_kernel
@law
@given(batches=st.lists(st.one_of(TEXTS, ALIKE), max_size=4), size=st.integers(0, 12), room=st.integers(1, 80))
def test_texts(batches: list[list[bytes]], size: int, room: int) -> None:
    """Any texts are numbered, remembered, hashed and copied alike."""
    check_dictionaries(batches, size, room)
    for texts in batches:
        check_distinct([*texts, *texts[:2]])
        check_tickets(texts, size)
        check_copies(texts)


@with_kernel
@law
@given(seed=st.integers(0, 10**6), data=st.lists(st.sampled_from([b"\n", b"a" * 17, b"\r", b"\n" * 5000])))
def test_sums(seed: int, data: list[bytes]) -> None:
    """Sums of cells and of line ends are the same."""
    check_sums(seed)
    check_count(b"".join(data))


# Whole parsers


def check_parser(fmt: LogFormat, rng: Random, lines: int, size: int) -> None:
    """Hold that the same rows, values, accounting and rejects come out of a log, cut into blocks of any size."""
    blocks = hostile.cut(hostile.log(fmt, rng, lines), size, torn=rng.random() < 0.1)
    assert seen(fmt, blocks, on=True) == seen(fmt, blocks, on=False)


@with_kernel
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_parsers(fmt: LogFormat) -> None:
    """Every format is read alike: lines as they should be, damaged ones, and what an attacker would put there."""
    rng = Random(fmt.name)
    for size in (rng.choice((1, 7, 64)), 4096, 65_536):
        check_parser(fmt, rng, 6 if size < 4096 else 40, size)


@with_kernel
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_every_mark(fmt: LogFormat) -> None:
    """Wherever a mark is one too many, or missing, the line is read alike."""
    blocks = hostile.cut(hostile.at_each_mark(fmt), 65_536)
    assert seen(fmt, blocks, on=True) == seen(fmt, blocks, on=False)


@with_kernel
@pytest.mark.parametrize("seed", range(12))
def test_tally(seed: int) -> None:
    """A tally is the same, whatever its columns are, however many cells it has and however large their sums get."""
    rng = np.random.default_rng(seed)
    dims = ("window_start", "domain", "client_port", "status")[: 1 + seed % 4]
    batches = [_batch(rng, rows, seed) for rows in (1, 3000, 9000, 40)]
    tables = []
    for on in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernel, "on", on)
            tally = Tally(dims, 300)
            for batch in batches:
                tally.add(batch)
            tables.append(tally.counts().table)
    assert tables[0] == tables[1]


def _batch(rng: np.random.Generator, rows: int, seed: int) -> Batch:
    """Return rows of times before and after 1970, few or many domains, and sums that may be beyond 64 bits."""
    names = [f"{n}.example" for n in range(3000 if seed % 2 else 3)]
    cache = [None, "hit", "miss", "other"]
    columns: dict[str, Column] = {
        "time": Numbers(rng.integers(-(10**12), 10**12, rows)),
        "domain": Coded((rng.integers(0, len(names), rows), list(names))),
        "client_port": Numbers(rng.integers(-3, 3, rows), rng.random(rows) < 0.2),
        "status": Numbers(rng.integers(0, 1000, rows)),
        "bytes": Numbers(rng.integers(0, 10 ** (3 if seed % 3 else 18), rows)),
    }
    if seed % 5:
        columns["cache"] = Coded((rng.integers(0, len(cache), rows), cache))
    if seed % 4 == 1:
        columns["weight"] = Numbers(rng.integers(1, 10**6, rows), rng.random(rows) < 0.2)
    return Batch(columns, rows, Accounting(lines=rows, counted=rows))


# Other builds


@pytest.fixture(scope="module", params=WIDTHS)
def of_width(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The kernel for processors that have more or less of what this one has; it compiles without warning."""
    folder = tmp_path_factory.mktemp("kernel")
    assert build(folder, f"-DWIDEST={request.param}", "-Wall", "-Wextra", "-Wconversion", "-Werror") == ""
    loaded = library.load(folder)
    assert isinstance(loaded, ctypes.CDLL)
    return loaded


@with_kernel
@pytest.mark.skipif(not BUILDABLE, reason="there is no compiler")
def test_other_widths(of_width: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    """With vectors of 32 bytes, of 16, or without any, the lines and their fields are the same."""
    for name in [name for name, fmt in FORMATS.items() if isinstance(fmt, Delimited | W3c)][::4]:
        rng, fmt = Random(name), FORMATS[name]
        blocks = hostile.cut(hostile.log(fmt, rng, 60), 65_536)
        expected = seen(fmt, blocks, on=True)
        with monkeypatch.context() as patch:
            patch.setattr(library, "functions", of_width)
            assert seen(fmt, blocks, on=True) == expected
            counted = [kernel.count_lines(np.frombuffer(block.padded, np.uint8)[:-PAD]) for block in blocks]
            assert counted == [block.lines for block in blocks]
