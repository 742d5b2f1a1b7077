"""Lists of operations in contract-root: composed, resolved before anything is applied, answered under their ids (spec 05.1)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.document import Document, DocumentRefused
from adapters.envelopes.dialect import BodyMap, Dialect, FieldMap
from adapters.envelopes.envelope import Envelope, envelope
from adapters.envelopes.references import Find, nothing
from schemas.loader import RECEIPT
from schemas.shape import ListOf, Struct
from tests.adapters.envelopes.speech import CATALOGUE, CODEC, SYSTEMS, documents, sample, speech, there_and_back

ROW = CATALOGUE.envelope("contract-root")
CODES = {row.message for row in ROW.operations}
MINE = [document for document in documents() if document.header.code in CODES]
ORDER = sample("DispatchOrder", "ok_pots_adsl")
SOO = speech("contract-root", inner="soo", codes={})


def voice(find: Find = nothing, **given: Any) -> Envelope:
    dialect = Dialect(own="CRM001", peer="PF0001", systems=SYSTEMS, inner="soo")
    return envelope(CODEC, "contract-root", replace(dialect, **given), find)


def tree(document: Document = ORDER) -> etree._Element:
    return etree.fromstring(SOO.encode(document, "UTF-8"))


def operations(root: etree._Element) -> list[etree._Element]:
    return root.findall("SvcCont/SOO")


def read(root: etree._Element, find: Find = nothing) -> Document:
    return voice(find).decode(etree.tostring(root))


def refused(root: etree._Element, find: Find = nothing) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as refusal:
        read(root, find)
    assert refusal.value.header is not None
    return refusal.value


def answer(asked: Document, element: str, body: dict[str, Any], code: str) -> Document:
    """An answer to what was read, as the gateway writes one."""
    header = replace(asked.header, sender=asked.header.receiver, receiver=asked.header.sender, result_code=code)
    return Document(asked.row, element, header, body)


def test_rows_name_what_there_is() -> None:
    for row in ROW.operations:
        message = CATALOGUE.message(row.message)
        shape = CATALOGUE.shape(message.name)
        assert isinstance(shape, Struct)
        part = shape
        if row.at:
            holder = shape.field(row.at.partition("/")[0])
            assert holder is not None
            assert isinstance(holder.shape, ListOf)
            assert isinstance(holder.shape.item, Struct)
            part = holder.shape.item
        fields = [row.key, *row.head.values(), *row.by.values()]
        assert [name for name in fields if name and part.field(name.partition("/")[0]) is None] == [], row.type
        assert set(row.refers.values()) <= {other.type for other in ROW.operations if other.message == row.message}
    for message in CODES:
        assert [row.at for row in ROW.operations if row.message == message].count("") == 1


@pytest.mark.parametrize("charset", ["GB18030", "UTF-8"])
def test_every_document_survives_as_operations(charset: str) -> None:
    for document in MINE:
        if document.element != document.row.name:
            continue
        found = there_and_back(SOO, document, charset)
        assert (found.element, found.body) == (document.element, document.body)
        assert found.header.ref_serial == document.header.ref_serial
        assert found.header.operations
    assert {document.header.code for document in MINE} == CODES


def test_output_is_the_rows_operations_later_ones_naming_earlier_ones() -> None:
    head, *items = operations(tree())
    assert head.get("type") == "ADD_CUSTOMER_ORDER_REQ_TYPE"
    assert [one.get("type") for one in items] == ["ADD_ORDER_ITEM_GROUP_REQ_TYPE"] * 2
    assert [one.findtext("PUB_REQ/SOO_ID") for one in (head, *items)] == ["1", "2", "3"]
    assert {one.findtext("CUSTOMER_ORDER_ID") for one in (head, *items)} == {"$-1$"}
    assert [one.findtext("ORDER_ITEM_GROUP_ID") for one in items] == ["$-2$", "$-3$"]
    assert head.find("CUSTOMER_ORDER/items") is None


def test_a_query_has_a_head_and_its_answer_the_count() -> None:
    asked = sample("QueryProcess", "ok_by_number")
    (one,) = operations(tree(asked))
    names = ("QRY_TYPE", "PARAM", "FIELD", "PAGE_INDEX", "PAGE_SIZE")
    assert [one.findtext(name) for name in names] == ["4", "02580000001", "order", "1", "20"]
    told = read(tree(asked))
    reply = next(document for document in MINE if document.element == "QueryProcessAnswer")
    root = tree(answer(told, reply.element, reply.body, "0000"))
    (said,) = operations(root)
    assert (said.get("type"), said.findtext("PUB_RES/SOO_ID")) == ("QRY_CUSTOMER_ORDER_RES_TYPE", "1")
    assert said.findtext("TOTAL_COUNT") == str(reply.body["page"]["total_count"])
    assert said.find(".//page") is None
    assert voice().decode_answer(etree.tostring(root), None, told.header).body == reply.body


def test_an_answer_has_one_for_each_under_its_id() -> None:
    root = tree()
    for number, one in enumerate(operations(root)):
        one.find("PUB_REQ/SOO_ID").text = f"A{number}"
    told = read(root)
    said = tree(answer(told, RECEIPT, {"code": "0001", "text": "已受理"}, "0001"))
    assert [one.findtext("PUB_RES/SOO_ID") for one in operations(said)] == ["A0", "A1", "A2"]
    kinds = [kind for kind, _, _ in told.header.operations]
    assert [one.get("type").removesuffix("_RES_TYPE") for one in operations(said)] == kinds
    back = voice().decode_answer(etree.tostring(said), None, told.header)
    assert (back.element, back.body["code"]) == (RECEIPT, "0000")  # this link knows one code for all that went well
    failed = tree(answer(told, RECEIPT, {"code": "3004", "text": "状态冲突"}, "3004"))
    assert failed.find("SvcCont") is None


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_fields_in_any_order_with_or_without_namespace_and_holder_are_the_same_document(data: st.DataObject) -> None:
    root = tree()
    for one in operations(root):
        inner = one[-1]
        if data.draw(st.booleans()):  # the fields stand in the operation itself
            one.remove(inner)
            one.extend(list(inner))
            one[:] = data.draw(st.permutations(list(one)))
        else:
            inner[:] = data.draw(st.permutations(list(inner)))
    if data.draw(st.booleans()):
        for element in root.iter():
            element.tag = "{http://www.chinatelecom.com/crm/comm/}" + element.tag
    assert read(root).body == ORDER.body


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=40))
def test_any_text_survives(text: str) -> None:
    name = " ".join(filter(None, f"张{text}".split(" ")))  # runs of blanks say no more than one (xs:token)
    body = deepcopy(ORDER.body)
    body["contact"]["name"] = body["items"][0]["a_end"]["text"] = name[:60]
    document = Document(ORDER.row, ORDER.element, ORDER.header, body)
    assert there_and_back(SOO, document, "GB18030").body == read(etree.fromstring(SOO.encode(document, "UTF-8"))).body == body


def test_a_made_thing_without_an_id_gets_one_the_same_each_time() -> None:
    root = tree()
    head, *items = operations(root)
    head.find(".//service_order_id").text = "$-1$"
    found = read(deepcopy(root))
    made = found.body["service_order_id"]
    serial = root.findtext("TcpCont/TransactionID")
    assert made == f"{serial[-18:]}0001"
    assert read(deepcopy(root)).body == found.body
    said = operations(tree(answer(found, RECEIPT, {"code": "0001", "text": "已受理"}, "0001")))
    assert [one.findtext("CUSTOMER_ORDER_ID") for one in said] == [made, None, None]
    items[1].find(".//depends_on/item_id").text = "$-2$"
    assert read(root).body["items"][1]["depends_on"] == ["1"]


INSTANCES = {("025", "02580000001", "POTS"): ["PI1"], ("025", "02580000002", "POTS"): ["PI2", "PI3"]}
INSTANCES |= {("025", "AD02500000003", "ADSL"): ["PI4"]}


def found(table: str, column: str, by: dict[str, str]) -> list[str]:
    if table == "customer":
        return ["C1"] if by == {"area": "025", "id": "EXT-1"} else []
    key = tuple(by.get(name, "") for name in ("area", "access_number", "product"))
    hits = [ids for known, ids in INSTANCES.items() if all(want in ("", have) for want, have in zip(key, known, strict=True))]
    return [f"{column}:{one}" if column != "id" else one for ids in hits for one in ids][:2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (":getProdInstIdByAccNbr(025,025,02580000001,POTS)", "PI1"),
        (":getProdInstIdByAccNbr(025, ,02580000001)", "PI1"),
        (":getCustIdByAccNbr(025,02580000001)", "customer_id:PI1"),
        (":getCustIdByExtId(025,,EXT-1)", "C1"),
        (":getCustIdByExtId(025,,EXT-1,$-9$)", "C1"),
    ],
)
def test_functions_stand_for_what_is_found(text: str, value: str) -> None:
    root = tree()
    operations(root)[1].find(".//product_instance_id").text = text
    assert read(root, found).body["items"][0]["product_instance_id"] == value


def test_what_a_function_finds_can_be_named_again() -> None:
    root = tree()
    head, *items = operations(root)
    head.find(".//customer_id").text = ":getCustIdByExtId(025,,EXT-1,$-9$)"
    items[1].find(".//product_instance_id").text = "$-9$"
    body = read(root, found).body
    assert (body["customer"]["customer_id"], body["items"][1]["product_instance_id"]) == ("C1", "C1")


@pytest.mark.parametrize(
    ("text", "symbol", "words"),
    [
        (":getProdInstIdByAccNbr(025,025,02580000009,POTS)", "INSTANCE_UNKNOWN", "finds nothing"),
        (":getProdInstIdByAccNbr(025,025,02580000002,POTS)", "INSTANCE_UNKNOWN", "more than one"),
        (":getCustIdByExtId(0512,,EXT-1)", "CUSTOMER_UNKNOWN", "finds nothing"),
        (":getProdInstIdByAccNbr(025)", "INSTANCE_UNKNOWN", "finds nothing"),  # all of an area is nobody in particular
        (":getProdInstIdByAccNbr(025,025,,ADSL)", "INSTANCE_UNKNOWN", "finds nothing"),  # nor the only one of a product
        (":getProdInstIdByAccNbr(1,2,3,4,5,6)", "SCHEMA_FAULTS", "fewer arguments"),
        (":getNothing(025)", "SCHEMA_FAULTS", "unknown function"),
        ("$-77$", "SCHEMA_FAULTS", "no earlier operation"),
    ],
)
def test_what_stands_for_nothing_or_for_two_refuses_the_message(text: str, symbol: str, words: str) -> None:
    root = tree()
    operations(root)[1].find(".//product_instance_id").text = text
    refusal = refused(root, found)
    (fault,) = refusal.faults
    assert (refusal.symbol, words in fault.en) == (symbol, True)
    assert fault.path.startswith("/ContractRoot/SvcCont/SOO[2]/product_instance_id")


def test_all_that_is_wrong_is_told_at_once() -> None:
    root = tree()
    head, one, two = operations(root)
    head.find(".//customer_id").text = ":getCustIdByExtId(025,,NOBODY)"
    one.find(".//product_instance_id").text = "$-77$"
    two.find("ORDER_ITEM_GROUP_ID").text = "$-2$"
    refusal = refused(root, found)
    assert refusal.symbol == "SCHEMA_FAULTS"
    assert [fault.rule for fault in refusal.faults] == ["finds", "bound", "unique"]


def test_a_function_does_not_rename_what_was_made() -> None:
    root = tree()
    operations(root)[0].find(".//customer_id").text = ":getCustIdByExtId(025,,EXT-1,$-1$)"
    assert [fault.rule for fault in refused(root, found).faults] == ["unique"]


def test_later_operations_do_not_give_ids_to_earlier_ones() -> None:
    root = tree()
    one, two = operations(root)[1:]
    one.find(".//product_instance_id").text = two.findtext("ORDER_ITEM_GROUP_ID")
    assert [fault.rule for fault in refused(root).faults] == ["bound"]


def _remove(root: etree._Element, at: int) -> None:
    root.find("SvcCont").remove(operations(root)[at])


@pytest.mark.parametrize(
    ("wrong", "symbol", "rules"),
    [
        (lambda root: operations(root)[1].set("type", "MERGE_CUST_REQ_TYPE"), "SCHEMA_FAULTS", ["operation"]),
        (lambda root: operations(root)[1].attrib.clear(), "SCHEMA_FAULTS", ["operation"]),
        (lambda root: operations(root)[1].remove(operations(root)[1].find("PUB_REQ")), "SCHEMA_FAULTS", ["required"]),
        (lambda root: setattr(operations(root)[1].find("PUB_REQ/SOO_ID"), "text", "3"), "SCHEMA_FAULTS", ["unique"]),
        (lambda root: _remove(root, 0), "SCHEMA_FAULTS", ["one"]),
        (lambda root: root.find("SvcCont").append(deepcopy(operations(root)[0])), "SCHEMA_FAULTS", ["unique"]),
        (lambda root: etree.SubElement(root.find("SvcCont"), "Odd"), "SCHEMA_FAULTS", ["element"]),
        (lambda root: setattr(operations(root)[1].find("CUSTOMER_ORDER_ID"), "text", "SO9"), "SCHEMA_FAULTS", ["refers"]),
        (lambda root: setattr(root.find("TcpCont/BusCode"), "text", "BUS00000"), "MESSAGE_UNKNOWN", ["message"]),
        (lambda root: setattr(operations(root)[0].find(".//priority"), "text", "many"), "SCHEMA_FAULTS", None),
        (lambda root: etree.SubElement(operations(root)[0][-1], "colour"), "SCHEMA_FAULTS", None),
        (lambda root: operations(root)[0][-1].append(deepcopy(operations(root)[0].find(".//area"))), "SCHEMA_FAULTS", None),
    ],
)
def test_what_is_no_list_of_one_messages_operations_is_refused(wrong: Any, symbol: str, rules: list[str] | None) -> None:
    root = tree()
    wrong(root)
    refusal = refused(root)
    assert refusal.symbol == symbol
    assert rules is None or [fault.rule for fault in refusal.faults] == rules


def test_without_items_nothing_is_made_up() -> None:
    root = tree()
    _remove(root, 2)
    _remove(root, 1)
    assert any("items" in fault.path or "items" in fault.en for fault in refused(root).faults)


def test_a_signature_covers_the_operations() -> None:
    signed = voice(secret="秘密", signed=True)
    raw = signed.encode(ORDER, "GB18030")
    assert signed.decode(raw).body == ORDER.body
    with pytest.raises(DocumentRefused) as forged:
        signed.decode(raw.replace(b"<priority>5", b"<priority>6"))
    assert forged.value.symbol == "SIGNATURE_BAD"


def test_signed_operations_in_a_relative_namespace_are_judged_as_any() -> None:
    signed = voice(secret="秘密", signed=True)
    raw = signed.encode(ORDER, "GB18030").replace(b"<priority>", b"<priority xmlns='crm'>")
    with pytest.raises(DocumentRefused) as refusal:
        signed.decode(raw)
    assert refusal.value.symbol == "SIGNATURE_BAD"


def test_operations_under_the_peers_names() -> None:
    names = {
        "DispatchOrder": BodyMap(
            fields={
                "service_order_id": FieldMap("SERV_ORDER_NBR"), "items": FieldMap("ITEM_LIST"), "items/item": FieldMap("ITEM"),
                "items/item/item_id": FieldMap("ITEM_NBR"), "items/item/action": FieldMap("ACTION_CD", {"install": "1000"}),
            }
        ),
        "QueryProcess": BodyMap(fields={"page_no": FieldMap("pageNo"), "access_number": FieldMap("ACC_NBR")}),
        "QueryProcessAnswer": BodyMap(fields={"page": FieldMap("pageInfo"), "page/total_count": FieldMap("total")}),
    }  # fmt: skip
    theirs = voice(bodies=names)
    raw = theirs.encode(ORDER, "UTF-8")
    root = etree.fromstring(raw)
    assert {one.text for one in root.iter("ACTION_CD")} == {"1000"}
    assert root.find(".//service_order_id") is None
    assert theirs.decode(raw).body == ORDER.body
    root.find(".//SERV_ORDER_NBR").text = "$-1$"
    assert theirs.decode(etree.tostring(root)).body["service_order_id"].endswith("0001")
    asked = sample("QueryProcess", "ok_by_number")
    told = theirs.decode(theirs.encode(asked, "UTF-8"))
    reply = next(document for document in MINE if document.element == "QueryProcessAnswer")
    said = theirs.encode(answer(told, reply.element, reply.body, "0000"), "UTF-8")
    assert (told.body, theirs.decode_answer(said, None, told.header).body) == (asked.body, reply.body)


def test_a_message_that_has_no_operations_goes_as_before() -> None:
    document = sample("AssignResource")
    raw = speech("contract-root", inner="soo").encode(document, "UTF-8")
    assert b"<SOO" not in raw
    assert speech("contract-root", inner="soo").decode(raw).body == document.body


def test_functions_are_asked_for_so_many_times_and_no_more() -> None:
    root, asked = tree(), []
    one = operations(root)[1]
    for number in range(300):
        other = deepcopy(one)
        other.find("PUB_REQ/SOO_ID").text = f"X{number}"
        other.find("ORDER_ITEM_GROUP_ID").text = f"$-{1000 + number}$"
        other.find(".//product_instance_id").text = ":getCustIdByExtId(025,,EXT-1)"
        root.find("SvcCont").append(other)
    refusal = refused(root, lambda *what: asked.append(what) or ["C1"])
    assert (len(asked), [fault.rule for fault in refusal.faults]) == (200, ["functions"])


def test_operations_count_against_the_documents_limits() -> None:
    root = tree()
    one = operations(root)[1]
    for _ in range(3000):
        root.find("SvcCont").append(deepcopy(one))
    assert refused(root).symbol == "TOO_LARGE"


def test_what_a_result_refers_to_survives_the_peers_names() -> None:
    document = sample("OrderNotice")
    body = {**document.body}
    header = replace(document.header, ref_serial="CRM00120261122090000" + "0" * 9 + "7")
    said = Document(document.row, document.element, header, body)
    named = {"OrderNotice": BodyMap(fields={"state": FieldMap("STATE_CD")})}
    for inner in ("soo", "body"):
        theirs = voice(bodies=named, inner=inner)
        found = theirs.decode(theirs.encode(said, "UTF-8"))
        assert (found.header.ref_serial, found.body) == (header.ref_serial, body)
