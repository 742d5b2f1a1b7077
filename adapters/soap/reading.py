"""SOAP envelopes from outside: what stands in them, or why they are none (spec 01.3, hardening S1-S10).

Only the Body's element says what a message is; SOAPAction is tolerated whatever it says, WS-Addressing may not lead answers
elsewhere, a header block somebody insists on and nobody here knows is refused.  An accepted envelope is turned into the
native Package in place, so that every binding is judged by the same schemas, with the same faults and paths.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import orjson
from lxml import etree

from adapters.document import Document, DocumentRefused, Fault
from adapters.envelopes.package import WIRE_NAMES
from adapters.soap.names import (
    ADDRESSING,
    ANONYMOUS,
    HEADER_BLOCK,
    SECURITY,
    VERSIONS,
    SoapVersion,
)
from adapters.xml.canonical import canonical_form
from schemas.loader import RELEASE
from schemas.model import EnvelopeVersion
from schemas.wsdl import TEXT_OPERATIONS, soap_namespace

FaultCode = Literal["Client", "Server", "MustUnderstand", "VersionMismatch"]
"""SOAP 1.1's names; 1.2 says Sender for Client and Receiver for Server."""

_FIRST_TAG = re.compile(rb"(?:<\?xml[^>]{0,200}>\s*)?<([^>]{1,2000})>")
_SPACES = tuple((f'"{space}"'.encode(), version) for space, version in VERSIONS.items())
_INSIST = ("1", "true")
_MOST_NAMES = 16
_LONGEST_NAME = 200
"""Header blocks a Fault names, and characters of each."""
_NEXT = ("", "http://schemas.xmlsoap.org/soap/actor/next", "http://www.w3.org/2003/05/soap-envelope/role/next",
         "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver")  # fmt: skip


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What a Fault is; ``not_understood``: the header blocks ({namespace}name) it is about."""

    code: FaultCode = "Client"
    not_understood: tuple[str, ...] = ()


class SoapRefused(DocumentRefused):
    """An envelope that is none, or asks for what nobody here does; ``kind`` where it is not simply the client's."""

    def __init__(self, faults: tuple[Fault, ...], kind: FaultKind, version: SoapVersion | None = None) -> None:
        super().__init__("SCHEMA_FAULTS", faults, detail=faults[0].en)
        self.kind = kind
        self.version = version


@dataclass(slots=True)
class Opened:
    """An envelope's parts: the ``PackageHeader`` block and WS-Security if there, and the one element of the Body.

    ``strangers``: whether there are other header blocks.
    """

    root: etree._Element
    version: SoapVersion
    header: etree._Element | None
    security: etree._Element | None
    content: etree._Element
    strangers: bool = False

    @property
    def operation(self) -> str:
        """Local name of the Body's element."""
        return _local(self.content)

    @property
    def is_text(self) -> bool:
        """Whether the document travels as text in an operation of older peers."""
        return self.operation in TEXT_OPERATIONS

    @property
    def sender(self) -> str:
        """The system id the header block claims; empty without one."""
        return self._claimed("Sender")

    @property
    def serial(self) -> str:
        """The serial the header block claims; empty without one."""
        return self._claimed("Serial")

    def _claimed(self, field: str) -> str:
        if self.header is None:
            return ""
        return next(((child.text or "").strip() for child in self.header if _local(child) == field), "")


def version_of(root: etree._Element) -> SoapVersion | None:
    """The SOAP version by the envelope's namespace; None for anything else."""
    return VERSIONS.get(etree.QName(root).namespace or "") if _local(root) == "Envelope" else None


def version_in(raw: bytes) -> SoapVersion | None:
    """The SOAP version of an envelope by its first tag alone, None where that is not plain to see; what it says counts only
    together with what is known of the whole envelope."""
    first = _FIRST_TAG.match(raw)
    named = [] if first is None else [version for space, version in _SPACES if space in first[1]]
    return named[0] if len(named) == 1 else None


def open_envelope(root: etree._Element) -> Opened:
    """The parts of an envelope. Raises SoapRefused for what is no envelope, or one that cannot be honoured."""
    version = version_of(root)
    if version is None:
        if _local(root) == "Envelope":
            found = etree.QName(root).namespace or ""
            raise _refused("/Envelope", "version", found, "不支持的 SOAP 版本，请用 1.1 或 1.2",
                           "an unknown SOAP version: use 1.1 or 1.2", "VersionMismatch")  # fmt: skip
        raise _refused(f"/{_local(root)}", "envelope", _local(root), "不是 SOAP 信封", "no SOAP envelope")
    space = f"{{{etree.QName(root).namespace}}}"
    children = list(root)
    tags = [child.tag for child in children]
    if tags not in ([f"{space}Body"], [f"{space}Header", f"{space}Body"]):
        shown = " ".join(_local(child) for child in children[:8])
        raise _refused("/Envelope", "structure", shown, "信封内应为至多一个 Header 和一个 Body，且与信封同一命名空间",
                       "at most one Header, then one Body, in the namespace of the envelope", version=version)  # fmt: skip
    content = list(children[-1])
    if len(content) != 1:
        raise _refused("/Envelope/Body", "structure", str(len(content)), "Body 内应恰有一个元素",
                       "the Body holds exactly one element", version=version)  # fmt: skip
    header, security = (None, None) if len(children) == 1 else _blocks(children[0], space, content[0], version)
    blocks = 0 if len(children) == 1 else len(children[0])
    return Opened(root, version, header, security, content[0], blocks > (header is not None))


def _blocks(
    header: etree._Element, space: str, content: etree._Element, version: SoapVersion
) -> tuple[etree._Element | None, etree._Element | None]:
    """PackageHeader and Security among the header blocks. Raises SoapRefused."""
    ours: etree._Element | None = None
    security: etree._Element | None = None
    unknown: list[etree.QName] = []
    for block in header:
        name = etree.QName(block)
        if name.localname == HEADER_BLOCK and (name.namespace or "").startswith(soap_namespace("")):
            if ours is not None:
                raise _refused("/Envelope/Header/PackageHeader", "once", "2", "PackageHeader 重复",
                               "PackageHeader stands twice", version=version)  # fmt: skip
            ours = block
        elif name.namespace == SECURITY and name.localname == "Security" and security is None:
            security = block
        elif name.namespace in ADDRESSING:
            _check_addressing(block, content, version)
        elif block.get(f"{space}mustUnderstand", "").strip() in _INSIST and _for_us(block, space):
            unknown.append(name)
    if unknown:
        raise _not_understood(unknown, version)
    return ours, security


def _not_understood(unknown: list[etree.QName], version: SoapVersion) -> SoapRefused:
    """All of them at once (SOAP 1.2 part 1, 5.4.8), as far as names of a stranger's are worth repeating."""
    zh, en = "要求理解的头块本系统不认识", "a header block that must be understood is not known here"
    told = [name for name in unknown if len(name.text) <= _LONGEST_NAME][:_MOST_NAMES]
    faults = tuple(
        Fault(f"/Envelope/Header/{name.localname[:_LONGEST_NAME]}", "mustUnderstand", name.text[:_LONGEST_NAME], zh, en)
        for name in told or unknown[:1]
    )
    return SoapRefused(faults, FaultKind("MustUnderstand", tuple(name.text for name in told)), version)


def _for_us(block: etree._Element, space: str) -> bool:
    return (block.get(f"{space}actor") or block.get(f"{space}role") or "").strip() in _NEXT


def _check_addressing(block: etree._Element, content: etree._Element, version: SoapVersion) -> None:
    """Answers go back on the connection and nowhere else; an action that names another operation is refused."""
    name = _local(block)
    path = f"/Envelope/Header/{name}"
    if name in ("ReplyTo", "FaultTo"):
        address = next((child.text or "" for child in block if _local(child) == "Address"), "").strip()
        if address not in ANONYMOUS:
            raise _refused(path, "anonymous", address[:200], "应答只沿本连接返回，地址须为 anonymous",
                           "answers return on this connection: the address must be anonymous", version=version)  # fmt: skip
    if name == "Action":
        action = (block.text or "").strip()
        last = action.replace("#", "/").replace(":", "/").rsplit("/", 1)[-1]
        if last not in (_local(content), f"{_local(content)}Request"):
            raise _refused(path, "action", action[:200], f"Action 与报文体 {_local(content)} 不符",
                           f"the Action does not name the body's {_local(content)}", version=version)  # fmt: skip


def release_of(opened: Opened, releases: Mapping[str, EnvelopeVersion]) -> EnvelopeVersion:
    """The schema version the header block's namespace names; one that is none of ``releases`` stays what it is, so that its
    Package is refused for it (01.2 rule 7)."""
    own = releases[RELEASE]
    if opened.header is None:
        return own
    version = (etree.QName(opened.header).namespace or "").removeprefix(soap_namespace(""))
    return releases.get(version) or replace(own, version=version, namespace=own.namespace.removesuffix(RELEASE) + version)


def to_package(opened: Opened, release: EnvelopeVersion) -> etree._Element:
    """The envelope as a native Package, in place. Raises SoapRefused without a header block."""
    header, root = opened.header, opened.root
    if header is None:
        raise _refused("/Envelope/Header/PackageHeader", "required", "", "缺少 PackageHeader 头块",
                       "the PackageHeader block is missing", version=opened.version)  # fmt: skip
    body = root[-1]
    for element in (root, header, body):
        if element.attrib:
            element.attrib.clear()
    prefix = f"{{{release.namespace}}}"
    header.tag, body.tag, root.tag = f"{prefix}Header", f"{prefix}Body", f"{prefix}Package"
    root[:] = [header, body]
    return root


def digest_of(document: Document | None, package: etree._Element | None) -> bytes | None:
    """What stands for the content of an envelope, whose bytes differ from one transmission to the next (security tokens).

    Of what could not be read as a document its Package's canonical form; None where there is not even that.
    """
    if document is not None:
        # what stands on the wire and no more: the digest is kept, and holds over releases of this program
        head = {name: getattr(document.header, name) for name in WIRE_NAMES}
        return hashlib.sha256(orjson.dumps((head, document.element, document.body))).digest()
    if package is None:
        return None
    return hashlib.sha256(b"".join(canonical_form(part, exclusive=True) for part in package)).digest()


def text_of(opened: Opened) -> str:
    """The document that travels as text: the content of the operation's only parameter, or of the operation itself.

    Raises SoapRefused where there is more than one, or none.
    """
    parameters = list(opened.content)
    holder = parameters[0] if len(parameters) == 1 and not len(parameters[0]) else opened.content
    if len(holder) or not (holder.text or "").strip():
        path = f"/Envelope/Body/{opened.operation}"
        raise _refused(path, "text", str(len(parameters)), "此操作带一个文本参数，内容为整个报文",
                       "this operation takes the whole document as its one text parameter", version=opened.version)  # fmt: skip
    return str(holder.text).strip()


def _local(element: etree._Element) -> str:
    tag = str(element.tag)
    return tag[tag.rfind("}") + 1 :]


def _refused(
    path: str, rule: str, found: str, zh: str, en: str, code: FaultCode = "Client", version: SoapVersion | None = None
) -> SoapRefused:
    return SoapRefused((Fault(path, rule, found, zh, en),), FaultKind(code), version)
