"""Names on the SOAP wire (spec 01.3): namespaces, versions, media types, operations that carry the document as text."""

from __future__ import annotations

from typing import Literal

SoapVersion = Literal["1.1", "1.2"]

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
ENVELOPES: dict[SoapVersion, str] = {"1.1": SOAP_11, "1.2": SOAP_12}
VERSIONS: dict[str, SoapVersion] = {namespace: version for version, namespace in ENVELOPES.items()}
MEDIA: dict[SoapVersion, str] = {"1.1": "text/xml", "1.2": "application/soap+xml"}
"""What we send; on input the envelope's namespace decides, whatever the label says."""
XML_MEDIA = ("text/xml", "application/xml", "application/soap+xml")

HEADER_BLOCK = "PackageHeader"
ADDRESSING = ("http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing")
ANONYMOUS = tuple(
    f"{namespace}/{name}"
    for namespace, name in (
        (ADDRESSING[0], "anonymous"),
        (ADDRESSING[0], "none"),
        (ADDRESSING[1], "role/anonymous"),
    )
)
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
SECURITY_UTILITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PASSWORD_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


def action(message_namespace: str, operation: str) -> str:
    """The SOAPAction of an operation."""
    return f"{message_namespace}/{operation}"
