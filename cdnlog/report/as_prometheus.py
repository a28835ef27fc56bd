"""Prometheus' text format for the textfile collector: gauges of the last night, a bounded number of them.

https://prometheus.io/docs/instrumenting/exposition_formats/. There are no time stamps, which the collector refuses; how
old the data is tells `cdnlog_newest_data_timestamp_seconds`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cdnlog.grids import CLASSES, FAILING, Grid, grid
from cdnlog.model import SEVERITIES, Verdict
from cdnlog.results import Night
from cdnlog.text import visible

_DOMAINS = 50
OTHERS = "(others)"
"""Stands for the domains beyond the fifty with most failing requests; no domain is called so."""

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
    yield _Gauge("requests", "Requests of the night by domain and class of the status code.", _classes(shown, names))
    total, failing = shown.total.sum(axis=1).tolist(), shown.of(*FAILING).sum(axis=1).tolist()
    shares = [({"domain": name}, bad / all_) for name, bad, all_ in zip(names, failing, total, strict=True) if all_]
    yield _Gauge("failing_ratio", "Share of the domain's requests with status 0, or 400 and above.", shares)
    if night.budget:
        known = set(names)
        burns = [
            ({"domain": row.domain, "span": row.span}, row.burn)
            for row in night.budget.rows
            if row.status is None and row.burn is not None and row.domain in known
        ]
        yield _Gauge("slo_target_ratio", "Share of requests that must not fail.", [({}, night.budget.target / 100)])
        yield _Gauge("slo_burn_rate", "Failing share / share that may fail, over the span's newest data.", burns)


def _classes(shown: Grid, names: list[str]) -> Iterator[tuple[_Labels, float]]:
    sums = shown.requests.sum(axis=2).tolist()
    for name, by_class in zip(names, sums, strict=True):
        for kind, requests in zip(CLASSES, by_class, strict=True):
            yield {"domain": name, "class": kind}, requests


def _of_findings(night: Night) -> Iterator[_Gauge]:
    found = Counter(finding.severity for finding in night.diagnosis if finding.cause != "background")
    severities = [({"severity": name}, found[name]) for name in SEVERITIES]
    yield _Gauge("findings", "Findings by severity, without the muted ones.", severities)
    yield _Gauge("findings_muted", "Findings that a mute silences.", [({}, len(night.muting.muted))])
    yield _Gauge(
        "requests_muted", "Failing requests of the findings that a mute silences.", [({}, night.muting.requests)]
    )
    yield _Gauge("mutes_expired", "Mutes whose last day is over.", [({}, len(night.muting.expired))])


def _of_input(night: Night) -> Iterator[_Gauge]:
    total, files = night.counts.inputs.total, Counter(report.verdict for report in night.counts.inputs.files)
    yield _Gauge("files", "Files of the night by verdict.", [({"verdict": one.value}, files[one]) for one in Verdict])
    lines = [({"outcome": name}, getattr(total, name)) for name in _OUTCOMES]
    yield _Gauge("lines", "Lines of the night's files by what became of them.", lines)
    reasons = [({"reason": reason}, n) for reason, n in sorted(total.reject_reasons.items())]
    yield _Gauge("rejected_lines", "Rejected lines by reason.", reasons)
    yield _Gauge(
        "missing_periods", "Times for which a domain usually has requests, and has none.", [({}, len(night.missing))]
    )
    yield _Gauge("changed_hours", "Hours that earlier nights had told otherwise.", [({}, len(night.changed))])
    starts = night.history.columns["window_start"]
    newest: list[tuple[_Labels, float]] = [({}, max(starts) + night.history.window)] if starts else []
    yield _Gauge("newest_data_timestamp_seconds", "End of the newest hour with data.", newest)


def _text(gauge: _Gauge) -> str:
    lines = [f"cdnlog_{gauge.name}{_labels(labels)} {value:.10g}\n" for labels, value in gauge.samples]
    head = f"# HELP cdnlog_{gauge.name} {gauge.help}\n# TYPE cdnlog_{gauge.name} gauge\n"
    return head + "".join(lines) if lines else ""


def _labels(labels: _Labels) -> str:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return visible(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
