"""Lines made to be slow to read, and how the time grows with their length."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import cdnlog

_TIME = b"20261120000000"
_CLF = b'203.0.113.7 - - [20/Nov/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 10 "-" "'
_JSON = b'{"EdgeStartTimestamp":"2026-11-20T00:00:00Z","EdgeResponseStatus":200,"ClientRequestHost":"a.example","x":'
LENGTHS = tuple(1 << n for n in range(12, 21))
"""Bytes of a line, up to 1 MiB."""
TOTAL = 8 << 20
QUICK = 250e6
"""Bytes a second: so fast lines are passed over, not looked into, and a step between two ways to do so is no growth."""
ROUNDS, ENOUGH = 15, 4
"""Readings of each length, in turn so that a noisy moment hits all alike; fewer if they take so many seconds."""


@dataclass(frozen=True)
class Slow:
    """Lines of one kind.

    Attributes:
        format: The format that they are read as.
        line: Makes a line of about so many bytes.
    """

    format: str
    line: Callable[[int], bytes]


def _filled(before: bytes, unit: bytes, after: bytes = b"") -> Callable[[int], bytes]:
    return lambda size: before + unit * max((size - len(before) - len(after)) // len(unit), 1) + after


_SEEN = b'203.0.113.7 - - [20/Nov/2026:00:00:00 +0000] "GET /?'
_WORDS = b"#Fields: date time sc-status x"
_NOTHING = b"\n-\t-\t-\t-\n"


def _headers(size: int) -> bytes:
    return b"".join(_WORDS + b"%d" % number + _NOTHING for number in range(max(size // 40, 1)))


SLOW = {
    "an open quote, then a's": Slow("combined", _filled(b'h 1.2.3.4 - - [x] "', b"a")),
    "quotes and statuses in turn": Slow("combined", _filled(b'1.2.3.4 - - [x] "', b'" 200 1 "', b"!")),
    "an agent of digits": Slow("combined", _filled(_CLF, b"1", b'x"')),
    "an agent of escapes": Slow("combined", _filled(_CLF, b"\\", b'"')),
    "a path of percents": Slow("combined", _filled(_SEEN, b"%2", b' HTTP/1.1" 200 1 "-" "a"')),
    "nothing but spaces": Slow("tencent-cdn", _filled(_TIME, b" ", b"x")),
    "nothing but quotes": Slow("tencent-cdn", _filled(_TIME, b'"')),
    "quotes between spaces": Slow("tencent-cdn", _filled(_TIME, b' "')),
    "a domain of dots": Slow(
        "tencent-cdn", _filled(_TIME + b" 203.0.113.7 ", b"a.", b" / 1 1 1 200 - 1 a a GET HTTP hit 1")
    ),
    "a syslog's words before a line": Slow("nginx-main", _filled(b"<134>1 2026-11-20T00:00:00Z ", b"a ")),
    "brackets": Slow("cloudflare", _filled(b"", b"[")),
    "objects within objects": Slow("cloudflare", _filled(b"", b'{"a":')),
    "lists beside lists": Slow("cloudflare", _filled(_JSON + b"[", b"[],", b"0]}")),
    "escapes that are none": Slow("cloudflare", _filled(_JSON + b'"', b"\\x", b'"}')),
    "commas and dashes": Slow("cloudflare", _filled(_JSON + b"[", b"-,", b"]}")),
    "headers of one word more": Slow("cloudfront-v1", _filled(_WORDS, b" x", _NOTHING)),
    "another header for each line": Slow("cloudfront-v1", _headers),
}
"""By name."""


def seconds(slow: Slow) -> list[float]:
    """Return the processor's time for a line of each of the `LENGTHS`: the best reading of `TOTAL` bytes of such."""
    best, spent = [float("inf")] * len(LENGTHS), 0.0
    for _ in range(ROUNDS):
        for i, length in enumerate(LENGTHS):
            line = slow.line(length) + b"\n"
            data = line * max(TOTAL // len(line), 1)
            begin = time.process_time()
            cdnlog.count(io.BytesIO(data), format=slow.format, max_rejects=1, jobs=1)
            took = time.process_time() - begin
            best[i], spent = min(best[i], took * len(line) / len(data)), spent + took
        if spent > ENOUGH:
            break
    return best


def steepest(times: list[float]) -> float:
    """Return the largest ratio of a line's time to that of one half as long, of those that are not read at `QUICK`."""
    pairs = zip(itertools.pairwise(times), LENGTHS[1:], strict=True)
    return max((after / before for (before, after), length in pairs if length / after < QUICK), default=0)
