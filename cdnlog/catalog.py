"""Finds, reads and checks the declarative data: log formats, code tables, region names.

Ours lie in `schemas/` of a checkout, or in `cdnlog/_schemas` of an installed package (a zip too). A user's own
folder (`--schemas DIR`, or `CDNLOG_SCHEMAS`) has the same layout; a file there replaces ours of the same name.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec

from cdnlog import faults, serverformats
from cdnlog.declared import ClassEntry, Classes, Code, Codes, ColumnEntry, Columns, Regions
from cdnlog.errors import SchemaError, UnknownNameError
from cdnlog.formats import AnyFormat, LogFormat
from cdnlog.text import visible

T = TypeVar("T")
ENVIRONMENT = "CDNLOG_SCHEMAS"
DEFAULT_PROVIDER = "tencent-cdn"


@cache
def data_root() -> Traversable:
    """Return the folder of our own data, wherever the package is installed.

    Raises:
        SchemaError: The installation lacks its data.
    """
    package = files("cdnlog")
    installed = package / "_schemas"
    if installed.is_dir():
        return installed
    if isinstance(package, Path):
        checkout = package.parent
        # Without pyproject.toml beside it, a "schemas" folder there is some other package's.
        if (checkout / "pyproject.toml").is_file() and (checkout / "schemas").is_dir():
            return checkout / "schemas"
    raise SchemaError(str(package), "the installation lacks its data folder; install cdnlog anew")


@dataclass(frozen=True)
class Answer:
    """What a table says of a status code, and which table: "provider" or "class".

    Attributes:
        provider: The provider that was asked for.
        code: The status code, 0 to 999.
        entry: Its entry; of a class entry the text speaks of the class.
        source: Where the entry's facts stand.
        as_of: Date of that source.
    """

    provider: str
    code: int
    answered_by: str
    entry: Code | ClassEntry
    source: str
    as_of: str


@dataclass(frozen=True)
class Catalog:
    """The data in force: ours, with the user's own folder laid over it."""

    overlay: Path | None = None

    def formats(self) -> dict[str, LogFormat]:
        """Return every log format by name."""
        found: dict[str, LogFormat] = {}
        for folder in self._folders("formats"):
            for file in folder.iterdir():
                name = file.name.removesuffix(".toml")
                if file.name.endswith(".toml") and name not in found and file.is_file():
                    found[name] = _format(file)
        return dict(sorted(found.items()))

    def format(self, name: str) -> LogFormat:
        """Return one log format, by its name, an alias of it, or what a server's configuration says ("nginx:...").

        Raises:
            UnknownNameError: There is none of that name.
            SchemaError: Its file is faulty.
            UsageError: The server's format string is.
        """
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
        data = (data_root() / "columns.toml").read_bytes()
        return _decode(data, "columns.toml", Columns).column

    def explain(self, provider: str, code: int) -> Answer:
        """Look a code up: in the provider's table, else by its class. Always answers for 0 to 999."""
        table = self.codes(provider)
        for entry in table.code:
            if entry.code == code:
                source, as_of = entry.source or table.source, entry.as_of or table.as_of
                return Answer(provider, code, "provider", entry, source, as_of)
        classes = self._read("codes", "classes", Classes, "table")
        by_class: dict[str, ClassEntry] = {entry.class_: entry for entry in classes.class_}
        return Answer(provider, code, "class", by_class[class_of(code)], classes.source, classes.as_of)

    def _folders(self, kind: str) -> Iterator[Traversable]:
        own = self.overlay or (Path(os.environ[ENVIRONMENT]) if os.environ.get(ENVIRONMENT) else None)
        if own is not None and not own.is_dir():
            raise SchemaError(visible(own), "no such folder")
        for root in (own, data_root()):
            if root is not None and (folder := root / kind).is_dir():
                yield folder

    def _names(self, kind: str) -> list[str]:
        found = {f.name for folder in self._folders(kind) for f in folder.iterdir() if f.is_file()}
        return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))

    def _read(self, kind: str, name: str, shape: type[T], what: str) -> T:
        for folder in self._folders(kind):
            file = folder / f"{name}.toml"
            if name in self._names(kind) and file.is_file():
                return _decode(file.read_bytes(), str(file), shape)
        names = self.providers() if kind == "codes" else self._names(kind)
        raise UnknownNameError(what, visible(name), names)


def _format(file: Traversable) -> LogFormat:
    """Return a format that says what only the rest of the data can tell to be right."""
    return _checked(file.read_bytes(), str(file), file.name.removesuffix(".toml"))


@lru_cache(maxsize=256)
def _checked(data: bytes, where: str, name: str) -> LogFormat:
    found: LogFormat = _decode(data, where, AnyFormat)  # type: ignore[arg-type]  # a union of types
    if found.name != name:
        raise _fault(where, faults.line_of(data, "name"), f"the name is '{found.name}'; it must be that of the file")
    known = _decode((data_root() / "columns.toml").read_bytes(), "columns.toml", Columns).column
    for i, field in enumerate(found.fields):
        if field.column is not None and field.column not in known:
            problem = f"there is no column '{field.column}'; {faults.nearest(field.column, known)}"
            raise _fault(where, faults.line_of(data, "fields", i, "column"), problem)
    return found


def _fault(where: str, line: int | None, problem: str) -> SchemaError:
    return SchemaError(visible(f"{where}:{line}" if line else where), visible(problem))


def _decode(data: bytes, where: str, shape: type[T]) -> T:
    decoded: T = _decoded(data, where, shape)  # type: ignore[arg-type]  # a class is hashable
    return decoded


@lru_cache(maxsize=256)
def _decoded(data: bytes, where: str, shape: Hashable) -> Any:  # noqa: ANN401 - typed by `_decode`
    try:
        return msgspec.toml.decode(data, type=cast("type[Any]", shape))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # ValidationError is a DecodeError
        raise _fault(where, *faults.located(error, data, shape)) from error


def class_of(code: int) -> str:
    """Return the class a status belongs to: "none" for 0, "1xx" to "5xx", "other" above."""
    if code == 0:
        return "none"
    return f"{code // 100}xx" if 100 <= code < 600 else "other"  # noqa: PLR2004 - RFC 9110, section 15
