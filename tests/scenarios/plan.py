"""The list of what can go wrong: one line per cause and code, and what each must not be taken for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from scenarios import access, clients, content, load, nodes, origin
from scenarios.scene import Scene

OWNERS = {
    "origin": """origin-refused origin-timeout origin-overload origin-error origin-bad-response origin-dns
        origin-unreachable origin-tls origin-certificate origin-certificate-name origin-denied origin-moved
        content-removed slow-origin-abort range-beyond-file""",
    "cdn-config": """hotlink-protection user-agent-list ip-list access-rule url-signature rate-limit
        rate-limit-shared-ip redirect-loop cache-buster storage-rate-limit negative-cache host-not-configured quota""",
    "client": "client-abort client-timeout last-mile client-release broken-link url-too-long body-too-large",
    "attacker": "scanner abusive-client flood-ban",
    "cdn-platform": "platform-fault platform-overload",
}
"""Causes of the contract that these logs can show, by owner; `edge-code` is not among them: Tencent CDN has none."""
OWNER = {cause: owner for owner, causes in OWNERS.items() for cause in causes.split()}


@dataclass(frozen=True)
class Scenario:
    """One thing that goes wrong, or nothing.

    Attributes:
        cause: Of the contract; empty where all is healthy.
        code: The status that shows it most.
        plant: Lets it happen.
        kinds: Kinds of site it can happen on.
        unlike: Causes that show the same code, and that this must not be taken for.
        side: Other codes of the same incident.
        sites: Sites of the log, at least.
        minutes: Shortest and longest time it lasts.
        sharp: Starts at a full half hour, as certificates and cron jobs do.
        inside: Where only the hour is kept, it begins in that hour: nothing else could show what it is.
        benign: Nobody has to act; a finding of medium or worse is a false alarm.
        volume: Requests an hour against the usual.
        noise: "usual", "loud" or "none".
    """

    cause: str
    code: int
    plant: Callable[[Scene], None] | None
    kinds: tuple[str, ...]
    unlike: tuple[str, ...] = ()
    side: tuple[int, ...] = ()
    sites: int = 1
    minutes: tuple[int, int] = (12, 80)
    sharp: bool = False
    inside: bool = False
    benign: bool = False
    volume: float = 1.0
    noise: str = "usual"
    label: str = ""

    @property
    def name(self) -> str:
        """The cause with its code, as `--only` takes it."""
        return self.label or f"{self.cause}-{self.code}"

    @property
    def owner(self) -> str:
        """Who has to act, "" where nobody has."""
        return OWNER.get(self.cause, "")


ANY = ("www", "img", "api", "video", "docs")
WEB = ("www", "docs")
_PAGES = ("product", "news", "promo")


def _s(plant: Callable[..., None], cause: str, code: int, kinds: tuple[str, ...], unlike: str, **more: Any) -> Scenario:  # noqa: ANN401 - of Scenario
    """Returns a scenario; `unlike` as words, and what the planting function needs to know beside the code."""
    options = {key: more.pop(key) for key in ("groups", "patient") if key in more}
    return Scenario(cause, code, partial(plant, code=code, **options), kinds, tuple(unlike.split()), **more)


ORIGIN = (
    _s(origin.refused, "origin-refused", 502, ANY, "origin-error origin-bad-response origin-overload platform-fault"),
    _s(origin.refused, "origin-refused", 532, ANY, "platform-fault origin-unreachable origin-tls"),
    _s(origin.unreachable, "origin-unreachable", 504, ANY, "origin-timeout origin-overload platform-fault"),
    _s(origin.unreachable, "origin-unreachable", 533, ANY, "platform-fault origin-overload"),
    _s(origin.dns, "origin-dns", 531, ANY, "platform-fault"),
    _s(origin.handshake, "origin-tls", 538, ANY, "platform-fault"),
    _s(origin.handshake, "origin-certificate", 539, ANY, "platform-fault", sharp=True),
    _s(origin.handshake, "origin-certificate-name", 540, ANY, "platform-fault"),
    _s(origin.slow, "origin-timeout", 504, ("api",), "origin-unreachable origin-overload platform-fault cache-buster",
       groups=("export", "search"), patient=True, side=(499, 0)),
    _s(origin.slow, "origin-timeout", 537, ("www",), "platform-fault origin-overload",
       groups=("search", "product"), patient=True, side=(499, 0)),
    _s(origin.slow, "slow-origin-abort", 499, ("api",), "client-abort client-timeout last-mile client-release",
       groups=("export", "search", "list"), patient=False, side=(504,)),
    _s(origin.slow, "slow-origin-abort", 0, ("api",), "client-timeout last-mile client-abort",
       groups=("export", "search"), patient=False, side=(504,)),
    _s(origin.error, "origin-error", 500, ("www", "api"), "origin-overload", groups=("search",)),
    _s(origin.error, "origin-error", 502, ("www",), "origin-refused origin-overload platform-fault",
       groups=("search", "account", "product")),
    _s(origin.error, "origin-error", 503, ("api",), "storage-rate-limit origin-overload cache-buster negative-cache",
       groups=("search", "cart", "list")),
    _s(origin.bad_response, "origin-bad-response", 502, ("www", "api"),
       "origin-refused origin-overload platform-fault"),
    _s(origin.denied, "origin-denied", 403, ("img", "video"),
       "hotlink-protection url-signature user-agent-list ip-list access-rule", groups=()),
    _s(origin.denied, "origin-denied", 401, ("api",), "abusive-client", groups=("list", "search", "cart", "export")),
    _s(load.overload, "origin-overload", 502, ("www", "api"), "origin-refused origin-error platform-fault"),
    _s(load.overload, "origin-overload", 503, ("www", "api"), "storage-rate-limit cache-buster origin-error"),
    _s(load.overload, "origin-overload", 504, ("www", "api"), "origin-timeout origin-unreachable cache-buster"),
    _s(load.overload, "origin-overload", 564, ("www", "api"), "platform-fault"),
    _s(content.moved, "origin-moved", 404, ("www", "img", "docs"),
       "content-removed scanner broken-link quota host-not-configured"),
    _s(content.removed, "content-removed", 404, ("www",), "origin-moved scanner broken-link", groups=_PAGES),
    _s(content.removed, "content-removed", 404, ("img",), "origin-moved scanner negative-cache",
       groups=("photo", "thumb"), label="content-removed-404-pictures"),
    _s(content.shrunk, "range-beyond-file", 416, ("video",), "client-release"),
)  # fmt: skip
CONFIG = (
    _s(access.hotlink, "hotlink-protection", 403, ("img", "video"),
       "origin-denied user-agent-list ip-list access-rule"),
    _s(access.agent_list, "user-agent-list", 403, ("www", "img"),
       "hotlink-protection ip-list origin-denied client-release"),
    _s(access.ip_list, "ip-list", 403, ANY, "user-agent-list hotlink-protection origin-denied access-rule"),
    _s(access.ip_list, "ip-list", 514, ANY, "rate-limit rate-limit-shared-ip abusive-client"),
    _s(access.access_rule, "access-rule", 403, ("api", "www", "video"),
       "ip-list user-agent-list origin-denied hotlink-protection"),
    _s(access.signature, "url-signature", 403, ("dl",), "hotlink-protection origin-denied ip-list"),
    _s(access.rate_limit, "rate-limit", 514, ("www",), "rate-limit-shared-ip abusive-client ip-list"),
    _s(access.rate_limit_shared, "rate-limit-shared-ip", 514, ("www",), "rate-limit abusive-client ip-list",
       minutes=(30, 90)),
    _s(access.redirect_loop, "redirect-loop", 423, ("www", "api"), "platform-fault", side=(301, 302)),
    _s(load.cache_buster, "cache-buster", 503, ("www", "img"), "origin-overload storage-rate-limit origin-error"),
    _s(load.cache_buster, "cache-buster", 504, ("www", "img", "docs"),
       "origin-timeout origin-unreachable origin-overload"),
    _s(load.storage_limit, "storage-rate-limit", 503, ("img",),
       "cache-buster origin-overload origin-error negative-cache"),
    _s(content.negative_cache, "negative-cache", 404, ("www",), "content-removed origin-moved broken-link",
       groups=_PAGES),
    _s(content.negative_cache, "negative-cache", 503, ("www",), "origin-error origin-overload storage-rate-limit",
       groups=_PAGES),
    _s(content.host_unknown, "host-not-configured", 404, ANY, "origin-moved content-removed quota"),
    _s(load.quota, "quota", 404, ("video", "img"), "origin-moved content-removed host-not-configured", inside=True),
)  # fmt: skip
CLIENT = (
    _s(clients.leaving, "client-abort", 499, ("video",), "slow-origin-abort client-timeout last-mile", benign=True),
    _s(clients.timer, "client-timeout", 499, ("api",), "slow-origin-abort client-abort last-mile", minutes=(30, 90)),
    _s(clients.timer, "client-timeout", 0, ("api",), "slow-origin-abort last-mile", minutes=(30, 90)),
    _s(clients.last_mile, "last-mile", 499, ("www", "video", "img"),
       "slow-origin-abort client-timeout client-abort", sites=2),
    _s(clients.last_mile, "last-mile", 0, ("www", "video", "img"), "slow-origin-abort client-timeout", sites=2),
    _s(clients.release, "client-release", 400, ("api",), "scanner", minutes=(30, 90)),
    _s(clients.release, "client-release", 405, ("api",), "access-rule", minutes=(30, 90)),
    _s(clients.release, "client-release", 416, ("video",), "range-beyond-file", minutes=(30, 90)),
    _s(clients.release, "client-release", 499, ("api",), "slow-origin-abort client-timeout client-abort",
       minutes=(30, 90)),
    _s(content.broken_link, "broken-link", 404, WEB, "content-removed origin-moved scanner"),
    _s(content.long_url, "url-too-long", 414, ("www", "api"), "scanner", minutes=(30, 90)),
    _s(content.large_body, "body-too-large", 413, ("api",), "scanner", minutes=(30, 90)),
)  # fmt: skip
ATTACK = (
    _s(content.scanner, "scanner", 404, ANY, "content-removed origin-moved broken-link", minutes=(6, 25)),
    _s(content.scanner, "scanner", 400, ANY, "client-release", minutes=(6, 25)),
    _s(content.scanner, "scanner", 413, ("api",), "body-too-large", minutes=(6, 25)),
    _s(content.scanner, "scanner", 414, ("www", "api"), "url-too-long", minutes=(6, 25)),
    _s(load.abusive, "abusive-client", 514, ("www", "img"), "rate-limit rate-limit-shared-ip ip-list", minutes=(8, 30)),
    _s(load.abusive, "abusive-client", 509, ("www", "img"), "flood-ban", minutes=(8, 30)),
    _s(load.credential_stuffing, "abusive-client", 401, ("api",), "origin-denied", minutes=(10, 40)),
    _s(load.flood_ban, "flood-ban", 509, ("www", "api"), "abusive-client", minutes=(10, 40)),
)  # fmt: skip
PLATFORM = (
    *(_s(nodes.carrier, "platform-fault", code, ANY, unlike, sites=3) for code, unlike in (
        (502, "origin-refused origin-error origin-bad-response"),
        (504, "origin-timeout origin-unreachable origin-overload"),
        (524, "platform-overload"), (533, "origin-unreachable"), (537, "origin-timeout"), (562, ""), (563, ""),
        (564, "origin-overload"),
    )),
    _s(nodes.carrier, "platform-fault", 567, ("video", "img"), "", sites=3),
    *(_s(nodes.everywhere, "platform-fault", code, ANY, unlike, sites=4, minutes=(6, 40), label=f"platform-wide-{code}")
      for code, unlike in (
        (423, "redirect-loop"), (531, "origin-dns"), (532, "origin-refused"), (538, "origin-tls"),
        (539, "origin-certificate"), (540, "origin-certificate-name"), (504, "origin-unreachable origin-timeout"),
    )),
    _s(load.platform_overload, "platform-overload", 524, ("www", "video", "img"), "platform-fault", inside=True),
)  # fmt: skip
HEALTHY = (
    Scenario("", 0, None, ANY, sites=3, label="healthy"),
    Scenario("", 0, load.surge, ANY, label="healthy-surge", minutes=(30, 90)),
    Scenario("", 0, load.purge, ("www", "img", "docs"), label="healthy-purge"),
    Scenario("", 0, None, ANY, volume=0.03, label="healthy-quiet"),
    Scenario("", 0, None, ANY, sites=2, noise="loud", label="healthy-noisy"),
    Scenario("", 0, None, ANY, volume=0.0, label="healthy-three-requests"),
)
SCENARIOS = (*ORIGIN, *CONFIG, *CLIENT, *ATTACK, *PLATFORM, *HEALTHY)
