"""What an envelope's answer repeats of the request it answers: the asker matches and judges by it (spec 05.1, 05.2)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from lxml import etree

from adapters.document import Document, DocumentRefused, Header
from adapters.envelopes.form import form_fields
from tests.adapters.envelopes.speech import CATALOGUE, sample, speech

TOLD = {
    "TransIDO": "TO7", "TransIDC": "TC8", "ConvID": "CV9", "CutOffDay": "20261122", "CUTOFFDAY": "20261122", "TestFlag": "1",
    "TEST_FLAG": "1", "OSNDUNS": "9900", "HSNDUNS": "1100", "ActivityCode": "T1000", "OrigDomain": "UPRM",
    "ORIG_DOMAIN": "UPRM", "HomeDomain": "UCRM", "SessionID": "S-1", "TRANS_IDO": "TO7", "TRANS_IDC": "TC8",
}  # fmt: skip
"""What a partner says that we would say otherwise, by leaf; in inter-boss TransIDO is the serial."""
ENVELOPES = ("uni-bss", "uni-bss-head", "inter-boss")


def parts(name: str, raw: bytes) -> dict[str, bytes]:
    return form_fields(raw) if CATALOGUE.envelope(name).shape == "form" else {"": raw}


def asked(name: str) -> bytes:
    """A request of PF0001 with the fields above."""
    raw = speech(name).encode(replace_sender(sample("LinkTest")), "UTF-8")
    kept = CATALOGUE.envelope(name).playing("serial").path.rpartition("/")[2]
    made = []
    for part, text in parts(name, raw).items():
        for leaf, value in TOLD.items():
            if leaf != kept:
                text = re.sub(rf"<{leaf}>[^<]*</{leaf}>".encode(), f"<{leaf}>{value}</{leaf}>".encode(), text)
        made.append((part, text))
    if made[0][0] == "":
        return made[0][1]
    return b"&".join(part.encode() + b"=" + b"".join(b"%%%02X" % byte for byte in text) for part, text in made)


def replace_sender(document: Document) -> Document:
    header = replace(document.header, sender="PF0001", receiver="CRM001")
    return Document(document.row, document.element, header, document.body)


def answered(name: str, header: Header, code: str = "0000") -> dict[str, str]:
    """Leaves of our receipt to it."""
    row = CATALOGUE.message("LN03")
    head = Header(header.code, header.serial, "CRM001", header.sender, header.area, "20261123101500", result_code=code)
    head.echoed = header.echoed
    raw = speech(name).encode(Document(row, "Receipt", head, {"code": code, "text": "成功"}), "GB18030")
    roots = [etree.fromstring(text) for text in parts(name, raw).values()]
    return {etree.QName(leaf).localname: leaf.text or "" for root in roots for leaf in root.iter() if not len(leaf)}


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_answer_repeats_the_transaction_and_says_its_own(name: str) -> None:
    document = speech(name).decode(asked(name))
    said = answered(name, document.header)
    serial = CATALOGUE.envelope(name).playing("serial").path.rpartition("/")[2]
    assert {leaf: said[leaf] for leaf in TOLD if leaf in said and leaf != serial} == {
        leaf: value for leaf, value in TOLD.items() if leaf in said and leaf != serial
    }
    assert said[serial] == document.header.serial
    filled = "TRANS_IDH" if name == "uni-bss-head" else "TransIDH"
    assert said[filled] == document.header.serial
    assert {said.get("MsgSender", said.get("MSG_SENDER"))} == {"6001030010"}


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_asker_whose_name_has_no_room_is_answered_without_it(name: str) -> None:
    """Input is tolerant of widths (05.1), so an answer must not fail for what came in."""
    header = replace(speech(name).decode(asked(name)).header, sender="60010300" + "9" * 40, area="025" + " " * 40 + "1")
    said = answered(name, header)
    assert said["RSP_CODE" if name == "uni-bss-head" else "RspCode"] == "0000"
    assert said.get("MsgReceiver", said.get("MSG_RECEIVER", "")) == ""
    assert said.get("RouteValue", said.get("ROUTE_VALUE", "")) in ("", "025")


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_request_of_ours_repeats_nothing(name: str) -> None:
    document = replace_sender(sample("LinkTest"))
    document.header.echoed = (("TransIDO", "OLD"), ("UNI_BSS_HEAD/TRANS_IDO", "OLD"), ("TransInfo/SessionID", "OLD"))
    assert b"OLD" not in b"".join(parts(name, speech(name).encode(document, "UTF-8")).values())


@pytest.mark.parametrize("name", ENVELOPES)
def test_what_nobody_can_parse_is_answered_with_what_stands_in_it(name: str) -> None:
    form = CATALOGUE.envelope(name).shape == "form"
    torn = b"%3C%2F" if form else b"</"
    raw = asked(name)
    cut = raw.rindex(torn, 0, raw.index(b"&") if b"&" in raw else len(raw))
    with pytest.raises(DocumentRefused) as refused:
        speech(name).decode(raw[:cut] + (raw[raw.index(b"&") :] if b"&" in raw else b""))
    header = refused.value.header
    assert header is not None
    assert (header.code, header.serial) == ("LN03", sample("LinkTest").header.serial)
    said = answered(name, header, "1001")
    assert said.get("ConvID", said.get("TRANS_IDC")) in ("CV9", "TC8")


def test_a_head_without_its_body_is_answered_by_its_head() -> None:
    head = asked("inter-boss").partition(b"&")[0]
    with pytest.raises(DocumentRefused) as refused:
        speech("inter-boss").decode(head)
    assert refused.value.header is not None
    said = answered("inter-boss", refused.value.header, "1002")
    assert (said["BIPCode"], said["SessionID"]) == ("LN03", "S-1")


def test_what_is_too_long_for_its_field_is_not_repeated() -> None:
    raw = asked("uni-bss-head").replace(b"<TRANS_IDC>TC8<", b"<TRANS_IDC>" + b"9" * 300 + b"<")
    header = speech("uni-bss-head").decode(raw).header
    assert "UNI_BSS_HEAD/SP_RESERVE/TRANS_IDC" not in dict(header.echoed)


def test_codes_nobody_knows_are_named_in_their_refusal() -> None:
    raw = (
        b"<ContractRoot><TcpCont><TransactionID>6001030011202611220000000001</TransactionID><ActionCode>0</ActionCode>"
        b"<BusCode>BUS99999</BusCode><ServiceCode>SVC99999</ServiceCode><SrcSysID>6001030011</SrcSysID></TcpCont>"
        b"<SvcCont>{}</SvcCont></ContractRoot>"
    )
    with pytest.raises(DocumentRefused) as refused:
        speech("contract-root").decode(raw)
    assert refused.value.header is not None
    said = answered("contract-root", refused.value.header, "1003")
    assert (said["BusCode"], said["ServiceCode"], said["ServiceContractVer"]) == ("BUS99999", "SVC99999", "SVC9999920110601")
