"""The format strings of nginx and Apache -> log formats: `--format 'nginx:$remote_addr - [$time_local] ...'`.

Paste what the server's own configuration says. A string whose pieces stand between single blanks becomes a format of
the kind "delimited", one that writes JSON becomes "jsonl", any other a "regex". Variables that fill no column are
passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cdnlog.errors import UsageError
from cdnlog.formats import CacheClass, Cut, Delimited, JsonLines, Keyed, LogFormat, Pattern, Sample
from cdnlog.servervariables import APACHE, NGINX, Meaning, apache_time
from cdnlog.text import visible

PREFIXES = ("nginx:", "apache:")

_NGINX = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_NGINX_DIRECTIVE = re.compile(r"\s*log_format\s+\S+\s+(?:escape=\w+\s+)?(.*?);?\s*", re.DOTALL)
_STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_APACHE = re.compile(r"%(?:%|(?:!?\d{3}(?:,\d{3})*)?([<>]?)(?:\{([^}]*)\})?(\^?[A-Za-z]{1,2}))")
_NGINX_CACHE: dict[str, CacheClass] = {
    "HIT": "hit", "MISS": "miss", "BYPASS": "bypass", "EXPIRED": "expired", "STALE": "stale",
    "UPDATING": "updating", "REVALIDATED": "revalidated",
}  # fmt: skip
_SIMPLE = re.compile(r'"\0(\d+)\0"|\[\0(\d+)\0\]|\0(\d+)\0|[^\0" ]+')
_HELP = {"nginx": "$time_local, $time_iso8601 or $msec and $status", "apache": "%t and %>s"}


@dataclass(frozen=True)
class Variable:
    """One variable of a format string.

    Attributes:
        name: As it is written.
        at: Its place in the string, from 1.
        meaning: The column it fills and how it is read, None for one that is passed over.
    """

    name: str
    at: int
    meaning: Meaning | None


@dataclass
class Template:
    r"""A format string taken apart.

    Attributes:
        server: "nginx" or "apache".
        text: The string with `\0NUMBER\0` for each variable.
        variables: The variables by number.
    """

    server: str
    text: str
    variables: list[Variable] = field(default_factory=list)

    def chosen(self) -> dict[int, Meaning]:
        """Return what the variables mean; of several that fill a column the best one does."""
        order = sorted(
            ((v.meaning.rank, i) for i, v in enumerate(self.variables) if v.meaning),
        )
        filled: set[str] = set()
        chosen: dict[int, Meaning] = {}
        for _, i in order:
            meaning = self.variables[i].meaning
            if meaning is not None and not filled & set(meaning.columns):
                filled |= set(meaning.columns)
                chosen[i] = meaning
        for needed in ("time", "status"):
            if needed not in filled:
                raise UsageError(f"the {self.server} format says no {needed}; every line needs {_HELP[self.server]}")
        return chosen


def compiled(spec: str) -> LogFormat:
    """Return the format of "nginx:..." or "apache:...".

    Raises:
        UsageError: The string cannot be read, or lines written by it could not; it says what and where.
    """
    try:
        return _compiled(*spec.split(":", 1))
    except ValueError as error:  # of a format that cannot be
        raise UsageError(f"the format '{visible(spec)}' cannot be read: {visible(str(error))}") from error


def _compiled(server: str, text: str) -> LogFormat:
    if "\0" in text:  # marks the places of variables
        raise UsageError(f"the {server} format has a NUL in it; paste it from the configuration")
    template = _nginx(text) if server == "nginx" else _apache(text)
    if not template.variables:
        raise UsageError(
            f"the {server} format '{visible(text)}' has no variable in it; paste it from the configuration"
        )
    if template.text.lstrip().startswith("{"):
        return _json_format(template)
    return _delimited(template) or _pattern(template)


def _nginx(text: str) -> Template:
    if directive := _NGINX_DIRECTIVE.fullmatch(text):
        text = "".join(a or b for a, b in _STRING.findall(directive[1]))
    template = Template("nginx", "")
    at = 0
    for match in _NGINX.finditer(text):
        name = match[1] or match[2]
        template.text += text[at : match.start()] + f"\0{len(template.variables)}\0"
        template.variables.append(Variable(f"${name}", match.start() + 1, NGINX.get(name)))
        at = match.end()
    template.text += text[at:]
    return template


def _apache(text: str) -> Template:
    text = text.replace('\\"', '"').replace("\\t", "\t")
    template = Template("apache", "")
    at = 0
    for match in re.finditer(r"%", text):
        if match.start() < at:
            continue
        found = _APACHE.match(text, match.start())
        if found is None:
            what = visible(text[match.start() :][:12])
            raise UsageError(f"the apache format has no directive at character {match.start() + 1}: '{what}'")
        template.text += text[at : found.start()] + _directive(template, found)
        at = found.end()
    template.text += text[at:]
    return _with_query(template)


def _directive(template: Template, found: re.Match[str]) -> str:
    if found[0] == "%%":
        return "%"
    argument, letter = found[2], found[3].removeprefix("^")
    name = f"{{{argument.lower()}}}{letter}" if argument is not None else letter
    meaning = apache_time(argument) if letter == "t" and argument else APACHE.get(name)
    place = f"\0{len(template.variables)}\0"
    template.variables.append(Variable(found[0], found.start() + 1, meaning))
    return f"[{place}]" if letter == "t" and argument is None else place


def _with_query(template: Template) -> Template:
    """Take `%U%q`, a path and at once its query, for one variable."""
    for i, (one, other) in enumerate(zip(template.variables, template.variables[1:], strict=False)):
        if (one.name, other.name) == ("%U", "%q") and f"\0{i}\0\0{i + 1}\0" in template.text:
            template.text = template.text.replace(f"\0{i}\0\0{i + 1}\0", f"\0{i}\0")
            template.variables[i] = Variable("%U%q", one.at, Meaning("path", "path"))
            template.variables[i + 1] = Variable(other.name, other.at, None)
    return template


def _head(template: Template) -> dict[str, Any]:
    sample = Sample(line="-", source="-")
    return {
        "schema": "cdnlog.format/1",
        "name": f"{template.server}-own",
        "title": f"{template.server} format of your own",
        "provider": "nginx" if template.server == "nginx" else "standard",
        "source": "--format",
        "as_of": "1970-01-01",
        "samples": (sample,) * 3,
        "nulls": ("-",),
        "cache": _NGINX_CACHE,
    }


def _delimited(template: Template) -> LogFormat | None:
    """Return a delimited format if every piece between single blanks is one variable or none."""
    chosen = template.chosen()
    pieces = [_SIMPLE.fullmatch(piece) for piece in _pieces(template.text)]
    if len(pieces) < 3 or not all(pieces):  # noqa: PLR2004 - as the kind says
        return None
    fields = []
    for piece in pieces:
        number = next((i for i in piece.groups() if i is not None), None) if piece else None
        variable = None if number is None else int(number)
        if piece is None or (
            variable is not None
            and " " in (chosen[variable].spaces if variable in chosen else "")
            and piece[0][0] not in '"['
        ):
            return None
        quoted, brackets = piece[0][0] == '"', piece[0][0] == "["
        free = quoted or (variable is not None and template.variables[variable].name in ("$remote_user", "%u"))
        keys = chosen[variable].keys if variable is not None and variable in chosen else {}
        fields.append(Cut(quoted=quoted, brackets=brackets, free=free and not brackets, **keys))
    return Delimited(**_head(template), fields=tuple(fields), separator=" ", escape="backslash", syslog=True)


def _pieces(text: str) -> Iterator[str]:
    """Split at blanks outside quotes and brackets."""
    return (match[0] for match in re.finditer(r'"[^"]*"|\[[^\]]*\]|[^ ]+|(?<= )(?= )', text.strip()))


def _pattern(template: Template) -> LogFormat:
    """Return a format of one regular expression: each variable ends where the text behind it begins."""
    chosen = template.chosen()
    parts = re.split(r"\0(\d+)\0", template.text)
    expression = [_literal(parts[0])]
    fields = []
    for i in range(1, len(parts), 2):
        number, before, after = int(parts[i]), parts[i - 1], parts[i + 1]
        variable, meaning = template.variables[number], chosen.get(number)
        last = i + 2 >= len(parts)
        following = template.variables[int(parts[i + 2])] if not last and not after else None
        if following is not None and not (following.meaning and following.meaning.rooted):
            raise UsageError(
                f"nothing stands between {variable.name} and {following.name} at character {following.at} of the "
                f"{template.server} format, so no line would tell where one ends; leave one out"
            )
        stop = after[:1] if not following else "/"
        value = _value(stop, quoted=before.endswith('"') and stop == '"', spaces=meaning.spaces if meaning else "")
        expression.append(f"(?P<v{number}>{value})" if meaning else f"(?:{value})")
        expression.append(_literal(after))
        if meaning:
            fields.append(Keyed(key=f"v{number}", decode=("backslash",) if meaning.text else (), **meaning.keys))
    return Pattern(**_head(template), fields=tuple(fields), pattern="".join(expression), syslog=True)


def _literal(text: str) -> str:
    """Return the expression of fixed text; blanks may be more than one."""
    return re.sub(r"(\\? )+", " +", re.escape(text))


def _value(stop: str, *, quoted: bool, spaces: str) -> str:
    if quoted:
        return r'(?:[^"\\]|\\.)*'
    if not stop:
        return ".*"
    return ".*?" if stop in spaces else f"[^{re.escape(stop)}]*"


def _json_format(template: Template) -> LogFormat:
    chosen = template.chosen()
    text = re.sub(r'("(?:[^"\\]|\\.)*")|\0(\d+)\0', lambda m: m[1] or f'"\0{m[2]}\0"', template.text)
    try:
        found = json.loads(text, strict=False)
    except ValueError as error:
        raise UsageError(f"the {template.server} format begins like JSON but is none: {error}") from error
    fields = [Keyed(key=key, **chosen[int(number)].keys) for key, number in _leaves(found, "") if int(number) in chosen]
    return JsonLines(**_head(template), fields=tuple(fields))


def _leaves(found: Mapping[str, Any], above: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of the values that are one variable, and its number."""
    for name, value in found.items():
        path = above + re.sub(r"([.\\])", r"\\\1", name)
        if isinstance(value, dict):
            yield from _leaves(value, path + ".")
        elif isinstance(value, str) and (match := re.fullmatch(r"\0(\d+)\0", value)):
            yield path, match[1]
