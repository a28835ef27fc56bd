"""The fault matrix as data: every row of `tests/faults/*.toml`, and what must come of it.

Each row has a number and a table of its own kind:

    [[case]]     a fault that is made and read here; see `Case`
    [[covered]]  a fault that a test elsewhere makes: `by` names it, as in "test_x.py::test_y"
    [[apart]]    a fault that cannot happen, or that cdnlog meets in another way: `why` says it

The content of a file is a list of steps, each a table with one key: see `STEPS`.
"""

from __future__ import annotations

import ast
import functools
import gzip
import io
import json
import os
import re
import tarfile
import tomllib
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faults.flips import WHOLE, wrong
from faults.slow import SLOW
from streams import PACKERS, flipped
from test_cases import Result, line, log, run_here, run_process

import cdnlog

FOLDER = Path(__file__).parent / "faults"
ROWS = range(1, 106)
FORMATS = {
    "json": '{"EdgeStartTimestamp":"2026-11-20T00:00:00Z","ClientRequestHost":"www.example.com",'
    '"EdgeResponseStatus":200,"EdgeResponseBytes":1000,"ClientIP":"203.0.113.7","ClientRequestMethod":"GET",'
    '"ClientRequestURI":"/a"}\n',
    "combined": '203.0.113.7 - - [20/Nov/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 1000 "-" "curl/8.5.0"\n',
}
FILE = "a.log"
Steps = list[dict[str, Any]]


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One fault: what is read, how, and what must come of it.

    Attributes:
        row: Number of the row in the matrix.
        fault: What is wrong, in a few words; also the name of the test.
        file: Content of the one file that is read; or
        files: of several, by name; a step `link` makes a link of the file, `mode` sets its permissions.
        between: Content that stands between three good lines and three more.
        args: What stands behind `cdnlog`; `count FILES --by domain --by status -o json` if it is not given.
        more: Further arguments.
        stdin: Content of standard input.
        process: Run a process of its own.
        exit: The exit code.
        verdict: Of the first file.
        counts: Lines of all files by what became of them: `lines`, `counted`, `rejected` and so on.
        reasons: Rejected lines by reason, all there are.
        domains: Requests by domain, all there are.
        statuses: Requests by status, all there are.
        says: Parts of standard error.
        shows: Parts of standard output.
    """

    row: int
    fault: str
    file: Steps | None = None
    files: dict[str, Steps] = {}
    between: Steps | None = None
    args: list[str] | None = None
    more: list[str] = []
    stdin: Steps = []
    process: bool = False
    exit: int = 0
    verdict: str = ""
    counts: dict[str, int] = {}
    reasons: dict[str, int] | None = None
    domains: dict[str, int] | None = None
    statuses: dict[str, int] | None = None
    says: list[str] = []
    shows: list[str] = []

    @property
    def contents(self) -> dict[str, Steps]:
        """The files by name."""
        good: Steps = [{"log": "200 200 200"}]
        if self.between is not None:
            return {FILE: [*good, *self.between, *good]}
        return {FILE: self.file} if self.file is not None else self.files


class Covered(msgspec.Struct, forbid_unknown_fields=True):
    """A fault that a test elsewhere makes."""

    row: int
    fault: str
    by: str


class Apart(msgspec.Struct, forbid_unknown_fields=True):
    """A fault that cannot happen, or is met in another way."""

    row: int
    fault: str
    why: str


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """One file of the matrix."""

    case: list[Case] = []
    covered: list[Covered] = []
    apart: list[Apart] = []


def archive(data: bytes) -> bytes:
    """Return a tar archive of one log."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        member = tarfile.TarInfo(FILE)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return made.getvalue()


def zipped(data: bytes) -> bytes:
    """Return a zip archive of one log."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(FILE, data)
    return made.getvalue()


def each(data: bytes, given: dict[str, list[str]]) -> bytes:
    """Append one line for each value of a field."""
    return data + b"".join(replaced(**{name: value}) for name, values in given.items() for value in values)


def replaced(encoding: str = "utf-8", **given: str) -> bytes:
    """Return a line with other values; `time` and `bytes` too, and `line` in place of all of it."""
    made = line(**{name: value for name, value in given.items() if name not in {"time", "bytes"}})
    made = made.replace("20261120000000", given["time"], 1) if "time" in given else made
    made = made.replace(" 1000 ", f" {given['bytes']} ", 1) if "bytes" in given else made
    return made.encode(encoding) + b"\n"


STEPS: dict[str, Callable[[bytes, Any], bytes]] = {
    "text": lambda data, text: data + text.encode(),
    "hex": lambda data, digits: data + bytes.fromhex(digits),
    "log": lambda data, words: data + log(words).encode(),
    "with": lambda data, given: data + replaced(**given),  # a good line but for these fields
    "each": each,
    "of": lambda data, name: data + FORMATS[name].encode(),  # a line of another format
    "fill": lambda data, given: data + given["byte"].encode() * given["size"],
    "part": lambda data, steps: data + made(steps),
    "times": lambda data, number: data * number,
    "pack": lambda data, kind: _PACKERS[kind](data),
    "cut": lambda data, size: data[:-size],
    "keep": lambda data, size: data[:size],
    "flip": lambda data, place: flipped(data, place[0] % len(data), place[1]),
    "swap": lambda data, pair: data.replace(pair[0].encode(), pair[1].encode()),
    "recode": lambda data, encoding: data.decode().encode(encoding),
}
"""How a content is made: from what there is so far and the step's value."""
_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    **PACKERS,
    "gzip": functools.partial(gzip.compress, mtime=0),
    "tar": archive,
    "zip": zipped,
}


def made(steps: Steps) -> bytes:
    """Return a content."""
    data = b""
    for step in steps:
        ((name, value),) = step.items()
        data = STEPS[name](data, value)
    return data


def lay_out(contents: dict[str, Steps], folder: Path) -> None:
    """Make the files of a case."""
    for name, steps in contents.items():
        path = folder / os.fsdecode(name.encode("latin-1") if "\xff" in name else name.encode())
        path.parent.mkdir(parents=True, exist_ok=True)
        *_, last = steps or [{}]
        if "link" in last:
            path.symlink_to(last["link"])
        elif "fifo" in last:
            os.mkfifo(path)
        else:
            path.write_bytes(made(steps))


def matrix() -> Faults:
    """Return the whole matrix."""
    whole = Faults()
    for path in sorted(FOLDER.glob("*.toml")):
        part = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Faults)
        whole.case.extend(part.case)
        whole.covered.extend(part.covered)
        whole.apart.extend(part.apart)
    return whole


MATRIX = matrix()


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.row}: {c.fault}") for c in MATRIX.case])
def test_fault(case: Case, tmp_path: Path) -> None:
    """Of a fault comes what its row says: exit code, verdict, message and counts; and nothing is lost."""
    folder = tmp_path / "logs"
    folder.mkdir()
    lay_out(case.contents, folder)
    names = list(case.contents) or ["-"]
    args = case.args or ["count", *names, "--by", "domain", "--by", "status", "-o", "json"]
    run = run_process if case.process else run_here
    result = run([*args, *case.more], folder, made(case.stdin))
    told = f"exit {result.code}\n--- stdout\n{result.out.decode()}\n--- stderr\n{result.err.decode()}"
    assert result.code == case.exit, told
    assert [part for part in case.says if part not in result.err.decode()] == [], told
    assert [part for part in case.shows if part not in result.out.decode()] == [], told
    assert not re.search(rb"[^\n -~\x80-\xff]", result.out + result.err), told
    if "json" in args:
        hold(case, result, told)


def hold(case: Case, result: Result, told: str) -> None:
    """Compare the counts, and hold the law of line accounting."""
    document = json.loads(result.out)
    inputs = document["inputs"]
    for one in (inputs, *inputs["files"]):
        parts = ("counted", "filtered", "rejected", "comments", "blank", "withheld")
        assert one["lines"] == sum(one[part] for part in parts), told
    reasons: Counter[str] = Counter()
    for one in inputs["files"]:
        reasons.update(one["reject_reasons"])
    assert reasons.total() == inputs["rejected"], told
    assert not case.verdict or inputs["files"][0]["verdict"] == case.verdict, told
    assert {name: inputs[name] for name in case.counts} == case.counts, told
    assert case.reasons is None or reasons == case.reasons, told
    if "counts" not in document:
        return
    assert sum(row["requests"] for row in document["counts"]) == inputs["counted"], told
    for name, expected in (("domain", case.domains), ("status", case.statuses)):
        sums: Counter[str] = Counter()
        for row in document["counts"]:
            sums[str(row.get(name))] += row["requests"]
        assert expected is None or sums == expected, told


def test_no_row_is_missing() -> None:
    """Each row of the matrix has a case, a test elsewhere, or a reason why it has none."""
    rows = {one.row for one in (*MATRIX.case, *MATRIX.covered, *MATRIX.apart)}
    assert sorted(set(ROWS) - rows) == []
    assert rows <= set(ROWS) | {0}


@functools.cache
def names_in(file: str) -> frozenset[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse((Path(__file__).parent / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("one", [pytest.param(c, id=f"{c.row}: {c.fault}") for c in MATRIX.covered])
def test_what_covers_a_row_exists(one: Covered) -> None:
    """The test that a row names is there."""
    file, _, name = one.by.partition("::")
    assert name in names_in(file)


@pytest.mark.parametrize("name", WHOLE)
def test_no_damage_is_ok_with_wrong_bytes(name: str) -> None:
    """Of every prefix and every flipped bit of a small file: the verdict is never ok with wrong bytes."""
    ways, bad = wrong(WHOLE[name])
    assert ways == 9 * len(WHOLE[name].data)
    assert bad == 0


@pytest.mark.parametrize("name", SLOW)
def test_hostile_lines_are_lines(name: str) -> None:
    """The lines whose time is measured by `tests/faults/run.py` are as long as they should be, and accounted for."""
    data = SLOW[name].line(8000)
    assert 4000 < len(data) < 9000
    total = cdnlog.count(io.BytesIO(data), format=SLOW[name].format, max_rejects=1).inputs.total
    assert total.lines == data.count(b"\n") + (not data.endswith(b"\n"))
