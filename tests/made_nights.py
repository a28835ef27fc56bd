"""Nights made up for tests: counts by rule, findings with whatever text, and all that a store could say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta, timezone

import numpy as np

from cdnlog.cells import Cells
from cdnlog.counts import MEASURES, Counts, windowed
from cdnlog.declared import Lang
from cdnlog.diagnosis.affected import COLUMNS
from cdnlog.model import SEVERITIES, STATES, Accounting, FileReport, Finding, Inputs, Verdict
from cdnlog.results import Changed, Diagnosis, FileNews, Gone, Missing, Night

ZONE = timezone(timedelta(hours=8))
MIDNIGHT = 1_795_104_000  # 2026-11-20 00:00 there
HOUR, DAY = 3600, 86_400


def counts_of(table: Mapping[tuple[int, str, int], int], window: int = HOUR, inputs: Inputs | None = None) -> Counts:
    """Return counts from requests by window start (UTC seconds), domain and status."""
    domains = tuple(dict.fromkeys(domain for _, domain, _ in table))
    codes = tuple(dict.fromkeys(code for _, _, code in table))
    keys = [(start, domains.index(domain), codes.index(code)) for start, domain, code in table]
    sums = np.zeros((len(table), len(MEASURES)), np.int64)
    sums[:, 0] = list(table.values())
    sums[:, 1] = sums[:, 0] * 1000
    cells = Cells(np.array(keys, np.int64).reshape(-1, 3), sums, (None, domains, codes))
    return Counts(("window_start", "domain", "status"), cells, window, ZONE, inputs or Inputs())


def traffic(domains: Sequence[str], hours: int, first: int = MIDNIGHT) -> dict[tuple[int, str, int], int]:
    """Return requests of some hours: most of them served, some of each domain failing, one hour without any."""
    table: dict[tuple[int, str, int], int] = {}
    for hour in range(hours):
        for i, domain in enumerate(domains):
            if i % 5 == 3 and hour % 24 in (7, 8):
                continue
            start = first + hour * HOUR
            load = 3000 + 1000 * ((hour + i) % 7)
            table[start, domain, 200] = load
            table[start, domain, 404] = 10 + 30 * ((hour * (i + 1)) % 5)
            table[start, domain, 502] = (hour * 7 + i * 3) % 11 // 9 * load // 10
            table[start, domain, 0] = (hour + i) % 4
    return {key: requests for key, requests in table.items() if requests}


def finding(number: int, text: str, domain: str, severity: str, state: str) -> Finding:
    """Return a finding with a text wherever a log or a table can put one."""
    start = number % 20
    return Finding(
        id=f"tencent-cdn/{domain}/502/{number}",
        provider="tencent-cdn",
        domain=domain,
        status=502,
        also=({"domain": domain, "status": 504, "requests": 7},),
        start=f"2026-11-20T{start:02d}:00:00+08:00",
        end=f"2026-11-20T{start + 2:02d}:35:00+08:00",
        active=number % 3 == 0,
        state=state,
        requests=1234,
        total=56789,
        share=0.0217,
        clients=321,
        severity=severity,
        owner="origin",
        cause="origin-refused",
        cause_title="Origin refuses connections",
        confidence="high",
        name="Bad gateway",
        meaning="The origin closed the connection or answered with something that is no HTTP.",
        fix=("Look whether the origin's server is up and its port is open.", "Read the origin's own log.", text),
        avoid=("Do not purge the cache.",),
        needs=(text,),
        ticket=f"Please look into this.\n{text}",
        evidence=({"rule": "E08", "verdict": "confirms", "statement": f"97 % failed within 20 ms: {text}"},) * 4,
        affected=dict.fromkeys(COLUMNS, ()) | {"paths": (text, f"/a{text}"), "user_agents": (text,)},
        affected_shares=dict.fromkeys(COLUMNS, ()) | {"paths": (0.7, 0.2), "user_agents": (0.9,)},
    )


def night(  # noqa: PLR0913 - what a night is made of
    domains: Sequence[str] = ("www.example.com", "api.example.com", "img.example.com", "video.example.com"),
    findings: int = 5,
    text: str = "/v1/search",
    *,
    hours: int = 24,
    before: int = 72,
    lang: Lang = "en",
) -> Night:
    """Return a night in which everything happened that a store tells of.

    Args:
        domains: The domains.
        findings: How many findings.
        text: What stands wherever a log, a file name or a sentence of the store can put a text.
        hours: Hours that the night is about.
        before: Hours of history before them.
        lang: Language of the report.
    """
    reasons = Accounting(lines=1000, counted=988, rejected=12, reject_reasons={"fields": 12})
    files = (
        FileReport(f"logs/{text}.gz", Verdict.OK, "", "tencent-cdn", "tencent-cdn", reasons),
        FileReport(
            f"logs/bad{text}.gz", Verdict.TRUNCATED, "stops in the middle", accounting=Accounting(10, withheld=10)
        ),
    )
    table = traffic(domains, hours)
    found = tuple(
        finding(i, text, domains[i % len(domains)], SEVERITIES[i % len(SEVERITIES)], STATES[i % len(STATES)])
        for i in sorted(range(findings), key=lambda i: i % len(SEVERITIES))
    )
    shown = "2026-11-20T07:00:00+08:00"
    return Night(
        diagnosis=Diagnosis(found, counts_of(table, inputs=Inputs(files)), lang),
        number=7,
        news=tuple(
            FileNews(f"logs/{text}.gz", kind, "", 1000, 1200, f"{kind}: {text}") for kind in ("grown", "refused")
        ),
        changed=tuple(Changed(domain, shown, 4000, 4321) for domain in domains),
        missing=tuple(
            Missing(domain, shown, shown.replace("T07", "T09"), 8000, whole=False) for domain in domains[3::5]
        ),
        gone=(Gone(f"tencent-cdn/{domains[0]}/531/origin-dns", domains[0], 531, "origin-dns", shown),),
        unknown=(text,),
        history=counts_of(traffic(domains, before, MIDNIGHT - before * HOUR) | table),
        known=3,
        days=4,
        ends=MIDNIGHT + hours * HOUR,
    )


def in_lang(made: Night, lang: Lang) -> Night:
    """Return the same night in another language."""
    return replace(made, diagnosis=replace(made.diagnosis, lang=lang))


def of_logs(diagnosis: Diagnosis, **more: int) -> Night:
    """Return the first night of a store, as it would be of the logs that were diagnosed."""
    history = windowed(diagnosis.counts, HOUR, diagnosis.counts.zone)
    starts = history.columns["window_start"]
    ends = max(starts) + HOUR if starts else None
    return Night(diagnosis, 1, (), (), (), (), (), history, more.get("known", 0), 1, ends)
