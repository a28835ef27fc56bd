"""What a fuzzer once found is found no more: every input under `tests/fuzz/cases/` keeps the laws of its target."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.run import TARGETS as NAMES
from fuzz.targets import CASES, TARGETS, seeds

FOUND = [file for name in TARGETS for file in sorted((CASES / name).glob("*")) if file.is_file()]


@pytest.mark.parametrize("case", FOUND, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_case_keeps_the_law(case: Path) -> None:
    """An input that once broke a law, or that nearly did, keeps it."""
    TARGETS[case.parent.name](case.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_its_seeds(name: str) -> None:
    """Every target begins with inputs that keep its law, and with none at all."""
    assert name in NAMES
    for data in (b"", b"\n", *seeds(name)[:4]):
        TARGETS[name](data)
