"""Addresses of remote logs: what is one, and how it may be shown: never with what lets others in."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

from cdnlog.errors import UsageError
from cdnlog.text import visible

# Compiled when they are first used: most runs name no URL.
_URL = r"(?i)([a-z][a-z0-9+.-]+)://"  # of two letters at least: C:// is a drive
_IN_TEXT = r"(?i)[a-z][a-z0-9+.-]+://[^\s'\"<>()\[\]{}]+"
_MASK = "***"
_CONTAINERS = ("abfs", "abfss", "az")  # here what stands before the @ is no user
_STORES = ("s3", "s3a", "gs", "gcs", *_CONTAINERS)  # here # is a letter of a name
# Parameters of signed addresses, by their vendors' names and by what others call them.
_SIGNED = r"""(?ix)
      ^(x-(amz|goog|oss|cos|obs|bce|tos)|q)-   # AWS, Google, Alibaba, Huawei, Baidu, Volcengine; Tencent
    | sig | token | secret | passw | pwd | auth | cred | key-?pair | (access|api)[-_]?(key|id) | policy | expires
    | session | hmac | ^hdn(ea|ts)$ | ^[wt]x?(secret|time)$
    | ^(s[etvpr]|spr|srt|ss|sip|sk(oid|tid|t|e|s|v)|ak|sk)$   # a shared access signature; Baidu"""
# Parameters that say which object, or which part of a list, and never let anybody in.
_HARMLESS = r"""(?ix) version-?id | generation | prefix | delimiter | list-type | marker | page | part | file | name
    | date | day | hour | from | to | start | end | format"""
_HASHED = r"~[0-9a-f]{8}|\*\*\*"  # masked already
_PAIR = r"([\w-]+)=([^\s&;)'\"<>]+)"


def is_url(path: str) -> bool:
    """Whether a path names a scheme."""
    return re.match(_URL, path) is not None


def check_local(path: Path) -> None:
    """Make sure that a file to be written, or to be set up by, is one of this machine.

    Raises:
        UsageError: It was a URL before it was taken for a path.
    """
    scheme, colon, rest = str(path).partition(":/")
    if colon and is_url(f"{scheme}://") and not Path(f"{scheme}:").exists():
        url = masked(f"{scheme}://{rest.lstrip('/')}")
        raise UsageError(
            f"{visible(url)}: only logs are read from there; results, stores and settings are files of this machine: "
            "write one, and copy it there afterwards"
        )


def scheme_of(url: str) -> str:
    """Return the scheme of a URL, in lower case."""
    return url.partition("://")[0].lower()


def masked(url: str) -> str:
    """Return a URL without user, password, signature and token: the same for the same object, whoever signed it.

    A value under a name that says nothing becomes the first digits of its hash: whatever it is, it stays told apart.
    """
    scheme, rest = scheme_of(url), url.partition("://")[2]
    if scheme not in _STORES:
        rest = rest.partition("#")[0]
    rest, _, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    if "@" in path and re.search(r":(?!\d*$)", authority):  # a password with a slash in it
        user, _, rest = rest.rpartition("@")
        authority, slash, path = f"{user.replace('/', '')}@{rest}".partition("/")
    user, at, host = authority.rpartition("@")
    if at and (scheme not in _CONTAINERS or ":" in user):
        authority = f"{_MASK}@{host}"
    if scheme not in _STORES:
        path = re.sub(r";([^=/;]+)=[^/;]*", rf";\1={_MASK}", path)
    return f"{scheme}://{authority}{slash}{path}{query and '?'}{_pairs_masked(query, store=scheme in _STORES)}"


def masked_text(text: str) -> str:
    """Return a sentence, such as a driver's error, with its URLs and parameters masked."""
    text = re.sub(_IN_TEXT, lambda found: masked(found[0]), text)
    return re.sub(_PAIR, lambda pair: f"{pair[1]}={_MASK}" if re.search(_SIGNED, pair[1]) else pair[0], text)


def _pairs_masked(query: str, *, store: bool) -> str:
    return "&".join(_pair_masked(pair, store=store) for pair in query.split("&")) if query else ""


def _pair_masked(pair: str, *, store: bool) -> str:
    name, equals, value = pair.partition("=")
    plain = unquote(name)
    if equals and re.search(_SIGNED, plain):
        return f"{name}={_MASK}"
    if store or (equals and re.fullmatch(_HARMLESS, plain)):  # in a store ? may be a letter of a name
        return pair
    return f"{name}={_hashed(value)}" if equals else _hashed(pair)


def _hashed(value: str) -> str:
    return value if not value or re.fullmatch(_HASHED, value) else f"~{sha256(value.encode()).hexdigest()[:8]}"
