"""Formats of one's own: a TOML file, or what a server's configuration says; what they may say, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

import pandas as pd
import pytest
from test_cases import run_here

import cdnlog
from cdnlog.options import Options


def saved(path: Path, data: bytes) -> Path:
    """Write a file and return it."""
    path.write_bytes(data)
    return path


OWN = """
schema = "cdnlog.format/1"
name = "own"
title = "A log of one's own"
provider = "nobody"
source = "-"
as_of = "2026-01-01"
samples = [{ line = "-", source = "-" }, { line = "-", source = "-" }, { line = "-", source = "-" }]
"""
FIELDS = {
    "time": 'type = "time", format = "epoch"',
    "status": 'type = "status"',
    "domain": 'type = "domain"',
    "bytes": 'type = "integer"',
}


def own(folder: Path, toml: str, name: str = "own") -> Path:
    """Lay a format of one's own over ours and return the folder."""
    (folder / "own" / "formats").mkdir(parents=True, exist_ok=True)
    path = folder / "own" / "formats" / f"{name}.toml"
    path.write_text(OWN.replace('"own"', f'"{name}"') + toml, encoding="utf-8")
    return folder / "own"


def keyed(*columns: str, key: str = "x-{}", **more: str) -> str:
    """Return fields of a kind whose fields have names."""
    rows = [f'key = "{key.format(c)}", column = "{c}", {FIELDS.get(c) or more[c]}' for c in columns]
    return "fields = [" + ", ".join(f"{{ {row} }}" for row in rows) + "]\n"


def rows(folder: Path, toml: str, data: bytes, **options: Unpack[Options]) -> list[dict[str, Any]]:
    """Return the rows of a log of one's own format, without what is missing."""
    chosen: Options = {"max_rejects": 1.0, "schemas": own(folder, toml), **options}
    frame = cdnlog.read(saved(folder / "a.log", data), **chosen)
    return [row.dropna().to_dict() for _, row in frame.iterrows()]


@pytest.mark.parametrize(
    ("toml", "data"),
    [
        (
            'kind = "jsonl"\n' + keyed("time", "status", "domain"),
            '{"x-time":1700000000,"x-status":"404","x-domain":"A.b"}',
        ),
        (
            'kind = "w3c"\n' + keyed("time", "status", "domain"),
            "#Fields: x-domain x-time x-status\nA.b\t1700000000\t404",
        ),
        (
            (
                'kind = "regex"\npattern = "<(?P<d>[^>]*)> (?P<t>[0-9]+) (?P<s>[0-9]+)"\n'
                + keyed("time", "status", "domain", key="{0:.1s}")
            ),
            "<A.b> 1700000000 404",
        ),
        (
            (
                'kind = "delimited"\nseparator = "||"\nfields = [{ column = "time", type = "time", format = "epoch" }, '
                '{ column = "domain", type = "domain" }, { column = "status", type = "status" }]'
            ),
            "1700000000||A.b||404",
        ),
        (
            (
                'kind = "delimited"\nrepeated = true\nfields = [{ column = "time", type = "time", format = "epoch" }, '
                '{ column = "domain", type = "domain" }, { column = "status", type = "status" }]'
            ),
            "1700000000   A.b  404",
        ),
    ],
    ids=["jsonl", "w3c", "regex", "two characters", "repeated blanks"],
)
def test_a_format_takes_one_file(tmp_path: Path, toml: str, data: str) -> None:
    """A TOML file in a folder of one's own is all it takes: detected, read and counted."""
    lines = data.encode() + b"\nno line of it\n"
    (row,) = rows(tmp_path, toml, lines)
    assert (row["domain"], row["status"], row["time"].timestamp()) == ("a.b", 404, 1_700_000_000)
    counts = cdnlog.count(tmp_path / "a.log", schemas=tmp_path / "own", max_rejects=1.0)
    assert counts.inputs.files[0].format == "own"
    assert (counts.inputs.total.counted, counts.inputs.total.rejected) == (1, 1)


def test_a_sampled_log_counts_what_it_stands_for(tmp_path: Path) -> None:
    """A line of weight N is N requests of N times the bytes, for a log and its rows; in the accounting it is one."""
    toml = 'kind = "jsonl"\n' + keyed("time", "status", "domain", "bytes", "weight", weight='type = "integer"')
    line = '{{"x-time":1700000000,"x-status":200,"x-domain":"a","x-bytes":{},"x-weight":{}}}\n'
    big = 10**18 - 1
    data = line.format(10, 100) + line.format(big, 1_000_000) + line.format(5, "null") + line.format(5, 0)
    path = saved(tmp_path / "a.log", data.encode())
    options: Any = {"schemas": own(tmp_path, toml), "max_rejects": 1.0, "tz": "UTC"}
    counts = cdnlog.count(path, **options)
    assert [sums[:2] for sums in counts.table.values()] == [(1_000_101, 1005 + big * 1_000_000)]
    assert (counts.inputs.total.counted, counts.inputs.total.reject_reasons) == (3, {"weight": 1})
    assert cdnlog.count(cdnlog.read(path, **options), tz="UTC") == counts
    # A store tells in requests what is kept no longer, and leaves out as many of the lines as of the requests.
    path.write_text(line.format(1, 30) + line.format(1, 30).replace("1700", "1701"), encoding="utf-8")
    cdnlog.nightly(path, tmp_path / "h.db", keep="1d,2d,3d", **options)
    held = cdnlog.stored(tmp_path / "h.db")
    assert [(one.window, one.requests) for one in held.aged] == [(0, 30)]
    assert (sum(held.columns["requests"]), held.inputs.total.counted, held.inputs.total.filtered) == (30, 1, 1)


@pytest.mark.parametrize(
    ("name", "options", "domain"),
    [
        ("2026112000-www.Example.com-mainland.gz", {}, "www.example.com"),
        ("2026112000-www.Example.com-mainland.gz", {"domain_name": "said.example"}, "said.example"),
        ("other.log", {}, "fixed.example"),
    ],
)
def test_a_domain_may_come_from_outside(tmp_path: Path, name: str, options: Options, domain: str) -> None:
    """The domain of lines that name none: what the user says, else the file's name, else what the format fixes."""
    rule = r"file_domain = '^\d{10}-(?P<domain>.+?)(-(mainland|overseas))?(\.gz)?$'"
    toml = f'kind = "jsonl"\ndomain = "fixed.example"\n{rule}\n' + keyed("time", "status", "bytes")
    path = saved(tmp_path / name, b'{"x-time":1700000000,"x-status":200,"x-bytes":1}\n')
    counts = cdnlog.count(path, schemas=own(tmp_path, toml), **options)
    assert [key[1] for key in counts.table] == [domain]


def test_a_header_may_return_with_other_fields(tmp_path: Path) -> None:
    """In a w3c file each line is read by the last header above it; a line above all of them is rejected."""
    toml = 'kind = "w3c"\n' + keyed("time", "status", "domain", "bytes")
    data = (
        b"1700000000 200 a 1\n"
        b"#Version: 1.0\n#Fields: x-time x-status x-domain x-bytes\n1700000000 200 a 1\n1700000000 200 a 2\n"
        b"#Date: 2026-01-01\n#Fields: x-bytes x-unknown x-domain x-status x-time\n3 ? b 404 1700000001\n"
        b"#Fields: x-time x-status x-domain x-bytes\n1700000002 500 c 4\n"
    )
    for block in (7, 1 << 20):
        options: Any = {"schemas": own(tmp_path, toml), "max_rejects": 1.0, "block": block}
        path = saved(tmp_path / "a.log", data)
        frame = cdnlog.read(path, **options)
        assert frame["bytes"].tolist() == [1, 2, 3, 4]
        assert frame["status"].tolist() == [200, 200, 404, 500]
        total = cdnlog.count(path, **options).inputs.total
        assert (total.lines, total.counted, total.comments, total.reject_reasons) == (10, 4, 5, {"header": 1})


def test_headers_far_above_the_data_are_known(tmp_path: Path) -> None:
    """A header counts even if more comments follow it than a block holds."""
    toml = 'kind = "w3c"\n' + keyed("time", "status", "domain")
    data = b"#Fields: x-time x-status x-domain\n" + b"# note\n" * 60 + b"1700000000 200 a\n"
    for block in (7, 1 << 20):
        (row,) = rows(tmp_path, toml, data, block=block)
        assert row["domain"] == "a"


def test_lines_may_begin_with_a_hash(tmp_path: Path) -> None:
    """Where a format says that its lines have no comments, a line that begins with "#" is data."""
    fields = 'fields = [{ column = "domain", type = "domain" }, { column = "time", type = "time", format = "epoch" }, '
    toml = 'kind = "delimited"\ncomment = ""\nseparator = "|"\n' + fields + '{ column = "status", type = "status" }]'
    data = b"#a.b|1700000000|200\n#c.d|1700000000|404\n"
    assert [row["status"] for row in rows(tmp_path, toml, data)] == [200, 404]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b'{"x-time":1,"x-time":1700000000,"x-status":200,"x-domain":"a"}', "a"),  # the last of doubled keys
        (b'{"x-time":1700000000,"x-status":200.0,"x-domain":"a"}', "a"),
        (b'  {"x-time":"1700000000","x-status":"200","x-domain":"a"} \r', "a"),
        (b'<134>Jun  1 00:00:00 host app[1]: {"x-time":1700000000,"x-status":200,"x-domain":"a"}', "a"),
        (b'{"x-time":1.7e9,"x-status":2e2,"x-domain":"\\u0061"}', "a"),
        (b'{"x-time":1700000000,"x-status":200,"x-domain":"a","y":"\\x22\xff"}', "a"),
        (b'{"x-time":1700000000,"x-status":200,"x-domain":"a","y":-,}', "a"),
        (b'{"x-time":1700000000,"x-status":200,"x-domain":null}', "(none)"),
        (b'{"x-time":1700000000,"x-status":200,"x-domain":{"a":1}}', "(none)"),
        (b'{"x-time":1700000000,"x-status":200,"x-domain":"\\ud800"}', "(invalid)"),
    ],
)
def test_json_is_read_leniently(tmp_path: Path, line: bytes, value: str) -> None:
    """What writers make of JSON is read, if it can mean one thing only."""
    toml = 'kind = "jsonl"\n' + keyed("time", "status", "domain")
    (row,) = rows(tmp_path, toml, line + b"\n", format="own")
    assert (row["domain"], row["status"], row["time"].timestamp()) == (value, 200, 1_700_000_000)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "json"),
        (b'{"x-time":1700000000,', "json"),
        (b'"x-status":200}', "json"),
        (b'[{"x-time":1700000000,"x-status":200}]', "json"),
        (b'{"x-time":1700000000,"x-status":200}{}', "json"),
        (b'{"x-time":1700000000,"x-status":200,"y":' + b"[" * 100 + b"]" * 100 + b"}", "json-depth"),
        (b'{"x-time":1700000000,"x-status":200,"y":' + b"[" * 60_000, "json-depth"),
        (b'{"x-time":1700000000,"x-status":200,"y":"' + b'\\"' * 30_000, "json"),
    ],
)
def test_json_that_is_none_is_rejected(tmp_path: Path, line: bytes, reason: str) -> None:
    """A record over several lines, two in one, or one that is nested without end is a reject, and a quick one."""
    toml = 'kind = "jsonl"\n' + keyed("time", "status", "domain")
    path = saved(tmp_path / "a.log", (line + b"\n") * 20)
    total = cdnlog.count(path, schemas=own(tmp_path, toml), format="own", max_rejects=1.0).inputs.total
    assert total.reject_reasons == {reason: 20}


@pytest.mark.parametrize(
    ("spec", "line", "expected"),
    [
        (
            'nginx:$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_user_agent"',
            r'1.2.3.4 - a b [12/Mar/2023:00:15:32 +0800] "GET /a?b=\x22c HTTP/1.1" 200 30 "u \x22q\x22"',
            {"status": 200, "path": "/a", "query": 'b="c', "bytes": 30, "user_agent": 'u "q"', "client_ip": "1.2.3.4"},
        ),
        (
            'nginx:$host $msec $status rt=$request_time urt="$upstream_response_time" us="$upstream_status"',
            'a.b 1678551332.293 200 rt=0.1235 urt="0.2, 0.300" us="502, 504"',
            {"domain": "a.b", "duration_ms": 124, "origin_ms": 300, "origin_status": 504},
        ),
        (
            'nginx:{"t":"$time_iso8601","s":$status,"req":{"u":"$request_uri"},"b.c":$bytes_sent,"x":"$scheme://$host"}',
            '{"t":"2023-03-12T00:15:32+08:00","s":499,"req":{"u":"/x?y=1"},"b.c":77,"x":"http://a"}',
            {"status": 499, "path": "/x", "query": "y=1", "bytes": 77},
        ),
        (
            r"apache:%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\" %D",
            r'www.x.example:443 h.example - - [12/Mar/2023:00:15:32 +0800] "GET /\"q HTTP/1.0" 200 - "-" "a b" 1500',
            {"domain": "www.x.example", "path": '/"q', "user_agent": "a b", "duration_ms": 2, "client_ip": "h.example"},
        ),
        (
            "apache:[%{%Y-%m-%d %H:%M:%S}t] %m %U%q %H %s %B %{ms}T",
            "[2023-03-12 00:15:32] GET /x?y HTTP/1.1 500 7 33",
            {"status": 500, "method": "GET", "path": "/x", "query": "y", "bytes": 7, "duration_ms": 33},
        ),
        (
            "nginx:log_format own '$time_local|$status|'\n  '$host';",
            "12/Mar/2023:00:15:32 +0800|404|a.b",
            {"status": 404, "domain": "a.b"},
        ),
    ],
)
def test_servers_own_formats_are_read(tmp_path: Path, spec: str, line: str, expected: dict[str, Any]) -> None:
    """What nginx's or Apache's configuration says of the log is a format."""
    path = saved(tmp_path / "a.log", line.encode() + b"\nno such line\n")
    frame = cdnlog.read(path, format=spec, max_rejects=1.0)
    assert len(frame) == 1
    assert {column: frame[column].iloc[0] for column in expected} == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nginx:$remote_addr$status [$time_local]", r"between \$remote_addr and \$status at character 13"),
        ("nginx:$remote_addr [$time_local]", "says no status"),
        ("nginx:$status", "says no time"),
        ("nginx:combined", "no variable"),
        ("apache:%h %", "no directive at character 4"),
        ("apache:%s %{%Q}t", "%Q"),
        ('nginx:{"a":$status, "t":"$msec"', "JSON"),
    ],
)
def test_servers_formats_that_cannot_be_read(tmp_path: Path, spec: str, message: str) -> None:
    """A format string that no line could be read by is refused, with what is wrong and where."""
    with pytest.raises(cdnlog.UsageError, match=message):
        cdnlog.count(saved(tmp_path / "a.log", b"x\n"), format=spec)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('type = "status"', 'type = "state"', r"own.toml:14: `type` cannot be 'state'; .*address, .*word"),
        ('column = "bytes"', 'column = "byte"', r"own.toml:20: there is no column 'byte'; did you mean bytes"),
        ('kind = "delimited"', 'kind = "csv"', r"own.toml:9: `kind` cannot be 'csv'; there are delimited, jsonl"),
        ('type = "status"', 'typ = "status"', r"own.toml:14: there is no key `typ`; did you mean type"),
        ('format = "epoch"', 'format = "unix"', r"own.toml:15: no time is written like 'unix'; there are .*epoch"),
        ('separator = " "', "separator = ", r"own.toml:10: "),
        ('name = "own"', 'name = "other"', r"own.toml:3: the name is 'other'"),
        ('column = "time"', 'column = "bytes"', "no field fills the column 'time'"),
    ],
)
def test_a_faulty_format_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Of a faulty format file the file, the line, the key and the names that may stand there are told."""
    folder = own(
        tmp_path,
        """kind = "delimited"
separator = " "

[[fields]]
column = "status"
type = "status"
[[fields]]
column = "time"
type = "time"
format = "epoch"
[[fields]]
column = "bytes"
type = "integer"
""",
    )
    path = folder / "formats" / "own.toml"
    cdnlog.count(saved(tmp_path / "a.log", b"200 1700000000 -\n"), schemas=folder, format="own")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(cdnlog.CdnlogError, match=message):
        cdnlog.count(tmp_path / "a.log", schemas=folder)


@pytest.mark.parametrize(
    "prefix",
    [
        "<134>Jun  1 00:00:00 cache-fra1 name[123]: ",
        "Jun  1 00:00:00 host nginx: ",
        "2024-06-01T00:00:00.123456+02:00 host nginx[7]: ",
        "<134>2024-06-01T00:00:00Z cache-fra1 name[1]: ",
        '<165>1 2024-06-01T00:00:00.003Z host app 123 ID47 [example@32473 a="b"] ',
        "<190>nginx: ",
    ],
)
@pytest.mark.parametrize(
    "spec",
    [
        'nginx:$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent',
        'nginx:$remote_addr - $remote_user [$time_local] "$request" s=$status $body_bytes_sent',
    ],
)
def test_a_syslog_may_stand_before_a_line(tmp_path: Path, prefix: str, spec: str) -> None:
    """What a syslog puts before a line is no part of it, and changes nothing of it."""
    line = '1.2.3.4 - bob [12/Mar/2023:00:15:32 +0800] "GET /a HTTP/1.1" 200 30\n'.replace(
        "200", "s=200" if "s=" in spec else "200"
    )
    path = saved(tmp_path / "a.log", (prefix + line + line).encode())
    frame = cdnlog.read(path, format=spec)
    assert frame["client_ip"].tolist() == ["1.2.3.4"] * 2
    assert frame["status"].tolist() == [200, 200]


RAW = {
    "UTF-8": ("/你".encode(), "/你"),
    "Big5": ("/你".encode("big5"), r"/\xa7A"),
    "raw": (b"/\xff\xfe", r"/\xff\xfe"),
    "typed": (b"/\x1b[0m", r"/\x1b[0m"),
}
KINDS = {
    "jsonl": ('kind = "jsonl"\n', "x-{}", b'{"x-time":1700000000,"x-status":200,"x-path":"%b"}\n'),
    "w3c": ('kind = "w3c"\n', "x-{}", b"#Fields: x-time x-status x-path\n1700000000\t200\t%b\n"),
    "regex": (
        'kind = "regex"\npattern = "(?P<t>[0-9]+) (?P<s>[0-9]+) (?P<p>.*)"\n',
        "{0:.1s}",
        b"1700000000 200 %b\n",
    ),
}


@pytest.mark.parametrize(("raw", "shown"), RAW.values(), ids=RAW)
@pytest.mark.parametrize(("toml", "key", "line"), KINDS.values(), ids=KINDS)
def test_any_bytes_are_text(tmp_path: Path, toml: str, key: str, line: bytes, raw: bytes, shown: str) -> None:  # noqa: PLR0913, PLR0917
    """Bytes that are no UTF-8, and controls that people type, cost no line; they are shown as what they are."""
    if toml == KINDS["jsonl"][0]:
        raw = raw.replace(b"\x1b", rb"\u001b")
    toml += keyed("time", "status", "path", key=key, path='type = "path"')
    (row,) = rows(tmp_path, toml, line % raw, format="own")
    assert row["path"] == shown
    counts = cdnlog.count(tmp_path / "a.log", by=["path"], schemas=tmp_path / "own", format="own")
    assert [key[3] for key in counts.table] == [shown]


def test_several_zones_in_one_file(tmp_path: Path) -> None:
    """Each line is in the zone it names, one that names none in that of the format or of --log-tz; time may go back."""
    toml = 'kind = "jsonl"\nzone = "+08:00"\n' + keyed("time", "status", "domain").replace('"epoch"', '"iso"')
    times = ("2024-06-01T10:00:00+0900", "2024-06-01T10:00:00", "2024-05-31T23:00:00Z", "2024-06-01T04:30:00+05:30")
    data = "".join(f'{{"x-time":"{time}","x-status":200,"x-domain":"a"}}\n' for time in times).encode()
    hours = [row["time"].isoformat()[11:16] for row in rows(tmp_path, toml, data)]
    assert hours == ["01:00", "02:00", "23:00", "23:00"]
    assert [row["time"].hour for row in rows(tmp_path, toml, data, log_tz="UTC")] == [1, 10, 23, 23]
    counts = cdnlog.count(tmp_path / "a.log", window="1h", schemas=tmp_path / "own")
    assert str(counts.frame["window_start"].dt.tz) == "UTC+09:00"  # of the first line


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_rows_of_several_formats_have_the_columns_of_all(tmp_path: Path, suffix: str) -> None:
    """Rows of several formats are written as `read` gives them: all columns, null where a log lacks one."""
    line = b'20261120000000 1.2.3.4 a.example.com /x 1 4 2 200 - 9 "u" "-" GET HTTPS hit 11\n'
    (tmp_path / "a.log").write_bytes(line * 9)
    clf = b'1.2.3.4 - - [20/Nov/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "u"\n'
    (tmp_path / "b.log").write_bytes(clf * 9)
    bad = b'1.2.3.4 - - [20/Nov/2026:00:00:00 +0000] "GET / HTTP/1.1" x 5 "-" "u"\n'
    (tmp_path / "c.log").write_bytes(clf * 9 + bad)
    files, out = ["b.log", "a.log", "c.log"], tmp_path / f"out.{suffix}"
    options = ["--out", out.name, "--rejects", "rejects.jsonl"]
    assert run_here(["parse", *files, *options], tmp_path).code == 0
    wanted = cdnlog.read([tmp_path / name for name in files]).astype({"time": str})
    if suffix == "csv":
        found = pd.read_csv(out)
    else:
        found = pd.read_parquet(out) if suffix == "parquet" else pd.read_json(out, lines=True)
    assert list(found) == list(wanted)
    assert found["cache"].isna().tolist() == wanted["cache"].isna().tolist() == [True] * 9 + [False] * 9 + [True] * 9
    assert len((tmp_path / "rejects.jsonl").read_bytes().splitlines()) == 1, "though the logs are read twice"
    with (tmp_path / "open").open("wb") as file:
        once = f"/dev/fd/{file.fileno()}"
        assert run_here(["parse", *files, "--out", out.name, "--rejects", once], tmp_path).code == 2, "told once only"
    assert run_here(["parse", "-", *files[1:], *options], tmp_path, stdin=clf).code == 2, "a pipe is not"
