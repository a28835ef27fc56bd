"""What the variables of nginx and the directives of Apache mean for a log format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cdnlog.formats import Field, FieldType


@dataclass(frozen=True)
class Meaning:
    """The column a variable fills and how it is read.

    Attributes:
        column: The column.
        type: As in a format's file.
        format: Of a time.
        unit: Of a duration.
        pick: Of a list.
        rank: Of several variables that fill a column the lowest is taken.
        spaces: What of blanks and the like a value may hold outside quotes.
        rooted: Its value begins with a slash.
    """

    column: str
    type: FieldType = "text"
    format: str = ""
    unit: Any = None
    pick: Any = None
    rank: int = 1
    spaces: str = ""
    rooted: bool = False

    @property
    def keys(self) -> dict[str, Any]:
        """The keys of its field in a format."""
        every = {"column": self.column, "type": self.type, "unit": self.unit, "pick": self.pick}
        return every | ({"format": self.format} if self.format else {})

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns its field fills."""
        return Field(**self.keys).columns

    @property
    def text(self) -> bool:
        """Whether a value may hold escapes."""
        return self.type in ("text", "path", "request")


_CLF = Meaning("time", "time", "clf", spaces=" ")

NGINX = {
    "time_local": _CLF,
    "time_iso8601": Meaning("time", "time", "iso", rank=0),
    "msec": Meaning("time", "time", "epoch", rank=0),
    "status": Meaning("status", "status"),
    "host": Meaning("domain", "domain", rank=0),
    "http_host": Meaning("domain", "domain"),
    "ssl_server_name": Meaning("domain", "domain", rank=2),
    "server_name": Meaning("domain", "domain", rank=3),
    "remote_addr": Meaning("client_ip"),
    "http_x_real_ip": Meaning("client_ip", rank=2),
    "http_x_forwarded_for": Meaning("client_ip", pick="first", rank=3, spaces=" ,"),
    "proxy_add_x_forwarded_for": Meaning("client_ip", pick="first", rank=3, spaces=" ,"),
    "remote_port": Meaning("client_port", "integer"),
    "request": Meaning("path", "request", rank=0, spaces=" "),
    "request_method": Meaning("method"),
    "request_uri": Meaning("path", "path", rooted=True),
    "uri": Meaning("path", rank=2, rooted=True),
    "document_uri": Meaning("path", rank=2, rooted=True),
    "args": Meaning("query", rank=3),
    "query_string": Meaning("query", rank=3),
    "server_protocol": Meaning("protocol"),
    "bytes_sent": Meaning("bytes", "integer", rank=0),
    "body_bytes_sent": Meaning("bytes", "integer"),
    "request_length": Meaning("request_bytes", "integer"),
    "request_time": Meaning("duration_ms", "duration", unit="s"),
    "upstream_response_time": Meaning("origin_ms", "duration", unit="s", pick="last", spaces=" ,"),
    "upstream_status": Meaning("origin_status", "status", pick="last", spaces=" ,"),
    "upstream_cache_status": Meaning("cache", "cache"),
    "http_referer": Meaning("referer"),
    "http_user_agent": Meaning("user_agent", spaces=" "),
    "http_range": Meaning("range"),
    "sent_http_content_type": Meaning("content_type", spaces=" "),
    "request_id": Meaning("request_id"),
    "hostname": Meaning("node"),
}
"""By the name of the variable, without its `$`."""

APACHE = {
    "t": _CLF,
    "s": Meaning("status", "status"),
    "a": Meaning("client_ip", rank=0),
    "h": Meaning("client_ip"),
    "{c}a": Meaning("client_ip", rank=2),
    "{x-forwarded-for}i": Meaning("client_ip", pick="first", rank=3, spaces=" ,"),
    "{remote}p": Meaning("client_port", "integer"),
    "{host}i": Meaning("domain", "domain", rank=0),
    "V": Meaning("domain", "domain"),
    "v": Meaning("domain", "domain", rank=2),
    "r": Meaning("path", "request", rank=0, spaces=" "),
    "m": Meaning("method"),
    "U": Meaning("path", rooted=True),
    "H": Meaning("protocol"),
    "O": Meaning("bytes", "integer", rank=0),
    "B": Meaning("bytes", "integer"),
    "b": Meaning("bytes", "integer"),
    "I": Meaning("request_bytes", "integer"),
    "D": Meaning("duration_ms", "duration", unit="us", rank=0),
    "{us}T": Meaning("duration_ms", "duration", unit="us", rank=0),
    "{ms}T": Meaning("duration_ms", "duration", unit="ms", rank=1),
    "T": Meaning("duration_ms", "duration", unit="s", rank=2),
    "{s}T": Meaning("duration_ms", "duration", unit="s", rank=2),
    "{referer}i": Meaning("referer"),
    "{user-agent}i": Meaning("user_agent", spaces=" "),
    "{range}i": Meaning("range"),
    "{content-type}o": Meaning("content_type", spaces=" "),
    "{unique_id}e": Meaning("request_id"),
    "L": Meaning("request_id", rank=2),
}
"""By the directive, without its `%` and modifiers; the argument in lower case."""


def apache_time(layout: str) -> Meaning | None:
    """Return what `%{layout}t` means: seconds and parts of them since 1970, or a pattern of strftime."""
    layout = layout.removeprefix("begin:").removeprefix("end:")
    if layout in ("sec", "msec", "usec"):
        return Meaning("time", "time", "epoch", rank=0)
    if layout.endswith("_frac") or "%" not in layout:
        return None
    return Meaning("time", "time", layout, spaces=" ")
