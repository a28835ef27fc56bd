"""Reports of a night in every output: complete, the same each time, safe, small, and good to look at."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from made_nights import HOUR, MIDNIGHT, ZONE, counts_of, in_lang, night, traffic
from strangers import HOSTILE, dirty
from test_data import schema
from test_html import CHROMIUM, Browser, Page, hold_the_policy

from cdnlog import slo
from cdnlog.catalog import Catalog, phrases
from cdnlog.declared import LANGS, Lang
from cdnlog.model import Accounting, FileReport, Inputs, Verdict
from cdnlog.mute import Mute
from cdnlog.plots import SEVERITY_COLOURS, Span
from cdnlog.report import NIGHT_OUTPUTS, as_prometheus, charts, render
from cdnlog.report.layout import Timeline
from cdnlog.results import NEWS, Diagnosis, FileNews, Missing, Night
from cdnlog.text import csv_cell, markdown_cell, visible

MANY = [f"cdn{i:02d}.a-site-with-quite-a-name.example.com" for i in range(50)]
MUTES = (
    Mute(reason="Old pictures", owner="web team", until=date(2026, 12, 31), domain="api.*"),
    Mute(reason="Over and done", owner="app team", until=date(2026, 11, 1), code=404),
)
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? ([0-9.e+-]+)')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


def full(made: Night | None = None) -> Night:
    """Return a night with mutes and an objective too."""
    spends = slo.spends_by_table(Catalog(), "tencent-cdn", {})
    return (made or night()).muted(MUTES).held_to(99.9, spends)


def page(made: Night) -> Page:
    """Return the page of a night, and hold what every page must hold."""
    return held(render(made, "html"))


def held(text: str) -> Page:
    """Return a page, and hold what every one must hold."""
    found = Page(text.encode())
    hold_the_policy(found)
    assert dirty(text.encode()) == []
    assert (
        re.search(r"<script|javascript:|<iframe|<object|<img|<link|<use|url\(|@import|xmlns|style=", text.lower())
        is None
    )
    assert {dict(given)["href"][:9] for tag, given in found.tags if tag == "a"} <= {"#finding-"}  # type: ignore[index]
    ids = [dict(given)["id"] for _, given in found.tags if "id" in dict(given)]
    assert len(set(ids)) == len(ids)
    return found


def told(lang: Lang) -> str:
    """Return a night in every output."""
    return "".join(render(full(in_lang(night(), lang)), output) for output in NIGHT_OUTPUTS)


@pytest.mark.parametrize("lang", LANGS)
def test_the_same_night_is_the_same_bytes(lang: Lang) -> None:
    """Told twice, in another process and another time zone too, a night is the same text."""
    text = told(lang)
    assert text == told(lang)
    where = [str(Path(__file__).parent), *sys.path]
    code = f"import sys; sys.path[:] = {where!r}; from test_night_reports import told; print(told({lang!r}), end='')"
    env = {"TZ": "America/Lima", "PYTHONIOENCODING": "utf-8"}
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=env).stdout.decode() == text
    )


@pytest.mark.parametrize("output", NIGHT_OUTPUTS)
def test_outputs_end_with_one_line_end(output: str) -> None:
    """Every output ends in one LF."""
    assert re.search(r"[^\n]\n\Z", render(full(), output))


def test_another_style_of_matplotlib_changes_nothing() -> None:
    """A user's own settings of matplotlib leave a report as it is, and a report leaves them as they are."""
    import matplotlib as mpl

    before = render(full(), "html")
    with mpl.rc_context(
        {"font.size": 30, "axes.grid": True, "text.usetex": False, "xtick.top": True, "timezone": "Asia/Tokyo"}
    ):
        own = dict(mpl.rcParams)
        assert render(full(), "html") == before
        assert dict(mpl.rcParams) == own


def test_only_a_page_with_charts_costs_matplotlib() -> None:
    """No other output imports it."""
    where = [str(Path(__file__).parent), *sys.path]
    outputs = [output for output in NIGHT_OUTPUTS if output != "html"]
    told = f"[render(night(), output) for output in {outputs!r}]; print('matplotlib' in sys.modules)"
    code = (
        f"import sys; sys.path[:] = {where!r}; from made_nights import night; from cdnlog.report import render; {told}"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("output", ["table", "markdown", "html"])
def test_all_of_a_night_is_told(output: str, lang: Lang) -> None:
    """Input, states, gaps, late hours, what is over, what is muted and why, and the objective, in both languages."""
    text = render(full(in_lang(night(), lang)), output, 10_000)
    keys = [
        "input-health",
        "missing",
        "changed",
        "news",
        "gone",
        "muted-findings",
        "slo-note",
        "heat-none" * (output == "html"),
        "heat-zero" * (output == "html"),
    ]
    keys += [f"state-{state}" for state in ("new", "chronic", "better")]
    words = [phrases()[key].of(lang) for key in keys if key]
    words += [
        phrases()["slo"].of(lang).format(target="99.9"),
        "Old pictures",
        "web team",
        "2026-12-31",
        "Over and done",
        "4321" if output == "markdown" else "4,321",
    ]
    shown = [markdown_cell(word) if output == "markdown" else word for word in words]
    assert [word for word in shown if word not in text] == []
    assert "{" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)


def test_json_keeps_its_schema() -> None:
    """What is printed is what the schema says, with and without an objective."""
    for made in (full(), night(), full(night(MANY, 60)), empty()):
        data = json.loads(render(made, "json"))
        assert [error.message for error in Draft202012Validator(schema("nightly")).iter_errors(data)] == []
    assert len(json.loads(render(full(night(MANY, 60)), "json"))["findings"]) == 60


def empty() -> Night:
    """Return a night in which not one line came in."""
    counts = counts_of({})
    return replace(
        night(findings=0),
        diagnosis=Diagnosis((), counts),
        history=counts,
        news=(),
        changed=(),
        missing=(),
        gone=(),
        ends=None,
    )


@pytest.mark.parametrize("output", NIGHT_OUTPUTS)
def test_an_empty_night_is_told(output: str) -> None:
    """No data is no error, with mutes and an objective neither."""
    assert render(full(empty()), output)


def naming(text: str) -> Night:
    """Return a night with a text wherever one can stand, even as a domain."""
    return full(night([text, "b.example"], 4, text))


def skeleton(made: Page) -> list[tuple[str, list[str]]]:
    """Return the tags of a page with the names of their attributes."""
    return [(tag, [key for key, _ in given]) for tag, given in made.tags]


@pytest.fixture(scope="module")
def harmless() -> list[tuple[str, list[str]]]:
    """What the page of a night with nothing odd in it is built of."""
    return skeleton(page(naming("harmless")))


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_changes_an_output(name: str, harmless: list[tuple[str, list[str]]]) -> None:
    """A hostile path, agent, file, sentence or domain changes no markup, and each output shows it by its own rules."""
    made, text = naming(HOSTILE[name]), visible(HOSTILE[name])
    shown = {output: render(made, output, 10_000) for output in NIGHT_OUTPUTS}
    assert [output for output, whole in shown.items() if dirty(whole.encode()) != []] == []
    found = held(shown["html"])
    assert skeleton(found) == harmless
    assert text in found.texts
    assert text in shown["table"]
    assert markdown_cell(HOSTILE[name]) in shown["markdown"]
    assert json.loads(shown["json"])["news"][0]["text"] == f"grown: {HOSTILE[name]}"
    assert csv_cell(text).replace('"', '""') in shown["csv"]
    assert text in {labels.get("domain") for _, labels, _ in exposed(shown["prometheus"])}


def test_long_lines_do_not_fill_a_page() -> None:
    """A page stays below 500 kB with fifty domains and two hundred findings, each with a path as long as a line."""
    for lang in LANGS:
        for text in ("/short", "/<&" * 2_000, "한" * 5_000):
            made = full(in_lang(night(MANY, 200, text), lang))
            shown = render(made, "html")
            assert len(shown.encode()) < 500_000
            held(shown)


def test_what_is_left_out_is_said() -> None:
    """Domains, findings, cards and rows beyond what a page has room for are counted."""
    text = render(full(night(MANY, 200, "/a/long/path" * 20)), "html")
    assert re.search(r"\+45: the other domains together", text)
    assert re.search(r"\d+ more; the JSON report has them all", text)
    assert re.search(r"\d+ more findings are in the list above", text)
    assert len(re.findall("<svg viewBox=.0 0 360", text)) == 6 + 3 + 1


def test_rows_lead_to_their_cards() -> None:
    """Every link of the overview has its card, and every card a link, in the same order."""
    found = page(full(night(MANY, 200)))
    links = [dict(given)["href"] for tag, given in found.tags if tag == "a"]
    cards = [dict(given)["id"] for tag, given in found.tags if tag == "article"]
    assert links == [f"#{card}" for card in cards][: len(links)]
    assert len(links) == 50


def test_files_are_told_once_and_what_asks_for_a_hand_first() -> None:
    """The folder that all are in is named once, sentences wrap, and twenty grown packs hide no refused one."""
    folder = "/var/log/" + "deep/" * 12
    grown = [FileNews(f"{folder}{i:02d}.gz", "grown", "", 1, 2, f"{folder}{i:02d}.gz: grew.") for i in range(30)]
    odd = f"{folder}b{folder}x.gz"
    more = [
        FileNews(f"{folder}z.gz", "refused", "", 9, 8, f"{folder}z.gz: lost lines. " + "Look at it. " * 20),
        FileNews(odd, "a kind of its own", f"{folder}x.gz", 0, 9, f"{odd}: within {folder}x.gz."),
        FileNews("/c.gz", "overlap", "/d.gz", 0, 9, "/c.gz: overlaps /d.gz."),
    ]
    text = render(replace(night(), news=(*grown, *more)), "table", 80)
    told = text.partition("Files worth a word (32)\n\n")[2].split("\n\n")[0].split("\n")
    assert told[0] == f"Below {folder}:"
    assert told[1].startswith("z.gz: lost lines.")
    assert [one for one in told if "grew" in one] == [f"{i:02d}.gz: grew." for i in range(18)]
    assert f"b{folder}x.gz: within x.gz." in "\n".join(told).replace("\n  ", "")
    assert max(len(line) for line in told if folder not in line) <= 80
    assert text.index("/c.gz: overlaps") < text.index("Missing data")  # makes numbers wrong: on top


def test_a_name_within_a_folder_is_no_other_name() -> None:
    """Two files without a folder in common, and one file alone, are told by their whole names."""
    for names in (("/a/x.gz", "s3://b/x.gz"), ("/var/log/x.gz",)):
        news = tuple(FileNews(name, "grown", "", 1, 2, f"{name}: grew.") for name in names)
        text = render(replace(night(), news=news), "table", 80)
        assert all(f"{one.path}: grew." in text for one in news)


def test_what_lacks_most_is_told_first() -> None:
    """Of fifty gaps the domain that is missing altogether is on top, then the gaps with most requests."""
    shown = "2026-11-20T07:00:00+08:00"
    gaps = [Missing(f"d{i:02d}.example", shown, shown, i, whole=i == 7) for i in range(50)]
    text = render(replace(night(), missing=tuple(gaps)), "table", 200)
    rows = text.partition("Missing data (50)\n")[2].split("\n\n")[0].split("\n")[2:]
    assert [row.split()[0] for row in rows] == ["d07.example", *(f"d{i}.example" for i in range(49, 30, -1))]
    assert [row.split()[1] for row in rows] == ["all"] + ["hours"] * 19


@pytest.mark.parametrize(("width", "gap"), [(90, "  "), (80, " "), (60, "  ")])
def test_tables_close_up_where_that_makes_them_fit(width: int, gap: str) -> None:
    """The list of findings with their states fits into 80 columns; what cannot fit anyhow keeps its gaps."""
    text = render(night(["www.a-name.example"]), "table", width)
    head = next(line for line in text.split("\n") if line.startswith("#"))
    assert head.startswith(f"#{gap}severity{gap}state")
    assert (len(head) <= width) == (width >= 80)


def test_a_page_is_known_by_its_day() -> None:
    """The title has the last day of the data, if there is any."""
    assert "<title>Night report of CDN access logs, 2026-11-20</title>" in render(night(), "html")
    assert "<title>Night report of CDN access logs</title>" in render(empty(), "html")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("output", ["table", "markdown", "html"])
def test_a_night_without_new_requests_says_so(output: str, lang: Lang) -> None:
    """Nothing but duplicates is not "no incident" and not 0.0 % failing, and their lines are not called withheld."""
    twice = FileReport("again.gz", Verdict.DUPLICATE, accounting=Accounting(lines=500, withheld=500))
    cut = FileReport("cut.gz", Verdict.TRUNCATED, "stops", accounting=Accounting(lines=7, withheld=7))
    diagnosis = Diagnosis((), counts_of({}, inputs=Inputs((twice, cut))), lang)
    text = render(replace(night(lang=lang), diagnosis=diagnosis), output, 1000)
    said = phrases()
    for key in ("tile-nothing", "night-nothing"):
        assert markdown_cell(said[key].of(lang)) in text
    assert said["tile-quiet"].of(lang) not in text
    assert said["nothing"].of(lang) not in text
    assert "0.0 %" not in text.partition("<svg")[0]
    lost = [said["repeated"].of(lang).format(n=500), said["withheld"].of(lang).format(n=7)]
    assert ", ".join(lost) in text


# Charts


def test_charts_are_drawn_from_the_counts() -> None:
    """A failing hour has a bar as high as its requests, an hour without requests a dash, other hours nothing."""
    table = {(MIDNIGHT + hour * HOUR, "a.example", 200): 100 for hour in range(24) if hour != 5}
    table[MIDNIGHT + 2 * HOUR, "a.example", 502] = 300
    counts = counts_of(table)
    made = replace(night(findings=0), diagnosis=Diagnosis((), counts), history=counts)
    text = render(made, "html")
    shapes = re.findall(r'<path d="([^"]+)" fill="(#\w+)"(?: fill-opacity="([\d.]+)")?/>', text)
    cells = [shape for shape, fill, alpha in shapes if (fill, alpha) == ("#d55e00", "") and shape.count("M") == 1]
    dashes = [shape for shape, fill, _ in shapes if fill == "#808080" and shape != "M1 5H11V7H1Z"]
    assert len(dashes) == 1
    assert dashes[0].count("M") == 1
    assert len(cells) == 2  # the bar, and the cell of 75 %
    assert ">300<" in text or ">200<" in text


def test_a_week_is_shown_in_longer_steps() -> None:
    """Charts show the hours that the night is about, a day at least, a week at most, in at most 48 steps."""
    for hours, steps in ((1, 24), (24, 24), (48, 48), (49, 9), (400, 28)):
        made = night(hours=hours, before=72)
        text = render(made, "html")
        bars = [shape for shape in re.findall(r'<path d="([^"]+)" fill="#e69f00"/>', text) if shape != "M0 0H12V12H0Z"]
        assert bars
        assert max(shape.count("L") for shape in bars) <= 4 * steps + 8


@pytest.mark.parametrize(
    "minutes", [1, 20, 59, 61, 89, 119, 700, 1439, 1441, 2000, 2879, 10_000, 44_000, 85_000, 790_000]
)
def test_any_stretch_of_time_has_its_ticks(minutes: int) -> None:
    """From a minute to years a time axis has two to seven labels, and nothing to warn of."""
    start = datetime(2026, 11, 20, 0, 20, tzinfo=ZONE)
    span = Span("a", start, start + timedelta(minutes=minutes), "high")
    drawn = charts.svg(Timeline("", (span,)))
    assert 2 <= drawn.count('text-anchor="middle"') <= 7


def test_severities_have_the_colours_of_the_cards() -> None:
    """Bars of the timeline and borders of the cards agree."""
    style = Page(render(full(), "html").encode()).style
    for severity in ("critical", "high", "medium", "low"):
        assert f"article.{severity} {{ border-color: {SEVERITY_COLOURS[severity]}; }}" in style


# Prometheus

Exposed = tuple[str, dict[str, str], float]


def exposed(text: str) -> Iterator[Exposed]:
    """Yield the samples of an exposition; any line that breaks the format fails the test.

    Per https://prometheus.io/docs/instrumenting/exposition_formats/: HELP, then TYPE, then all samples of a metric; no
    metric twice, no two samples with the same labels, labels and help escaped, no time stamps, LF at the end.
    """
    assert text.endswith("\n")
    current, seen, described = "", set[tuple[str, tuple[tuple[str, str], ...]]](), set[str]()
    lines = text.removesuffix("\n").split("\n")
    while lines:
        line = lines.pop(0)
        if line.startswith("#"):
            _, word, current, told = line.split(" ", 3)
            assert (word, current in described) == ("HELP", False)
            assert re.fullmatch(r"cdnlog_[a-z_]+", current)
            assert told
            assert lines.pop(0) == f"# TYPE {current} gauge"
            described.add(current)
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        labels = LABEL.findall(match[2] or "")
        assert ",".join(f'{name}="{value}"' for name, value in labels) == (match[2] or "")
        key = (match[1], tuple(labels))
        assert match[1] == current
        assert key not in seen
        seen.add(key)
        assert math.isfinite(float(match[3]))
        yield match[1], {name: _unescaped(value) for name, value in labels}, float(match[3])


def _unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), value)


def test_prometheus_has_the_numbers_of_the_night() -> None:
    """Gauges say what the counts, findings, files, gaps and the budget say."""
    made = full()
    samples = list(exposed(render(made, "prometheus")))
    requests = sum(value for name, _, value in samples if name == "cdnlog_requests")
    assert requests == sum(made.counts.columns["requests"])
    of_class = {labels["class"]: 0.0 for name, labels, _ in samples if name == "cdnlog_requests"}
    for name, labels, value in samples:
        if name == "cdnlog_requests":
            of_class[labels["class"]] += value
    counted = list(zip(made.counts.columns["status"], made.counts.columns["requests"], strict=True))
    assert of_class["5xx"] == sum(requests for status, requests in counted if status == 502)
    found = [labels for name, labels, value in samples if name == "cdnlog_findings" and value]
    assert found == [  # the muted one was high
        {"severity": one.severity, "state": one.state} for one in made.diagnosis
    ]
    by_cause = [(labels, value) for name, labels, value in samples if name == "cdnlog_finding_requests"]
    assert sum(value for _, value in by_cause) == sum(one.requests for one in made.diagnosis)
    assert by_cause[0][0] == {
        "domain": made.diagnosis[0].domain,
        "code": "502",
        "cause": "origin-refused",
        "owner": "origin",
        "severity": "critical",
    }
    by_code = {labels["code"]: 0.0 for name, labels, _ in samples if name == "cdnlog_failing_requests"}
    for name, labels, value in samples:
        if name == "cdnlog_failing_requests":
            by_code[labels["code"]] += value
    assert by_code == {str(code): sum(n for status, n in counted if status == code) for code in (0, 404, 502)}
    rest = {name: value for name, labels, value in samples if not labels}
    assert rest["cdnlog_findings_muted"] == rest["cdnlog_mutes_expired"] == 1
    assert rest["cdnlog_requests_muted"] == 1241
    assert rest["cdnlog_files_incomplete"] == 1
    news = {labels["kind"]: value for name, labels, value in samples if name == "cdnlog_file_news"}
    assert news == dict.fromkeys(NEWS, 0.0) | {"grown": 1.0, "refused": 1.0}
    assert rest["cdnlog_history_days"] == made.days
    assert rest["cdnlog_missing_periods"] == len(made.missing) == 1
    assert rest["cdnlog_newest_data_timestamp_seconds"] == MIDNIGHT + 24 * HOUR
    assert rest["cdnlog_slo_target_ratio"] == 0.999
    assert ("cdnlog_rejected_lines", {"reason": "fields"}, 12.0) in samples
    assert ("cdnlog_files", {"verdict": "truncated"}, 1.0) in samples
    burns = {(one["domain"], one["span"]): value for name, one, value in samples if name == "cdnlog_slo_burn_rate"}
    assert made.budget
    assert burns == {
        (row.domain, row.span): pytest.approx(row.burn)
        for row in made.budget.rows
        if row.status is None and row.burn is not None
    }


def test_the_number_of_series_is_bounded() -> None:
    """Three hundred domains make as many series as fifty-one, and no request is lost."""
    made = full(replace(night(), diagnosis=Diagnosis((), counts_of(traffic([f"d{i}.example" for i in range(300)], 5)))))
    samples = list(exposed(render(made, "prometheus")))
    domains = {labels["domain"] for _, labels, _ in samples if "domain" in labels}
    assert len(domains) == 51
    assert as_prometheus.OTHERS in domains
    for gauge in ("cdnlog_requests", "cdnlog_failing_requests"):
        values = [value for name, _, value in samples if name == gauge]
        assert len(values) <= 7 * 51
        assert sum(values) == sum(
            n
            for code, n in zip(made.counts.columns["status"], made.counts.columns["requests"], strict=True)
            if gauge == "cdnlog_requests" or not 100 <= code < 400
        )


def test_no_number_is_rounded() -> None:
    """More requests than ten digits hold are told to the last one."""
    made = replace(night(), diagnosis=Diagnosis((), counts_of({(MIDNIGHT, "a.example", 502): 12_345_678_901_234})))
    assert 'cdnlog_failing_requests{domain="a.example",code="502"} 12345678901234\n' in render(made, "prometheus")


def test_a_domain_that_stays_away_is_there_with_nothing() -> None:
    """Domains of the nights before have 0 requests, and their burn rates: a night of nothing ends no alert."""
    made = full()
    made = replace(made, diagnosis=Diagnosis((), counts_of({(MIDNIGHT, "new.example", 200): 5})))
    samples = list(exposed(render(made, "prometheus")))
    requests = [(labels["domain"], value) for name, labels, value in samples if name == "cdnlog_requests"]
    assert {domain for domain, _ in requests} == {"new.example", *made.history.columns["domain"]}
    assert {domain for domain, value in requests if value} == {"new.example"}
    burning = {labels["domain"] for name, labels, _ in samples if name == "cdnlog_slo_burn_rate"}
    assert burning == set(made.history.columns["domain"])


def test_quiet_series_are_there() -> None:
    """A severity and state without findings is 0, so that an alert on it ends."""
    found = [
        (labels, value) for name, labels, value in exposed(render(empty(), "prometheus")) if name == "cdnlog_findings"
    ]
    assert [value for _, value in found] == [0] * 25


# In a browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, if there is one."""
    if CHROMIUM is None:
        pytest.skip("there is no /usr/bin/chromium")
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("name", ["en", "ko", "many", "hostile"])
def test_a_browser_shows_it_well(tmp_path: Path, browser: Browser, name: str, width: int, scheme: str) -> None:
    """No console message, no request but for the page, nothing runs out of the window, charts can be read."""
    nights = {
        "en": night(),
        "ko": in_lang(night(), "ko"),
        "many": night(MANY, 60),
        "hostile": night(text=HOSTILE["attribute"] * 40),
    }
    path = tmp_path / "night.html"
    path.write_text(render(full(nights[name]), "html"), encoding="utf-8")
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(path, width)
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    ink = browser.value("getComputedStyle(document.querySelector('figure text')).fill")
    assert (paper == "rgb(255, 255, 255)", ink == browser.value("getComputedStyle(document.body).color")) == (
        scheme == "light",
        True,
    )
    assert browser.value("document.documentElement.scrollWidth") <= width
    texts = "[...document.querySelectorAll('h1,h2,h3,p,dt,dd,article,li,figcaption')]"
    wide = f"{texts}.filter(e => e.scrollWidth > e.clientWidth + 1)"
    assert browser.value(f"{wide}.map(e => e.tagName + ' ' + e.textContent.slice(0, 80))") == []
    labels = "[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect())"
    assert browser.value(f"{labels}.filter(box => box.height < 12).length") == 0
    assert browser.value(f"{labels}.filter(box => box.left < 0 || box.right > innerWidth).length") == 0
    assert browser.value("getComputedStyle(document.querySelector('.tiles')).display") == "grid"
    methods = [event.get("method") for event in browser.events]
    assert [method for method in methods if method in ("Log.entryAdded", "Runtime.consoleAPICalled")] == []
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    assert asked == [path.as_uri()]


def test_every_kind_of_news_is_described() -> None:
    """The kinds that a night knows are those of its schema, and each has its sentence."""
    kinds = schema("nightly")["properties"]["news"]["items"]["properties"]["kind"]
    assert kinds["enum"] == list(NEWS)
    assert {f"news-{kind}" for kind in NEWS} <= set(phrases())


def test_a_night_says_how_much_there_is() -> None:
    """Findings are counted as the page counts them, and a history does not speak of files that it does not know."""
    made = night(findings=3)
    quiet = replace(made.diagnosis.items[0], severity="info")
    made = replace(made, diagnosis=replace(made.diagnosis, items=(*made.diagnosis.items, quiet)))
    assert repr(made) == "<Night 7: 2 files, 3 findings and 1 of background>"
    assert str(made.history).startswith("2026-11-")
