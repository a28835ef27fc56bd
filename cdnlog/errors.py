"""Everything cdnlog raises on purpose.

CdnlogError                 exit 2 unless said otherwise
├── UsageError              the call itself cannot work: a bad option or argument
│   └── UnknownNameError    a name that is not in a table; the nearest ones are told
├── ClusterError            a cluster cannot be used as it is
│   └── ClusterLost         exit 74: it went away during the run
├── SchemaError             a declarative data file is faulty
├── DamagedInput            exit 3: a file ended with a verdict that keeps it out of totals
├── NothingToAnalyse        exit 4: no line at all although data was required
├── OutputError             exit 74: a result could not be written
│   └── StoreError          a store is damaged or cannot be written
├── StoreBusy               exit 75: another run has the store
└── AccountingError         exit 70: the program lost count of its lines; a bug of ours

Each keeps its facts as attributes and makes its sentence in `__str__`: what, why, where, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_OK = 0
EXIT_FINDING = 1
EXIT_USAGE = 2
EXIT_INCOMPLETE = 3
EXIT_NOTHING = 4
EXIT_BUG = 70
EXIT_OUTPUT = 74
EXIT_BUSY = 75


_ADVICE = {
    "truncated": "download it again, or use what is there with --keep-damaged",
    "corrupt": "download it again, or use what is there with --keep-damaged",
    "trailing-garbage": "its lines count, but compare it with the original",
    "missing": "check the path",
    "unknown-format": "leave the file out, or name its format with --format ('cdnlog formats' lists them)",
    "ambiguous-format": "name its format with --format",
}


LOOKS_LIKE = "it looks like "
"""How a clause begins that names what a file is and what to do about it."""


def advice(verdict: str, problem: str) -> str:
    """Return what to do about a file with this verdict, to be put behind what was seen; may be empty."""
    return f"; {_ADVICE[verdict]}" if verdict in _ADVICE and not problem.startswith(LOOKS_LIKE) else ""


class CdnlogError(Exception):
    """Base of all errors raised by cdnlog on purpose; `exit_code` is what the command line returns.

    Example:
        >>> import cdnlog
        >>> try:
        ...     cdnlog.explain(1000)
        ... except cdnlog.CdnlogError as error:
        ...     print(error.exit_code, error)
        2 1000 is no status code; one has three digits, or is 0 where no status was sent
    """

    exit_code = EXIT_USAGE


class UsageError(CdnlogError):
    """An option or argument that cannot work, with what to do instead.

    Example:
        >>> import cdnlog
        >>> cdnlog.count("sample_logs", window="7m")
        Traceback (most recent call last):
            ...
        cdnlog.errors.UsageError: a window of '7m' does not divide a day; use 1m, 5m, 15m, 1h, 6h, 1d or the like
    """


class UnknownNameError(UsageError):
    """A name that is in no table.

    Attributes:
        kind: What was looked for, as in "format" or "column".
        name: What was asked.
        known: The names there are.

    Example:
        >>> import cdnlog
        >>> cdnlog.read("sample_logs", "state")
        Traceback (most recent call last):
            ...
        cdnlog.errors.UnknownNameError: unknown column 'state'; did you mean status?
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(kind, name)
        self.kind, self.name, self.known = kind, name, sorted(known)

    def __str__(self) -> str:
        """Name the nearest known names first, else all of them."""
        near = difflib.get_close_matches(self.name, self.known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(self.known) or 'none'}"
        return f"unknown {self.kind} '{self.name}'; {hint}"


class SchemaError(CdnlogError):
    """A data file under schemas/ (ours or the user's) that does not say what it must.

    Example:
        >>> import cdnlog
        >>> cdnlog.explain(514, schemas="gone")
        Traceback (most recent call last):
            ...
        cdnlog.errors.SchemaError: gone: no such folder; correct the file or leave it out of --schemas
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where, self.problem = where, problem

    def __str__(self) -> str:
        """Say the file, then the key and what is wrong with it."""
        return f"{self.where}: {self.problem}; correct the file or leave it out of --schemas"


class ClusterError(CdnlogError):
    """A cluster that cannot do the work: out of reach, without workers, of other versions; nothing was counted."""


class ClusterLost(ClusterError):  # noqa: N818 - named as the others are
    """A cluster that went away during the run; nothing was written."""

    exit_code = EXIT_OUTPUT


class DamagedInput(CdnlogError):  # noqa: N818 - the name is public
    """A file whose end shows that its lines cannot be trusted.

    Attributes:
        path: The file, as text that is safe to print.
        verdict: "truncated", "corrupt", "unreadable", "missing", "unknown-format", "ambiguous-format".
        problem: One clause that says what was seen.

    Example:
        >>> import io, pathlib, cdnlog
        >>> whole = pathlib.Path("sample_logs/2026112000-api.example.com.gz").read_bytes()
        >>> try:
        ...     cdnlog.read(io.BytesIO(whole[:20_000]))
        ... except cdnlog.DamagedInput as error:
        ...     print(error.verdict)
        truncated
    """

    exit_code = EXIT_INCOMPLETE

    def __init__(self, path: str, verdict: str, problem: str) -> None:
        super().__init__(path, verdict, problem)
        self.path, self.verdict, self.problem = path, verdict, problem

    def __str__(self) -> str:
        """Say file, verdict and reason, and how to go on."""
        return f"{self.path}: {self.verdict}: {self.problem}{advice(self.verdict, self.problem)}"


class NothingToAnalyse(CdnlogError):  # noqa: N818 - named as the others are
    """Not one line was counted, and the caller asked for data to be there."""

    exit_code = EXIT_NOTHING

    def __str__(self) -> str:
        """Say what was looked for and why that ends the run."""
        return "nothing to analyse: not one line was counted; check the paths and filters, or drop --require-data"


PARTLY = "what is there is not the whole result"
"""What is said of an output that could not be taken back."""


class OutputError(CdnlogError):
    """A result that could not be written where it was asked for.

    Attributes:
        where: The place, safe to print.
        problem: One clause that says what was seen.
        advice: What to do, or whether something half-written may be there.
    """

    exit_code = EXIT_OUTPUT

    def __init__(self, where: str, problem: str, advice: str = "nothing was left there half-written") -> None:
        super().__init__(where, problem)
        self.where, self.problem, self.advice = where, problem, advice

    def __str__(self) -> str:
        """Say where, why, and what to do or what is there now."""
        return f"cannot write {self.where}: {self.problem}; {self.advice}"


class StoreError(OutputError):
    """A store that is damaged, or that could not be written; what it held before, it holds still.

    Attributes:
        where: The store, safe to print.
        problem: One clause that says what was seen.
        advice: What to do.

    Example:
        >>> import cdnlog
        >>> str(cdnlog.StoreError("history.db", "disk is full", "make room"))
        'store history.db: disk is full; make room'
    """

    def __init__(self, where: str, problem: str, advice: str = "") -> None:
        super().__init__(where, problem, advice or "what it held before, it holds still: mend this and run again")

    def __str__(self) -> str:
        """Say which store, what was seen, and what to do."""
        return f"store {self.where}: {self.problem}; {self.advice}"


class StoreBusy(CdnlogError):  # noqa: N818 - named as the others are
    """Another run has the store.

    Attributes:
        where: The store, safe to print.

    Example:
        >>> import cdnlog
        >>> str(cdnlog.StoreBusy("history.db"))
        'store history.db: another run has it; nothing was done, try again when that one is through'
    """

    exit_code = EXIT_BUSY

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where

    def __str__(self) -> str:
        """Say which store, and that nothing was done."""
        return f"store {self.where}: another run has it; nothing was done, try again when that one is through"


class AccountingError(CdnlogError):
    """The law of line accounting does not hold: a bug of ours, never a property of the input."""

    exit_code = EXIT_BUG

    def __init__(self, path: str, sums: str) -> None:
        super().__init__(path, sums)
        self.path, self.sums = path, sums

    def __str__(self) -> str:
        """Show the sum that does not add up."""
        return f"{self.path}: lines do not add up: {self.sums}"
