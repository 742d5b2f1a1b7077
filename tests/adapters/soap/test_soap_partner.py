"""Partners' WSDL: files of its folder only, operations by name or by what they take, envelopes in its own names (spec 01.3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from adapters.soap.names import SOAP_11, SOAP_12
from schemas.loader import load
from schemas.wsdl import Contract, offered

pytest.importorskip("zeep")
partner = pytest.importorskip("adapters.soap.partner")
CATALOGUE = load()
TEXT = "<Package>𠮷 &lt;一&gt;</Package>"

STRANGE = """<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="http://legacy.example/svc" targetNamespace="http://legacy.example/svc">
 <w:types><xs:schema targetNamespace="http://legacy.example/svc" elementFormDefault="unqualified">
  <xs:element name="exchange"><xs:complexType><xs:sequence><xs:element name="xmlDoc" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="exchangeResponse"><xs:complexType><xs:sequence><xs:element name="return" type="xs:string"/></xs:sequence></xs:complexType></xs:element>
 </xs:schema></w:types>
 <w:message name="q"><w:part name="p" element="t:exchange"/></w:message>
 <w:message name="a"><w:part name="p" element="t:exchangeResponse"/></w:message>
 <w:portType name="P"><w:operation name="exchange"><w:input message="t:q"/><w:output message="t:a"/></w:operation></w:portType>
 <w:binding name="B" type="t:P"><s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
  <w:operation name="exchange"><s:operation soapAction="urn:legacy#x"/><w:input><s:body use="literal"/></w:input>
  <w:output><s:body use="literal"/></w:output></w:operation></w:binding>
 <w:service name="S"><w:port name="Q" binding="t:B"><s:address location="http://legacy.example/"/></w:port></w:service>
</w:definitions>"""  # noqa: E501


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    made = Contract(CATALOGUE, offered(CATALOGUE, "PF"), "PF")
    (tmp_path / "xsd").mkdir()
    for name, data in made.schemas.items():
        (tmp_path / "xsd" / name).write_bytes(data)
    path = tmp_path / "pf.wsdl"
    path.write_bytes(made.wsdl("http://pf.example/soap", "xsd/"))
    return path


@pytest.mark.parametrize(("version", "space"), [("1.1", SOAP_11), ("1.2", SOAP_12)])
def test_an_operation_in_the_version_wanted(ours: Path, version: str, space: str) -> None:
    service = partner.Partner(ours)
    operation = service.operation("DispatchOrder", version)
    assert (operation.version, operation.action) == (version, "urn:bss:if:message:0.9/DispatchOrder")
    assert operation.element == "{urn:bss:if:message:0.9}DispatchOrder"
    text = service.operation("exchange", version)
    root = etree.fromstring(service.text_envelope(text, TEXT))
    assert etree.QName(root).namespace == space
    assert "".join(root.itertext()).strip() == TEXT


def test_somebody_elses_names_are_used_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "legacy.wsdl"
    path.write_text(STRANGE, encoding="utf-8")
    service = partner.Partner(path)
    operation = service.operation("exchange", "1.2")
    assert (operation.version, operation.action) == ("1.1", "urn:legacy#x")
    body = etree.fromstring(service.text_envelope(operation, TEXT))[-1][0]
    assert body.tag == "{http://legacy.example/svc}exchange"
    assert [(child.tag, child.text) for child in body] == [("xmlDoc", TEXT)]


def importing(location: str) -> str:
    schema = f'<xs:schema><xs:import namespace="u" schemaLocation="{location}"/></xs:schema>'
    return STRANGE.replace("<w:types>", f"<w:types>{schema}", 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (importing("http://evil.example/x.xsd"), "http://evil.example/x.xsd"),
        (importing("/etc/passwd"), "passwd"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + STRANGE, "legacy.wsdl"),
        (STRANGE[:200], "legacy.wsdl"),
    ],
)
def test_what_reaches_out_of_its_folder_or_is_no_wsdl_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "legacy.wsdl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(partner.WsdlUnusable) as caught:
        partner.Partner(path)
    assert said in caught.value.en


def test_an_operation_it_does_not_have(ours: Path) -> None:
    with pytest.raises(partner.WsdlUnusable, match="has no operation Nothing"):
        partner.Partner(ours).operation("Nothing", "1.1")
