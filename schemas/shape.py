"""XSD files -> shape trees: what a document's dict looks like, known beforehand.

Our message schemas keep to a small subset of XSD (sequences, group references, named and anonymous types, optional
elements, lists as a wrapper with one repeating child; see ``xsd/types/common.xsd``).  Inside it a document is a plain dict
whose leaves and lists are known before a byte arrives: the codec compiles readers and writers from these trees; docs, WSDL
and sample generation walk them.  A construct outside the subset is refused here, which makes this the schemas' lint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lxml import etree

_XS = "{http://www.w3.org/2001/XMLSchema}"
_INTEGERS = frozenset(
    (
        "integer",
        "long",
        "int",
        "short",
        "byte",
        "nonNegativeInteger",
        "positiveInteger",
        "nonPositiveInteger",
        "negativeInteger",
        "unsignedLong",
        "unsignedInt",
        "unsignedShort",
        "unsignedByte",
    )
)
_TEXTS = frozenset(("string", "token", "normalizedString", "dateTime", "date", "decimal", "base64Binary", "anyURI"))

LeafKind = Literal["str", "int", "bool"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value: ``str``, ``int`` or ``bool``. ``collapse``: surrounding and repeated blanks carry no meaning (xs:token)."""

    kind: LeafKind
    base: str
    type_name: str = ""
    collapse: bool = True
    enumeration: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    min_value: int | None = None
    max_value: int | None = None
    members: tuple[Leaf, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A named child of a structure, in wire order; ``about`` is its xs:documentation, if any."""

    name: str
    shape: Shape
    required: bool
    about: str = ""


@dataclass(frozen=True, slots=True)
class Struct:
    """A dict: fields in wire order, each at most once."""

    fields: tuple[Field, ...]
    type_name: str = ""

    def field(self, name: str) -> Field | None:
        """The field ``name`` or None."""
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list: the wrapper's only child ``name`` repeats, ``minimum`` to ``maximum`` times (None: unbounded)."""

    name: str
    item: Shape
    minimum: int
    maximum: int | None
    type_name: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """Whatever stands inside an ``Extension``: kept as XML text and handed on (spec 01.2 rule 6)."""

    type_name: str = ""


Shape = Leaf | Struct | ListOf | Raw


def named_leaves(shapes: Iterable[Shape]) -> dict[str, Leaf]:
    """Every leaf of ``shapes`` whose type has a name, by that name."""
    found: dict[str, Leaf] = {}

    def walk(shape: Shape) -> None:
        if isinstance(shape, Leaf):
            if shape.type_name:
                found.setdefault(shape.type_name, shape)
        elif isinstance(shape, ListOf):
            walk(shape.item)
        elif isinstance(shape, Struct):
            for field in shape.fields:
                walk(field.shape)

    for one in shapes:
        walk(one)
    return found


class OutsideSubset(Exception):
    """A schema uses a construct our subset does not have; the text names file, line and construct in both languages."""

    def __init__(self, node: etree._Element, zh: str, en: str) -> None:
        where = f"{Path(node.base or '').name}:{node.sourceline}"
        super().__init__(f"{where}: {zh} / {en}")


class ShapeReader:
    """Reads the XSDs named (relative to ``root``) with their includes; shapes are built on demand and kept."""

    def __init__(self, root: Path, names: tuple[str, ...]) -> None:
        self._components: dict[tuple[str, str], etree._Element] = {}
        self._elements: dict[str, Shape] = {}
        self._types: dict[str, Shape] = {}
        self._open: list[str] = []
        self._read: set[Path] = set()
        for name in names:
            self._collect((root / name).resolve())

    def _collect(self, path: Path) -> None:
        if path in self._read:
            return
        self._read.add(path)
        top = etree.parse(path, etree.XMLParser(remove_comments=True, resolve_entities=False)).getroot()
        for node in top:
            kind = _local(node)
            if kind == "include":
                self._collect((path.parent / node.get("schemaLocation", "")).resolve())
            elif kind in ("element", "complexType", "simpleType", "group"):
                key = (kind.replace("complex", "").replace("simple", ""), node.get("name", ""))
                if key in self._components:
                    raise OutsideSubset(node, f"名称 {key[1]} 重复定义", f"{key[1]} is defined twice")
                self._components[key] = node
            else:
                raise OutsideSubset(node, f"不允许使用 {kind}", f"{kind} is outside the subset")

    def element(self, name: str) -> Shape | None:
        """Shape of the global element ``name``, None if no file defines it. Raises OutsideSubset."""
        if name not in self._elements:
            node = self._components.get(("element", name))
            if node is None:
                return None
            self._elements[name] = self._shape_of(node)
        return self._elements[name]

    def type(self, name: str) -> Shape | None:
        """Shape of the global type ``name``, None if no file defines it. Raises OutsideSubset."""
        node = self._components.get(("Type", name))
        return None if node is None else self._named(node, name)

    def _shape_of(self, node: etree._Element) -> Shape:
        named = node.get("type")
        if named is not None:
            return self._named(node, named)
        inner = [child for child in node if _local(child) != "annotation"]
        if len(inner) != 1 or _local(inner[0]) not in ("complexType", "simpleType"):
            raise OutsideSubset(node, "元素须有且仅有一个类型", "an element needs exactly one type")
        return self._type(inner[0], "")

    def _named(self, node: etree._Element, named: str) -> Shape:
        if named.startswith("xs:"):
            return _builtin(node, named[3:])
        if named not in self._types:
            definition = self._components.get(("Type", named))
            if definition is None:
                raise OutsideSubset(node, f"未定义的类型 {named}", f"type {named} is not defined")
            if named in self._open:
                raise OutsideSubset(node, f"类型 {named} 引用自身", f"type {named} refers to itself")
            self._open.append(named)
            self._types[named] = self._type(definition, named)
            self._open.pop()
        return self._types[named]

    def _type(self, node: etree._Element, name: str) -> Shape:
        if _local(node) == "simpleType":
            return self._leaf(node, name)
        inner = [child for child in node if _local(child) != "annotation"]
        if node.get("mixed") or len(inner) != 1 or _local(inner[0]) != "sequence":
            raise OutsideSubset(node, "复杂类型只能是一个 sequence", "a complex type is one sequence, nothing else")
        children = [child for child in inner[0] if _local(child) != "annotation"]
        if len(children) == 1 and _local(children[0]) == "any":
            return Raw(name)
        if len(children) == 1 and _local(children[0]) == "element" and children[0].get("maxOccurs", "1") != "1":
            maximum = children[0].get("maxOccurs", "1")
            return ListOf(
                children[0].get("name", ""),
                self._shape_of(children[0]),
                int(children[0].get("minOccurs", "1")),
                None if maximum == "unbounded" else int(maximum),
                name,
            )
        fields = tuple(self._fields(inner[0], optional=False))
        names = [field.name for field in fields]
        if len(set(names)) != len(names):
            raise OutsideSubset(node, "同一结构内字段重名", "a field name stands twice in one structure")
        return Struct(fields, name)

    def _fields(self, group: etree._Element, optional: bool) -> list[Field]:
        fields: list[Field] = []
        for node in group:
            kind = _local(node)
            if kind == "annotation":
                continue
            absent = optional or node.get("minOccurs") == "0"
            if node.get("maxOccurs", "1") != "1":
                raise OutsideSubset(node, "重复元素须独占一个列表包装", "what repeats stands alone in a list wrapper")
            if kind == "element" and node.get("name") is not None:
                fields.append(Field(node.get("name", ""), self._shape_of(node), not absent, _about(node)))
            elif kind == "group":
                target = self._components.get(("group", node.get("ref", "")))
                if target is None:
                    raise OutsideSubset(node, f"未定义的组 {node.get('ref')}", f"group {node.get('ref')} is not defined")
                for child in target:
                    fields += self._fields(child, absent or _local(child) == "choice")
            elif kind in ("sequence", "choice"):
                fields += self._fields(node, absent or kind == "choice")
            else:
                raise OutsideSubset(node, f"此处不允许使用 {kind}", f"{kind} is outside the subset here")
        return fields

    def _leaf(self, node: etree._Element, name: str) -> Leaf:
        inner = [child for child in node if _local(child) != "annotation"]
        if len(inner) != 1:
            raise OutsideSubset(node, "简单类型须有一个 restriction 或 union", "a simple type is one restriction or union")
        body = inner[0]
        if _local(body) == "union":
            members = [self._named(body, member) for member in body.get("memberTypes", "").split()]
            leaves = tuple(member for member in members if isinstance(member, Leaf))
            if not leaves or len(leaves) != len(members):
                raise OutsideSubset(body, "union 的成员须为简单类型", "members of a union are simple types")
            return Leaf("str", "union", name, members=leaves)
        if _local(body) != "restriction":
            raise OutsideSubset(body, f"不允许使用 {_local(body)}", f"{_local(body)} is outside the subset")
        base = self._named(body, body.get("base", ""))
        if not isinstance(base, Leaf):
            raise OutsideSubset(body, "restriction 的基类型须为简单类型", "a restriction's base is a simple type")
        return _restricted(base, body, name)


def _restricted(base: Leaf, body: etree._Element, name: str) -> Leaf:
    facets: dict[str, list[str]] = {}
    for facet in body:
        if _local(facet) != "annotation":
            facets.setdefault(_local(facet), []).append(facet.get("value", ""))
    numbers = {
        "minLength": "min_length",
        "maxLength": "max_length",
        "minInclusive": "min_value",
        "maxInclusive": "max_value",
    }
    bounds = {
        "min_length": base.min_length,
        "max_length": base.max_length,
        "min_value": base.min_value,
        "max_value": base.max_value,
    }
    for facet_name, values in facets.items():
        if facet_name in numbers:
            bounds[numbers[facet_name]] = int(values[0])
        elif facet_name == "length":
            bounds["min_length"] = bounds["max_length"] = int(values[0])
        elif facet_name not in ("enumeration", "pattern", "whiteSpace", "fractionDigits", "totalDigits"):
            raise OutsideSubset(body, f"不允许使用 {facet_name}", f"{facet_name} is outside the subset")
    return Leaf(
        base.kind,
        base.base,
        name or base.type_name,
        base.collapse,
        tuple(facets.get("enumeration", base.enumeration)),
        (*base.patterns, *facets.get("pattern", ())),
        bounds["min_length"],
        bounds["max_length"],
        bounds["min_value"],
        bounds["max_value"],
    )


def _builtin(node: etree._Element, name: str) -> Leaf:
    if name in _INTEGERS:
        low = {"positiveInteger": 1}.get(name, 0 if name.startswith(("unsigned", "nonNegative")) else None)
        return Leaf("int", name, min_value=low)
    if name == "boolean":
        return Leaf("bool", name)
    if name not in _TEXTS:
        raise OutsideSubset(node, f"不允许使用类型 xs:{name}", f"xs:{name} is outside the subset")
    return Leaf("str", name, collapse=name != "string")


def _about(node: etree._Element) -> str:
    text = node.findtext(f"{_XS}annotation/{_XS}documentation") or ""
    return " ".join(text.split())


def _local(node: etree._Element) -> str:
    return str(node.tag).removeprefix(_XS)
