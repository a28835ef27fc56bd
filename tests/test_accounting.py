"""Every line of every file is in exactly one place, and what a damaged file says goes into no total."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import tarfile
import tomllib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random
from typing import Any

import pytest
from streams import FNAME, GARBAGE, flipped, frame, header, member
from tencent_lines import plain

import cdnlog
from cdnlog.errors import EXIT_INCOMPLETE, EXIT_OK, AccountingError
from cdnlog.model import MAX_LINE, Accounting, FileReport, Verdict
from cdnlog.text import visible

SCHEMA = Path(__file__).parent.parent / "schemas" / "formats" / "tencent-cdn.toml"
SAMPLES = tomllib.loads(SCHEMA.read_text("utf-8"))["samples"]
GOOD = [sample["line"].encode() + b"\n" for sample in SAMPLES if "reject" not in sample]
BAD = next(sample["line"].encode() + b"\n" for sample in SAMPLES if sample.get("reject") == "status")
BLOCKS = (64, 65_536, 1 << 20)
PLACES = tuple(field.name for field in fields(Accounting) if field.name not in ("lines", "reject_reasons"))


def log(lines: int, seed: int = 4) -> bytes:
    """Return the samples again and again, each time with another path, so that they do not compress to nothing."""
    rng = Random(seed)
    return b"".join(GOOD[i % len(GOOD)].replace(b" /", b" /%x" % rng.getrandbits(400), 1) for i in range(lines))


def lines_of(data: bytes) -> int:
    """Count lines the plain way: line feeds, and what follows the last one."""
    return data.count(b"\n") + (data[-1:] not in (b"", b"\n"))


def most_of(data: bytes) -> bytes:
    """Return the first 60 % of a file, what a broken download leaves."""
    return data[: len(data) * 6 // 10]


def tar(*contents: bytes) -> bytes:
    """Return a tar archive of files with these contents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number, data in enumerate(contents):
            info = tarfile.TarInfo(f"{number}.log")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@dataclass(frozen=True)
class Case:
    """One file, and what must become of it.

    Attributes:
        data: The file.
        account: Where its lines go, rejected ones by reason; None if what comes through is withheld, however much.
        verdict: How its reading ends.
    """

    data: bytes
    account: Mapping[str, int] | None
    verdict: Verdict = Verdict.OK


N = 40
LOG = log(N)
HALF = len(LOG) // 2  # within a line
COMMENTS = b"#Version: 1.0\n# a note\n"
BOM = b"\xef\xbb\xbf"
LONG = GOOD[0].replace(b"\n", b" " * 200_000 + b"\n")  # would be a good line without all these blanks
STORED = member(LOG, level=0)  # holds the text as it is, behind a header of 10 bytes and 5 of deflate's own
LEFT = most_of(STORED)[15:]
JPEG = b"\xff\xd8\xff\xe0" + Random(5).randbytes(9000)
UTF16 = LOG.decode().encode("utf-16")
GZ = gzip.compress(LOG)
TAR = tar(LOG, LOG)
PATH = GOOD[0].index(b" /") + 2
USTAR = GOOD[0][:PATH] + b"x" * (257 - PATH) + b"ustar" + GOOD[0][PATH:]  # where a tar archive has this word

CASES = {
    "plain text": Case(LOG, {"counted": N}),
    "gz": Case(GZ, {"counted": N}),
    "zst": Case(frame(LOG), {"counted": N}),
    "xz": Case(lzma.compress(LOG), {"counted": N}),
    "bz2": Case(bz2.compress(LOG), {"counted": N}),
    "gz with a name": Case(member(LOG, header(FNAME) + b"x.log\0"), {"counted": N}),
    "two members": Case(member(LOG[:HALF]) + member(LOG[HALF:]), {"counted": N}),
    "zero padding": Case(member(LOG[:HALF]) + bytes(512) + member(LOG[HALF:]) + bytes(99), {"counted": N}),
    "trailing garbage": Case(GZ + GARBAGE, {"counted": N}, Verdict.TRAILING_GARBAGE),
    "CRLF": Case(LOG.replace(b"\n", b"\r\n"), {"counted": N}),
    "no final LF": Case(LOG[:-1], {"counted": N}),
    "BOM at the start": Case(BOM + LOG, {"counted": N}),
    "BOM in the middle": Case(BOM + LOG + BOM + LOG, {"counted": 2 * N}),
    "0 bytes": Case(b"", {}, Verdict.EMPTY),
    "gz header only": Case(header(), {}, Verdict.EMPTY),
    "gz of nothing": Case(member(b""), {}),
    "no final LF, then garbage": Case(member(LOG[:-1]) + GARBAGE, {"counted": N}, Verdict.TRAILING_GARBAGE),
    "one faulty line": Case(LOG + BAD + LOG, {"counted": 2 * N, "status": 1}),
    "last line cut": Case(LOG[:-90], {"counted": N - 1, "partial-tail": 1}),
    "over-long line": Case(LOG + LONG + LOG, {"counted": 2 * N, "too-long": 1}),
    "blanks and comments": Case(COMMENTS + LOG + b"\n \r\n\t\n", {"counted": N, "comments": 2, "blank": 3}),
    "blanks and comments only": Case(b"\n\n" + COMMENTS + b"\n", {"comments": 2, "blank": 3}),
    "a request for ustar": Case(USTAR + LOG, {"counted": N + 1}),
    "many comments first": Case(COMMENTS * 1200 + LOG, {"counted": N, "comments": 2400}),
    "many blanks only": Case(b"\n" * 2500, {"blank": 2500}),
    "cut at 60 %": Case(most_of(STORED), {"withheld": lines_of(LEFT)}, Verdict.TRUNCATED),
    "gz cut at 60 %": Case(most_of(GZ), None, Verdict.TRUNCATED),
    "zst cut at 60 %": Case(most_of(frame(LOG)), None, Verdict.TRUNCATED),
    "xz cut at 60 %": Case(most_of(lzma.compress(LOG)), None, Verdict.TRUNCATED),
    "bz2 cut at 60 %": Case(most_of(bz2.compress(LOG)), None, Verdict.TRUNCATED),
    "only the trailer cut": Case(STORED[:-8], {"withheld": N}, Verdict.TRUNCATED),
    "byte flipped": Case(flipped(STORED, len(STORED) // 2), None, Verdict.CORRUPT),
    "2nd member corrupt": Case(GZ + member(LOG, crc=1), None, Verdict.CORRUPT),
    "JPEG": Case(JPEG, {"withheld": lines_of(JPEG)}, Verdict.UNKNOWN_FORMAT),
    "UTF-16": Case(UTF16, {"withheld": lines_of(UTF16)}, Verdict.UNKNOWN_FORMAT),
    "gz in gz": Case(gzip.compress(GZ), {"withheld": lines_of(GZ)}, Verdict.UNKNOWN_FORMAT),
    "tar.gz": Case(gzip.compress(TAR), {"withheld": lines_of(TAR)}, Verdict.UNKNOWN_FORMAT),
}
SAME_TEXT = [name for name, case in CASES.items() if case.account == {"counted": N}]
BROKEN = {name: case for name, case in CASES.items() if not case.verdict.counts}


def count(*paths: Path, keep_damaged: bool = False, block: int = 1 << 20) -> cdnlog.Counts:
    """Count files and hold the law for each of them; the warning about damage has its own test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cdnlog.InputWarning)
        counts = cdnlog.count(paths, keep_damaged=keep_damaged, block=block)
    for account in (*(report.accounting for report in counts.inputs.files), counts.inputs.total):
        assert account.lines == sum(getattr(account, place) for place in PLACES)
        assert account.rejected == sum(account.reject_reasons.values())
    return counts


def account_of(report: FileReport) -> dict[str, int]:
    """Return where a file's lines went, rejected ones by reason, without the places where none did."""
    places = {place: n for place in PLACES if place != "rejected" and (n := getattr(report.accounting, place))}
    return places | dict(report.accounting.reject_reasons)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file whose name tells nothing true: content alone decides."""
    return tmp_path / "x.log.gz"


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_file_has_its_verdict_and_account(case: Case, block: int, path: Path) -> None:
    """Whatever the file and the size of a block, the verdict is right and every line is in its place."""
    path.write_bytes(case.data)
    counts = count(path, block=block)
    (report,) = counts.inputs.files
    assert report.verdict is case.verdict
    if case.account is None:
        assert set(account_of(report)) <= {"withheld"}
    else:
        assert account_of(report) == case.account
    assert int(counts.frame["requests"].sum()) == report.accounting.counted
    assert counts.inputs.exit_code == (EXIT_OK if case.verdict.complete else EXIT_INCOMPLETE)


@pytest.mark.parametrize("name", SAME_TEXT)
def test_packing_changes_no_count(name: str, path: Path, tmp_path: Path) -> None:
    """The same text gives the same table, however it is compressed, split, padded or ended."""
    path.write_bytes(CASES[name].data)
    (tmp_path / "plain").write_bytes(LOG)
    assert count(path).frame.equals(count(tmp_path / "plain").frame)


def test_the_rest_of_the_run_counts(tmp_path: Path) -> None:
    """Damaged files change no count of the good ones beside them, and make the run incomplete."""
    for number, case in enumerate([*BROKEN.values(), CASES["gz"], *BROKEN.values()]):
        (tmp_path / f"{number:03}.gz").write_bytes(case.data)
    counts, alone = count(tmp_path), count(tmp_path / f"{len(BROKEN):03}.gz")
    assert counts.frame.equals(alone.frame)
    assert counts.inputs.total.counted == N
    assert (counts.inputs.exit_code, alone.inputs.exit_code) == (EXIT_INCOMPLETE, EXIT_OK)


HINTS = {"JPEG": "a picture", "UTF-16": "UTF-16 text", "gz in gz": "compressed twice", "tar.gz": "a tar archive"}


@pytest.mark.parametrize("name", HINTS)
def test_what_is_no_log_is_named(name: str, path: Path) -> None:
    """Of a file that is no text log it is told what it looks like."""
    path.write_bytes(CASES[name].data)
    assert count(path).inputs.files[0].problem.startswith(f"it looks like {HINTS[name]}")


def test_damage_is_told(path: Path) -> None:
    """A library call on a damaged file warns, with the file, the verdict and what was seen."""
    path.write_bytes(most_of(GZ))
    with pytest.warns(cdnlog.InputWarning, match=r"x\.log\.gz: truncated: the file stops in the middle of gzip"):
        cdnlog.count(path)


def test_named_twice_counts_once(path: Path) -> None:
    """A file that is named twice is counted once, and nothing is missing."""
    path.write_bytes(GZ)
    counts = count(path, path)
    assert [report.verdict for report in counts.inputs.files] == [Verdict.OK, Verdict.DUPLICATE]
    assert (counts.inputs.total, counts.inputs.exit_code) == (Accounting(N, N), EXIT_OK)


KEPT = {
    "cut at 60 %": {"counted": LEFT.count(b"\n"), "partial-tail": 1},
    "only the trailer cut": {"counted": N},
    "JPEG": CASES["JPEG"].account,
    "gz in gz": CASES["gz in gz"].account,
}


@pytest.mark.parametrize("name", KEPT)
def test_keep_damaged_counts_what_could_be_read(name: str, path: Path) -> None:
    """On demand the whole lines of a damaged file count; it stays damaged, and what is no log stays out."""
    path.write_bytes(CASES[name].data)
    counts = count(path, keep_damaged=True)
    (report,) = counts.inputs.files
    assert (account_of(report), report.verdict) == (KEPT[name], CASES[name].verdict)
    assert counts.inputs.exit_code == EXIT_INCOMPLETE


def test_a_torn_line_never_counts(path: Path) -> None:
    """The line in which a file breaks off is cut short, even if what is left of it reads like a whole one."""
    whole, last = log(3), GOOD[0]
    for kept in range(1, len(last)):
        path.write_bytes(member(whole + last, level=0)[: 15 + len(whole) + kept])
        (report,) = count(path, keep_damaged=True).inputs.files
        assert report.accounting == Accounting(4, 3, rejected=1, reject_reasons={"partial-tail": 1}), last[:kept]


def test_a_prefix_counts_whole_members_or_nothing(path: Path) -> None:
    """However early a download stopped, no line of a broken member counts."""
    one, two = member(GOOD[0]), member(GOOD[1] + GOOD[3])
    counted = {}
    near = {end for edge in (0, len(one), len(one + two)) for end in range(edge - 20, edge + 21)}  # head and trailer
    for end in sorted({*range(0, len(one + two), 7), *near} & set(range(len(one + two) + 1))):
        path.write_bytes((one + two)[:end])
        counted[end] = count(path).inputs.total.counted
    assert {end: n for end, n in counted.items() if n} == {len(one): 1, len(one + two): 3}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""], ids=["LF", "CRLF", "none"])
@pytest.mark.parametrize("block", [1, 4096, 1 << 20])
def test_the_longest_line(block: int, end: bytes, path: Path) -> None:
    """A line of exactly the limit counts and one byte more does not, whatever its end and the size of a block."""
    first, line = GOOD[0], GOOD[0].rstrip(b"\n")
    longest = line.replace(b" /", b" /" + b"x" * (MAX_LINE - len(line)), 1)
    path.write_bytes(first + longest + end)
    assert account_of(count(path, block=block).inputs.files[0]) == {"counted": 2}
    path.write_bytes(first + b"2" + longest + end)
    assert account_of(count(path, block=block).inputs.files[0]) == {"counted": 1, "too-long": 1}


_MEASURE = """
import sys, warnings
from pathlib import Path
import cdnlog

def peak():  # not ru_maxrss: a process inherits that of its parent
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024

warnings.simplefilter("ignore")
cdnlog.count(sys.argv[1], jobs=1)
before = peak()
print(cdnlog.count(sys.argv[2], jobs=1).inputs.total.withheld, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure one process's memory")
def test_detecting_a_format_takes_little_memory(tmp_path: Path) -> None:
    """The first lines tell the format; a thousand of 60 kB each, all separators, are not looked at all at once."""
    small, hostile = tmp_path / "small.gz", tmp_path / "hostile.gz"
    small.write_bytes(GZ)
    hostile.write_bytes(member(b" " * 60_000 + b"x\n") * 1200)
    command = [sys.executable, "-c", _MEASURE, str(small), str(hostile)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    withheld, growth = map(int, run.stdout.split())
    assert withheld == 1200
    assert growth < 200  # of which pyarrow, which formats of the kind "regex" need, is 35; all at once would be 700


# --- the law itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["lines", *PLACES])
def test_a_line_too_many_is_an_error(place: str) -> None:
    """One line more in any single place breaks the law, and the message shows the sum."""
    right = Accounting(12, 1, 2, 3, 1, 2, 3, {"status": 2, "fields": 1})
    one: dict[str, Any] = {place: 1}
    right.check("x.log")
    with pytest.raises(AccountingError, match=r"x\.log: lines do not add up: lines \d+ = counted \d"):
        (right + Accounting(**one)).check("x.log")


_LIES = """
import sys, warnings
from dataclasses import replace
import cdnlog
from cdnlog.model import Accounting
from cdnlog.parse import Parser

warnings.simplefilter("ignore")
honest = Parser._account
lies = {
    "a line": (Parser, "_account", lambda self, fate: replace(honest(self, fate), lines=len(fate) + 1)),
    "a reason": (Parser, "_account", lambda self, fate: replace(honest(self, fate), reject_reasons={})),
    "a withheld line": (Accounting, "withhold", lambda self: Accounting(lines=self.lines)),
}
for lost, (owner, name, lie) in lies.items():
    truth = getattr(owner, name)
    setattr(owner, name, lie)
    for use in (cdnlog.count, cdnlog.read):
        try:
            use(sys.argv[1:], jobs=1)
        except cdnlog.CdnlogError as error:
            print(lost, use.__name__, type(error).__name__, error.exit_code)
    setattr(owner, name, truth)
"""


@pytest.mark.parametrize("flags", [[], ["-O"]], ids=["plain", "-O"])
def test_a_program_that_loses_a_line_stops(flags: list[str], tmp_path: Path) -> None:
    """The law is held by the program itself on every run, with assertions switched off too."""
    names = ("one faulty line", "cut at 60 %")
    for name in names:
        (tmp_path / name).write_bytes(CASES[name].data)
    command = [sys.executable, *flags, "-c", _LIES, *(str(tmp_path / name) for name in names)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    lost = ("a line", "a reason", "a withheld line")
    assert run.stdout.splitlines() == [f"{what} {use} AccountingError 70" for what in lost for use in ("count", "read")]


@pytest.mark.parametrize("block", [1000, 65_536, 2 * 1024 * 1024])
def test_junk_behind_comments_withholds_nothing(block: int, tmp_path: Path) -> None:
    """A format once told is kept: neither leading comments nor junk further on, nor the size of blocks, matter."""
    path = tmp_path / "a.log"
    path.write_bytes(b"# c\n" * 1000 + GOOD[0] * 12_000 + b"junk\n" * 1500 + GOOD[0] * 3000)
    report = count(path, block=block).inputs.files[0]
    assert (report.verdict, account_of(report)) == (
        Verdict.OK,
        {"counted": 15_000, "comments": 1000, "fields": 1500},
    )


def test_a_small_corrupt_file_is_read_as_far_as_it_goes(path: Path) -> None:
    """Of a gz whose checksum is wrong every line is withheld, and with `keep_damaged` all but a torn last one count."""
    packed = bytearray(member(GOOD[0] * 1000))
    packed[-6] ^= 1
    path.write_bytes(packed)
    assert account_of(count(path).inputs.files[0]) == {"withheld": 1000}
    kept = count(path, keep_damaged=True).inputs.total
    assert kept.lines == 1000
    assert kept.counted >= 999


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure one process's memory")
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """Ten times the log, a hundred megabytes of it, takes no more memory to count."""
    small, large = tmp_path / "small.gz", tmp_path / "large.gz"
    packed = member(GOOD[0] * 60_000)
    small.write_bytes(packed)
    large.write_bytes(packed * 10)
    command = [sys.executable, "-c", _MEASURE, small, large]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    withheld, growth = map(int, run.stdout.split())
    assert withheld == 0
    assert growth < 30


def test_paths_of_files_are_safe_to_print(tmp_path: Path) -> None:
    """What the accounting and the records of rejects call a file holds nothing that a terminal would obey."""
    path = tmp_path / "x\x1b[2J\nall well.log"
    path.write_bytes(plain(Random(1)) + b"\nno line of a log\n")
    with io.BytesIO() as rejects:
        counts = cdnlog.count(path, format="tencent-cdn", rejects=rejects)
        record = json.loads(rejects.getvalue())
    assert [file.path for file in counts.inputs.files] == [record["file"]] == [visible(path)]
