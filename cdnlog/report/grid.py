"""Tables as text, set by tabulate; apart, because its import takes 20 ms, and an explained code has no table."""

from __future__ import annotations

from collections.abc import Sequence

import tabulate

from cdnlog.report.layout import fitting

tabulate.MIN_PADDING = 0  # its default widens every head by two columns, and 80 are few


_ROW = tabulate.DataRow("", " ", "")
NARROW = tabulate.TableFormat(None, tabulate.Line("", "-", " ", ""), None, None, _ROW, _ROW, 0, None)
"""The style "simple" with one space between columns, for a table that would be too wide with two."""


def grid(
    rows: Sequence[Sequence[str]],
    headers: Sequence[str],
    style: str | tabulate.TableFormat,
    align: Sequence[str] | None = None,
) -> str:
    """Return a table in a style of tabulate; all cells are text, and stay as they are, or end in an ellipsis."""
    return tabulate.tabulate(
        [list(map(fitting, row)) for row in rows], headers, tablefmt=style, disable_numparse=True, colalign=align
    )
