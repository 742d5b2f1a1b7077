"""A bare ``SubmitOrder`` element made a whole Package, for files that hold only the order."""

from __future__ import annotations

from lxml import etree

from adapters.document import DocumentRefused, Fault, Header
from adapters.xml.codec import Codec

_SUBMITTED = "SubmitOrder"


def bare_element(codec: Codec, raw: bytes) -> etree._Element | None:
    """The root of ``raw`` where it is a message's own element; None where it is a Package that says who sends what.

    Raises DocumentRefused where it is neither.
    """
    root = codec.parser.parse(codec.read(raw, None).data)
    tag = etree.QName(root)
    if tag.namespace == codec.catalogue.version().message_namespace or tag.localname == _SUBMITTED:
        return root
    header = codec.quick_header(raw)
    if header is None or not (header.code and header.sender):
        # nobody could be answered about it: told here with all its faults
        codec.decode(raw)
    return None


def packaged(codec: Codec, element: etree._Element, sender: str, receiver: str, serial: str, send_time: str) -> bytes:
    """The Package around ``element``. Raises DocumentRefused with every fault of the element."""
    name = etree.QName(element).localname
    try:
        row = codec.catalogue.by_element(name)
    except LookupError:
        zh, en = f"{name} 不是可提交的报文元素，应为 {_SUBMITTED}", f"{name} is no element to submit: it has to be {_SUBMITTED}"
        raise DocumentRefused("SCHEMA_FAULTS", (Fault(f"/{name}", "unexpected", name, zh, en),)) from None
    header = Header(code=row.code, serial=serial, sender=sender, receiver=receiver, send_time=send_time)
    document = codec.decode_body(element, header)
    document.header.area = str(document.body.get("area", ""))
    return codec.encode(document, "UTF-8")
