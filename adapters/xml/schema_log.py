"""lxml's own findings as faults: the explanation of documents too large for xmlschema, or that only lxml refuses.

libxml2 names every bad value but, in each structure, only the first misplaced or missing child.  It is linear in the
document's size, which is why thousands of elements come here (``adapters.xml.explain``).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, cast

from lxml import etree

from adapters.document import Fault
from adapters.xml.paths import Element, Paths, found_in, local
from adapters.xml.sentences import (
    bad_enumeration,
    bad_length,
    bad_other,
    bad_pattern,
    bad_range,
    bad_text,
    bad_type,
    missing,
    unexpected,
)

_EXPECTED = re.compile(r"Expected is (?:one of )?\( (.*) \)")
_QUOTED = re.compile(r"'([^']*)'")
_LAST_QUOTED = re.compile(r"'([^']*)'\)?\.$")


def log_faults(schema: etree.XMLSchema, root: etree._Element, limit: int) -> tuple[Fault, ...]:
    """The faults of a document this schema refuses, at most ``limit``."""
    schema.validate(root)
    paths = Paths(root)
    elements = by_path(root)
    faults: dict[Fault, None] = {}
    explained: set[str] = set()
    for entry in cast("Iterable[Any]", schema.error_log):
        element = elements.get(entry.path or "", root)
        path = paths.of(element)
        kind = entry.type_name.removeprefix("SCHEMAV_")
        if kind.startswith("CVC_DATATYPE") and path in explained:
            # libxml2 says a second time, as type, what a facet has said already
            continue
        explained.add(path)
        sentence = _SENTENCES.get(kind, _other)
        faults.setdefault(sentence(path, element, entry.message))
        if len(faults) >= limit:
            break
    return tuple(faults)


def by_path(root: etree._Element) -> dict[str, Element]:
    """Every element by the path libxml2 writes of it.

    Asking XPath would cost a walk a fault, and it knows neither the document's prefixes nor names of newer XML.
    """
    found: dict[str, Element] = {f"/{_step(root)}": root}
    below = list(found.items())
    while below:
        path, parent = below.pop()
        children = list(parent)
        steps = [_step(child) for child in children]
        counts, seen = Counter(steps), Counter[str]()
        counts["*"] = len(children)
        for at, (step, child) in enumerate(zip(steps, children, strict=True), 1):
            seen[step] += 1
            place = at if step == "*" else seen[step]
            inner = f"{path}/{step}[{place}]" if counts[step] > 1 else f"{path}/{step}"
            found[inner] = child
            if len(child):
                below.append((inner, child))
    return found


def _step(element: Element) -> str:
    """How libxml2 writes an element in a path: with its prefix, or as any element where the namespace has none."""
    name = etree.QName(element)
    if element.prefix is not None:
        return f"{element.prefix}:{name.localname}"
    return "*" if name.namespace else name.localname


def _last(message: str) -> str:
    quoted = _LAST_QUOTED.search(message)
    return quoted.group(1) if quoted is not None else ""


def _content(path: str, element: Element, message: str) -> Fault:
    listed = _EXPECTED.search(message)
    expected = tuple(local(name) for name in listed.group(1).split(", ")) if listed is not None else ()
    if "Missing child" in message:
        return missing(f"{path}/{expected[0]}" if expected else path, expected, "")
    return unexpected(path, local(str(element.tag)), expected)


def _enumeration(path: str, element: Element, message: str) -> Fault:
    _, _, allowed = message.partition("element of the set ")
    return bad_enumeration(path, found_in(element), tuple(_QUOTED.findall(allowed)))


def _pattern(path: str, element: Element, message: str) -> Fault:
    return bad_pattern(path, found_in(element), _last(message))


def _length(path: str, element: Element, message: str) -> Fault:
    short = "underruns" in message
    return bad_length(path, found_in(element), len(element.text or ""), short, int(_last(message) or 0))


def _range(path: str, element: Element, message: str) -> Fault:
    return bad_range(path, found_in(element), "less than" in message, _last(message))


def _type(path: str, element: Element, message: str) -> Fault:
    return bad_type(path, found_in(element), local(_last(message)))


def _text(path: str, element: Element, message: str) -> Fault:
    if message.endswith("because the content type is empty.") and len(element):
        inner = local(str(element[0].tag))
        return unexpected(f"{path}/{inner}", inner, ())
    return bad_text(path, (element.text or "").strip()[:200])


def _other(path: str, element: Element, message: str) -> Fault:
    return bad_other(path, found_in(element), message)


_SENTENCES: dict[str, Callable[[str, Element, str], Fault]] = {
    "ELEMENT_CONTENT": _content,
    "CVC_ENUMERATION_VALID": _enumeration,
    "CVC_PATTERN_VALID": _pattern,
    "CVC_MAXLENGTH_VALID": _length,
    "CVC_MINLENGTH_VALID": _length,
    "CVC_LENGTH_VALID": _length,
    "CVC_MAXINCLUSIVE_VALID": _range,
    "CVC_MININCLUSIVE_VALID": _range,
    "CVC_DATATYPE_VALID_1_2_1": _type,
    "CVC_DATATYPE_VALID_1_2_3": _type,
    "CVC_COMPLEX_TYPE_2_1": _text,
    "CVC_COMPLEX_TYPE_2_3": _text,
}
