"""What logs say, worked out the slow and plain way: the reference that cdnlog is compared with.

It shares no code with cdnlog: the standard library only, one line at a time, no arrays, no blocks, no special case
for the common line. `logs` reads the declarations of the formats and nothing else of the product; `tencent`, whose
names are here, is one regular expression.
"""

from __future__ import annotations

from oracle.rows import FATES, Row, Table, tabulate
from oracle.tencent import count, fold, judge, verdicts

__all__ = ["FATES", "Row", "Table", "count", "fold", "judge", "tabulate", "verdicts"]
