"""The bytes of a file arrive whole and in order, or the verdict says that they do not."""

from __future__ import annotations

import errno
import io
import os
import socket
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from streams import PACKERS, STREAMS, A, B, Stream, flipped, header, member, text

from cdnlog import source
from cdnlog.model import MAX_LINE, REJECT_TEXT, Block, Verdict
from cdnlog.source import Ending, codecs
from cdnlog.text import visible

SIZES = (1, 7, 64, 4096, 65_536, 1 << 20)
CODECS = {codec.name: codec for codec in codecs.CODECS}
ODD = ((1, 3), (7, 1), (64, 13), (4096, 65_536))  # bytes handed on, bytes read
COMPRESSED = {name: stream for name, stream in STREAMS.items() if codecs.codec_of(stream.data)}


def read(path: Path, size: int = source.BLOCK) -> tuple[list[Block], Ending]:
    """Read one file; its ending comes last and once."""
    (found,) = source.find([path]).inputs
    *blocks, ending = source.read(found, size)
    assert isinstance(ending, Ending)
    return [block for block in blocks if isinstance(block, Block)], ending


def unpack(data: bytes, codec: codecs.Codec, max_out: int = 4096, chunk: int = 65_536) -> tuple[bytes, Verdict]:
    """Decompress in pieces of a given size."""
    *pieces, ending = codecs.decompress(io.BytesIO(data), codec, max_out, chunk)
    assert isinstance(ending, Ending)
    whole = [piece for piece in pieces if isinstance(piece, bytes)]
    assert max(map(len, whole), default=0) <= max_out
    return b"".join(whole), ending.verdict


def judge(stream: Stream, content: bytes, verdict: Verdict) -> None:
    """What counts is exactly the content; what a cut leaves is a beginning of it."""
    assert verdict is stream.verdict
    if verdict.counts:
        assert content == stream.content
    elif verdict is Verdict.TRUNCATED:
        assert stream.content.startswith(content)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_each_stream_gives_its_verdict_and_bytes(stream: Stream, size: int, tmp_path: Path) -> None:
    """Whatever the size of a block: the right verdict, and no wrong byte that counts."""
    path = tmp_path / "x.log"
    path.write_bytes(stream.data)
    blocks, ending = read(path, size)
    judge(stream, b"".join(block.data for block in blocks), ending.verdict)
    ends_within_a_line = bool(blocks) and not blocks[-1].data.endswith(b"\n")
    assert not ends_within_a_line or blocks[-1].torn is not ending.verdict.counts


@pytest.mark.parametrize(("max_out", "chunk"), ODD)
@pytest.mark.parametrize("stream", COMPRESSED.values(), ids=COMPRESSED)
def test_pieces_do_not_matter(stream: Stream, max_out: int, chunk: int) -> None:
    """However the compressed bytes are cut up, the result is the same."""
    codec = codecs.codec_of(stream.data)
    assert codec is not None
    judge(stream, *unpack(stream.data, codec, max_out, chunk))


def test_gzip_header_in_two_pieces() -> None:
    """A header with all optional fields may be split between two reads at any byte."""
    data = STREAMS["gzip: all header flags"].data
    whole = STREAMS["gzip: all header flags"].content, Verdict.OK
    assert [chunk for chunk in range(1, 40) if unpack(data, CODECS["gzip"], chunk=chunk) != whole] == []


TINY = (b"200 a\n", b"404 bc\n")


@pytest.mark.parametrize("kind", PACKERS)
def test_no_flipped_bit_counts_with_wrong_bytes(kind: str) -> None:
    """Whatever bit is wrong: what counts is all of the file, or with a warning its members before the damage."""
    data = b"".join(map(PACKERS[kind], TINY))
    allowed = {Verdict.OK: (b"".join(TINY),), Verdict.TRAILING_GARBAGE: (TINY[0], b"".join(TINY))}
    for at, bit in product(range(len(data)), range(8)):
        content, verdict = unpack(flipped(data, at, bit), CODECS[kind])
        assert not verdict.counts or content in allowed[verdict], (at, bit)


@pytest.mark.parametrize("kind", PACKERS)
def test_a_prefix_counts_only_between_members(kind: str) -> None:
    """Of all prefixes only the one that ends with a member is good: nobody could tell that more was to come."""
    one, two = map(PACKERS[kind], TINY)
    results = {end: unpack((one + two)[:end], CODECS[kind]) for end in range(len(one + two))}
    good = {0: (b"", Verdict.EMPTY), len(one): (TINY[0], Verdict.OK)}
    good |= {10: (b"", Verdict.EMPTY)} if kind == "gzip" else {}
    assert {end: result for end, result in results.items() if result[1] is not Verdict.TRUNCATED} == good


_short = st.lists(st.binary(max_size=60)).map(b"\n".join)
_lengths = st.one_of(st.integers(MAX_LINE - 1, MAX_LINE + 2), st.integers(65_000, 80_000))
_long = st.builds(bytes.__mul__, st.sampled_from([b"x", b"\r"]), _lengths)
_texts = st.lists(st.one_of(_short, _long), max_size=3).map(b"\n".join)
contents = _texts.filter(lambda content: codecs.codec_of(content) is None)
sizes = st.one_of(st.integers(1, 70_000), st.integers(50, 70_000))
packers = st.sampled_from([bytes, *PACKERS.values()])


def hold_the_law(blocks: list[Block], data: bytes, size: int) -> None:
    """Blocks lie end to end, start where they say, hold whole lines, and are the file."""
    offset = 0
    for block in blocks:
        assert (block.offset, block.line) == (offset, 1 + data.count(b"\n", 0, offset))
        part = data[offset : offset + block.length]
        if block.cut:
            assert block.data == part[:REJECT_TEXT]
            assert len(part) > MAX_LINE
            assert b"\n" not in part[:-1]
        else:
            assert block.data == part
            assert block.length <= 2 * size + MAX_LINE + 2
        offset += block.length
        assert part.endswith(b"\n") or offset == len(data)
    assert offset == len(data)


@example(content=b"a\n\n" + b"x" * 70_000 + b"\nb\nc", size=64, pack=bytes)
@example(content=b"a\n" + b"x" * 70_000, size=4096, pack=member)
@settings(max_examples=60, deadline=None, database=None)
@given(content=contents, size=sizes, pack=packers)
def test_blocks_of_a_file_are_the_file(
    content: bytes, size: int, pack: Callable[[bytes], bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Joined, the blocks are the file; offsets and line numbers are true; every block but the last ends in LF."""
    path = tmp_path_factory.getbasetemp() / "law.log"
    path.write_bytes(pack(content))
    blocks, ending = read(path, size)
    assert ending.verdict.counts
    hold_the_law(blocks, content, size)


def test_progress_adds_up_to_the_file(tmp_path: Path) -> None:
    """Progress is told in bytes as they lie on disk, all of them."""
    path = tmp_path / "x.gz"
    path.write_bytes(STREAMS["gzip: two members"].data)
    told: list[int] = []
    list(source.read(source.Input(str(path)), 64, told.append))
    assert sum(told) == path.stat().st_size


BOMB = 100 * 1024 * 1024
_MEASURE = """
import sys
from pathlib import Path
from cdnlog import source

def peak():  # not ru_maxrss: a process inherits that of its parent
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024

before = peak()
*blocks, ending = source.read(source.Input(sys.argv[1]))
print(ending.verdict, sum(block.length for block in blocks), peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to measure one process's memory")
def test_a_bomb_takes_little_memory(tmp_path: Path) -> None:
    """100 MB of zero bytes from a 100 kB file are one over-long line, in less than 60 MB."""
    path, compressor = tmp_path / "bomb.gz", zlib.compressobj(wbits=31)
    path.write_bytes(b"".join(compressor.compress(bytes(1 << 20)) for _ in range(BOMB >> 20)) + compressor.flush())
    run = subprocess.run([sys.executable, "-c", _MEASURE, path], capture_output=True, text=True, check=True)
    verdict, length, growth = run.stdout.split()
    assert (verdict, int(length)) == ("ok", BOMB)
    assert int(growth) < 60


# --- files that change or cannot be read -------------------------------------------------------------------------

LONG = member(text(3000), level=0)  # more than is read at once


@pytest.mark.parametrize(
    ("data", "kept"),
    [(A * 100, 100), (LONG + LONG, len(LONG) - 9), (LONG + LONG, len(LONG)), (LONG + LONG, len(LONG) + 9)],
    ids=["plain", "in a member", "between members", "in a header"],
)
def test_a_file_that_shrinks_is_truncated(data: bytes, kept: int, tmp_path: Path) -> None:
    """What was cut off while it was read is missed, even where the rest looks whole."""
    path = tmp_path / "x.log"
    path.write_bytes(data)
    items = source.read(source.find([path]).inputs[0], 64)
    next(items)
    os.truncate(path, kept)
    *_, ending = items
    assert isinstance(ending, Ending)
    assert ending.verdict is Verdict.TRUNCATED


@pytest.mark.parametrize("pack", [bytes, member], ids=["plain", "gz"])
def test_a_file_that_grows_ends_where_it_ended(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """What is written while a file is read belongs to the next run."""
    path = tmp_path / "x.log"
    path.write_bytes(pack(A))
    items = source.read(source.find([path]).inputs[0], 64)
    first = next(items)
    with path.open("ab") as file:
        file.write(pack(A))
    *rest, ending = items
    blocks = [block for block in (first, *rest) if isinstance(block, Block)]
    assert (b"".join(block.data for block in blocks), ending) == (A, Ending(Verdict.OK))


@pytest.mark.parametrize("data", [A * 100, LONG], ids=["plain", "gz"])
def test_a_read_error_is_unreadable(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails in the middle ends the file with a verdict that says where, compressed or not."""

    class Failing(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > codecs.MAGIC:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size) or b""

    path = tmp_path / "x.log"
    path.write_bytes(data)
    monkeypatch.setattr(source, "_open", lambda found: Failing(found.path))
    at = codecs.MAGIC + codecs.CHUNK
    size = codecs.CHUNK * source._PIECES
    assert read(path, size)[1] == Ending(Verdict.UNREADABLE, f"reading failed at byte {at}: Input/output error")


def test_a_file_that_vanished_is_unreadable(tmp_path: Path) -> None:
    """A file that was there when it was looked for, and then was not, does not end the run."""
    path = tmp_path / "x.log"
    path.write_bytes(A)
    (found,) = source.find([path]).inputs
    path.unlink()
    assert list(source.read(found)) == [Ending(Verdict.UNREADABLE, "No such file or directory")]


# --- finding files -----------------------------------------------------------------------------------------------


def lay(folder: Path, *names: str) -> Path:
    """Write files that differ in content, with the folders they need."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 9)
    return folder


def test_order_of_a_folder(tmp_path: Path) -> None:
    """The files of a folder come before those of its folders, each by name, whatever the disk's order."""
    order = ["B.log", "a.log", "b.gz", "A/1.log", "c/0.log", "c/d/e/9.log", "c/f/2.log"]
    folder = lay(tmp_path, *reversed(order), *(f"many/{number}" for number in range(9, 0, -1)))
    found = [os.path.relpath(one.path, folder) for one in source.find([folder]).inputs]
    assert found[: len(order)] == order
    matched = [one.path for one in source.find([folder / "many" / "*"]).inputs]
    assert matched == [str(folder / "many" / str(number)) for number in range(1, 10)]


LEFT_OUT = (".hidden", "a.log.tmp", "b.PART", "notes.md")


def test_left_out_of_a_folder_but_read_when_named(tmp_path: Path) -> None:
    """What is hidden, unfinished or a note is left out of a walk and told of; named or matched, it is read."""
    folder = lay(tmp_path, "a.log", *LEFT_OUT)
    named = [str(folder / name) for name in LEFT_OUT]
    walked = source.find([folder])
    assert [one.path for one in walked.inputs] == [str(folder / "a.log")]
    assert sorted(walked.skipped) == sorted(named)
    assert [(one.path, one.verdict) for one in source.find(named).inputs] == [(name, None) for name in named]
    assert [one.verdict for one in source.find([folder / "*.md"]).inputs] == [None]


def test_nothing_in_a_folder_vanishes(tmp_path: Path) -> None:
    """Folders that a walk does not enter, hidden or links, are told of like the files it leaves out."""
    folder = lay(tmp_path, "logs/.old/a.log", "elsewhere/b.log") / "logs"
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    found = source.find([folder])
    told = {*found.skipped, *(one.path for one in found.inputs)}
    assert {name for name in (".old", "linked") if any(name in path for path in told)} == {".old", "linked"}


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)  # an address must be short


ADVICE = "not a regular file; pipe it into"
NOT_READ: dict[str, tuple[Callable[[Path], object], Verdict, str]] = {
    "missing": (lambda path: path, Verdict.MISSING, "no such file"),
    "link to nothing": (lambda path: path.symlink_to("gone"), Verdict.MISSING, "link leads to is not there"),
    "link to itself": (lambda path: path.symlink_to(path), Verdict.UNREADABLE, "Too many levels of symbolic links"),
    "FIFO": (os.mkfifo, Verdict.UNREADABLE, ADVICE),
    "socket": (_socket, Verdict.UNREADABLE, ADVICE),
    "device": (lambda path: path.symlink_to("/dev/zero"), Verdict.UNREADABLE, ADVICE),
    "glob": (lambda path: path.with_name("*.gz"), Verdict.MISSING, "no file matches"),
    "empty name": (lambda _: "", Verdict.MISSING, "no such file"),
    "NUL in the name": (lambda path: f"{path}\0", Verdict.UNREADABLE, "null byte"),
}


@pytest.mark.parametrize("case", NOT_READ)
def test_what_is_not_read_says_why(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is no file is opened, nothing hangs: one input, its verdict and a clause that helps."""
    monkeypatch.chdir(tmp_path)
    make, verdict, clause = NOT_READ[case]
    path = make(tmp_path / "x.log")
    (found,) = source.find([path if isinstance(path, str | Path) else tmp_path / "x.log"]).inputs
    assert found.verdict is verdict
    assert clause in found.problem
    assert list(source.read(found)) == [Ending(verdict, found.problem)]


def test_no_permission_is_unreadable(tmp_path: Path) -> None:
    """A file or folder one may not read is told of, and the others are read."""
    folder = lay(tmp_path, "a.log", "b.log", "c/d.log")
    for name in ("b.log", "c"):
        (folder / name).chmod(0)
    if os.access(folder / "c", os.R_OK):
        pytest.skip("this user may read everything")
    endings = [list(source.read(one))[-1] for one in source.find([folder]).inputs]
    (folder / "c").chmod(0o700)
    denied = Ending(Verdict.UNREADABLE, "Permission denied")
    assert endings == [Ending(Verdict.OK), denied, denied]


SAME: dict[str, Callable[[Path], list[Path | str]]] = {
    "one object": lambda path: [path, path],
    "one name": lambda path: [str(path), os.fsdecode(os.fsencode(path))],
    "one-letter names": lambda path: [path.with_name("x").name] * 2,
    "other spelling": lambda path: [path, f"{path.parent}/./x"],
    "symbolic link": lambda path: [path, path.with_name("link")],
    "hard link": lambda path: [path, path.with_name("hard")],
    "glob and name": lambda path: [path.with_name("[x]"), path],
    "folder and name": lambda path: [path.parent / "only", path],
    "standard input": lambda _: ["-", "-"],
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_file_twice_is_read_once(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file under two names, whatever makes them two, is a duplicate the second time."""
    monkeypatch.chdir(lay(tmp_path, "x", "only/.keep"))
    path = tmp_path / "x"
    path.with_name("link").symlink_to(path)
    path.with_name("hard").hardlink_to(path)
    (tmp_path / "only" / "x").symlink_to(path)
    first, second = source.find(SAME[case](path)).inputs
    assert (first.verdict, second.verdict) == (None, Verdict.DUPLICATE)
    problem = f"the same file as {first.path}, which is read once"
    assert list(source.read(second)) == [Ending(Verdict.DUPLICATE, problem)]


def test_equal_files_are_two_files(tmp_path: Path) -> None:
    """Files of the same content, size and time are not the same file; both are read."""
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(A)
        os.utime(tmp_path / name, (0, 0))
    assert [one.verdict for one in source.find([tmp_path]).inputs] == [None, None]


def test_a_file_called_dash_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a dash that was typed means standard input, never one that a glob found."""
    monkeypatch.chdir(lay(tmp_path, "-"))
    (found,) = source.find(["*"]).inputs
    assert found.path != source.STDIN


@pytest.mark.parametrize("name", [b"a\nb.gz", b"\x1b[2J.gz", b"\xff\xfe.gz", b"--out", b"[a].gz", b"x" * 255])
def test_any_file_name_works(name: bytes, tmp_path: Path) -> None:
    """A name may be any bytes; it finds its file, and nothing of it is shown raw."""
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(STREAMS["gzip: one member"].data)
    for named in (tmp_path, path):
        (found,) = source.find([named]).inputs
        assert os.fsencode(found.path) == os.fsencode(path)
        assert list(source.read(found))[-1] == Ending(Verdict.OK)
        assert visible(found.path).isprintable()


def test_same_content_is_told(tmp_path: Path) -> None:
    """Two gz files that end in the same checksum and length are a pair; plain, empty and duplicate ones never are."""
    twice = {"same.gz": member(A), "plain.log": A, "empty.gz": member(b""), "header.gz": header()}
    once = {"1/other.gz": member(B), "1/longer.gz": member(A + b"x")}
    for name, data in ({f"{n}/{name}": data for n in (1, 2) for name, data in twice.items()} | once).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "2" / "linked.gz").hardlink_to(tmp_path / "1" / "same.gz")
    pairs = source.same_content(source.find([tmp_path, "-"]).inputs)
    assert pairs == [(str(tmp_path / "1" / "same.gz"), str(tmp_path / "2" / "same.gz"))]
