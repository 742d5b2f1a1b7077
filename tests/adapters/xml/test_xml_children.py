"""Every child missing, misplaced, unknown or too many is told at once, and one mistake is one fault (spec 01.2 rule 5)."""

from __future__ import annotations

import copy
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from adapters.document import DocumentRefused, Fault
from adapters.xml.codec import Codec
from schemas.loader import load

CATALOGUE = load()
CODEC = Codec(CATALOGUE)
GOOD = (CATALOGUE.root / "samples/SubmitOrder/ok_pots_adsl_install.xml").read_text(encoding="utf-8")
TEXT = GOOD[GOOD.index("<Package") :]
MESSAGE = CATALOGUE.version().message_namespace
SERIALS = (CATALOGUE.root / "samples/Redeliver/ok_serials.xml").read_text(encoding="utf-8")
SERIALS = SERIALS[SERIALS.index("<Package") :]
BODY = "/Package/Body/SubmitOrder"
HEADER = ("MessageCode", "Serial", "Sender", "Receiver", "Area", "SendTime", "Version", "Mode")
REQUIRED = ("customer_order_id", "area", "customer", "dates", "contact", "items")


def faults(text: str) -> tuple[Fault, ...]:
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(text.encode())
    return refused.value.faults


def body(children: str) -> str:
    """The good document with other children in its message."""
    return re.sub(r"(<SubmitOrder[^>]*>).*(</SubmitOrder>)", lambda found: found[1] + children + found[2], TEXT, flags=re.S)


def child(name: str) -> str:
    found = re.search(rf"\n      <{name}>.*?\n?(?:      )?</{name}>", TEXT, re.S)
    assert found is not None
    return found[0]


def told(text: str) -> list[tuple[str, str, str]]:
    return [(fault.path, fault.rule, fault.found) for fault in faults(text)]


def lacking(*names: str, under: str = BODY, here: str = "") -> list[tuple[str, str, str]]:
    return [(f"{under}/{name}", "missing", here if at == 0 else "") for at, name in enumerate(names)]


def test_every_missing_child_is_named():
    assert told(body("")) == lacking(*REQUIRED)


def test_every_missing_field_of_the_header_is_named():
    assert told(re.sub(r"<Header>.*</Header>", "<Header/>", TEXT, flags=re.S)) == lacking(*HEADER, under="/Package/Header")


def test_a_package_without_anything_lacks_both_parts():
    empty = f'<Package xmlns="{CATALOGUE.version().namespace}"/>'
    assert told(empty) == lacking("Header", "Body", under="/Package")


def test_a_body_without_a_message_says_so():
    [fault] = faults(re.sub(r"<Body>.*</Body>", "<Body/>", TEXT, flags=re.S))
    assert (fault.path, fault.rule) == ("/Package/Body", "missing")
    assert "Body" in fault.en
    assert "Body" in fault.zh


def test_an_unknown_child_in_the_place_of_a_missing_one_is_told_with_it():
    children = "".join(child(name) for name in REQUIRED).replace("<area>025</area>", "<arena>025</arena>", 1)
    assert told(body(children)) == lacking("area", here="arena")


def test_unknown_children_where_nothing_is_missing_are_told_alone():
    text = TEXT.replace("<area>025</area>\n      <operator>", "<red/><area>025</area><green/><operator>", 1)
    text = text.replace("</SubmitOrder>", "<blue/></SubmitOrder>", 1)
    assert told(text) == [(f"{BODY}/{name}", "unexpected", name) for name in ("red", "green", "blue")]


@pytest.mark.parametrize("count", [2, 3])
def test_one_too_many_is_told_for_each(count):
    text = body("".join(child(name) * (count if name == "dates" else 1) for name in REQUIRED))
    found = faults(text)
    assert [(fault.path, "twice" in fault.en) for fault in found] == [
        (f"{BODY}/dates[{at}]", True) for at in range(2, count + 1)
    ]


def test_more_than_a_list_may_hold_says_how_many_it_may():
    serial = re.search(r"<serial>.*?</serial>", SERIALS, re.S)
    assert serial is not None
    found = faults(re.sub(r"(<serials>).*(</serials>)", rf"\1{serial[0] * 1_002}\2", SERIALS, flags=re.S))
    assert [fault.path for fault in found] == [f"/Package/Body/Redeliver/serials/serial[{at}]" for at in (1_001, 1_002)]
    assert all("at most 1000" in fault.en and "1000" in fault.zh for fault in found)


def test_a_child_that_stands_too_late_is_told_where_it_was_expected_and_only_there():
    order = ("customer_order_id", "customer", "dates", "contact", "items", "area")
    assert told(body("".join(map(child, order)))) == [(f"{BODY}/customer", "unexpected", "customer")]


def test_faults_of_order_do_not_hide_missing_ones_behind_them():
    order = ("area", "customer_order_id", "customer", "contact")
    assert told(body("".join(map(child, order)))) == [(f"{BODY}/area", "unexpected", "area"), *lacking("dates", here="contact"),
                                                    *lacking("items")]  # fmt: skip


# children of Redeliver, where serials or all three of a range have to stand -> path, rule
CHOICES = {
    "neither": ("", [("serials", "missing")]),
    "half a range": ("<from_seq>1</from_seq>", [("service_order_id", "missing"), ("to_seq", "missing")]),
    "the end of a range": ("<to_seq>1</to_seq>", [("service_order_id", "missing"), ("from_seq", "missing")]),
    "both": (
        "<serials><serial>S1</serial></serials><service_order_id>SO1</service_order_id>",
        [("service_order_id", "unexpected")],
    ),
    "unknown instead": ("<serial>S1</serial>", [("serials", "missing")]),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_choice(case):
    children, expected = CHOICES[case]
    text = re.sub(r"(<Redeliver[^>]*>).*(</Redeliver>)", rf"\1{children}\2", SERIALS, flags=re.S)
    assert [(path.rpartition("/")[2], rule) for path, rule, _ in told(text)] == expected


NAMESPACES = {
    "a field": ("<dates>", '<dates xmlns="">', f"{BODY}/dates", ""),
    "the message": (MESSAGE, "urn:bss:if:message:9.9", BODY, "urn:bss:if:message:9.9"),
    "the header": ("<Header>", '<Header xmlns="urn:other">', "/Package/Header", "urn:other"),
    "the whole": (f' xmlns="{CATALOGUE.version().namespace}"', "", "/Package", ""),
}


@pytest.mark.parametrize("case", NAMESPACES)
def test_the_right_name_in_another_namespace(case):
    old, new, path, found = NAMESPACES[case]
    [fault] = faults(TEXT.replace(old, new, 1))
    assert (fault.path, fault.rule, fault.found) == (path, "namespace", found)
    assert "urn:bss:if:" in fault.en


def test_another_version_in_the_namespace_is_named_as_that():
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(TEXT.replace(CATALOGUE.version().namespace, "urn:bss:if:package:9.9").encode())
    assert refused.value.symbol == "VERSION_UNSUPPORTED"
    assert [(fault.path, fault.found) for fault in refused.value.faults] == [("/Package", "9.9")]


SAMPLES = [
    path
    for row in CATALOGUE.messages()
    for path in CATALOGUE.samples(row.name)
    if path.name.startswith("ok_") and row.version == CATALOGUE.versions()[-1]
]


@given(st.data())
def test_of_any_message_every_child_left_out_is_told_or_was_optional(data):
    """What remains when each child told as missing is put back is judged good by lxml."""
    root = etree.fromstring(data.draw(st.sampled_from(SAMPLES)).read_bytes(), etree.XMLParser(remove_blank_text=True))
    holders = [element for element in root.iter() if isinstance(element.tag, str) and len(element)]
    holder = data.draw(st.sampled_from([element for element in holders if etree.QName(element).localname != "Body"]))
    before = copy.deepcopy(holder)
    gone = data.draw(st.sets(st.sampled_from(range(len(holder)))))
    holder[:] = [child for at, child in enumerate(holder) if at not in gone]
    if CATALOGUE.schema().validate(root):
        return
    found = faults(etree.tostring(root, encoding="unicode"))
    lost = {name for fault in found if fault.rule == "missing" for name in re.findall(r"\w+", fault.en)}  # of a choice, each
    holder[:] = [
        copy.deepcopy(child) for at, child in enumerate(before) if at not in gone or etree.QName(child).localname in lost
    ]
    CODEC.decode(etree.tostring(root))


@given(st.data())
def test_whatever_is_done_to_children_lxml_and_the_explanation_agree(data):
    """Left out, twice, in another order, renamed: where lxml refuses there is a fault, and each names a place."""
    root = etree.fromstring(data.draw(st.sampled_from(SAMPLES)).read_bytes(), etree.XMLParser(remove_blank_text=True))
    holders = [element for element in root.iter() if isinstance(element.tag, str) and len(element) > 1]
    holder = data.draw(st.sampled_from(holders))
    for _ in range(data.draw(st.integers(1, 4))):
        if not len(holder):
            break
        at, to = (data.draw(st.integers(0, len(holder) - 1)) for _ in range(2))
        match data.draw(st.sampled_from(["leave out", "twice", "move", "rename", "strange"])):
            case "leave out":
                del holder[at]
            case "twice":
                holder.insert(to, copy.deepcopy(holder[at]))
            case "move":
                holder.insert(to, holder[at])
            case "rename":
                holder[at].tag = f"{{{etree.QName(holder[at]).namespace}}}xyz"
            case _:
                holder[at].tag = f"{{urn:strange}}{etree.QName(holder[at]).localname}"
    if CATALOGUE.schema().validate(root):
        return
    found = faults(etree.tostring(root, encoding="unicode"))
    assert found
    assert all(fault.path.startswith("/Package") and fault.zh and fault.en for fault in found)


@pytest.mark.parametrize("piece", ["<b/>", "<dates/>", '<dates xmlns=""/>', "<b/><dates/>"])
def test_thousands_of_misplaced_children_take_bounded_time(piece):
    text = TEXT.replace("<area>025</area>\n      <operator>", piece * 1_400 + "<area>025</area><operator>", 1)
    start = time.process_time()
    assert len(faults(text)) > 900
    assert time.process_time() - start < 10
