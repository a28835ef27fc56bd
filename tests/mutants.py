"""Breaks the program in ways that have broken others, one at a time, and sees that the tests notice.

    python tests/mutants.py [WORD...]

Works on copies; prints a table of the mutants (those whose names hold a word, if words are given): killed, and by
which test, or survived, and then it exits 1. `tests/test_mutants.py` sees that every mutant still can be made.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Mutant(NamedTuple):
    """One way to break the program: in a file, a text becomes another; the fewest tests that must notice."""

    name: str
    file: str
    text: str
    instead: str
    tests: str
    words: str

    def broken(self, source: str) -> str:
        """Return the file as the mutant has it.

        Raises:
            ValueError: The text is not there, or more than once.
        """
        if source.count(self.text) != 1:
            raise ValueError(f"{self.name}: {self.file} has the text {source.count(self.text)} times")
        return source.replace(self.text, self.instead)


MUTANTS = (
    Mutant(
        "the last line without LF is dropped",
        "cdnlog/source/blocks.py",
        "            yield self._block(self._parts, torn=torn)\n",
        '            data = b"".join(self._parts)\n'
        '            if whole := data[: data.rfind(b"\\n") + 1]:\n'
        "                yield self._block([whole], torn=torn)\n",
        "tests/test_damage.py",
        "last_line_without_lf",
    ),
    Mutant(
        "universal newlines",
        "cdnlog/model.py",
        "        size = sum(map(len, parts))\n",
        '        parts = [bytes(part).replace(b"\\r\\n", b"\\n").replace(b"\\r", b"\\n") for part in parts]\n'
        "        size, lfs = sum(map(len, parts)), None\n",
        "tests/test_damage.py",
        "fate_of_a_line",
    ),
    Mutant(
        "splitlines() for JSON",
        "cdnlog/parse/jsonl.py",
        'block.padded.split(b"\\n")',
        "block.padded.splitlines()",
        "tests/test_oracle.py",
        "formats_equal and json",
    ),
    Mutant(
        "a quote character by default",
        "cdnlog/parse/delimited.py",
        "        self._fields = fields or fmt.fields\n",
        "        from msgspec.structs import replace\n"
        "        quoted = [f.quoted or (not f.brackets and 'maybe') for f in fields or fmt.fields]\n"
        "        self._fields = tuple(map(lambda f, q: replace(f, quoted=q), fields or fmt.fields, quoted))\n",
        "tests/test_oracle.py",
        "mark_equals and (cloudfront or tencent)",
    ),
    Mutant(
        "the end of a member is not looked for",
        "cdnlog/source/codecs.py",
        "            if not decompressor.eof:\n",
        "            if False:\n",
        "tests/test_source.py",
        "prefix_counts",
    ),
    Mutant(
        "the first member is all",
        "cdnlog/source/codecs.py",
        "            self._members += 1\n",
        "            self._members += 1\n            yield Ending(Verdict.OK)\n            return\n",
        "tests/test_source.py",
        "gives_its_verdict",
    ),
    Mutant(
        "zstd as zstandard.stream_reader reads it: a file cut short is a success",
        "cdnlog/source/codecs.py",
        "        if self._bare_header:\n",
        '        if self._codec.name == "zstd":\n            return Ending(Verdict.OK)\n'
        "        if self._bare_header:\n",
        "tests/test_source.py",
        "prefix_counts",
    ),
    Mutant(
        "commit before the verdict",
        "cdnlog/filerun.py",
        "return verdict.counts or (self._settings.keep_damaged and verdict.damaged)",
        "return True",
        "tests/test_history.py",
        "damaged_files",
    ),
    Mutant(
        "the list of what is done in a transaction of its own",
        "cdnlog/history/ledger.py",
        '        if sketch is not None:\n            self._run("INSERT',
        '        self._run("UPDATE file SET cells = NULL WHERE id = ?", (number,))\n'
        '        self._run("COMMIT")\n'
        "        __import__('cdnlog.failpoints').failpoints.failpoint()\n"
        '        self._run("BEGIN IMMEDIATE")\n'
        '        self._run("UPDATE file SET cells = ? WHERE id = ?", (row["cells"], number))\n'
        '        if sketch is not None:\n            self._run("INSERT',
        "tests/test_nightly.py",
        "every_failpoint",
    ),
    Mutant(
        "files known by their base names",
        "cdnlog/history/ingest.py",
        "else os.path.abspath(one.path)",
        "else os.path.basename(one.path)",
        "tests/test_history.py",
        "one_name",
    ),
    Mutant(
        "int() for the status",
        "cdnlog/parse/values.py",
        "    values, bad = _three_digits(buffer, start, length)\n",
        "    texts = [buffer.text(s, s + n).decode('utf-8', 'replace') for s, n in zip(start, length, strict=True)]\n"
        "    ints = [int(t) if re.fullmatch(r'[ +]*[\\d_]*\\d *', t) else -1 for t in texts]\n"
        "    values = np.array(ints, np.int64)\n"
        "    bad = (values < 100) | (values > 999)\n",
        "tests/test_damage.py",
        "each_way and status",
    ),
    Mutant(
        "str.lower() for the host",
        "cdnlog/parse/domains.py",
        '    host = raw.strip(b" ").lower()',
        '    host = raw.strip(b" ").decode("utf-8", "surrogateescape").lower().encode("utf-8", "surrogateescape")',
        "tests/test_counts.py",
        "domain_has_one_key",
    ),
    Mutant(
        "windows of local time",
        "cdnlog/zones.py",
        "    moved = np.flatnonzero(offsets(start, where) != offset)",
        "    start = local_start - offsets(local_start, where, local=True)\n    moved = np.flatnonzero(offset < 0)[:0]",
        "tests/test_counts.py",
        "shown_twice",
    ),
    Mutant(
        "windows of local time in the store",
        "cdnlog/history/tables.py",
        "        if len(keys):\n            keys[:, 0] = floor_to_window(keys[:, 0], window, zone)\n",
        "        if len(keys):\n"
        "            from cdnlog.zones import offsets\n"
        "            keys[:, 0] += offsets(keys[:, 0], zone)\n"
        "            keys[:, 0] = keys[:, 0] // window * window\n"
        "            keys[:, 0] -= offsets(keys[:, 0], zone, local=True)\n",
        "tests/test_history.py",
        "days_are_of_the_zone",
    ),
    Mutant(
        "the law as an assert, under -O",
        "cdnlog/model.py",
        "            raise AccountingError(path, str(self))",
        "            assert False, path",
        "tests/test_nightly.py",
        "law",
    ),
    Mutant(
        "file names as they are",
        "cdnlog/filerun.py",
        "self._path = visible(found.path)",
        "self._path = found.path",
        "tests/test_accounting.py",
        "paths_of_files",
    ),
    Mutant(
        "HTML that is not escaped, as of style.to_html",
        "cdnlog/report/as_html.py",
        "autoescape=True",
        "autoescape=False",
        "tests/test_sinks.py",
        "no_text_changes_what_an_output_is_built_of and html",
    ),
    Mutant(
        "a report that is not on the disk before it is under its name",
        "cdnlog/cli/reports.py",
        "        os.fsync(file.fileno())\n",
        "",
        "tests/test_durable.py",
        "reports",
    ),
    Mutant(
        "a file that is not on the disk before it is under its name",
        "cdnlog/cli/files.py",
        "            os.fsync(file.fileno())\n",
        "",
        "tests/test_durable.py",
        "written_file",
    ),
    Mutant(
        "a store that is not on the disk before it is under its name",
        "cdnlog/history/store.py",
        "        sync(made)\n",
        "",
        "tests/test_durable.py",
        "store",
    ),
    Mutant(
        "a folder that is not told of a new store",
        "cdnlog/history/store.py",
        "    sync(path.parent)\n    failpoint()\n\n\n@contextmanager\ndef _whole",
        "    failpoint()\n\n\n@contextmanager\ndef _whole",
        "tests/test_durable.py",
        "store",
    ),
)


def main() -> int:
    """Try the mutants; return 1 if one survives."""
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.name for word in sys.argv[1:])]
    survivors = 0
    for mutant in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            killer = tried(mutant, Path(folder))
        survivors += not killer
        told = f"killed by {killer}" if killer else "SURVIVED"
        print(f"{mutant.name:<72} {time.monotonic() - began:5.1f} s  {told}", flush=True)
    print(f"{len(chosen)} mutants: {len(chosen) - survivors} killed, {survivors} survived")
    return 1 if survivors else 0


def tried(mutant: Mutant, folder: Path) -> str:
    """Make a mutant in a folder and test it; return the first test that fails, nothing if none does."""
    for name in ("cdnlog", "schemas", "tests", "sample_logs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    path = folder / mutant.file
    path.write_text(mutant.broken(path.read_text(encoding="utf-8")), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-x", "-p", "no:cacheprovider", mutant.tests]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [*command, "-k", mutant.words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode > 1:  # no tests, or none that could be run: nothing is shown by that
        raise SystemExit(f"{mutant.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    return found[1] if found else ""


if __name__ == "__main__":
    raise SystemExit(main())
