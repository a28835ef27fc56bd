"""Logs in object stores and behind HTTP, by fsspec: the only module that knows it, loaded when a path has a scheme."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Any

from cdnlog.errors import UsageError
from cdnlog.model import Verdict
from cdnlog.source import keys, resumed
from cdnlog.source.codecs import Reader
from cdnlog.source.encoded import decoded
from cdnlog.source.paths import Input
from cdnlog.source.trouble import Replaced, Trouble, told
from cdnlog.source.web import Page
from cdnlog.text import visible
from cdnlog.urls import masked, scheme_of

_SETTINGS = ("AWS_", "GOOGLE_", "AZURE_", "FSSPEC_", "STORAGE_", "BOTO_", "HOME")
_QUIET = ("fsspec", "s3fs", "gcsfs", "adlfs", "botocore", "aiobotocore", "aiohttp", "azure", "google", "asyncio")


@dataclass(frozen=True, slots=True)
class Driver:
    """What reads a scheme.

    Attributes:
        extra: Name of the extra that installs it.
        credentials: How it is given credentials.
        tries: Attempts that are made of reading on; drivers that try again themselves need few.
        lists: Whether objects can be listed.
        pins: Whether it reads an object only as it was when it was listed.
    """

    extra: str
    credentials: str
    tries: int = 2
    lists: bool = True
    pins: bool = False


_S3 = Driver(
    "s3",
    "is the key right (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, a role), and the endpoint "
    "(AWS_ENDPOINT_URL_S3)?",
    pins=True,
)
_GS = Driver("gs", "is the login right ('gcloud auth application-default login', GOOGLE_APPLICATION_CREDENTIALS)?")
_ABFS = Driver("abfs", "is the login right (AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or 'az login')?")
_HTTP = Driver("http", "is the signature still valid, or the login in ~/.netrc right?", tries=5, lists=False)
DRIVERS = {
    "s3": _S3, "s3a": _S3, "gs": _GS, "gcs": _GS, "abfs": _ABFS, "abfss": _ABFS, "az": _ABFS,
    "http": _HTTP, "https": _HTTP,
}  # fmt: skip
_INSTEAD = {
    **dict.fromkeys(
        ("cos", "cosn"), "Tencent COS speaks S3: s3://BUCKET-APPID/... with AWS_ENDPOINT_URL_S3=https://cos.REGION.myqcloud.com"
    ),
    "oss": "Alibaba OSS speaks S3: s3://BUCKET/... with AWS_ENDPOINT_URL_S3=https://oss-REGION.aliyuncs.com",
    "obs": "Huawei OBS speaks S3: s3://BUCKET/... with AWS_ENDPOINT_URL_S3=https://obs.REGION.myhuaweicloud.com",
    "file": "name the file by its path",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Remote:
    """One object, to be opened in any process.

    Attributes:
        url: Where it is; it may hold secrets, and is shown nowhere.
        key: Its name in the words of the driver.
        size: Its bytes, None if the server does not say.
        tag: What changes with its content, "" if nothing does.
        modified: When it was last changed, in nanoseconds, 0 if that is not known.
    """

    url: str = field(repr=False)
    key: str = field(repr=False)
    size: int | None
    tag: str
    modified: int

    @contextmanager
    def open(self) -> Iterator[Reader]:
        """Open it for reading from the first byte to the last.

        Raises:
            OSError: It cannot be opened or read, and why.
        """
        explain = partial(_told, self.url)
        if not _driver(self.url).lists:
            page = Page(_system(_root(self.url)), self.key, self.size, self.tag)
            with resumed.Resumed(page, explain, _HTTP.tries) as reader:
                yield decoded(reader, lambda: bool(page.encoding))
            return
        with resumed.Resumed(_Object(self), explain, _driver(self.url).tries) as reader:
            yield reader


class _Object:
    """An object of a store."""

    def __init__(self, remote: Remote) -> None:
        self.size = remote.size
        self._remote, self._fs = remote, _system(_root(remote.url))
        self._pins = _driver(remote.url).pins

    def opened(self, at: int) -> resumed.Opened:
        with _listed(self._fs, self._remote) if self._pins else nullcontext():
            file = self._fs.open(self._remote.key, "rb", block_size=resumed.BLOCK, cache_type="none")
        self._compare(file.details)
        file.seek(at)
        opened: resumed.Opened = file
        return opened

    def check(self) -> None:
        if not self._pins:
            self._fs.invalidate_cache()
            self._compare(self._fs.info(self._remote.key))

    def _compare(self, info: Mapping[str, Any]) -> None:
        if (info["size"], _tag(info)) != (self._remote.size, self._remote.tag):
            raise Replaced


_listing = threading.Lock()


@contextmanager
def _listed(fs: Any, remote: Remote) -> Iterator[None]:  # noqa: ANN401 - a file system of fsspec
    """Let a driver open an object as it was listed: it asks the server no more, and reads that version or none."""
    with _listing:
        entry = {"name": remote.key, "size": remote.size, "ETag": remote.tag, "type": "file"}
        fs.dircache[remote.key.rpartition("/")[0]] = [entry]
        try:
            yield
        finally:
            fs.dircache.clear()


def find(url: str, skipped: list[str]) -> Iterator[Input]:
    """Yield what a URL means: one object, all below a prefix, or those that fit a pattern, in the order of a walk.

    Args:
        url: The address.
        skipped: Gets the names of what is left out.

    Raises:
        UsageError: The address cannot work, or its driver is not installed.
    """
    driver = _checked(url)
    try:
        fs = _system(_root(url))
        found = _objects(url, fs, skipped) if driver.lists else [_page(url, fs)]
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - drivers raise what they like
        trouble = _told(url, error)
        yield Input(masked(url), trouble.verdict, trouble.what)
        return
    yield from found


def _checked(url: str) -> Driver:
    """Return the driver of a URL that can work."""
    scheme, shown = scheme_of(url), visible(masked(url))
    rest = url.partition("://")[2]
    if scheme not in DRIVERS:
        instead = _INSTEAD.get(scheme, f"known are {', '.join(sorted(f'{name}://' for name in DRIVERS))}")
        raise UsageError(f"{shown}: there is no driver for {scheme}://; {instead}")
    driver = DRIVERS[scheme]
    if not rest.partition("/")[0]:
        raise UsageError(f"{shown}: the address names no {'bucket' if driver.lists else 'host'}")
    if driver.lists and "***@" in masked(url):
        raise UsageError(f"{shown}: credentials are not taken from an address; {driver.credentials}")
    if not driver.lists and "*" in rest.partition("?")[0]:
        raise UsageError(f"{shown}: over HTTP files cannot be listed; name each, or read the bucket behind it")
    return driver


def _driver(url: str) -> Driver:
    return DRIVERS[scheme_of(url)]


def _root(url: str) -> str:
    """Return the part of a URL that a driver is made for: scheme and bucket, or all of HTTP."""
    scheme, rest = scheme_of(url), url.partition("://")[2]
    return f"{scheme}://{rest.partition('/')[0]}" if DRIVERS[scheme].lists else f"{scheme}://"


def _system(root: str) -> Any:  # noqa: ANN401 - fsspec has no types
    """Return what reads a root: each process its own, as loops and connections do not survive a fork.

    Raises:
        UsageError: The driver is not installed.
    """
    settings = tuple(sorted(item for item in os.environ.items() if item[0].startswith(_SETTINGS)))
    return _made(os.getpid(), root, settings)


@lru_cache(maxsize=64)
def _made(process: int, root: str, settings: tuple[tuple[str, str], ...]) -> Any:  # noqa: ANN401 - as above
    """Return a new one; its keys and endpoint are those of the environment now."""
    del process, settings
    driver = DRIVERS[scheme_of(root)]
    try:
        import fsspec  # noqa: PLC0415 - an extra

        kind = fsspec.get_filesystem_class(scheme_of(root))
    except ImportError:
        raise UsageError(
            f"{scheme_of(root)}:// is read by a driver that is not installed: pip install 'cdnlog[{driver.extra}]'"
        ) from None
    for name in _QUIET:  # what they log may quote an address in full; whoever set up logging still gets it
        logging.getLogger(name).addHandler(logging.NullHandler())
    if driver.lists:
        return fsspec.url_to_fs(f"{root}/", skip_instance_cache=True)[0]
    own = fsspec.config.conf.get(scheme_of(root), {}).get("client_kwargs", {})
    # Bytes as they are stored: what is compressed is told by content, once.
    client = {"auto_decompress": False, "trust_env": True, **Page.timeouts(), **own}
    return kind(skip_instance_cache=True, use_listings_cache=False, client_kwargs=client)


def _told(url: str, error: BaseException) -> Trouble:
    where = visible(masked(url).partition("://")[2].partition("/")[0])
    return told(error, where, _driver(url).credentials)


def _page(url: str, fs: Any) -> Input:  # noqa: ANN401 - a file system of fsspec
    for attempt in range(_HTTP.tries):
        try:
            return _input(url, url, fs.info(url))
        except Exception as error:
            if attempt + 1 == _HTTP.tries or not _told(url, error).passing:
                raise
            time.sleep(resumed.PAUSE * 2**attempt)
    raise AssertionError


def _objects(url: str, fs: Any, skipped: list[str]) -> list[Input]:  # noqa: ANN401 - as above
    """Return the objects that a URL means."""
    root = _root(url)
    bucket = fs._strip_protocol(f"{root}/").strip("/")  # noqa: SLF001 - documented for drivers, and the only way
    asked = url[len(root) :].strip("/")
    folder, prefix = keys.fixed(asked)
    place = "/".join(filter(None, (bucket, folder)))
    fs.invalidate_cache()
    found = fs.find(place, detail=True, **({"prefix": prefix} if prefix else {}))
    if not isinstance(found, Mapping):  # adlfs, of a single object
        found = {name: fs.info(name) for name in found}
    names = {key.removeprefix(bucket).lstrip("/"): key for key, info in found.items() if info["type"] == "file"}
    chosen, left = keys.chosen(asked, names)
    skipped += [masked(f"{root}/{name}") for name in left]
    if not chosen and not left:
        what = "no object matches"
        if not keys.is_pattern(asked):
            what = "no such object, and none below it; for all that begin so, put a * behind it"
        return [Input(masked(url), Verdict.MISSING, what)]
    return [_input(f"{root}/{name}", names[name], found[names[name]]) for name in chosen]


def _input(url: str, key: str, info: Mapping[str, Any]) -> Input:
    size = info["size"]
    remote = Remote(url, key, size, _tag(info), _modified(info))
    return Input(masked(url), size=size or 0, remote=remote)


def _tag(info: Mapping[str, Any]) -> str:
    return next((str(info[name]) for name in ("ETag", "etag", "generation") if info.get(name)), "")


def _modified(info: Mapping[str, Any]) -> int:
    value = next(
        (info[n] for n in ("LastModified", "last_modified", "mtime", "updated", "Last-Modified") if info.get(n)), 0
    )
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value) if value[:1].isdigit() else parsedate_to_datetime(value)
        return int((value.timestamp() if isinstance(value, datetime) else float(value)) * 1_000_000_000)
    except ValueError:
        return 0  # no date that anybody knows: size and tag have to do
