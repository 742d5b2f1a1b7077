"""Rows and XSDs -> WSDL (spec 01.3): one document/literal wrapped operation per message a role takes by SOAP.

The contract is written from what judges the messages, so it cannot differ from it.  Several schemas of one namespace are
served as one, without includes: common toolkits fail on a namespace that is imported or included more than once.
"""

from __future__ import annotations

from collections.abc import Collection
from html import escape

from lxml import etree

from schemas.loader import RECEIPT, RELEASE, Catalogue
from schemas.model import EnvelopeVersion, MessageRow

_XS = "http://www.w3.org/2001/XMLSchema"
_WSDL = "http://schemas.xmlsoap.org/wsdl/"
_TRANSPORT = "http://schemas.xmlsoap.org/soap/http"
_BINDINGS = {
    "11": ("soap", "http://schemas.xmlsoap.org/wsdl/soap/"),
    "12": ("soap12", "http://schemas.xmlsoap.org/wsdl/soap12/"),
}
SOAP_XSD = "soap.xsd"
"""The header block's schema, below ``xsd/``."""
TEXT_OPERATIONS = ("exchange", "OneDry_TwoDry_Message")
"""Operations that carry a whole document as text, for peers that offer nothing else."""


def service_namespace(version: str = RELEASE) -> str:
    """Namespace of services and of the operations that carry text."""
    return f"urn:bss:if:service:{version}"


def soap_namespace(version: str = RELEASE) -> str:
    """Namespace of the header block (``xsd/soap.xsd``)."""
    return f"urn:bss:if:soap:{version}"


def offered(
    catalogue: Catalogue, role: str, version: str = RELEASE, also: Collection[str] = ()
) -> tuple[MessageRow, ...]:
    """The messages ``role`` takes by SOAP, in the order of the catalogue; ``also``: codes of those it hands on to others."""
    return tuple(
        row
        for row in catalogue.messages()
        if row.version == version
        and "soap" in row.bindings
        and (row.code in also or any(route.receiver in (role, "*") for route in row.routes))
    )


class Contract:
    """What is served at ``?wsdl`` for the messages ``rows``: the WSDL and the schemas it imports, by name."""

    def __init__(self, catalogue: Catalogue, rows: tuple[MessageRow, ...], name: str, version: str = RELEASE) -> None:
        self._release = catalogue.version(version)
        self._rows = rows
        self._name = name
        self.schemas = _schemas(catalogue, rows, self._release)

    def wsdl(self, address: str, schema_at: str) -> bytes:
        """The WSDL of the service at ``address``; ``schema_at`` is what stands before a schema's name in its imports."""
        release = self._release
        imports = "".join(
            f'<xs:import namespace="{namespace}" schemaLocation="{escape(schema_at + file)}"/>'
            for namespace, file in ((release.message_namespace, "messages.xsd"), (soap_namespace(release.version), SOAP_XSD))
        )
        spaces = "".join(f' xmlns:{prefix}="{space}"' for prefix, space in _BINDINGS.values())
        own = service_namespace(release.version)
        parts = [
            '<?xml version="1.0" encoding="UTF-8"?>\n',
            f'<wsdl:definitions xmlns:wsdl="{_WSDL}" xmlns:xs="{_XS}"{spaces} xmlns:tns="{own}"'
            f' xmlns:m="{release.message_namespace}" xmlns:h="{soap_namespace(release.version)}" name="{self._name}"'
            f' targetNamespace="{own}">',
            f"<wsdl:types><xs:schema>{imports}</xs:schema>{_text_schema(own)}</wsdl:types>",
            self._messages(),
            f'<wsdl:portType name="{self._name}PortType">{self._port_operations()}</wsdl:portType>',
            *(self._binding(key) for key in _BINDINGS),
            f'<wsdl:service name="{self._name}">',
            *(
                f'<wsdl:port name="{self._name}Soap{key}" binding="tns:{self._name}Binding{key}">'
                f'<{prefix}:address location="{escape(address)}"/></wsdl:port>'
                for key, (prefix, _) in _BINDINGS.items()
            ),
            "</wsdl:service></wsdl:definitions>\n",
        ]
        return "".join(parts).encode()

    def _operations(self) -> list[tuple[str, str, str, str]]:
        """Name, input element, output element (prefixed) and documentation of each operation."""
        listed = [
            (row.name, f"m:{row.name}", f"m:{row.answer or RECEIPT}", f"{row.code} {row.zh}: {row.about}") for row in self._rows
        ]
        texts = [(name, f"tns:{name}", f"tns:{name}Response", "整个报文作为文本: the whole document as text.")
                 for name in TEXT_OPERATIONS]  # fmt: skip
        return listed + texts

    def _messages(self) -> str:
        parts = [
            '<wsdl:message name="PackageHeader"><wsdl:part name="header" element="h:PackageHeader"/></wsdl:message>',
            f'<wsdl:message name="Refusal"><wsdl:part name="fault" element="m:{RECEIPT}"/></wsdl:message>',
        ]
        for name, request, answer, _ in self._operations():
            for suffix, element in (("Request", request), ("Response", answer)):
                parts.append(
                    f'<wsdl:message name="{name}{suffix}"><wsdl:part name="parameters" element="{element}"/></wsdl:message>'
                )
        return "".join(parts)

    def _port_operations(self) -> str:
        parts = []
        for name, _, _, about in self._operations():
            fault = "" if name in TEXT_OPERATIONS else '<wsdl:fault name="Refusal" message="tns:Refusal"/>'
            parts.append(
                f'<wsdl:operation name="{name}"><wsdl:documentation>{escape(about)}</wsdl:documentation>'
                f'<wsdl:input message="tns:{name}Request"/><wsdl:output message="tns:{name}Response"/>{fault}</wsdl:operation>'
            )
        return "".join(parts)

    def _binding(self, key: str) -> str:
        prefix = _BINDINGS[key][0]
        header = f'<{prefix}:header message="tns:PackageHeader" part="header" use="literal"/>'
        parts = [
            f'<wsdl:binding name="{self._name}Binding{key}" type="tns:{self._name}PortType">'
            f'<{prefix}:binding style="document" transport="{_TRANSPORT}"/>'
        ]
        for name, *_ in self._operations():
            text = name in TEXT_OPERATIONS
            space = service_namespace(self._release.version) if text else self._release.message_namespace
            body = f'{"" if text else header}<{prefix}:body use="literal"/>'
            fault = f'<wsdl:fault name="Refusal"><{prefix}:fault name="Refusal" use="literal"/></wsdl:fault>'
            parts.append(
                f'<wsdl:operation name="{name}"><{prefix}:operation soapAction="{space}/{name}" style="document"/>'
                f"<wsdl:input>{body}</wsdl:input><wsdl:output>{body}</wsdl:output>{'' if text else fault}</wsdl:operation>"
            )
        parts.append("</wsdl:binding>")
        return "".join(parts)


def _text_schema(namespace: str) -> str:
    """Wrappers of the operations that carry text."""
    elements = "".join(
        f'<xs:element name="{name}{suffix}"><xs:complexType><xs:sequence><xs:element name="{parameter}" type="xs:string"/>'
        "</xs:sequence></xs:complexType></xs:element>"
        for name in TEXT_OPERATIONS
        for suffix, parameter in (("", "in0"), ("Response", "out"))
    )
    return f'<xs:schema targetNamespace="{namespace}" elementFormDefault="qualified">{elements}</xs:schema>'


def _schemas(catalogue: Catalogue, rows: tuple[MessageRow, ...], release: EnvelopeVersion) -> dict[str, bytes]:
    """The messages' schemas as one, the header block's, and the Package's, by the names they are served under."""
    merged = etree.fromstring(
        f'<xs:schema xmlns:xs="{_XS}" xmlns="{release.message_namespace}" targetNamespace="{release.message_namespace}"'
        ' elementFormDefault="qualified"/>'
    )
    done: dict[str, None] = {}
    for name in dict.fromkeys((*(row.xsd for row in rows), "types/common.xsd")):
        _merge(catalogue, name, merged, done)
    return {
        "messages.xsd": etree.tostring(merged, xml_declaration=True, encoding="UTF-8"),
        SOAP_XSD: catalogue.xsd_path(SOAP_XSD).read_bytes(),
        release.xsd: catalogue.xsd_path(release.xsd).read_bytes(),
    }


def _merge(catalogue: Catalogue, name: str, into: etree._Element, done: dict[str, None]) -> None:
    """Appends the definitions of an XSD and of what it includes, each file once, included ones first."""
    path = catalogue.xsd_path(name).resolve()
    if str(path) in done:
        return
    done[str(path)] = None
    root = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)).getroot()
    top = catalogue.xsd_path("").resolve()
    for child in list(root):
        if child.tag == f"{{{_XS}}}include":
            included = (path.parent / str(child.get("schemaLocation"))).resolve()
            _merge(catalogue, included.relative_to(top).as_posix(), into, done)
    for child in list(root):
        if child.tag != f"{{{_XS}}}include":
            child.tail = None
            into.append(child)
