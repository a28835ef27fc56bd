"""The parts a result is told in: tables, cards and notes. Renderers only set them; nothing here is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from cdnlog.catalog import say
from cdnlog.declared import Lang

if TYPE_CHECKING:
    from datetime import datetime

    from cdnlog.plots import Floats, Span

Cell = str | int | float | None
Columns = Sequence[Sequence[Any]]
"""Rows by columns, all of one length."""
Say = Callable[..., str]
_AT_A_TIME = 8192


_LONGEST = 200


def fitting(cell: str) -> str:
    """Return as much of a cell as a table shows: one long path would widen all rows; JSON and CSV have all of it."""
    return cell if len(cell) <= _LONGEST else f"{cell[: _LONGEST - 1]}…"


@dataclass(frozen=True)
class Card:
    """Something to read from top to bottom.

    Attributes:
        title: What it is about.
        lines: Label and text of each line; a repeated label is one more line of the same kind.
        severity: Of a finding, to be set apart by colour; in English.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    severity: str = ""


@dataclass(frozen=True)
class Tile:
    """A number that is seen before anything else.

    Attributes:
        label: What it is.
        value: The number.
        note: What is to be known of it.
        tone: "critical", "high", "medium", "low" or "good", to be set apart by colour; empty for none.
    """

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Steps:
    """A chart of classes of status codes over time, see `plots.draw_classes`."""

    title: str
    windows: tuple[datetime, ...]
    series: Mapping[str, Floats]


@dataclass(frozen=True)
class Heat:
    """A heat map, see `plots.draw_heatmap`."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[datetime, ...]
    values: Floats


@dataclass(frozen=True)
class Timeline:
    """Bars over time, see `plots.draw_timeline`."""

    title: str
    spans: tuple[Span, ...]


Chart = Steps | Heat | Timeline


@dataclass(frozen=True)
class Swatch:
    """What a colour of the charts stands for, an empty cell where nothing of it is seen; without a colour, no data."""

    colour: str
    alpha: float
    label: str


@dataclass(frozen=True)
class Section:
    """A titled table, the cards and the notes under it; any of them may be empty.

    Attributes:
        title: Heading, empty for none.
        headers: Column heads.
        rows: Cells as they are to be read; numbers are set to the right.
        cards: What is told one by one.
        notes: Plain lines.
        tiles: Numbers side by side, above the table.
        charts: Pictures above the table, on pages only.
        swatches: What their colours stand for.
        linked: How many of the rows, from the first, have a card in the section with `targets`; on pages only.
        targets: Whether rows of another section lead to these cards.
        folded: Whether a page shows the title alone, until it is asked for the rest; plain text has it at the end.
    """

    title: str = ""
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    cards: tuple[Card, ...] = ()
    notes: tuple[str, ...] = ()
    tiles: tuple[Tile, ...] = ()
    charts: tuple[Chart, ...] = ()
    swatches: tuple[Swatch, ...] = ()
    linked: int = 0
    targets: bool = False
    folded: bool = False

    @property
    def numeric(self) -> tuple[bool, ...]:
        """For each column whether it holds nothing but numbers, and so is set to the right."""
        return tuple(all(map(_is_number, column)) for column in zip(*self.rows, strict=True))


def _is_number(cell: Cell) -> bool:
    return not isinstance(cell, str) or cell == "-" or cell.replace(",", "").replace(".", "", 1).isdigit()


@dataclass(frozen=True)
class Listing:
    """A plain table for people: what `codes` and `formats` print."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def speaker(lang: Lang) -> Say:
    """Return what says a phrase in one language: `say(key, name=fact)`."""
    return partial(say, lang)


def picked(names: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Return the named values of each row."""
    return (tuple(row[name] for name in names) for row in rows)


def blocks(rows: Iterable[tuple[Any, ...]]) -> Iterator[Columns]:
    """Yield rows by columns, some thousand at a time."""
    rest = iter(rows)
    while some := list(islice(rest, _AT_A_TIME)):
        yield list(zip(*some, strict=True))


def clock(iso: str, *, zone: bool = False) -> str:
    """Return an ISO time as "2026-11-20 00:05", with its offset if asked for."""
    text = iso[:16].replace("T", " ")
    return f"{text} ({iso[19:]})" if zone else text


def percent(part: int, whole: int) -> str:
    """Return a share in per cent; rare ones are never shown as 0.0."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.1f}" if share >= 0.1 or not part else f"{share:.1g}"  # noqa: PLR2004 - where .1f would say 0.0
