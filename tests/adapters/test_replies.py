"""Receipts outward, categories inward (spec 02, 02.2)."""

from __future__ import annotations

import pytest

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.replies import category_of, category_of_levels, receipt_body, refusal_body, worse
from adapters.xml.codec import Codec
from schemas.loader import load

CATALOGUE = load()
CODEC = Codec(CATALOGUE)
FIELD_MAP = {"0": "ok", "SUCCESS": "ok", "IOS0000000": "ok", "DUP": "duplicate", "E1": "rejected"}


def test_plain_receipt():
    body = receipt_body(CATALOGUE, "ACCEPTED", details={"service_order_id": "SO1"})
    row = CATALOGUE.result("0001")
    assert body == {
        "code": "0001",
        "text": f"{row.zh} / {row.en}",
        "details": [{"name": "service_order_id", "value": "SO1"}],
    }


def test_details_may_repeat_a_name():
    pairs = [("service_order_id", "SO1"), ("service_order_id", "SO2")]
    assert [one["value"] for one in receipt_body(CATALOGUE, "0001", details=pairs)["details"]] == ["SO1", "SO2"]


def travelled(body):
    header = Header("CH01", "1", "CRM001", "CH0001", "025", "20261121093000")
    document = Document(CATALOGUE.message("CH01"), "Receipt", header, body)
    return CODEC.decode(CODEC.encode(document, "GB18030")).body


def test_a_receipt_for_every_result_code_is_valid():
    for row in CATALOGUE.results():
        body = receipt_body(CATALOGUE, row.symbol, state="ACTIVE")
        assert travelled(body) == body


def test_a_receipt_is_valid_whatever_the_peer_sent():
    fault = Fault("/a" * 900, "x" * 600, "\x00\ud800\uffff" + "张" * 900, "中" * 3000, "e" * 3000)
    body = receipt_body(CATALOGUE, "1002", [fault] * 1200, "ACTIVE", {"n" * 50: "\x07" * 600})
    assert travelled(body) == body


def test_refusal_carries_every_fault():
    faults = (Fault("/a", "type", "x", "错", "wrong"), Fault("/b", "type", "y", "错", "wrong"))
    body = refusal_body(CATALOGUE, DocumentRefused("SCHEMA_FAULTS", faults))
    assert body["code"] == "1002"
    assert [(one["path"], one["text"]) for one in body["faults"]] == [("/a", "错 / wrong"), ("/b", "错 / wrong")]


def test_unknown_symbol_is_an_error():
    with pytest.raises(LookupError):
        receipt_body(CATALOGUE, "NO_SUCH_SYMBOL")


@pytest.mark.parametrize(
    ("raw", "peer_map", "category"),
    [
        ("0000", None, "ok"),
        (" 0001\t", None, "accepted"),
        ("0002", None, "duplicate"),
        ("3004", None, "rejected"),
        ("3007", None, "retry"),
        ("2003", None, "fatal"),
        ("9002", None, "retry"),
        (" SUCCESS ", FIELD_MAP, "ok"),
        ("0\u3000", FIELD_MAP, "ok"),
        ("E1", FIELD_MAP, "rejected"),
        ("0000", FIELD_MAP, "ok"),
        ("", None, "fatal"),
        (None, FIELD_MAP, "fatal"),
        ("OK?", FIELD_MAP, "fatal"),
        ("ACCEPTED?", None, "fatal"),
    ],
)
def test_categories(raw, peer_map, category):
    assert category_of(raw, peer_map) == category


@pytest.mark.parametrize(
    ("header", "body", "category"),
    [
        ("0000", "0000", "ok"),
        ("0000", "3004", "rejected"),
        ("9001", "0000", "retry"),
        ("0000", "", "fatal"),
        ("0000", None, "ok"),
        (None, "0002", "duplicate"),
        (None, None, "fatal"),
    ],
)
def test_the_worse_level_counts(header, body, category):
    assert category_of_levels(header, body) == category


def test_worse_is_symmetric():
    assert worse("ok", "fatal") == worse("fatal", "ok") == "fatal"
    assert worse("accepted", "duplicate") == "accepted"
