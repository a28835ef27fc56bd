"""A file behind HTTP: one streamed answer, taken up by range where it broke off; raw bytes, whatever their encoding."""

from __future__ import annotations

import hashlib
from typing import Any

from cdnlog.source.resumed import Opened
from cdnlog.source.trouble import Replaced, Unsupported

_PARTIAL = 206
_TELLABLE = ("", "identity", "gzip", "x-gzip", "zstd")  # told by content
_CONNECT, _SILENCE = 30, 60  # seconds


class Page:
    """A file behind HTTP.

    Args:
        fs: The file system of fsspec.
        url: Where it is.
        size: Its bytes, None if the server did not say.
        tag: Its ETag, "" if it has none.
    """

    def __init__(self, fs: Any, url: str, size: int | None, tag: str) -> None:  # noqa: ANN401 - fsspec has no types
        self._fs, self._url, self._size, self._tag = fs, url, size, tag
        self._seen: tuple[str, str] | None = None
        self._hash = hashlib.sha256()
        self._done = 0
        self.encoding = ""

    @property
    def size(self) -> None:
        """Its answer says when it ends."""

    @staticmethod
    def timeouts() -> dict[str, Any]:
        """Return the limits of waiting: none for all of a file, which may be large, but for each step."""
        import aiohttp  # noqa: PLC0415 - of the extra

        return {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_SILENCE)}

    def opened(self, at: int) -> Opened:
        """Ask for it from a byte on; where the server knows no ranges, read up to there and compare."""
        headers = {"Accept-Encoding": "identity"}
        if at:
            headers["Range"] = f"bytes={at}-"
        file = self._fs.open(self._url, block_size=0, size=1, headers=headers)  # a size: no further request for it
        try:
            self._look_at(file.r, at)
            if at and file.r.status != _PARTIAL:
                self._skip(file, at)
        except BaseException:
            file.close()
            raise
        return _Stream(file, self)

    def check(self) -> None:
        """Make sure that no byte is missing where the answer did not say how many there are."""
        if self._size is not None and not self.encoding and self._done < self._size:
            raise EOFError

    def note(self, data: bytes) -> None:
        """Remember what was read."""
        self._hash.update(data)
        self._done += len(data)

    def _look_at(self, answer: Any, at: int) -> None:  # noqa: ANN401 - of aiohttp
        begins = answer.headers.get("Content-Range", "")
        if answer.status == _PARTIAL and not begins.startswith(f"bytes {at}-"):
            raise Unsupported("the server answers with another range than was asked for; download the file")
        self.encoding = answer.headers.get("Content-Encoding", "").strip().lower().removeprefix("identity")
        if self.encoding not in _TELLABLE:
            raise Unsupported(f"the server sends it encoded as {self.encoding[:20]!r} unasked; download the file")
        seen = (answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))
        if self._seen not in (None, seen):
            raise Replaced
        self._seen = seen

    def _skip(self, file: Any, size: int) -> None:  # noqa: ANN401 - of fsspec
        again = hashlib.sha256()
        while size and (data := file.read(size)):
            again.update(data)
            size -= len(data)
        if size:
            raise EOFError
        if again.digest() != self._hash.digest():
            raise Replaced


class _Stream:
    """The answer; what came before a break is handed on first."""

    def __init__(self, file: Any, page: Page) -> None:  # noqa: ANN401 - of fsspec
        self._file, self._page = file, page
        self._error: Exception | None = None

    def read(self, size: int, /) -> bytes:
        parts: list[bytes] = []
        while size and self._error is None:
            try:
                data = self._file.read(size)
            except Exception as error:  # noqa: BLE001 - told when what came before it is gone
                self._error = error
                break
            if not data:
                break
            parts.append(data)
            size -= len(data)
        if not parts and self._error is not None:
            raise self._error
        whole = b"".join(parts)
        self._page.note(whole)
        return whole

    def close(self) -> None:
        self._file.close()
