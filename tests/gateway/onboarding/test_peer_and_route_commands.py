"""``bssgw peer`` and ``bssgw route``: rows scaffolded and checked, a link tested, a document explained (spec 01.2, 02.1)."""

from __future__ import annotations

import json
import re
import socket
import threading
from dataclasses import replace
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from adapters.document import Document
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.soap.names import ENVELOPES
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import from_wire_time
from adapters.xml.codec import Codec
from gateway.cli.app import bssgw
from gateway.cli.peer import peer
from gateway.cli.route import route
from gateway.config.faults import ConfigError
from gateway.config.file import load_file, parse
from gateway.hub.explain import Explainer
from gateway.onboarding.rows import RowsInvalid, Wanted, peer_rows
from schemas.loader import load
from tests.gateway.web.rig import enveloped

CODEC = Codec(load())
AROUND = """
[gateway]
system_id = "CRM001"
areas = ["025"]
[[listen]]
name = "socket"
address = "tcp://127.0.0.1:0"
layout = "ctif-128"
[[peer]]
id = "PF0001"
role = "PF"
connect = ["tcp://127.0.0.1:7121"]
"""
FOREIGN = tuple(row.name for row in load().envelopes() if row.shape != "line")


def rows(name: str, layout: str = "ctif-128", connect: str = "tcp://127.0.0.1:7122") -> str:
    return peer_rows(Wanted("RM0001", "RM", "资源", "socket", layout, name, "GBK", connect))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bssgw.toml"
    path.write_text(AROUND + text, encoding="utf-8")
    return path


def called(group: Any, *arguments: str) -> Result:
    return CliRunner().invoke(group, arguments)


@pytest.mark.parametrize("layout", ["ctif-128", "ascii-len-8"])
@pytest.mark.parametrize("name", FOREIGN)
def test_scaffolded_rows_can_be_used_as_they_stand(name, layout):
    config = parse(AROUND + rows(name, layout), "", Path())
    found = config.peer_of("RM0001")
    assert found is not None
    assert (found.envelope, found.charset, found.layout) == (name, "GBK", layout)


def test_a_line_needs_a_header_that_says_the_message(tmp_path):
    assert parse(AROUND + rows("query-line", "bd-272"), "", Path()).peer_of("RM0001")
    with pytest.raises(RowsInvalid, match="bd-272"):
        rows("query-line", "ascii-len-8")


def test_the_shipped_hub_is_a_configuration(tmp_path):
    found = load_file(Path(str(files("gateway"))) / "demo" / "hub.toml")
    assert {row.envelope for row in found.peer} == {"package", "root-cdata"}
    assert found.route[0].to == "RM0001"


def test_rows_that_cannot_be_used_are_not_printed():
    with pytest.raises(RowsInvalid, match="layout"):
        peer_rows(Wanted("rm", "ZZ", layout="no-layout", envelope="no-envelope", charset="GBK"))


@pytest.mark.parametrize("name", ['a "b" \\ c', "a\nb\tc", "\x7f\x01", "it''s", '"]\n[[peer]]\nid = "ZZ0001', "资源 𠮷 # x"])
def test_values_are_written_as_they_are_whatever_stands_in_them(name):
    done = called(peer, "new", "RM0001", "--role", "RM", "--name", name)
    found = parse(AROUND + done.stdout, "", Path())
    assert (done.exit_code, [one.id for one in found.peer]) == (0, ["PF0001", "RM0001"])
    assert found.peer_of("RM0001").name == name


@pytest.mark.parametrize("name", ["\udcff", "x" * 101])
def test_a_name_that_is_no_text_or_too_long_is_refused(name):
    done = called(peer, "new", "RM0001", "--role", "RM", "--name", name)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "peer[1].name" in done.stderr
    assert "Input should" not in done.stderr


def test_every_value_that_makes_no_row_is_named_in_both_languages():
    done = called(bssgw, "peer", "new", 'R"1', "--role", 'R"M', "--connect", 'x"y', "--envelope", "contract-root", "--json")
    told = json.loads(done.stderr)
    assert (done.exit_code, done.stdout) == (2, "")
    assert {row["where"].split(" = ")[0] for row in told["faults"]} >= {"peer[1].id", "peer[1].role", "peer[1].connect[1]"}
    assert all(row["zh"] in told["zh"] and row["en"] in told["en"] for row in told["faults"])


@pytest.mark.parametrize("name", ["package", *FOREIGN])
@pytest.mark.parametrize(
    ("binding", "connect", "tables"),
    [
        ("socket", "tls://127.0.0.1:7443", {"tls"}),
        ("soap", "https://rm.example/services/crm", {"http", "tls"}),
        ("soap", None, {"http"}),
        ("http", "http://rm.example", {"http"}),
    ],
)
def test_rows_of_every_binding_can_be_used_as_they_stand(binding, connect, tables, name):
    text = peer_rows(Wanted("RM0001", "RM", binding=binding, envelope=name, charset="UTF-8", connect=connect))
    found = parse(AROUND + text, "", Path()).peer_of("RM0001")
    assert (found.binding, found.envelope) == (binding, name)
    assert {table for table in ("tls", "http") if f"\n[peer.{table}]" in text} == tables


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[peer.dialect.codes]\nZZ99 = 'x'", "codes.ZZ99"),
        ("[peer.dialect.results]\nE1 = '7777'", "results.E1"),
        ("[peer.dialect.bodies.Nothing]\nelement = 'x'", "bodies.Nothing"),
        ("[peer.dialect]\nsigned = true", "dialect.signed"),
        ("[peer.dialect]\nsecret_file = 'nowhere'", "dialect.secret_file"),
        ("[[route]]\nname = 'a'\nto = 'XX0001'", "route[1].to"),
        ("[[route]]\nname = 'a'\nmessage = ['ZZ99']\nto = 'PF0001'", "route[1].message[1]"),
    ],
)
def test_faults_of_dialects_and_routes_name_their_line(text, key):
    with pytest.raises(ConfigError) as error:
        parse(AROUND + text, "f", Path())
    (fault,) = error.value.faults
    assert key in fault.key
    assert (AROUND + text).splitlines()[fault.line - 1].strip() not in ("", "[gateway]")


def test_an_envelope_says_what_its_row_lacks():
    text = '[[peer]]\nid = "RM0001"\nrole = "RM"\nconnect = ["tcp://127.0.0.1:1"]\nenvelope = "contract-root"\n'
    with pytest.raises(ConfigError, match="systems"):
        parse(AROUND + text, "f", Path())
    text = text.replace("contract-root", "root-hb") + 'layout = "ascii-len-8"\n'
    with pytest.raises(ConfigError, match="window"):
        parse(AROUND + text, "f", Path())


def test_check_writes_and_reads_every_message(tmp_path):
    done = called(peer, "check", "RM0001", "--config", str(written(tmp_path, rows("root-cdata", "ascii-len-8"))), "--json")
    (found,) = json.loads(done.stdout)["peers"]
    assert (done.exit_code, found["faults"], found["good"]) == (0, [], found["messages"])


@pytest.mark.parametrize(
    ("inner", "field", "said"),
    [
        ("package", 'service_order_id = { name = "orderNo" }', "does nothing where inner is package"),
        ("body", '"items/item/action" = { values = { install = "1", disconnect = "1" }}', "items/action (install →"),
    ],
)
def test_check_says_where_a_map_does_nothing_and_what_comes_back_otherwise(tmp_path, inner, field, said):
    text = rows("root-cdata", "ascii-145").replace("[peer.dialect]", f'[peer.dialect]\ninner = "{inner}"', 1)
    text += f"[peer.dialect.bodies.AssignResource.fields]\n{field}\n"
    done = called(peer, "check", "RM0001", "--config", str(written(tmp_path, text)), "--json")
    (fault,) = json.loads(done.stdout)["peers"][0]["faults"]
    assert (done.exit_code, said in fault["text"]) == (1, True), fault


def test_check_notes_values_a_map_says_nothing_of(tmp_path):
    text = rows("root-cdata", "ascii-145").replace("[peer.dialect]", '[peer.dialect]\ninner = "body"', 1)
    text += "[peer.dialect.bodies.AssignResource.fields]\n"
    text += '"items/item/action" = { values = { install = "1", disconnect = "2" } }\n'
    done = called(peer, "check", "RM0001", "--config", str(written(tmp_path, text)), "--json")
    (found,) = json.loads(done.stdout)["peers"]
    (note,) = found["notes"]
    assert (done.exit_code, note["message"]) == (0, "[peer.dialect.bodies.AssignResource]")
    assert "travel as they are: " in note["text"]
    assert "modify" in note["text"]
    assert "install" not in note["text"]


def test_check_of_a_line_is_about_what_it_carries(tmp_path):
    text = rows("query-line", "bd-272").replace("RM0001", "CS0001").replace('"RM"', '"CS"').replace("GBK", "GB18030")
    done = called(peer, "check", "CS0001", "--config", str(written(tmp_path, text)), "--json")
    (found,) = json.loads(done.stdout)["peers"]
    assert (done.exit_code, found["faults"], found["good"], found["messages"]) == (0, [], 3, 3)


def test_check_names_messages_that_cannot_be_said(tmp_path):
    done = called(peer, "check", "RM0001", "--config", str(written(tmp_path, rows("contract-root"))), "--json")
    (found,) = json.loads(done.stdout)["peers"]
    assert done.exit_code == 1
    assert any(fault["message"].startswith("OH03") and "dialect.codes" in fault["text"] for fault in found["faults"])


def test_list_without_a_running_gateway(tmp_path):
    done = called(peer, "list", "--config", str(written(tmp_path, rows("root-hb"))), "--data-dir", str(tmp_path), "--json")
    assert [(one["peer"], one["state"]) for one in json.loads(done.stdout)["peers"]] == [("PF0001", "—"), ("RM0001", "—")]


class Vendor:
    """A peer of another make: eight digits, Root, GBK; answers one LN03 with ``change`` made to the answer's bytes."""

    def __init__(self, change: Any = lambda raw: raw) -> None:
        self._change = change
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        voice = envelope(CODEC, "root-cdata", Dialect(own="RM0001", peer="CRM001"))
        wire, _ = self._socket.accept()
        with wire:
            head = wire.recv(8)
            raw = b""
            while len(raw) < int(head):
                raw += wire.recv(65536)
            asked = voice.decode(raw, "GBK")
            header = asked.header
            header.sender, header.receiver, header.result_code = "RM0001", "CRM001", "0000"
            answer = self._change(voice.encode(Document(asked.row, "LinkTestAnswer", header, asked.body), "GBK"))
            wire.sendall(b"%08d" % len(answer) + answer)
            wire.recv(1)

    def close(self) -> None:
        self._thread.join()
        self._socket.close()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda raw: raw, 0, "came back unchanged"),
        (lambda raw: raw.replace(b"<text>", b"<text>x"), 1, "text differs"),
        (lambda raw: raw.replace(b"</Root>", b""), 1, "not acceptable"),
    ],
)
def test_a_link_test_shows_the_exchange(tmp_path, change, code, words):
    vendor = Vendor(change)
    try:
        path = written(tmp_path, rows("root-cdata", "ascii-len-8", f"tcp://127.0.0.1:{vendor.port}"))
        done = called(peer, "test", "RM0001", "--config", str(path), "--timeout", "5")
    finally:
        vendor.close()
    assert (done.exit_code, words in done.stdout) == (code, True), done.stdout
    assert "00000000  30 30 30 30" in done.stdout
    assert "连通测试" in done.stdout


def test_a_link_test_of_nobody_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    path = written(tmp_path, rows("root-cdata", "ascii-len-8", f"tcp://127.0.0.1:{port}"))
    done = called(peer, "test", "RM0001", "--config", str(path), "--json")
    assert (done.exit_code, json.loads(done.stdout)["unreachable"]) == (3, True)


def order_of(sender: str, receiver: str, name: str = "AssignResource") -> Document:
    path = next(path for path in load().samples(name) if path.name.startswith("ok_"))
    document = CODEC.decode(path.read_bytes())
    document.header.sender, document.header.receiver = sender, receiver
    return document


def explained(tmp_path: Path, raw: bytes, *more: str, text: str = "") -> tuple[int, Any]:
    file = tmp_path / "document"
    file.write_bytes(raw)
    path = written(tmp_path, rows("root-cdata", "ascii-len-8") + text)
    done = called(route, "explain", str(file), "--config", str(path), "--json", *more)
    return done.exit_code, json.loads(done.stdout)


def test_explain_says_everything_about_a_document_for_a_third_system(tmp_path):
    raw = CODEC.encode(order_of("PF0001", "RM0001"), "GB18030")
    code, told = explained(tmp_path, raw)
    assert (code, told["peer"], told["decision"], told["to"], told["code"]) == (0, "PF0001", "relay", "RM0001", "OH03")
    out = bytes.fromhex(told["outgoing"]["hex"])
    assert int(out[:8]) == len(out) - 8
    assert out[8:].startswith(b'<?xml version="1.0" encoding="GBK"?><Root><Domain>PF0001</Domain><SrvCode>OH03</SrvCode>')


def test_explain_recognises_the_other_dialect_and_a_false_declaration(tmp_path):
    voice = envelope(CODEC, "root-cdata", Dialect(own="RM0001", peer="CRM001"))
    document = order_of("RM0001", "PF0001", "ResourceAssigned")
    document.body["operator"] = {"id": "张示例"} if isinstance(document.body.get("operator"), dict) else "张示例"
    raw = voice.encode(document, "GBK").replace(b'encoding="GBK"', b'encoding="UTF-8"', 1)
    code, told = explained(tmp_path, raw)
    assert (code, told["peer"], told["to"], told["wrong"]) == (0, "RM0001", "PF0001", ["UTF-8"])


def test_explain_lists_every_fault(tmp_path):
    raw = CODEC.encode(order_of("PF0001", "RM0001"), "UTF-8").replace(b"<version>", b"<version>x")
    code, told = explained(tmp_path, raw.replace(b"<area>", b"<aera>", 1).replace(b"</area>", b"</aera>", 1))
    assert (code, told["decision"]) == (1, "refused")
    assert told["faults"]


def test_explain_frames_long_documents_under_narrow_serials(tmp_path):
    document = order_of("PF0001", "RM0001")
    items = document.body["items"]
    document.body["items"] = [{**items[0], "item_id": str(number)} for number in range(1, 60)]
    path = tmp_path / "document"
    path.write_bytes(CODEC.encode(document, "GB18030"))
    config = written(tmp_path, rows("package", "dc-64"))
    told = json.loads(called(route, "explain", str(path), "--config", str(config), "--json").stdout)
    out = bytes.fromhex(told["outgoing"]["hex"])
    packets = Framer(Layout(load().layout("dc-64")), len(out)).feed(out)
    assert (told["decision"], len(packets) > 1, {packet.serial for packet in packets}) == ("relay", True, {"0000000001"})
    assert b"".join(packet.body for packet in packets).decode("GBK") == told["outgoing"]["text"]


def test_explain_takes_a_whole_packet_as_it_was_caught(tmp_path):
    frame = Packet(b"ORDER=SO1;AREA=025", Kind.REQUEST, "PQ01", "CS0001", serial="42")
    body = CODEC.encode(order_of("CS0001", "PF0001", "QueryProcess"), "GBK")
    whole = replace(frame, receiver="PF0001", body=body)
    for layout, name, packet in (("bd-272", "query-line", frame), ("dc-64", "package", whole)):
        path = tmp_path / "packet"
        path.write_bytes(Layout(load().layout(layout)).encode(replace(packet, serial="42".zfill(10))))
        config = written(tmp_path, rows(name, layout).replace("RM0001", "CS0001").replace('"RM"', '"CS"'))
        done = called(route, "explain", str(path), "--from", "CS0001", "--config", str(config), "--json")
        told = json.loads(done.stdout)
        assert "code" in told, (layout, told)
        assert (told["code"], told["decision"], told["to"]) == ("PQ01", "relay", "PF0001"), told


WEB = """
[[listen]]
name = "web"
address = "tcp://127.0.0.1:0"
binding = "http"
[[peer]]
id = "PF0002"
role = "PF"
binding = "soap"
connect = ["http://127.0.0.1:7281/soap"]
listen = "web"
"""


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_explain_opens_a_soap_envelope(tmp_path, version):
    raw = enveloped(CODEC.encode(order_of("PF0002", "RM0001"), "UTF-8"), version)
    code, told = explained(tmp_path, raw, text=WEB)
    assert (code, told["soap"], told["operation"], told["peer"]) == (0, version, "AssignResource", "PF0002")
    assert (told["decision"], told["to"], told["code"]) == ("relay", "RM0001", "OH03")


def test_explain_opens_a_document_that_travels_as_text(tmp_path):
    text = escape(CODEC.encode(order_of("PF0002", "RM0001"), "UTF-8").decode())
    operation = f"<exchange xmlns='urn:bss:if:service:0.9'><in0>{text}</in0></exchange>"
    raw = f"<e:Envelope xmlns:e='{ENVELOPES['1.1']}'><e:Body>{operation}</e:Body></e:Envelope>".encode()
    code, told = explained(tmp_path, raw, text=WEB)
    assert (code, told["operation"], told["peer"], told["decision"], told["to"]) == (0, "exchange", "PF0002", "relay", "RM0001")


def test_explain_says_what_is_wrong_with_an_envelope(tmp_path):
    good = enveloped(CODEC.encode(order_of("PF0002", "RM0001"), "UTF-8"), "1.1")
    stranger = good.replace(b"PF0002", b"ZZ0001")
    elsewhere = good.replace(b"PF0002", b"PF0001")
    headless = re.sub(rb"<(\w+:)?Header>.*</(\w+:)?Header>", b"", good, flags=re.DOTALL)
    for raw, key, found in (
        (good.replace(b"/envelope/", b"/nothing/"), "decision", "refused"),
        (good[:-20], "decision", "refused"),
        (headless, "symbol", "SENDER_UNKNOWN"),
        (stranger, "symbol", "SENDER_UNKNOWN"),
    ):
        code, told = explained(tmp_path, raw, text=WEB)
        assert (code, told[key]) == (1, found), told
    code, told = explained(tmp_path, headless, "--from", "PF0002", text=WEB)
    assert (code, "PackageHeader" in told["faults"][0]["path"]) == (1, True)
    code, told = explained(tmp_path, elsewhere, text=WEB)
    assert (code, told["decision"], "2004" in str(told["steps"])) == (1, "relay", True)


def test_explain_shows_what_a_soap_peer_would_get(tmp_path):
    raw = envelope(CODEC, "root-cdata", Dialect(own="RM0001", peer="CRM001")).encode(
        order_of("RM0001", "PF0002", "ResourceAssigned"), "GBK"
    )
    code, told = explained(tmp_path, raw, text=WEB)
    assert (code, told["decision"], told["to"]) == (0, "relay", "PF0002")
    assert "PackageHeader" in told["outgoing"]["text"]
    said = " ".join(step["en"] for step in told["steps"])
    assert "POST http://127.0.0.1:7281/soap, text/xml; charset=utf-8, SOAPAction urn:" in said
    assert "written as package, soap, UTF-8" in said
    again, back = explained(tmp_path, bytes.fromhex(told["outgoing"]["hex"]), "--from", "PF0002", text=WEB)
    assert (again, back["soap"], back["operation"]) == (1, "1.1", "ResourceAssigned")  # PF may not send it, but it was read


def test_explain_dates_what_would_leave_now(tmp_path):
    """Whatever the envelope that came has no place for: the serial's date and SendTime are those of sending."""
    text = rows("root-cdata", "ascii-len-8").replace("[peer.dialect]", '[peer.dialect]\ninner = "body"')
    config = load_file(written(tmp_path, text.replace("\ncharset", "\nwindow = 1\ncharset")))
    voice = envelope(CODEC, "root-cdata", Dialect(own="RM0001", peer="CRM001", inner="body"))
    raw = voice.encode(order_of("RM0001", "PF0001", "ResourceAssigned"), "GBK")
    told = Explainer(config, from_wire_time("20261122090000")).explain(raw, "RM0001")
    assert "<SendTime>20261122090000</SendTime>" in told.text
    assert "<Serial>CRM001202611220900000000000001</Serial>" in told.text


@pytest.mark.parametrize(
    ("charset", "name", "rule", "said"),
    [
        ("GBK", "Zhang", "ascii", "all ASCII"),
        ("GBK", "张示例", "declaration", "XML declaration"),
        ("UTF-8", "张示例", "utf-8", "CJK"),
    ],
)
def test_explain_says_how_the_charset_was_found(tmp_path, charset, name, rule, said):
    document = order_of("PF0001", "CRM001", "LinkTest")
    document.body["text"] = name
    code, told = explained(tmp_path, CODEC.encode(document, charset))
    (step,) = [step for step in told["steps"] if step["step"].startswith("字符集")]
    assert (code, told["charset"], told["rule"], said in step["en"]) == (0, charset, rule, True)
    assert "by utf-8" not in step["en"]


def test_explain_ours_and_unknown(tmp_path):
    ours = CODEC.encode(order_of("PF0001", "CRM001", "OrderAccepted"), "UTF-8")
    code, told = explained(tmp_path, ours)
    assert (code, told["decision"], bool(told["command"])) == (0, "ours", True)
    code, told = explained(tmp_path, CODEC.encode(order_of("ZZ0001", "CRM001", "OrderAccepted"), "UTF-8"))
    assert (code, told["symbol"]) == (1, "SENDER_UNKNOWN")


def test_routes_are_listed(tmp_path):
    path = written(tmp_path, '[[route]]\nname = "a"\nmessage = ["OH03"]\nto = "PF0001"\n')
    assert json.loads(called(route, "list", "--config", str(path), "--json").stdout)["routes"][0]["to"] == "PF0001"
