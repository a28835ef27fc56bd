"""Breaks the program in ways that have broken others, one at a time, and sees that the tests notice.

    python tests/crash/mutants.py

Works on copies; prints for each mutant which test it is that fails, or that none does (then it exits 1).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent


class Mutant(NamedTuple):
    """One way to break the program: in a file, a text becomes another; the tests that should notice."""

    name: str
    file: str
    text: str
    instead: str
    tests: str


MUTANTS = (
    Mutant(
        "commit before the verdict",
        "cdnlog/pipeline.py",
        "return verdict.counts or (self._settings.keep_damaged and verdict.damaged)",
        "return True",
        "tests/test_history.py -k damaged_files",
    ),
    Mutant(
        "done-list and counts in two transactions",
        "cdnlog/history/ledger.py",
        "        if sketch is not None:\n",
        '        self._run("UPDATE file SET cells = NULL WHERE id = ?", (number,))\n'
        '        self._run("COMMIT")\n'
        "        __import__('cdnlog.failpoints').failpoints.failpoint()\n"
        '        self._run("BEGIN IMMEDIATE")\n'
        '        self._run("UPDATE file SET cells = ? WHERE id = ?", (row["cells"], number))\n'
        "        if sketch is not None:\n",
        "tests/test_nightly.py -k every_failpoint",
    ),
    Mutant(
        "files known by their base names",
        "cdnlog/history/ingest.py",
        "path = os.path.abspath(one.path)",
        "path = os.path.basename(one.path)",
        "tests/test_history.py -k one_name",
    ),
    Mutant(
        "windows of local time",
        "cdnlog/history/tables.py",
        "        if len(keys):\n            keys[:, 0] = floor_to_window(keys[:, 0], window, zone)\n",
        "        if len(keys):\n"
        "            from cdnlog.zones import offsets\n"
        "            keys[:, 0] += offsets(keys[:, 0], zone)\n"
        "            keys[:, 0] = keys[:, 0] // window * window\n"
        "            keys[:, 0] -= offsets(keys[:, 0], zone, local=True)\n",
        "tests/test_history.py -k days_are_of_the_zone",
    ),
    Mutant(
        "last line without LF dropped",
        "cdnlog/source/blocks.py",
        '            yield self._block(b"".join(self._parts), torn=torn)',
        '            data = b"".join(self._parts)\n'
        '            if (whole := data[: data.rfind(b"\\n") + 1]):\n'
        "                yield self._block(whole, torn=torn)",
        "tests/test_history.py -k still_being_written",
    ),
    Mutant(
        "the law as an assert, under -O",
        "cdnlog/model.py",
        "            raise AccountingError(path, str(self))",
        "            assert False, path",
        "tests/test_nightly.py -k law",
    ),
)


def main() -> int:
    """Try all mutants."""
    missed = 0
    for mutant in MUTANTS:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("cdnlog", "schemas", "tests", "sample_logs"):
                shutil.copytree(ROOT / name, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(ROOT / "pyproject.toml", folder)
            path = Path(folder) / mutant.file
            before = path.read_text(encoding="utf-8")
            after = before.replace(mutant.text, mutant.instead)
            if after == before:
                raise SystemExit(f"{mutant.name}: {mutant.file} has no such text any more")
            path.write_text(after, encoding="utf-8")
            told = _tested(Path(folder), mutant.tests)
        missed += not told
        print(f"{mutant.name}: {told or 'NOT NOTICED'}", flush=True)
    return 1 if missed else 0


def _tested(folder: Path, tests: str) -> str:
    """Run tests on a copy; return the first that fails, nothing if none does."""
    chosen, _, word = tests.partition(" -k ")
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-x", "-p", "no:cacheprovider", chosen, "-k", word]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    return found[1] if found else ""


if __name__ == "__main__":
    raise SystemExit(main())
