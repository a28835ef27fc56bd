"""Cards: one per finding, worst first, that a tired person can act on; and one per explained code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from cdnlog.answers import Answer
from cdnlog.declared import Lang
from cdnlog.report.layout import Card, Cell, Say, Section, clock, percent, speaker

if TYPE_CHECKING:
    from cdnlog.model import Finding
    from cdnlog.results import Diagnosis

_HIT_SHOWN = 3
_HIT_LONGEST = 60
_SINCE = "E02"  # the rule that tells new from chronic
_PATH_LEAST, _HIT_LEAST = 0.05, 0.2  # what is spread evenly tells nothing; paths always do


def finding_sections(diagnosis: Diagnosis) -> list[Section]:
    """The findings: an overview, a card for each, and the background noise apart."""
    say = speaker(diagnosis.lang)
    if not diagnosis.items:
        return [Section(notes=(say("none" if len(diagnosis.counts) else "nothing"),))]
    loud = [finding for finding in diagnosis if finding.severity != "info"]
    quiet = [finding for finding in diagnosis if finding.severity == "info"]
    cards = tuple(_card(i, finding, diagnosis.lang) for i, finding in enumerate(loud, 1))
    notes = () if loud else (say("quiet"),)
    return [Section(say("findings"), *_overview(loud, say), cards, notes), *_noise(quiet, say)]


def without_rows(diagnosis: Diagnosis) -> list[Section]:
    """Say what a diagnosis lacks that had counts alone, and where the cause can be found."""
    if diagnosis.rows or not diagnosis.items:
        return []
    worst = diagnosis.items[0]
    facts = {"domain": quote(worst.domain), "since": worst.start[:10]}
    return [Section(notes=(speaker(diagnosis.lang)("without-rows", **facts),))]


def _overview(loud: list[Finding], say: Say) -> tuple[tuple[str, ...], tuple[tuple[Cell, ...], ...]]:
    compared = any(f.state != "unknown" for f in loud)
    heads = ("severity", *(["state"] * compared), "domain", "code", "requests", "share", "since", "owner")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            str(i),
            say(f"severity-{f.severity}"),
            *([say(f"state-{f.state}")] * compared),
            f.domain,
            str(f.status),
            f.requests,
            percent(f.requests, f.total),
            clock(f.start)[5:],
            say(f"owner-{f.owner}"),
        )
        for i, f in enumerate(loud, 1)
    )
    return ("#", *(say(key) for key in heads)), rows


def _noise(quiet: list[Finding], say: Say) -> list[Section]:
    heads = tuple(say(key) for key in ("domain", "code", "requests", "share", "name"))
    rows = tuple((f.domain, str(f.status), f.requests, percent(f.requests, f.total), f.name) for f in quiet)
    return [Section(say("background"), heads, rows, notes=(say("background-note"),))] if quiet else []


def _card(number: int, f: Finding, lang: Lang) -> Card:
    say = speaker(lang)
    state = "" if f.state == "unknown" else f", {say(f'state-{f.state}')}"
    title = f"{number}. {say(f'severity-{f.severity}').upper()}{state}  {f.domain}  {f.status}  {f.name}"
    return Card(title, tuple(_finding(f, say)), f.severity)


def finding_card(f: Finding, lang: Lang) -> Card:
    """One finding alone, without the number that it has among others."""
    card = _card(1, f, lang)
    return replace(card, title=card.title.removeprefix("1. "))


def _finding(f: Finding, say: Say) -> Iterator[tuple[str, str]]:
    yield say("what"), f.meaning
    since = "since-active" if f.active else "since-over"
    yield say("since"), say(since, start=clock(f.start), end=clock(f.end))
    yield from ((say("since"), str(one["statement"])) for one in f.evidence if one["rule"] == _SINCE)
    how = say("how-much-text", failing=f"{f.requests:,}", total=f"{f.total:,}", share=percent(f.requests, f.total))
    sampled = any(one["rule"] == "sample" for one in f.evidence)
    clients = "how-much-at-least" if sampled else "how-much-client" if f.clients == 1 else "how-much-clients"
    yield say("how-much"), how if f.clients is None else say(clients, text=how, clients=f"{f.clients:,}")
    yield (
        say("whose"),
        say(
            "whose-text",
            owner=say(f"owner-{f.owner}"),
            cause=f.cause_title,
            confidence=say(f"confidence-{f.confidence}"),
        ),
    )
    for one in f.also:
        yield say("also"), say("also-text", domain=one["domain"], code=one["status"], failing=f"{one['requests']:,}")
    for i, step in enumerate(f.fix):
        yield say("then" if i else "first"), step
    for step in f.avoid:
        yield say("avoid"), step
    for step in f.needs:
        yield say("needs"), step
    for key, values in f.affected.items():
        least = _PATH_LEAST if key in ("paths", "client_ips") else _HIT_LEAST
        shown = _hit(values, f.affected_shares[key], least)
        if shown:
            yield say("hit"), f"{say(key)}: {shown}"
    yield from ((say("evidence"), str(one["statement"])) for one in f.evidence if one["rule"] != _SINCE)
    for line in f.ticket.split("\n") if f.ticket else ():
        yield say("ticket"), line


def _hit(values: tuple[str, ...], shares: tuple[float, ...], least: float) -> str:
    """Return the values that matter, with their shares."""
    pairs = zip(values[:_HIT_SHOWN], shares[:_HIT_SHOWN], strict=True)
    return ", ".join(f"{_cut(value)} ({share:.0%})" for value, share in pairs if share >= least)


def _cut(text: str) -> str:
    return text if len(text) <= _HIT_LONGEST else text[: _HIT_LONGEST - 1] + "…"


def answer_card(answer: Answer, lang: Lang, *, among: bool = False) -> Card:
    """All that the tables say of one code; `among` others, the title says whose it is."""
    entry, say = answer.entry, speaker(lang)
    name = " / ".join(str(part) for part in (answer.code, answer.word) if part is not None)
    known = answer.answered_by in ("provider", "edge-word")
    title = f"{f'{answer.provider}  ' if among else ''}{name}  {entry.name.of(lang)}"
    if not known:
        title += f" ({say(f'answered-{answer.answered_by}', provider=answer.provider)})"
    return Card(title, tuple(_answer(answer, say, lang)))


def _answer(answer: Answer, say: Say, lang: Lang) -> Iterator[tuple[str, str]]:
    entry = answer.entry
    yield say("what"), entry.meaning.of(lang)
    yield say("provider"), answer.provider
    yield say("whose"), say(f"owner-{entry.owner}")
    yield say("stage"), entry.stage
    if entry.causes:
        yield say("causes"), ", ".join(entry.causes)
    for text in entry.checks.of(lang):
        yield say("checks"), text
    for i, text in enumerate(entry.fix.of(lang)):
        yield say("then" if i else "first"), text
    for text in entry.avoid.of(lang) if entry.avoid else ():
        yield say("avoid"), text
    for key, value in entry.limits.items():
        yield say("limit"), f"{key} = {value}"
    if entry.note:
        yield say("note"), entry.note.of(lang)
    yield say("source"), f"{answer.source} ({answer.as_of})"
