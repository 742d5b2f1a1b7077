"""Charsets of documents (spec 01.2 rule 2): what bytes are text in, and text in a peer's charset.

A declaration is often false in the field, so bytes are believed before labels: a BOM wins; bytes valid as UTF-8 whose
non-ASCII characters are all CJK, punctuation with them, are UTF-8 (short UTF-8 often passes as GBK, hardly ever the reverse);
else packet or HTTP charset, XML declaration, GB18030, the first that decodes, always strictly.  ``GB2312`` and ``GBK`` are
read as GB18030.

CPython's codec still is GB 18030-2000 for 25 double-byte codes (it yields private-use characters); one table corrects them
in both directions.  The six of them whose characters lie beyond the BMP are written in four bytes, as GB 18030-2022 does;
private-use characters that lost their code this way are outside the charset and travel as character references.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Rule = Literal["bom", "utf-8", "transport", "declaration", "fallback"]

UTF_8 = "UTF-8"
GB18030 = "GB18030"
_NAMES = {"utf-8": UTF_8, "utf8": UTF_8, "gb18030": GB18030, "gbk": "GBK", "gb2312": "GB2312"}
_ALIASES = {"cp936": "gbk", "ms936": "gbk", "windows-936": "gbk", "x-gbk": "gbk", "gb_2312-80": "gb2312", "us-ascii": "utf-8"}
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8", UTF_8),
    (b"\x84\x31\x95\x33", "gb18030", GB18030),
    (b"\xff\xfe", "utf-16-le", "UTF-16LE"),
    (b"\xfe\xff", "utf-16-be", "UTF-16BE"),
)

# private-use character CPython yields -> character of GB 18030-2022, by double-byte code A6D9-A6F3, FE59-FEA0
_SWAPPED = {
    0xE78D: 0xFE10, 0xE78E: 0xFE12, 0xE78F: 0xFE11, 0xE790: 0xFE13, 0xE791: 0xFE14, 0xE792: 0xFE15, 0xE793: 0xFE16,
    0xE794: 0xFE17, 0xE795: 0xFE18, 0xE796: 0xFE19, 0xE81E: 0x9FB4, 0xE826: 0x9FB5, 0xE82B: 0x9FB6, 0xE82C: 0x9FB7,
    0xE832: 0x9FB8, 0xE843: 0x9FB9, 0xE854: 0x9FBA, 0xE864: 0x9FBB,
}  # fmt: skip
# FE51 FE52 FE53 FE6C FE76 FE91
_BEYOND_BMP = {
    0xE816: 0x20087, 0xE817: 0x20089, 0xE818: 0x200CC, 0xE831: 0x215D7, 0xE83B: 0x2298F, 0xE855: 0x241FE,
}  # fmt: skip
# A8BC and 8135F437 changed places in 2005
_EXCHANGED = {0xE7C7: 0x1E3F, 0x1E3F: 0xE7C7}
_FROM_CODEC = {**_SWAPPED, **_BEYOND_BMP, **_EXCHANGED}
_TO_CODEC = {**{real: private for private, real in _SWAPPED.items()}, **_EXCHANGED}
_NO_CODE = dict.fromkeys([*_SWAPPED, *_BEYOND_BMP])
_REFERENCES = {private: f"&#x{private:X};" for private in _NO_CODE}
_NO_CODE_PATTERN = re.compile("[" + "".join(map(chr, _NO_CODE)) + "]")
# UTF-8 beginnings of every character the table touches: a cheap way to see that it touches none
_TOUCHED = (b"\xee", b"\xef\xb8", b"\xe9\xbe", b"\xe1\xb8")
# first bytes of every code the table touches, a cheaper way still (they may also stand elsewhere)
_LEADS = (b"\xa6", b"\xa8", b"\xfe", b"\x81")
_ASCII = bytes(range(0x80))

_NOT_CJK = re.compile(
    "[^\u00a4\u00a7\u00a8\u00b0\u00b1\u00b7\u00d7\u00f7\u02c7\u02c9\u2010-\u205e\u2100-\u22ff\u2460-\u257f\u25a0-\u26ff\u2e80-\u9fff\uf900-\ufaff\ufe10-\ufe1f\ufe30-\ufe6f"
    "\uff00-\uffef\U00020000-\U0003fffd]"
)
"""Neither a character of these languages nor one of the signs GB 2312 has among its punctuation, the dot in names (·) first."""
_CJK = re.compile("[\u2010-\U0003fffd]")
"""Three bytes or more in UTF-8.  The signs in two alone prove nothing: in GB18030 the same bytes are common characters (路)."""
_DECLARATION = re.compile(rb"<\?xml\s[^>]{0,200}?\?>\s*")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([A-Za-z0-9._\-]{1,40})["']""")


class Undecodable(Exception):
    """No rule of spec 01.2 decodes these bytes (answered 1005, the raw bytes are kept)."""

    def __init__(self, tried: tuple[str, ...]) -> None:
        self.tried = tried
        listed = ", ".join(tried)
        super().__init__(f"按 {listed} 均无法解码 / undecodable as {listed}")


@dataclass(frozen=True, slots=True)
class Found:
    """How text was found in bytes: the ``charset`` they were in, the ``rule`` that found it, and ``wrong``: the labels (packet
    or HTTP charset, declaration) that were false, for the peer's record."""

    charset: str
    rule: Rule
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading(Found):
    """A document read as text: also its UTF-8 ``data`` without BOM and XML declaration."""

    data: bytes = b""


@lru_cache(maxsize=64)
def known(name: str) -> str | None:
    """Our spelling of a charset name (``UTF-8 GB18030 GBK GB2312``); None if no peer may use it (e.g. UTF-7)."""
    lowered = name.strip().lower()
    return _NAMES.get(_ALIASES.get(lowered, lowered))


def decode_gb18030(raw: bytes) -> str:
    """Text of GB18030 bytes by the 2022 table. Raises UnicodeDecodeError."""
    text = raw.decode("gb18030")
    a6, a8, fe, four = map(raw.find, _LEADS)  # `in` would first try the mark as a number, and fail at some length
    if a6 >= 0 or a8 >= 0 or fe >= 0 or four >= 0:
        return text.translate(_FROM_CODEC) if _touched(text.encode()) else text
    return text


def encode_gb18030(text: str) -> bytes:
    """GB18030 bytes of ``text`` by the 2022 table. Raises UnicodeEncodeError for what has no code in it."""
    if _touched(text.encode()):
        lost = _NO_CODE_PATTERN.search(text)
        if lost is not None:
            raise UnicodeEncodeError("gb18030", text, lost.start(), lost.end(), "no code in GB 18030-2022")
        text = text.translate(_TO_CODEC)
    return text.encode("gb18030")


def _touched(utf8: bytes) -> bool:
    rest = utf8.translate(None, _ASCII)
    one, two, three, four = map(rest.find, _TOUCHED)
    return one >= 0 or two >= 0 or three >= 0 or four >= 0


def encode_document(text: str, charset: str) -> bytes:
    """XML ``text`` in ``charset``; characters outside it become character references, never ``?``.

    Raises LookupError for a charset no peer may use.
    """
    name = known(charset)
    if name == UTF_8:
        return text.encode()
    if name == GB18030:
        if _touched(text.encode()):
            text = text.translate({**_TO_CODEC, **_REFERENCES})
        return text.encode("gb18030")
    if name is None:
        raise LookupError(f"不支持的字符集：{charset} / unsupported charset: {charset}")
    return text.encode(name, "xmlcharrefreplace")


def encode_field(text: str, charset: str) -> bytes:
    """``text`` in ``charset`` where no reference can be written (packet headers, files).

    Raises UnicodeEncodeError when a character has no code there: the caller parks the message. LookupError as above.
    """
    name = known(charset)
    if name is None:
        raise LookupError(f"不支持的字符集：{charset} / unsupported charset: {charset}")
    return encode_gb18030(text) if name == GB18030 else text.encode(name)


def read(raw: bytes, charset: str | None = None) -> Reading:
    """``raw`` as UTF-8 by the rules of spec 01.2; ``charset`` is what packet or HTTP header say, if they do.

    Raises Undecodable.
    """
    found = opened(raw)
    if found is None:
        return _by_bom(raw, charset)
    body, declared = found
    text, how = text_of(body, charset, declared)
    data = body if how.charset == UTF_8 else text.encode()
    return Reading(how.charset, how.rule, how.wrong, data)


def opened(raw: bytes) -> tuple[bytes, str | None] | None:
    """What stands behind the XML declaration, and the charset it names; None for bytes with a byte order mark."""
    if raw.startswith((b"\xef\xbb\xbf", b"\x84\x31\x95\x33", b"\xff\xfe", b"\xfe\xff")):
        return None
    declaration = _DECLARATION.match(raw)
    return (raw, None) if declaration is None else (raw[declaration.end() :], _declared(declaration.group()))


def text_of(body: bytes, charset: str | None, declared: str | None) -> tuple[str, Found]:
    """Text of bytes without byte order mark and XML declaration, and how it was found; of the whole document or of all that is
    not ASCII in it, which alone decides. Raises Undecodable."""
    if body.isascii():
        return body.decode(), _plain(charset, declared)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _by_label(body, charset, declared, None)
    beyond = body.translate(None, _ASCII).decode()
    if _NOT_CJK.search(beyond) is None and _CJK.search(beyond) is not None:
        return text, _found(UTF_8, "utf-8", charset, declared)
    return _by_label(body, charset, declared, text)


def _by_bom(raw: bytes, charset: str | None) -> Reading:
    mark, codec, name = next(entry for entry in _BOMS if raw.startswith(entry[0]))
    try:
        text = decode_gb18030(raw[len(mark) :]) if name == GB18030 else raw[len(mark) :].decode(codec)
        data = text.encode()
    except UnicodeError as fault:
        raise Undecodable((name,)) from fault
    declaration = _DECLARATION.match(data)
    body = data if declaration is None else data[declaration.end() :]
    declared = None if declaration is None else _declared(declaration.group())
    return Reading(name, "bom", _false(name, charset, declared), body)


def _by_label(body: bytes, charset: str | None, declared: str | None, as_utf_8: str | None) -> tuple[str, Found]:
    tried: list[str] = []
    labels: tuple[tuple[Rule, str | None], ...] = (
        ("transport", charset), ("declaration", declared), ("fallback", GB18030)
    )  # fmt: skip
    for rule, label in labels:
        name = known(label) if label else None
        if name is None or _family(name) in tried:
            continue
        tried.append(_family(name))
        text = as_utf_8 if name == UTF_8 else _gb18030_text(body)
        if text is not None:
            return text, _found(name, rule, charset, declared)
    raise Undecodable(tuple(tried))


def _gb18030_text(body: bytes) -> str | None:
    try:
        return decode_gb18030(body)
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=256)
def _declared(declaration: bytes) -> str | None:
    found = _ENCODING.search(declaration)
    return found.group(1).decode("ascii") if found is not None else None


@lru_cache(maxsize=256)
def _found(name: str, rule: Rule, charset: str | None, declared: str | None) -> Found:
    return Found(name, rule, _false(name, charset, declared))


@lru_cache(maxsize=256)
def _plain(charset: str | None, declared: str | None) -> Found:
    """ASCII is what any label says, if there is such a charset."""
    return Found(known(charset or declared or UTF_8) or UTF_8, "utf-8", _unknown(charset, declared))


def _family(name: str) -> str:
    return name if name in (UTF_8, "UTF-16LE", "UTF-16BE") else GB18030


def _false(name: str, *labels: str | None) -> tuple[str, ...]:
    family = _family(name)
    if family.startswith("UTF-16"):
        return tuple(label for label in labels if label and not label.lower().startswith("utf-16"))
    return tuple(label for label in labels if label and _label_family(label) != family)


def _label_family(label: str) -> str | None:
    name = known(label)
    return _family(name) if name is not None else None


def _unknown(*labels: str | None) -> tuple[str, ...]:
    return tuple(label for label in labels if label and known(label) is None)
