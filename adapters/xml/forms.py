"""Known forms: documents whose tags were all met before are read by position, without asking lxml for a single element.

Peers send the same few forms over and over: the same tags in the same order around other texts.  Split at every ``<`` and
``>`` such a document is tags and texts by turns; the tags name the form, and a form that was read once through lxml is compiled
to one expression that puts the texts where they belong.

Why that is right: it is asked only for documents lxml has parsed and found valid, that hold no reference, comment or
declaration and no blanks to collapse (``is_plain``), and no ``>`` but at the end of a tag, so that none of their texts can be
taken for a tag.  Two such documents with the same tags have the same structure.  A form is learned only if reading it by
position gives exactly what lxml gave.  ``Extension`` holds foreign content and is never learned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.document import Body, Header
from adapters.envelopes.package import WIRE_NAMES
from schemas.shape import Leaf, ListOf, Shape, Struct

MOST = 512
"""Forms remembered; a peer that never repeats itself makes the oldest ones go."""

_FIELDS = {name: field for field, name in WIRE_NAMES.items()}
_BOOLEAN = {"true": True, "1": True, "false": False, "0": False}

Read = tuple[Header, str, Body]
Reader = Callable[[list[str]], Read]


class Forms:
    """The forms one codec has met."""

    def __init__(self) -> None:
        self._known: dict[str, Reader] = {}

    def read(self, text: str) -> Read | str:
        """Header, element name and body of a valid plain document, or the form to ``learn`` if it is new."""
        pieces = text.replace(">", "<").split("<")
        form = "<".join(pieces[1::2])
        reader = self._known.get(form)
        return form if reader is None else reader(pieces)

    def learn(self, form: str, text: str, read: Read, shape: Shape) -> None:
        """Remember how ``text`` was read; in vain where the form cannot be read by position."""
        tags = _Tags(form)
        try:
            source = f"lambda v: (Header({_header(tags)}), {read[1]!r}, {_value(shape, read[2], tags)})"
        except _ByElementOnly:
            return
        # names come from our own schemas and are quoted; texts are only ever indexed
        reader: Reader = eval(source, {"Header": Header, "BOOLEAN": _BOOLEAN, "int": int, "__builtins__": {}})
        if reader(text.replace(">", "<").split("<")) != read:
            return
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[form] = reader


class _ByElementOnly(Exception):
    """The form holds something that cannot be read by position."""


class _Tags:
    """The tags of a form from the first to the last; a piece of text stands two further than its tag."""

    def __init__(self, form: str) -> None:
        self._tags = form.split("<")
        self._at = 0

    def open(self) -> tuple[str, str, bool]:
        """Name of the next tag, the text behind it, whether it closed itself."""
        at = self._at
        if at >= len(self._tags) or self._tags[at].startswith("/"):
            raise _ByElementOnly
        self._at = at + 1
        tag = self._tags[at]
        return tag.removesuffix("/").partition(" ")[0], f"v[{2 * at + 2}]", tag.endswith("/")

    def close(self) -> bool:
        """Pass a closing tag, if that is what comes."""
        closing = self._at < len(self._tags) and self._tags[self._at].startswith("/")
        self._at += closing
        return closing


def _header(tags: _Tags) -> str:
    """Arguments of ``Header`` from the tags up to the body element's; in a SOAP envelope its header block is the Header."""
    outer = (_local(tags.open()[0]), _local(tags.open()[0]))
    soap = outer == ("Envelope", "Header") and _local(tags.open()[0]) == "PackageHeader"
    if not soap and outer != ("Package", "Header"):
        raise _ByElementOnly
    given = []
    while not tags.close():
        name, text, closed = tags.open()
        field = _FIELDS.get(_local(name))
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
