"""Known forms: documents whose tags were all met before are read by position, without asking lxml for a single element.

Peers send the same few forms over and over: the same tags in the same order around other texts.  Split at every ``<`` and
``>`` such a document is tags and texts by turns; the tags name the form, and a form that was read once through lxml is compiled
to one expression that puts the texts where they belong.

``read`` is asked only for documents lxml has parsed and found valid, that hold no reference, comment or declaration and no
blanks to collapse (``is_plain``), and no ``>`` but at the end of a tag, so that none of their texts can be taken for a tag.
Two such documents with the same tags have the same structure.  A form is learned only if reading it by position gives exactly
what lxml gave.  ``Extension`` holds foreign content and is never learned.

``sure`` needs no lxml at all.  Our schemas restrict structure and single texts, nothing across them (``schemas.shape`` refuses
the rest), so a document is valid if its tags are those of a valid one and each text is allowed where it stands.  Of a form that
keeps coming one regular expression finds the values between its tags, another says whether all are allowed, a line each
(``adapters.xml.facets``).  What they do not know to be valid is not refused: lxml decides, as for any other document.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from adapters.document import Body, Header
from adapters.envelopes.package import WIRE_NAMES
from adapters.xml.charset import Found, text_of
from adapters.xml.facets import expression
from schemas.shape import Leaf, ListOf, Shape, Struct

MOST = 512
"""Forms remembered; a peer that never repeats itself makes the oldest ones go."""
LARGEST = 8 << 10
"""Bytes of tags of a form worth remembering: long lists seldom have the same length again, and cost a megabyte each."""
OFTEN = 8
"""How often a form has come by when its regular expression is worth compiling."""
SURE_SIZE = 1 << 20
"""Bytes of a document that may go by its form alone; libxml2's own limits are far above."""

MOST_ALIKE = 16
"""Forms with the same number of tags that are tried one after the other."""

_VALUE = r"([^<>&\x00-\x1f]*+)"
_TEXT = re.compile(r"v\[([0-9]+)\]")
_NOTHING: dict[bytes, _Certain] = {}
_FIELDS = {name: field for field, name in WIRE_NAMES.items()}
_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}
Read = tuple[Header, str, Body]
Reader = Callable[[list[str]], Read]


@dataclass(frozen=True, slots=True)
class Sure:
    """A document that is valid beyond doubt: its schema version, what it says, how its charset was found."""

    version: str
    read: Read
    found: Found


@dataclass(frozen=True, slots=True)
class _Certain:
    """How a document of a form is recognised and judged: ``whole`` matches its bytes and finds its values, ``values`` says
    whether all of them are allowed, a line each, ``reader`` takes them by number."""

    root: str
    version: str
    whole: re.Pattern[bytes]
    values: re.Pattern[str]
    reader: Reader


@dataclass(slots=True)
class _Known:
    """A form: how its documents are read by position, how often that was done, what it takes to be certain of them (if it can
    be had): the number of tags, and ``_Certain`` when it is worth it."""

    reader: Reader
    tags: int
    certain: Callable[[], _Certain] | None
    met: int = 0


class Forms:
    """The forms one codec has met."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        self._certain: dict[int, dict[bytes, _Certain]] = {}

    def sure(self, body: bytes, charset: str | None, declared: str | None, root: str) -> Sure | None:
        """What the document in ``body`` (its bytes behind the declaration, in any charset but UTF-16) says if it is valid
        beyond doubt and its root element ``root``; None where lxml must be asked. Raises Undecodable.

        Marks are the same bytes in every such charset, and never part of another character.
        """
        if len(body) > SURE_SIZE:
            return None
        for known in self._certain.get(body.count(b"<"), _NOTHING).values():
            match = known.whole.fullmatch(body)
            if match is None or known.root != root:
                continue
            lines, found = text_of(b"\n".join(match.groups()), charset, declared)
            if known.values.fullmatch(lines) is None or _doubtful(lines):
                return None
            return Sure(known.version, known.reader(lines.split("\n")), found)
        return None

    def read(self, data: bytes) -> Read | bytes:
        """Header, element name and body of a valid plain document in UTF-8, or the form to ``learn`` if it is new."""
        pieces = data.replace(b">", b"<").split(b"<")
        form = b"<".join(pieces[1::2])
        known = self._known.get(form)
        if known is None:
            return form
        known.met += 1
        if known.met >= OFTEN and known.certain is not None:
            alike = self._certain.setdefault(known.tags, {})
            if form not in alike and len(alike) < MOST_ALIKE:
                alike[form] = known.certain()
        return known.reader(_texts(pieces))

    def learn(self, form: bytes, data: bytes, read: Read, version: str, header: Struct, shape: Shape) -> None:
        """Remember how ``data`` was read; in vain where the form cannot be read by position. ``header`` and ``shape`` are what
        the schemas of ``version`` say of the Header and of the body element."""
        if len(form) > LARGEST or not form.isascii():
            return
        tags = _Tags(form.decode())
        try:
            source = f"lambda v: (Header({_header(tags, header)}), {read[1]!r}, {_value(shape, read[2], tags)})"
        except _ByElementOnly:
            return
        reader = _evaluated(source)
        if reader(_texts(data.replace(b">", b"<").split(b"<"))) != read:
            return
        if len(self._known) >= MOST:
            self._forget(next(iter(self._known)))
        certain = None if tags.lines() is None else lambda: _certain(tags, version, source)
        self._known[form] = _Known(reader, tags.count, certain)

    def _forget(self, form: bytes) -> None:
        known = self._known.pop(form)
        self._certain.get(known.tags, {}).pop(form, None)


def _doubtful(lines: str) -> bool:
    """Whether there are blanks that may have to be collapsed, or what is no character in XML."""
    if "  " in lines or "\n " in lines or " \n" in lines or "\ufffe" in lines or "\uffff" in lines:
        return True
    return lines[:1] == " " or lines[-1:] == " "


def _texts(pieces: list[bytes]) -> list[str]:
    """The texts between tags; plain documents have no line breaks of their own."""
    return b"\n".join(pieces[::2]).decode().split("\n")


def _evaluated(source: str) -> Reader:
    """Names come from our own schemas and are quoted; texts are only ever indexed."""
    reader: Reader = eval(source, {"Header": Header, "BOOLEAN": _BOOLEAN, "int": int, "__builtins__": {}})
    return reader


def _certain(tags: _Tags, version: str, source: str) -> _Certain:
    """The texts of ``source`` are those between the tags; here only values are numbered."""
    numbers = tags.values()
    numbered = _TEXT.sub(lambda text: f"v[{numbers[int(text[1])]}]" if int(text[1]) in numbers else '""', source)
    return _Certain(tags.root, version, *_compiled(tags.whole(), tags.lines() or "", numbered))


@lru_cache(maxsize=MOST)
def _compiled(whole: bytes, lines: str, source: str) -> tuple[re.Pattern[bytes], re.Pattern[str], Reader]:
    """Codecs that meet the same form share what was compiled for it."""
    return re.compile(whole), re.compile(lines), _evaluated(source)


class _ByElementOnly(Exception):
    """The form holds something that cannot be read by position."""


class _Tags:
    """The tags of a form from the first to the last; the text behind a tag is numbered one higher."""

    def __init__(self, form: str) -> None:
        self._tags = form.split("<")
        self._at = 0
        self._texts: list[str | None] = [""] * (len(self._tags) + 1)
        self.count = len(self._tags)
        self.root = _local(self._tags[0].partition(" ")[0])

    def open(self) -> tuple[str, str, bool]:
        """Name of the next tag, the text behind it, whether it closed itself."""
        at = self._at
        if at >= len(self._tags) or self._tags[at].startswith("/"):
            raise _ByElementOnly
        self._at = at + 1
        tag = self._tags[at]
        return tag.removesuffix("/").partition(" ")[0], f"v[{at + 1}]", tag.endswith("/")

    def value(self, leaf: Leaf) -> None:
        """The text behind the tag that was opened last is a ``leaf``."""
        self._texts[self._at] = expression(leaf)

    def close(self) -> bool:
        """Pass a closing tag, if that is what comes."""
        closing = self._at < len(self._tags) and self._tags[self._at].startswith("/")
        self._at += closing
        return closing

    def values(self) -> dict[int, int]:
        """Which texts are values, numbered."""
        at = [number for number, text in enumerate(self._texts) if text != ""]
        return {text: number for number, text in enumerate(at)}

    def lines(self) -> str | None:
        """The expression of all values, a line each; None if one of them has none."""
        known = [text for text in self._texts if text is not None]
        return "\n".join(filter(None, known)) if len(known) == len(self._texts) else None

    def whole(self) -> bytes:
        """The expression of a document's bytes: its tags as they are, and between them values, or nothing."""
        behind = [_VALUE if text != "" else "" for text in self._texts[1:]]
        return "".join(re.escape(f"<{tag}>") + text for tag, text in zip(self._tags, behind, strict=True)).encode()


def _header(tags: _Tags, shape: Struct) -> str:
    """Arguments of ``Header`` from the tags up to the body element's; in a SOAP envelope its header block is the Header."""
    outer = (_local(tags.open()[0]), _local(tags.open()[0]))
    soap = outer == ("Envelope", "Header") and _local(tags.open()[0]) == "PackageHeader"
    if not soap and outer != ("Package", "Header"):
        raise _ByElementOnly
    given = []
    while not tags.close():
        name, text, closed = tags.open()
        field, known = _FIELDS.get(_local(name)), shape.field(_local(name))
        if known is not None and isinstance(known.shape, Leaf) and not closed:
            tags.value(known.shape)
        if field is None or not (closed or tags.close()):
            raise _ByElementOnly
        given.append(f"{field}=int({text})" if field == "ttl" else f"{field}={text}")
    if (soap and not tags.close()) or _local(tags.open()[0]) != "Body":
        raise _ByElementOnly
    return ", ".join(given)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _value(shape: Shape, value: Any, tags: _Tags) -> str:
    """The expression for the element that comes next, whose value in the document at hand is ``value``."""
    _, text, closed = tags.open()
    if isinstance(shape, Leaf):
        if not closed:
            tags.value(shape)
        written = text if shape.kind == "str" else f"int({text})" if shape.kind == "int" else f"BOOLEAN[{text}]"
    elif isinstance(shape, Struct):
        fields = [(name, shape.field(name), one) for name, one in value.items()]
        parts = [f"{name!r}: {_value(field.shape, one, tags)}" for name, field, one in fields if field is not None]
        written = "{" + ", ".join(parts) + "}"
    elif isinstance(shape, ListOf):
        written = "[" + ", ".join([_value(shape.item, one, tags) for one in value]) + "]"
    else:
        raise _ByElementOnly
    if not (closed or tags.close()):
        raise _ByElementOnly
    return written
