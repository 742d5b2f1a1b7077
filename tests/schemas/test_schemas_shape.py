"""Shapes: what the subset reads as, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.loader import load
from schemas.shape import Leaf, ListOf, OutsideSubset, Raw, ShapeReader, Struct

HEAD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:x" targetNamespace="urn:x" '
    'elementFormDefault="qualified">'
)


def reader(tmp_path: Path, body: str) -> ShapeReader:
    (tmp_path / "x.xsd").write_text(f"{HEAD}{body}</xs:schema>", encoding="utf-8")
    return ShapeReader(tmp_path, ("x.xsd",))


def test_every_element_of_the_catalogue_has_a_shape():
    catalogue = load()
    for row in catalogue.messages():
        for element in row.elements():
            assert isinstance(catalogue.shape(element), Struct), element


def test_kinds_of_leaves_lists_structures_and_extension():
    shape = load().shape("SubmitOrder")
    assert isinstance(shape, Struct)
    order_id, items, priority, pre = (shape.field(n) for n in ("customer_order_id", "items", "priority", "pre_accept"))
    assert order_id
    assert isinstance(order_id.shape, Leaf)
    assert (order_id.shape.kind, order_id.shape.max_length, order_id.required) == ("str", 30, True)
    assert priority
    assert isinstance(priority.shape, Leaf)
    assert (priority.shape.kind, priority.shape.min_value, priority.shape.max_value) == ("int", 0, 9)
    assert pre
    assert isinstance(pre.shape, Leaf)
    assert pre.shape.kind == "bool"
    assert items
    assert isinstance(items.shape, ListOf)
    assert (items.shape.name, items.shape.minimum, items.shape.maximum) == ("item", 1, 200)
    extension = shape.field("Extension")
    assert extension
    assert isinstance(extension.shape, Raw)


def test_text_keeps_its_blanks_and_tokens_do_not(tmp_path):
    found = reader(
        tmp_path,
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:element name="a" type="xs:string"/>'
        '<xs:element name="b" type="xs:token"><xs:annotation><xs:documentation>what for</xs:documentation></xs:annotation>'
        "</xs:element></xs:sequence></xs:complexType></xs:element>",
    ).element("E")
    assert isinstance(found, Struct)
    a, b = found.fields
    assert isinstance(a.shape, Leaf)
    assert not a.shape.collapse
    assert isinstance(b.shape, Leaf)
    assert b.shape.collapse
    assert b.about == "what for"


def test_what_an_optional_group_or_choice_holds_is_optional(tmp_path):
    found = reader(
        tmp_path,
        '<xs:group name="G"><xs:sequence><xs:element name="a" type="xs:token"/></xs:sequence></xs:group>'
        '<xs:element name="E"><xs:complexType><xs:sequence><xs:group ref="G" minOccurs="0"/>'
        '<xs:choice><xs:element name="b" type="xs:token"/><xs:element name="c" type="xs:token"/></xs:choice>'
        '<xs:element name="d" type="xs:token"/></xs:sequence></xs:complexType></xs:element>',
    ).element("E")
    assert isinstance(found, Struct)
    assert [(field.name, field.required) for field in found.fields] == [
        ("a", False), ("b", False), ("c", False), ("d", True),
    ]  # fmt: skip


SEQUENCE = '<xs:element name="E"><xs:complexType>{}</xs:complexType></xs:element>'


@pytest.mark.parametrize(
    "body",
    [
        SEQUENCE.format('<xs:sequence><xs:element name="a" type="xs:token"/></xs:sequence><xs:attribute name="x"/>'),
        SEQUENCE.format('<xs:all><xs:element name="a" type="xs:token"/></xs:all>'),
        SEQUENCE.format('<xs:sequence><xs:element ref="E"/></xs:sequence>'),
        SEQUENCE.format('<xs:sequence><xs:element name="a" type="xs:float"/></xs:sequence>'),
        SEQUENCE.format('<xs:sequence><xs:element name="a" type="Nothing"/></xs:sequence>'),
        SEQUENCE.format('<xs:sequence><xs:group ref="Nothing"/></xs:sequence>'),
        SEQUENCE.format(
            '<xs:sequence><xs:element name="a" type="xs:token" maxOccurs="9"/><xs:element name="b" type="xs:token"/>'
            "</xs:sequence>"
        ),
        SEQUENCE.format(
            '<xs:sequence><xs:element name="a" type="xs:token"/><xs:element name="a" type="xs:token"/></xs:sequence>'
        ),
        '<xs:element name="E" type="T"/><xs:complexType name="T"><xs:sequence><xs:element name="a" type="T" minOccurs="0"/>'
        '<xs:element name="b" type="xs:token"/></xs:sequence></xs:complexType>',
        '<xs:element name="E" type="T"/><xs:simpleType name="T"><xs:list itemType="xs:token"/></xs:simpleType>',
        '<xs:element name="E"/>',
    ],
)
def test_outside_the_subset_is_refused_with_its_place(tmp_path, body):
    with pytest.raises(OutsideSubset, match=r"x\.xsd:\d+"):
        reader(tmp_path, body).element("E")


@pytest.mark.parametrize(
    "body",
    ['<xs:attribute name="a"/>', '<xs:element name="E" type="xs:token"/><xs:element name="E" type="xs:token"/>'],
)
def test_a_file_outside_the_subset_is_refused_at_once(tmp_path, body):
    with pytest.raises(OutsideSubset):
        reader(tmp_path, body)


def test_unknown_element_has_no_shape(tmp_path):
    assert reader(tmp_path, "").element("E") is None
