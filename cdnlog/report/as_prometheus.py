"""Prometheus' text format for the textfile collector: gauges of the last night, a bounded number of them.

https://prometheus.io/docs/instrumenting/exposition_formats/. There are no time stamps, which the collector refuses; how
old the data is tells `cdnlog_newest_data_timestamp_seconds`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cdnlog.counts import is_error
from cdnlog.grids import CLASSES, FAILING, Grid, grid
from cdnlog.model import SEVERITIES, STATES, Verdict
from cdnlog.results import NEWS, Night
from cdnlog.text import visible

_DOMAINS, _CODES, _FINDINGS = 50, 200, 50
OTHERS = "(others)"
"""Stands for what is beyond the fifty domains, and two hundred codes of domains, with most failing requests."""

_Labels = Mapping[str, str]
_OUTCOMES = ("counted", "filtered", "rejected", "comments", "blank", "withheld")


@dataclass(frozen=True)
class _Gauge:
    name: str
    help: str
    samples: Iterable[tuple[_Labels, float]]


def render(night: Night) -> str:
    """Return a night's gauges as text that ends in LF."""
    return "".join(_text(gauge) for gauge in [*_of_requests(night), *_of_findings(night), *_of_input(night)])


def _of_requests(night: Night) -> Iterator[_Gauge]:
    shown = grid(night.counts, windows=False).top(_DOMAINS + 1)
    names = [*shown.domains[:-1], OTHERS] if shown.others else [*shown.domains]
    absent = _absent(night, shown)
    requests = [*_classes(shown, names), *(({"domain": one, "class": kind}, 0) for one in absent for kind in CLASSES)]
    yield _Gauge("requests", "Requests of the night by domain and class of the status code.", requests)
    yield _Gauge("failing_requests", "Requests of the night with status 0, or 400 and above.", _failing(night, names))
    total, failing = shown.total.sum(axis=1).tolist(), shown.of(*FAILING).sum(axis=1).tolist()
    shares = [({"domain": name}, bad / all_) for name, bad, all_ in zip(names, failing, total, strict=True) if all_]
    yield _Gauge("failing_ratio", "Share of the domain's requests with status 0, or 400 and above.", shares)
    if night.budget:
        known = {*names, *absent}
        burns = [
            ({"domain": row.domain, "span": row.span}, row.burn)
            for row in night.budget.rows
            if row.status is None and row.burn is not None and row.domain in known
        ]
        yield _Gauge("slo_target_ratio", "Share of requests that must not fail.", [({}, night.budget.target / 100)])
        yield _Gauge("slo_burn_rate", "Failing share / share that may fail, over the span's newest data.", burns)


def _absent(night: Night, shown: Grid) -> list[str]:
    """Return domains of the nights before that have no request in this one, as far as there is room for them."""
    before = grid(night.history, windows=False).top(_DOMAINS + 1)
    known = before.domains[:-1] if before.others else before.domains
    return [name for name in known if name not in shown.domains][: max(0, _DOMAINS - len(shown.domains))]


def _failing(night: Night, names: Container[str]) -> Iterator[tuple[_Labels, float]]:
    """Yield the requests of each failing code of each domain, the most first, what is beyond those as one."""
    sums = Counter[tuple[str, int]]()
    for domain, code, requests, _ in night.counts.by("domain", "status").rows():
        if is_error(code):
            sums[domain if domain in names else OTHERS, code] += requests
    worst = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    for (domain, code), requests in worst[:_CODES]:
        yield {"domain": domain, "code": str(code)}, requests
    if len(worst) > _CODES:
        yield {"domain": OTHERS, "code": OTHERS}, sum(requests for _, requests in worst[_CODES:])


def _classes(shown: Grid, names: list[str]) -> Iterator[tuple[_Labels, float]]:
    sums = shown.requests.sum(axis=2).tolist()
    for name, by_class in zip(names, sums, strict=True):
        for kind, requests in zip(CLASSES, by_class, strict=True):
            yield {"domain": name, "class": kind}, requests


def _of_findings(night: Night) -> Iterator[_Gauge]:
    incidents = [finding for finding in night.diagnosis if finding.cause != "background"]
    found = Counter((finding.severity, finding.state) for finding in incidents)
    kinds = [({"severity": how, "state": state}, found[how, state]) for how in SEVERITIES for state in STATES]
    yield _Gauge("findings", "Findings by severity and state, without the muted ones.", kinds)
    requests = Counter[tuple[str, ...]]()
    for one in incidents[:_FINDINGS]:
        requests[one.domain, str(one.status), one.cause, one.owner, one.severity] += one.requests
    names = ("domain", "code", "cause", "owner", "severity")
    told = [(dict(zip(names, values, strict=True)), n) for values, n in requests.items()]
    yield _Gauge("finding_requests", "Failing requests of the worst findings, without the muted ones.", told)
    yield _Gauge("findings_muted", "Findings that a mute silences.", [({}, len(night.muting.muted))])
    yield _Gauge(
        "requests_muted", "Failing requests of the findings that a mute silences.", [({}, night.muting.requests)]
    )
    yield _Gauge("mutes_expired", "Mutes whose last day is over.", [({}, len(night.muting.expired))])


def _of_input(night: Night) -> Iterator[_Gauge]:
    total, files = night.counts.inputs.total, Counter(report.verdict for report in night.counts.inputs.files)
    broken = sum(not report.complete for report in night.counts.inputs.files)
    yield _Gauge("files_incomplete", "Files that are damaged, missing, refused or not known.", [({}, broken)])
    yield _Gauge("files", "Files of the night by verdict.", [({"verdict": one.value}, files[one]) for one in Verdict])
    news = Counter(one.kind for one in night.news)
    kinds = [({"kind": kind}, news[kind]) for kind in NEWS]
    yield _Gauge("file_news", "Files of which more is to be said than that they are new and counted.", kinds)
    lines = [({"outcome": name}, getattr(total, name)) for name in _OUTCOMES]
    yield _Gauge("lines", "Lines of the night's files by what became of them.", lines)
    reasons = [({"reason": reason}, n) for reason, n in sorted(total.reject_reasons.items())]
    yield _Gauge("rejected_lines", "Rejected lines by reason.", reasons)
    yield _Gauge(
        "missing_periods", "Times for which a domain usually has requests, and has none.", [({}, len(night.missing))]
    )
    yield _Gauge("changed_hours", "Hours that earlier nights had told otherwise.", [({}, len(night.changed))])
    yield _Gauge("history_days", "Days with data that the night is compared with, of four weeks.", [({}, night.days)])
    newest: list[tuple[_Labels, float]] = [] if night.ends is None else [({}, night.ends)]
    yield _Gauge("newest_data_timestamp_seconds", "End of the newest hour with data, without stray times.", newest)


def _text(gauge: _Gauge) -> str:
    lines = [f"cdnlog_{gauge.name}{_labels(labels)} {_number(value)}\n" for labels, value in gauge.samples]
    head = f"# HELP cdnlog_{gauge.name} {gauge.help}\n# TYPE cdnlog_{gauge.name} gauge\n"
    return head + "".join(lines) if lines else ""


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.10g}"


def _labels(labels: _Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return visible(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
