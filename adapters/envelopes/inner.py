"""Documents inside an envelope's content: XML, JSON or plain text, under what the outer document left of its limits.

An inner document is a second untrusted parse: same parser, same refusals, bounds taken from the outer one; documents nest two
deep and no deeper (spec 01.2 rule 3, 05.1).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from lxml import etree

from adapters.document import DocumentRefused, Fault
from adapters.xml.charset import Undecodable, read
from adapters.xml.parser import Limits, SafeParser

_CLOSING = "]]>"
MOST_DIGITS = 40
"""Digits of a number in JSON; no field of ours has room for half of them."""
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
"""One that never ends is passed over as well: searched anew at every quote in it, it would cost the square of its length."""


def cdata(text: str) -> str:
    """``text`` as a CDATA section; the sequence that would end it is split over two (spec 01.2)."""
    return f"<![CDATA[{text.replace(_CLOSING, ']]]]><![CDATA[>')}]]>"


def left_over(limits: Limits, root: etree._Element, content: etree._Element) -> Limits:
    """The limits of a document inside ``content``: depth and elements go on counting."""
    depth = 1 + sum(1 for _ in content.iterancestors())
    elements = sum(1 for _ in root.iter())
    return replace(limits, depth=max(limits.depth - depth, 1), elements=max(limits.elements - elements, 1))


def parse_xml(text: str, limits: Limits) -> tuple[etree._Element, bytes]:
    """Root of an inner XML document and its bytes as UTF-8 without declaration.

    The text was decoded with the outer document; its own declaration is read and, as for any document, believed only where the
    bytes agree.  Raises DocumentRefused as the outer document would be.
    """
    data = text.strip().encode("utf-8", "surrogatepass")
    try:
        reading = read(data, "UTF-8")
    except Undecodable as fault:
        raise DocumentRefused("CHARSET_UNDECODABLE", detail=str(fault)) from fault
    return SafeParser(limits).parse(reading.data), reading.data


def parse_json(text: str, limits: Limits) -> dict[str, Any]:
    """An inner JSON object, bounded like a document: size, nesting, entries; no name twice, no NaN. Raises DocumentRefused."""
    if len(text.encode()) > limits.size:
        raise _refused("TOO_LARGE", "size", "内层 JSON 超过大小上限", "the inner JSON exceeds the size limit")
    bare = _STRINGS.sub("", text)
    depth = deepest = 0
    for sign in bare:
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "]}":
            depth -= 1
    if deepest > limits.depth:
        raise _refused("TOO_LARGE", "depth", "内层 JSON 嵌套过深", "the inner JSON nests too deep")
    if bare.count(",") + bare.count(":") > limits.elements:
        raise _refused("TOO_LARGE", "elements", "内层 JSON 元素过多", "the inner JSON has too many entries")
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_integer)
    except ValueError as fault:
        raise _refused(
            "NOT_WELL_FORMED", "json", f"内层不是合法的 JSON：{fault}", f"the inner document is no valid JSON: {fault}"
        ) from fault
    if not isinstance(found, dict):
        raise _refused("NOT_WELL_FORMED", "json", "内层 JSON 须为对象", "the inner JSON must be an object")
    return found


def json_text(element: str, body: dict[str, Any]) -> str:
    """A body as JSON in ASCII, so that no charset can lose a character of it."""
    return json.dumps({element: body}, ensure_ascii=True, separators=(",", ":"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits, at most {MOST_DIGITS}")
    return int(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _refused(symbol: str, rule: str, zh: str, en: str) -> DocumentRefused:
    return DocumentRefused(symbol, (Fault("/content", rule, "", zh, en),), detail=en)
