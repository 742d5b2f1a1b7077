"""The WSDL: every message offered, and the rules of WS-I Basic Profile 1.1 that toolkits trip over (spec 01.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schemas.loader import load
from schemas.wsdl import TEXT_OPERATIONS, Contract, offered

CATALOGUE = load()
WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP = {"11": "{http://schemas.xmlsoap.org/wsdl/soap/}", "12": "{http://schemas.xmlsoap.org/wsdl/soap12/}"}
XS = "{http://www.w3.org/2001/XMLSchema}"
ROLES = ("CRM", "PF", "RM", "BILL", "channel")


def contract(role: str) -> Contract:
    return Contract(CATALOGUE, offered(CATALOGUE, role), role)


def wsdl(role: str) -> Any:
    return etree.fromstring(contract(role).wsdl("http://crm.example/soap?a=1&b=2", "xsd/"))


@pytest.mark.parametrize("role", ROLES)
def test_every_message_a_role_takes_by_soap_is_an_operation_of_both_bindings(role: str) -> None:
    root = wsdl(role)
    names = [row.name for row in offered(CATALOGUE, role)] + list(TEXT_OPERATIONS)
    assert names
    assert [entry.get("name") for entry in root.findall(f"{WSDL}portType/{WSDL}operation")] == names
    for binding in root.findall(f"{WSDL}binding"):
        assert [entry.get("name") for entry in binding.findall(f"{WSDL}operation")] == names


def test_messages_of_sockets_alone_are_not_offered() -> None:
    names = [row.name for row in offered(CATALOGUE, "CRM")]
    assert "LinkTest" in names
    assert "Login" not in names


@pytest.mark.parametrize("role", ROLES)
def test_its_schemas_compile_by_the_names_they_are_served_under(role: str, tmp_path: Path) -> None:
    made = contract(role)
    for name, data in made.schemas.items():
        (tmp_path / name).write_bytes(data)
        assert b"xs:include" not in data
    messages = etree.XMLSchema(etree.parse(tmp_path / "messages.xsd"))
    etree.XMLSchema(etree.parse(tmp_path / "soap.xsd"))
    for row in offered(CATALOGUE, role):
        for path in CATALOGUE.samples(row.name):
            if path.name.startswith("ok_"):
                body = etree.parse(path).getroot()[1][0]
                assert messages.validate(body), messages.error_log


def test_ws_i_parts_and_bodies() -> None:
    """R2201-R2212, R2706: document/literal with one element part a message; R2710: no two inputs alike."""
    root = wsdl("CRM")
    parts = {message.get("name"): message.findall(f"{WSDL}part") for message in root.findall(f"{WSDL}message")}
    assert all(len(found) == 1 and found[0].get("element") and found[0].get("type") is None for found in parts.values())
    inputs = []
    for operation in root.findall(f"{WSDL}portType/{WSDL}operation"):
        inputs.append(parts[operation.find(f"{WSDL}input").get("message").partition(":")[2]][0].get("element"))
    assert len(set(inputs)) == len(inputs)
    for key, soap in SOAP.items():
        for use in root.iter(f"{soap}body", f"{soap}header", f"{soap}fault"):
            assert use.get("use") == "literal", key
            assert use.get("encodingStyle") is None
            assert use.get("namespace") is None


def test_ws_i_bindings() -> None:
    """R2401, R2701, R2702: SOAP over HTTP, document style throughout; R2718: the same operations; R2723: faults named."""
    root = wsdl("CRM")
    for key, binding in zip(SOAP, root.findall(f"{WSDL}binding"), strict=True):
        soap = SOAP[key]
        head = binding.find(f"{soap}binding")
        assert (head.get("style"), head.get("transport")) == ("document", "http://schemas.xmlsoap.org/soap/http")
        for operation in binding.findall(f"{WSDL}operation"):
            inner = operation.find(f"{soap}operation")
            assert inner.get("soapAction").endswith(f"/{operation.get('name')}")
            for fault in operation.findall(f"{WSDL}fault"):
                assert fault.find(f"{soap}fault").get("name") == fault.get("name")


def test_ws_i_types() -> None:
    """R2001-R2004: XSDs are imported by xs:import within types; R2105: schemas have a target namespace or only imports."""
    root = wsdl("CRM")
    schemas = root.findall(f"{WSDL}types/{XS}schema")
    for schema in schemas:
        only_imports = all(child.tag == f"{XS}import" for child in schema)
        assert only_imports or schema.get("targetNamespace")
    locations = [entry.get("schemaLocation") for entry in root.iter(f"{XS}import")]
    assert sorted(locations) == ["xsd/messages.xsd", "xsd/soap.xsd"]
    assert not root.findall(f"{WSDL}import")


def test_wrapped_elements_are_sequences_named_like_their_operation() -> None:
    root = etree.fromstring(contract("CRM").schemas["messages.xsd"])
    for row in offered(CATALOGUE, "CRM"):
        element = next(child for child in root if child.tag == f"{XS}element" and child.get("name") == row.name)
        assert [child.tag for child in element.iter(f"{XS}attribute", f"{XS}anyAttribute")] == []
        assert element.find(f"{XS}complexType/{XS}sequence") is not None


def test_the_address_is_what_it_was_asked_at() -> None:
    root = wsdl("CRM")
    ports = [port[0].get("location") for port in root.findall(f"{WSDL}service/{WSDL}port")]
    assert ports == ["http://crm.example/soap?a=1&b=2"] * 2


def test_the_contract_of_a_hub_has_every_message_and_compiles(tmp_path: Path) -> None:
    """What a hub may hand on comes from all chapters: their schemas in one document."""
    everything = {row.code for row in CATALOGUE.messages()}
    rows = offered(CATALOGUE, "CRM", also=everything)
    assert [row.code for row in rows] == [row.code for row in CATALOGUE.messages() if "soap" in row.bindings]
    made = Contract(CATALOGUE, rows, "CRM")
    for name, data in made.schemas.items():
        (tmp_path / name).write_bytes(data)
    etree.XMLSchema(etree.parse(tmp_path / "messages.xsd"))
    root = etree.fromstring(made.wsdl("http://crm.example/soap", "xsd/"))
    names = [entry.get("name") for entry in root.findall(f"{WSDL}portType/{WSDL}operation")]
    assert len(set(names)) == len(names) == len(rows) + len(TEXT_OPERATIONS)
