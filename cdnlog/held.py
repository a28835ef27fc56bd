"""What a store holds, as `cdnlog history` tells it."""

from __future__ import annotations

from dataclasses import dataclass

from cdnlog.counts import Aged


@dataclass(frozen=True, slots=True)
class HeldDomain:
    """What a store holds of one domain.

    Attributes:
        domain: The domain.
        begins: Begin of its first window, ISO 8601 with offset.
        ends: End of its last one.
        days: Days with data.
        requests: Requests in all.
        errors: Requests with status 0, or 400 and above.
        bytes: Bytes sent to clients.
    """

    domain: str
    begins: str
    ends: str
    days: int
    requests: int
    errors: int
    bytes: int


@dataclass(frozen=True, slots=True)
class HeldFile:
    """What a store knows of one file.

    Attributes:
        path: Its path, safe to print.
        state: "counted", "replaced" (what counts has its lines), "duplicate", "covered", "refused", "damaged".
        verdict: How its reading ended.
        night: Number of the night that it came in.
        sha256: Of its decompressed content, None if it could not be read whole.
        length: Bytes of the content.
        lines: Its lines.
        counted: Those that count.
        rejected: Those that were rejected.
        begins: Begin of its data, ISO 8601 with offset, None without any.
        ends: Its end.
        grain: Seconds of the finest windows that are kept of it, 0 if none are.
        problem: What was seen, empty if nothing was wrong.
    """

    path: str
    state: str
    verdict: str
    night: int
    sha256: str | None
    length: int
    lines: int
    counted: int
    rejected: int
    begins: str | None
    ends: str | None
    grain: int
    problem: str


@dataclass(frozen=True)
class Holdings:
    """What a store holds.

    Attributes:
        path: The store, safe to print.
        size: Its size in bytes.
        version: Of its tables.
        zone: Zone that its hours and days are aligned to.
        nights: Nights that were told.
        anonymized: Whether all nights were: no finding that is kept names a client.
        aged: What is kept less finely than it was counted, or no longer.
        files: All files, by path.
        domains: All domains, by name.
    """

    path: str
    size: int
    version: int
    zone: str
    nights: int
    anonymized: bool
    aged: tuple[Aged, ...]
    files: tuple[HeldFile, ...]
    domains: tuple[HeldDomain, ...]
