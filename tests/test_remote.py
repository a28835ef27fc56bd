"""Logs in buckets and behind HTTP give what the same files give on disk; what goes wrong is said, secrets are not."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import KEYS, SAMPLES, Bucket, Page, made_logs, only_known_keys, s3, web

import cdnlog
from cdnlog import source
from cdnlog.errors import DamagedInput, UsageError
from cdnlog.source import keys, resumed
from cdnlog.urls import masked, masked_text

pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'cdnlog[s3]'")
pytest.importorskip("moto", reason="moto is not installed: pip install 'moto[server]'")

WWW = (SAMPLES / "2026112000-www.example.com.gz").read_bytes()
TEXT = gzip.decompress(WWW)
LINES = TEXT.count(b"\n")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return 50 logs, with what lies about among logs."""
    folder = tmp_path_factory.mktemp("remote") / "cdn"
    made_logs(folder, 50)
    (folder / "20261120" / "README.md").write_text("not a log\n")
    (folder / "20261120" / "late.gz.part").write_text("not yet\n")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "old.log").write_text("hidden\n")
    return folder


@pytest.fixture(scope="session")
def endpoint(folder: Path) -> Iterator[Bucket]:
    """Serve them from a bucket."""
    with s3() as bucket:
        bucket.fill(folder, "cdn")
        bucket.put("folder/", b"")  # what consoles make when somebody makes a folder
        yield bucket


@pytest.fixture
def bucket(endpoint: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Let this process read the bucket."""
    for name, value in endpoint.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(resumed, "PAUSE", 0.001)
    return endpoint


def cli(*args: str | Path, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [sys.executable, "-m", "cdnlog", *map(str, args)]
    return subprocess.run(
        command, cwd=cwd, env=env or dict(os.environ), capture_output=True, text=True, timeout=120, check=False
    )


def names(*paths: str) -> list[str]:
    """Return the names of the inputs that are to be read."""
    return [one.path for one in source.find(paths).inputs if one.verdict is None]


def counted(url: str) -> cdnlog.Counts:
    """Count without being warned: the verdict says it too."""
    with pytest.warns(cdnlog.InputWarning):
        return cdnlog.count(url, jobs=1)


def test_a_bucket_is_counted_byte_for_byte_like_the_folder(bucket: Bucket, folder: Path, tmp_path: Path) -> None:
    """50 gz objects, read by two processes, give the JSON of the same files on disk; only the paths differ."""
    local = cli("count", folder, "-o", "json", "--rejects", "local.jsonl", cwd=tmp_path)
    remote = cli(
        "count", "s3://logs/cdn/", "-o", "json", "--rejects", "remote.jsonl", "--jobs", "2",
        cwd=tmp_path, env=bucket.environment(),
    )  # fmt: skip
    assert (local.returncode, remote.returncode) == (0, 0), remote.stderr
    assert len(json.loads(local.stdout)["inputs"]["files"]) == 50
    assert remote.stdout.replace("s3://logs/cdn", str(folder)) == local.stdout
    assert remote.stderr.replace("s3://logs/cdn", str(folder)) == local.stderr.replace("local", "remote")
    rejects = (tmp_path / "remote.jsonl").read_text().replace("s3://logs/cdn", str(folder))
    assert rejects == (tmp_path / "local.jsonl").read_text() != ""


@pytest.mark.usefixtures("bucket")
def test_the_library_reads_a_bucket_in_threads(folder: Path) -> None:
    """Counts, frames and the rows of a finding come from a bucket as from a folder."""
    part = "20261120/05/www*"
    local, remote = (cdnlog.diagnose(f"{root}/{part}", jobs=2) for root in (folder, "s3://logs/cdn"))
    assert remote.to_json() == local.to_json().replace(str(folder), "s3://logs/cdn")
    assert cdnlog.read(f"s3://logs/cdn/{part}").equals(cdnlog.read(f"{folder}/{part}"))
    assert len(cdnlog.rows(remote[0], f"s3://logs/cdn/{part}", ["time"])) == remote[0].requests


@pytest.mark.parametrize(
    "asked",
    ["", "20261120/03", "20261120/*/api*", "**/www*-000.gz", "**/0[12]/*", "20261120/0?", "*", "20261120/*.md"],
)
@pytest.mark.usefixtures("bucket")
def test_prefixes_and_globs_are_those_of_a_folder(folder: Path, asked: str) -> None:
    """The same files are found in the same order, and the same ones left out, as in a folder."""
    local, remote = source.find([f"{folder}/{asked}"]), source.find([f"s3://logs/cdn/{asked}"])
    assert [one.path.replace("s3://logs/cdn", str(folder)) for one in remote.inputs] == [
        one.path for one in local.inputs
    ]
    left = {name.replace("s3://logs/cdn", str(folder)) for name in remote.skipped}
    assert left == set(local.skipped)
    assert [one.size for one in remote.inputs] == [one.size for one in local.inputs]


@pytest.mark.usefixtures("bucket")
def test_an_object_is_named_outright() -> None:
    """One object is one input, even one that a walk leaves out; twice named it is read once; no folder is an object."""
    one = "s3://logs/cdn/20261120/00/www.example.com-000.gz"
    assert names(one, "s3://logs/cdn/20261120/README.md") == [one, "s3://logs/cdn/20261120/README.md"]
    assert [found.verdict for found in source.find([one, one]).inputs] == [None, "duplicate"]
    assert names("s3://logs/folder/") == []


def test_where_there_is_nothing_it_says_so(bucket: Bucket, tmp_path: Path) -> None:
    """A missing bucket, object or match: one line with what, where and what to do, exit 3, and the rest is counted."""
    done = cli(
        "count", "s3://nobody/x", "s3://logs/gone/", "s3://logs/cdn/*.zst", "s3://logs/cdn/20261120/00/www*", "-q",
        cwd=tmp_path, env=bucket.environment(),
    )  # fmt: skip
    assert done.returncode == 3
    assert [line.split(": ")[1:3] for line in done.stderr.splitlines()] == [
        ["s3://nobody/x", "missing"], ["s3://logs/gone/", "missing"], ["s3://logs/cdn/*.zst", "missing"],
    ]  # fmt: skip
    assert "no such bucket (404 NoSuchBucket)" in done.stderr
    assert "8,172 lines" in done.stdout


def test_wrong_and_absent_credentials_are_told_and_not_shown(bucket: Bucket, tmp_path: Path) -> None:
    """Refused and absent keys are one line each, with what to set; exit 3; nothing of the keys is printed."""
    only_known_keys(bucket, enforced=True)
    try:
        refused = cli("count", "s3://logs/cdn/", cwd=tmp_path, env=bucket.environment())
    finally:
        only_known_keys(bucket, enforced=False)
    absent = {k: v for k, v in bucket.environment(HOME=str(tmp_path)).items() if k not in KEYS}
    without = cli("count", "s3://logs/cdn/", cwd=tmp_path, env=absent)
    for done, what in ((refused, "access denied (403 InvalidAccessKeyId)"), (without, "no credentials were found")):
        assert done.returncode == 3
        assert f"cdnlog: s3://logs/cdn/: unreadable: {what}" in done.stderr
        assert "AWS_PROFILE" in done.stderr
        assert not any(secret in done.stdout + done.stderr for secret in (*list(KEYS.values())[:2], "Traceback"))


@pytest.mark.usefixtures("bucket")
def test_an_endpoint_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without address is told as one, with its host."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3.invalid")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    (found,) = source.find(["s3://logs/cdn/"]).inputs
    assert found.verdict == "unreadable"
    assert "name of s3.invalid was not found (DNS)" in found.problem


def test_an_object_that_disappears_or_changes_after_it_was_listed(bucket: Bucket) -> None:
    """What is gone or replaced between listing and reading is unreadable, with the reason; the rest counts."""
    for name in ("a", "b", "c"):
        bucket.put(f"moving/{name}.log", TEXT)
    found = source.find(["s3://logs/moving/"])
    bucket.remove("moving/a.log")
    bucket.put("moving/b.log", TEXT + TEXT)
    with pytest.warns(cdnlog.InputWarning):
        files = cdnlog.count(found, jobs=2).inputs.files
    assert [(file.verdict, file.accounting.counted) for file in files] == [
        ("unreadable", 0), ("unreadable", 0), ("ok", LINES),
    ]  # fmt: skip
    assert "nothing is there (404 NoSuchKey)" in files[0].problem
    assert "it was replaced since it was listed" in files[1].problem


def test_a_large_object_is_read_in_blocks(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size of the blocks that are fetched, one ahead, the content is the same; a change is seen."""
    monkeypatch.setattr(resumed, "BLOCK", 100_000)
    bucket.put("large.log", TEXT)
    found = source.find(["s3://logs/large.log"])
    assert b"".join(block.data for block in source.read(found.inputs[0]) if isinstance(block, source.Block)) == TEXT
    blocks = source.read(found.inputs[0], 1000)
    next(blocks)
    bucket.put("large.log", TEXT.replace(b"GET", b"PUT"))
    *_, ending = blocks
    assert isinstance(ending, source.Ending)
    assert ending.verdict == "unreadable"


def test_a_bucket_counts_once_in_nightly(bucket: Bucket, tmp_path: Path) -> None:
    """What was counted is not read again; a copy counts once, a grown object in place of itself, all by its URL."""
    store = tmp_path / "history.db"
    bucket.put("night/logs//www.gz", WWW)  # two slashes are a key like any other
    first = cdnlog.nightly("s3://logs/night/", store)
    again = cdnlog.nightly("s3://logs/night/", store)
    assert (first.diagnosis.to_json(), again.known) == (again.diagnosis.to_json(), 0)
    bucket.put("night/copy.gz", gzip.compress(TEXT, 1))
    bucket.put("night/logs//www.gz", gzip.compress(TEXT + TEXT.splitlines(keepends=True)[0]))
    cdnlog.nightly("s3://logs/night/", store)
    assert int(cdnlog.stored(store).frame["requests"].sum()) == LINES + 1
    with sqlite3.connect(store) as connection:
        kept = "".join(connection.iterdump())
    connection.close()
    assert "night/logs//www.gz" in kept
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in kept


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("data", [gzip.compress(TEXT, 0), TEXT], ids=["gz", "plain"])
def test_a_connection_that_breaks_is_taken_up_again(ranges: bool, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut answer is continued at the same byte, by range or, where there are none, past what was read."""
    monkeypatch.setattr(resumed, "PAUSE", 0.001)
    page = Page(data, ranges=ranges, cuts=[1_700_000, 200_000 if ranges else 1_900_000, 0])
    with web({"/a.log": page}) as address:
        counts = cdnlog.count(f"{address}/a.log")
    assert counts.inputs.total.counted == LINES
    starts = [int(asked[6:-1] or 0) for asked in page.asked]
    assert len(starts) == 4
    assert starts == sorted(starts)  # how much of a cut answer arrives is the network's affair
    assert 0 < starts[3] <= 1_900_000


def test_a_connection_that_always_breaks_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a bounded number of attempts the file is unreadable, its lines are withheld, and others count."""
    monkeypatch.setattr(resumed, "PAUSE", 0.001)
    bad = Page(TEXT, cuts=[500_000, *[0] * 99])
    with web({"/bad.log": bad, "/good.gz": Page(WWW)}) as address, pytest.warns(cdnlog.InputWarning):
        files = cdnlog.count([f"{address}/bad.log", f"{address}/good.gz"]).inputs.files
    assert [(file.verdict, file.accounting.counted) for file in files] == [("unreadable", 0), ("ok", LINES)]
    assert files[0].problem.endswith("the connection was cut; tried 5 times")
    assert len(bad.asked) == 5


def test_a_file_that_changes_while_it_is_read_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows a break must follow what came before: told by the ETag, or by the bytes themselves."""
    monkeypatch.setattr(resumed, "PAUSE", 0.001)
    other = TEXT.replace(b"GET", b"PUT")
    with web({"/a.log": Page(TEXT, ranges=False, cuts=[1_700_000], replaced=other)}) as address:
        (file,) = counted(f"{address}/a.log").inputs.files
    assert file.problem.endswith("it was replaced since it was listed; run again")


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(WWW, "gzip"), (gzip.compress(TEXT), "gzip"), (gzip.compress(WWW), "gzip"), (TEXT, "identity")],
    ids=["the log's own", "on the way", "both", "none"],
)
def test_an_encoding_is_neither_missed_nor_taken_off_twice(data: bytes, encoding: str) -> None:
    """Whether the log or only the answer is compressed, or both: the same lines."""
    with web({"/a.gz": Page(data, headers={"Content-Encoding": encoding})}) as address:
        assert cdnlog.count(f"{address}/a.gz").inputs.total.counted == LINES


def test_answers_that_are_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statuses and encodings that cannot be read are told by number and name."""
    monkeypatch.setattr(resumed, "PAUSE", 0.001)
    pages = {
        "/404": Page(status=404), "/403": Page(status=403), "/503": Page(status=503),
        "/br": Page(TEXT, headers={"Content-Encoding": "br"}),
    }  # fmt: skip
    with web(pages) as address, pytest.warns(cdnlog.InputWarning):
        files = cdnlog.count([address + path for path in pages]).inputs.files
    assert [file.verdict for file in files] == ["missing", "unreadable", "unreadable", "unreadable"]
    for file, what in zip(files, ("nothing is there (404)", "denied (403)", "answers 503", "'br'"), strict=True):
        assert what in file.problem


def test_a_server_without_tls_is_not_blamed_for_its_certificate() -> None:
    """https:// where the server speaks plain HTTP is told as that."""
    with web({}) as address:
        (found,) = source.find([address.replace("http:", "https:") + "/a.gz"]).inputs
    assert "does not speak TLS there; check the port, or is it http://" in found.problem


def test_secrets_of_an_address_are_nowhere(tmp_path: Path) -> None:
    """User, password, signature and token are in no report, reject, error or store, and the file is known without."""
    secrets = ["hunter2", "5e9f00d", "AKIAIOSFODNN7EXAMPLE", "tok-e-n"]
    query = f"?X-Amz-Credential={secrets[2]}&X-Amz-Signature={secrets[1]}&part=1&token={secrets[3]}"
    bad = TEXT[:1000] + b"nonsense\n"
    www = Page(WWW)
    with web({"/www.gz": www, "/bad.log": Page(bad)}) as address:
        host = address.removeprefix("http://")
        urls = [f"http://me:{secrets[0]}@{host}/{name}{query}" for name in ("www.gz", "bad.log", "gone")]
        shown = f"http://***@{host}/www.gz?X-Amz-Credential=***&X-Amz-Signature=***&part=1&token=***"
        runs = [
            cli("count", *urls, "-o", "json", "--rejects", "rejects.jsonl", "--debug", cwd=tmp_path),
            cli("nightly", *urls, "--store", "history.db", cwd=tmp_path),
            cli("formats", "detect", urls[2], cwd=tmp_path),
            cli("parse", urls[0], "--out", "rows.parquet", cwd=tmp_path),
            cli("count", urls[0], "--out", urls[0], cwd=tmp_path),
            cli("count", urls[0].replace("http:", "ftp:"), cwd=tmp_path),
        ]
        said = "".join(run.stdout + run.stderr for run in runs).encode()
        assert [run.returncode for run in runs] == [3, 3, 3, 0, 2, 2], said.decode()
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        asked = len(www.asked)
        cdnlog.nightly([url.replace(secrets[1], "6a0f11e") for url in urls[:1]], tmp_path / "history.db")
    assert json.loads(runs[0].stdout)["inputs"]["files"][0]["path"] == shown
    for secret in secrets:
        assert secret.encode() not in said + written
    assert len(www.asked) == asked  # it is the file that was counted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/a.gz", "https://h/a.gz"),
        ("https://u:p@s@h/a", "https://***@h/a"),
        ("HTTPS://h/a?part=c#token=x", "https://h/a?part=c"),
        ("https://h/a?file=2026-11-20.gz&sig=x%2By&se=1", "https://h/a?file=2026-11-20.gz&sig=***&se=***"),
        ("https://h/a?q-sign-algorithm=sha1&q-ak=x&q-signature=y", "https://h/a?q-sign-algorithm=***&q-ak=***&q-signature=***"),
        ("https://h/a?OSSAccessKeyId=x&Expires=1&Signature=y", "https://h/a?OSSAccessKeyId=***&Expires=***&Signature=***"),
        ("https://h/a?id=0123456789abcdef0123456789abcdef", "https://h/a?id=~3eb1bd43"),
        ("https://h/a?to%6ben=x&code=y&z", "https://h/a?to%6ben=***&code=~a1fce436&~594e519a"),
        ("http://u:a/b@h/x;sig=y", "http://***@h/x;sig=***"),
        ("abfs://logs@account.dfs.core.windows.net/a", "abfs://logs@account.dfs.core.windows.net/a"),
        ("s3://b/a?b#c", "s3://b/a?b#c"),
    ],
)  # fmt: skip
def test_what_is_masked(url: str, shown: str) -> None:
    """Only what lets others in is masked: the rest tells which file it was."""
    assert masked(url) == shown
    assert masked(shown) == shown
    assert masked_text(f"cannot get '{url}' (x-amz-security-token=abc)") == (
        f"cannot get '{shown}' (x-amz-security-token=***)"
    )


@given(
    st.text(st.characters(codec="ascii", exclude_characters="&=#?@/ ;'\"<>", categories=["L", "N", "P"]), min_size=6)
)
def test_no_secret_survives_masking(secret: str) -> None:
    """Whatever the secret is, wherever an address may hold one."""
    for url in (f"https://u:zz{secret}@h/a", f"https://h/a?token=zz{secret}", f"s3://zz{secret}:zz{secret}@b/c"):
        assert f"zz{secret}" not in masked(url)


def test_addresses_that_differ_in_secrets_only_are_not_lost() -> None:
    """Two signatures of one object are one object; where nothing says so, the second is told."""
    pages = {"/tagged": Page(WWW, headers={"ETag": '"1"'}), "/bare": Page(WWW)}
    with web(pages) as address:
        verdicts = [
            [one.verdict for one in source.find([f"{address}{path}?sig=1", f"{address}{path}?sig=2"]).inputs]
            for path in pages
        ]
    assert verdicts == [[None, "duplicate"], [None, "unreadable"]]


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("cos://b/a", "Tencent COS speaks S3"),
        ("oss://b/a", "Alibaba OSS speaks S3"),
        ("ftp://me:hunter2@h/a", "no driver for ftp://"),
        ("s3://me:hunter2@b/a", "credentials are not taken from an address"),
        ("s3:///a", "names no bucket"),
        ("https://h/*.gz", "cannot be listed"),
    ],
)
def test_addresses_that_cannot_work(url: str, what: str) -> None:
    """They are refused before anything is read, with what to do instead."""
    with pytest.raises(UsageError, match=what) as error:
        cdnlog.count(url)
    assert "hunter2" not in str(error.value)


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """Without the extra: one line with what to install, exit 2; files need none of it."""
    hide = "import sys; sys.modules['fsspec'] = None; from cdnlog.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", hide, "count", "s3://b/a"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "cdnlog: s3:// is read by a driver that is not installed: pip install 'cdnlog[s3]'\n"


def test_files_pay_for_none_of_it() -> None:
    """Reading a file loads nothing of this."""
    code = (
        "import sys, cdnlog; cdnlog.count(sys.argv[1]);"
        "print([m for m in sys.modules if m in ('fsspec', 'cdnlog.source.remote', 'aiohttp', 'asyncio')])"
    )
    path = SAMPLES / "2026112000-www.example.com.gz"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_input_goes_to_other_processes_without_showing_its_address() -> None:
    """What is handed to workers can be pickled, and does not print its secrets."""
    with web({"/a": Page(WWW)}) as address:
        (found,) = source.find([f"{address}/a?sig=hush"]).inputs
        assert "hush" not in repr(found)
        *_, ending = source.read(pickle.loads(pickle.dumps(found)))
    assert isinstance(ending, source.Ending)
    assert ending.verdict == "ok"


def test_a_stream_ends_with_the_reason() -> None:
    """`read` raises what the verdict says."""
    with web({}) as address, pytest.raises(DamagedInput, match="nothing is there"):
        cdnlog.read(f"{address}/gone?token=x")


@given(st.lists(st.sampled_from(["a", "b", ".h", "x.md"]), min_size=1, max_size=4).map("/".join))
def test_all_that_is_listed_is_read_or_left_out(name: str) -> None:
    """Below a folder every object is one or the other."""
    taken, left = keys.chosen("", [name])
    assert len(taken) + len(left) == 1
