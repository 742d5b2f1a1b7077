"""Bodies under a peer's names: elements renamed, values mapped, order mended, by a declared field map (spec 01.2, 05).

A map renames what stands at a path and keeps the structure.  Inward, fields come into our namespace and our order whatever
theirs is; what the map does not know keeps its name and is judged by the schema.
"""

from __future__ import annotations

from lxml import etree

from adapters.envelopes.dialect import BodyMap, FieldMap
from adapters.envelopes.frame import local, text_of
from schemas.shape import ListOf, Shape, Struct

_SAME = FieldMap()
_KEPT = "Extension"


def to_ours(element: etree._Element, name: str, shape: Shape, namespace: str, names: BodyMap) -> etree._Element:
    """The body ``element`` of a peer as our element ``name``, ready to be validated."""
    return _inward(element, name, shape, f"{{{namespace}}}", "", names)


def _inward(source: etree._Element, name: str, shape: Shape, prefix: str, path: str, names: BodyMap) -> etree._Element:
    made = etree.Element(prefix + name, nsmap={None: prefix[1:-1]})  # type: ignore[dict-item]  # the stubs know no default namespace
    if isinstance(shape, Struct):
        _inward_fields(source, made, shape, prefix, path, names)
    elif isinstance(shape, ListOf):
        inner = f"{path}/{shape.name}" if path else shape.name
        for child in source:
            made.append(_inward(child, shape.name, shape.item, prefix, inner, names))
    else:
        mapping = names.fields.get(path, _SAME)
        back = {theirs: ours for ours, theirs in mapping.values.items()}
        text = text_of(source) if not len(source) else source.text
        made.text = back.get((text or "").strip(), text)
        made.extend(list(source))
    return made


def _inward_fields(source: etree._Element, made: etree._Element, shape: Struct, prefix: str, path: str, names: BodyMap) -> None:
    left = list(source)
    for field in shape.fields:
        inner = f"{path}/{field.name}" if path else field.name
        mapping = names.fields.get(inner, _SAME)
        wanted = mapping.name or field.name
        found = [child for child in left if local(child) == wanted]
        left = [child for child in left if local(child) != wanted]
        for child in found:
            made.append(_inward(child, field.name, field.shape, prefix, inner, names))
        if not found and mapping.default is not None:
            etree.SubElement(made, prefix + field.name).text = mapping.default
    for child in left:  # nobody knows these: the schema says so with their path
        made.append(_renamed(child, prefix))


def _renamed(source: etree._Element, prefix: str) -> etree._Element:
    made = etree.Element(prefix + local(source))
    made.text = source.text
    made.extend([_renamed(child, prefix) for child in source])
    return made


def to_theirs(element: etree._Element, names: BodyMap) -> str:
    """Our body ``element`` as the peer's markup, without a namespace, fields in the map's order first."""
    return etree.tostring(plain(element, names), encoding="unicode")


def plain(element: etree._Element, names: BodyMap) -> etree._Element:
    """As ``to_theirs``, as an element."""
    return _outward(element, names.element or local(element), "", names)


def _outward(source: etree._Element, name: str, path: str, names: BodyMap) -> etree._Element:
    made = etree.Element(name)
    if local(source) == _KEPT:  # whatever it is, it is handed on as it stands
        made.text = source.text
        made.extend(list(source))
        return made
    mapping = names.fields.get(path, _SAME)
    text = source.text
    made.text = mapping.values.get((text or "").strip(), text)
    order = {known: place for place, known in enumerate(names.fields)}
    children = []
    for place, child in enumerate(source):
        inner = f"{path}/{local(child)}" if path else local(child)
        field = names.fields.get(inner, _SAME)
        if field.omit:
            continue
        children.append((order.get(inner, len(order)), place, _outward(child, field.name or local(child), inner, names)))
    made.extend([child for _, _, child in sorted(children, key=lambda entry: entry[:2])])
    return made
