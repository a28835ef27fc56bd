"""What people read under schemas/: complete in English and Korean, told apart, with the vendor's facts, and used."""

from __future__ import annotations

import ast
import functools
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import msgspec
import pytest
import typer.main
from test_cases import run_here

from cdnlog import declared
from cdnlog.catalog import Catalog, phrases
from cdnlog.declared import LANGS, CauseEntry, Classes, Code, Entry, Lang, Localized, LocalizedList, Word
from cdnlog.diagnosis.affected import COLUMNS
from cdnlog.grids import FAILING
from cdnlog.model import SEVERITIES, STATES
from cdnlog.slo import SPANS

CATALOG = Catalog()
PROGRAM = Path(__file__).parent.parent / "cdnlog"
CLASSES = CATALOG._read("codes", "classes", Classes, "table")
HANGUL = re.compile("[\uac00-\ud7a3]")
IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
NAMES = ("user_agents",)  # what it is called is the same in every language
TENCENT_CODES = {
    0, 400, 403, 404, 413, 414, 423, 499, 502, 503, 504, 509, 514,
    524, 531, 532, 533, 537, 538, 539, 540, 562, 563, 564, 567, 614,
}  # fmt: skip
STANDARD_CODES = {  # of the registry that HTTP keeps at IANA
    *range(100, 105), *range(200, 209), 226, *range(300, 309), *range(400, 419), *range(421, 427), 428, 429, 431, 451,
    *range(500, 509), 510, 511,
}  # fmt: skip
CAUSES = {
    "origin": "origin-refused origin-timeout origin-overload origin-error origin-bad-response origin-dns "
    "origin-unreachable origin-tls origin-certificate origin-certificate-name origin-denied origin-moved "
    "content-removed slow-origin-abort range-beyond-file",
    "cdn-config": "hotlink-protection user-agent-list ip-list access-rule url-signature rate-limit "
    "rate-limit-shared-ip redirect-loop cache-buster storage-rate-limit negative-cache host-not-configured edge-code "
    "quota",
    "client": "client-abort client-timeout last-mile client-release broken-link url-too-long body-too-large",
    "attacker": "scanner abusive-client flood-ban",
    "cdn-platform": "platform-fault platform-overload",
    "unknown": "undetermined background",
}
FACTS = {  # code -> what its entry says in every language
    413: ["32 ?MB"],
    414: ["2 ?KB"],
    503: ["COS"],
    514: ["IP"],
    531: ["DNS"],
    532: [r"(?<!\d)443(?!\d)"],
    533: [r"(?<!\d)443(?!\d)"],
    562: ["X-NWS-LOG-UUID"],
    563: ["X-NWS-LOG-UUID"],
    564: [r"(?<!\d)443(?!\d)", "X-NWS-LOG-UUID"],
    567: ["X-NWS-LOG-UUID"],
}
VARIANTS = {  # how the program makes the name of a phrase, and all that it can put in
    "severity": SEVERITIES,
    "confidence": ("high", "medium", "low"),
    "owner": get_args(declared.Owner),
    "told-by": ("edge-word", "provider", "standard", "class"),
    "answered": ("standard", "class"),
    "state": STATES,
    "class": FAILING,
    "span": tuple(SPANS),
}


def tables() -> dict[str, tuple[Entry, ...]]:
    """Return every entry of our own tables."""
    known: dict[str, tuple[Entry, ...]] = {name: CATALOG.codes(name).code for name in CATALOG.providers()}
    words: dict[str, tuple[Entry, ...]] = {f"{name}, words": CATALOG.codes(name).word for name in CATALOG.providers()}
    return known | words | {"classes": CLASSES.class_}


def key(entry: Entry) -> str:
    """Return what an entry is about."""
    return str(next(getattr(entry, name) for name in ("code", "word", "class_") if hasattr(entry, name)))


ENTRIES = {f"{table} {key(entry)}": entry for table, entries in tables().items() for entry in entries}
OURS: dict[str, dict[str, Any]] = {  # all that is written in two languages, by where it stands
    **{table: {key(entry): entry for entry in entries} for table, entries in tables().items() if entries},
    "causes": dict(CATALOG.causes()),
    "phrases": dict(phrases()),
}
TABLES = [name for name in OURS if name not in ("causes", "phrases")]


def localized(node: object) -> Iterator[Localized | LocalizedList]:
    """Yield every text, and every list of texts, within an entry."""
    if isinstance(node, Localized | LocalizedList):
        yield node
    elif isinstance(node, msgspec.Struct):
        for name in node.__struct_fields__:
            yield from localized(getattr(node, name))


def sentences(node: object, lang: Lang) -> list[str]:
    """Return every sentence within an entry, lists one by one; a missing language is missed, never filled in."""
    both = [getattr(text, lang) or () for text in localized(node)]
    return [text for given in both for text in ([given] if isinstance(given, str) else given)]


def code(provider: str, number: int) -> Code:
    """Return one entry of a provider's table."""
    return next(entry for entry in CATALOG.codes(provider).code if entry.code == number)


@pytest.mark.parametrize("place", OURS)
def test_every_text_is_in_both_languages(place: str) -> None:
    """All our texts are there in English and Korean, and lists say as much in one as in the other."""
    for name, entry in OURS[place].items():
        texts = list(localized(entry))
        assert texts
        assert [text for text in texts if not text.en or not text.ko] == [], name
        lists = [text for text in texts if isinstance(text, LocalizedList)]
        assert [text for text in lists if len(text.en) != len(text.ko or ())] == [], name


@pytest.mark.parametrize("place", OURS)
def test_english_is_plain(place: str) -> None:
    """English texts are printable ASCII without a blank too many, and hold no Hangul."""
    texts = [(name, text) for name, entry in OURS[place].items() for text in sentences(entry, "en")]
    assert [(name, text) for name, text in texts if not re.fullmatch(r"[!-~]+( [!-~]+)*", text)] == []


@pytest.mark.parametrize("place", OURS)
def test_korean_is_korean(place: str) -> None:
    """Korean texts with words hold Hangul, none holds ideographs or kana, nor a blank too many."""
    texts = [(name, text) for name, entry in OURS[place].items() for text in sentences(entry, "ko")]
    worded = [(name, text) for name, text in texts if re.search(r"\w", re.sub("{[a-z]+}", "", text))]
    assert [(name, text) for name, text in worded if name not in NAMES and not HANGUL.search(text)] == []
    assert [(name, text) for name, text in texts if IDEOGRAPH.search(text)] == []
    assert [(name, text) for name, text in texts if text != " ".join(text.split())] == []


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("place", [*TABLES, "causes"])
def test_what_is_told_is_told_in_sentences(place: str, lang: Lang) -> None:
    """Meanings, explanations, checks and actions end as sentences do; names and titles do not."""
    for name, entry in OURS[place].items():
        head = entry.title if isinstance(entry, CauseEntry) else entry.name
        assert head.of(lang)[-1] not in ".?!", name
        others = sentences(entry, lang)
        others.remove(head.of(lang))
        assert [text for text in others if not text.endswith((".", "?", ")"))] == [], name


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("value", ["name", "meaning", "checks", "fix", "avoid", "note"])
def test_no_two_codes_say_the_same(value: str, lang: Lang) -> None:
    """Within and across our tables no code has the name, the meaning, or even one sentence of another."""
    fields = {name: getattr(entry, value) for name, entry in ENTRIES.items()}
    said = [(text, name) for name, field in fields.items() for text in sentences(field, lang)]
    twice = {text for text, n in Counter(text for text, _ in said).items() if n > 1}
    assert [(name, text) for text, name in said if text in twice] == []


@pytest.mark.parametrize("lang", LANGS)
def test_no_two_causes_say_the_same(lang: Lang) -> None:
    """No cause has the title, the explanation, or even one sentence of another, nor of a code."""
    said = [text for entry in CATALOG.causes().values() for text in sentences(entry, lang)]
    said += {text for entry in ENTRIES.values() for text in sentences(entry, lang)}
    assert [text for text, n in Counter(said).items() if n > 1] == []


def test_causes_are_those_of_the_vocabulary() -> None:
    """Every cause is described once, under the owner of its group, and the program knows no other."""
    groups = {cause: owner for owner, causes in CAUSES.items() for cause in causes.split()}
    assert {name: entry.owner for name, entry in CATALOG.causes().items()} == groups
    assert {*get_args(declared.Cause), *get_args(declared.NoCause)} == groups.keys()


def test_causes_help() -> None:
    """Every cause has a title, an explanation and something to do."""
    causes = CATALOG.causes().items()
    assert [name for name, one in causes if not (one.title.en and one.explanation.en and one.fix.en)] == []


def test_every_cause_is_a_cause_of_something() -> None:
    """No cause is described that no code or class can have."""
    assert {cause for entry in ENTRIES.values() for cause in entry.causes} == set(get_args(declared.Cause))


def test_codes_are_all_there() -> None:
    """The tables have the 26 codes of Tencent Cloud CDN, and the 64 of the registry and 499."""
    assert (len(TENCENT_CODES), len(STANDARD_CODES)) == (26, 64)
    assert sorted(entry.code for entry in CATALOG.codes("tencent-cdn").code) == sorted(TENCENT_CODES)
    assert sorted(entry.code for entry in CATALOG.codes("standard").code) == sorted({*STANDARD_CODES, 499})


@pytest.mark.parametrize("table", TABLES)
def test_errors_have_an_action_and_a_cause(table: str) -> None:
    """Whatever fails has something to do first, something to check, and a cause or more, none of them twice."""
    for name, entry in OURS[table].items():
        assert entry.fix.en, name
        assert entry.checks.en, name
        assert len(set(entry.causes)) == len(entry.causes), name
        assert entry.causes or name[0] in "1236789" or name == "other" or isinstance(entry, Word), name


@pytest.mark.parametrize("table", TABLES)
def test_the_only_cause_says_whose_it_is(table: str) -> None:
    """An error with one possible cause is owned by whom that cause belongs to; redirects are no errors."""
    alone = {name: one for name, one in OURS[table].items() if len(one.causes) == 1 and name[0] != "3"}
    assert {name: one.owner for name, one in alone.items()} == {
        name: CATALOG.cause(one.causes[0]).owner for name, one in alone.items()
    }


@pytest.mark.parametrize("table", TABLES)
def test_every_entry_has_a_source(table: str) -> None:
    """Where an entry's facts stand is an address and a day that has passed."""
    declared_by = CLASSES if table == "classes" else CATALOG.codes(table.removesuffix(", words"))
    today = date.today().isoformat()  # noqa: DTZ011
    for name, entry in OURS[table].items():
        assert re.fullmatch(r"https://\S+", entry.source or declared_by.source), name
        assert "1996-05-01" < (entry.as_of or declared_by.as_of) <= today, name


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("number", FACTS)
def test_the_vendors_facts_are_kept(number: int, lang: Lang) -> None:
    """Numbers, ports and names that the vendor's table gives stand in the entry, in every language."""
    told = " ".join(sentences(code("tencent-cdn", number), lang))
    assert [fact for fact in FACTS[number] if not re.search(fact, told)] == []


def test_the_vendors_limits_are_kept() -> None:
    """Limits of 32 MB and 2 KB, and the port of HTTPS, are numbers too."""
    limits = {number: code("tencent-cdn", number).limits for number in TENCENT_CODES}
    assert {n: list(given.values()) for n, given in limits.items() if given} == {
        413: [32], 414: [2], 532: [443], 533: [443], 564: [443],
    }  # fmt: skip


# Every code through the command line


@pytest.mark.parametrize(("lang", "output"), [("en", "json"), ("ko", "json"), ("en", "table"), ("ko", "table")])
def test_every_status_is_explained(lang: Lang, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0 to 999 explain without an error, in the language asked for; 777 and its like say that nobody knows them."""
    # Building the commands takes longer than explaining; they are the same each time.
    monkeypatch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
    for number in range(1000):
        done = run_here(["explain", str(number), "--lang", lang, "-o", output], tmp_path)
        assert (done.code, done.err) == (0, b""), number
        if output == "json":
            told = json.loads(done.out)
            assert (told["code"], told["lang"], told["provider"]) == (number, lang, "tencent-cdn")
            assert told["answered_by"] == known_by(number)
            assert bool(HANGUL.search(told["name"])) == (lang == "ko")
        else:
            assert (f"{number}  " in done.out.decode(), bool(HANGUL.search(done.out.decode()))) == (True, lang == "ko")


def known_by(number: int) -> str:
    """Return who answers for a code at Tencent Cloud CDN."""
    if number in TENCENT_CODES:
        return "provider"
    return "standard" if number in STANDARD_CODES else "class"


# Phrases


@functools.cache
def trees() -> list[ast.Module]:
    """Return the modules that speak to people through phrases, parsed."""
    paths = [path for folder in ("report", "diagnosis") for path in sorted((PROGRAM / folder).rglob("*.py"))]
    paths.append(PROGRAM / "night.py")
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


def nodes() -> Iterator[ast.AST]:
    """Yield every node of these modules."""
    return itertools.chain.from_iterable(map(ast.walk, trees()))


def constants(node: ast.AST) -> set[str]:
    """Return the texts within a node."""
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def put_together() -> list[re.Pattern[str]]:
    """Return what the names that the program puts together look like."""
    found = (n.values for n in nodes() if isinstance(n, ast.JoinedStr))
    parts = ([str(v.value) if isinstance(v, ast.Constant) else "" for v in values] for values in found)
    named = (given for given in parts if re.fullmatch(r"[A-Za-z0-9-]{3,}", "".join(given)))
    return [re.compile("".join(re.escape(part) or "[a-z-]+" for part in given)) for given in named]


def made_names() -> set[str]:
    """Return the names of phrases that have a variant for each word of a vocabulary."""
    return {f"{head}-{variant}" for head, variants in VARIANTS.items() for variant in variants}


def test_every_phrase_is_used() -> None:
    """There is no phrase that nothing in the program says."""
    rest = phrases().keys() - made_names() - set().union(*map(constants, trees()))
    assert sorted(name for name in rest if not any(one.fullmatch(name) for one in put_together())) == []


def test_every_phrase_that_is_said_exists() -> None:
    """Whatever the program says by name, by the name of a rule, or by a name put together, is a phrase."""
    calls = (n for n in nodes() if isinstance(n, ast.Call) and n.args)
    said = (n.args[0] for n in calls if getattr(n.func, "id", getattr(n.func, "attr", "")) in ("say", "_say"))
    plain = set().union(*(constants(name) for name in said if isinstance(name, ast.Constant)))
    assert len(plain) > 20
    plain |= {text for tree in trees() for text in constants(tree) if re.fullmatch(r"E[0-9]{2}(-[a-z]+)+", text)}
    assert sorted((plain | made_names() | COLUMNS.keys()) - phrases().keys()) == []


@pytest.mark.parametrize("head", VARIANTS)
def test_every_variant_is_made(head: str) -> None:
    """The program really puts such names together."""
    assert any(one.pattern.startswith(re.escape(f"{head}-")) for one in put_together())


def test_phrases_use_the_same_facts() -> None:
    """A phrase takes the same facts in both languages, by name and without a format of its own."""
    for name, phrase in phrases().items():
        parsed = {lang: list(Formatter().parse(phrase.of(lang))) for lang in LANGS}
        facts = {lang: {fact for _, fact, _, _ in parts if fact is not None} for lang, parts in parsed.items()}
        assert facts["en"] == facts["ko"], name
        assert all(re.fullmatch("[a-z]+", fact) for fact in facts["en"]), name
        assert not any(form or change for parts in parsed.values() for _, _, form, change in parts), name


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("head", VARIANTS)
def test_variants_are_told_apart(head: str, lang: Lang) -> None:
    """No two severities, owners, or other variants of a phrase have the same words."""
    words = [phrases()[f"{head}-{variant}"].of(lang) for variant in VARIANTS[head]]
    assert len(set(words)) == len(words)
