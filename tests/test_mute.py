"""Mutes: what they silence, until when, and what their file is told when it is wrong."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from made_nights import finding, night

from cdnlog import failon, mute, slo
from cdnlog.catalog import Catalog
from cdnlog.errors import UsageError
from cdnlog.model import Finding
from cdnlog.mute import Mute, muting

HEAD = 'schema = "cdnlog.mute/1"\n\n[[mute]]\nreason = "known"\nowner = "web team"\nuntil = 2026-12-31\n'
ONE = finding(0, "/old/a", "www.example.com", "high", "new")  # of status 502, and 504 beside it


def silencing(**what: Any) -> Mute:  # noqa: ANN401 - any key of a mute
    """Return a mute for the rest of the year."""
    return Mute(**{"reason": "known", "owner": "web team", "until": date(2026, 12, 31)} | what)


def written(path: Path, text: str) -> Path:
    """Write a mute file."""
    path.write_text(text, encoding="utf-8")
    return path


def heard(one: Finding, mutes: list[Mute], day: date | None = date(2026, 11, 20)) -> bool:
    """Whether a finding is heard on a day."""
    return muting([one], mutes, day)[0] == (one,)


def test_a_file_is_read(tmp_path: Path) -> None:
    """Every key is taken as it is written; a file without a mute is fine."""
    keys = 'id = "tencent-cdn/a/502/x"\ndomain = "*.example.com"\ncode = [502, 504]\npath = "/old/*"\n'
    read = mute.read(written(tmp_path / "mute.toml", HEAD + keys))
    assert read == (silencing(id="tencent-cdn/a/502/x", domain="*.example.com", code=(502, 504), path="/old/*"),)
    assert mute.read(written(tmp_path / "empty.toml", 'schema = "cdnlog.mute/1"\n')) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD, ":3: a mute must name an id, domain, code or path"),
        (HEAD + "codes = 404\n", r":7: there is no key `codes`; did you mean code\?"),
        (HEAD + 'code = "404"\n', ":7: `code`: Expected `int | array | null`, got `str`"),
        (HEAD + "code = 1000\n", ":7: `code`"),
        (HEAD.replace("2026-12-31", '"2026-12-31"') + "code = 404\n", ":6: `until`: Expected a date without quotes"),
        (HEAD.replace("2026-12-31", "2026-02-30") + "code = 404\n", ":6: not TOML: Invalid date"),
        (
            HEAD.replace('owner = "web team"\n', "") + "code = 404\n",
            ":3: Object missing required field `owner`; .* has reason, owner and until",
        ),
        (HEAD.replace('"known"', '""') + "code = 404\n", ":4: `reason`"),
        (HEAD.replace("mute/1", "mute/2"), r":1: `schema` cannot be 'cdnlog\.mute/2'"),
        ("mute = 1", "mute.toml"),
        ("[[", "mute.toml:1"),
        ("[[mute]]\nowner = me\n", r"mute\.toml:2: not TOML: no value \(text stands between quotes\), in `owner = me`"),
    ],
)
def test_a_faulty_file_is_told_where(tmp_path: Path, text: str, told: str) -> None:
    """The file, the line, the key and what may stand there; never a word of --schemas."""
    with pytest.raises(UsageError, match=told.replace("| ", r"\| ")) as caught:
        mute.read(written(tmp_path / "mute.toml", text))
    assert "--schemas" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that is not there is a fault of usage, and so is a pipe, which would be waited for for ever."""
    with pytest.raises(UsageError, match=r"cannot read the mutes in .*none\.toml: No such file"):
        mute.read(tmp_path / "none.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    for name in ("pipe.toml", "."):
        with pytest.raises(UsageError, match="no regular file"):
            mute.read(tmp_path / name)


@pytest.mark.parametrize(
    ("what", "silences"),
    [
        ({"id": ONE.id}, True),
        ({"id": ONE.id + "0"}, False),
        ({"domain": "www.example.com"}, True),
        ({"domain": "*.EXAMPLE.com"}, True),
        ({"domain": "api.*"}, False),
        ({"code": (502, 504)}, True),
        ({"code": 502}, False),  # its 504 is heard
        ({"code": (502, 504), "domain": "www.*"}, True),
        ({"code": (502, 504), "domain": "api.*"}, False),
        ({"path": "/*old/*"}, True),
        ({"path": "/old/*"}, False),  # it names /a/old/a too
        ({"path": "/OLD/*"}, False),
    ],
)
def test_all_that_is_named_must_fit(what: dict[str, Any], silences: bool) -> None:
    """A mute silences a finding if every domain, code and path of it fits, and nothing less."""
    assert heard(ONE, [silencing(**what)]) is not silences


def test_another_domain_of_the_incident_is_heard() -> None:
    """What is known of one domain does not silence the same incident at another."""
    spread = replace(ONE, also=({"domain": "api.example.com", "status": 502, "requests": 9},))
    assert heard(spread, [silencing(domain="www.*")])
    assert not heard(spread, [silencing(domain="*.example.com")])


def test_a_finding_without_paths_has_no_path_that_fits() -> None:
    """From counts alone nothing is known of paths, so a mute of paths silences nothing."""
    assert heard(replace(ONE, affected={}), [silencing(path="*")])


@pytest.mark.parametrize(("day", "is_heard"), [(date(2026, 12, 31), False), (date(2027, 1, 1), True), (None, False)])
def test_a_mute_ends_with_the_data(day: date | None, is_heard: bool) -> None:
    """The last day is the last day of data, itself included; the clock is not asked."""
    known = silencing(domain="*")
    assert heard(ONE, [known], day) is is_heard
    assert muting([ONE], [known], day)[1].expired == ((known,) if is_heard else ())


def test_how_much_is_muted_is_told() -> None:
    """Muted findings are kept, with the mute and all their failing requests."""
    known = silencing(domain="*")
    _, made = muting([ONE, ONE], [silencing(code=404), known], date(2026, 11, 20))
    assert [(muted.finding, muted.by) for muted in made.muted] == [(ONE, known)] * 2
    assert made.requests == 2 * (1234 + 7)


def test_a_night_is_muted_by_the_day_of_its_newest_data() -> None:
    """The day is that of the report's zone: the last hour of 20 November there begins at 15:00 UTC."""
    assert not night().muted([silencing(domain="*", until=date(2026, 11, 20))]).diagnosis.items
    assert night().muted([silencing(domain="*", until=date(2026, 11, 19))]).diagnosis.items == night().diagnosis.items


def test_muted_findings_do_not_fail_a_night() -> None:
    """What is silenced does not count for --fail-on, whatever is left does."""
    asked = failon.conditions("low", objective=False)
    assert failon.fails(asked, night().muted([silencing(domain="www.*")]))
    assert not failon.fails(asked, night().muted([silencing(domain="*")]))


def test_a_muted_code_burns_nothing() -> None:
    """Codes that a mute covers as a whole do not fail a night by burn; a mute of some paths does not excuse them."""
    made = night(findings=0).held_to(99.9, slo.spends_by_table(Catalog(), "tencent-cdn", {}))
    asked = failon.conditions("burn:10", objective=True)
    assert failon.fails(asked, made)
    assert not failon.fails(asked, made.muted([silencing(code=502)]))
    assert failon.fails(asked, made.muted([silencing(code=502, path="/old/*")]))
    assert failon.fails(asked, made.muted([silencing(code=502, until=date(2026, 11, 1))]))
