"""Writes sample_logs/: a night of CDN logs as the vendor delivers them, with known faults.

    python tests/make_samples.py [OUT_DIR] [--seed N]

The same seed gives the same bytes. `INCIDENTS` is the truth, for tests and for the README table.
"""

from __future__ import annotations

import argparse
import gzip
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from sample_incidents import INCIDENTS, Incident, plant
from sample_traffic import API, DAY, HOURS, IMG, VIDEO, WWW, Request, ordinary_traffic

OUT_DIR = Path(__file__).parent.parent / "sample_logs"
SEED = 3
Spoil = Callable[[bytes, Random], bytes]
Row = tuple[object, ...]

# One line of every kind goes into each of these files, between the good ones.
DAMAGED_FILES = ((WWW, 1), (IMG, 3), (API, 0), (VIDEO, 4), (WWW, 5))


def _swap(old: bytes, new: bytes) -> Spoil:
    return lambda line, _rng: line.replace(old, new, 1)


def _without_carrier(line: bytes, _rng: Random) -> bytes:
    fields = line.split(b" ")
    return b" ".join(fields[:6] + fields[7:])


def _text_status(line: bytes, _rng: Random) -> bytes:
    fields = line.split(b" ")
    return b" ".join([*fields[:7], b"2e2", *fields[8:]])


def _junk(_line: bytes, rng: Random) -> bytes:
    return rng.randbytes(90).replace(b"\n", b"\xff")


def _json(line: bytes, _rng: Random) -> bytes:
    return b'{"http_code":200,"host":"%s","hit":"hit"}' % line.split(b" ")[2]


DAMAGE: dict[str, Spoil] = {
    "cut off in the path": lambda line, _rng: line[: line.index(b"/") + 3],
    "status `2e2`": _text_status,
    "month 13": _swap(DAY.encode(), b"20261320"),
    "no carrier, so that later fields shift": _without_carrier,
    "a NUL byte in the path": _swap(b"/", b"/\0"),
    "agent and range not separated by quotes": _swap(b'" "', b" "),
    "a line of JSON": _json,
    "binary junk": _junk,
}
ODD_BUT_VALID: tuple[dict[str, Any], ...] = (
    {"agent": 'Mozilla/5.0 (X11; "Custom" build) Gecko/20100101'},
    {"agent": 'odd"one'},
    {"agent": "示例浏览器/3.1 (Android 15; 小米)"},
    {"agent": "Café/1.0 (naïve)"},
    {"referer": f"https://{WWW}/search?q=blue shoes"},
    {"referer": "https://forum.example/thread/7 (page 2)"},
)


def sample_night(seed: int = SEED) -> dict[str, list[Request]]:
    """Returns all valid requests of the night by domain, in order of time, incidents included."""
    traffic = ordinary_traffic(seed)
    plant(traffic, seed)
    make_odd(traffic[WWW], Random(f"{seed}/odd"))
    return traffic


def make_odd(requests: list[Request], rng: Random) -> None:
    """Gives a few requests fields that are unpleasant to read, but right."""
    places = rng.sample(range(len(requests)), len(ODD_BUT_VALID))
    for place, change in zip(places, ODD_BUT_VALID, strict=True):
        requests[place] = replace(requests[place], **change)


def add_damage(lines: list[bytes], rng: Random) -> list[bytes]:
    """Returns the lines with one spoilt line of every kind between them."""
    mixed = list(lines)
    for spoil in DAMAGE.values():
        mixed.insert(rng.randrange(len(mixed)), spoil(rng.choice(lines), rng))
    return mixed


def hourly_files(traffic: dict[str, list[Request]], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yields the name and the plain content of each file."""
    for domain, requests in traffic.items():
        for hour in HOURS:
            lines = [request.line().encode() for request in requests if request.at // 3600 == hour]
            if (domain, hour) in DAMAGED_FILES:
                lines = add_damage(lines, Random(f"{seed}/{domain}/{hour}"))
            yield file_name(domain, hour), b"".join(line + b"\n" for line in lines)


def file_name(domain: str, hour: int) -> str:
    """Returns the name the vendor gives to a domain's hour."""
    return f"{DAY}{hour:02}-{domain}.gz"


def pack(content: bytes) -> bytes:
    """Returns the content as gzip without name and time, so that equal content gives equal bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


README = """\
# Sample logs

Offline logs of Tencent CDN, 16 fields, as delivered: one gzip per domain and hour. Four domains, six hours of
2026-11-20, {lines:,} lines. The times in the lines carry no zone; they are +08:00. All of it is made up, with
addresses that are reserved for documentation and tests. The files and this page are written by

    python tests/make_samples.py --seed {seed}

and the same seed gives the same bytes. `tour.ipynb` is a walk through them in a notebook.

## What is planted

Times are +08:00, the end not included; what is *open* still goes on when the data end. *Failing* counts the
requests of the domain in that time with that code, *share* is their part of all its requests in that time.

{incidents}

Apart from that, on every domain and all night: about 0.3 % 404 (robots, a broken link), 0.2 % 499 (visitors
who press Stop), 0.15 % 301 or 302. That is no incident.

## Damaged lines

{damaged} lines are spoilt on purpose, and no reader should count them: one of each kind

{kinds}

in each of

{files}

Odd but valid are {odd} lines of {www}: a double quote or letters beyond ASCII in the agent, a space in the
referer.
"""


def table(head: Row, rows: list[Row]) -> str:
    """Returns a Markdown table."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (head, ("---",) * len(head), *rows))


def describe(incident: Incident, requests: list[Request]) -> Row:
    """Returns an incident's row of the README, counted from the requests themselves."""
    failing, total = incident.failures(requests), incident.total(requests)
    when = (incident.start, f"{incident.end}, open" if incident.active else incident.end)
    truth = f"`{incident.cause}`: {incident.truth}"
    return incident.domain, incident.code, *when, failing, f"{failing / total:.1%}", incident.looks, truth


def bullets(points: Iterable[str]) -> str:
    """Returns a Markdown list."""
    return "\n".join(f"- {point}" for point in points)


def readme(traffic: dict[str, list[Request]], seed: int) -> str:
    """Returns the README that belongs to the files."""
    damaged = len(DAMAGE) * len(DAMAGED_FILES)
    head = ("domain", "code", "from", "to", "failing", "share", "what the log shows", "the true cause")
    return README.format(
        lines=sum(map(len, traffic.values())) + damaged,
        seed=seed,
        incidents=table(head, [describe(incident, traffic[incident.domain]) for incident in INCIDENTS]),
        damaged=damaged,
        kinds=bullets(DAMAGE),
        files=bullets(f"`{file_name(*place)}`" for place in DAMAGED_FILES),
        odd=len(ODD_BUT_VALID),
        www=WWW,
    )


def write(folder: Path, seed: int) -> int:
    """Writes the files and the README; returns the bytes of all gzip files."""
    folder.mkdir(parents=True, exist_ok=True)
    traffic = sample_night(seed)
    written = 0
    for name, content in hourly_files(traffic, seed):
        written += (folder / name).write_bytes(pack(content))
    (folder / "README.md").write_text(readme(traffic, seed), encoding="utf-8", newline="\n")
    return written


def main() -> None:
    """Reads the command line and writes the samples."""
    parser = argparse.ArgumentParser(description="Write sample CDN logs with known faults.")
    parser.add_argument("out_dir", nargs="?", type=Path, default=OUT_DIR, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    options = parser.parse_args()
    print(f"{options.out_dir}: {write(options.out_dir, options.seed):,} bytes of gzip")


if __name__ == "__main__":
    main()
