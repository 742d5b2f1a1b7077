"""Envelopes whose tags were met before are read by position, with what lxml would give (adapters.xml.forms)."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from adapters.document import Document
from adapters.soap.reading import open_envelope, to_package, version_in
from adapters.soap.writing import Frame
from adapters.xml.codec import Codec
from adapters.xml.forms import OFTEN
from schemas.loader import load

CATALOGUE = load()
RELEASE = CATALOGUE.version()


def package(number: int) -> Document:
    path = next(path for path in CATALOGUE.samples("SubmitOrder") if path.name == "ok_pots_install.xml")
    document = Codec(CATALOGUE).decode(path.read_bytes())
    document.header.serial = f"CH000120261122090000{number:010d}"
    document.body["customer_order_id"] = f"CO025{number:012d}"
    return document


def prefixed(data: bytes) -> bytes:
    """As toolkits write it: every header field with a prefix."""
    root = etree.fromstring(data)
    header = root[0][0]
    fields = "".join(f"<p:{etree.QName(child).localname}>{child.text}</p:{etree.QName(child).localname}>" for child in header)
    block = f'<h:PackageHeader xmlns:h="urn:bss:if:soap:0.9" xmlns:p="{RELEASE.namespace}">{fields}</h:PackageHeader>'
    body = etree.tostring(root[1][0], encoding="unicode")
    space = etree.QName(root).namespace
    return f'<e:Envelope xmlns:e="{space}"><e:Header>{block}</e:Header><e:Body>{body}</e:Body></e:Envelope>'.encode()


def decoded(codec: Codec, data: bytes) -> Document:
    text = codec.read(data, "UTF-8").data
    return codec.decode_tree(to_package(open_envelope(codec.parser.parse(text)), RELEASE), text)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("shaped", [bytes, prefixed])
def test_what_is_read_by_position_is_what_was_sent(version: Any, shaped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(CATALOGUE)
    sent = [package(number) for number in (1, 2, 3)]
    envelopes = [shaped(Frame(version, RELEASE).around(codec.encode(one, "UTF-8"))) for one in sent]
    first = decoded(codec, envelopes[0])
    assert (first.header, first.body) == (sent[0].header, sent[0].body)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("lxml was asked for elements of a form that is known")

    monkeypatch.setattr(codec, "_document", never)
    for one, data in zip(sent[1:], envelopes[1:], strict=True):
        again = decoded(codec, data)
        assert (again.header, again.element, again.body) == (one.header, "SubmitOrder", one.body)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("shaped", [bytes, prefixed])
def test_an_envelope_that_keeps_coming_needs_no_parser(version: Any, shaped: Any) -> None:
    codec = Codec(CATALOGUE)
    sent = [package(number) for number in range(1, OFTEN + 3)]
    envelopes = [shaped(Frame(version, RELEASE).around(codec.encode(one, "UTF-8"))) for one in sent]
    for data in envelopes[: OFTEN + 1]:
        assert codec.decode_sure(data, "UTF-8", "Envelope") is None
        decoded(codec, data)
    found = codec.decode_sure(envelopes[-1], "UTF-8", "Envelope")
    assert found is not None
    assert (found[0].header, found[0].body) == (sent[-1].header, sent[-1].body)
    assert codec.decode_sure(envelopes[-1], "UTF-8") is None, "an envelope is no package"


S11, S12 = b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"


@pytest.mark.parametrize(
    ("raw", "version"),
    [
        (b'<e:Envelope xmlns:e="%b"><e:Body/></e:Envelope>' % S11, "1.1"),
        (b'<?xml version="1.0"?>\n<e:Envelope xmlns:e="%b">' % S12, "1.2"),
        (b'<e:Envelope xmlns:e="%b" xmlns:x="%b">' % (S12, S11), None),
        (b"<e:Envelope xmlns:e='%b'>" % S12, None),
        (b"no envelope", None),
        (b"", None),
    ],
)
def test_the_version_is_plain_to_see_or_not(raw: bytes, version: str | None) -> None:
    assert version_in(raw) == version
