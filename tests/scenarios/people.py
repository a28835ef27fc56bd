"""The people: addresses, places, carriers, browsers; many of them behind one address.

Addresses are from the ranges reserved for documentation and benchmarks (RFC 5737, 2544, 3849), as no log of ours
should name anybody's computer; a /24 lies in one place, as in life.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Rng = np.random.Generator

# Numbers of schemas/regions/tencent-cdn.toml, by rough share of users.
PROVINCES = {
    4: 15, 120: 9, 122: 8, 1442: 8, 182: 7, 1068: 6, 22: 6, 1050: 6, 1069: 5, 1135: 5, 1466: 5, 121: 4, 2: 4,
    1464: 3, 152: 3, 173: 3, 1465: 2, 1051: 2, 146: 2, 145: 1, 153: 1, 118: 1, 86: 1, 1441: 1, 1208: 1, 1468: 1,
}  # fmt: skip
CARRIERS = {2: 40, 1046: 32, 26: 20, 38: 3, 43: 2, 3947: 2, 0: 1}

_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WIN = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_PHONES = ("2410DPN6CC", "V2309A", "PJZ110", "ALN-AL00", "SM-S9280", "RMX3888", "Mi 10")
BOTS = (
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
    "YisouSpider",
    "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
)


def _phone(model: str, system: int) -> str:
    return f"Mozilla/5.0 (Linux; Android {system}; {model} Build/UKQ1)"


def _iphone(system: str) -> str:
    return f"Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


def browsers() -> tuple[list[str], Array]:
    """Returns User-Agents and their shares: a few are common, most are rare."""
    chrome = [f"Chrome/{version}.0.0.0" for version in (152, 151, 150, 138, 122)]
    agents = [f"{_WIN} {_KIT} {version} Safari/537.36" for version in chrome]
    agents += [
        f"{_phone(model, 11 + i % 5)} {_KIT} {chrome[i % 4]} Mobile Safari/537.36" for i, model in enumerate(_PHONES)
    ]
    agents += [
        f"{_iphone(ios)} Version/{ios[:2]}.0 Mobile/15E148 Safari/604.1" for ios in ("26_1", "26_0", "18_6", "17_5")
    ]
    agents += [f"{_iphone(ios)} Mobile/15E148 MicroMessenger/8.0.{61 + i}" for i, ios in enumerate(("26_1", "18_6"))]
    agents += [
        f"{_phone(model, 14)} {_KIT} {chrome[0]} XWEB/1300 MMWEBSDK/2025 MicroMessenger/8.0.61" for model in _PHONES[:3]
    ]
    agents += [f"{_MAC} {_KIT} {version} Safari/537.36" for version in chrome[:3]]
    agents += [f"{_WIN} {_KIT} {version} Safari/537.36 Edg/{version[7:]}" for version in chrome[:3]]
    agents += [f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0" for v in (147, 146)]
    agents += [
        f"{_phone(model, 12)} {_KIT} Version/4.0 {chrome[2]} Mobile Safari/537.36 HuaweiBrowser/16.0"
        for model in _PHONES[3:5]
    ]
    weights = 1 / (3 + np.arange(len(agents)) * 7 % len(agents))
    return agents, weights / weights.sum()


@dataclass
class People:
    """Everybody who may visit, one entry per person; `ip`, `region` and `isp` are those of the shared address."""

    ip: Array
    region: Array
    isp: Array
    agent: Array
    speed: Array  # bytes per ms
    address: Array  # number of the address
    activity: Array  # cumulated
    crowded: list[Array]  # people behind one office or school
    app: str = ""

    def draw(self, rng: Rng, count: int) -> Array:
        """Returns numbers of people, the keen ones more often."""
        return np.searchsorted(self.activity, rng.random(count) * self.activity[-1])


def _addresses(rng: Rng, count: int) -> tuple[list[str], Array, Array]:
    nets = rng.permutation(512)
    regions = rng.choice(list(PROVINCES), 512, p=_shares(PROVINCES))
    isps = rng.choice(list(CARRIERS), 512, p=_shares(CARRIERS))
    abroad = rng.random(512) < 0.02
    regions[abroad], isps[abroad] = -1, -1
    net, host = nets[np.arange(count) * 7919 % 512], rng.integers(1, 255, count)
    six = rng.random(count) < 0.04
    texts = [
        f"2001:db8:{n:x}::{h:x}:{i:x}" if v6 else f"198.{18 + n // 256}.{n % 256}.{h}"
        for i, (n, h, v6) in enumerate(zip(net.tolist(), host.tolist(), six.tolist(), strict=True))
    ]
    return texts, regions[net], isps[net]


def _shares(weights: dict[int, int]) -> Array:
    values = np.array(list(weights.values()), float)
    return values / values.sum()


def people(rng: Rng, brand: str, count: int) -> People:
    """Returns a public of about `count` people: homes, offices and schools, carriers' gateways, robots."""
    offices, gateways = int(rng.integers(5, 12)), int(rng.integers(2, 5))
    sizes = [*rng.integers(15, 60, offices), *rng.integers(80, 200, gateways)]
    sizes += rng.choice([1, 1, 1, 2, 3], count).tolist()
    address = np.repeat(np.arange(len(sizes)), sizes)
    ips, regions, isps = _addresses(rng, len(sizes))
    names, shares = browsers()
    agents = np.array(names, object)[rng.choice(len(names), len(address), p=shares)]
    robots = rng.integers(len(address) // 2, len(address), 8)
    agents[robots] = [BOTS[i % len(BOTS)] for i in range(8)]
    keen = rng.permutation((np.arange(len(address)) + 10.0) ** -0.6)
    mobile = np.array(["Mobile" in agent for agent in agents])
    return People(
        np.array(ips, object)[address], regions[address], isps[address], agents,
        rng.lognormal(np.where(mobile, 7.6, 8.4), 0.5), address, np.cumsum(keen),
        [np.flatnonzero(address == i) for i in range(offices)],
        f"{brand.title()}App/5.{rng.integers(1, 9)}.{rng.integers(0, 9)} (Android 15; okhttp/4.12.0)",
    )  # fmt: skip
