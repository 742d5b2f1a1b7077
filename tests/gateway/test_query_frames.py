"""Queries in fixed frames, bd-272: asked and answered in lines, of us and through the hub, in whatever the other end speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from tests.gateway.rig import CATALOGUE, CODEC, Rig, Send, Wires, echo, packet_of, sample, serial

BD = Layout(CATALOGUE.layout("bd-272"))
LINE = envelope(CODEC, "query-line", Dialect(own="PF0001", peer="CRM001"))
FRAMES = {"layout": "bd-272", "envelope": "query-line", "charset": "GB18030"}
LISTENS = [
    {"name": "s", "address": "mem://crm", "layout": "ctif-128"},
    {"name": "q", "address": "mem://queries", "layout": "bd-272"},
]
ORDER = "ORDER=SO02520261121000001;AREA=025"


def rig_of(asker: str, answerer: str) -> Rig:
    """Customer service asks provisioning, each in documents (``native``) or in frames."""
    cs: dict[str, Any] = {"id": "CS0001", "role": "CS", "listen": "q" if asker == "frames" else "s"}
    pf: dict[str, Any] = {"id": "PF0001", "role": "PF", "connect": ["mem://pf"]}
    peers = (cs | (FRAMES if asker == "frames" else {}), pf | (FRAMES if answerer == "frames" else {}))
    return Rig(peers, listens=LISTENS)


def frame(line: str, service: str = "PQ01", number: str = "0000000000000042") -> Packet:
    return Packet(line.encode("gb18030"), Kind.REQUEST, service, "CS0001", serial=number)


def progress(packet: Packet) -> tuple[Document, Header]:
    """The good sample's answer to a query in either form."""
    row = CATALOGUE.message("PQ01")
    path = next(p for p in CATALOGUE.samples(row.name) if p.name == "ok_answer.xml")
    header = Header("PQ01", packet.serial, "PF0001", "CS0001", "025", packet.send_time, mode="B", result_code="0000")
    return Document(row, row.answer or "", header, CODEC.decode(path.read_bytes()).body), header


def in_documents(packet: Packet) -> Packet:
    return echo(packet, CODEC.encode(progress(packet)[0], "GB18030"), Kind.REPLY, "0000")


def provisioning(rig: Rig, form: str, got: list[Packet], line: str | None = None) -> None:
    """Provisioning listens and answers every query; ``line``: with these very words."""
    if form == "native":
        station = rig.station("mem://pf", in_documents)
        got_from(station, got)
        return

    def arrived(wire: Any, packet: Packet) -> None:
        got.append(packet)
        raw = LINE.encode(progress(packet)[0], "GB18030") if line is None else line.encode("gb18030")
        code = raw[6:10].decode()
        wire.send(Packet(raw, Kind.REPLY, packet.code, "PF0001", serial=packet.serial, result=code))

    rig.network.server("mem://pf").listen(Wires(arrived, BD))


def got_from(station: Any, got: list[Packet]) -> None:
    script: Callable[[Packet], Any] = station.script
    station.script = lambda packet: (got.append(packet), script(packet))[1]


@pytest.mark.parametrize("answerer", ["native", "frames"])
@pytest.mark.parametrize("asker", ["native", "frames"])
def test_a_query_finds_its_answer_through_the_hub(asker: str, answerer: str) -> None:
    rig, got = rig_of(asker, answerer), []
    provisioning(rig, answerer, got)
    if asker == "frames":
        (answer,) = rig.ask(rig.caller(BD, "mem://queries"), frame(ORDER), seconds=3)
        assert answer.serial == "0000000000000042"
        said = LINE.decode_answer(answer.body, "GB18030", Header("PQ01", answer.serial, "CS0001", "CRM001")).body
    else:
        raw = sample("QueryProcess", Serial=serial(1, "CS0001"), Sender="CS0001", Receiver="PF0001", Mode="B")
        (answer,) = rig.ask(rig.caller(), packet_of(raw), seconds=3)
        said = CODEC.decode(answer.body).body
    assert (answer.result, answer.kind) == ("0000", Kind.RECEIPT if asker == "frames" else Kind.REPLY)
    (order,) = said["orders"]
    assert (order["service_order_id"], order["state"]) == ("SO02520261121000001", "IN_PROGRESS")
    assert order["current_stages"][0] == {"code": "LINE_ASSIGN", "name": "配线"}
    assert [one.code for one in got] == ["PQ01"]
    assert rig.rows("SELECT direction, peer, state, result_code FROM message ORDER BY id") == [
        ("in", "CS0001", "DONE", "0000"), ("out", "PF0001", "DONE", "0000"),
    ]  # fmt: skip


def test_the_service_of_a_frame_is_the_layouts_row() -> None:
    data = BD.encode(frame(ORDER))
    assert data[5:20] == b"QRY:ORDER      "
    assert BD.decode_header(data)[0].code == "PQ01"
    assert BD.decode_header(data.replace(b"QRY:ORDER      ", b"QRY:NOTHING    "))[0].code == "QRY:NOTHING"


@pytest.mark.parametrize("asker", ["native", "frames"])
def test_a_refusal_comes_back_with_its_words(asker: str) -> None:
    rig, got = rig_of(asker, "frames"), []
    provisioning(rig, "frames", got, "RETN=03003;TEXT=无此定单")
    if asker == "frames":
        (answer,) = rig.ask(rig.caller(BD, "mem://queries"), frame(ORDER), seconds=3)
        assert answer.body.decode("gb18030") == "RETN=03003;TEXT=无此定单"
    else:
        raw = sample("QueryProcess", Serial=serial(1, "CS0001"), Sender="CS0001", Receiver="PF0001", Mode="B")
        (answer,) = rig.ask(rig.caller(), packet_of(raw), seconds=3)
        assert CODEC.decode(answer.body).body["text"] == "无此定单"
    assert answer.result == "3003"


def test_a_repeat_gets_the_stored_answer_and_asks_nobody_again() -> None:
    rig, got = rig_of("frames", "native"), []
    provisioning(rig, "native", got)
    wire = rig.caller(BD, "mem://queries")
    (first,) = rig.ask(wire, frame(ORDER), seconds=3)
    (second,) = rig.ask(wire, frame(ORDER), seconds=3)
    (other,) = rig.ask(wire, frame("ORDER=SO02520261121000002;AREA=025"), seconds=3)
    assert (second.body, len(got), other.result) == (first.body, 1, "1009")


@pytest.mark.parametrize(
    ("packet", "code", "words"),
    [
        (frame("ORDER=SO1;AREA=025;COLOUR=红"), "1002", "COLOUR"),
        (frame("ORDER=SO1;ORDER=SO2"), "1001", "ORDER"),
        (frame("what is this"), "1001", "what is this"),
        (frame("ORDER=SO1;AREA=025;LEVEL=everything"), "1002", "everything"),
        (frame(ORDER, "QRY:NOTHING"), "1003", "QRY:NOTHING"),
        (frame(ORDER, "OH01"), "1003", "DispatchOrder"),
        (Packet(b"ORDER=\xff\xff", Kind.REQUEST, "PQ01", "CS0001", serial="1"), "1005", "GB18030"),
    ],
)
def test_what_is_no_query_is_refused_in_the_frames_words_and_kept(packet: Packet, code: str, words: str) -> None:
    rig = rig_of("frames", "native")
    (answer,) = rig.ask(rig.caller(BD, "mem://queries"), packet)
    text = answer.body.decode("gb18030")
    assert text.startswith(f"RETN=0{code};TEXT=")
    assert words in text or code == "1005"
    assert rig.rows("SELECT m.state, m.result_code, b.raw FROM message m JOIN message_body b ON b.message_id = m.id") == [
        ("REJECTED", code, packet.body)
    ]


def test_a_question_of_ours_is_asked_in_a_frame_under_a_serial_of_its_width() -> None:
    rig, got = rig_of("native", "frames"), []
    provisioning(rig, "frames", got)
    job = Send("PF0001", ["SO1"], "PQ01")
    rig.gateway.writer.submit(job)
    rig.run(3)
    assert [len(one.serial) for one in got] == [16]
    assert job.serials[0].endswith(got[0].serial)
    assert got[0].body == b"CUSTORDER=CO02520261121000019;INSTANCE=PI0250000000000003;AREA=025;LEVEL=stage"
    assert rig.out() == {job.serials[0]: "DONE"}


def test_what_has_no_line_is_parked_with_its_cause() -> None:
    rig, got = rig_of("native", "frames"), []
    provisioning(rig, "frames", got)
    job = Send("PF0001", ["SO1"], "OH01")
    rig.gateway.writer.submit(job)
    rig.run(3)
    assert got == []
    assert rig.out() == {job.serials[0]: "PARKED"}
    assert "query-line" in rig.one("SELECT about_json FROM fallout")


def test_a_receipt_in_documents_is_no_answer_of_frames() -> None:
    """What holds no line stays what it was: the result alone."""
    rig = Rig(({"id": "CS0001", "role": "CS", "listen": "q", "layout": "bd-272"},), listens=LISTENS)
    (answer,) = rig.ask(rig.caller(BD, "mem://queries"), frame(ORDER))
    assert (answer.body, answer.result) == (b"RETN=01001", "1001")


def test_an_answer_the_frame_has_no_room_for_is_a_lasting_refusal() -> None:
    """Not 9005: the peer would ask for ever (06.1), and nothing is wrong with us."""
    rig = rig_of("frames", "native")
    (answer,) = rig.ask(rig.caller(BD, "mem://queries"), frame("TEXT=" + "a" * 195, "LN03"))
    assert answer.result == "1008"
    assert answer.body.startswith(b"RETN=01008;TEXT=")
    assert rig.rows("SELECT state, result_code FROM message") == [("REJECTED", "1008")]


def test_an_answer_with_a_character_the_peer_has_not_is_a_lasting_refusal() -> None:
    rig = Rig(({"id": "CS0001", "role": "CS", "listen": "q"} | FRAMES | {"charset": "GBK"},), listens=LISTENS)
    (answer,) = rig.ask(rig.caller(BD, "mem://queries"), frame("TEXT=𠮷", "LN03"))
    assert answer.result == "1005"


def test_what_the_far_end_answers_and_the_frame_has_no_room_for_is_refused_for_good() -> None:
    """Through the hub: the asker hears 1008 and the gateway goes on."""
    rig, got = rig_of("frames", "native"), []
    row = CATALOGUE.message("PQ01")

    def long(packet: Packet) -> Packet:
        got.append(packet)
        document, header = progress(packet)
        (order,) = document.body["orders"]
        order["service_order_id"] = "S" * 30
        order["current_stages"] = [{"code": "LINE_ASSIGN", "name": "配" * 120}]
        return echo(packet, CODEC.encode(Document(row, row.answer or "", header, document.body), "GB18030"), Kind.REPLY, "0000")

    rig.station("mem://pf", long)
    caller = rig.caller(BD, "mem://queries")
    (answer,) = rig.ask(caller, frame(ORDER), seconds=3)
    assert (answer.result, len(got)) == ("1008", 1)
    assert rig.ask(caller, frame("TEXT=a", "LN03", "0000000000000043"))[0].result == "0000"
