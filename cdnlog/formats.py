"""The shape of a log format under `schemas/formats/`: what its TOML file may and must say.

One file per format and no program: its kind says how a line is taken apart, its fields what the pieces are.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from cdnlog.declared import Day, Declared, Line, Name

FieldType = Literal[
    "time", "date", "clock", "address", "address-port", "domain", "path", "url", "request", "text", "word",
    "integer", "duration", "code", "status", "cache", "cache-status",
]  # fmt: skip
CacheClass = Literal[
    "hit", "miss", "stale", "expired", "revalidated", "updating", "partial", "bypass", "dynamic", "error", "none"
]  # fmt: skip
Layouts = str | Annotated[tuple[str, ...], Meta(min_length=1)]
Keys = (
    Annotated[str, Meta(min_length=1)] | Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
)
Separator = Annotated[str, Meta(pattern=r'^[^"\r\n]{1,8}$')]
Decoding = Literal["percent", "plus", "backslash", "doubled"]
Escape = Literal["none", "backslash", "doubled"]


class Field(Declared, frozen=True, kw_only=True):
    """One field of a log line and the column it fills; where it stands is told by the kinds below.

    Attributes:
        column: Canonical column it fills; without one the field is passed over. A "path" fills `path` and `query`, a
            "url" the `domain` too, a "request" `method`, `path`, `query` and `protocol`, an "address-port"
            `client_port` and a "cache-status" `status` as well. Several durations of one column are added up;
            a "date" and a "clock" make one time.
        type: How it is read and what makes it invalid (`parse/fields.py`).
        format: For times: "YYYYMMDDhhmmss", "clf", "iso", "epoch" (s, ms, us or ns by its length) or a pattern of
            strptime such as "%m/%d/%Y %I:%M:%S %p"; of several the first that fits.
        unit: For durations without a unit of their own: theirs.
        names: For type "code": table of `schemas/regions/<regions>.toml` that names the numbers.
        decode: How the writer has wrapped the text, undone once.
        pick: Which part of a list ("a, b") counts.
        nulls: What stands for a missing value here, besides those of the format.
        required: A line without it is rejected; where it says much, that tells the format from others.
        url: For type "request": its target is a whole address, whose host is the domain.
        host_first: For type "url": a host stands before the path ("/www.example.com/path").
    """

    column: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    type: FieldType = "text"
    format: Layouts = ()
    unit: Literal["s", "ms", "us", "ns"] | None = None
    names: Literal["region", "isp"] | None = None
    decode: tuple[Decoding, ...] = ()
    pick: Literal["first", "last"] | None = None
    nulls: tuple[str, ...] = ()
    required: bool = False
    url: bool = False
    host_first: bool = False

    def __post_init__(self) -> None:
        """Refuse what no type of value could tell: keys that do not go together.

        Raises:
            ValueError: They do not.
        """
        if self.type in _TIMES and not self.format:
            raise ValueError(f"a field of type '{self.type}' needs a `format`")
        if self.type == "duration" and self.unit is None:
            raise ValueError("a field of type 'duration' needs a `unit`: s, ms, us or ns")
        if (self.type == "code") != (self.names is not None):
            raise ValueError("`names` goes with the type 'code', and only with it")
        for layout in self.layouts:
            if layout not in LAYOUTS and "%" not in layout:
                raise ValueError(
                    f"no time is written like '{layout}'; there are {', '.join(LAYOUTS)} and patterns with %"
                )
            if layout not in LAYOUTS and (odd := set(re.findall(r"%(.?)", layout)) - set(DIRECTIVES)):
                raise ValueError(f"'{layout}' has %{min(odd)}, which is none of %{' %'.join(DIRECTIVES)}")

    @property
    def layouts(self) -> tuple[str, ...]:
        """The layouts of a time, in the order they are tried."""
        return (self.format,) if isinstance(self.format, str) else self.format

    @property
    def columns(self) -> tuple[str, ...]:
        """The canonical columns the field can fill."""
        if self.column is None:
            return ()
        return tuple(dict.fromkeys((self.column, *_ALSO.get(self.type, ()), *(("domain",) if self.url else ()))))


_TIMES = ("time", "date", "clock")
_ALSO = {
    "path": ("path", "query"),
    "url": ("domain", "path", "query"),
    "request": ("method", "path", "query", "protocol"),
    "address-port": ("client_port",),
    "cache-status": ("status",),
}
DIRECTIVES = "YymdebBHIMSpfzZaATDFR%"
"""What a pattern of a time may hold behind "%", as in strptime."""
LAYOUTS = ("YYYYMMDDhhmmss", "clf", "iso", "epoch")
"""Layouts of times that have a name; others are patterns."""


class Cut(Field, frozen=True, kw_only=True):
    """A field between separators, in the order of the line.

    Attributes:
        quoted: The field stands between double quotes; "maybe": it may.
        brackets: The field stands between square brackets; of the separators only as many as its `format` has may be
            within.
        free: The field may itself hold separators or quotes, unescaped.
        optional: The field may be absent; only at the end of the line.
    """

    quoted: bool | Literal["maybe"] = False
    brackets: bool = False
    free: bool = False
    optional: bool = False


class Keyed(Field, frozen=True, kw_only=True):
    """A field with a name: in the header of the file, in the JSON object, or in the pattern.

    Attributes:
        key: Its name, or several, of which the first that is there counts. In JSON a dot leads into an object, a number
            is a place in a list, and a dot of the name itself is written with a backslash before it.
    """

    key: Keys

    @property
    def keys(self) -> tuple[str, ...]:
        """The names, in the order they are tried."""
        return (self.key,) if isinstance(self.key, str) else self.key


class Sample(Declared, frozen=True, kw_only=True):
    """A line that proves the format: parsed to `expect`, or rejected for the reason `reject`.

    Attributes:
        header: The header above it, for the kind "w3c".
    """

    line: Line
    header: Line | None = None
    source: Line
    expect: dict[str, Any] | None = None
    reject: str | None = None


class LogFormat(Declared, frozen=True, kw_only=True):
    """A log format: `schemas/formats/<name>.toml`. Its kind says how a line is taken apart.

    Attributes:
        name: Its name, also the name of the file.
        provider: Code table that goes with it.
        aliases: Other names users may know it by.
        beats: Formats that it is chosen before when both explain a file equally well.
        comment: What a comment line begins with; empty if no line is a comment.
        nulls: What stands for a missing value, besides nothing at all.
        zone: Time zone of its times where the line has none, as "+08:00" or an IANA name.
        domain: Domain of all lines, if the lines name none.
        file_domain: Pattern of file names whose group `domain` is the domain, if the lines name none.
        cache: The vendor's cache words and the classes they mean; `*` stands for anything in a word.
    """

    schema: Literal["cdnlog.format/1"]
    name: Name
    title: Line
    provider: Name
    source: Line
    as_of: Day
    fields: tuple[Field, ...]
    samples: Annotated[tuple[Sample, ...], Meta(min_length=3)]
    aliases: tuple[Name, ...] = ()
    beats: tuple[Name, ...] = ()
    comment: str = "#"
    nulls: tuple[str, ...] = ()
    zone: str | None = None
    zone_note: Line | None = None
    domain: Line | None = None
    file_domain: str | None = None
    regions: Name | None = None
    cache: dict[str, CacheClass] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse formats that could give no row.

        Raises:
            ValueError: A column is missing, or is filled twice.
        """
        filled = [(column, field.type) for field in self.fields for column in field.columns]
        columns = [column for column, _ in filled]
        for needed in ("time", "status"):
            if needed not in columns:
                raise ValueError(f"no field fills the column '{needed}', which every row needs")
        for column in dict.fromkeys(columns):
            types = sorted(kind for name, kind in filled if name == column)
            if len(types) > 1 and types != ["clock", "date"] and set(types) != {"duration"}:
                raise ValueError(f"{len(types)} fields fill the column '{column}'")
        if self.zone is not None and not _is_zone(self.zone):
            raise ValueError(f"unknown time zone '{self.zone}'; write an offset such as +08:00 or a name such as UTC")
        if self.file_domain is not None and "domain" not in _groups(self.file_domain):
            raise ValueError("`file_domain` has no group (?P<domain>...)")
        if self.regions is None and any(field.names for field in self.fields):
            raise ValueError("fields of type 'code' need the format's `regions`")


def _is_zone(name: str) -> bool:
    if re.fullmatch(r"[+-]([01]\d|2[0-3]):(00|15|30|45)", name):
        return True
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _groups(pattern: str) -> dict[str, int]:
    """Return the named groups of a pattern.

    Raises:
        ValueError: It is none.
    """
    try:
        return dict(re.compile(pattern).groupindex)
    except re.error as error:
        raise ValueError(f"the pattern is faulty: {error}") from error


class Delimited(LogFormat, frozen=True, kw_only=True, tag_field="kind", tag="delimited"):
    """Fields in a fixed order between separators.

    Attributes:
        separator: What stands between two fields.
        repeated: Several separators in a row are one.
        escape: How a quote within a quoted field is written: backslash (and then other escapes of C are undone too),
            doubled, or as it is.
        tail: Further fields, as many as there are, may follow and are passed over.
        syslog: What a syslog puts before a line may stand there, and is passed over.
    """

    fields: Annotated[tuple[Cut, ...], Meta(min_length=3)]
    separator: Separator = " "
    repeated: bool = False
    escape: Escape = "none"
    tail: bool = False
    syslog: bool = False

    def __post_init__(self) -> None:
        """Refuse, besides what no format may be, optional fields before others."""
        super().__post_init__()
        optional = [field.optional for field in self.fields]
        if optional != sorted(optional):
            raise ValueError("an optional field may only be followed by optional ones")
        if any(field.quoted and field.brackets for field in self.fields):
            raise ValueError("a field stands in quotes or in brackets, not in both")


class W3c(LogFormat, frozen=True, kw_only=True, tag_field="kind", tag="w3c"):
    """Fields in the order that the file's own `#Fields:` header names, which may return with other fields.

    Attributes:
        separator: What stands between two fields; without one TAB if the first line has one, else a space.
        quoted: Whether fields may stand between double quotes.
        tail: Lines may have more fields than the header.
        signature: Names of which a header must have all, for the format to be tried at all.
        header: What stands above the samples that bring no header of their own.
    """

    fields: Annotated[tuple[Keyed, ...], Meta(min_length=3)]
    separator: Separator | None = None
    quoted: bool = False
    tail: bool = False
    signature: tuple[str, ...] = ()
    header: Line | None = None


class JsonLines(LogFormat, frozen=True, kw_only=True, tag_field="kind", tag="jsonl"):
    """One JSON object per line; what a syslog puts before it is passed over.

    Attributes:
        signature: Keys of which an object must have all, to be of the format.
    """

    fields: Annotated[tuple[Keyed, ...], Meta(min_length=3)]
    signature: tuple[str, ...] = ()


class Pattern(LogFormat, frozen=True, kw_only=True, tag_field="kind", tag="regex"):
    """One regular expression for the line, for what no other kind can say; RE2, so that no line takes long.

    Attributes:
        pattern: The expression, for the whole line; blanks and line ends in it count. Its named groups are the fields.
        syslog: What a syslog puts before a line may stand there, and is passed over.
    """

    fields: Annotated[tuple[Keyed, ...], Meta(min_length=3)]
    pattern: Annotated[str, Meta(min_length=1)]
    syslog: bool = False

    def __post_init__(self) -> None:
        """Refuse, besides what no format may be, fields without their group."""
        super().__post_init__()
        groups = _groups(self.pattern)
        for field in self.fields:
            if not set(field.keys) <= groups.keys():
                raise ValueError(f"the pattern has no group (?P<{field.keys[0]}>...); it has {', '.join(groups)}")


AnyFormat = Delimited | W3c | JsonLines | Pattern
"""What the file of a format may hold, told apart by its `kind`."""
