"""Two systems with the recorder in between: nothing it passes changes, everything wrong is seen, a recording plays again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol
from zope.interface import implementer

from adapters.document import Document, Header
from adapters.wire.heartbeat import heartbeat_reply
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from conformance.loader import ROOT, load_suite
from conformance.pics import SYSTEMS
from conformance.record import Recording, Watch
from conformance.record_case import NoCase, as_json, case_of, from_json, script_of
from conformance.record_proxy import RecordingProxy
from conformance.results import ResultsInvalid
from conformance.session import Session
from gateway.cli.conformance import conformance
from gateway.clock import Entropy, WallClock
from gateway.links.endpoints import TcpEndpoints, format_address
from schemas.loader import load
from simulators.fleet import FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, PeerSettings
from tests.conformance.rig import SUT, Rig
from tests.conformance.sockets import Sockets

_T0 = 1_795_309_200_000
_SERIAL = "CRM001202611220900000000000001"
_CATALOGUE = load()
_CODEC = Codec(_CATALOGUE)
_SYSTEMS = {role: row.default for role, row in SYSTEMS.items()}


def _watch(layout: str = "ctif-128") -> Watch:
    recording = Recording(layout, "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", _T0)
    return Watch(recording, _CATALOGUE, Layout(_CATALOGUE.layout(layout)), _CODEC)


def _packet(kind: Kind = Kind.REQUEST, **changes: Any) -> Packet:
    """LN03 from CRM to PF, or the answer to it."""
    row = _CATALOGUE.message("LN03")
    asks = kind is Kind.REQUEST
    ends = ("CRM001", "PF0001") if asks else ("PF0001", "CRM001")
    header = Header("LN03", _SERIAL, *ends, "025", "20261122090000", ref_serial=None if asks else _SERIAL)
    body = {"text": "x"} if asks else {"code": "0001", "text": "x"}
    raw = _CODEC.encode(Document(row, row.name if asks else "Receipt", header, body), "UTF-8")
    packet = Packet(raw, kind, "LN03", *ends, "025", _SERIAL, "20261122090000", result="0000" if asks else "0001")
    return replace(packet, **changes)


def _bytes(packet: Packet, layout: str = "ctif-128") -> bytes:
    made = Layout(_CATALOGUE.layout(layout))
    line = b"RETN=00001;TEXT=x" if packet.is_answer else b"TEXT=x"
    return made.encode(replace(packet, body=line) if made.encloses else packet)


def _said(*talk: tuple[str, Packet | bytes, int], layout: str = "ctif-128") -> Recording:
    """One connection on which this was said, ms after its beginning; closed afterwards."""
    watch = _watch(layout)
    watch.opened("#1", _T0)
    for who, packet, at in talk:
        watch.tick(_T0 + at)
        watch.said("#1", who, packet if isinstance(packet, bytes) else _bytes(packet, layout), _T0 + at)
    watch.ended("#1", "done", _T0 + 60_000)
    return watch.close(_T0 + 60_000)


def test_good_traffic_has_no_findings() -> None:
    ends = {"sender": "CRM001", "receiver": "PF0001"}
    beat = Packet(b"", Kind.HEARTBEAT, **ends, serial=_SERIAL[:-1] + "2", send_time="20261122090000")
    recording = _said(
        ("caller", _packet(), 0),
        ("target", _packet(Kind.RECEIPT), 40),
        ("caller", beat, 100),
        ("target", heartbeat_reply(beat, _T0), 110),
    )
    assert recording.findings == []
    assert (recording.seen, recording.faulty, recording.score, recording.answer_ms) == (4, 0, 100.0, [40, 10])


_ASK, _ANSWER = ("caller", _packet(), 0), ("target", _packet(Kind.RECEIPT), 10)
_OTHER = _packet(body=_packet().body.replace(b"<text>x", b"<text>y"))
_WRONG = {
    "no answer": ([_ASK], ["01.1.4"]),
    "late": ([_ASK, ("caller", b"", 16_000), ("target", _packet(Kind.RECEIPT), 17_000)], []),
    "unasked": ([_ANSWER], ["01.1.4"]),
    "reuse": ([_ASK, _ANSWER, ("caller", _OTHER, 20), ("target", _packet(Kind.RECEIPT), 30)], ["01.1.6"]),
    "ends": ([_ASK, ("target", _packet(Kind.RECEIPT, sender="CRM001", receiver="PF0001"), 10)], ["01.2", "01.1.4"]),
    "result": ([_ASK, ("target", _packet(Kind.RECEIPT, result="0002"), 10)], ["01.2"]),
    "schema": ([("caller", _packet(body=_packet().body.replace(b"<Area>", b"<Aera>")), 0), _ANSWER], ["01.2"]),
    "garbage": ([("caller", b"\x00garbage" * 40, 0)], ["01.1.3"]),
    "half a packet": ([("caller", _bytes(_packet())[:200], 0), ("caller", b"", 31_000)], ["01.1.5", "01.1.3"]),
}


@pytest.mark.parametrize("name", _WRONG)
def test_what_is_wrong_is_named_by_its_clause(name: str) -> None:
    talk, clauses = _WRONG[name]
    recording = _said(*talk)
    limit = _CATALOGUE.message("LN03").pattern == "Q"
    wanted = clauses if name != "late" else ([] if limit else ["01.1.5"])
    assert [one.clause for one in recording.findings] == wanted
    assert recording.faulty <= recording.seen


@pytest.mark.parametrize("layout", [row.name for row in _CATALOGUE.layouts()])
def test_every_layout_is_read(layout: str) -> None:
    short = Layout(_CATALOGUE.layout(layout)).serial_digits
    serial = _SERIAL[-short:] if short else ""
    ask, answer = (replace(_packet(kind), serial=serial) for kind in (Kind.REQUEST, Kind.RECEIPT))
    recording = _said(("caller", ask, 0), ("target", answer, 5), layout=layout)
    assert recording.seen == 2
    assert recording.findings == []
    assert recording.answer_ms == [5]


def test_what_a_header_encloses_is_read_too() -> None:
    ask, answer = (replace(_packet(kind), serial=_SERIAL[-16:]) for kind in (Kind.REQUEST, Kind.RECEIPT))
    good = _said(("caller", ask, 0), ("target", answer, 5), layout="bd-272")
    assert [one.document["element"] for one in good.entries if one.document] == ["LinkTest", "Receipt"]
    frame = Layout(_CATALOGUE.layout("bd-272")).encode(replace(ask, body=b"COLOUR=red"))
    (fault, *_) = _said(("caller", frame, 0), layout="bd-272").findings
    assert (fault.clause, "COLOUR" in fault.zh) == ("01.2", True)


def test_a_recording_survives_its_file_and_a_foreign_file_is_refused() -> None:
    recording = _said(_ASK, _ANSWER)
    assert as_json(from_json(json.dumps(as_json(recording)))) == as_json(recording)
    for text in ("{", "[]", "{}", '{"recording": 2}', '{"recording": 1, "score": 1}'):
        with pytest.raises(ResultsInvalid):
            from_json(text)


# -- real sockets


@implementer(IHalfCloseableProtocol)
class _End(Protocol):
    """Keeps what it gets; answers with ``reply`` when the other half is closed, or echoes at once."""

    def __init__(self, echo: bool = False, reply: bytes = b"") -> None:
        self.got = bytearray()
        self.closed = self.half = False
        self._echo = echo
        self._reply = reply

    def dataReceived(self, data: bytes) -> None:
        self.got += data
        if self._echo:
            self.wire.write(data)

    def readConnectionLost(self) -> None:
        self.half = True
        if self._reply:
            self.wire.write(self._reply)
        self.wire.loseConnection()

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Any = None) -> None:
        self.closed = True

    @property
    def wire(self) -> Any:
        return self.transport


class _Between:
    """A target, the recorder before it, and callers."""

    def __init__(self, sockets: Sockets, echo: bool = False, reply: bytes = b"") -> None:
        self.sockets = sockets
        self.targets: list[_End] = []
        self.watch = _watch()
        self._ends = (echo, reply)

    def _made(self) -> _End:
        self.targets.append(_End(*self._ends))
        return self.targets[-1]

    async def start(self, target: str = "") -> None:
        reactor = self.sockets.reactor
        self.endpoints = TcpEndpoints(reactor)
        self.port: Any = None
        if not target:
            target, self.port = await self.sockets.serve(self._made)
        self.proxy = RecordingProxy(self.watch, "tcp://127.0.0.1:0", target, WallClock(reactor), self.endpoints)
        self.address = format_address(await self.proxy.start())

    async def call(self) -> _End:
        from twisted.internet.endpoints import connectProtocol

        end: _End = await connectProtocol(self.endpoints.client(self.address), _End())
        return end

    async def stop(self) -> Recording:
        recording = await self.proxy.stop()
        if self.port is not None:
            await self.port.stopListening()
        return recording


def _random(size: int) -> bytes:
    return Entropy(5).token(size)


@pytest.mark.parametrize("size", [1, 5_000, 8_000_000])
def test_bytes_pass_unchanged_both_ways_whatever_they_are(size: int) -> None:
    sockets = Sockets()
    data = _random(size)

    async def main() -> Recording:
        between = _Between(sockets, echo=True)
        await between.start()
        caller = await between.call()
        caller.wire.write(data)
        await sockets.until(lambda: len(caller.got) >= size)
        assert bytes(caller.got) == data
        assert bytes(between.targets[0].got) == data
        return await between.stop()

    recording: Recording = sockets.run(main)
    assert recording.octets == 2 * size


def test_half_a_connection_closes_as_half_a_connection() -> None:
    sockets = Sockets()

    async def main() -> None:
        between = _Between(sockets, reply=b"last words")
        await between.start()
        caller = await between.call()
        caller.wire.write(b"hello")
        caller.wire.loseWriteConnection()
        await sockets.until(lambda: caller.closed)
        assert between.targets[0].half
        assert bytes(between.targets[0].got) == b"hello"
        assert bytes(caller.got) == b"last words"
        await between.stop()

    sockets.run(main)


def test_a_slow_reader_slows_its_writer_and_loses_nothing() -> None:
    sockets = Sockets()
    data = _random(6_000_000)

    async def main() -> None:
        between = _Between(sockets)
        await between.start()
        caller = await between.call()
        await sockets.until(lambda: bool(between.targets))
        between.targets[0].wire.pauseProducing()
        caller.wire.write(data)
        for _ in range(40):
            await sockets.until(lambda: True)
        assert len(between.targets[0].got) < len(data)
        between.targets[0].wire.resumeProducing()
        await sockets.until(lambda: len(between.targets[0].got) == len(data))
        assert bytes(between.targets[0].got) == data
        await between.stop()

    sockets.run(main)


def test_a_target_that_is_not_there_closes_the_caller_and_is_noted() -> None:
    sockets = Sockets()

    async def main() -> Recording:
        address, port = await sockets.serve(_End)
        await port.stopListening()
        between = _Between(sockets)
        await between.start(address)
        caller = await between.call()
        await sockets.until(lambda: caller.closed)
        return await between.stop()

    recording: Recording = sockets.run(main)
    assert any("cannot be reached" in entry.text for entry in recording.entries)
    assert recording.findings == []


def test_a_watcher_that_breaks_does_not_break_the_connection() -> None:
    sockets = Sockets()

    async def main() -> Recording:
        between = _Between(sockets, echo=True)
        await between.start()

        def broken(*_: Any) -> None:
            raise RuntimeError("cannot read this")

        between.watch.said = broken  # type: ignore[method-assign]
        caller = await between.call()
        for n in range(1, 4):
            caller.wire.write(b"abc")
            await sockets.until(lambda n=n: len(caller.got) == 3 * n)  # type: ignore[misc]
        return await between.stop()

    recording: Recording = sockets.run(main)
    assert sum("cannot read this" in entry.text for entry in recording.entries) == 1


# -- a recording plays again


def _recorded(only: str) -> Recording:
    """A case against the clean provisioning simulator with the recorder on both lines: to PF, and from PF to CRM."""
    rig = Rig()
    layout, pics = Layout(_CATALOGUE.layout("ctif-128")), rig.pics
    recording = Recording("ctif-128", "mem://pf", "mem://real-pf", rig.clock.now())
    seen = [Watch(recording, _CATALOGUE, layout, _CODEC) for _ in range(2)]
    peers = {
        pics.systems[role]: PeerSettings(pics.systems[role], role, "mem://crm-line" if role == "CRM" else address)
        for role, address in pics.listen.items()
        if role != "PF"
    }
    brain = brain_of("pf", FleetSettings(), Entropy(1))
    host = SimulatorHost(brain, HostSettings("PF0001", "mem://real-pf", peers), rig.clock, Entropy(2), rig.network)
    host.start()
    for watch, listen, target in ((seen[0], SUT, "mem://real-pf"), (seen[1], "mem://crm-line", pics.listen["CRM"])):
        Deferred.fromCoroutine(RecordingProxy(watch, listen, target, rig.clock, rig.network).start())
    outcome = rig.play(rig.session(only, suite="provisioning"), until=lambda: rig.clock.now() > _T0 + 600_000)
    assert [one.verdict for one in outcome.results] == ["PASS"]
    return recording


def _replayed(text: str, tmp_path: Path, defects: tuple[str, ...] = ()) -> list[str]:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    shutil.copy(ROOT / "requirements.toml", tmp_path)
    (tmp_path / "cases").mkdir()
    shutil.copy(ROOT / "cases" / "07.4.toml", tmp_path / "cases")
    (tmp_path / "cases" / "07.9.toml").write_text(text, "utf-8")
    rig = Rig()
    peers = {rig.pics.systems[role]: PeerSettings(rig.pics.systems[role], role, at) for role, at in rig.pics.listen.items()}
    del peers["PF0001"]
    brain = brain_of("pf", FleetSettings(), Entropy(1))
    host = SimulatorHost(brain, HostSettings("PF0001", SUT, peers, defects=defects), rig.clock, Entropy(2), rig.network)
    host.start()
    plan = rig.session("07.9", suite="provisioning").plan
    session = Session(load_suite(tmp_path), plan, rig.clock, Entropy(3), rig.network)
    return [f"{one.verdict} {one.explanation and one.explanation.reason}" for one in rig.play(session).results]


def test_a_recording_becomes_a_case_that_passes_again_and_catches_a_defect(tmp_path: Path) -> None:
    recording = _recorded("5.4/1")
    text = case_of(recording, _CATALOGUE, _SYSTEMS, "PF")
    assert 'send = "OH01"' in text
    assert 'expect = "OH02"' in text
    assert _replayed(text, tmp_path / "clean") == ["PASS None"]
    assert _replayed(text, tmp_path / "bad", ("pf-forgets-acceptance",))[0].startswith("FAIL")


def test_what_holds_no_conversation_with_that_role_makes_no_case() -> None:
    with pytest.raises(NoCase):
        case_of(_said(_ASK, _ANSWER), _CATALOGUE, _SYSTEMS, "RM")
    with pytest.raises(NoCase):
        script_of(_said(_ASK, _ANSWER), _CATALOGUE, _SYSTEMS)


def test_the_command_scores_an_earlier_recording_and_makes_its_case(tmp_path: Path) -> None:
    source, made = tmp_path / "talk.json", tmp_path / "case.toml"
    source.write_text(json.dumps(as_json(_said(_ASK, _ANSWER))), "utf-8")
    run = CliRunner().invoke(conformance, ["record", "--from", str(source), "--case", str(made), "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.output)["score"] == 100.0
    assert "LN03" in made.read_text("utf-8")
    assert CliRunner().invoke(conformance, ["record"]).exit_code == 2
    assert CliRunner().invoke(conformance, ["record", "--listen", "x", "--to", "tcp://127.0.0.1:1"]).exit_code == 2
