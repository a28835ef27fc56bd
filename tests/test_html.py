"""`-o html`: one page whose markup no log can change, that fetches nothing, and that reads well in a browser."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import IO, Any

import pytest
from strangers import HOSTILE, dirty
from test_cases import line, log, run_here

SAMPLES = Path(__file__).parent.parent / "sample_logs"
CHROMIUM = shutil.which("chromium", path="/usr/bin")
VOID = ("meta", "link", "br", "hr", "img", "input", "base")
ATTRIBUTES = {  # all tags that a page may have, and their attributes
    "html": {"lang"}, "head": set(), "meta": {"charset", "http-equiv", "content", "name"}, "title": set(),
    "style": set(), "body": set(), "h1": set(), "h2": set(), "h3": set(), "section": set(), "div": {"class"},
    "table": set(), "thead": set(), "tbody": set(), "tr": set(), "th": {"scope", "class"}, "td": {"class"},
    "article": {"class", "id"}, "dl": set(), "dt": set(), "dd": set(), "p": set(), "a": {"href"},
    "ul": {"class"}, "li": {"class"}, "span": set(), "strong": set(), "details": set(), "summary": set(),
    "figure": set(), "figcaption": set(), "svg": {"viewbox", "font-size", "aria-hidden"},
    "path": {"d", "fill", "fill-opacity", "stroke", "stroke-opacity"},
    "text": {"x", "y", "text-anchor", "fill", "fill-opacity"},
}  # fmt: skip
POLICY = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
Tag = tuple[str, tuple[tuple[str, str | None], ...]]


class Page(HTMLParser):
    """A page, parsed.

    Attributes:
        tags: Every start tag with its attributes, in order.
        texts: The text of every innermost element, in order.
        style: The content of its style element.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[Tag] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(data.decode())
        self.close()
        assert self._open == []
        self.texts = [text.strip("\n") for text in self.texts]  # the line ends of the markup
        self.style = data.decode().partition("<style>")[2].partition("</style>")[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag, and open it unless it is one without an end."""
        self.tags.append((tag, tuple(attrs)))
        self._open += [tag] * (tag not in VOID)
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        """Close a tag; it must be the one that was opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.texts:
            self.texts[-1] += data

    def handle_comment(self, data: str) -> None:
        """Fail: no page has a comment."""
        pytest.fail(f"a comment: {data}")


def page(args: list[str], folder: Path) -> Page:
    """Return the page that a command prints, and hold what every page must hold."""
    at = args.index("--") if "--" in args else len(args)
    done = run_here([*args[:at], "-o", "html", *args[at:]], folder)
    assert done.code in (0, 3), done.err
    assert dirty(done.out) == []
    assert done.out.startswith(b"<!doctype html>\n")
    assert done.out.endswith(b"</html>\n")
    found = Page(done.out)
    hold_the_policy(found)
    for word in ("<script", "javascript:", "<iframe", "<object", "<svg"):
        assert word not in done.out.decode().lower()
    return found


def hold_the_policy(found: Page) -> None:
    """Hold that nothing is fetched or run: only known tags and attributes, and a policy that allows the style alone."""
    for tag, attributes in found.tags:
        assert {name for name, _ in attributes} <= ATTRIBUTES[tag], tag
    policies = [
        dict(given)["content"] for tag, given in found.tags if ("http-equiv", "Content-Security-Policy") in given
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in str(policies[0]).split(";"))
    digest = base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()
    assert len(policies) == [tag for tag, _ in found.tags].count("style") == 1
    assert rules == {**POLICY, "style-src": f"'sha256-{digest}'"}
    assert re.search(r"url\(|@import|expression|src|href", found.style) is None


def written(folder: Path, lines: list[str]) -> Path:
    """Write a log into a new folder."""
    folder.mkdir()
    (folder / "a.log").write_bytes("".join(f"{one}\n" for one in lines).encode("utf-8", "surrogateescape"))
    return folder


def lines_with(text: str, host: str) -> list[str]:
    """Return a log of one incident in which a text stands wherever a stranger can write."""
    bare = text.replace(" ", "+").replace("?", "")
    fields = {"path": f"/{bare}?{bare}", "agent": text.replace('"', ""), "referer": text}
    return [line(502, at, host=host, **fields) for at in range(8)] + [line(200, 8, **fields)]


@pytest.mark.parametrize(
    "args",
    [["count"], ["diagnose"], ["diagnose", "--lang", "ko"], ["explain", "514"], ["explain", "777", "--lang", "ko"],
     ["explain", "503", "--all-providers"], ["codes"], ["formats"], ["formats", "detect"]],
    ids=" ".join,
)  # fmt: skip
def test_every_command_writes_a_page(tmp_path: Path, args: list[str]) -> None:
    """Whatever can be printed can be a page, with a title and in the language it says it is in."""
    folder = written(tmp_path / "logs", log("200 404 502 502 502 502 502 777").splitlines())
    needs_log = args[0] in ("count", "diagnose") or args[-1] == "detect"
    found = page([*args, "a.log"] if needs_log else args, folder)
    assert ("html", (("lang", "ko" if "ko" in args else "en"),)) in found.tags
    titles = [text for (tag, _), text in zip(found.tags, found.texts, strict=True) if tag in ("title", "h1")]
    assert len(titles) == 2
    assert titles[0] == titles[1] != ""


def test_the_page_tells_what_the_table_tells(tmp_path: Path) -> None:
    """The page has the words of the plain text, in the same order."""
    folder = written(tmp_path / "logs", log("200 404 " + "531 " * 9 + "777 +600 200").splitlines())
    plain = run_here(["diagnose", "a.log", "-q"], folder).out.decode()
    words = [word for word in plain.split() if not re.fullmatch("-+", word)]
    shown = " ".join(text for text in page(["diagnose", "a.log"], folder).texts[6:] if text.strip()).split()
    assert shown[-len(words) :] == words


def test_severities_are_set_apart(tmp_path: Path) -> None:
    """Every finding is an article of its severity, and each severity has a colour in the style."""
    folder = written(tmp_path / "logs", log("200 " + "531 " * 9).splitlines())
    found = page(["diagnose", "a.log"], folder)
    assert [dict(given).get("class") for tag, given in found.tags if tag == "article"] == ["medium"]
    for severity in ("critical", "high", "medium", "low"):
        assert f"article.{severity} " in found.style


# In a browser


class Browser:
    """Chromium without a screen, spoken to over two pipes; no port is opened."""

    def __init__(self, profile: Path) -> None:
        commands, results = os.pipe(), os.pipe()
        flags = (
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-extensions", "--disable-background-networking", "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        )  # fmt: skip
        # The browser reads commands on descriptor 3 and writes results on 4.
        script = f'exec "$0" "$@" 3<&{commands[0]} 4>&{results[1]}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", script, str(CHROMIUM), *flags, "about:blank"],
            pass_fds=(commands[0], results[1]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands[0])
        os.close(results[1])
        self._to: IO[bytes] = os.fdopen(commands[1], "wb", buffering=0)
        self._from: IO[bytes] = os.fdopen(results[0], "rb")
        self._number, self._session = 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def close(self) -> None:
        """End the browser that was started here."""
        with contextlib.suppress(OSError):
            self._to.close()
        self._process.terminate()
        self._process.wait(10)
        self._from.close()

    def _message(self) -> dict[str, Any]:
        data = bytearray()
        while (byte := self._from.read(1)) != b"\0":
            assert byte, "the browser is gone"
            data += byte
        message: dict[str, Any] = json.loads(data)
        self.events.append(message)
        return message

    def ask(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - what the protocol takes
        """Give a command and return its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        command |= {"sessionId": self._session} if self._session else {}
        self._to.write(json.dumps(command).encode() + b"\0")
        while (message := self._message()).get("id") != self._number:
            pass
        result: dict[str, Any] = message["result"]
        return result

    def open(self, path: Path, width: int) -> None:
        """Show a page in a window of some width."""
        self.events.clear()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.ask("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self._message()

    def value(self, expression: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what an expression is in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, if there is one."""
    if CHROMIUM is None:
        pytest.skip("there is no /usr/bin/chromium")
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The samples' report in both languages, and one of hostile text as long as a line can be."""
    folder = tmp_path_factory.mktemp("reports")
    long = written(folder / "hostile", [one for text in HOSTILE.values() for one in lines_with(text * 40, "a.example")])
    given = {"en": (SAMPLES, "en"), "ko": (SAMPLES, "ko"), "hostile": (long, "en")}
    for name, (logs, lang) in given.items():
        run_here(["diagnose", ".", "-o", "html", "--lang", lang, "--out", str(folder / f"{name}.html"), "-q"], logs)
    return {name: folder / f"{name}.html" for name in given}


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("name", ["en", "ko", "hostile"])
def test_a_browser_shows_it_well(browser: Browser, reports: dict[str, Path], name: str, width: int) -> None:
    """No console message, no request but for the page, nothing runs out of the window, and no text is tiny."""
    browser.open(reports[name], width)
    wide = "[...document.querySelectorAll('h1,h2,h3,p,dt,dd,article')].filter(e => e.scrollWidth > e.clientWidth + 1)"
    small = "[...document.querySelectorAll('body *')].filter(e => parseFloat(getComputedStyle(e).fontSize) < 13)"
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(f"{wide}.map(e => e.tagName + ' ' + e.textContent.slice(0, 80))") == []
    assert browser.value(f"{small}.length") == 0
    assert browser.value("document.querySelectorAll('article').length") > 0
    assert browser.value("getComputedStyle(document.querySelector('article')).borderLeftStyle") == "solid"
    methods = [event.get("method") for event in browser.events]
    assert [method for method in methods if method in ("Log.entryAdded", "Runtime.consoleAPICalled")] == []
    asked = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
    assert asked == [reports[name].as_uri()]
