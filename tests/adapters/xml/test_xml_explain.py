"""Explanations: each rule of the subset has its sentence, from xmlschema and from lxml's log alike."""

from __future__ import annotations

import re
import time

import pytest
from lxml import etree

from adapters.document import DocumentRefused
from adapters.xml import explain as explanation
from adapters.xml.codec import Codec
from adapters.xml.schema_log import by_path, log_faults
from schemas.loader import load

CATALOGUE = load()
CODEC = Codec(CATALOGUE)
GOOD = (CATALOGUE.root / "samples/SubmitOrder/ok_pots_adsl_install.xml").read_text(encoding="utf-8")
TEXT = GOOD[GOOD.index("<Package") :]
ORDER = "/Package/Body/SubmitOrder"

# old text, new text, path, rule, found
CASES = {
    "missing first": ("<area>025</area>", "", f"{ORDER}/area", "missing", "operator"),
    "unknown": ("<area>025</area>", "<area>025</area><colour>r</colour>", f"{ORDER}/colour", "unexpected", "colour"),
    "enumeration": ("<action>install<", "<action>fit<", f"{ORDER}/items/item[1]/action", "enumeration", "fit"),
    "pattern": ("<phone>", "<phone>x", f"{ORDER}/contact/phone", "pattern", None),
    "too long": ("<area>025</area>", "<area>0123456</area>", f"{ORDER}/area", "length", "0123456"),
    "empty": ("<area>025</area>", "<area></area>", f"{ORDER}/area", "length", ""),
    "too great": ("<priority>", "<priority>1", f"{ORDER}/priority", "range", None),
    "too small": ("<priority>", "<priority>-", f"{ORDER}/priority", "range", None),
    "not a number": ("<amount>", "<amount>x", f"{ORDER}/payment/amount", "type", None),
    "not a boolean": ("<paid>true<", "<paid>yes<", f"{ORDER}/payment/paid", "type", "yes"),
    "text between": ("<contact>", "<contact>stray", f"{ORDER}/contact", "text", "stray"),
    "header": ("<Mode>A<", "<Mode>C<", "/Package/Header/Mode", "enumeration", "C"),
    "attribute": ("<area>025<", '<area x="y">025<', f"{ORDER}/area/@x", "attribute", "y"),
    "body unknown": (
        "<Body>", '<Body><Nothing xmlns="urn:bss:if:message:0.9"/>', "/Package/Body/Nothing", "unexpected", "Nothing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("named", ["Nowhere", "no:Where", "", "m:Sha256"])
def test_a_type_nobody_defines_is_a_fault_like_any_other(named):
    xsi = f'xmlns:m="urn:bss:if:message:0.9" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="{named}"'
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(TEXT.replace("<area>", f"<area {xsi}>", 1).encode())
    assert refused.value.symbol == "SCHEMA_FAULTS"
    assert refused.value.faults[0].path == f"{ORDER}/area"


def refused(text: str) -> list[tuple[str, str]]:
    """Path and rule of every fault of a document that is refused for its structure."""
    with pytest.raises(DocumentRefused) as caught:
        CODEC.decode(text.encode())
    assert caught.value.symbol == "SCHEMA_FAULTS"
    return [(fault.path, fault.rule) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("<𠮷/>", "/𠮷"),
        (TEXT.replace("<area>", "<𠮷/><area>", 1), f"{ORDER}/𠮷"),
        (TEXT.replace("<area>", '<𠮷 xmlns=""/><area>', 1), f"{ORDER}/𠮷"),
        (TEXT.replace("<area>", '<area 𠮷="1">', 1), f"{ORDER}/area"),
    ],
)
def test_names_of_newer_xml_are_faults_like_any_other(text, path):
    """XML 1.0 took them in with its fifth edition; not every parser knows."""
    assert path in [found for found, _ in refused(text)]


@pytest.mark.parametrize("year", ["99999999999", "-99999999999"])
def test_a_year_beyond_all_clocks_does_not_hide_the_fault_beside_it(year):
    late = TEXT.replace("<captured_at>20261121094500<", f"<captured_at>{year}-11-21T09:45:00<", 1)
    assert late != TEXT
    assert (f"{ORDER}/dates/zzz", "unexpected") in refused(late.replace("</captured_at>", "</captured_at><zzz/>", 1))


def test_prefixes_are_the_senders_affair_in_large_documents_too():
    """Of those lxml's log is told, whose paths are written with the document's own prefixes."""
    many = TEXT.replace("</items>", "<item><action>x</action></item>" * 1_600 + "</items>", 1)
    prefixed = re.sub(r"<(/?)([a-z_]+|SubmitOrder)([ />])", r"<\1m:\2\3", many)
    prefixed = prefixed.replace("xmlns=\"urn:bss:if:message", "xmlns:m=\"urn:bss:if:message")
    assert refused(prefixed) == refused(many)


def test_paths_of_the_log_lead_to_their_elements():
    """Against the library that writes them, over every sample and the ways a namespace can be said."""
    odd = b'<a xmlns:p="u" xmlns:q="u"><p:b/><q:b/><b/><b xmlns="v"/><c xmlns="v"/><p:b><d/><d/></p:b><e/></a>'
    samples = [path for row in CATALOGUE.messages() for path in CATALOGUE.samples(row.name) if path.name.startswith("ok_")]
    both = (odd, b'<p:a xmlns:p="u" xmlns="u"><b/><p:b/><b xmlns="w"/></p:a>')
    for raw in (*both, *(path.read_bytes() for path in samples)):
        root = etree.fromstring(raw, etree.XMLParser(remove_comments=True, remove_pis=True))
        tree, found = root.getroottree(), by_path(root)
        assert [found[tree.getpath(element)] for element in root.iter()] == list(root.iter())


def damaged(name: str) -> bytes:
    old, new, *_ = CASES[name]
    assert old in TEXT, old
    return TEXT.replace(old, new, 1).encode()


@pytest.mark.parametrize("name", CASES)
def test_sentence(name):
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(damaged(name))
    _, _, path, rule, found = CASES[name]
    fault = refused.value.faults[0]
    assert (fault.path, fault.rule) == (path, rule)
    assert found is None or fault.found == found
    assert any("\u4e00" <= sign <= "\u9fff" for sign in fault.zh)
    assert fault.en.isascii()


@pytest.mark.parametrize(
    "name", [name for name in CASES if name not in ("attribute", "missing first", "body unknown", "too small")]
)
def test_lxmls_log_says_the_same(name):
    root = etree.fromstring(damaged(name))
    _, _, path, rule, _ = CASES[name]
    assert (path, rule) in [(fault.path, fault.rule) for fault in log_faults(CATALOGUE.schema(), root, 10)]


def test_twice_and_out_of_order():
    raw = TEXT.replace("<area>025</area>", "<area>025</area><area>025</area>", 1).encode()
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(raw)
    assert [(fault.path, "twice" in fault.en) for fault in refused.value.faults] == [(f"{ORDER}/area[2]", True)]


def test_every_fault_of_a_document_at_once():
    text = TEXT
    for name in ("enumeration", "pattern", "too long", "not a boolean", "header"):
        old, new, *_ = CASES[name]
        text = text.replace(old, new, 1)
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(text.encode())
    assert len(refused.value.faults) == 5
    assert all(fault.zh and fault.en for fault in refused.value.faults)


@pytest.mark.parametrize("piece", ["<b/>", "<item/>", "<item><action>x</action></item>"])
def test_thousands_of_faults_are_explained_in_bounded_time(piece):
    raw = TEXT.replace("</items>", piece * 9_000 + "</items>", 1).encode()
    start = time.process_time()
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(raw)
    assert time.process_time() - start < 2
    assert 0 < len(refused.value.faults) <= explanation.MAX_FAULTS


def test_faults_in_ever_another_message_compile_no_schema_twice():
    schemas = {(row.xsd, version) for row in CATALOGUE.messages() for version in CATALOGUE.versions()}
    assert len(schemas) < explanation._schema.cache_parameters()["maxsize"]


def test_where_xmlschema_finds_nothing_lxml_speaks(monkeypatch):
    class Silent:
        def iter_errors(self, source: object) -> tuple[()]:
            return ()

    monkeypatch.setattr(explanation, "_schema", lambda *args: Silent())
    root = etree.fromstring(damaged("enumeration"))
    faults = explanation.explain(CATALOGUE, root, "0.9")
    assert [(fault.path, fault.rule) for fault in faults] == [(f"{ORDER}/items/item[1]/action", "enumeration")]


@pytest.mark.parametrize("value", ["", "  ", "\n"])
def test_blanks_alone_are_as_empty_as_nothing(value):
    """What collapses to nothing is not said to have a length."""
    with pytest.raises(DocumentRefused) as caught:
        CODEC.decode(re.sub("<name>[^<]*</name>", f"<name>{value}</name>", TEXT, count=1).encode())
    assert [fault.en for fault in caught.value.faults] == ["name must not be empty"]
