"""Hostile text through every sink: what strangers write, or users mistype, reaches none raw and changes no structure.

A log of hostile texts (`strangers.py`), each wherever a stranger can write, and a harmless log of the same shape are
made into every result; each result goes into each sink, and what comes out of both must be built alike.
"""

from __future__ import annotations

import csv
import errno
import gzip
import io
import itertools
import json
import os
import pty
import re
import subprocess
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree as ET  # of our own output

import matplotlib as mpl
import matplotlib.pyplot as plt
import pyarrow.dataset
import pyarrow.parquet
import pytest
from hostile import FORMATS
from hostile import log as log_of
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from strangers import FORGED, HOSTILE, NAMES, REJECTED, dirty, formulas, named
from test_cases import Result, environment, line, log, run_here
from test_html import Page, hold_the_policy
from test_night_reports import exposed

import cdnlog
from cdnlog import plots
from cdnlog.kept import holdings
from cdnlog.privacy import masked
from cdnlog.report import NIGHT_OUTPUTS, OUTPUTS, render
from cdnlog.report.layout import Listing
from cdnlog.text import csv_cell, markdown_cell, visible

BY = ("status", "path", "query", "referer", "user_agent")
TENCENT = "tencent-cdn"
OPTIONS = (
    "--format", "--provider", "--by", "--tz", "--log-tz", "--window", "--since", "--until", "--jobs", "--max-rejects",
    "--domain", "--domain-name", "--schemas",
)  # fmt: skip
MISTYPED = {
    "hidden": "".join(
        HOSTILE[name] for name in ("escapes", "c1", "delete", "bidi", "zero width", "unassigned", "label")
    ),
    "no utf-8": HOSTILE["no utf-8"],
    "console markup": HOSTILE["console markup"],
    "format": HOSTILE["format"],
    "two lines": NAMES["two lines"],
    "carriage return": NAMES["carriage return"],
}
ODD_NAMES = ("escapes", "c1", "bidi", "no utf-8", "console markup", "format", "two lines", "carriage return")
# What the progress bar writes on a terminal: hide and show the cursor, colours, go up, clear the line.
PROGRESS = re.compile(rb"\x1b\[\?25[lh]|\x1b\[[0-9;]*m|\x1b\[[0-9]*[AK]|\r")
CODES = """
schema = "cdnlog.codes/1"
provider = "mine"
title = {0}
source = {0}
as_of = "2026-01-01"
"""
CODE = """
[[code]]
code = {1}
name.en = {0}
meaning.en = {0}
owner = "unknown"
stage = "response"
causes = ["edge-code"]
checks.en = [{0}]
fix.en = [{0}]
"""


def assert_clean(result: Result) -> None:
    """Hold that a run did not crash, that both streams are clean, and that no line of them is forged."""
    assert result.code in (0, 1, 2, 3, 74), result.err
    clean(result.out.decode())
    clean(result.err.decode())
    assert b"Traceback" not in result.err
    assert b"a bug of ours" not in result.err


def clean(text: str) -> None:
    """Hold that a text is printable, and that no line of it is forged."""
    assert dirty(text.encode()) == []
    assert [one for one in text.split("\n") if one.startswith(FORGED)] == []


# The logs, and what is made of them


def texts() -> dict[bool, list[str]]:
    """Return the hostile texts (True), and as many that harm nobody."""
    return {True: list(HOSTILE.values()), False: [f"word{i:02d}" for i in range(len(HOSTILE))]}


def lines(found: list[str], wrong: str) -> Iterator[str]:
    """Yield an hour for each text in which a domain fails for whoever says it; `wrong` is no host either."""
    for i, text in enumerate(found):
        bare = text.replace(" ", "+").replace("?", "")
        fields = {"path": f"/{bare}?{bare}", "agent": text.replace('"', ""), "referer": text}
        for at in range(8):
            yield line(502, 3600 * i + at, host=f"h{i:02d}.example", **fields)
        yield line(200, 3600 * i + 8, host=f"h{i:02d}.example")
        yield line(500, 3600 * i + 9, host=wrong or bare, path=f"/{bare}", agent=bare.replace('"', ""))


def before(found: list[str]) -> Iterator[str]:
    """Yield a log in which all of that was well."""
    for i, text in enumerate(found):
        bare = text.replace(" ", "+").replace("?", "")
        for at in range(4):
            yield line(200, 3600 * i + at, host=f"h{i:02d}.example", path=f"/{bare}")


def written(path: Path, found: Iterator[str]) -> Path:
    """Write a log."""
    path.write_bytes("".join(f"{one}\n" for one in found).encode("utf-8", "surrogateescape"))
    return path


@dataclass(frozen=True)
class Made:
    """The results of one log.

    Attributes:
        folder: Where the log is, "a.log".
        texts: What stands in it.
        results: By name.
    """

    folder: Path
    texts: list[str]
    results: dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Made]:
    """Every result of the hostile log, and of the harmless one."""
    folder = tmp_path_factory.mktemp("sinks")
    return {bad: results_of(folder / str(bad), found, "" if bad else "not..valid") for bad, found in texts().items()}


def results_of(folder: Path, found: list[str], wrong: str) -> Made:
    """Make a log of some texts into every result."""
    (folder / "codes").mkdir(parents=True)
    path = written(folder / "a.log", lines(found, wrong))
    table = [CODES.format(json.dumps("mine"))]
    quoted = [json.dumps(text, ensure_ascii=False) for text in found if text.isprintable()]
    table += [CODE.format(text, 600 + i) for i, text in enumerate(quoted)]
    (folder / "codes" / "mine.toml").write_text("".join(table), encoding="utf-8")
    old = written(folder / "before", before(found))
    night = cdnlog.nightly([path], folder / "history.db", format=TENCENT)
    explained = {
        f"explain {i}": cdnlog.explain(600 + i, "mine", schemas=folder) for i in range(0, len(quoted), 2)
    }  # half of them: a card is a card
    rows = tuple((text, text) for text in map(visible, found))
    results = {
        "count": cdnlog.count(path, by=BY, format=TENCENT),
        "diagnose": cdnlog.diagnose(path, format=TENCENT),
        "diagnose in Korean": cdnlog.diagnose(path, format=TENCENT, lang="ko"),
        "diff": cdnlog.diff(old, path, format=TENCENT),
        "nightly": night,
        "history": holdings(folder / "history.db"),
        "listing": Listing(visible(found[0]), ("a", "b"), rows, tuple(map(visible, found))),
        **explained,
    }
    return Made(folder, found, results)


RESULTS = ("count", "diagnose", "diagnose in Korean", "diff", "nightly", "history", "listing", "explain")


def named_so(made: dict[bool, Made], name: str) -> Iterator[tuple[Any, Any]]:
    """Yield the hostile and the harmless result of a name, or of all names that begin so."""
    for key, bad in made[True].results.items():
        if key == name or (key.startswith(f"{name} ") and key not in RESULTS):
            yield bad, made[False].results[key]


# How each output is built


def html(text: str) -> object:
    """Return the tags and attributes of a page, in their order, which no file of another name changes."""
    page = Page(text.encode())
    hold_the_policy(page)
    return page.tags


def markdown(text: str) -> object:
    """Return the elements of a Markdown text, in their order; text is text, however it breaks."""
    tokens = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(text)
    flat = [child for token in tokens for child in (token, *(token.children or ()))]
    return [(token.type, token.tag, token.level) for token in flat if token.type not in ("text", "softbreak")]


def json_(text: str) -> object:
    """Return the keys and kinds of a JSON text."""
    assert text.isascii()
    return shape(json.loads(text))


def shape(value: object) -> object:
    """Return what a JSON value is made of."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items() if not key.endswith("_shares")}
    return [shape(one) for one in value] if isinstance(value, list) else type(value)


def csv_(text: str) -> object:
    """Return the number of cells of each row of a CSV text."""
    assert formulas(text) == []
    return [len(row) for row in csv.reader(io.StringIO(text), strict=True)]


def prometheus(text: str) -> object:
    """Return the metrics of an exposition with their labels' names."""
    return [(name, sorted(labels)) for name, labels, _ in exposed(text)]


BUILT: dict[str, Callable[[str], object]] = {
    "html": html, "markdown": markdown, "json": json_, "csv": csv_, "prometheus": prometheus,
    "table": lambda _: None,  # text among text
}  # fmt: skip


@pytest.mark.parametrize("output", NIGHT_OUTPUTS)
@pytest.mark.parametrize("name", RESULTS)
def test_no_text_changes_what_an_output_is_built_of(made: dict[bool, Made], name: str, output: str) -> None:
    """Every result is told in every output with nothing raw in it, and built as that of a harmless log."""
    pairs = list(named_so(made, name))
    assert pairs
    for pair in pairs:
        if output in (*OUTPUTS, *getattr(pair[0], "outputs", ())):
            told = [render(one, output, 200) for one in pair]
            clean(told[0])
            assert BUILT[output](told[0]) == BUILT[output](told[1])


@pytest.mark.parametrize("name", ["count", "diagnose", "diff", "nightly"])
def test_every_text_is_there_to_be_seen(made: dict[bool, Made], name: str) -> None:
    """Nothing is left out to be safe: where a result quotes the log, each text is in it, made visible."""
    told = json.dumps(json.loads(render(made[True].results[name], "json")), ensure_ascii=False)
    for text in made[True].texts:
        bare = visible(text.replace(" ", "+").replace("?", ""))
        bare = bare if name == "count" else masked(bare)
        assert json.dumps(bare, ensure_ascii=False)[1:-1] in told


def test_hosts_are_one_word_or_invalid(made: dict[bool, Made]) -> None:
    """No hostile host is a domain of its own."""
    domains = set(cdnlog.count(made[True].folder / "a.log", by="domain", format=TENCENT).frame["domain"])
    assert "(invalid)" in domains
    assert [name for name in domains if not re.fullmatch(r"h\d\d\.example|\(invalid\)", name)] == []


def test_a_markdown_cell_is_read_back_as_the_text(made: dict[bool, Made]) -> None:
    """A cell of a Markdown table is the very text, and none makes a row, a column, a link or markup."""
    counts = made[True].results["count"]
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(render(counts, "markdown"))
    cells = [after for first, after in itertools.pairwise(tokens) if first.type == "td_open"]
    assert [child.type for token in cells for child in token.children or () if child.type != "text"] == []
    shown = {"".join(child.content for child in token.children or ()).strip() for token in cells}
    expected = {str(cell) for name in BY[1:] for cell in counts.frame[name].dropna()}
    assert {" ".join(text.split()) for text in expected} <= {" ".join(text.split()) for text in shown}


def test_one_long_text_hides_no_number(tmp_path: Path) -> None:
    """A text as long as a line widens no table: cells end in an ellipsis, and only data formats have all of it."""
    written(tmp_path / "a.log", (line(200, at, path="/" + "a" * length) for at, length in enumerate((9, 60_000))))
    counts = cdnlog.count(tmp_path / "a.log", by=("status", "path"), format=TENCENT)
    for output in ("table", "markdown", "html"):
        assert len(render(counts, output)) < 6_000
        assert "a" * 198 + "\u2026" in render(counts, output)
    assert len(counts._repr_html_()) < 6_000
    for output in ("csv", "json"):
        assert "a" * 60_000 in render(counts, output)


# Rows and rejects


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_rows_are_written_safely(made: dict[bool, Made], tmp_path: Path, suffix: str) -> None:
    """Rows in CSV hold no formula and no control, rows in JSON lines are ASCII, Parquet has what can be shown."""
    to, there = tmp_path / f"rows.{suffix}", made[True]
    assert_clean(run_here(["parse", "a.log", "--format", TENCENT, "--out", str(to)], there.folder))
    if suffix == "parquet":
        rows = pyarrow.parquet.read_table(to).to_pylist()
    elif suffix == "jsonl":
        assert to.read_bytes().isascii()
        rows = [json.loads(one) for one in to.read_bytes().splitlines()]
    else:
        clean(to.read_text())
        assert formulas(to.read_text()) == []
        rows = list(csv.DictReader(io.StringIO(to.read_text()), strict=True))
    assert dirty(json.dumps(rows, default=str, ensure_ascii=False).encode()) == []
    agents = {str(row["user_agent"]) for row in rows}
    expected = {visible(text.replace('"', "")) for text in there.texts}
    assert {csv_cell(text) if suffix == "csv" else text for text in expected} <= agents
    assert len(rows) == 10 * len(there.texts)


@pytest.mark.parametrize("column", ["user_agent", "path", "domain"])
def test_no_text_leads_out_of_the_folder(made: dict[bool, Made], tmp_path: Path, column: str) -> None:
    """Folders named after values lie where they were asked for, one deep, whatever the value; all rows are in them."""
    to = tmp_path / "rows"
    args = ["parse", "a.log", "--format", TENCENT, "--columns", "status", "--out", str(to), "--partition", column]
    assert_clean(run_here(args, made[True].folder))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    places = [path.relative_to(to).parts for path in files]
    assert {(len(parts), parts[0].split("=")[0]) for parts in places} == {(2, column)}
    assert [part for parts in places for part in parts if dirty(part.encode()) or part in (".", "..")] == []
    assert sum(pyarrow.parquet.read_metadata(path).num_rows for path in files) == 10 * len(HOSTILE)


@pytest.mark.parametrize(
    ("column", "long"),
    [("user_agent", "\u0301" * 900), ("path", "/" + "%2e" * 99), ("domain", ".".join(["h" * 62] * 4))],
)
def test_no_text_is_too_long_for_a_folder(tmp_path: Path, column: str, long: str) -> None:
    """A value longer than the name of a folder can be costs no rows: it is told by its beginning and a hash."""
    field = {"user_agent": "agent", "domain": "host"}.get(column, column)
    written(tmp_path / "a.log", (line(200, at, **{field: text}) for at, text in enumerate((long, f"{long}e", "/"))))
    args = ["parse", "a.log", "--format", TENCENT, "--out", "rows", "--partition", column]
    result = run_here(args, tmp_path)
    assert_clean(result)
    assert result.code == 0
    places = {path.parent.name for path in (tmp_path / "rows").rglob("*.parquet")}
    assert len(places) == 3
    assert len([name for name in places if re.fullmatch(rf"{column}=[%\w.-]*~[0-9a-f]{{12}}", name)]) == 2


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.endswith("space")])
def test_each_formula_is_disarmed_alone(name: str, tmp_path: Path) -> None:
    """A formula behind any kind of space is disarmed, even if nothing else in the file is suspect."""
    (tmp_path / "a.log").write_text(f"{line(agent=HOSTILE[name])}\n", encoding="utf-8")
    run_here(["parse", "a.log", "--format", TENCENT, "--out", "rows.csv", "--columns", "user_agent"], tmp_path)
    assert formulas((tmp_path / "rows.csv").read_text(encoding="utf-8")) == []


def test_rejects_are_written_safely(tmp_path: Path) -> None:
    """The records of rejected lines are ASCII, one a line, and what is in them was made visible."""
    rejected = [*REJECTED.values(), *HOSTILE.values()]
    written(tmp_path / "a.log", (line(500, at, agent=text)[9:] for at, text in enumerate(rejected)))
    assert_clean(run_here(["count", "a.log", "--format", TENCENT, "--rejects", "rejects.jsonl"], tmp_path))
    records = (tmp_path / "rejects.jsonl").read_bytes()
    assert records.isascii()
    found = [json.loads(one)["text"] for one in records.splitlines()]
    assert len(found) == len(rejected)
    assert [text for text in found if dirty(text.encode()) or "\n" in text] == []
    assert [text for text, line_ in zip(rejected, found, strict=True) if visible(text) not in line_] == []


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_logs_of_every_format_are_told_safely(name: str, tmp_path: Path) -> None:
    """Lines of every format, as attackers and broken writers have them, reach no output raw."""
    (tmp_path / "x.log").write_bytes(log_of(FORMATS[name], Random(name), 12))
    rejects = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cdnlog.InputWarning)
        counts = cdnlog.count(tmp_path / "x.log", by=BY, format=name, rejects=rejects, jobs=1)
    assert rejects.getvalue().isascii()
    for output in OUTPUTS:
        told = render(counts, output)
        clean(told)
        BUILT[output](told)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m\x07", "a\\x1b[31m\\x07"),
        ("\u202egpj", "\\u202egpj"),
        ("\ud800", "\\xed\\xa0\\x80"),
        ("</td><script>", "</td><script>"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_escapes_of_json_are_no_way_around(text: str, shown: str, tmp_path: Path) -> None:
    r"""A JSON log has controls as plain ASCII, `\u001b`; what they mean is made visible all the same."""
    sample = next(one.line for one in FORMATS["cloudflare"].samples if one.expect is not None)
    record = {**json.loads(sample), "ClientRequestUserAgent": text, "ClientRequestHost": text}
    (tmp_path / "a.log").write_text(f"{json.dumps(record)}\n")
    result = run_here(["count", "a.log", "--format", "cloudflare", "--by", "domain", "--by", "user_agent"], tmp_path)
    assert_clean(result)
    assert shown.encode() in result.out
    assert b"(invalid)" in result.out


# Notebooks and pictures


@pytest.mark.parametrize("name", RESULTS)
def test_no_text_changes_what_a_notebook_shows(made: dict[bool, Made], name: str) -> None:
    """Cards and tables of a cell have the tags and attributes of a harmless log; what is printed is clean too."""
    for pair in named_so(made, name):
        shown = [getattr(one, "_repr_html_", str)() if not isinstance(one, Listing) else "" for one in pair]
        tags = [Page(text.encode()).tags for text in shown]
        assert tags[0] == tags[1]
        for text in (shown[0], str(pair[0]), repr(pair[0])):
            clean(text)
    for found in made[True].results["diagnose"]:
        clean(found._repr_html_())
        clean(repr(found))


def test_frames_print_cleanly(made: dict[bool, Made]) -> None:
    """A frame is printed by pandas, as it stands: what is in it is clean already."""
    there = made[True]
    frames = [
        cdnlog.read(there.folder / "a.log", format=TENCENT), there.results["count"].frame,
        there.results["diagnose"].findings,
    ]  # fmt: skip
    for frame in frames:
        clean(frame.to_string())


def test_pictures_show_texts_as_they_stand() -> None:
    """Labels and titles make no mathematics and no markup: a picture is built as one of harmless labels."""
    built = []
    plt.close("all")  # what other tests have left open
    for found in texts().values():
        counts = cdnlog.count(io.BytesIO(log("200 502").encode()), format=TENCENT)
        with warnings.catch_warnings(), mpl.rc_context({"svg.fonttype": "none"}):
            warnings.simplefilter("ignore", UserWarning)  # no font has all letters
            axes = counts.plot()
            start, end = counts.span
            plots.draw_timeline(plt.figure().gca(), [plots.Span(visible(text), start, end, "high") for text in found])
            plots.draw_heatmap(plt.figure().gca(), [visible(text) for text in found], (start, end), _shares(len(found)))
            axes.set_title(visible(found[0]))
            built.append(Counter(tag for number in plt.get_fignums() for tag in _elements(number)))
        plt.close("all")
    assert built[0] == built[1]


def _shares(count: int) -> plots.Floats:
    import numpy as np

    return np.zeros((count, 1))


def _elements(figure: int) -> Iterator[str]:
    """Yield the elements of a figure as SVG, after holding that nothing raw is in it."""
    to = io.BytesIO()
    plt.figure(figure).savefig(to, format="svg", metadata={"Date": None})
    clean(to.getvalue().decode())
    yield from (element.tag for element in ET.fromstring(to.getvalue()).iter())


# Names of files


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files with hostile names: good, cut short, and left out; and one of no format."""
    place = tmp_path_factory.mktemp("names") / "logs"
    place.mkdir()
    whole = gzip.compress(log("200 502").encode(), mtime=0)
    for name in NAMES:
        for suffix, data in ((".ok", log("200 502").encode()), (".gz", whole[:-4]), (".tmp", b"")):
            Path(place, named(name) + suffix).write_bytes(data)
    return place


@pytest.fixture(scope="module")
def of_names(folder: Path) -> dict[str, Any]:
    """What is made of such files, doubled and missing ones among them."""
    paths = [folder, folder, *(folder / f"{named(name)}.gone" for name in NAMES)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cdnlog.InputWarning)
        counts = cdnlog.count(paths, by="status", format=TENCENT)
        night = cdnlog.nightly(paths, folder.parent / "names.db", format=TENCENT)
    return {"count": counts, "nightly": night, "history": holdings(folder.parent / "names.db")}


@pytest.mark.parametrize("output", NIGHT_OUTPUTS)
@pytest.mark.parametrize("name", ["count", "nightly", "history"])
def test_names_in_results_are_made_visible(of_names: dict[str, Any], name: str, output: str) -> None:
    """The names of good, damaged, doubled and missing files reach no output raw and make no line."""
    result = of_names[name]
    if output in (*OUTPUTS, *getattr(result, "outputs", ())):
        told = render(result, output)
        clean(told)
        BUILT[output](told)


def test_names_in_results_are_text(of_names: dict[str, Any]) -> None:
    """In a page and in Markdown each name is text, and all of them are there."""
    shown = [name for name in NAMES if not named(name).startswith(".")]
    texts = Page(render(of_names["count"], "html").encode()).texts
    assert [name for name in shown if not any(f"{visible(named(name))}.gz: " in text for text in texts)] == []
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(render(of_names["count"], "markdown"))
    kinds = {child.type for token in tokens if token.type == "inline" for child in token.children or ()}
    assert kinds <= {"text", "softbreak", "strong_open", "strong_close"}


def test_names_on_standard_error_are_made_visible(folder: Path) -> None:
    """What is said of files while they are read makes their names visible, each in one line."""
    gone = [f"{text}.gone" for text in NAMES.values()]
    result = run_here(["count", "--format", TENCENT, "--", "logs", "logs", *gone], folder.parent)
    assert_clean(result)
    assert result.code == 3
    for said in (b"\\x1b[2J", b"duplicate", b"left out", b"missing", b"truncated"):
        assert said in result.err


@pytest.mark.parametrize("name", [*ODD_NAMES, "option", "help", "apostrophe", "shell", "script"])
def test_names_in_messages_are_made_visible(folder: Path, name: str) -> None:
    """A name that cannot be read or written is quoted in the message, never raw."""
    text, read = named(name), ["--format", TENCENT, "--"]
    for args in (
        ["formats", "detect", "--", f"{text}.gone"],
        ["parse", "--out", f"{text}.what", *read, f"logs/{text}.ok"],
        ["count", "--out", f"gone/{text}", *read, f"logs/{text}.ok"],
        ["count", "--rejects", f"gone/{text}", *read, f"logs/{text}.ok"],
        ["nightly", "--store", "s.db", "--report", f"html=gone/{text}", *read, f"logs/{text}.ok"],
        ["nightly", "--store", f"gone/{text}", *read, f"logs/{text}.ok"],
        ["history", "--store", f"gone/{text}"],
        ["nightly", "--store", "s.db", f"--mute={text}.gone", *read, f"logs/{text}.ok"],
    ):
        result = run_here(args, folder.parent)
        assert_clean(result)
        assert result.code
        assert result.err.count(b"\n") == 1, result.err


def test_names_of_files_without_a_format_are_made_visible(tmp_path: Path) -> None:
    """What no format fits is named, and the three lines that detecting shows are clean."""
    name = "".join(HOSTILE[one] for one in ("escapes", "bidi", "no utf-8", "markdown", "template")) + FORGED
    (tmp_path / name).write_bytes(b"hello\x1b[2J\n" * 3)
    written(tmp_path / "a.log", (line(200, at, agent=text) for at, text in enumerate(list(HOSTILE.values())[:3])))
    for args in (["count", name], ["formats", "detect", name], ["formats", "detect", "a.log"]):
        assert_clean(run_here(args, tmp_path))


def test_what_a_gzip_header_says_is_not_listened_to(tmp_path: Path) -> None:
    """The name and the comment in a gz are passed over: nothing is written by them, nothing shown."""
    data = log("200 502").encode()
    body = gzip.compress(data, mtime=0)[10:-8]
    head = b"\x1f\x8b\x08\x18\0\0\0\0\0\x03" + b"../../../../tmp/pwn\0" + b"\x1b[2Jcomment\0"
    tail = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    (tmp_path / "a.gz").write_bytes(head + body + tail)
    result = run_here(["count", "a.gz", "-o", "json"], tmp_path)
    assert_clean(result)
    assert json.loads(result.out)["inputs"]["counted"] == 2
    assert b"pwn" not in result.out + result.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.gz"]


def test_names_of_copies_are_made_visible(tmp_path: Path) -> None:
    """The warning about two gz files of one checksum makes their names visible too."""
    for name in ("a", f"b\x1b[2J\n{FORGED}"):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(log("200").encode(), mtime=0))
    result = run_here(["count", "."], tmp_path)
    assert_clean(result)
    assert b"same checksum" in result.err


@pytest.mark.parametrize("name", MISTYPED)
def test_wrong_options_are_made_visible(name: str, tmp_path: Path) -> None:
    """What a user gives to an option is quoted in the message, but never raw, and never crashes."""
    text = MISTYPED[name]
    (tmp_path / "a.log").write_text(log("200"), encoding="utf-8")
    calls = [["count", "a.log", f"{option}={text}"] for option in OPTIONS]
    calls += [["count", "a.log", "-o", text], ["diagnose", "a.log", "--fail-on", text], ["explain", "--", text]]
    calls += [["count", "a.log", f"--{text}"], ["--", text], ["codes", "--provider", text], ["formats", "detect", text]]
    calls += [["parse", "a.log", "--out", "x.csv", "--columns", text], ["parse", "a.log", "--out", f"x.{text}"]]
    calls += [["nightly", "a.log", "--store", "s.db", f"{option}={text}"] for option in ("--report", "--slo", "--keep")]
    for args in calls:
        assert_clean(run_here(args, tmp_path))


# A terminal


@pytest.mark.parametrize("args", [["count", "--by", "user_agent"], ["diagnose", "-q"]], ids=" ".join)
def test_a_terminal_gets_nothing_raw(made: dict[bool, Made], args: list[str]) -> None:
    """On a real terminal nothing but text arrives, and the progress bar's own sequences unless -q."""
    (made[True].folder / f"x\x1b[2J\n{FORGED}.tmp").touch()
    primary, secondary = pty.openpty()
    command = [sys.executable, "-m", "cdnlog", *args, "a.log", ".", "gone\x1b]0;t\x07", "--format", TENCENT]
    with subprocess.Popen(
        command, cwd=made[True].folder, env=environment(TERM="xterm"), stdout=secondary, stderr=secondary
    ) as process:
        os.close(secondary)
        seen = b"".join(iter(lambda: received(primary), b""))
    os.close(primary)
    screen = seen.replace(b"\r\n", b"\n")
    screen = screen if "-q" in args else PROGRESS.sub(b"", screen)
    assert_clean(Result(process.returncode, screen, b""))
    assert b"missing" in screen
    assert b"\\x1b[2J" in screen


def received(terminal: int) -> bytes:
    """Return what has arrived on a terminal, nothing at its end."""
    try:
        return os.read(terminal, 65536)
    except OSError as error:
        if error.errno != errno.EIO:  # Linux says so when the other side is closed
            raise
        return b""


# The functions that all text passes


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain ~ text", "plain ~ text"),
        ("", ""),
        ("Caf\u00e9 \u540d\u524d \U0001f600", "Caf\u00e9 \u540d\u524d \U0001f600"),
        (b"caf\xc3\xa9", "caf\u00e9"),
        (b"caf\xe9", "caf\\xe9"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        (Path("a\x1b.log"), "a\\x1b.log"),
        ("\udcff", "\\xff"),
        ("\ud800", "\\ud800"),
        ("a\nb\tc\rd\0", "a\\x0ab\\x09c\\x0dd\\x00"),
        ("\x1b[2J\x7f", "\\x1b[2J\\x7f"),
        ("\x85\x9b\xad", "\\x85\\x9b\\xad"),
        ("\u200b\u202e\u2066\ufeff", "\\u200b\\u202e\\u2066\\ufeff"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ue000\u0378", "\\ue000\\u0378"),
        ("e\u0301\u0323 \u0e19\u0e49\u0e33", "e\u0301\u0323 \u0e19\u0e49\u0e33"),
        ("a" + "\u0300" * 6 + "b\u20dd", "a" + "\u0300" * 4 + "\\u0300" * 2 + "b\u20dd"),
        ("\U000e0001\U0010ffff", "\\U000e0001\\U0010ffff"),
    ],
)
def test_visible(value: str | bytes | Path, shown: str) -> None:
    r"""Controls become \xHH, invisible and reordering marks \uHHHH, all else stays."""
    assert visible(value) == shown


@pytest.mark.parametrize(
    "value", [*"=+-@|%", "=1+1", " =1", "\t=1", "\n", "\rx", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201", "\u3000=1"]
)
def test_csv_cell_disarms(value: str) -> None:
    """Text that begins like a formula, behind any space, gets an apostrophe in front."""
    assert csv_cell(value) == f"'{value}"


@pytest.mark.parametrize("value", ["", "a", "a=1", "'=1", "5", "a\tb", '"=1+1', "(none)", "2026-11-20", "/-/+"])
def test_csv_cell_leaves_alone(value: str) -> None:
    """Text that no spreadsheet takes for a formula stays as it is."""
    assert csv_cell(value) == value


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("a b", "a b"),
        ("www.example.com", "www.example.com"),
        ("a|b", r"a\|b"),
        (r"a\|b", r"a\\\|b"),
        ("<b>&amp;", r"\<b\>\&amp;"),
        ("*_`~#!", r"\*\_\`\~\#\!"),
        ("[a](b){c}", r"\[a\]\(b\)\{c\}"),
        ("$x$", r"\$x\$"),
        ("https://a.example/b:c", r"https\://a.example/b:c"),
    ],
)
def test_markdown_cell(value: str, cell: str) -> None:
    """Every character that means something in Markdown, mathematics included, gets a backslash."""
    assert markdown_cell(value) == cell


@settings(deadline=None)
@given(st.binary())
def test_visible_holds_for_all_bytes(data: bytes) -> None:
    """Whatever the bytes are, what is shown is printable, has one line, and showing it again changes nothing."""
    shown = visible(data)
    assert dirty(shown.encode()) == []
    assert "\n" not in shown
    assert visible(shown) == shown
    assert formulas(csv_row(csv_cell(shown))) == []


def csv_row(cell: str) -> str:
    """Return a CSV text of one cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([cell])
    return out.getvalue()
