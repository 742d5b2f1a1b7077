"""Texts an expression allows are valid by their type: nothing is taken that lxml would refuse (spec 01.2 rule 5)."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.xml.facets import expression
from schemas.loader import load
from schemas.shape import Leaf, named_leaves

CATALOGUE = load()
LEAVES = named_leaves(CATALOGUE.shape(element) for row in CATALOGUE.messages() for element in row.elements())
POSSESSIVE = re.compile(r"}\+")  # texts are generated without
KNOWN = {name: found for name, leaf in LEAVES.items() if (found := expression(leaf)) is not None}


@pytest.fixture(scope="module")
def schema():
    """Every named type as an element of its own."""
    driver = CATALOGUE.driver()
    elements = "".join(f'<xs:element name="of_{name}" type="m:{name}"/>' for name in KNOWN)
    namespace = CATALOGUE.version().message_namespace
    text = driver.replace("<xs:schema ", f'<xs:schema xmlns:m="{namespace}" ')
    text = text.replace("</xs:schema>", f"{elements}</xs:schema>")
    return etree.XMLSchema(etree.fromstring(text, base_url=CATALOGUE.xsd_path("driver.xsd").as_uri()))


def test_most_types_have_an_expression():
    assert len(KNOWN) > 0.8 * len(LEAVES)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_what_matches_is_valid(schema, data):
    name = data.draw(st.sampled_from(sorted(KNOWN)))
    text = data.draw(st.from_regex(re.compile(POSSESSIVE.sub("}", KNOWN[name])), fullmatch=True))
    assume(not re.search("[\x00-\x1f<>&\ufffe\uffff\ud800-\udfff]|^ | $|  ", text))
    element = etree.Element(f"{{{CATALOGUE.version().message_namespace}}}of_{name}")
    element.text = text
    assert schema.validate(element), (name, text, schema.error_log)


@pytest.mark.parametrize(
    ("leaf", "taken", "left"),
    [
        (Leaf("str", "token", min_length=1, max_length=3), ["a", "张三李", "𠮷𠮷𠮷"], ["", "abcd"]),
        (Leaf("str", "string"), ["", "x" * 3000], []),
        (Leaf("str", "token", patterns=("[0-9]{14}",)), ["20261122090000"], ["2026112209000", "2026112209000x"]),
        (Leaf("str", "token", patterns=("[A-Z]{2}", ".*B")), [], ["AB"]),
        (Leaf("str", "token", patterns=("[A-Z]+", "A[A-Z]*"), max_length=3), ["AB", "ABC"], ["BA", "ABCD"]),
        (Leaf("str", "token", enumeration=("A", "a.b")), ["A", "a.b"], ["B", "axb", ""]),
        (Leaf("int", "positiveInteger", min_value=1, max_value=9999), ["1", "9999"], ["0", "10000", "01", "-1", "+1", "1 "]),
        (Leaf("int", "nonNegativeInteger", min_value=0, max_value=500), ["0", "99"], ["501", "100"]),
        (Leaf("int", "int"), ["0", "999999999"], ["2147483648", "9999999999"]),
        (Leaf("int", "negativeInteger", max_value=-1), [], ["-1", "1"]),
        (Leaf("bool", "boolean"), ["true", "0"], ["yes", "True"]),
        (Leaf("str", "dateTime"), [], ["2026-11-22T09:00:00"]),
        (Leaf("str", "union", members=(Leaf("str", "token", patterns=("[0-9]{14}",)), Leaf("str", "dateTime"))),
         ["20261122090000"], ["2026-11-22T09:00:00"]),
    ],
)  # fmt: skip
def test_what_is_sure(leaf, taken, left):
    found = expression(leaf)
    allowed = [text for text in (*taken, *left) if found is not None and re.compile(f"{found}\n").fullmatch(f"{text}\n")]
    assert allowed == taken
