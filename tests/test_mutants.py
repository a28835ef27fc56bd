"""Every way to break the program in `tests/mutants.py` can still be tried; `poe mutants` tries them."""

from __future__ import annotations

import pytest
from mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_made(mutant: Mutant) -> None:
    """Its text is in the program, once; what stands there instead is a program; and the tests that kill it exist."""
    source = (ROOT / mutant.file).read_text(encoding="utf-8")
    compile(mutant.broken(source), mutant.file, "exec")
    tests = (ROOT / mutant.tests).read_text(encoding="utf-8")
    assert mutant.words.split()[0] in tests
