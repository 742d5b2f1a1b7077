"""Whose document it is, where several peers share a listener whose packets do not say (spec 01.2: rows choose)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.envelopes.loose import root_name
from adapters.wire.packet import Kind, Packet
from adapters.wire.segments import split
from tests.gateway.rig import CATALOGUE, CODEC, Rig, serial

BARE = [{"name": "s", "address": "mem://crm", "layout": "len4-be"}]
GROUP = {"systems": {"EN0001": "6001030041", "CRM001": "6001030001"}, "codes": {"LN03": "BUS14001/SVC11009"}}


def peer(number: int, envelope: str, **more: Any) -> dict[str, Any]:
    bare = {"listen": "s", "layout": "len4-be", "charset": "UTF-8"}
    return {"id": f"EN{number:04d}", "role": "PF", "envelope": envelope} | bare | more


def link_test(rig: Rig, sender: str, text: str, charset: str = "UTF-8") -> bytes:
    """A LinkTest as ``sender`` writes it."""
    row = CATALOGUE.message("LN03")
    header = Header("LN03", serial(1, sender), sender, "CRM001", "025", "20261122090000", mode="B")
    voice = rig.gateway._speeches.voice_of(sender)
    return bytes(voice.encode(Document(row, row.name, header, {"text": text}), charset))


def asked(rig: Rig, raw: bytes) -> bytes:
    wire = rig.caller(rig.gateway._layouts["len4-be"])
    (answer,) = rig.ask(wire, Packet(raw, Kind.REQUEST))
    return bytes(answer.body)


@pytest.mark.parametrize("text", ["reboot router root port", "<Root> rootRoot", "plain"])
@pytest.mark.parametrize(
    ("first", "second"), [("root-hb", "package"), ("root-cdata", "contract-root"), ("root-cdata", "root-hb")]
)
def test_a_document_is_told_by_its_root_and_by_nothing_in_it(first: str, second: str, text: str) -> None:
    more: dict[str, Any] = {"dialect": GROUP} if second == "contract-root" else {}
    rig = Rig((peer(2, first), peer(1, second, **more)), listens=BARE)
    answer = asked(rig, link_test(rig, "EN0001", text))
    assert root_name(answer) == CATALOGUE.envelope(second).root
    assert rig.rows("SELECT peer, state FROM message WHERE direction = 'in'") in ([("EN0001", "DONE")], [])
    assert b"<ResultCode>0000<" in answer or b"0000" in answer or b"<resultFlag>0<" in answer


@pytest.mark.parametrize("damage", [b"\xd8\xd8", b"\x00"], ids=["lone surrogate", "half a character"])
def test_undecodable_utf_16_is_quarantined_on_a_fresh_connection(damage: bytes) -> None:
    rig = Rig((peer(1, "package"),), listens=BARE)
    raw = b"\xff\xfe" + CODEC.encode(CODEC.decode(link_test(rig, "EN0001", "x")), "UTF-8").decode().encode("utf-16-le") + damage
    assert b"<ResultCode>1005<" in asked(rig, raw)
    assert rig.rows("SELECT peer, code, state, result_code FROM message") == [("EN0001", "LN03", "REJECTED", "1005")]
    assert rig.one("SELECT raw FROM message_body") == raw


@pytest.mark.parametrize(("peers", "kept"), [(1, 1), (2, 0)], ids=["the only peer", "two"])
@pytest.mark.parametrize(
    ("raw", "code"),
    [(b"\xb0\xa1\xff", "1005"), (b"\xff\xfe<", "1005"), (b"<Package", "1001"), (b" ", "1001"), (b"<!DOCTYPE a><a/>", "1001")],
)
def test_what_nobody_can_read_is_refused_for_that_and_is_the_only_peers(raw: bytes, code: str, peers: int, kept: int) -> None:
    """2001 would have a sound sender stop its link for a flaw of one document (06.1)."""
    rig = Rig(tuple(peer(number, "package") for number in range(1, peers + 1)), listens=BARE)
    assert f"<ResultCode>{code}<".encode() in asked(rig, raw)
    assert rig.rows("SELECT peer, result_code FROM message") == [("EN0001", code)] * kept
    assert rig.rows("SELECT raw FROM message_body") == [(raw,)] * kept


@pytest.mark.parametrize("peers", [1, 2])
@pytest.mark.parametrize(("lost", "code"), [(slice(1, 2), "1010"), (slice(2, 3), "1010"), (slice(0, 0), "0000")])
def test_a_gap_in_the_first_document_of_a_connection_is_told_as_one(lost: slice, code: str, peers: int) -> None:
    """The header of ascii-145 names no sender, and of a document with a gap nobody reads one."""
    listens = [{**BARE[0], "layout": "ascii-145"}]
    rig = Rig(tuple(peer(number, "package", layout="ascii-145") for number in range(1, peers + 1)), listens=listens)
    raw = link_test(rig, "EN0001", "x")
    whole = Packet(raw, Kind.REQUEST, "LN03", "EN0001", "CRM001", serial=serial(1, "EN0001"), send_time="20261122090000")
    segments = split(whole, len(raw) // 5)
    del segments[lost]
    (answer,) = rig.ask(rig.caller(rig.gateway._layouts["ascii-145"]), *segments)
    assert (answer.serial, answer.result) == (whole.serial, code)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"<a/>", "a"), (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <b/> --><c:ContractRoot x='1'>", "ContractRoot"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><Root>", "Root"), (b"", ""), (b"<", ""), (b"<?xml", ""), (b"<!--" + b"<a>" * 2000, ""),
        (b"no document", ""), ("﻿<Package>".encode("utf-16-le"), "Package"),
        (b"<?" * 1000, ""), (b"<!" * 1000 + b">" * 1000, ""),
    ],
)  # fmt: skip
def test_the_root_is_found_whatever_stands_before_it(raw: bytes, name: str) -> None:
    assert root_name(raw) == name
