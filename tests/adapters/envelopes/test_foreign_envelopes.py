"""Foreign envelopes carry every document both ways: input as crooked as it is met, output as the row says (spec 01.2, 05)."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.document import Document, DocumentRefused, Header
from adapters.envelopes.dialect import BodyMap, FieldMap
from adapters.envelopes.form import form_fields
from adapters.envelopes.inner import cdata
from tests.adapters.envelopes.speech import CATALOGUE, CODEC, FOREIGN, documents, sample, speech, there_and_back

DOCUMENTS = documents()
ITEMS = ("[1]", "[2]/action", "[2]/item_id", "[2]/product", "[2]/product_instance_id")
GROUP_NAMESPACE = "http://www.chinatelecom.com/crm/comm/"


@pytest.mark.parametrize("name", FOREIGN)
def test_every_document_survives(name):
    voices = [speech(name, inner=inner) for inner in ("body", "package", "json")]
    silent = not CATALOGUE.envelope(name).failure_content
    for at, document in enumerate(DOCUMENTS):
        voice = voices[at % 3]
        found = there_and_back(voice, document, ("GB18030", "UTF-8")[at % 2])
        code = document.header.result_code if document.element != document.row.name else None
        if silent and code and CATALOGUE.result(code).category not in ("ok", "accepted", "duplicate"):
            assert found.element == "Receipt"
            assert found.body["code"] == code
            continue
        assert (found.element, found.body) == (document.element, document.body)
        assert found.header.code == document.header.code
        if document.element == document.row.name:
            assert found.header.serial == voice.serial_of(document.header.serial)
            assert found.header.ref_serial == document.header.ref_serial


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(FOREIGN),
    inner=st.sampled_from(["body", "package", "json"]),
    text=st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=60),
    charset=st.sampled_from(["GB18030", "GBK", "GB2312", "UTF-8"]),
)
def test_any_text_survives(name, inner, text, charset):
    row = CATALOGUE.message("LN03")
    header = Header("LN03", "PF000120261122090000" + "0" * 9 + "7", "PF0001", "CRM001", "025", "20261122090000", mode="B")
    document = Document(row, row.name, header, {"text": text + "]]>生僻字㐀𠮷䶮&lt;]]"})
    assert there_and_back(speech(name, inner=inner), document, charset).body == document.body


@pytest.mark.parametrize("name", FOREIGN)
def test_output_is_the_rows_fields_in_the_rows_order(name):
    row = CATALOGUE.envelope(name)
    raw = speech(name).encode(sample("DispatchOrder"), "UTF-8")
    parts = form_fields(raw) if row.shape == "form" else {"": raw}
    for part, text in parts.items():
        root = etree.fromstring(text)
        assert root.tag == row.root
        wanted = [f.path for f in row.fields if (f.part or row.parts[0] if row.parts else "") == part and f.on != "answer"]
        content = next((f.path for f in row.fields if f.role == "content"), "")
        paths = [root.getroottree().getelementpath(e) for e in root.iter() if e is not root]
        leaves = [p for p in paths if not any(q.startswith(p + "/") for q in paths) and not p.startswith(content + "/")]
        assert [p for p in wanted if p in leaves] == [p for p in leaves if p != content or p in wanted]


def contract(body: str = "", **fields: str) -> str:
    """A group message as it comes, header children in an order of their own."""
    given = {"ServiceCode": "SVC11001", "BusCode": "BUS14001", "ServiceLevel": "09", "ActionCode": "0",
             "DstSysID": "6001030010", "TransactionID": "6001030011202611220000000001", "ReqTime": "20261122090000",
             "SrcSysID": "6001030011"}  # fmt: skip
    given |= fields
    children = "".join(f"<{name}> {value} </{name}>" for name, value in given.items())
    inner = body or CODEC.body_text(sample("DispatchOrder"))
    return f"<ContractRoot><SvcCont>{cdata(inner)}</SvcCont><TcpCont>{children}<Odd/></TcpCont></ContractRoot>"


GROUP = {"codes": {"OH01": "BUS14001/SVC11001"}}


@pytest.mark.parametrize(
    "raw",
    [
        contract().encode(),
        contract().encode("gbk"),
        ('<?xml version="1.0" encoding="UTF-8"?>' + contract()).encode("gbk"),
        ('<?xml version="1.0" encoding="GBK"?>' + contract()).encode(),
        b"\xff\xfe" + ('<?xml version="1.0" encoding="UTF-16"?>' + contract()).encode("utf-16-le"),
        b"\xef\xbb\xbf" + contract().encode(),
        contract().replace("<ContractRoot>", f'<ContractRoot xmlns="{GROUP_NAMESPACE}">').encode(),
        contract().replace("<Cont", "<c:Cont").replace("</Cont", "</c:Cont")
        .replace("<c:ContractRoot>", f'<c:ContractRoot xmlns:c="{GROUP_NAMESPACE}">').encode(),
        contract('<?xml version="1.0" encoding="GBK"?>' + CODEC.body_text(sample("DispatchOrder"))).encode(),
    ],
    ids=["plain", "gbk", "utf-8 declared", "gbk declared", "utf-16", "bom", "namespace", "prefix", "inner declaration"],
)  # fmt: skip
def test_group_messages_as_they_are_met(raw):
    found = speech("contract-root", **GROUP).decode(raw)
    assert (found.row.code, found.header.sender, found.header.receiver) == ("OH01", "PF0001", "CRM001")
    assert found.body == sample("DispatchOrder").body


@pytest.mark.parametrize("serial", ["202611220001", "60010300112026112200001", "6001030011202611220000000001"])
def test_narrow_serials_are_taken_and_never_made(serial):
    assert speech("contract-root", **GROUP).decode(contract(TransactionID=serial).encode()).header.serial == serial
    raw = speech("contract-root").encode(sample("DispatchOrder"), "UTF-8")
    made = etree.fromstring(raw).findtext("TcpCont/TransactionID")
    assert len(made) == 28
    assert made.startswith("6001030010")


@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("0", "0000", "0000"), ("0", " 0000 ", "0000"), ("0", "0", "0000"), ("0", "CRM.0000", "0000"),
        ("0", "SUCCESS", "0000"),
        ("1", "3004", "3004"), ("1", "GCRM.3004.1", "3004"), ("1", "0000", "2002"), ("9", "0000", "9005"),
        ("9", "9001", "1001"),
        ("9", "E77", "9005"), ("1", "E77", "2002"), ("0", "E77", "2002"), ("9", "9009", "9001"), ("0", "IOS0000000", "0000"),
    ],
)  # fmt: skip
def test_results_of_the_group(kind, said, code):
    root = etree.fromstring(contract(ActionCode="1"))
    root.remove(root.find("SvcCont"))
    response = etree.SubElement(root.find("TcpCont"), "Response")
    for name, value in (("RspDesc", "原因"), ("RspCode", said), ("RspType", kind)):
        etree.SubElement(response, name).text = value
    asked = sample("DispatchOrder").header
    asked = replace(asked, serial="6001030011202611220000000001")
    found = speech("contract-root", **GROUP).decode_answer(etree.tostring(root), None, asked)
    assert (found.element, found.body["code"], found.header.result_code) == ("Receipt", code, code)
    assert "原因" in found.body["text"]


@pytest.mark.parametrize("field", ["BusCode", "ServiceCode"])
def test_half_a_routing_key_is_named_in_a_request_and_not_missed_in_an_answer(field):
    """SVC11001 alone says nothing (spec 05.1); an answer only repeats what we sent."""
    for empty in ("", "  "):
        with pytest.raises(DocumentRefused) as refused:
            speech("contract-root", **GROUP).decode(contract(**{field: empty}).encode())
        (fault,) = refused.value.faults
        assert (refused.value.symbol, fault.path) == ("SCHEMA_FAULTS", f"/ContractRoot/TcpCont/{field}")
        assert "missing" in fault.en
    root = etree.fromstring(contract(ActionCode="1", BusCode="", ServiceCode=""))
    root.remove(root.find("SvcCont"))
    etree.SubElement(etree.SubElement(root.find("TcpCont"), "Response"), "RspCode").text = "0000"
    asked = replace(sample("DispatchOrder").header, serial="6001030011202611220000000001")
    assert speech("contract-root", **GROUP).decode_answer(etree.tostring(root), None, asked).header.result_code == "0000"


def test_not_well_formed_is_9001_on_the_group_link():
    document = sample("DispatchOrder")
    header = replace(document.header, result_code="1001")
    answer = Document(document.row, "Receipt", header, {"code": "1001", "text": "格式错误"})
    root = etree.fromstring(speech("contract-root").encode(answer, "UTF-8"))
    told = [root.findtext(f"TcpCont/Response/{name}") for name in ("RspType", "RspCode", "RspDesc")]
    assert told == ["9", "9001", "格式错误"]
    assert root.find("SvcCont") is None


@pytest.mark.parametrize(
    ("name", "raw", "symbol"),
    [
        ("root-hb", b"<root><header/></root>", "SCHEMA_FAULTS"),
        ("root-hb", b"<root><header><interfaceCode>OH01", "NOT_WELL_FORMED"),
        ("root-hb", b"<!DOCTYPE root [<!ENTITY a 'b'>]><root/>", "NOT_WELL_FORMED"),
        ("root-cdata", b"<root/>", "SCHEMA_FAULTS"),
        ("root-cdata", b"<Root><SrvCode>OH01</SrvCode><SeqId>1</SeqId><Content>hello</Content></Root>", "SCHEMA_FAULTS"),
        ("root-cdata", b"<Root><SrvCode>ZZ99</SrvCode><SeqId>1</SeqId><Content>{}</Content></Root>", "SCHEMA_FAULTS"),
        ("uni-bss", b"nothing=1", "SCHEMA_FAULTS"),
        ("uni-bss", b"&".join(b"a=%d" % n for n in range(40)), "TOO_LARGE"),
        ("inter-boss", b"<InterBOSS/>", "SCHEMA_FAULTS"),
        ("contract-root", contract(BusCode="BUS00000").encode(), "MESSAGE_UNKNOWN"),
        ("contract-root", contract("<DispatchOrder/>").encode(), "SCHEMA_FAULTS"),
        ("contract-root", contract("<a><b></a>").encode(), "NOT_WELL_FORMED"),
        ("contract-root", contract("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").encode(), "NOT_WELL_FORMED"),
        ("contract-root", contract("<a>" * 70 + "</a>" * 70).encode(), "TOO_LARGE"),
        ("contract-root", contract("<a>" + "<b/>" * 20_000 + "</a>").encode(), "TOO_LARGE"),
        ("contract-root", contract('{"a":' * 70 + "1" + "}" * 70).encode(), "TOO_LARGE"),
        ("contract-root", contract('{"DispatchOrder":{"x":1,"x":2}}').encode(), "NOT_WELL_FORMED"),
        ("contract-root", contract('{"DispatchOrder":{"version":"one"}}').encode(), "SCHEMA_FAULTS"),
        ("contract-root", contract('{"DispatchOrder":{"version":' + "1" * 5000 + "}}").encode(), "NOT_WELL_FORMED"),
        ("contract-root", contract().encode() + b"\xff", "NOT_WELL_FORMED"),
    ],
)
def test_bad_input_is_refused_with_its_code(name, raw, symbol):
    with pytest.raises(DocumentRefused) as refused:
        speech(name, **(GROUP if name == "contract-root" else {})).decode(raw, "GB18030")
    assert refused.value.symbol in (symbol, "CHARSET_UNDECODABLE" if raw.endswith(b"\xff") else symbol)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"area": None, "version": "1", "zz": 1}, ["/area", "/version", "/zz"]),
        ({"area": 25, "action": "none such"}, ["/action", "/area"]),
        ({"operator": "\x01", "items": {"item": []}, "priority": 99}, ["/items", "/operator", "/priority"]),
        ({"items": [1, {"item_id": True}], "Extension": "<a>"}, ["/Extension", *(f"/items/item{at}" for at in ITEMS)]),
    ],
)
def test_all_that_is_wrong_with_json_is_told_at_once_and_once(wrong, told):
    asked = sample("DispatchOrder", "ok_pots_adsl")
    voice = speech("root-cdata", inner="json")
    raw = voice.encode(asked, "UTF-8")
    start, end = raw.index(b"{"), raw.rindex(b"}") + 1
    body = {**json.loads(raw[start:end])["DispatchOrder"], **wrong}
    with pytest.raises(DocumentRefused) as refused:
        voice.decode(raw[:start] + json.dumps({"DispatchOrder": body}).encode() + raw[end:])
    assert refused.value.symbol == "SCHEMA_FAULTS"
    assert sorted(fault.path.removeprefix("/DispatchOrder") for fault in refused.value.faults) == told
    assert all(fault.zh and fault.en and fault.zh != fault.en for fault in refused.value.faults)


def test_what_json_lacks_is_told_as_of_any_document():
    with pytest.raises(DocumentRefused) as refused:
        speech("contract-root", **GROUP).decode(contract('{"DispatchOrder":{"version":1}}').encode())
    with pytest.raises(DocumentRefused) as same:
        speech("contract-root", **GROUP).decode(contract("<DispatchOrder><version>1</version></DispatchOrder>").encode())
    assert refused.value.faults == same.value.faults
    assert len(refused.value.faults) > 3


def test_all_missing_fields_are_named_at_once():
    with pytest.raises(DocumentRefused) as refused:
        speech("root-hb").decode(b"<root><header/></root>")
    assert [fault.path for fault in refused.value.faults] == [
        "/root/header/interfaceCode", "/root/header/serialNo", "/root/body",
    ]  # fmt: skip


def test_a_refusal_carries_what_the_peer_can_match():
    with pytest.raises(DocumentRefused) as refused:
        speech("contract-root", **GROUP).decode(contract().encode()[:-20])
    header = refused.value.header
    assert (header.code, header.sender, header.receiver) == ("OH01", "PF0001", "CRM001")


def test_header_and_packet_must_agree():
    raw = speech("root-cdata").encode(sample("DispatchOrder"), "UTF-8")
    with pytest.raises(DocumentRefused) as refused:
        speech("root-cdata").decode(raw, "UTF-8", {"serial": "CRM00120261122090000" + "9" * 10})
    assert refused.value.symbol == "HEADER_DISAGREES"


def test_content_must_be_what_the_code_says():
    body = CODEC.body_text(sample("CancelOrder"))
    with pytest.raises(DocumentRefused) as refused:
        speech("contract-root", **GROUP).decode(contract(body).encode())
    assert refused.value.symbol == "HEADER_DISAGREES"


def test_password_and_signature():
    voice = speech("contract-root", secret="秘密", signed=True)
    raw = voice.encode(sample("DispatchOrder"), "GB18030")
    assert voice.decode(raw).body == sample("DispatchOrder").body
    with pytest.raises(DocumentRefused) as forged:
        speech("contract-root", secret="other", signed=True).decode(raw)
    assert forged.value.symbol == "SIGNATURE_BAD"
    hb = speech("root-hb", secret="one").encode(sample("DispatchOrder"), "UTF-8")
    with pytest.raises(DocumentRefused) as wrong:
        speech("root-hb", secret="two").decode(hb)
    assert wrong.value.symbol == "NOT_AUTHENTICATED"
    assert "one" not in str(wrong.value.faults)


def test_a_message_without_a_code_of_theirs_is_not_sent():
    with pytest.raises(LookupError, match=r"dialect\.codes"):
        speech("contract-root", codes={}).encode(sample("AssignResource"), "UTF-8")


def test_a_serial_that_does_not_fit_is_not_cut_short():
    with pytest.raises(ValueError, match="28"):
        speech("contract-root", systems={"CRM001": "60010300010001"}).encode(sample("DispatchOrder"), "UTF-8")


VENDOR = {
    "DispatchOrder": BodyMap(
        "workOrderReq",
        {
            "items": FieldMap("itemList"),
            "items/item": FieldMap("workItem"),
            "service_order_id": FieldMap("orderNo"),
            "items/item/action": FieldMap("opType", {"install": "1", "disconnect": "2"}),
            "priority": FieldMap(omit=True, default="5"),
        },
    )
}


def test_a_body_under_the_peers_names():
    document = sample("DispatchOrder", "ok_pots_adsl")
    voice = speech("root-hb", bodies=VENDOR)
    raw = voice.encode(document, "GB18030")
    root = etree.fromstring(raw)
    assert root.findtext("body/workOrderReq/orderNo") == document.body["service_order_id"]
    assert {e.text for e in root.iter("opType")} == {"1"}
    assert root[1][0][0].tag == "itemList"
    assert root.find(".//priority") is None
    back = voice.decode(raw).body
    assert {**back, "priority": 0} == {**document.body, "priority": 0}


def test_an_unknown_field_under_the_peers_names_is_a_fault():
    voice = speech("root-hb", bodies=VENDOR)
    raw = voice.encode(sample("DispatchOrder", "ok_pots_adsl"), "UTF-8").replace(b"<orderNo>", b"<wrong>x</wrong><orderNo>")
    with pytest.raises(DocumentRefused) as refused:
        voice.decode(raw)
    assert any("wrong" in fault.path for fault in refused.value.faults)


def test_bare_documents_without_a_form_are_taken():
    raw = speech("uni-bss").encode(sample("DispatchOrder"), "GB18030")
    assert speech("uni-bss").decode(form_fields(raw)["xmlmsg"]).body == sample("DispatchOrder").body


@pytest.mark.parametrize("name", FOREIGN)
def test_quick_header(name):
    document = sample("DispatchOrder")
    header = speech(name).quick_header(speech(name).encode(document, "GB18030"))
    assert (header.code, header.serial) == ("OH01", speech(name).serial_of(document.header.serial))
    assert header.result_code is None


@pytest.mark.parametrize("name", ["package", "root-hb", "contract-root"])
def test_points_in_time_as_the_peers_row_says(name):
    document = sample("DispatchOrder", "ok_pots_adsl")
    captured = document.body["dates"]["captured_at"]
    voice = speech(name, datetimes="xs")
    back = voice.decode(voice.encode(document, "GB18030"))
    shown = f"{captured[:4]}-{captured[4:6]}-{captured[6:8]}T{captured[8:10]}:{captured[10:12]}:{captured[12:]}+08:00"
    assert back.body["dates"]["captured_at"] == shown
    assert {**back.body, "dates": {}} == {**document.body, "dates": {}}
