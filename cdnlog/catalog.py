"""Finds, reads and checks the declarative data: log formats, code tables, region names.

Ours lie in `schemas/` of a checkout, or in `cdnlog/_schemas` of an installed package (a zip too). A user's own
folder (`--schemas DIR`, or `CDNLOG_SCHEMAS`) has the same layout; a file there replaces ours of the same name.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache, lru_cache
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec
import tomli  # the parser of `tomllib`, compiled: three times as fast

from cdnlog import faults
from cdnlog.answers import Answer, Comparison
from cdnlog.declared import (
    LANGS,
    CauseEntry,
    Causes,
    Classes,
    Codes,
    ColumnEntry,
    Columns,
    Entry,
    Lang,
    Localized,
    Phrases,
    Regions,
    Rules,
    Word,
)
from cdnlog.errors import SchemaError, UnknownNameError, UsageError
from cdnlog.overlay import NOTHING, packed
from cdnlog.text import visible

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from cdnlog.formats import LogFormat

T = TypeVar("T")
ENVIRONMENT = "CDNLOG_SCHEMAS"
DEFAULT_PROVIDER = "tencent-cdn"
STANDARD = "standard"
_DIGITS = 3
_KINDS = ("formats", "codes", "regions", "rules")  # what an overlay may hold
_DECODING = Lock()
_DATES = (date, datetime, time)  # what TOML has besides the types of JSON


@cache
def data_root() -> Traversable:
    """Return the folder of our own data, wherever the package is installed.

    Raises:
        SchemaError: The installation lacks its data.
    """
    package = _package()
    installed = package / "_schemas"
    if installed.is_dir():
        return installed
    if isinstance(package, Path):
        checkout = package.parent
        # Without pyproject.toml beside it, a "schemas" folder there is some other package's.
        if (checkout / "pyproject.toml").is_file() and (checkout / "schemas").is_dir():
            return checkout / "schemas"
    raise SchemaError(str(package), "the installation lacks its data folder; install cdnlog anew")


def _package() -> Traversable:
    folder = Path(__file__).parent
    if folder.is_dir():
        return folder
    from importlib.resources import files  # noqa: PLC0415 - takes 5 ms, and only a package in a zip needs it

    return files("cdnlog")


@dataclass(frozen=True)
class Catalog:
    """The data in force: ours, with the user's own folder laid over it."""

    overlay: Traversable | None = None

    def packed(self) -> Catalog:
        """Return the same data with the user's own folder, should there be one, in memory."""
        own = next((root for root in self._roots() if root == self.own), None)
        return Catalog(NOTHING if own is None else packed(own, _KINDS))

    def formats(self) -> dict[str, LogFormat]:
        """Return every log format by name."""
        found: dict[str, LogFormat] = {}
        for root in self._roots():
            folder = root / "formats"
            found = (_own_formats() if root == data_root() else _formats_in(folder)) | found
        return dict(sorted(found.items()))

    def format(self, name: str) -> LogFormat:
        """Return one log format, by its name, an alias of it, or what a server's configuration says ("nginx:...").

        Raises:
            UnknownNameError: There is none of that name.
            SchemaError: Its file is faulty.
            UsageError: The server's format string is.
        """
        if ":" in name:
            from cdnlog import serverformats  # noqa: PLC0415 - takes 10 ms, and is rarely asked

            if name.startswith(serverformats.PREFIXES):
                return serverformats.compiled(name)
        for folder in self._folders("formats"):
            if name in self._names("formats") and (file := folder / f"{name}.toml").is_file():
                return _format(file)
        formats = self.formats()
        known = [alias for fmt in formats.values() for alias in fmt.aliases]
        for fmt in formats.values():
            if name in fmt.aliases:
                return fmt
        raise UnknownNameError("format", visible(name), [*formats, *known])

    def providers(self) -> list[str]:
        """Return the names of the code tables."""
        return [name for name in self._names("codes") if name != "classes"]

    def codes(self, provider: str) -> Codes:
        """Return one provider's code table; raises as `format` does."""
        if provider == "classes":
            raise UnknownNameError("provider", provider, self.providers())
        return self._read("codes", provider, Codes, "provider")

    def regions(self, provider: str) -> Regions:
        """Return one provider's names of regions and carriers; raises as `format` does."""
        return self._read("regions", provider, Regions, "region table")

    def columns(self) -> dict[str, ColumnEntry]:
        """Return the canonical columns, in the order frames have them."""
        return _columns()

    def explain(self, provider: str, code: int, word: str | None = None) -> Answer:
        """Look a code up; always answers for 0 to 999.

        Asked in this order: the vendor's error word, the provider's code, the standard code, the class. A provider
        whose table has not been written yet is answered by the standard.
        """
        tables = [table for table in dict.fromkeys((provider, STANDARD)) if table in self.providers()]
        if provider not in tables and provider not in self._vendors():
            raise UnknownNameError("provider", visible(provider), self.providers())
        if word is not None and provider in tables and (found := self.word(provider, word)):
            return _answer(self.codes(provider), found, provider, code, "edge-word", word)
        for name in tables:
            table = self.codes(name)
            for entry in table.code:
                if entry.code == code:
                    by = STANDARD if name == STANDARD and provider != STANDARD else "provider"
                    return _answer(table, entry, provider, code, by)
        classes = self._read("codes", "classes", Classes, "table")
        general = next(entry for entry in classes.class_ if entry.class_ == class_of(code))
        return _answer(classes, general, provider, code, "class")

    def asked(self, provider: str, text: str) -> Answer:
        """Look up what a person typed: a code, or one of the vendor's error words.

        Raises:
            UnknownNameError: It is neither; the nearest words are told.
            UsageError: It is a number, but no status.
        """
        table = self.codes(provider)
        found = self.word(provider, text)
        if found is not None:
            return _answer(table, found, provider, None, "edge-word", found.word)
        if text.isdigit() and len(text) <= _DIGITS:
            return self.explain(provider, status_code(text))
        owners = [name for name in self.providers() if self.word(name, text)]
        if owners:
            raise UsageError(f"'{visible(text)}' is a word of {' and '.join(owners)}; ask with --provider {owners[0]}")
        if text.lstrip("-").isdigit() or not table.word:
            return self.explain(provider, status_code(text))
        raise UnknownNameError(f"code or word of {provider}", visible(text), [entry.word for entry in table.word])

    def compared(self, text: str) -> Comparison:
        """Look the same up at every provider; those that have no entry of their own are left out."""
        words = {entry.word for name in self.providers() for entry in self.codes(name).word}
        answers = []
        for provider in self.providers():
            with suppress(UsageError):
                answers.append(self.asked(provider, text))
        own = tuple(answer for answer in answers if answer.answered_by in ("provider", "edge-word"))
        if not answers:
            if text.lstrip("-").isdigit():
                status_code(text)
            raise UnknownNameError("code or word", visible(text), words)
        return Comparison(text, own or (self.asked(STANDARD, text),))

    def word(self, provider: str, word: str) -> Word | None:
        """Return the entry of a vendor's error word in upper or lower case; what follows a bar is only its detail."""
        words = {entry.word.lower(): entry for entry in self.codes(provider).word}
        return words.get(word.lower()) or words.get(word.lower().split("|")[0])

    def causes(self) -> Mapping[str, CauseEntry]:
        """Return every cause by its name."""
        return cast(
            "Mapping[str, CauseEntry]", decode((data_root() / "causes.toml").read_bytes(), "causes.toml", Causes).cause
        )

    def cause(self, name: str) -> CauseEntry:
        """Return one cause.

        Raises:
            UnknownNameError: There is none of that name.
        """
        causes = self.causes()
        if name not in causes:
            raise UnknownNameError("cause", visible(name), causes)
        return causes[name]

    def thresholds(self) -> Mapping[str, float]:
        """Return the numbers that the diagnosis decides by, the user's own over ours.

        Raises:
            UnknownNameError: A user's own file has a name that no rule knows.
        """
        numbers: dict[str, float] = {}
        for folder in reversed(list(self._folders("rules"))):
            own = {name: n for rules in _all_rules(folder) for name, n in rules.threshold.items()}
            for name in own.keys() - numbers.keys() if numbers else ():
                raise UnknownNameError("threshold", visible(name), numbers)
            numbers |= own
        return numbers

    def _vendors(self) -> set[str]:
        """Return the providers that formats name, with a code table or not."""
        return {fmt.provider for fmt in self.formats().values()}

    @property
    def own(self) -> Traversable | None:
        """The user's own folder, None without one."""
        if self.overlay is None and os.environ.get(ENVIRONMENT):
            return Path(os.environ[ENVIRONMENT])
        return self.overlay

    def _roots(self) -> Iterator[Traversable]:
        own = self.own
        if own is not None and not own.is_dir():
            raise SchemaError(visible(str(own)), "no such folder")
        if own is not None:
            yield own
        yield data_root()

    def _folders(self, kind: str) -> Iterator[Traversable]:
        return (folder for root in self._roots() if (folder := root / kind).is_dir())

    def _names(self, kind: str) -> list[str]:
        found = {f.name for folder in self._folders(kind) for f in folder.iterdir() if f.is_file()}
        return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))

    def _read(self, kind: str, name: str, shape: type[T], what: str) -> T:
        for folder in self._folders(kind):
            file = folder / f"{name}.toml"
            if name in self._names(kind) and file.is_file():
                return decode(file.read_bytes(), str(file), shape)
        names = self.providers() if kind == "codes" else self._names(kind)
        raise UnknownNameError(what, visible(name), names)


@cache
def _columns() -> dict[str, ColumnEntry]:
    return decode((data_root() / "columns.toml").read_bytes(), "columns.toml", Columns).column


@cache
def phrases() -> Mapping[str, Localized]:
    """Return the product's own words and sentences by key: headings, labels, what the rules state."""
    found = {**_common_phrases()}
    for rules in _all_rules(data_root() / "rules"):
        found |= rules.phrase
    return found


@cache
def _common_phrases() -> Mapping[str, Localized]:
    """Return those that every report needs; the rules' own are in files of their own, which take longer to read."""
    return decode((data_root() / "phrases.toml").read_bytes(), "phrases.toml", Phrases).phrase


def say(lang: Lang, key: str, **facts: object) -> str:
    """Return one of the product's own sentences with its facts filled in."""
    phrase = _common_phrases().get(key) or phrases()[key]
    return phrase.of(lang).format(**facts)


def _all_rules(folder: Traversable) -> list[Rules]:
    files = (file for file in folder.iterdir() if file.is_file() and file.name.endswith(".toml"))
    return [_rules(file) for file in sorted(files, key=lambda file: file.name)]


def _rules(file: Traversable) -> Rules:
    rules = decode(file.read_bytes(), str(file), Rules)
    for name, number in rules.threshold.items():
        if not isfinite(number):
            raise SchemaError(visible(str(file)), visible(f"the threshold '{name}' is {number}; it must be a number"))
    return rules


def _answer(  # noqa: PLR0913, PLR0917 - the parts of an answer
    table: Codes | Classes, entry: Entry, provider: str, code: int | None, by: str, word: str | None = None
) -> Answer:
    return Answer(provider, code, by, entry, entry.source or table.source, entry.as_of or table.as_of, word)


@cache
def _own_formats() -> dict[str, LogFormat]:
    """Return our own formats: these do not change while a program runs."""
    return _formats_in(data_root() / "formats")


def _formats_in(folder: Traversable) -> dict[str, LogFormat]:
    files = (file for file in folder.iterdir() if file.name.endswith(".toml")) if folder.is_dir() else ()
    return {file.name.removesuffix(".toml"): _format(file) for file in files if file.is_file()}


def _format(file: Traversable) -> LogFormat:
    """Return a format that says what only the rest of the data can tell to be right."""
    return _checked(file.read_bytes(), str(file), file.name.removesuffix(".toml"))


@lru_cache(maxsize=256)
def _checked(data: bytes, where: str, name: str) -> LogFormat:
    from cdnlog.formats import AnyFormat  # noqa: PLC0415 - takes 5 ms, which code tables do without

    found: LogFormat = decode(data, where, AnyFormat)  # type: ignore[arg-type]  # a union of types
    if found.name != name:
        raise _fault(where, faults.line_of(data, "name"), f"the name is '{found.name}'; it must be that of the file")
    known = _columns()
    for i, field in enumerate(found.fields):
        if field.column is not None and field.column not in known:
            problem = f"there is no column '{field.column}'; {faults.nearest(field.column, known)}"
            raise _fault(where, faults.line_of(data, "fields", i, "column"), problem)
    return found


def _fault(where: str, line: int | None, problem: str) -> SchemaError:
    return SchemaError(visible(f"{where}:{line}" if line else where), visible(problem))


def decode(data: bytes, where: str, shape: type[T]) -> T:
    """Return a TOML file as what it should be.

    Raises:
        SchemaError: It is not; the message names line and key.
    """
    decoded: T = _decoded(data, where, shape)  # type: ignore[arg-type]  # a class is hashable
    return decoded


@lru_cache(maxsize=256)
def _decoded(data: bytes, where: str, shape: Hashable) -> Any:  # noqa: ANN401 - typed by `decode`
    try:
        with _DECODING:  # msgspec prepares a type on first use, and crashes where two threads do so at once
            return msgspec.convert(tomli.loads(data.decode()), cast("type[Any]", shape), builtin_types=_DATES)
    except (msgspec.ValidationError, tomli.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _fault(where, *faults.located(error, data, shape)) from error


def language(name: str) -> Lang:
    """Return a language that all texts are written in.

    Raises:
        UnknownNameError: They are not.
    """
    for lang in LANGS:
        if name == lang:
            return lang
    raise UnknownNameError("language", visible(str(name)), LANGS)


def status_code(text: str) -> int:
    """Return a status code as it is typed.

    Raises:
        UsageError: It has more than three digits, or is none at all.
    """
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)
    raise UsageError(f"'{visible(text)}' is no status code; one has three digits, or is 0 where no status was sent")


def class_of(code: int) -> str:
    """Return the class a status belongs to: "none" for 0, "1xx" to "5xx", "other" above."""
    if code == 0:
        return "none"
    return f"{code // 100}xx" if 100 <= code < 600 else "other"  # noqa: PLR2004 - RFC 9110, section 15
