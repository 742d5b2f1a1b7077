"""A bare ``SubmitOrder`` element made a whole Package, for files that hold only the order."""

from __future__ import annotations

from lxml import etree

from adapters.document import Header
from adapters.xml.codec import Codec


def bare_element(codec: Codec, raw: bytes) -> etree._Element | None:
    """The root of ``raw`` where it is a message's own element; None where it is a Package.

    Raises DocumentRefused where it is no acceptable XML.
    """
    root = codec.parser.parse(codec.read(raw, None).data)
    namespace = codec.catalogue.version().message_namespace
    return root if etree.QName(root).namespace == namespace else None


def packaged(codec: Codec, element: etree._Element, sender: str, receiver: str, serial: str, send_time: str) -> bytes:
    """The Package around ``element``. Raises DocumentRefused with every fault of the element."""
    row = codec.catalogue.by_element(etree.QName(element).localname)
    header = Header(code=row.code, serial=serial, sender=sender, receiver=receiver, send_time=send_time)
    document = codec.decode_body(element, header)
    document.header.area = str(document.body.get("area", ""))
    return codec.encode(document, "UTF-8")
