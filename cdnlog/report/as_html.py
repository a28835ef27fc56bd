"""One self-contained page: no script, nothing fetched, and a policy that forbids both.

All text goes through `visible` and is then escaped by Jinja2; the page has no attribute whose value comes from a log.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from cdnlog.counts import Counts
from cdnlog.declared import Lang
from cdnlog.held import Holdings
from cdnlog.report.layout import Cell, Chart, Listing, Swatch, fitting, speaker
from cdnlog.report.sections import Document, sections
from cdnlog.results import Diagnosis, Difference, Night
from cdnlog.text import visible


def render(document: Document, lang: Lang = "en") -> str:
    """Return the document as an HTML page that ends in LF."""
    lang = getattr(document, "lang", lang)
    style = file("report.css")
    policy = base64.b64encode(hashlib.sha256(f"\n{style}".encode()).digest()).decode()
    page: str = template("report.html").render(
        sections=sections(document, lang, pictures=True),
        lang=lang,
        title=speaker(lang)(_title(document)) + _day(document),
        style=style,
        policy=policy,
    )
    return page


def _title(document: Document) -> str:
    """Return the phrase that heads the page."""
    if isinstance(document, Counts):
        return "page-counts"
    if isinstance(document, Diagnosis):
        return "report"
    if isinstance(document, Night):
        return "page-night"
    if isinstance(document, Difference):
        return "page-difference"
    if isinstance(document, Holdings):
        return "page-store"
    return "page-listing" if isinstance(document, Listing) else "page-codes"


def _day(document: Document) -> str:
    """Return the last day of a night's data: of many such pages each is to be told by its tab."""
    if not isinstance(document, Night) or document.ends is None:
        return ""
    return f", {document.history.shown(document.ends - 1)[:10]}"


@cache
def template(name: str) -> jinja2.Template:
    """Return one of our templates; it escapes all it is given."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"shown": _shown, "cell": _cell, "svg": _svg, "swatch": _swatch}
    return environment.from_string(file(name))


def file(name: str) -> str:
    """Return a file of this folder."""
    return (files("cdnlog.report") / name).read_text(encoding="utf-8")


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int) else visible(str(cell))


def _cell(cell: Cell) -> str:
    return fitting(_shown(cell))


def _svg(chart: Chart) -> Markup:
    from cdnlog.report import charts  # noqa: PLC0415 - matplotlib costs 0.3 s, few pages have charts

    return charts.svg(chart)


def _swatch(key: Swatch) -> Markup:
    from cdnlog.report import charts  # noqa: PLC0415

    return charts.swatch(key)
