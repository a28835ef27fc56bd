r"""What a file that is no text log begins with, what it is, and what to do about it.

`MAGIC` is refused even where some lines would fit: a tar archive has whole lines of logs in it, between its headers.
`LOOKS` is only looked at where no format fits any line: text that is a log no longer, or not yet.
"""

from __future__ import annotations

import re

HEAD = 4096
"""Bytes of a file that are looked at."""

_UNREADABLE = "; cdnlog does not read it, decompress it first"
_DOCUMENT = "; cdnlog reads text logs"
_AGAIN = "; download it again"
_RECORDS = "; write each record in a line of its own: jq -c"

MAGIC: dict[bytes, str] = {
    rb"PK(?:\x03\x04|\x05\x06|\x07\x08)": "a zip archive; unpack it first",
    rb".{257}ustar(?:\0| {2}\0)": "a tar archive; extract it, or: tar -xOf FILE | cdnlog ... -",
    rb"\x1f\x8b|\x28\xb5\x2f\xfd|\xfd7zXZ\0|BZh[1-9]1AY&SY": "compressed twice; decompress it once",
    rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|MSCF\0": "an archive; unpack it first",
    rb"\x04\x22\x4d\x18|\xff\x06\0\0sNaPpY|\x1f[\x9d\xa0]|LZIP\x01|\x89LZO\0": "compressed in another way"
    + _UNREADABLE,
    rb"\xff\xfe\0\0|\0\0\xfe\xff": "UTF-32 text; convert it to UTF-8: iconv -f UTF-32 -t UTF-8",
    rb"\xff\xfe|\xfe\xff": "UTF-16 text; convert it to UTF-8: iconv -f UTF-16 -t UTF-8",
    rb"PAR1|Obj\x01": "a table of columns (Parquet, Avro)" + _DOCUMENT,
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a": "a picture" + _DOCUMENT,
    rb"%PDF": "a PDF document" + _DOCUMENT,
    rb"SQLite format 3\0": "a SQLite database" + _DOCUMENT,
    rb"\x7fELF": "a program" + _DOCUMENT,
    rb"Salted__|-----BEGIN PGP MESSAGE|age-encryption\.org/": "encrypted; decrypt it first",
    rb"version https://git-lfs\.": "a Git LFS pointer; fetch the file it stands for: git lfs pull",
}
LOOKS: dict[bytes, str] = {
    rb"\s*<(?:!doctype|html)[^\0]{0,900}?<title>\s*(?:Index of|Directory listing)": "a web server's list "
    "of the files in a folder; name each file",
    rb"\s*<(?:!doctype|html|head|body)": "an HTML page, such as an error page saved in place of a log" + _AGAIN,
    rb"\s*<(?:\?xml|[A-Z]\w*>)": "an XML document, such as the storage's answer to a failed download" + _AGAIN,
    rb"\s*\[\s*(?:\{|\Z)": f"a JSON array{_RECORDS} '.[]'",
    rb"\{\"(?:log|message)\":.*\"(?:stream|@timestamp)\":": "lines inside the JSON of a container or a shipper; "
    "take them out of it: jq -r '.log // .message'",
    rb"\{[^\n]*\}[ \t]*\{": f"several JSON records in one line{_RECORDS} .",
    rb"\s*\{\s*(?:\n|\"[^\n]*\n\s+\")": f"JSON records over several lines{_RECORDS} .",
    rb"\{\"\w+\":\s*\[\s*\{": f"a JSON object that holds the records{_RECORDS} '.[][]'",
    rb"\x1f(?:\xef\xbf\xbd|\xc2\x8b)\x08": "a gzip file that was converted like text; download it again, as bytes",
    rb"H4sIA": "a gzip file in Base64; decode it: base64 -d FILE | cdnlog ... -",
    rb"\0{16}": "zero bytes, as a download leaves them that never came" + _AGAIN,
    rb"(?:[\t\r\n -~]\0){8}|(?:\0[\t\r\n -~]){8}": "UTF-16 text without its mark; convert it to UTF-8: "
    "iconv -f UTF-16LE -t UTF-8",
    rb"[^\n]*\r\r\n": "text whose line ends were converted twice; put them right: tr -d '\\r'",
    # Controls that separate the fields of some logs are none of binary data: 1 to 3, 28 to 31.
    rb"(?:[^\0\x04-\x08\x0e-\x1a]{0,99}[\0\x04-\x08\x0e-\x1a]){4}": "binary data" + _DOCUMENT,
    rb"[^\n]*\r[^\r\n]": "text whose lines end in CR alone; convert them: tr '\\r' '\\n'",
}
_MAGIC = [(re.compile(pattern, re.DOTALL), what) for pattern, what in MAGIC.items()]
_LOOKS = [(re.compile(pattern, re.IGNORECASE), what) for pattern, what in LOOKS.items()]


def looks_like(head: bytes, *, fits: bool) -> str:
    """Return what a file is that is no text log, empty if it may be one.

    Args:
        head: Its first `HEAD` bytes, decompressed.
        fits: Whether some of its lines are those of a known format.
    """
    known = _MAGIC if fits else [*_MAGIC, *_LOOKS]
    return next((what for pattern, what in known if pattern.match(head)), "")
