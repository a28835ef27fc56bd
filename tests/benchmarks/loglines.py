"""The lines of the benchmark's logs: seeded, 200 domains with skew, one hour of November 2026 per file.

The fields of Tencent lines are drawn anew for each line. Of the other formats some ten thousand lines are made and
drawn from with the time of the moment, which is five times as fast to write and the same work to read.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

TIME = "\0"
"""Stands in a template where the time goes."""
CHUNK = 20_000
TEMPLATES = 40_000
DOMAINS = tuple(f"{['www', 'img', 'api', 'dl'][i % 4]}{i}.site-{i // 4}.example.com" for i in range(200))
WEIGHTS = tuple(1 / (i + 1) ** 0.9 for i in range(200))
STATUSES = (200, 206, 304, 301, 302, 403, 404, 416, 499, 502, 504, 514, 0)
STATUS_WEIGHTS = (820, 60, 60, 5, 5, 6, 20, 1, 8, 4, 5, 4, 2)
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 14; SM-S921N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile",
    "okhttp/4.12.0",
    "curl/8.5.0",
)
REGIONS = (22, 1050, 4, 120, 1442, 1068, -1, 2)
ISPS = (2, 26, 1046, -1)


def tencent(rng: random.Random, hour: int, count: int) -> Iterator[list[str]]:
    """Yield chunks of lines of Tencent CDN's offline log."""
    for done in range(0, count, CHUNK):
        part = min(CHUNK, count - done)
        yield _tencent(rng, hour, rng.choices(DOMAINS, WEIGHTS, k=part))


def tencent_domains(rng: random.Random, hour: int, count: int) -> Iterator[list[str]]:
    """Yield chunks of Tencent lines of which each has a domain of its own."""
    order = list(range(count))
    rng.shuffle(order)
    for done in range(0, count, CHUNK):
        yield _tencent(rng, hour, [f"shop-{i}.example.com" for i in order[done : done + CHUNK]])


def _tencent(rng: random.Random, hour: int, hosts: Sequence[str]) -> list[str]:
    count = len(hosts)
    statuses = rng.choices(STATUSES, STATUS_WEIGHTS, k=count)
    agents = rng.choices(AGENTS, k=count)
    regions, isps = rng.choices(REGIONS, k=count), rng.choices(ISPS, k=count)
    seconds = sorted(rng.choices(range(3600), k=count))
    bits = rng.getrandbits
    return [
        f"20261121{hour:02d}{s // 60:02d}{s % 60:02d} {bits(7) + 1}.{bits(8)}.{bits(8)}.{bits(8)} {host} "
        f"/assets/{bits(9):03x}/page-{bits(12)}.html?v={bits(10)} {bits(18)} {region} {isp} {status} "
        f'{"NULL" if bits(1) else "https://" + host + "/index"} {bits(9)} "{agent}" "(null)" GET HTTPS '
        f"{'miss' if bits(3) == 0 else 'hit'} {1024 + bits(15)}"
        for s, host, status, agent, region, isp in zip(seconds, hosts, statuses, agents, regions, isps, strict=True)
    ]


@dataclass(frozen=True)
class Request:
    """What one request is about, in no format yet."""

    host: str
    status: int
    agent: str
    client: str
    path: str
    query: str
    referer: str
    size: int
    ms: int
    port: int
    hit: bool


def _request(rng: random.Random, statuses: Sequence[int]) -> Request:
    bits = rng.getrandbits
    host = rng.choices(DOMAINS, WEIGHTS)[0]
    return Request(
        host=host,
        status=rng.choices(statuses, STATUS_WEIGHTS)[0],
        agent=rng.choice(AGENTS),
        client=f"{bits(7) + 1}.{bits(8)}.{bits(8)}.{bits(8)}",
        path=f"/assets/{bits(9):03x}/page-{bits(12)}.html",
        query=f"v={bits(10)}",
        referer=f"https://{host}/index" if bits(1) else "",
        size=bits(18),
        ms=bits(9),
        port=1024 + bits(15),
        hit=bits(3) != 0,
    )


def _drawn(
    statuses: Sequence[int],
    template: Callable[[random.Random, Request], str],
    stamp: Callable[[int, int, int], str],
    header: Sequence[str] = (),
) -> Callable[[random.Random, int, int], Iterator[list[str]]]:
    """Return a function that yields chunks of lines, in the order of time, of templates drawn at random."""

    def lines(rng: random.Random, hour: int, count: int) -> Iterator[list[str]]:
        templates = [template(rng, _request(rng, statuses)) for _ in range(min(TEMPLATES, count))]
        stamps = [stamp(hour, s // 60, s % 60) for s in range(3600)]
        if header:
            yield list(header)
        for done in range(0, count, CHUNK):
            part = min(CHUNK, count - done)
            span = range(3600 * done // count, 3600 * (done + part) // count)
            seconds = sorted(rng.choices(span, k=part))
            chosen = rng.choices(templates, k=part)
            yield [text.replace(TIME, stamps[s]) for text, s in zip(chosen, seconds, strict=True)]

    return lines


def _combined(_rng: random.Random, asked: Request) -> str:
    return (
        f'{asked.client} - - [{TIME} +0800] "GET {asked.path}?{asked.query} HTTP/1.1" {asked.status} {asked.size} '
        f'"{asked.referer or "-"}" "{asked.agent}"'
    )


combined = _drawn(
    (200, 206, 304, 301, 302, 403, 404, 416, 499, 502, 504, 500, 503),
    _combined,
    lambda hour, minute, second: f"21/Nov/2026:{hour:02d}:{minute:02d}:{second:02d}",
)

CLOUDFRONT_FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
    "cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken "
    "x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
    "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
    "sc-range-start sc-range-end"
)


def _cloudfront(rng: random.Random, asked: Request) -> str:
    result = "Error" if asked.status >= 400 else "Hit" if asked.hit else "Miss"
    return "\t".join((
        TIME, rng.choice(("ICN54-C1", "NRT12-P3", "FRA2-C1", "LAX1")), str(asked.size), asked.client, "GET",
        "d111111abcdef8.cloudfront.net", asked.path, f"{asked.status:03d}", asked.referer or "-", quote(asked.agent),
        asked.query, "-", result, f"{rng.getrandbits(320):054x}==", asked.host, "https", str(200 + asked.ms),
        f"{asked.ms / 1000:.3f}", "-", "TLSv1.3", "TLS_AES_128_GCM_SHA256", result, "HTTP/2.0", "-", "-",
        str(asked.port), f"{asked.ms / 1100:.3f}", result, "text/html", str(asked.size), "-", "-",
    ))  # fmt: skip


cloudfront = _drawn(
    (200, 206, 304, 301, 302, 403, 404, 416, 400, 502, 504, 503, 0),
    _cloudfront,
    lambda hour, minute, second: f"2026-11-21\t{hour:02d}:{minute:02d}:{second:02d}",
    ("#Version: 1.0", f"#Fields: {CLOUDFRONT_FIELDS}"),
)


def _cloudflare(rng: random.Random, asked: Request) -> str:
    hit, bits = asked.hit, rng.getrandbits
    origin = 0 if hit else asked.status
    return json.dumps(
        {
            "CacheCacheStatus": "hit" if hit else "miss",
            "CacheResponseBytes": asked.size,
            "CacheResponseStatus": asked.status,
            "CacheTieredFill": False,
            "ClientASN": rng.choice((4766, 9318, 3786, 24961, 13335)),
            "ClientCountry": rng.choice(("kr", "jp", "us", "de")),
            "ClientDeviceType": "desktop",
            "ClientIP": asked.client,
            "ClientIPClass": "noRecord",
            "ClientRequestBytes": 200 + asked.ms,
            "ClientRequestHost": asked.host,
            "ClientRequestMethod": "GET",
            "ClientRequestPath": asked.path,
            "ClientRequestProtocol": "HTTP/2",
            "ClientRequestReferer": asked.referer,
            "ClientRequestScheme": "https",
            "ClientRequestSource": "eyeball",
            "ClientRequestURI": f"{asked.path}?{asked.query}",
            "ClientRequestUserAgent": asked.agent,
            "ClientSSLCipher": "AEAD-AES128-GCM-SHA256",
            "ClientSSLProtocol": "TLSv1.3",
            "ClientSrcPort": asked.port,
            "EdgeColoCode": rng.choice(("ICN", "NRT", "FRA", "LAX")),
            "EdgeColoID": bits(9),
            "EdgeEndTimestamp": TIME,
            "EdgePathingOp": "wl",
            "EdgePathingSrc": "macro",
            "EdgePathingStatus": "nr",
            "EdgeRequestHost": asked.host,
            "EdgeResponseBodyBytes": max(asked.size - 300, 0),
            "EdgeResponseBytes": asked.size,
            "EdgeResponseCompressionRatio": 1,
            "EdgeResponseContentType": "text/html",
            "EdgeResponseStatus": asked.status,
            "EdgeServerIP": "" if hit else f"172.68.{bits(8)}.{bits(8)}",
            "EdgeStartTimestamp": TIME,
            "EdgeTimeToFirstByteMs": asked.ms,
            "OriginIP": "" if hit else f"203.0.113.{bits(8)}",
            "OriginResponseBytes": 0 if hit else asked.size,
            "OriginResponseDurationMs": 0 if hit else asked.ms,
            "OriginResponseStatus": origin,
            "RayID": f"{bits(64):016x}",
            "SecurityAction": "",
            "WorkerSubrequest": False,
            "ZoneName": asked.host.split(".", 1)[1],
        },
        separators=(",", ":"),
    ).replace(json.dumps(TIME)[1:-1], TIME)


cloudflare = _drawn(
    (200, 206, 304, 301, 302, 403, 404, 416, 499, 502, 504, 522, 524),
    _cloudflare,
    lambda hour, minute, second: f"2026-11-21T{hour:02d}:{minute:02d}:{second:02d}Z",
)
