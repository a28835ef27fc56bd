"""The shapes of the declarative data under `schemas/`: what a TOML file there may and must say.

These structs are the schema: `msgspec` checks each file against them when it is read, and
`schemas/*.schema.json` is generated from them for editors and for CI (`tests/test_data.py` keeps both equal).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Owner = Literal["client", "cdn-config", "origin", "cdn-platform", "attacker", "unknown"]
Stage = Literal["dns", "tcp", "tls", "cert", "request", "response", "policy", "capacity", "client"]
Cause = Literal[
    "origin-refused", "origin-timeout", "origin-overload", "origin-error", "origin-bad-response", "origin-dns",
    "origin-unreachable", "origin-tls", "origin-certificate", "origin-certificate-name", "origin-denied",
    "origin-moved", "content-removed", "slow-origin-abort", "range-beyond-file",
    "hotlink-protection", "user-agent-list", "ip-list", "access-rule", "url-signature", "rate-limit",
    "rate-limit-shared-ip", "redirect-loop", "cache-buster", "storage-rate-limit", "negative-cache",
    "host-not-configured", "edge-code", "quota",
    "client-abort", "client-timeout", "last-mile", "client-release", "broken-link", "url-too-long", "body-too-large",
    "scanner", "abusive-client", "flood-ban",
    "platform-fault", "platform-overload",
]  # fmt: skip
NoCause = Literal["undetermined", "background"]

Line = Annotated[str, Meta(min_length=1, pattern=r"^[^\n]*$")]
Lines = Annotated[tuple[Line, ...], Meta(min_length=1)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class Declared(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all declared data: frozen, and a key that no schema knows is an error."""


Lang = Literal["en", "ko"]
LANGS: tuple[Lang, ...] = ("en", "ko")
"""The languages of every text a person reads."""


class Localized(Declared, frozen=True):
    """One text per language; ours have all of them, a user's own data may be in English alone."""

    en: Line
    ko: Line | None = None

    def of(self, lang: Lang) -> str:
        """Return the text in one language, in English if it lacks it."""
        return self.ko if lang == "ko" and self.ko is not None else self.en


class LocalizedList(Declared, frozen=True):
    """A list of sentences per language, the same ones in the same order."""

    en: Lines
    ko: Lines | None = None

    def of(self, lang: Lang) -> tuple[str, ...]:
        """Return the sentences in one language, in English if they lack it."""
        return self.ko if lang == "ko" and self.ko is not None else self.en


class Regions(Declared, frozen=True):
    """Names of a vendor's region and carrier numbers: `schemas/regions/<provider>.toml`."""

    schema: Literal["cdnlog.regions/1"]
    provider: Name
    source: Line
    as_of: Day
    region: dict[str, Line]
    isp: dict[str, Line]


class Entry(Declared, frozen=True, kw_only=True):
    """What there is to say of a status: of one code, of one error word of a vendor, or of a class of codes.

    Attributes:
        owner: Who most probably has to act.
        stage: The step at which the request ended.
        causes: What can be behind it, most likely first; none for a status that tells of nothing wrong.
        checks: What tells the causes apart.
        fix: What to do, first things first.
        avoid: Tempting first moves that cost.
        limits: Documented numbers.
        note: Where this entry differs from what the vendor publishes.
        source: Where this entry's facts stand, if not in the table's source.
    """

    name: Localized
    meaning: Localized
    owner: Owner
    stage: Stage
    causes: tuple[Cause, ...]
    checks: LocalizedList
    fix: LocalizedList
    avoid: LocalizedList | None = None
    limits: dict[str, float | int] = msgspec.field(default_factory=dict)
    note: Localized | None = None
    source: Line | None = None
    as_of: Day | None = None


class ClassEntry(Entry, frozen=True, kw_only=True):
    """What to say of a code that no table knows, by its class."""

    class_: Literal["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"] = msgspec.field(name="class")


class Classes(Declared, frozen=True):
    """The answers by class: `schemas/codes/classes.toml`."""

    schema: Literal["cdnlog.classes/1"]
    source: Line
    as_of: Day
    class_: Annotated[tuple[ClassEntry, ...], Meta(min_length=7)] = msgspec.field(name="class")


class Code(Entry, frozen=True, kw_only=True):
    """What one status code means at one provider."""

    code: Annotated[int, Meta(ge=0, le=999)]


class Word(Entry, frozen=True, kw_only=True):
    """What one of a vendor's own error words means; it says more than the status beside it.

    Attributes:
        word: As the log column `edge_detail` has it.
    """

    word: Line


class Codes(Declared, frozen=True):
    """The status codes of one provider: `schemas/codes/<provider>.toml`."""

    schema: Literal["cdnlog.codes/1"]
    provider: Name
    title: Line
    source: Line
    as_of: Day
    code: Annotated[tuple[Code, ...], Meta(min_length=1)]
    word: tuple[Word, ...] = ()


class CauseEntry(Declared, frozen=True):
    """One cause of the vocabulary: what it is and what to do about it.

    Attributes:
        owner: Who has to act.
        title: The cause in a few words.
        explanation: What happens, and how the log shows it.
        fix: What to do, first things first.
        avoid: Tempting first moves that cost.
    """

    owner: Owner
    title: Localized
    explanation: Localized
    fix: LocalizedList
    avoid: LocalizedList | None = None


class Causes(Declared, frozen=True):
    """The vocabulary of causes: `schemas/causes.toml`."""

    schema: Literal["cdnlog.causes/1"]
    source: Line
    as_of: Day
    cause: dict[Cause | NoCause, CauseEntry]


class Phrases(Declared, frozen=True):
    """The product's own words and sentences: `schemas/phrases.toml`; `{name}` is where a fact goes."""

    schema: Literal["cdnlog.phrases/1"]
    phrase: dict[str, Localized]


class Rules(Declared, frozen=True):
    """What a family of evidence rules decides by, and what it states: `schemas/rules/<family>.toml`.

    Attributes:
        threshold: Numbers by rule and name; shares are 0 to 1, times in seconds.
        phrase: Sentences by rule and verdict.
    """

    schema: Literal["cdnlog.rules/1"]
    threshold: dict[str, float] = msgspec.field(default_factory=dict)
    phrase: dict[str, Localized] = msgspec.field(default_factory=dict)


class ColumnEntry(Declared, frozen=True):
    """One canonical column of the frames.

    Attributes:
        type: How frames hold it.
        unit: Its unit, empty where there is none.
        description: What it is, in a sentence.
        example: A value.
        otel: The OpenTelemetry attribute that means the same, empty where there is none.
        ecs: The field of the Elastic Common Schema, empty where there is none.
        personal: Whether it is personal data.
    """

    type: Literal["timestamp", "integer", "status", "text", "category"]
    unit: str
    description: Line
    example: str
    otel: str
    ecs: str
    personal: bool


class Columns(Declared, frozen=True):
    """The canonical columns: `schemas/columns.toml`."""

    schema: Literal["cdnlog.columns/1"]
    column: dict[str, ColumnEntry]
