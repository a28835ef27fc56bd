"""Places for logs that are not on this machine, on loopback: an S3 endpoint, and an HTTP server that misbehaves."""

from __future__ import annotations

import gzip
import logging
import os
import re
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

SAMPLES = Path(__file__).parent.parent / "sample_logs"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDOFATEST", "AWS_SECRET_ACCESS_KEY": "hush-hush", "AWS_DEFAULT_REGION": "us-east-1"}


def made_logs(folder: Path, files: int) -> None:
    """Write the sample logs in so many small gz files, by hour and domain, as a CDN delivers them."""
    whole = [gzip.decompress(path.read_bytes()).splitlines(keepends=True) for path in sorted(SAMPLES.glob("*.gz"))]
    names = [path.name.removesuffix(".gz") for path in sorted(SAMPLES.glob("*.gz"))]
    for number in range(files):
        which, part = number % len(whole), number // len(whole)
        parts = -(-(files - which) // len(whole))
        lines = whole[which][part::parts]
        hour, _, domain = names[which].partition("-")
        path = folder / hour[:8] / hour[8:] / f"{domain}-{part:03d}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"".join(lines), mtime=0))


@dataclass
class Bucket:
    """A bucket of an S3 endpoint on loopback."""

    name: str
    endpoint: str

    def environment(self, **more: str) -> dict[str, str]:
        """Return what tells the driver where and who."""
        return {**os.environ, **KEYS, "AWS_ENDPOINT_URL_S3": self.endpoint, "AWS_EC2_METADATA_DISABLED": "true", **more}

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        self._ask("PUT", key, data)

    def remove(self, key: str) -> None:
        """Remove an object."""
        self._ask("DELETE", key)

    def fill(self, folder: Path, prefix: str) -> None:
        """Write all files of a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def _ask(self, method: str, key: str, data: bytes | None = None) -> None:
        _ask(f"{self.endpoint}/{self.name}/{key}", method, data)


@contextmanager
def s3() -> Iterator[Bucket]:
    """Start an S3 endpoint with an empty bucket."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        bucket = Bucket("logs", f"http://{host}:{port}")
        bucket._ask("PUT", "")
        yield bucket
    finally:
        server.stop()


def only_known_keys(bucket: Bucket, *, enforced: bool) -> None:
    """Let the endpoint refuse keys that it does not know: all of them."""
    calls = b"0" if enforced else b"inf"
    _ask(f"{bucket.endpoint}/moto-api/reset-auth", "POST", calls)


def _ask(url: str, method: str, data: bytes | None) -> None:
    key = f"AWS4-HMAC-SHA256 Credential={KEYS['AWS_ACCESS_KEY_ID']}/20261120/us-east-1/s3/aws4_request"
    headers = {"Content-Type": "application/octet-stream", "Authorization": f"{key}, SignedHeaders=host, Signature=0"}
    with urlopen(Request(url, data, headers, method=method), timeout=20):
        pass


@dataclass
class Page:
    """What the HTTP server has under a path.

    Attributes:
        data: The bytes.
        ranges: Whether it answers a range with that range.
        cuts: After how many bytes each of the first answers breaks off.
        status: What it answers instead.
        headers: More headers.
        length: Whether it says how long its answer is.
        replaced: What is there from the second answer on.
        asked: The ranges that were asked for, "" for all.
    """

    data: bytes = b""
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: bool = True
    replaced: bytes | None = None
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, pages: Mapping[str, Page], *rest: Any) -> None:  # noqa: ANN401 - of the base class
        self.pages = pages
        super().__init__(*rest)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        page = self.pages.get(self.path.partition("?")[0], Page(status=404))
        asked = self.headers.get("Range", "")
        if not head:
            page.asked.append(asked)
            if page.replaced is not None and len(page.asked) > 1:
                page.data = page.replaced
        found = re.fullmatch(r"bytes=(\d+)-", asked) if page.ranges else None
        start = int(found[1]) if found else 0
        self.send_response(206 if found and page.status == 200 else page.status)
        if found:
            self.send_header("Content-Range", f"bytes {start}-{len(page.data) - 1}/{len(page.data)}")
        for name, value in page.headers.items():
            self.send_header(name, value)
        if page.length:
            self.send_header("Content-Length", str(len(page.data) - start))
        self.end_headers()
        if not head:
            body = page.data[start:]
            self.wfile.write(body[: page.cuts.pop(0)] if page.cuts else body)


@contextmanager
def web(pages: Mapping[str, Page]) -> Iterator[str]:
    """Serve pages on loopback; give the address."""
    handler: Callable[..., BaseHTTPRequestHandler] = partial(_Handler, pages)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
