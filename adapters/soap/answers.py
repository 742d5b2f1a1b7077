"""A partner's SOAP answer as the Package it stands for (spec 01.3): its response, or the Receipt of its Fault.

Partners' toolkits differ: a Fault may come without header block or without detail; then what it says becomes a Receipt under
the header of the message it answers.
"""

from __future__ import annotations

from lxml import etree

from adapters.document import Document, Header
from adapters.soap.reading import Opened, open_envelope, text_of, to_package
from adapters.xml.codec import Codec
from schemas.loader import RECEIPT

_TEXT_MOST = 1500
_OURS = ("Server", "Receiver")


def package_of_answer(
    codec: Codec, root: etree._Element, asked: Header, status: bytes = b""
) -> tuple[bytes, str | None]:
    """The Package an envelope stands for, and the class of a Fault that gives no code: ``Client`` or ``Server``.

    ``asked`` is the header of the message it answers; ``status``, if given, stands for a Fault that gives no code. Raises
    DocumentRefused for what is no envelope.
    """
    opened = open_envelope(root)
    if opened.operation == "Fault":
        return _fault(codec, opened, asked, status)
    if opened.header is None:
        return _headed(codec, opened.content, asked, "0000"), None
    release = codec.catalogue.version(asked.version)
    return etree.tostring(to_package(opened, release), encoding="UTF-8", xml_declaration=True), None


def _fault(codec: Codec, opened: Opened, asked: Header, status: bytes) -> tuple[bytes, str | None]:
    namespace = codec.catalogue.version(asked.version).message_namespace
    receipt = next(opened.content.iter(f"{{{namespace}}}{RECEIPT}"), None)
    code = "" if receipt is None else (receipt.findtext(f"{{{namespace}}}code") or "").strip()
    if receipt is not None and not _says_yes(codec, code):  # of a Fault and a Receipt that disagree the worse counts (02.2)
        return _headed(codec, receipt, asked, code), None
    if status:
        return status, None
    texts = [str(text).strip() for text in opened.content.itertext() if str(text).strip()]
    said = " ".join(texts)
    name = next((_last(text) for text in texts if _last(text) in (*_OURS, "Client", "Sender")), "Server")
    kind = "Server" if name in _OURS else "Client"
    symbol = "INTERNAL" if kind == "Server" else "SCHEMA_FAULTS"
    return told(codec, asked, symbol, said), kind


def _says_yes(codec: Codec, code: str) -> bool:
    """Whether a code of ours says that all is well."""
    try:
        return codec.catalogue.result(code).category in ("ok", "accepted", "duplicate")
    except LookupError:
        return False


def told(codec: Codec, asked: Header, symbol: str, said: str) -> bytes:
    """A Package whose Receipt has the result ``symbol`` and what the partner said, if anything."""
    row = codec.catalogue.result(symbol)
    return receipt_of(codec, asked, symbol, f"{row.zh} / {row.en}" + (f" · {said[:_TEXT_MOST]}" if said else ""))


def receipt_of(codec: Codec, asked: Header, result: str, text: str) -> bytes:
    """A Package whose Receipt has ``result`` (code or symbol) and this text; what cannot be shown of it is a blank."""
    row = codec.catalogue.result(result)
    body = {"code": row.code, "text": "".join(sign if sign.isprintable() else " " for sign in text)}
    message = codec.catalogue.message(asked.code, asked.version)
    return codec.encode(Document(message, RECEIPT, _answering(asked, row.code), body), "UTF-8")


def answer_text(root: etree._Element) -> str:
    """The document in the answer of an operation that carries text. Raises SoapRefused for anything else, also a Fault."""
    return text_of(open_envelope(root))


def _headed(codec: Codec, content: etree._Element, asked: Header, code: str) -> bytes:
    """``content`` in a Package whose header answers ``asked``."""
    frame = told(codec, asked, "OK", "")
    package = etree.fromstring(frame, etree.XMLParser(resolve_entities=False, no_network=True))
    space = f"{{{etree.QName(package).namespace}}}"
    result = package.find(f"{space}Header/{space}ResultCode")
    if result is not None and code:
        result.text = code
    body = package.find(f"{space}Body")
    if body is not None:
        body[:] = [content]
    return etree.tostring(package, encoding="UTF-8", xml_declaration=True)


def _answering(asked: Header, code: str) -> Header:
    return Header(asked.code, asked.serial, asked.receiver, asked.sender, asked.area, asked.send_time, asked.version,
                  asked.mode, result_code=code)  # fmt: skip


def _last(text: str) -> str:
    """The code of a Fault without prefix and without what a toolkit put behind it (``s:Client.Authentication``)."""
    return text.rpartition(":")[2].partition(".")[0]
