"""The library as a notebook uses it: what it takes, what it refuses and how it says so, what it hands back."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from strangers import dirty
from test_cases import log, run_here
from test_html import Page

import cdnlog
from cdnlog.catalog import Catalog

SAMPLES = Path(__file__).parent.parent / "sample_logs"
ONE = SAMPLES / "2026112004-api.example.com.gz"
TAGS = {
    "div": {"class"}, "style": set(), "h3": set(), "table": set(), "thead": set(), "tbody": set(), "tr": set(),
    "th": set(), "td": {"class"}, "details": {"class", "open"}, "summary": set(), "dl": set(), "dt": set(),
    "dd": set(), "p": set(),
}  # fmt: skip


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """The rows of one file."""
    return cdnlog.read(ONE)


@pytest.fixture(scope="module")
def counts() -> cdnlog.Counts:
    """The counts of one file, shown in UTC as those of rows are."""
    return cdnlog.count(ONE, tz="UTC")


@pytest.fixture(scope="module")
def diagnosis() -> cdnlog.Diagnosis:
    """The diagnosis of all sample logs."""
    return cdnlog.diagnose(SAMPLES)


def opened() -> Iterator[Any]:
    """Yield the same log in all kinds of open files."""
    data = ONE.read_bytes()
    yield io.BytesIO(data)
    yield io.BytesIO(gzip.decompress(data))
    yield gzip.GzipFile(fileobj=io.BytesIO(data))
    yield io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]  # raw enough
    with ONE.open("rb") as file:
        yield file


def test_open_files_are_read_like_paths(counts: cdnlog.Counts) -> None:
    """A file that somebody opened, compressed or not, alone or among paths, counts like its path."""
    for file in opened():
        assert cdnlog.count(file, tz="UTC") == counts
    for file in opened():
        assert cdnlog.count([file, ONE], tz="UTC", jobs=2) == counts + counts
    assert len(cdnlog.read(io.BytesIO(ONE.read_bytes()))) == counts.inputs.total.counted


def test_open_files_are_named_and_read_once() -> None:
    """The report names an open file by its name if it has one; the same one twice is a duplicate."""
    with ONE.open("rb") as file:
        counts = cdnlog.count([file, file, io.BytesIO(b"")])
    assert [(one.path, str(one.verdict)) for one in counts.inputs.files] == [
        (str(ONE), "ok"), (str(ONE), "duplicate"), ("(open file)", "empty"),
    ]  # fmt: skip


@pytest.mark.parametrize("cut", [100, 20_000])
def test_an_open_file_that_fails_is_told(cut: int) -> None:
    """What an open file raises while it is read, closed or cut within gzip, is a verdict like that of a path."""
    closed = io.BytesIO(b"")
    closed.close()
    for file in (closed, gzip.GzipFile(fileobj=io.BytesIO(ONE.read_bytes()[:cut]))):
        with pytest.warns(cdnlog.InputWarning, match="reading failed at byte"):
            assert len(cdnlog.count(file)) == 0  # type: ignore[arg-type]  # a closed one too


def test_text_files_are_refused() -> None:
    """A log is bytes: a file opened for text is refused before anything is read."""
    for given in (io.StringIO("x"), [ONE, io.StringIO("x")]):
        with pytest.raises(cdnlog.UsageError, match="mode 'rb'"):
            cdnlog.count(given)  # type: ignore[arg-type]  # the point of it


@pytest.mark.parametrize("given", [5, None, {"time": [1]}, [5], [ONE, 5], [pd.DataFrame(), 5]], ids=str)
def test_what_is_no_input_is_refused(given: Any) -> None:  # noqa: ANN401 - the point of it
    """What is neither paths nor frames is named."""
    with pytest.raises(cdnlog.UsageError, match=r"expected (paths|frames)"):
        cdnlog.count(given)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("since", 5, "since is a time"),
        ("until", "soon", "until 'soon' is no time"),
        ("domain", 5, "domain is a name or several"),
        ("domain", [5], "domain is a name or several"),
        ("domain", b"www", "domain is a name or several"),
        ("by", 5, "by is a name or several"),
        ("format", 5, "format is the name"),
        ("provider", 5, "provider is the name"),
        ("tz", 8, "tz is a zone"),
        ("log_tz", 8, "log_tz is a zone"),
        ("jobs", "two", "jobs is a whole number"),
        ("max_rejects", "1%", "max_rejects is a share"),
        ("keep_damaged", "yes", "keep_damaged is True or False"),
        ("schemas", 5, "schemas is a folder"),
        ("lang", 5, "lang is 'en' or 'ko'"),
        ("domain_name", 5, "domain_name is the name"),
        ("window", 5, "a window is text"),
        ("progress", 5, "progress is True"),
        ("rejects", "rejects.jsonl", "rejects is an open binary file"),
        ("rejects", io.StringIO(), "rejects is an open binary file"),
        ("windw", "1h", "did you mean"),
    ],
)
def test_an_option_says_what_it_expects(option: str, value: object, told: str) -> None:
    """An option of the wrong kind is refused in words, whatever it is."""
    with pytest.raises(cdnlog.UsageError, match=re.escape(told)):
        cdnlog.count(ONE, **{option: value})  # type: ignore[arg-type]  # the point of it


def test_none_is_the_default(counts: cdnlog.Counts) -> None:
    """An option given as None is not given."""
    none = dict.fromkeys(("since", "domain", "by", "jobs", "max_rejects", "keep_damaged", "lang", "processes", "block"))
    assert cdnlog.count(ONE, **{**none, "tz": "UTC"}) == counts  # type: ignore[arg-type]  # the types say so less


def changed(frame: pd.DataFrame, name: str, value: object) -> pd.DataFrame:
    """Return the rows with one value of a column replaced."""
    return frame.assign(**{name: [value, *([1] * (len(frame) - 1))]})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("bytes", 1.5, r"bytes of 1\.5, which is no whole number"),
        ("bytes", float("inf"), "bytes of inf, which is no whole number"),
        ("bytes", -1, r"negative bytes \(-1\)"),
        ("bytes", 2.0**63, "no whole number"),
        ("bytes", "many", "bytes are no numbers"),
        ("duration_ms", 0.25, r"duration_ms of 0\.25"),
        ("origin_status", 200.5, r"origin_status of 200\.5"),
        ("weight", 0, r"less than 1 weight \(0\)"),
        ("weight", -3, "less than 1 weight"),
        ("weight", 1.5, r"weight of 1\.5"),
        ("status", 99, "status that no log can have"),
        ("status", 200.5, "status that no log can have"),
    ],
)
def test_a_frame_is_never_bent_to_fit(frame: pd.DataFrame, name: str, value: object, told: str) -> None:
    """A number that no log can have is refused; it is not cut, rounded or taken for another one."""
    with pytest.raises(cdnlog.UsageError, match=told):
        cdnlog.count(changed(frame, name, value))


def test_a_frame_must_be_clear(frame: pd.DataFrame) -> None:
    """Two columns of one name, times without zone, rows without time and missing columns are refused."""
    double = pd.concat([frame, frame[["bytes"]]], axis=1)
    for bad, told in (
        (double, "two columns named bytes"),
        (frame.assign(time=frame["time"].dt.tz_localize(None)), "no zone"),
        (frame.assign(time=frame["time"].where(frame["status"] != 200)), "without a time"),
        (frame.drop(columns="status"), "lacks status"),
    ):
        with pytest.raises(cdnlog.UsageError, match=told):
            cdnlog.count(bad)


def test_missing_numbers_and_foreign_columns_are_fine(frame: pd.DataFrame, counts: cdnlog.Counts) -> None:
    """Missing numbers count as none, a weight that is missing as 1, and columns of other names do not matter."""
    odd = frame.assign(weight=None, origin_ms=np.nan, mine=[[]] * len(frame), bytes=frame["bytes"].astype("float64"))
    assert cdnlog.count(odd) == counts
    assert sum(cdnlog.count(odd.assign(weight=3)).columns["requests"]) == 3 * len(frame)


def test_domains_of_frames_are_folded(frame: pd.DataFrame) -> None:
    """The domains of a frame become the keys that a log's would; what stands for none stays."""
    names = ["WWW.Example.com:443", "www.example.com.", "<script>", "(none)", "(invalid)", None, "::1"]
    rows = frame.head(len(names)).assign(domain=names)
    found = cdnlog.count(rows, by=["domain"]).columns
    assert dict(zip(found["domain"], found["requests"], strict=True)) == {
        "www.example.com": 2, "(invalid)": 2, "(none)": 2, "::1": 1,
    }  # fmt: skip


def test_progress_is_opt_in(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed unless progress=True; a function is told all bytes of the files."""
    cdnlog.count(ONE)
    assert capsys.readouterr() == ("", "")
    cdnlog.count(ONE, progress=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(r"(\rcdnlog: read \d+ MB of \d+ MB \(\d+%\) *)+\r +\r", told.err)
    seen: list[int] = []
    cdnlog.read(ONE, progress=seen.append)
    assert sum(seen) == ONE.stat().st_size


def test_the_rows_of_a_finding_are_its_requests(diagnosis: cdnlog.Diagnosis) -> None:
    """The rows of each incident are as many as it and what belongs to it counted, all within its time and codes."""
    frame = cdnlog.read(SAMPLES)
    for finding in (one for one in diagnosis if one.severity != "info"):
        rows = cdnlog.rows(finding, frame)
        assert len(rows) == finding.requests + sum(int(str(one["requests"])) for one in finding.also)
        assert set(rows["status"]) == {finding.status, *(one["status"] for one in finding.also)}
        assert rows["time"].min() >= pd.Timestamp(finding.start)
        assert rows["time"].max() < pd.Timestamp(finding.end)


def test_rows_take_a_finding_in_every_form(diagnosis: cdnlog.Diagnosis, frame: pd.DataFrame) -> None:
    """A finding, a row of the frame of findings and one read from JSON mean the same, for logs and for rows."""
    finding = diagnosis[0]
    parsed = json.loads(diagnosis.to_json())["findings"][0]
    rows = cdnlog.rows(finding, ONE, ["time", "path"])
    assert rows.columns.tolist() == ["time", "path"]
    for form in (diagnosis.findings.iloc[0], parsed, next(diagnosis.findings.itertuples())):
        assert cdnlog.rows(form, [ONE], ["time", "path"]).equals(rows)  # type: ignore[arg-type]  # any record
    parts = list(cdnlog.stream(ONE, block=30_000))
    for given in (frame, parts, frame.iloc[::-1].iloc[::-1]):
        assert cdnlog.rows(finding, given, ["time", "path"]).equals(rows)
    assert "status" in cdnlog.rows(finding, ONE).columns


def test_rows_leave_out_what_the_diagnosis_left_out(diagnosis: cdnlog.Diagnosis, tmp_path: Path) -> None:
    """A damaged or missing file is warned about and has no rows, unless they were asked for; the rest is there."""
    cut = tmp_path / "cut.gz"
    cut.write_bytes(ONE.read_bytes()[:-100])
    finding = diagnosis[0]
    with pytest.warns(cdnlog.InputWarning, match=r"cut\.gz: truncated"):
        assert len(cdnlog.rows(finding, [cut, ONE, ONE, open_file(ONE)])) == 2 * finding.requests
    kept = cdnlog.rows(finding, [cut], keep_damaged=True)
    assert finding.requests >= len(kept) > 0.9 * finding.requests
    with pytest.warns(cdnlog.InputWarning, match="missing"):
        assert cdnlog.rows(finding, tmp_path / "gone").empty


def open_file(path: Path) -> io.BytesIO:
    """Return a file as an open one."""
    return io.BytesIO(path.read_bytes())


@pytest.mark.parametrize(
    "wrong", [5, None, {"domain": "x"}, {"domain": "x", "status": 1, "also": [], "start": "", "end": 1}]
)
def test_what_is_no_finding_is_refused(wrong: Any) -> None:  # noqa: ANN401 - the point of it
    """`rows` names what it got instead of a finding."""
    with pytest.raises(cdnlog.UsageError, match="expected a finding"):
        cdnlog.rows(wrong, ONE)


def test_findings_are_found_by_place_and_id(diagnosis: cdnlog.Diagnosis) -> None:
    """A diagnosis is a sequence; an id finds its finding, an unknown one the nearest ids."""
    assert diagnosis[0] is diagnosis.items[0]
    assert diagnosis[:2] == diagnosis.items[:2]
    assert all(diagnosis[finding.id] is finding for finding in diagnosis)
    with pytest.raises(cdnlog.UnknownNameError, match="did you mean"):
        diagnosis[diagnosis[0].id[:-1]]


def test_the_frame_of_findings_is_ready_for_use(diagnosis: cdnlog.Diagnosis) -> None:
    """Times are timestamps in the zone of the logs, one row per finding, and nothing fails without findings."""
    table = diagnosis.findings
    assert len(table) == len(diagnosis)
    assert table["start"].map(lambda at: at.isoformat()).tolist() == [finding.start for finding in diagnosis]
    empty = cdnlog.diagnose([]).findings
    assert empty.columns.tolist() == table.columns.tolist()
    assert str(empty["start"].dtype).startswith("datetime64")


def test_explain_takes_what_a_frame_holds(diagnosis: cdnlog.Diagnosis) -> None:
    """The status of a row is a number of numpy; it is explained like any other."""
    assert cdnlog.explain(np.int16(514)) == cdnlog.explain(514)
    assert cdnlog.explain(diagnosis.findings["status"].iloc[0]).code == 509
    for wrong in (514.0, True, None, -1, 1000):
        with pytest.raises(cdnlog.UsageError, match="no status code"):
            cdnlog.explain(wrong)  # type: ignore[arg-type]  # the point of it


@pytest.mark.parametrize("command", ["diagnose", "count", "diagnose --lang ko", "count --window 1h --tz UTC"])
def test_the_library_gives_the_bytes_of_the_command_line(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same logs through both give the same JSON, byte for byte, and the same Markdown and page."""
    monkeypatch.chdir(SAMPLES.parent)
    name, *options = command.split()
    keywords: dict[str, Any] = dict(zip((word.removeprefix("--") for word in options[::2]), options[1::2], strict=True))
    logs = "sample_logs/2026112004*"  # an hour with incidents is as good as a night
    result = {"diagnose": cdnlog.diagnose, "count": cdnlog.count}[name](logs, **keywords)
    for output, text in (("json", result.to_json()), ("markdown", result.to_markdown()), ("html", result.to_html())):
        assert run_here([name, logs, *options, "-o", output], SAMPLES.parent).out == text.encode()
    assert (
        str(result).splitlines()[0] == "4 files, 16,396 lines, 2026-11-20 04:00 ~ 2026-11-20 05:00 (+08:00)" or options
    )


def test_explain_gives_the_bytes_of_the_command_line() -> None:
    """An explained code too, in both languages; printed it is the text of the command line."""
    for lang in ("en", "ko"):
        answer = cdnlog.explain(514, lang=lang)
        assert run_here(["explain", "514", "--lang", lang, "-o", "json"], SAMPLES).out == answer.to_json().encode()
        assert run_here(["explain", "514", "--lang", lang], SAMPLES).out == f"{answer}\n".encode()


def markup(result: object) -> Page:
    """Return what a notebook shows of a result, parsed, and hold what every such piece must hold."""
    text = result._repr_html_()  # type: ignore[attr-defined]  # what a notebook asks any object for
    assert dirty(text.encode()) == []
    for word in ("<script", "javascript:", "<iframe", "<object", "<svg", "<img", "url(", "@import"):
        assert word not in text.lower()
    found = Page(text.encode())
    for tag, attributes in found.tags:
        assert {name for name, _ in attributes} <= TAGS[tag]
    return found


def test_a_notebook_shows_cards(diagnosis: cdnlog.Diagnosis) -> None:
    """A diagnosis is an overview and a card per incident, the worst one open; counts are one row per domain."""
    found = markup(diagnosis)
    cards = [dict(attributes) for tag, attributes in found.tags if tag == "details"]
    assert [card["class"] for card in cards] == [one.severity for one in diagnosis if one.severity != "info"]
    assert ["open" in card for card in cards] == [True] + [False] * (len(cards) - 1)
    texts = markup(diagnosis.counts).texts
    assert {"www.example.com", "api.example.com", "img.example.com", "video.example.com"} <= set(texts)
    assert "IP access frequency limit exceeded" in " ".join(markup(cdnlog.explain(514)).texts)
    assert "IP 접속 빈도 제한 초과" in " ".join(markup(cdnlog.explain(514, lang="ko")).texts)
    assert "CRITICAL  api.example.com  509" in " ".join(markup(diagnosis[0]).texts)
    assert repr(diagnosis[0]).startswith("<Finding: critical tencent-cdn/api.example.com/509/flood-ban, 2,490 requests")
    korean = markup(cdnlog.diagnose(ONE, lang="ko")[0]).texts
    assert {"무엇", "먼저"} <= set(korean)
    assert markup(cdnlog.diagnose([])).texts
    assert markup(cdnlog.diff(ONE, SAMPLES / "2026112005-api.example.com.gz")).texts


def test_a_notebook_is_not_flooded(tmp_path: Path) -> None:
    """Of many domains twenty are shown, and how many more there are is said."""
    (tmp_path / "a.log").write_text(log(" ".join(f"502@d{n}.example.com" for n in range(200))), encoding="utf-8")
    shown = markup(cdnlog.count(tmp_path / "a.log"))
    assert sum(tag == "tr" for tag, _ in shown.tags) == 21
    assert "180 more are not shown here." in shown.texts


def test_names_lead_elsewhere_without_a_clash(frame: pd.DataFrame) -> None:
    """Renaming gives every column its name elsewhere, no two the same one, and converts nothing."""
    for vocabulary in ("otel", "ecs"):
        names = cdnlog.names(vocabulary)
        renamed = frame.rename(columns=names)
        assert set(names) <= set(Catalog().columns())
        assert len(set(names.values())) == len(names)
        assert not set(names.values()) & (set(Catalog().columns()) - set(names))
        assert [names.get(name, name) for name in frame.columns] == renamed.columns.tolist()
    with pytest.raises(cdnlog.UnknownNameError, match="did you mean otel"):
        cdnlog.names("otl")


def test_results_are_pickled_and_tell_themselves(counts: cdnlog.Counts) -> None:
    """A result that went to another process and back tells the same."""
    import pickle

    assert pickle.loads(pickle.dumps(counts)).to_json() == counts.to_json()


def test_every_option_is_completed() -> None:
    """The signature that `help` and completion read names every option; `date` and `datetime` are taken as they are."""
    import inspect

    from cdnlog.options import Options

    for name in ("count", "diagnose", "diff", "read", "stream", "rows"):
        assert set(Options.__annotations__) <= set(inspect.signature(getattr(cdnlog, name)).parameters)
    assert len(cdnlog.count(ONE, since=date(2026, 11, 20))) > 0


def test_arrow_tables_are_rows_too(frame: pd.DataFrame, counts: cdnlog.Counts) -> None:
    """Rows of Arrow count like those of pandas, and in a list of both."""
    table = pa.Table.from_pandas(frame)
    assert cdnlog.count(table) == counts
    assert cdnlog.count([table, frame]) == counts + counts
