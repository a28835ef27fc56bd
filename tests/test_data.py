"""The declarative data under schemas/: every file against its schema, every sample of every format."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from make_schemas import OUT_DIR, SHAPES, generated, schema_id

import cdnlog
from cdnlog import declared
from cdnlog.catalog import STANDARD, Catalog, phrases
from cdnlog.formats import LogFormat
from cdnlog.model import SEVERITIES, Verdict

CATALOG = Catalog()
TOMLS = sorted(OUT_DIR.rglob("*.toml"))
SCHEMAS = sorted(OUT_DIR.glob("*.schema.json"))
FORMATS = sorted(CATALOG.formats())
PROVIDERS = CATALOG.providers()


def schema(name: str) -> dict[str, Any]:
    """Return one schema."""
    read: dict[str, Any] = json.loads((OUT_DIR / f"{name}.schema.json").read_text(encoding="utf-8"))
    return read


def toml(path: Path) -> dict[str, Any]:
    """Return one data file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def relative(path: Path) -> str:
    """Return a data file's name for the test's own name."""
    return path.relative_to(OUT_DIR).as_posix()


def nodes(node: object) -> Iterator[dict[str, Any]]:
    """Yield every object within a schema."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(child)


@pytest.mark.parametrize("name", sorted(generated()))
def test_generated_schemas_are_unchanged(name: str) -> None:
    """A generated schema is what `python tests/make_schemas.py` writes now."""
    assert (OUT_DIR / name).read_text(encoding="utf-8") == generated()[name]


@pytest.mark.parametrize("path", SCHEMAS, ids=relative)
def test_schemas_are_schemas(path: Path) -> None:
    """Every schema is valid JSON Schema 2020-12, and its name is that of its file."""
    read = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(read)
    assert read["$id"] == schema_id(path.name.removesuffix(".schema.json"))


@pytest.mark.parametrize("path", SCHEMAS, ids=relative)
def test_schemas_are_closed(path: Path) -> None:
    """No schema lets an unknown key pass, or leaves a key of an output without a word on it."""
    name = path.name.removesuffix(".schema.json")
    for node in nodes(schema(name)):
        if node.get("type") == "object" and "properties" in node:
            extra = node.get("additionalProperties")
            assert extra is False or "propertyNames" in node
            undescribed = [
                key for key, value in node["properties"].items() if not {"description", "$ref"} & value.keys()
            ]
            assert name in SHAPES or not undescribed


def test_schemas_share_their_definitions() -> None:
    """`count`, `diagnose` and `nightly` say the same of what they share."""
    counts, diagnosis, night = (schema(name)["$defs"] for name in ("count", "diagnose", "nightly"))
    for name in counts.keys() & diagnosis.keys():
        assert counts[name] == diagnosis[name]
    assert {name: night[name] for name in ["row", *diagnosis]} == {"row": counts["row"]} | diagnosis
    assert {"inputs", "file", "instant", "domain_name", "status"} <= counts.keys() & diagnosis.keys()


@pytest.mark.parametrize(
    ("name", "path", "words"),
    [
        ("count", ("$defs", "file", "properties", "verdict"), {v.value for v in Verdict}),
        ("diagnose", ("$defs", "finding", "properties", "severity"), set(SEVERITIES)),
        ("diagnose", ("$defs", "finding", "properties", "owner"), set(get_args(declared.Owner))),
        (
            "diagnose",
            ("$defs", "finding", "properties", "cause"),
            {*get_args(declared.Cause), "undetermined", "background"},
        ),
        ("explain", ("properties", "owner"), set(get_args(declared.Owner))),
        ("explain", ("properties", "stage"), set(get_args(declared.Stage))),
        ("explain", ("properties", "causes", "items"), set(get_args(declared.Cause))),
    ],
)
def test_schemas_know_every_word(name: str, path: tuple[str, ...], words: set[str]) -> None:
    """The enumerations of the hand-written schemas are the vocabularies of the program."""
    node = schema(name)
    for key in path:
        node = node[key]
    assert sorted(node["enum"]) == sorted(words)


@pytest.mark.parametrize("path", TOMLS, ids=relative)
def test_data_files_obey_their_schema(path: Path) -> None:
    """Every data file names its schema and is valid against it."""
    data = toml(path)
    name, number = re.fullmatch(r"cdnlog\.([a-z]+)/([0-9]+)", data["schema"]).groups()  # type: ignore[union-attr]
    assert schema(name)["$id"] == schema_id(name, int(number))
    errors = Draft202012Validator(schema(name)).iter_errors(data)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize("path", TOMLS, ids=relative)
def test_data_files_load(path: Path) -> None:
    """Every data file loads through the catalog under the name of its file, which is the name in it."""
    kind, name = path.parent.name, path.stem
    if kind == "formats":
        assert CATALOG.format(name).name == name
    elif kind == "regions":
        assert CATALOG.regions(name).provider == name
    elif path.name == "columns.toml":
        assert CATALOG.columns()
    elif path.name == "classes.toml":
        assert CATALOG.explain(PROVIDERS[0], 999).answered_by == "class"
    elif kind == "rules":
        assert CATALOG.thresholds()
    elif path.name == "causes.toml":
        assert CATALOG.causes()
    elif path.name == "phrases.toml":
        assert phrases()
    else:
        assert (kind, CATALOG.codes(name).provider) == ("codes", name)


def test_data_holds_no_program() -> None:
    """Under schemas/ there is data and nothing else."""
    others = [path for path in OUT_DIR.rglob("*") if path.is_file() and path not in {*TOMLS, *SCHEMAS}]
    assert others == []


@pytest.mark.parametrize("name", FORMATS)
def test_formats_prove_themselves(name: str) -> None:
    """A format has two samples or more that are accepted and one or more that is rejected, never both in one."""
    found = CATALOG.format(name).samples
    assert all((sample.expect is None) != (sample.reject is None) for sample in found)
    assert sum(sample.expect is not None for sample in found) >= 2
    assert sum(sample.reject is not None for sample in found) >= 1


@pytest.mark.parametrize("name", FORMATS)
def test_formats_fill_known_columns(name: str) -> None:
    """Every column that a format or a sample names is in columns.toml."""
    fmt: LogFormat = CATALOG.format(name)
    named = [column for field in fmt.fields for column in field.columns]
    assert {*named, *(key for sample in fmt.samples for key in sample.expect or {})} <= CATALOG.columns().keys()


@pytest.mark.parametrize("name", FORMATS)
def test_formats_name_what_exists(name: str) -> None:
    """The region table of a format is there, and so are the formats it is chosen before."""
    fmt = CATALOG.format(name)
    assert set(fmt.beats) <= set(FORMATS)
    assert fmt.regions is None or CATALOG.regions(fmt.regions).region


@pytest.mark.parametrize("provider", PROVIDERS)
def test_codes_stand_once(provider: str) -> None:
    """Each code stands once in a table, and each word of the vendor, however it is written."""
    table = CATALOG.codes(provider)
    codes, words = [entry.code for entry in table.code], [entry.word.lower() for entry in table.word]
    assert len(set(codes)) == len(codes)
    assert len(set(words)) == len(words)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_code_is_explained(provider: str) -> None:
    """Whatever a log has as a status, 0 to 999, there is an answer with something to do.

    What is in no table of a provider's own is answered by the standard, of which all are asked; of the others some.
    """
    own = {entry.code for entry in CATALOG.codes(provider).code}
    for code in range(1000) if provider == STANDARD else sorted(own.union(range(0, 1000, 33))):
        answer = CATALOG.explain(provider, code)
        assert (answer.provider, answer.code) == (provider, code)
        assert answer.entry.meaning.en
        assert answer.entry.fix.en


@pytest.mark.parametrize("code", [-1, 1000, 9999])
def test_no_other_number_is_explained(code: int) -> None:
    """A number that is no status is refused."""
    with pytest.raises(cdnlog.UsageError, match="no status code"):
        cdnlog.explain(code)
