"""Privacy: with `--anonymize` nothing that is written names a client or holds a query; reports mask values anyway."""

from __future__ import annotations

import io
import json
import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.dataset
import pyarrow.parquet
import pytest
from hostile import CATALOG, COLUMNS, FORMATS
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cases import line, run_here

import cdnlog
from cdnlog.columns import Numbers
from cdnlog.errors import UsageError
from cdnlog.filters import anonymous
from cdnlog.model import Batch, Block
from cdnlog.parse import Parser
from cdnlog.privacy import bare, masked, network, shape
from cdnlog.zones import zone

# Texts


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("203.0.113.7", "203.0.113.0"),
        ("203.0.113.7:4711", "203.0.113.0"),
        ("010.001.002.003", "010.001.002.0"),
        ("2001:db8:1:2::7", "2001:db8:1::"),
        ("[2001:DB8:1:2::7]:443", "2001:db8:1::"),
        ("::ffff:203.0.113.7", "203.0.113.0"),
        ("::FFFF:cb00:7107", "203.0.113.0"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.0"),
        ("2002:cb00:7107::1", "203.0.113.0"),
        ("64:ff9b::203.0.113.7", "64:ff9b::"),
        ("fe80::1%eth0", "fe80::"),
        ("203.0.113.7, 2001:db8:1:2::7", "203.0.113.0, 2001:db8:1::"),
        ("203.0.113.7,198.51.100.9", "203.0.113.0, 198.51.100.0"),
        ('for="[2001:db8:1:2::7]:80";by=203.0.113.7', "2001:db8:1::, 203.0.113.0"),
        ("unknown, 203.0.113.7", "203.0.113.0"),
        ("::1", "::"),
        ("3405803783", "unknown"),
        ("0xcb.0x0.0x71.0x7", "unknown"),
        ("2001:db8:1:2:3:4:5:6:443", "unknown"),
        ("kim@example.com", "unknown"),
        ("203.0.113.0", "203.0.113.0"),
    ],
)
def test_clients_become_networks(text: str, cut: str) -> None:
    """However an address is written, only its /24 or /48 is left; what is none is left out."""
    assert network(text) == cut
    assert network(cut) == cut


ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(IPv4Address),
    st.integers(0, 2**128 - 1).map(IPv6Address),
    st.integers(0, 2**32 - 1).map(lambda n: IPv6Address(0xFFFF << 32 | n)),
)
WRITINGS = st.sampled_from(("{}", "[{}]", "[{}]:443", "for={};proto=https", " {} ", "{}%eth0", '"{}"'))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(ADDRESSES, WRITINGS), min_size=1, max_size=3), st.sampled_from((", ", ",", " : ", ";")))
def test_a_network_holds_its_client_and_says_no_more(clients: list[tuple[Any, str]], between: str) -> None:
    """Each of a list becomes a network with nothing behind the /24 or /48, in which it lies, itself or as IPv4."""
    text = between.join(writing.format(address) for address, writing in clients)
    found = network(text).split(", ")
    assert len(found) == len(clients)
    for (address, _), cut in zip(clients, found, strict=True):
        seen = (address.version == 6 and (address.ipv4_mapped or address.sixtofour)) or address
        assert ip_address(cut) == ip_network(f"{seen}/{24 if seen.version == 4 else 48}", strict=False)[0]


@pytest.mark.parametrize(
    ("text", "left", "shown"),
    [
        ("/a", "/a", "/a"),
        ("/a?token=abc&x=1", "/a", "/a?token=***&x=***"),
        ("/a?token=abc;x=1", "/a", "/a?token=***;x=***"),
        ("/a?c2VjcmV0==", "/a", "/a?***"),
        ("/a?secret&q=", "/a", "/a?***&***"),
        ("/a?u=https://b/?v=1", "/a", "/a?u=***?v=***"),
        ("/a%3Ftoken=abc", "/a", "/a%3Ftoken=***"),
        ("/a%253Ftoken=abc", "/a", "/a%253Ftoken=***"),
        ("/a;jsessionid=abc?x=1", "/a", "/a;jsessionid=***?x=***"),
        ("https://kim:word@www.example.com/a#part", "https://www.example.com/a", "https://***@www.example.com/a#***"),
        ("?token=abc", None, "?token=***"),
        ("/who/203.0.113.7", "/who/203.0.113.0", "/who/203.0.113.7"),
        ("/who/%20203.0.113.7/x", "/who/%20203.0.113.0/x", "/who/%20203.0.113.7/x"),
        ("/who/2001:db8:1:2::7", "/who/2001:db8:1::", "/who/2001:db8:1:2::7"),
        ("a:b:203.0.113.7", "a:b:203.0.113.0", "a:b:203.0.113.7"),
        ("Mozilla/5.0 Chrome/152.0.0.0 Edg/126.0.2592.81", "Mozilla/5.0 Chrome/152.0.0.0 Edg/126.0.2592.81", None),
        ("12:30:45", "12:30:45", None),
        ("/@kim/std::vector::at", "/@kim/std::vector::at", None),
    ],
)
def test_texts_lose_what_names_a_person(text: str, left: str | None, shown: str | None) -> None:
    """Queries, fragments, users and addresses go when anonymized; reports keep the keys of a query, but no value."""
    assert bare(text) == left
    assert masked(text) == (text if shown is None else shown)


@settings(deadline=None, max_examples=200)
@given(
    st.text(), st.text("abcdefghijkl", min_size=6), st.sampled_from(("?k={}", "?{}", "#{}", "?a=1&k={}&b", "%3fk={}"))
)
def test_no_value_is_left_behind_a_question_mark(text: str, secret: str, tail: str) -> None:
    """Whatever stands before it, a query value reaches neither anonymized text nor a report; twice is as once."""
    whole = text.replace(secret, "") + tail.format(secret)
    once = bare(whole) or ""
    assert secret not in once
    assert (bare(once) or "") == once
    assert secret not in masked(whole)
    assert masked(masked(whole)) == masked(whole)


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(codec="utf-8")))
def test_the_shape_of_a_line_says_nothing(text: str) -> None:
    """Only punctuation is left of a rejected line, each character in its place."""
    assert len(shape(text)) == len(text)
    assert re.sub("[0x]", "", shape(text)) == re.sub("[A-Za-z0-9]|[^ -~]", "", text)


# Columns


def parsed(name: str) -> tuple[Batch, Batch]:
    """Return the samples of a format as they are, and anonymized."""
    fmt = FORMATS[name]
    lines = [text for one in fmt.samples for text in (one.header, one.line) if text]
    block = Block.of(["".join(f"{one}\n" for one in lines).encode()], 1, 0)
    made = Parser(fmt, COLUMNS, zone(fmt.zone or "UTC"), CATALOG.regions(fmt.regions) if fmt.regions else None)
    batch = made.parse(block, "x.log", keep_rejects=True)
    return batch, anonymous(batch)


def texts_of(batch: Batch, name: str) -> list[str]:
    """Return the texts of a column, row by row, missing ones left out."""
    column = batch.columns.get(name)
    if column is None or isinstance(column, Numbers):
        return []
    codes, values = column.codes
    return [text for code in codes.tolist() if (text := values[code]) is not None]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_anonymized(name: str) -> None:
    """Of the samples of every format no client, query, port or rejected text is left; the rest stays."""
    batch, left = parsed(name)
    assert left.columns.keys() == batch.columns.keys() - {"query", "client_port"}
    shown = "\n".join(text for column in left.columns if column != "domain" for text in texts_of(left, column))
    clients = [text for text in texts_of(batch, "client_ip") if network(text) != text]
    queries = [text for text in texts_of(batch, "query") if len(text) > 3]
    tails = [text.split("?", 1)[1] for text in texts_of(batch, "referer") if len(text.partition("?")[2]) > 3]
    assert [text for text in [*clients, *queries, *tails] if text in shown] == []
    assert texts_of(left, "domain") == texts_of(batch, "domain")
    assert (left.rows, left.accounting) == (batch.rows, batch.accounting)
    assert [one.text for one in left.rejects] == [shape(one.text) for one in batch.rejects]
    assert [(one.line, one.offset, one.reason) for one in left.rejects] == [
        (one.line, one.offset, one.reason) for one in batch.rejects
    ]


# Whole runs

PLAIN, FORWARDED = "tencent-cdn", 'nginx:$host "$http_x_forwarded_for" [$time_local] "$request" $status "$http_referer"'
NIGHT = ["a.log", "--store", "history.db", *(f"--report={kind}=night.{kind}" for kind in ("html", "json", "markdown"))]
RUNS = {
    **{
        f"diagnose -o {kind}": ["diagnose", "a.log", "-o", kind]
        for kind in ("table", "json", "csv", "markdown", "html")
    },
    "diff": ["diff", "b.log", "a.log", "-o", "json"],
    "nightly": ["nightly", *NIGHT, "--report=prometheus=night.prom"],
}
ROWS = {
    **{
        f"count --by {name}": ["count", "a.log", "--by", name]
        for name in ("client_ip", "referer", "query", "user_agent")
    },
    **{f"parse to {kind}": ["parse", "a.log", "--out", f"rows.{kind}"] for kind in ("csv", "jsonl", "parquet")},
    "parse to folders": ["parse", "a.log", "--out", "parts", "--partition", "client_ip"],
    "rejects": ["count", "a.log", "--rejects", "rejects.jsonl"],
    "formats detect": ["formats", "detect", "a.log"],
    "forwarded": ["parse", "f.log", "--out", "f.jsonl", "--format", FORWARDED],
}


def visit(rng: Random) -> dict[str, str]:
    """Return who asks for what, with secrets wherever a browser puts them; one client asks for more than others."""
    address = (
        "203.0.113.77"
        if rng.random() < 0.3
        else rng.choice(
            (
                f"203.0.113.{rng.randrange(1, 250)}",
                f"198.51.100.{rng.randrange(1, 250)}",
                f"2001:db8:1:2::{rng.randrange(1, 999):x}",
            )
        )
    )
    secret = [f"zq{rng.randrange(10**9):09d}" for _ in range(6)]
    return {
        "address": address,
        "path": f"/p{rng.randrange(3)}?token={secret[0]}&{secret[1]}",
        "referer": f"https://kim:{secret[2]}@www.example.com/from?q={secret[3]}#{secret[4]}",
        "agent": f"bot/1.0 (+http://b.example/?id={secret[5]})",
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs of many people: one that breaks in its second half, the hour before, and one behind proxies."""
    folder, rng = tmp_path_factory.mktemp("privacy"), Random(6)
    visits = [visit(rng) for _ in range(240)]
    for name, broken in (("a", range(120, 200)), ("b", range(0))):
        lines = []
        for at, one in enumerate(visits):
            text = line(502 if at in broken else 200, 10 * at, **{k: v for k, v in one.items() if k != "address"})
            lines.append(text.replace("203.0.113.7", one["address"], 1))
        (folder / f"{name}.log").write_text("".join(f"{one}\n" for one in [*lines, lines[0][15:]]))
    forwarded = [
        f'www.example.com "{one["address"]}, 198.18.7.{at % 200 + 1}" [20/Nov/2026:00:00:00 +0800] '
        f'"GET {one["path"]} HTTP/1.1" 200 "{one["referer"]}"\n'
        for at, one in enumerate(visits)
    ]
    (folder / "f.log").write_text("".join(forwarded))
    return folder


ADDRESS = re.compile(
    r"203\.0\.113\.(?!0\b)\d|198\.51\.100\.(?!0\b)\d|198\.18\.7\.(?!0\b)\d|2001:db8:1:2:|2001%3Adb8%3A1%3A2"
)
SECRET = re.compile(r"zq\d{9}")


def said(args: list[str], logs: Path, folder: Path) -> str:
    """Run a command; return all that it writes, to the streams and to files, Parquet and the store too."""
    for path in logs.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    result = run_here(args, folder)
    assert result.code in (0, 1), result.err
    made = [path for path in folder.rglob("*") if path.is_file() and not (logs / path.name).exists()]
    texts = [result.out.decode(), result.err.decode(), *(str(path.relative_to(folder)) for path in made)]
    for path in made:
        texts.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path, partitioning=None)
            texts += [str(table.to_pydict()), str(table.schema.to_string(show_schema_metadata=True))]
    return "\n".join(texts)


@pytest.mark.parametrize("name", [*RUNS, *ROWS])
def test_nothing_that_is_written_names_a_client(name: str, logs: Path, tmp_path: Path) -> None:
    """With --anonymize no byte of any output holds an address or a query value of the log."""
    text = said([*({**RUNS, **ROWS}[name]), "--anonymize"], logs, tmp_path)
    assert ADDRESS.findall(text) == []
    assert SECRET.findall(text) == []
    assert "kim" not in text


@pytest.mark.parametrize("name", RUNS)
def test_reports_mask_query_values(name: str, logs: Path, tmp_path: Path) -> None:
    """Without it reports name clients, and the keys of a query, but no value."""
    text = said(RUNS[name], logs, tmp_path)
    assert SECRET.findall(text) == []
    if "csv" not in name and name != "diff":
        assert ADDRESS.search(text)
        assert re.search(r"from\\?\?q\\?=(\\?\*){3}", text)


@pytest.mark.parametrize("name", ROWS)
def test_rows_are_the_users_own(name: str, logs: Path, tmp_path: Path) -> None:
    """Without it rows, counts by a column, rejects and samples of a format are what the log says."""
    text = said(ROWS[name], logs, tmp_path)
    assert (ADDRESS if "client_ip" in name or "folders" in name else SECRET).search(text)


def test_counts_and_findings_stay(logs: Path) -> None:
    """Counts are the same, and so are the findings, told by networks; the result says that it is anonymized."""
    plain, left = (cdnlog.diagnose(logs / "a.log", anonymize=anonymize) for anonymize in (False, True))
    assert left.counts.frame.equals(plain.counts.frame)
    assert [(one.id, one.requests, one.confidence) for one in left] == [
        (one.id, one.requests, one.confidence) for one in plain
    ]
    assert set(left[0].affected["client_ips"]) == {"203.0.113.0", "198.51.100.0", "2001:db8:1::"}
    assert sum(left[0].affected_shares["client_ips"]) == pytest.approx(1, abs=0.001)
    assert left[0].affected["paths"] == plain[0].affected["paths"]
    assert left[0].affected["referers"] == ("https://www.example.com/from",)
    assert plain[0].affected["referers"] == ("https://***@www.example.com/from?q=***#***",)
    assert json.loads(left.to_json())["inputs"]["anonymized"] is True
    assert "anonymized" not in json.loads(plain.to_json())["inputs"]
    assert "anonymized: client addresses are networks" in left.to_markdown().replace("\\", "")


def test_a_night_told_again_is_anonymized_anew(logs: Path, tmp_path: Path) -> None:
    """What a store remembers of a night that named clients is not told again where they must not be named."""
    store = tmp_path / "history.db"
    plain, left = (cdnlog.nightly([logs / "a.log"], store, anonymize=anonymize) for anonymize in (False, True))
    assert plain.number == left.number
    assert ADDRESS.search(plain.to_json())
    assert ADDRESS.search(left.to_json()) is None
    assert left.diagnosis[0].affected["client_ips"][0] == "203.0.113.0"


def test_a_store_remembers_that_it_names_nobody(logs: Path, tmp_path: Path) -> None:
    """A night told with it names no client from the store, however it is told again; results say so till one is not."""
    store, log = tmp_path / "history.db", tmp_path / "a.log"
    log.write_bytes((logs / "a.log").read_bytes())
    cdnlog.nightly(log, store, anonymize=True)
    again = cdnlog.nightly(log, store)
    assert ADDRESS.search(again.to_json())  # the log was read anew
    log.unlink()
    assert ADDRESS.search(cdnlog.nightly(log, store).to_json()) is None
    assert ADDRESS.search(store.read_bytes().decode("latin-1")) is None
    assert (cdnlog.holdings(store).anonymized, cdnlog.stored(store).inputs.anonymized) == (True, True)
    assert b"name no clients" in run_here(["history", "--store", "history.db"], tmp_path).out
    cdnlog.nightly(logs / "b.log", store)
    assert (cdnlog.holdings(store).anonymized, cdnlog.stored(store).inputs.anonymized) == (False, False)
    assert cdnlog.stored(store, anonymize=True).inputs.anonymized


def test_the_library_anonymizes_too(logs: Path) -> None:
    """`read`, `stream` and `rows` give rows of networks; frames are anonymized where they are counted."""
    frame = cdnlog.read(logs / "a.log", anonymize=True)
    plain = cdnlog.read(logs / "a.log")
    assert sorted(frame["client_ip"].unique()) == ["198.51.100.0", "2001:db8:1::", "203.0.113.0"]
    assert "query" not in frame
    assert "client_port" not in frame
    same = frame.columns.difference(["client_ip", "referer", "user_agent"])
    assert frame[same].equals(plain[same])
    assert frame.dtypes.equals(plain.dtypes[frame.columns])
    assert sum(len(part) for part in cdnlog.stream(logs / "a.log", ["client_ip"], anonymize=True)) == len(frame)
    diagnosis = cdnlog.diagnose(plain, anonymize=True)
    assert ADDRESS.search(diagnosis.to_json()) is None
    failed = cdnlog.rows(diagnosis[0], logs / "a.log", anonymize=True)
    assert len(failed) == diagnosis[0].requests
    assert set(failed["client_ip"]) == set(frame["client_ip"])
    with pytest.raises(UsageError, match="anonymize where they are read"):
        cdnlog.rows(diagnosis[0], plain, anonymize=True)


def test_rejects_keep_place_and_shape(logs: Path) -> None:
    """A rejected line is recorded with file, line, offset and reason as ever, and what it looks like."""
    found = []
    for anonymize in (False, True):
        to = io.BytesIO()
        cdnlog.count(logs / "a.log", rejects=to, anonymize=anonymize)
        found.append([json.loads(one) for one in to.getvalue().splitlines()])
    plain, left = found
    assert len(plain) == 1
    assert [{**one, "text": shape(one["text"])} for one in plain] == left
    assert 'xxxx://xxx:xx000000000@xxx.xxxxxxx.xxx/xxxx?x=xx000000000#xx000000000 00 "xxx/0.0' in left[0]["text"]
