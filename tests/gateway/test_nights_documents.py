"""Nights of documents: what a peer sends wrong stands in the log, by peer and reason, without a word of what it says."""

from __future__ import annotations

import pytest
import structlog

from tests.gateway.rig import Rig, packet_of, submission


@pytest.mark.parametrize(
    ("raw", "symbol"),
    [
        (submission(1).replace("张示例".encode(), b"\xff\xff"), "CHARSET_UNDECODABLE"),
        (submission(1, area="999999999"), "SCHEMA_FAULTS"),
        (submission(1).replace(b"<Body>", b"<Body><!DOCTYPE x>"), "NOT_WELL_FORMED"),
    ],
)
def test_a_document_refused_is_told_with_its_reason_and_none_of_its_content(raw: bytes, symbol: str) -> None:
    rig = Rig()
    with structlog.testing.capture_logs() as lines:
        answer = rig.ask(rig.caller(), packet_of(raw, serial="CH0001202611220900000000000001"))[-1]
    told = [line for line in lines if line["event"] == "document.refused"]
    assert [line["peer"] for line in told] == ["CH0001"]
    assert told[0]["result"] == answer.result
    assert told[0]["zh"]
    assert told[0]["en"]
    assert "张示例" not in str(told)
    assert told[0]["symbol"] == symbol


def test_a_wrong_declaration_is_told_with_what_to_do_about_it() -> None:
    rig = Rig()
    raw = submission(1).decode("utf-8").encode("gb18030")
    with structlog.testing.capture_logs() as lines:
        rig.ask(rig.caller(), packet_of(raw))
    told = next(line for line in lines if line["event"] == "charset.wrong_declaration")
    assert (told["declared"], told["found"]) == ("UTF-8", "GB18030")
    assert "have it mended there" in told["en"]


def test_a_serial_with_other_content_is_told_as_a_fault_of_the_peer() -> None:
    rig = Rig()
    channel = rig.caller()
    rig.ask(channel, packet_of(submission(1)))
    with structlog.testing.capture_logs() as lines:
        answer = rig.ask(channel, packet_of(submission(1, access_number="02580000077")))[-1]
    told = [(line["peer"], line["symbol"]) for line in lines if line["event"] == "document.refused"]
    assert (answer.result, told) == ("1009", [("CH0001", "SERIAL_REUSED")])
