"""The fields of an element, line by line as they nest, with type, bounds, values and what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.fields import FieldText, FieldTexts
from schemas.shape import Leaf, ListOf, Raw, Shape, Struct


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field: its ``path`` from the element and ``depth`` in it, ``kind`` (type), ``bounds`` in one line, ``values`` where
    only these may stand; ``repeats`` says how often a list's entry may (empty: the field occurs once)."""

    path: str
    name: str
    depth: int
    kind: str
    bounds: str
    values: tuple[str, ...]
    required: bool
    text: FieldText
    repeats: str = ""


def lines_of(shape: Shape, element: str, texts: FieldTexts) -> list[FieldLine]:
    """Every field of ``element`` in wire order. Raises LookupError for one nobody has described."""
    return list(_lines(shape, element, "", 0, texts))


def _lines(shape: Shape, owner: str, path: str, depth: int, texts: FieldTexts) -> Iterator[FieldLine]:
    if isinstance(shape, Struct):
        own = shape.type_name or owner
        for one in shape.fields:
            here = f"{path}/{one.name}" if path else one.name
            text = texts.of(own, one.name)
            if isinstance(one.shape, ListOf):
                yield FieldLine(here, one.name, depth, one.shape.type_name or "list", "", (), one.required, text)
                yield from _entries(one.shape, f"{own}.{one.name}", here, depth + 1, texts, text)
            else:
                yield FieldLine(
                    here, one.name, depth, _kind(one.shape), bounds_of(one.shape), values_of(one.shape), one.required, text
                )
                yield from _lines(one.shape, f"{own}.{one.name}", here, depth + 1, texts)


def _entries(shape: ListOf, owner: str, path: str, depth: int, texts: FieldTexts, listed: FieldText) -> Iterator[FieldLine]:
    """What repeats inside a list, and its fields."""
    here = f"{path}/{shape.name}"
    repeats = f"{shape.minimum}…{'∞' if shape.maximum is None else shape.maximum}"
    text = FieldText("其中一条", "One entry", listed.table)
    item = shape.item
    yield FieldLine(here, shape.name, depth, _kind(item), bounds_of(item), values_of(item), shape.minimum > 0, text, repeats)
    yield from _lines(item, shape.type_name or owner, here, depth + 1, texts)


def _kind(shape: Shape) -> str:
    if isinstance(shape, Leaf):
        if shape.type_name:
            return shape.type_name
        return "enumeration" if shape.enumeration else f"xs:{shape.base}"
    return "any" if isinstance(shape, Raw) else shape.type_name or "structure"


def values_of(shape: Shape) -> tuple[str, ...]:
    """The only values that may stand there; empty where others may, too."""
    return shape.enumeration if isinstance(shape, Leaf) else ()


def bounds_of(shape: Shape) -> str:
    """Lengths, ranges and patterns in one line."""
    if not isinstance(shape, Leaf):
        return ""
    if shape.members:
        return " | ".join(bounds_of(member) or f"xs:{member.base}" for member in shape.members)
    low, high = shape.min_length, shape.max_length
    parts = []
    if high is not None:
        parts.append(f"= {high} chars" if low == high else f"{low or 0}…{high} chars")
    if shape.min_value is not None or shape.max_value is not None:
        parts.append(
            f"{'' if shape.min_value is None else shape.min_value} ≤ n ≤ {'' if shape.max_value is None else shape.max_value}"
        )
    parts += [f"/{pattern}/" for pattern in shape.patterns]
    return " ".join(parts).replace(" ≤ n ≤  ", " ≤ n")
