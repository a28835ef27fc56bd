"""The parts a night is told in: what came in, what is wrong, what changed, what is kept out of sight."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from os.path import commonprefix

from cdnlog.grids import FAILING, grid
from cdnlog.model import SEVERITIES, STATES, Finding
from cdnlog.report import budgets, cards, pictures, tables
from cdnlog.report.layout import Card, Cell, Say, Section, Tile, clock, percent, speaker
from cdnlog.results import FileNews, Night

_ROWS_SHOWN, _FINDINGS_SHOWN, _DOMAINS_SHOWN = 20, 50, 60
# A page is to be mailed and opened on a phone: the bytes of its cards, the letters of a line and of a cell.
_CARDS_LONGEST, _LINE_LONGEST, _CELL_LONGEST = 250_000, 600, 200
_TWICE = "overlap"  # makes numbers wrong: told with what is lacking
_ASKING = ("refused", "damaged", "forced")  # what is said of files that may need a hand


def sections(night: Night, *, with_pictures: bool) -> list[Section]:
    """Return the sections of a night: the input first, since all else stands on it."""
    say = speaker(night.lang)
    return [_shortened(section) for section in _sections(night, say, with_pictures=with_pictures)]


def _sections(night: Night, say: Say, *, with_pictures: bool) -> list[Section]:
    loud, *noise = cards.finding_sections(night.diagnosis)
    if not len(night.counts) and len(night.history):
        loud = Section(notes=(say("night-nothing"),))
    worst = [finding for finding in night.diagnosis if finding.severity != "info"]
    told = _cards(loud, say)
    overview = replace(
        _cut(loud, say, _FINDINGS_SHOWN), cards=(), charts=pictures.timeline(worst, say) if with_pictures else ()
    )
    return [
        Section(tiles=_tiles(night, worst, say)),
        *_input(night, say),
        replace(overview, linked=sum(len(section.cards) for section in told)),
        *(pictures.failures(night, say) if with_pictures else ()),
        *told,
        *budgets.sections(night.budget, say),
        *(_cut(section, say) for section in [*_gone(night, say), *_muted(night, say)]),
        *(_cut(section, say, _FINDINGS_SHOWN) for section in noise),
        *(_cut(section, say, _DOMAINS_SHOWN) for section in tables.domains(night.counts, night.lang)),
        *tables.codes(night.counts, night.lang),
    ]


def _tiles(night: Night, worst: Sequence[Finding], say: Say) -> tuple[Tile, ...]:
    return (
        _found(night, worst, say),
        _failing(night, say),
        _files(night, say),
        *budgets.tiles(night.budget, say),
        *_silenced(night, say),
    )


def _found(night: Night, worst: Sequence[Finding], say: Say) -> Tile:
    if not len(night.counts):
        return Tile(say("findings"), "-", say("tile-nothing"))
    severities, states = Counter(one.severity for one in worst), Counter(one.state for one in worst)
    words = [f"{severities[name]} {say(f'severity-{name}')}" for name in SEVERITIES if severities[name]]
    compared = set(states) != {"unknown"}
    known = [f"{n} {say(f'state-{name}')}" for name in STATES if compared and (n := states[name])]
    note = "; ".join(", ".join(part) for part in (words, known) if part)
    return Tile(say("findings"), f"{len(worst):,}", note or say("tile-quiet"), worst[0].severity if worst else "good")


def _failing(night: Night, say: Say) -> Tile:
    shown = grid(night.counts, windows=False)
    failing, total = int(shown.of(*FAILING).sum()), int(shown.total.sum())
    if not total:
        return Tile(say("tile-failing"), "-", say("tile-nothing"))
    note = say("tile-of-requests", failing=f"{failing:,}", total=f"{total:,}")
    return Tile(say("tile-failing"), f"{percent(failing, total)} %", note)


def _files(night: Night, say: Say) -> Tile:
    files = night.counts.inputs.files
    faults = {
        "tile-incomplete": sum(not report.complete for report in files),
        "tile-missing": len(night.missing),
        "tile-news": len(night.news),
        "tile-changed": len(night.changed),
    }
    words = [say(key, n=f"{n:,}") for key, n in faults.items() if n]
    lost = faults["tile-incomplete"] or any(one.whole for one in night.missing)
    tone = "high" if lost else "medium" if faults["tile-missing"] else "good"
    many = say("file" if len(files) == 1 else "files", n=f"{len(files):,}")
    return Tile(say("tile-input"), many, ", ".join(words) or say("tile-complete"), tone)


def _silenced(night: Night, say: Say) -> tuple[Tile, ...]:
    muted, expired = night.muting.muted, night.muting.expired
    if not muted and not expired:
        return ()
    note = say("tile-muted-requests", n=f"{night.muting.requests:,}")
    note += f", {say('tile-expired', n=len(expired))}" if expired else ""
    return (Tile(say("muted"), f"{len(muted):,}", note, "medium" if expired else ""),)


def _input(night: Night, say: Say) -> list[Section]:
    """What of the input is there, and what of it is not as one would wish."""
    health = tables.health(night.counts, night.lang)
    known = (say("known", n=f"{night.known:,}"),) if night.known else ()
    stored = say("stored", night=night.number, days=f"{night.days:,}")
    more = len(health.notes) - _ROWS_SHOWN
    rest = (say("more-in-json", n=f"{more:,}"),) if more > 0 else ()
    twice = [one.text for one in night.news if one.kind == _TWICE][:_ROWS_SHOWN]
    notes = (*health.notes[:_ROWS_SHOWN], *rest, *twice, *known, stored, *night.unknown)
    gaps = (
        (
            m.domain,
            say("lacks-all" if m.whole else "lacks-hours"),
            clock(m.start),
            clock(m.end),
            m.usual,
            say(f"state-{m.state}"),
        )
        for m in night.gaps
    )
    missing = _table("missing", ("domain", "lacks", "from", "to", "usual-requests", "state"), gaps, say, folded=False)
    late = ((c.domain, clock(c.start), c.before, c.after) for c in night.changed)
    changed = _table("changed", ("domain", "hour", "requests-before", "requests-now"), late, say)
    return [Section(say("input-health"), notes=notes), *missing, *_news(night, say), *changed]


def _news(night: Night, say: Say) -> list[Section]:
    """What became of files, those that ask for a hand first; the folder that all of them are in is named once."""
    news = [one for one in night.news if one.kind != _TWICE]
    if not news:
        return []
    names = [name for one in news for name in (one.path, one.other) if name]
    folder = commonprefix(names).rpartition("/")[0] + "/"  # noqa: RUF071 - cut at a slash, URLs may be among them
    shared = folder != "/" and len(names) > 1
    told = sorted(news, key=lambda one: (one.kind not in _ASKING, one.kind, one.path))
    texts = tuple(_within(folder, one) if shared else one.text for one in told[:_ROWS_SHOWN])
    more = len(told) - _ROWS_SHOWN
    notes = (
        *((say("news-below", folder=folder),) if shared else ()),
        *texts,
        *((say("more-in-json", n=f"{more:,}"),) if more > 0 else ()),
    )
    return [Section(f"{say('news')} ({len(told):,})", notes=notes, folded=True)]


def _within(folder: str, one: FileNews) -> str:
    """Return the sentence on a file with the paths that it names as they are within a folder."""
    names = sorted(filter(None, (one.path, one.other)), key=len, reverse=True)
    return re.sub("|".join(map(re.escape, names)), lambda found: found[0].removeprefix(folder), one.text)


def _table(
    title: str, heads: Sequence[str], rows: Iterable[tuple[Cell, ...]], say: Say, *, folded: bool = True
) -> list[Section]:
    told = tuple(rows)
    made = Section(f"{say(title)} ({len(told):,})", tuple(say(head) for head in heads), told, folded=folded)
    return [_cut(made, say)] if told else []


def _cut(section: Section, say: Say, most: int = _ROWS_SHOWN) -> Section:
    more = len(section.rows) - most
    if more <= 0:
        return section
    notes = (say("more-in-json", n=f"{more:,}"), *section.notes)
    return replace(section, rows=section.rows[:most], notes=notes)


def _cards(loud: Section, say: Say) -> list[Section]:
    """The cards, as many as a page has room for."""
    shown: list[Card] = []
    room = _CARDS_LONGEST
    for card in _shortened(loud).cards:
        room -= sum(len(escape(label + text).encode("utf-8", "replace")) for label, text in card.lines)
        if room < 0:
            break
        shown.append(card)
    more = len(loud.cards) - len(shown)
    notes = (say("cards-more", n=f"{more:,}"),) if more else ()
    return [Section(say("cards"), cards=tuple(shown), notes=notes, targets=True)] if shown else []


def _shortened(section: Section) -> Section:
    """Cut what a stranger made longer than anyone reads; JSON has it all."""
    rows = (tuple(_cell(cell) for cell in row) for row in section.rows)
    cards = (replace(c, lines=tuple((label, _line(text)) for label, text in c.lines)) for c in section.cards)
    return replace(section, rows=tuple(rows), cards=tuple(cards), notes=tuple(map(_line, section.notes)))


def _line(text: str, longest: int = _LINE_LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _cell(cell: Cell) -> Cell:
    return _line(cell, _CELL_LONGEST) if isinstance(cell, str) else cell


def _gone(night: Night, say: Say) -> list[Section]:
    rows = tuple((one.domain, str(one.status), one.cause, clock(one.end)) for one in night.gone)
    heads = tuple(say(key) for key in ("domain", "code", "cause", "last-seen"))
    return [Section(say("gone"), heads, rows)] if rows else []


def _muted(night: Night, say: Say) -> list[Section]:
    """What is silenced, why, by whom and until when; and which mutes are over."""
    heads = tuple(say(key) for key in ("severity", "domain", "code", "requests", "reason", "owner-of-mute", "until"))
    rows = tuple(
        (
            say(f"severity-{one.finding.severity}"),
            one.finding.domain,
            str(one.finding.status),
            one.finding.requests,
            one.by.reason,
            one.by.owner,
            one.by.until.isoformat(),
        )
        for one in night.muting.muted
    )
    notes = tuple(
        say("mute-expired", until=mute.until.isoformat(), reason=mute.reason, owner=mute.owner)
        for mute in night.muting.expired[:_ROWS_SHOWN]
    )
    notes += tuple(
        say("mute-unused", until=mute.until.isoformat(), reason=mute.reason, owner=mute.owner)
        for mute in night.muting.unused[:_ROWS_SHOWN]
    )
    return [Section(say("muted-findings"), heads if rows else (), rows, notes=notes)] if rows or notes else []
