"""What `-o json` and `--rejects` write: valid against schemas/, the same bytes every time, sums that add up."""

from __future__ import annotations

import csv
import functools
import gzip
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from test_cases import line, log, run_here, run_process

from cdnlog.model import SEVERITIES
from cdnlog.text import visible

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_logs"
PARTS = ("counted", "filtered", "rejected", "comments", "blank", "withheld")
GOOD = log("200 404 0 499 200@img.example.com +600 502 777")
NASTY = {
    "a-good.log": GOOD.encode(),
    "b-tail.gz": gzip.compress(GOOD.encode(), mtime=0) + b"garbage",
    "c-short.gz": gzip.compress(GOOD.encode(), mtime=0)[:-8],
    "d-wrong.gz": gzip.compress(GOOD.encode(), mtime=0)[:-8] + b"12345678",
    "e-unknown.log": b"\x00\x01 no log\n\xff\xfe\n",
    "f-empty.log": b"",
    "g-comments.log": b"# a\n\n  \n",
    "h-rejects.log": GOOD.encode() + b"bad \x1b[2J \xff\n" * 30 + b"\n# end\n" + line().encode()[:40],
    "i-hostile.log": "".join(
        f"{line(200, at, host=host, path='/<b>?q=1', agent=agent)}\n"
        for at, (host, agent) in enumerate(
            (("WWW.Example.com:80", '"=1+1'), ("<script>", "\u202e\x1b[2J"), ("-", "\u540d\u524d"), ("::1", "a, b"))
        )
    ).encode(),
    "j-latin\u00e9 \u202e.log": GOOD.encode(),
    "k-many.log": log("500 " * 70).encode(),
}
BY = ("cache", "region", "path", "query", "user_agent", "client_port", "origin_status")
COMMANDS: dict[str, list[str]] = {
    "count": ["count"],
    "count by many": ["count", *(word for name in BY for word in ("--by", name))],
    "count by status": ["count", "--by", "status"],
    "count by domain": ["count", "--by", "domain", "--by", "method"],
    "count by window": ["count", "--by", "window", "--window", "1d", "--tz", "Asia/Kathmandu"],
    "count filtered": ["count", "--since", "2026-11-20 00:01", "--until", "2026-11-20 03:00", "--domain", "w*"],
    "count damaged": ["count", "--keep-damaged", "--window", "30s", "--tz", "UTC"],
    "diagnose": ["diagnose"],
    "count anonymized": ["count", "--anonymize", "--by", "client_ip"],
    "count of no name": ["count", ""],
    "diagnose in Korean": ["diagnose", "--lang", "ko", "--window", "1h"],
    "diagnose filtered": ["diagnose", "--domain", "no.such.host", "--tz", "-03:30"],
}


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """Return what checks against one schema."""
    paths = (ROOT / "schemas").glob("*.schema.json")
    schemas = {path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8")) for path in paths}
    known = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in schemas.values())
    return Draft202012Validator(schemas[name], registry=known)


def wrong(document: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return what is wrong with an output by the schema it names."""
    name, number = document["schema"].removeprefix("cdnlog.").split("/")
    check = validator(name)
    assert isinstance(check.schema, dict)
    assert check.schema["$id"].endswith(f"/{name}/{number}")
    return [f"{error.json_path}: {error.message}" for error in check.iter_errors(document)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sample logs, and a folder of everything that can go wrong with a file."""
    nasty = tmp_path_factory.mktemp("nasty")
    for name, data in NASTY.items():
        (nasty / name).write_bytes(data)
    (nasty / "l-link.log").symlink_to("a-good.log")
    (nasty / "m-gone.log").symlink_to("gone")
    return {"samples": SAMPLES, "nasty": nasty}


def asked(folder: Path, args: list[str]) -> Any:  # noqa: ANN401 - any JSON
    """Return what a command prints as JSON for a folder; it must be ASCII in lines that end with LF."""
    done = run_here([*args, ".", "-o", "json"], folder)
    assert done.code in (0, 3), done.err
    assert done.out.isascii()
    assert done.out.endswith(b"}\n")
    assert b"\r" not in done.out
    return json.loads(done.out)


def sums(given: dict[str, Any]) -> dict[str, int]:
    """Return the line accounting of a file or of all."""
    return {name: given[name] for name in ("lines", *PARTS)}


@pytest.mark.parametrize(
    ("folder", "name"), [("samples", "count"), ("samples", "diagnose"), *(("nasty", name) for name in COMMANDS)]
)
def test_outputs_obey_their_schema(folders: dict[str, Path], folder: str, name: str) -> None:
    """Every output is valid, its sums obey the law, and its rows are in the order that is promised."""
    document = asked(folders[folder], COMMANDS[name])
    assert wrong(document) == []
    inputs = document["inputs"]
    for given in (inputs, *inputs["files"]):
        assert given["lines"] == sum(given[part] for part in PARTS)
    for part, total in sums(inputs).items():
        assert total == sum(file[part] for file in inputs["files"])
    for file in inputs["files"]:
        assert file["rejected"] == sum(file["reject_reasons"].values())
        assert (file["problem"] == "") or file["verdict"] != "ok" or file["rejected"] > 10
    if "counts" in document:
        check_counts(document)
    else:
        check_findings(document)


def check_counts(document: dict[str, Any]) -> None:
    """Hold that every counted line is in the rows once, and that these are sorted by their keys."""
    rows = document["counts"]
    assert sum(row["requests"] for row in rows) == document["inputs"]["counted"]
    keys = [tuple(value for name, value in row.items() if name not in ("requests", "bytes")) for row in rows]
    if rows and "window_start" in rows[0]:
        keys = [(datetime.fromisoformat(key[0]), *key[1:]) for key in keys]
    assert keys == sorted(keys, key=lambda key: [(value is not None, value) for value in key])
    assert len(set(keys)) == len(keys)
    if document["domains"]:
        assert sum(row["requests"] for row in document["domains"]) == document["inputs"]["counted"]
        assert sum(row["bytes"] for row in document["domains"]) == sum(row["bytes"] for row in rows)


def check_findings(document: dict[str, Any]) -> None:
    """Hold that the findings are sorted worst first, and that their numbers agree."""
    findings = document["findings"]
    order = [(SEVERITIES.index(finding["severity"]), -finding["requests"]) for finding in findings]
    assert order == sorted(order)
    assert len({finding["id"] for finding in findings}) == len(findings)
    for finding in findings:
        assert finding["requests"] <= finding["total"]
        assert finding["share"] == pytest.approx(finding["requests"] / finding["total"], abs=1e-6)
        assert datetime.fromisoformat(finding["start"]) < datetime.fromisoformat(finding["end"])


def test_every_verdict_is_met(folders: dict[str, Path]) -> None:
    """The nasty folder really holds what it is to prove: the verdicts and reasons are those it was made for."""
    files = asked(folders["nasty"], ["count"])["inputs"]["files"]
    verdicts = {Path(file["path"]).name[0]: file["verdict"] for file in files}
    assert verdicts == {
        "a": "ok",
        "b": "trailing-garbage",
        "c": "truncated",
        "d": "corrupt",
        "e": "unknown-format",
        "f": "empty",
        "g": "ok",
        "h": "ok",
        "i": "ok",
        "j": "ok",
        "k": "ok",
        "l": "duplicate",
        "m": "missing",
    }
    assert files[7]["reject_reasons"] == {"fields": 30, "partial-tail": 1}
    assert "\\u202e" in files[9]["path"]


@pytest.mark.parametrize("more", [[], ["--lang", "ko"], ["--provider", "standard"], ["--all-providers"]], ids=" ".join)
@pytest.mark.parametrize(
    "code", ["0", "100", "226", "403", "413", "499", "500", "514", "531", "539", "567", "599", "614", "777", "999"]
)
def test_explanations_obey_their_schema(code: str, more: list[str], tmp_path: Path) -> None:
    """`explain -o json` is valid for codes of every kind, whoever is asked and in whichever language."""
    done = run_here(["explain", code, "-o", "json", *more], tmp_path)
    assert done.out.isascii()
    document = json.loads(done.out)
    assert wrong(document) == []
    for answer in document.get("answers", [document]):
        assert (wrong(answer), answer["code"]) == ([], int(code))


@pytest.mark.parametrize(
    "args",
    [["codes"], ["formats"], *(["formats", "detect", name] for name in ("a-good.log", "e-unknown.log", "f-empty.log"))],
    ids=" ".join,
)
def test_listings_obey_their_schema(folders: dict[str, Path], args: list[str]) -> None:
    """Listings are valid, and all rows of one have the same columns."""
    done = run_here([*args, "-o", "json"], folders["nasty"])
    assert done.out.isascii()
    document = json.loads(done.out)
    assert wrong(document) == []
    assert len({tuple(row) for row in document["rows"]}) <= 1


def test_rejects_obey_their_schema(folders: dict[str, Path], tmp_path: Path) -> None:
    """Every rejected line has one valid record, in order, that leads back to the very line."""
    to = tmp_path / "rejects.jsonl"
    done = run_here(["count", ".", "-o", "json", "--rejects", str(to)], folders["nasty"])
    assert done.code == 3
    assert to.read_bytes().isascii()
    records = [json.loads(text) for text in to.read_text(encoding="ascii").splitlines()]
    assert [error.message for record in records for error in validator("rejects").iter_errors(record)] == []
    assert len(records) == json.loads(done.out)["inputs"]["rejected"]
    data = NASTY["h-rejects.log"]
    mine = [record for record in records if "h-rejects" in record["file"]]
    assert [record["line"] for record in mine] == [*range(8, 38), 40]
    for record in mine:
        at = record["offset"]
        assert data[:at].count(b"\n") == record["line"] - 1
        assert at == 0 or data[at - 1 : at] == b"\n"
    assert mine[0]["text"] == "bad \\x1b[2J \\xff"


def test_jobs_change_no_byte(folders: dict[str, Path]) -> None:
    """One job and two print the same bytes, whatever the input."""
    for folder in folders.values():
        for command in (["diagnose"], ["count", "--by", "cache", "--by", "region"]):
            one, two = (run_here([*command, ".", "-o", "json", "--jobs", jobs], folder) for jobs in ("1", "2"))
            assert one == two


def test_order_of_files_changes_no_count(folders: dict[str, Path]) -> None:
    """Files given backwards give the same counts and findings; only the list of files follows their order."""
    for folder in folders.values():
        names = sorted(path.name for path in folder.iterdir() if path.suffix in (".gz", ".log"))
        for command, key in ((["count"], "counts"), (["diagnose"], "findings")):
            there, back = (
                json.loads(run_here([*command, "-o", "json", "--", *given], folder).out)
                for given in (names, names[::-1])
            )
            assert there[key] == back[key]
            assert sums(there["inputs"]) == sums(back["inputs"])
            assert [file["path"] for file in back["inputs"]["files"]] == [*map(visible, names[::-1])]


def test_hash_seed_changes_no_byte(folders: dict[str, Path]) -> None:
    """The same input gives the same bytes in every process, and in the one that runs the tests."""
    args = ["diagnose", ".", "-o", "json"]
    assert run_process(args, folders["nasty"], PYTHONHASHSEED="4711") == run_here(args, folders["nasty"])


def test_csv_and_json_are_one_result(folders: dict[str, Path]) -> None:
    """CSV has the rows of JSON, in the same order."""
    rows = asked(folders["nasty"], ["count"])["counts"]
    text = run_here(["count", ".", "-o", "csv"], folders["nasty"]).out.decode()
    assert list(csv.DictReader(io.StringIO(text))) == [
        {name: str(value) for name, value in row.items()} for row in rows
    ]
