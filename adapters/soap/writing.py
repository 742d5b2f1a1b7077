"""SOAP envelopes we send: answers, faults and requests, cut from Packages the codec wrote (spec 01.3).

The codec's output has one form, so header and body are found by their tags and put into an envelope as they are: UTF-8,
every character raw.
"""

from __future__ import annotations

from html import escape as _escape

from adapters.soap.names import ENVELOPES, HEADER_BLOCK, SoapVersion
from adapters.soap.reading import FaultKind
from schemas.model import EnvelopeVersion, ResultCode
from schemas.wsdl import soap_namespace

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_BETWEEN = b"</Header><Body>"
_END = b"</Body></Package>"
_NOBODY = b"<Serial></Serial>"
"""The header of an answer to something unreadable: it says nothing and is left out."""
_CODES_12 = {"Client": "Sender", "Server": "Receiver"}


def _text(value: str) -> str:
    return _escape(value, quote=False)


class Frame:
    """What stands around header and body of one SOAP version and schema version, written once."""

    def __init__(self, version: SoapVersion, release: EnvelopeVersion) -> None:
        space = ENVELOPES[version]
        block = f'h:{HEADER_BLOCK} xmlns:h="{soap_namespace(release.version)}" xmlns="{release.namespace}"'
        self.version = version
        self._opening = f'{_DECLARATION}<soap:Envelope xmlns:soap="{space}"><soap:Header>'.encode()
        self._opening_bare = f'{_DECLARATION}<soap:Envelope xmlns:soap="{space}"><soap:Body>'.encode()
        self._block = f"<{block}>".encode()
        self._middle = f"</h:{HEADER_BLOCK}></soap:Header><soap:Body>".encode()
        self._closing = b"</soap:Body></soap:Envelope>"

    def around(self, package: bytes, security: bytes = b"") -> bytes:
        """An envelope with the header and body of ``package`` (UTF-8, as the codec writes); ``security`` is a further block."""
        header, body = parts_of(package)
        return b"".join((self._opening, security, self._block, header, self._middle, body, self._closing))

    def fault(self, package: bytes, result: ResultCode, kind: FaultKind | None = None) -> bytes:
        """An envelope whose Fault has the Receipt of ``package`` as detail; ``kind`` where it is not that of the result."""
        header, body = parts_of(package)
        name = kind.code if kind is not None else "Server" if result.code.startswith("9") else "Client"
        opening, closing = (_fault_11 if self.version == "1.1" else _fault_12)(name, result)
        about = _blocks_12(kind) if kind is not None and self.version == "1.2" else b""
        if _NOBODY not in header:
            return b"".join((self._opening, about, self._block, header, self._middle, opening, body, closing, self._closing))
        before = (self._opening, about, b"</soap:Header><soap:Body>") if about else (self._opening_bare,)
        return b"".join((*before, opening, body, closing, self._closing))

    def text_request(self, operation: str, namespace: str, text: str) -> bytes:
        """The call of an operation that carries the document as text."""
        return self._text_call(operation, namespace, "in0", text)

    def text_answer(self, operation: str, namespace: str, text: str) -> bytes:
        """Its answer."""
        return self._text_call(f"{operation}Response", namespace, "out", text)

    def _text_call(self, element: str, namespace: str, parameter: str, text: str) -> bytes:
        opening = f'<m:{element} xmlns:m="{_escape(namespace)}"><m:{parameter}>'
        body = f"{opening}{_text(text)}</m:{parameter}></m:{element}>".encode()
        return b"".join((self._opening_bare, body, self._closing))


def parts_of(package: bytes) -> tuple[bytes, bytes]:
    """Inside of Header and of Body of a Package as the codec writes it. Raises ValueError for any other bytes."""
    start = package.index(b"<Header>") + 8
    middle = package.index(_BETWEEN, start)
    if not package.endswith(_END):
        raise ValueError("not a Package of the codec")
    return package[start:middle], package[middle + len(_BETWEEN) : -len(_END)]


def _fault_11(name: str, result: ResultCode) -> tuple[bytes, bytes]:
    text = _text(f"{result.code} {result.zh} / {result.en}")
    opening = f"<soap:Fault><faultcode>soap:{name}</faultcode><faultstring>{text}</faultstring><detail>"
    return opening.encode(), b"</detail></soap:Fault>"


def _fault_12(name: str, result: ResultCode) -> tuple[bytes, bytes]:
    value = _CODES_12.get(name, name)
    # one Text for both languages: a common toolkit reads no Fault that has two
    reasons = f'<soap:Text xml:lang="zh">{_text(f"{result.code} {result.zh} / {result.en}")}</soap:Text>'
    opening = (
        f"<soap:Fault><soap:Code><soap:Value>soap:{value}</soap:Value></soap:Code>"
        f"<soap:Reason>{reasons}</soap:Reason><soap:Detail>"
    )
    return opening.encode(), b"</soap:Detail></soap:Fault>"


def _blocks_12(kind: FaultKind) -> bytes:
    """Header blocks that say which versions are taken, or which blocks were not understood (SOAP 1.2 part 1, 5.4.7, 5.4.8)."""
    if kind.code == "VersionMismatch":
        spaces = reversed(ENVELOPES.values())  # the preferred one first
        taken = "".join(f'<soap:SupportedEnvelope qname="v:Envelope" xmlns:v="{space}"/>' for space in spaces)
        return f"<soap:Upgrade>{taken}</soap:Upgrade>".encode()
    return "".join(_not_understood(name) for name in kind.not_understood).encode()


def _not_understood(name: str) -> str:
    space, _, local = name.rpartition("}")
    if not space:
        return f'<soap:NotUnderstood qname="{local}"/>'
    return f'<soap:NotUnderstood qname="b:{local}" xmlns:b="{_escape(space[1:])}"/>'
