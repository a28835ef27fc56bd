"""Reports in every variant: whatever a finding or an answer can say, all outputs say it in both languages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from test_cases import log

import cdnlog
from cdnlog import declared
from cdnlog.catalog import Catalog, phrases
from cdnlog.declared import LANGS, Lang
from cdnlog.diagnosis.affected import COLUMNS
from cdnlog.model import SEVERITIES, Finding
from cdnlog.report import OUTPUTS, render
from cdnlog.results import Diagnosis
from cdnlog.text import markdown_cell

CONFIDENCES = ("high", "medium", "low")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Diagnosis]:
    """A diagnosis of one incident, in every language."""
    path = tmp_path_factory.mktemp("logs") / "a.log"
    path.write_text(log("200 " + "531 " * 30), encoding="utf-8")
    return {lang: cdnlog.diagnose(path, lang=lang) for lang in LANGS}


def variants(one: Finding) -> Iterator[Finding]:
    """Yield a finding in all its variants."""
    for severity, owner, confidence in itertools.product(SEVERITIES, get_args(declared.Owner), CONFIDENCES):
        yield replace(one, severity=severity, owner=owner, confidence=confidence)
    for active, clients in itertools.product((False, True), (None, 0, 1, 1234567)):
        yield replace(one, active=active, clients=clients)
    yield replace(one, affected=dict.fromkeys(COLUMNS, ("x",)), affected_shares=dict.fromkeys(COLUMNS, (1.0,)))
    yield replace(one, affected=dict.fromkeys(COLUMNS, ()), affected_shares=dict.fromkeys(COLUMNS, ()))
    yield replace(one, fix=("One thing.",), avoid=(), needs=(), evidence=())


def words(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_every_finding_is_told(seen: dict[str, Diagnosis], output: str, lang: Lang) -> None:
    """No severity, owner, confidence, or kind of affected thing is without words in any output."""
    (one,) = seen[lang].items
    text = render(replace(seen[lang], items=tuple(variants(one))), output, 200)
    assert "{" not in text or output in ("json", "html")
    if output in ("table", "markdown", "html"):
        keys = [f"owner-{owner}" for owner in get_args(declared.Owner)]
        keys += [f"confidence-{confidence}" for confidence in CONFIDENCES]
        keys += [f"severity-{severity}" for severity in SEVERITIES if severity != "info"] + list(COLUMNS)
        told = [phrases()[key].of(lang) for key in keys]
        assert [word for word in told if (markdown_cell(word) if output == "markdown" else word) not in text] == []
        assert "1,234,567" in text


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("code", [0, 100, 204, 304, 413, 500, 614, 777])
def test_every_answer_is_told(code: int, output: str, lang: Lang) -> None:
    """A code is told with all that its table has, whoever answers."""
    answer = Catalog().explain("tencent-cdn", code)
    text = words(render(answer, output, 200, lang))
    assert text
    if output == "table":
        entry = answer.entry
        lists = [entry.checks, entry.fix, *([entry.avoid] if entry.avoid else [])]
        told = [entry.name.of(lang), entry.meaning.of(lang), *(one for given in lists for one in given.of(lang))]
        told += [entry.note.of(lang)] if entry.note else []
        assert [one for one in told if words(one) not in text] == []


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("lang", LANGS)
def test_cards_keep_to_the_width(lang: Lang, width: int) -> None:
    """Cards wrap at the width of the terminal, in columns of the screen: Hangul takes two."""
    from wcwidth import wcswidth

    for code in (0, 413, 503, 514, 564, 777):
        lines = render(Catalog().explain("tencent-cdn", code), "table", width, lang).splitlines()
        longest_word = {line: max(map(wcswidth, line.split()), default=0) for line in lines}
        assert [line for line in lines if wcswidth(line) > width and longest_word[line] + 15 <= width] == []


@pytest.mark.parametrize("lang", LANGS)
def test_rows_beyond_forty_are_told_of(tmp_path: Path, lang: Lang) -> None:
    """The status codes of a diagnosis are cut at forty rows, and how many more there are is said."""
    (tmp_path / "a.log").write_text(log(" ".join(map(str, range(500, 543)))), encoding="utf-8")
    text = render(cdnlog.diagnose(tmp_path, lang=lang), "table")
    assert phrases()["codes-more"].of(lang).format(n=3) in text
