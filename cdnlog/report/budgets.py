"""What was spent of an objective's budget, and how fast."""

from __future__ import annotations

from collections.abc import Mapping

from cdnlog.report.layout import Cell, Say, Section, Tile
from cdnlog.slo import LEAST, SPANS, Budget, Spent

_SHOWN = 25
_FAST, _SLOW = 14.4, 1.0  # 2 % of a month's budget within an hour; as fast as it lasts
_Row = tuple[str, int | None]


def tiles(budget: Budget | None, say: Say) -> tuple[Tile, ...]:
    """The fastest burn of any domain."""
    known = [row for row in budget.rows if row.burn is not None and row.status is None] if budget else []
    if budget is None:
        return ()
    label = say("slo", target=f"{budget.target:g}")
    if not known:
        return (Tile(label, "-", say("burn-unknown")),)
    worst = max(known, key=lambda row: (row.failing >= LEAST, row.burn or 0))
    burn = worst.burn or 0
    tone = "good" if burn < _SLOW or worst.failing < LEAST else "critical" if burn >= _FAST else "high"
    return (Tile(label, rate(burn), say("tile-burn", domain=worst.domain, span=say(f"span-{worst.span}")), tone),)


def sections(budget: Budget | None, say: Say) -> list[Section]:
    """Burn by domain and code over each span, the fastest first."""
    if budget is None:
        return []
    table: dict[_Row, dict[str, Spent]] = {}
    for spent in budget.rows:
        table.setdefault((spent.domain, spent.status), {})[spent.span] = spent
    spending = [key for key, by_span in table.items() if any(spent.failing for spent in by_span.values())]
    domains = {domain for domain, _ in table}
    quiet = len(domains - {domain for domain, _ in spending})
    spending.sort(key=lambda key: (-_fastest(table[key[0], None]), key[0], key[1] is not None, -_fastest(table[key])))
    notes = [say("slo-note")]
    notes += [f"-: {say('burn-unknown')}"] if any(spent.burn is None for spent in budget.rows) else []
    notes += [say("slo-quiet", n=f"{quiet:,}")] if quiet else []
    notes += [say("more-in-json", n=f"{len(spending) - _SHOWN:,}")] if len(spending) > _SHOWN else []
    heads = (say("domain"), say("code"), *(say(f"span-{span}") for span in SPANS), say("spent"), say("allowed"))
    rows = tuple(_row(key, table[key], table[key[0], None], say) for key in spending[:_SHOWN])
    return [Section(say("slo", target=f"{budget.target:g}"), heads if rows else (), rows, notes=tuple(notes))]


def _row(key: _Row, by_span: Mapping[str, Spent], of_domain: Mapping[str, Spent], say: Say) -> tuple[Cell, ...]:
    domain, status = key
    burns = (_burn(by_span.get(span), of_domain.get(span)) for span in SPANS)
    longest = by_span[list(by_span)[-1]]
    code = say("all-codes") if status is None else str(status)
    return (domain, code, *burns, longest.failing, f"{longest.allowed:,.1f}")


def _burn(spent: Spent | None, of_domain: Spent | None) -> str:
    """A code without failures in a span burns nothing; a domain without requests there burns nobody knows what."""
    if of_domain is None or of_domain.burn is None:
        return "-"
    return rate(spent.burn or 0.0 if spent else 0.0)


def _fastest(by_span: Mapping[str, Spent]) -> float:
    return max((spent.burn or 0.0 for spent in by_span.values()), default=0.0)


def rate(burn: float) -> str:
    """Return a burn rate as it is read."""
    return f"{burn:,.1f}"
