"""Where there is no compiled kernel numpy does the work: the most telling tests, once more without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import test_counts
import test_damage
import test_formats
from hostile import compiled
from hypothesis import given
from hypothesis import strategies as st
from tencent_lines import DAMAGE, law, logs

from cdnlog import kernel

pytestmark = pytest.mark.skipif(not kernel.on, reason="there is no kernel: all tests are without it")


@pytest.fixture(scope="module", autouse=True)
def plain() -> Iterator[None]:
    """Do without the kernel."""
    with compiled(False):
        yield


@law(200)
@given(data=logs(), window=test_counts.windows, size=test_counts.block_sizes)
def test_stages_equal_the_reference(data: bytes, window: str, size: int) -> None:
    """Any log counts as the reference counts it, whatever the size of the blocks."""
    test_counts.test_stages_equal_the_reference.hypothesis.inner_test(data, window, size)  # type: ignore[attr-defined]


@law(50)
@given(data=st.binary(max_size=400).map(b"\n".__add__))
def test_any_bytes_are_accounted_for(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    """No content raises, and every line of it has exactly one fate."""
    folder = tmp_path_factory.mktemp("any")
    test_counts.test_any_bytes_are_accounted_for.hypothesis.inner_test(folder, data)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", DAMAGE)
def test_ways_of_damage(tmp_path: Path, name: str) -> None:
    """Damaged lines are rejected for the reasons of their kind."""
    test_damage.test_each_way_gives_its_reasons(tmp_path, name)


@pytest.mark.parametrize("block", [7, 4096])
@pytest.mark.parametrize("name", test_damage.FATES)
def test_fates(tmp_path: Path, name: str, block: int) -> None:
    """Odd lines have the fate that their table names."""
    test_damage.test_fate_of_a_line(tmp_path, name, block)


@test_formats.each_format
def test_samples(fmt: test_formats.LogFormat, tmp_path: Path) -> None:
    """Every sample of every format is parsed to what it expects, or rejected for the reason it states."""
    for sample in fmt.samples:
        test_formats.test_samples_hold(fmt, sample, tmp_path)
