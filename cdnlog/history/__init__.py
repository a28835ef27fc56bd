"""The nightly store: what was counted, from which files, exactly once; and what is usual.

The only thing kept per file is one row of the ledger with its counts packed in it, so that "this file is done" and
"these are its counts" cannot come apart. A file is known by the SHA-256 of its decompressed content. The totals of a
time are the sum over the rows that count; a row that is replaced stays, marked with the night it stopped counting.
Nothing in here asks a clock: ages are counted from the newest data.
"""

from __future__ import annotations
