"""What drivers raise -> what went wrong, in words: their errors are of a hundred kinds and quote addresses in full."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cdnlog.model import Verdict
from cdnlog.urls import masked_text

_CREDENTIALS = ("NoCredentials", "PartialCredentials", "ProfileNotFound", "TokenRetrieval", "DefaultCredentials",
                "RefreshError", "ClientAuthentication", "CredentialUnavailable", "UnauthorizedSSOToken")  # fmt: skip
_REPLACED = ("FileExpired",)
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _EXPIRED, _MANY = 400, 401, 403, 404, 412, 429
_SERVER = range(500, 600)
_LOST = ("ClientPayload", "IncompleteRead", "ServerDisconnected", "ResponseStreaming", "ContentLength")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong.

    Attributes:
        what: One clause, with what to do.
        verdict: Of the file: "missing" or "unreadable".
        passing: Whether it is worth trying again.
    """

    what: str
    verdict: Verdict = Verdict.UNREADABLE
    passing: bool = False


class Replaced(Exception):  # noqa: N818 - what happened, as the standard library names its warnings
    """The object is not the one any more that was found."""


class Unsupported(Exception):  # noqa: N818 - as above
    """The server answers in a way that cannot be read; the message says how."""


def told(error: BaseException, where: str, credentials: str) -> Trouble:
    """Return what an error of a driver means.

    Args:
        error: What was raised.
        where: The host or bucket, safe to print.
        credentials: How the driver is given credentials.
    """
    chain = list(_chain(error))
    host = next(filter(None, (getattr(one, "host", None) for one in chain)), where)
    names = " ".join(type(one).__name__ for one in chain)
    if isinstance(error, Replaced) or any(name in names for name in _REPLACED):
        return Trouble("it was replaced since it was listed; run again")
    if isinstance(error, Unsupported):
        return Trouble(str(error))
    if any(name in names for name in _CREDENTIALS):
        return Trouble(f"no credentials were found for {where}; {credentials}")
    return _network(chain, names, host) or _answer(chain, where, credentials) or _other(error, names, host)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "os_error", None) or getattr(error, "kwargs", {}).get("error")
        error = error.__cause__ or error.__context__ or (inner if isinstance(inner, BaseException) else None)


def _network(chain: list[BaseException], names: str, where: str) -> Trouble | None:
    if any(isinstance(one, socket.gaierror) for one in chain) or "DNSError" in names:
        return Trouble(f"the name of {where} was not found (DNS); check the address, the endpoint and the network")
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in chain) or "CertificateError" in names:
        return Trouble(f"the certificate of {where} was not accepted; check the address and the system's certificates")
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return Trouble(f"{where} does not speak TLS there; check the port, or is it http:// and not https://?")
    if any(name in names for name in _LOST):  # before answers: aiohttp numbers these as if they were some
        return Trouble("the connection was cut", passing=True)
    if any(getattr(one, "errno", None) == errno.ECONNREFUSED for one in chain) or "ConnectionRefused" in names:
        return Trouble(f"{where} refused the connection; check the address and the endpoint", passing=True)
    return None


def _answer(chain: list[BaseException], where: str, credentials: str) -> Trouble | None:
    """Return what the status of an answer means, None if there was none."""
    status, word = next(filter(any, map(_status, chain)), (0, ""))
    shown = " ".join(filter(None, (str(status or ""), word)))
    if status in (_UNAUTHORIZED, _FORBIDDEN) or (not status and _any(chain, PermissionError)):
        return Trouble(
            f"access denied{f' ({shown})' if shown else ''}; {credentials}, and may it list and read {where}?"
        )
    if status == _NOT_FOUND or (not status and _any(chain, FileNotFoundError)):
        what = "no such bucket" if word == "NoSuchBucket" else "nothing is there"
        return Trouble(f"{what}{f' ({shown})' if shown else ''}", Verdict.MISSING)
    if status == _EXPIRED:
        return Trouble("it was replaced since it was listed; run again")
    if status == _MANY or status in _SERVER:
        return Trouble(f"the server answers {shown}; try again later", passing=True)
    return (
        Trouble(f"the server answers {shown}; check the address and the endpoint") if status >= _BAD_REQUEST else None
    )


def _any(chain: list[BaseException], kind: type[BaseException]) -> bool:
    return any(isinstance(one, kind) for one in chain)


def _status(error: BaseException) -> tuple[int, str]:
    """Return the status of an HTTP answer, and the word that S3 has for it."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict):
        word = str(response.get("Error", {}).get("Code", ""))
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return int(status), word if word.isalpha() else ""
    for name in ("status", "status_code", "code"):
        if isinstance(value := getattr(error, name, None), int):
            return value, ""
    return 0, ""


def _other(error: BaseException, names: str, where: str) -> Trouble:
    if isinstance(error, TimeoutError) or "Timeout" in names:
        return Trouble(f"{where} did not answer in time", passing=True)
    if isinstance(error, EOFError):
        return Trouble("the connection was cut", passing=True)
    if isinstance(error, ConnectionError) or "Connect" in names:
        return Trouble(f"the connection to {where} failed", passing=True)
    return Trouble(f"{type(error).__name__}: {masked_text(str(error))}", passing=isinstance(error, OSError))
