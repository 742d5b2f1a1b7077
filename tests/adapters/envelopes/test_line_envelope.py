"""Lines of pairs: what a frame too small for a document can say, written strictly and read as it is met (spec 01.1.2, 01.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.document import Document, DocumentRefused, Header
from adapters.envelopes.envelope import Envelope
from adapters.xml.writers import Unwritable
from schemas.loader import RECEIPT
from schemas.shape import ListOf, Shape, Struct
from tests.adapters.envelopes.speech import CATALOGUE, documents, speech

LINES = tuple(row for row in CATALOGUE.envelopes() if row.shape == "line")
SAMPLES = sorted((CATALOGUE.root / "envelopes" / "samples" / "query-line").glob("*.line"))
LINE = speech("query-line")
ASKED = Header("PQ01", "0000000000000042", "CRM001", "PF0001", "025")


def expect(header: Header) -> dict[str, Any]:
    return {"code": header.code, "serial": header.serial, "sender": header.sender}


def again(voice: Envelope, document: Document, charset: str = "GB18030") -> Document:
    raw = voice.encode(document, charset)
    if document.element == document.row.name:
        return voice.decode(raw, charset, expect(document.header))
    return voice.decode_answer(raw, charset, document.header)


def leaf(shape: Shape, path: str) -> bool:
    """Whether a path of a row leads to a value of the schema."""
    for step in path.split("/"):
        if isinstance(shape, Struct):
            field = shape.field(step)
            if field is None:
                return False
            shape = field.shape
        elif isinstance(shape, ListOf) and shape.name == step:
            shape = shape.item
        else:
            return False
    return not isinstance(shape, Struct | ListOf)


@pytest.mark.parametrize("row", LINES, ids=lambda row: row.name)
def test_every_path_of_a_row_is_a_value_of_the_schema(row) -> None:
    for line in row.lines:
        shape = CATALOGUE.shape(line.element)
        assert [path for path in line.pairs.values() if not leaf(shape, path)] == [], line.element
        assert {*line.defaults, *line.spare, *filter(None, [line.words])} <= set(line.pairs), line.element


@pytest.mark.parametrize("row", LINES, ids=lambda row: row.name)
def test_what_can_be_asked_can_be_answered(row) -> None:
    known = {line.element for line in row.lines}
    asked = [one for one in CATALOGUE.messages() if one.name in known]
    assert asked
    assert {one.answer for one in asked} <= known
    assert {one.pattern for one in asked} == {"Q"}
    assert RECEIPT in known


def test_what_a_line_says_of_a_document_is_what_is_read_of_it() -> None:
    lines = {line.element: line for line in CATALOGUE.envelope("query-line").lines}
    told = 0
    for document in documents():
        asked = CATALOGUE.envelope("query-line").lines
        if document.element not in lines or document.row.name not in {line.element for line in asked}:
            continue
        raw = LINE.encode(document, "GB18030")
        found = again(LINE, document)
        assert (found.element, len(raw) <= 200) == (document.element, True)
        assert LINE.encode(found, "GB18030").startswith(raw)  # defaults of what was not said may follow
        told += 1
    assert told > 15


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples(path) -> None:
    raw, kind = path.read_bytes().rstrip(b"\n"), path.name.split("_")[0]
    if kind == "bad":
        with pytest.raises(DocumentRefused) as refused:
            LINE.decode(raw, "GB18030", expect(ASKED))
        assert CATALOGUE.result(refused.value.symbol).code == path.name.split("_")[1]
        assert refused.value.header.serial == ASKED.serial
    elif "answer" in path.name:
        assert LINE.decode_answer(raw, "GB18030", ASKED).element in ("QueryProcessAnswer", RECEIPT)
    else:
        assert LINE.decode(raw, "GB18030", expect(ASKED)).body["service_order_id"] == "SO02520261121000001"


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=";\ufffe\uffff"), max_size=40))
def test_any_text_of_one_line_survives(text: str) -> None:
    row = CATALOGUE.message("LN03")
    said = " ".join(("x" + text).split())
    document = Document(row, row.name, replace(ASKED, code="LN03", mode="B"), {"text": said})
    for charset in ("GB18030", "UTF-8"):
        try:
            raw = LINE.encode(document, charset)
        except (Unwritable, UnicodeEncodeError):
            continue
        assert LINE.decode(raw, charset, expect(document.header)).body["text"] == said.strip("\u3000 ")


@pytest.mark.parametrize("sign", ["\x00", "\x01", "\x1b", "\ufffe", "\uffff"])
def test_what_no_document_may_hold_is_a_fault_of_its_key(sign: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        LINE.decode(f"ORDER=SO0252{sign}121000001;AREA=025".encode(), "UTF-8", expect(ASKED))
    assert (refused.value.symbol, [fault.path for fault in refused.value.faults]) == ("NOT_WELL_FORMED", ["/ORDER"])


def test_blanks_case_and_order_are_taken_as_they_come() -> None:
    found = LINE.decode(b" area = 025 ;; Level=stage; order= SO1 ;\0\0", "GB18030", expect(ASKED)).body
    assert found == {"service_order_id": "SO1", "area": "025", "detail_level": "stage", "page_size": 1}


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ("ORDER=SO1", "AREA", "AREA (area) is missing: add it"),
        ("ORDER=SO1;AREA=025;SIZE=many", "SIZE", "SIZE: 'many' is not an integer"),
        ("ORDER=SO1;AREA=025;LEVEL=all", "LEVEL", "LEVEL: 'all' is not allowed"),
    ],
)
def test_a_fault_names_the_key_of_the_line_and_no_element_nobody_wrote(line: str, key: str, said: str) -> None:
    with pytest.raises(DocumentRefused) as refused:
        LINE.decode(line.encode(), None, expect(ASKED))
    (fault,) = refused.value.faults
    assert (fault.path, said in fault.en, key in fault.zh) == (f"/{key}", True, True)
    assert "detail_level" not in fault.en + fault.zh


def test_the_peers_row_says_what_its_lines_leave_out() -> None:
    found = speech("query-line", fields={"AREA": "0512"}).decode(b"ORDER=SO1", "GB18030", expect(ASKED))
    assert (found.body["area"], found.header.area) == ("0512", "0512")


@pytest.mark.parametrize(
    ("text", "charset"), [("a;TEXT=b", "GB18030"), ("a\nb", "GB18030"), ("\U00020bb7" * 60, "UTF-8"), ("㐀", "GB2312")]
)
def test_what_does_not_fit_a_line_is_not_written(text: str, charset: str) -> None:
    row = CATALOGUE.message("LN03")
    with pytest.raises((Unwritable, UnicodeEncodeError)):
        LINE.encode(Document(row, row.name, replace(ASKED, code="LN03"), {"text": text}), charset)


@pytest.mark.parametrize("charset", ["GB18030", "UTF-8"])
def test_words_for_people_are_cut_on_a_character(charset: str) -> None:
    row = CATALOGUE.message("PQ01")
    header = replace(ASKED, result_code="3003")
    raw = LINE.encode(Document(row, RECEIPT, header, {"code": "3003", "text": "无此定单；䶮𠮷" * 90}), charset)
    assert 190 < len(raw) <= 200
    assert "无此定单" in LINE.decode_answer(raw, charset, ASKED).body["text"]


def test_results_of_a_peer_are_mapped() -> None:
    voice = speech("query-line", results={"7001": "3003"}, results_out={"3003": "7001"})
    row = CATALOGUE.message("PQ01")
    raw = voice.encode(Document(row, RECEIPT, replace(ASKED, result_code="3003"), {"code": "3003", "text": "x"}), "GB18030")
    assert raw == b"RETN=07001;TEXT=x"
    assert voice.decode_answer(raw, "GB18030", ASKED).body["code"] == "3003"
    assert LINE.decode_answer(b"RETN=07001", "GB18030", ASKED).body["code"] == "2002"
