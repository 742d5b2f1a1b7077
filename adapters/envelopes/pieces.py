"""Documents that come in several packages, ``PackageGroup`` (spec 05.1): what a piece says of itself, and pieces put together.

Each piece is a whole envelope with a part of the content: some of its operations, or some of its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lxml import etree

from adapters.document import DocumentRefused, Fault, Piece
from adapters.envelopes.frame import text_of
from adapters.xml.parser import Limits

ELEMENT = "PackageGroup"
"""The element a piece is recorded under: it holds no message of its own."""
MOST = 100
"""Packages of one group."""
_ROLES = ("group_total", "group_at")


def place_of(values: Mapping[str, str], paths: Mapping[str, str]) -> tuple[str, int, int] | None:
    """Group, place and total of an envelope's values by role; None for what comes in one piece. Raises DocumentRefused."""
    told = {role: values.get(role, "") for role in _ROLES}
    if not any(told.values()) or told["group_total"] == "1":
        return None
    faults = []
    numbers = {role: int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0 for role, text in told.items()}
    total, at = numbers["group_total"], numbers["group_at"]
    for role, most in (("group_total", MOST), ("group_at", max(total, 1))):
        if not 1 <= numbers[role] <= most:
            path, found = paths[role], told[role]
            zh, en = f"{path} 应为 1 至 {most}，收到 {found or '—'}", f"{path} must be 1 to {most}, found {found or '-'}"
            faults.append(Fault(path, "range", found, zh, en))
    if not values.get("group"):
        path = paths["group"]
        faults.append(Fault(path, "required", "", f"缺少 {path}，请补上", f"{path} is missing: add it"))
    if faults:
        raise DocumentRefused("SCHEMA_FAULTS", tuple(faults))
    return values["group"], at, total


def joined(pieces: Sequence[Piece], limits: Limits) -> etree._Element:
    """One content out of the pieces' in their order, in an envelope's root of its own. Raises DocumentRefused TOO_LARGE where
    all of them are more than one document may be."""
    ordered = sorted(pieces, key=lambda piece: piece.at)
    holder = etree.SubElement(etree.Element("joined"), etree.QName(ordered[0].content).localname)
    texts = []
    for piece in ordered:
        if len(piece.content):
            holder.extend(list(piece.content))
        else:
            texts.append(text_of(piece.content))
    if not len(holder):
        holder.text = "".join(texts)
    size, elements = sum(map(len, texts)), sum(1 for _ in holder.iter())
    if size > limits.size or elements > limits.elements:
        zh, en = "各包合起来超过一个文档的上限", "the packages together are more than a document may be"
        raise DocumentRefused("TOO_LARGE", (Fault("/", "size", str(max(size, elements)), zh, en),))
    return holder
