"""How the lines of the benchmark's formats look to a tool that knows no access logs."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.loglines import CLOUDFRONT_FIELDS


@dataclass(frozen=True)
class Layout:
    """Columns between separators; `time` (with `date`), `domain`, `status` and `bytes` are what the peers count by."""

    names: tuple[str, ...]
    separator: str
    quote: str
    skip: int = 0


_OWN = {"x-host-header": "domain", "sc-status": "status", "sc-bytes": "bytes"}
LAYOUTS = {
    "tencent": Layout(
        (
            "time", "client_ip", "domain", "path", "bytes", "region", "isp", "status", "referer", "ms", "agent",
            "range", "method", "protocol", "cache", "port",
        ),
        separator=" ",
        quote='"',
    ),
    "combined": Layout(
        ("client_ip", "ident", "user", "time", "zone", "request", "status", "bytes", "referer", "agent"),
        separator=" ",
        quote='"',
    ),
    "cloudfront": Layout(
        tuple(_OWN.get(name, name) for name in CLOUDFRONT_FIELDS.split()), separator="\t", quote="", skip=2
    ),
}  # fmt: skip
JSON_KEYS = {
    "time": "EdgeStartTimestamp",
    "domain": "ClientRequestHost",
    "status": "EdgeResponseStatus",
    "bytes": "EdgeResponseBytes",
}
"""The keys of "cloudflare", whose lines are JSON."""
NO_DOMAIN = "(none)"
"""What cdnlog writes for the domain of "combined", which names none."""
