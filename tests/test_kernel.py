"""The compiled kernel does what numpy does: each function, and whole parsers, on input that nobody would write."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import hostile
import numpy as np
import pytest
from hostile import FORMATS, VALUES, compiled, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from cdnlog import gather, kernel, strings
from cdnlog.buffer import PAD, Buffer, Ints, count_lines, distinct
from cdnlog.columns import HashedWords, InternedWords, Numbers, Texts
from cdnlog.counts import Cells
from cdnlog.formats import Delimited, LogFormat, W3c
from cdnlog.kernel.build import build, compiler
from cdnlog.parse import times, values

with_kernel = pytest.mark.skipif(not kernel.on, reason="there is no compiled kernel")
pytestmark = with_kernel
law = settings(max_examples=150, deadline=None, derandomize=True, database=None)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(VALUES),
        st.from_regex(rb"\A-?[0-9]{0,20}([.,][0-9]{0,30})?[x.]?\Z"),
        st.from_regex(rb"\A(1|2|3)[0-9]{3}(0|1)[0-9](0|3)[0-9](2|0)[0-9][0-5][0-9](60|59|5x|00)\Z"),
        st.from_regex(rb"\A[0-3]?[0-9]/(Jan|feb|DEC|Mai)/[0-9]{4}:[0-2][0-9]:[0-6][0-9]:[0-6][0-9] [+-][0-2][0-9][0-6]0\Z"),
        st.from_regex(rb"\A(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
                      rb"([.,][0-9]{0,12})?(Z|z|[+-][0-2][0-9]:?[0-6][0-9])?\Z"),
        st.binary(max_size=24),
    ),
    max_size=8,
)  # fmt: skip
Column = tuple[Buffer, Ints, Ints]


def column(texts: Sequence[bytes]) -> Column:
    """Return texts as slices, with something that they could be taken to go on with between any two."""
    length = np.array([len(text) for text in texts], np.int64)
    return Buffer(b"".join(b'9"' + text for text in texts)), np.cumsum(length + 2) - length, length


def both(ask: Callable[[], Any]) -> tuple[Any, Any]:
    """Return what the kernel answers, and what numpy does."""
    with compiled(True):
        one = ask()
    with compiled(False):
        return one, ask()


def test_the_kernel_is_built() -> None:
    """Where there is a compiler there is a kernel: these tests were not left out by mistake (`poe kernel`)."""
    assert kernel.on


test_the_kernel_is_built.pytestmark = [  # type: ignore[attr-defined]
    pytest.mark.skipif(compiler() is None or os.environ.get("CDNLOG_KERNEL") == "off", reason="it cannot be built")
]


# Values


READERS: dict[str, Callable[[Buffer, Ints, Ints], Any]] = {
    "unsigned": values.unsigned,
    "signed": values.signed,
    "status": values.status,
    **{f"decimal {n}": lambda *slices, n=n: values.decimal(*slices, n) for n in range(10)},
    **{f"duration in {unit}": lambda *slices, unit=unit: values.duration(*slices, unit) for unit in ("s", "ms", "us", "ns")},
}


@pytest.mark.parametrize("name", READERS)
@law
@given(texts=TEXTS)
def test_numbers(name: str, texts: list[bytes]) -> None:
    """The same texts are numbers, and the same ones."""
    (value, bad, *more), (plain, plain_bad, *plain_more) = both(lambda: READERS[name](*column(texts)))
    assert bad.tolist() == plain_bad.tolist()
    assert value[~bad].tolist() == plain[~bad].tolist()
    assert [one.tolist() for one in more] == [one.tolist() for one in plain_more]


@pytest.mark.parametrize("layouts", ["YYYYMMDDhhmmss", "clf", "iso", "epoch", "iso epoch", "epoch clf YYYYMMDDhhmmss"])
@law
@given(texts=TEXTS)
def test_times(layouts: str, texts: list[bytes]) -> None:
    """The same texts are times, and the same ones, with the same distance from UTC."""
    read = times.reader(tuple(layouts.split()))
    one, other = both(lambda: read(*column(texts)))
    assert (one.bad.tolist(), one.strange.tolist()) == (other.bad.tolist(), other.strange.tolist())
    good = ~(one.bad | one.strange)
    assert one.local[good].tolist() == other.local[good].tolist()
    offsets = (np.full(len(texts), times.NO_ZONE) if m.offset is None else m.offset for m in (one, other))
    assert len({tuple(offset[good].tolist()) for offset in offsets}) == 1


@law
@given(texts=TEXTS, chars=st.binary(min_size=1, max_size=3))
def test_looks_into_texts(texts: list[bytes], chars: bytes) -> None:
    """Addresses, words, what stands where and what is in it."""
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
    assert both(lambda: values.address(buffer, start, length))[0].dtype == bool


# Texts


@law
@given(texts=TEXTS, more=st.lists(st.sampled_from([b"", b"a", b"a\0", b"a" * 8, b"a" * 9, b"a" * 64, b"a" * 65])))
def test_equal_texts_have_one_number(texts: list[bytes], more: list[bytes]) -> None:
    """Each text has the number of its equals, and a row that has it stands for the number."""
    texts = [*texts, *more, *texts[:2]]
    for codes, rows in both(lambda: distinct(*column(texts))):
        assert [texts[rows[code]] for code in codes.tolist()] == texts
        assert len(rows) == len(set(texts))


@law
@given(batches=st.lists(TEXTS, max_size=4), size=st.integers(0, 12), room=st.integers(1, 80))
def test_dictionaries(batches: list[list[bytes]], size: int, room: int) -> None:
    """What is learnt of a batch serves the next ones; a dictionary that is full says so, and never lies."""
    small, hashed = InternedWords(), HashedWords()
    small._interned = kernel.Interned(size, room)
    for known in (InternedWords(), small, hashed):
        for texts in batches:
            found = Texts(*column(texts), lambda raw: raw.decode("latin-1"), nulls=(b"-",), known=known)
            codes, meanings = found.codes
            shown = [None if text in (b"", b"-") else text.decode("latin-1") for text in texts]
            assert [meanings[code] for code in codes.tolist()] == shown
    assert len(small._interned) <= size


@law
@given(texts=TEXTS, seed=st.integers(0, 99))
def test_tickets(texts: list[bytes], seed: int) -> None:
    """Rows are hashed to the last bit as numpy hashes them: evidence is the same wherever it was gathered."""
    slices = Texts(*column(texts), bytes.decode, nulls=(b"-", b"null"))
    numbers = np.random.default_rng(seed).integers(-(2**63), 2**63 - 1, len(texts))
    begin = np.zeros(len(texts), np.uint64)
    one, other = both(lambda: gather._mixed_heads(gather._mixed_numbers(begin.copy(), numbers), slices).tolist())
    assert one == other


@law
@given(texts=TEXTS)
def test_copies(texts: list[bytes]) -> None:
    """Texts are copied one behind the other."""
    buffer, start, length = column(texts)
    for copied in both(lambda: strings._gathered(buffer.bytes, start, length).tobytes()):
        assert copied == b"".join(texts)


@law
@given(seed=st.integers(0, 10**6))
def test_sums(seed: int) -> None:
    """Rows of sums are added up by their keys."""
    rng = np.random.default_rng(seed)
    rows, dims, measures = rng.integers(1, 60), rng.integers(1, 4), rng.integers(1, 5)
    keys, sums = rng.integers(-3, 4, (rows, dims)), rng.integers(0, 2**40, (rows, measures))
    one, other = both(Cells(keys, sums, (None,) * int(dims)).folded)
    assert (one.keys.tolist(), one.sums.tolist()) == (other.keys.tolist(), other.sums.tolist())


@law
@given(data=st.lists(st.sampled_from([b"\n", b"\n" * 300, b"a" * 17, b"\r", b"\n" * 5000])).map(b"".join))
def test_lines_are_counted(data: bytes) -> None:
    """LFs are counted, those behind the data are not."""
    assert both(lambda: count_lines(data + b"\n" * PAD)) == (data.count(b"\n"),) * 2


# Whole parsers


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)
def test_parsers(fmt: LogFormat) -> None:
    """The same rows, values, accounting and rejects come out of any log, however it is cut into blocks."""
    rng = Random(fmt.name)
    for size in (rng.choice(hostile.SIZES[:3]), 4096, 65_536):
        blocks = hostile.cut(hostile.log(fmt, rng, 6 if size < 4096 else 40), size, torn=rng.random() < 0.1)
        assert seen(fmt, blocks, on=True) == seen(fmt, blocks, on=False)


# Other builds


@pytest.fixture(scope="module", params=[1, 16])
def narrower(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ctypes.CDLL]:
    """The kernel for processors that have less, or nothing, of what this one may have."""
    if compiler() is None:
        pytest.skip("there is no compiler")
    folder = tmp_path_factory.mktemp("kernel")
    assert build(folder, f"-DWIDEST={request.param}", "-Wall", "-Wextra", "-Werror") == ""
    return kernel._loaded(folder)


@pytest.mark.parametrize("name", [name for name, fmt in FORMATS.items() if isinstance(fmt, Delimited | W3c)][::4])
def test_narrower_builds(name: str, narrower: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without vectors of 32 bytes, or of 16, the lines and their fields are the same."""
    rng, fmt = Random(name), FORMATS[name]
    blocks = hostile.cut(hostile.log(fmt, rng, 60), 65_536)
    expected = seen(fmt, blocks, on=True)
    monkeypatch.setattr(kernel, "_library", narrower)
    assert seen(fmt, blocks, on=True) == expected
    assert [kernel.count_lines(block.padded, len(block.padded) - PAD) for block in blocks] == [b.lines for b in blocks]
