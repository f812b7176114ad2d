"""Rules that a CSV dialect must keep, whatever the file."""

import codecs
from collections.abc import Iterator
from typing import NamedTuple

from jalousie.contract.parts import Csv
from jalousie.errors import did_you_mean

ENCODINGS = ("utf-8", "utf-16", "iso-8859-1", "cp1252")
"""Those that a message proposes."""

_NO_CHARACTER_SET = {"idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem"}


class DialectFault(NamedTuple):
    """What is wrong: `key` is the path below `csv`."""

    code: str
    key: str
    message: str
    hint: str


def is_encoding(name: str) -> bool:
    """Whether files can be written in an encoding of that name. Python has others, such as base64, which are none of text."""
    try:
        found = codecs.lookup(name)
        "".encode(name)  # raises LookupError for those that are not of text
    except (LookupError, ValueError):
        return False
    return found.name.replace("-", "_") not in _NO_CHARACTER_SET


def dialect_faults(csv: Csv) -> Iterator[DialectFault]:
    """Faults that can be told without the file: C102 for an unknown encoding, C103 for contradictions."""
    if not is_encoding(csv.encoding):
        hint = did_you_mean(csv.encoding, ENCODINGS)
        yield DialectFault("C102", "encoding", f'unknown encoding "{csv.encoding}"', hint)
    for key, character in (("delimiter", csv.delimiter), ("quote", csv.quote)):
        if character and (character in "\r\n\0" or not character.isascii()):
            yield DialectFault("C103", key, f"the {key} cannot be that character", "take one of ASCII, no line end")
    if csv.delimiter == csv.quote:
        yield DialectFault("C103", "quote", "delimiter and quote are the same character", 'the quote is usually "')
