"""Where the parts of addresses and request lines stand in a column of them: slices of slices, nothing is copied."""

from __future__ import annotations

import numpy as np

from cdnlog.buffer import Bools, Buffer, Ints
from cdnlog.parse.split import Slice

_LONGEST_SCHEME, _LONGEST_METHOD = 12, 32
_SLASH = ord("/")
_HTTP = np.uint64(int.from_bytes(b"http/", "little"))
_FIVE_BYTES, _LOWER = np.uint64(2**40 - 1), np.uint64(0x2020202020)


def part(start: Ints, end: Ints) -> Slice:
    """Return slices by their ends; one that would end before it starts is empty."""
    return start, np.maximum(end - start, 0)


def path_and_query(buffer: Buffer, start: Ints, length: Ints) -> tuple[Slice, Slice]:
    """Split at the first question mark."""
    end = start + length
    mark = buffer.next(b"?", start, end)
    return part(start, mark), part(np.minimum(mark + 1, end), end)


def host_and_rest(buffer: Buffer, start: Ints, length: Ints, *, host_first: bool = False) -> tuple[Slice, Slice]:
    """Split an address into its host, which may be absent, and what follows it.

    Without a scheme, what begins with a slash is a path, unless hosts come first ("/www.example.com/path"), and what
    does not is a host with or without a path.
    """
    end = start + length
    scheme = buffer.next(b"://", start, np.minimum(end, start + _LONGEST_SCHEME))
    rooted = (buffer.bytes[start] == _SLASH) & (length > 0)
    absolute = (scheme < np.minimum(end, start + _LONGEST_SCHEME)) & ~rooted
    begin = np.where(absolute, scheme + 3, start)
    if host_first:
        begin += rooted
    stop = np.minimum(buffer.next(b"/", begin, end), buffer.next(b"?", begin, end))
    if not host_first:
        stop = np.where(rooted, begin, stop)
    return part(begin, stop), part(stop, end)


def request(buffer: Buffer, start: Ints, length: Ints) -> tuple[Slice, Slice, Slice]:
    """Split request lines into method, target and protocol; of a line that is none all is target.

    The protocol may be missing ("GET http://host/path"), and blanks may be in the target: it ends where the last
    word, if that is "HTTP/...", begins.
    """
    end = start + length
    first = buffer.next(b" ", start, end)
    last = buffer.last(b" ", start, end)
    http = (last > first) & (((buffer.words[np.maximum(last, 0) + 1] | _LOWER) & _FIVE_BYTES) == _HTTP)
    good = _letter(buffer, start) & _letter(buffer, np.maximum(first - 1, 0))
    good &= (first < end) & (first - start <= _LONGEST_METHOD)
    method = part(start, np.where(good, first, start))
    stop = np.where(http & good, last, end)
    target = part(np.where(good, first + 1, start), stop)
    return method, target, part(np.minimum(stop + 1, end), end)


def _letter(buffer: Buffer, at: Ints) -> Bools:
    letter: Bools = ((buffer.bytes[at] | np.uint8(0x20)) - np.uint8(ord("a"))) < 26  # noqa: PLR2004 - letters
    return letter


def picked(buffer: Buffer, start: Ints, length: Ints, which: str) -> Slice:
    """Return the first or the last part of each list, "a, b" or "a : b", without blanks around it."""
    end = start + length
    if which == "first":
        end = np.minimum(buffer.next(b",", start, end), buffer.next(b" : ", start, end))
    else:
        start = np.maximum(
            buffer.last(b",", start, end) + 1,
            np.where((last := buffer.last(b" : ", start, end)) >= start, last + 3, start),
        )
    for _ in range(2):
        start = start + ((buffer.bytes[start] == ord(" ")) & (start < end))
        end = end - ((buffer.bytes[end - 1] == ord(" ")) & (start < end))
    return part(start, end)


def port_after(buffer: Buffer, start: Ints, length: Ints) -> tuple[Slice, Slice]:
    """Split "address:port"; an IPv6 address with a port has brackets, one without has none."""
    end = start + length
    colon = buffer.last(b":", start, end)
    close = buffer.last(b"]", start, end)
    several = buffer.next(b":", start, end) < colon
    has_port = (colon > start) & (~several | (close == colon - 1))
    stop = np.where(has_port, colon, end)
    return part(start, stop), part(np.where(has_port, colon + 1, end), end)
