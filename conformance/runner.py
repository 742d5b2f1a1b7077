"""One case, played line by line: a pure machine, told the time and what came, that says what to put on the wire (spec 07.2).

The shell tells it what happened (``opened``, ``failed``, ``ended``, ``answered``, ``arrived``, ``beat``, ``garbled``) and
asks ``tick`` when ``next_due`` says; after each call it carries out ``orders``.  ``result`` stands when the case is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.wire.packet import Kind, Packet
from conformance import judge
from conformance.case_state import CaseState
from conformance.exchange import INBOUND, Asked, Cut, Got, Open, Shut, Wire, Write
from conformance.model import Case, CaseResult, Line, Verdict
from conformance.paper import HEARTBEAT, Paper, Reading, Unsendable, Written, writes
from conformance.ports import Entropy
from conformance.prompting import Prompt
from conformance.stream import header_fields
from conformance.values import Unresolved, holes, render, span_ms
from conformance.verdict import Judged, about, explained

_MAX_RAW = 8 << 20


class CaseRun(CaseState):
    """``repeat`` is the command that plays this case again."""

    def __init__(self, case: Case, paper: Paper, token: str, entropy: Entropy, bodies: Mapping[str, Any], repeat: str) -> None:
        super().__init__(case, paper, token)
        self.result: CaseResult | None = None
        self._bodies = bodies
        self._entropy = entropy
        self._repeat = repeat
        self._begun = 0
        self._started = 0
        self._sending: list[tuple[int, bytes, Packet | None]] | None = None
        self._verdict: Judged | None = None
        self._failed_at = 0
        self._turning = False

    # -- what the shell says

    def start(self, now: int) -> None:
        """Begin."""
        self._started = self._begun = now
        self._names["random"] = {"text": self._entropy.token(8).hex()}
        self._names |= render(dict(self.case.vars), self.scope(now))
        self._turn(now)

    def opened(self, name: str, now: int) -> None:
        """A connection of ours stands."""
        self.wires[name].state = "open"
        self.record("note", self.wires[name].party, name, now, text="连接建立 / connected")
        self._turn(now)

    def failed(self, name: str, why: str, now: int) -> None:
        """It cannot be opened."""
        wire = self.wires[name]
        wire.state, wire.why, wire.ended_at = "failed", why, now
        self.record("note", wire.party, name, now, text=about("连接失败", "not connected", why))
        self._turn(now)

    def ended(self, name: str, why: str, now: int) -> None:
        """It is over."""
        wire = self.wires[name]
        if wire.state != "ended":
            wire.state, wire.why, wire.ended_at = "ended", why, now
            self.record("note", wire.party, name, now, text=about("连接关闭", "closed", why))
            self._turn(now)

    def answered(self, packet: Packet, raw: bytes, name: str, now: int) -> None:
        """An answer came on a connection of ours; one nobody asked for is remembered, too."""
        asked = self.by_serial.get(packet.serial)
        reading = Reading(packet) if packet.kind is Kind.HEARTBEAT_REPLY else self.paper.read(packet)  # which has no document
        got = Got(self.wires[name].party, reading, None, raw, now, len(self.inbox))
        self._record_got(got, name, now)
        if asked is None:
            self.notes.append(f"无人所问的应答 {packet.serial} / an answer nobody asked for: {packet.serial}")
        else:
            asked.answers.append(got)
        self._turn(now)

    def is_awaited(self, got: Got) -> bool:
        """Whether this case answers a message itself (else the party's manners do)."""
        return any(
            line.do == "expect" and line.what == got.reading.packet.code and line.party == got.party
            and {"answer", "reply"} & set(line.args)
            for _, line in self._steps[self._index :]
        )  # fmt: skip

    def arrived(self, got: Got, name: str, now: int) -> None:
        """A message of the system under test."""
        got.index = len(self.inbox)
        self.inbox.append(got)
        self._record_got(got, name, now)
        self._turn(now)

    def beat(self, party: str, name: str, now: int) -> None:
        """The system under test sent a heartbeat to ``party``."""
        self.events.append(("heartbeat", party, now))
        self.record("note", party, name, now, text="心跳 / heartbeat")
        self._turn(now)

    def connected(self, party: str, now: int) -> None:
        """The system under test connected to ``party``."""
        self.events.append(("connected", party, now))
        self.record("note", party, "", now, text="被测方建立连接 / the system under test connected")
        self._turn(now)

    def garbled(self, party: str, name: str, reason: str, now: int) -> None:
        """What it wrote is no packet."""
        self.record("note", party, name, now, text=about("不是报文", "no packet", reason))
        self.notes.append(reason)
        if self.result is None and self._verdict is None and self._index < len(self.case.preamble) + len(self.case.lines):
            self._judge(
                Judged(Verdict.FAIL, about("被测方写出的不是报文", "it wrote what is no packet", reason), general=True), now
            )
            self._turn(now)

    def tick(self, now: int) -> None:
        """Time has passed."""
        self._turn(now)

    def interrupt(self, now: int) -> None:
        """The run is called off."""
        self.end(Judged(Verdict.NOT_EXECUTED, "运行被中断 / the run was interrupted"), now)

    def broken(self, reason: str, now: int) -> None:
        """The harness itself went wrong in this case."""
        self.end(Judged(Verdict.ERROR, f"测试套件故障 / a fault of the suite: {reason}"), now)

    def end(self, judged: Judged, now: int) -> None:
        """It ends now, with this verdict unless it has one."""
        if self.result is None:
            self._verdict = self._verdict or judged
            self._finish(now)

    # -- what it asks for

    def next_due(self) -> int | None:
        """When ``tick`` is wanted next (ms)."""
        if self.result is not None or self._index >= len(self._steps):
            return None
        if self._sending:
            return self._sending[0][0]
        line = self._steps[self._index][1]
        return None if line.do in ("close", "raw") else self._begun + self._limit(line)

    # -- the walk

    def _turn(self, now: int) -> None:
        """Go on as far as the lines allow."""
        if self._turning:
            return
        self._turning = True
        try:
            while self.result is None and self._index < len(self._steps):
                at = self._index
                done = self._step(now)
                if self._index != at:  # judged: what is left is the postamble
                    continue
                if not done:
                    return
                self._next(now)
            if self.result is None:
                self._finish(now)
        finally:
            self._turning = False

    def _step(self, now: int) -> bool:
        """The current line; whether it is done."""
        phase, line = self._steps[self._index]
        try:
            return self._play(line, now)
        except Judged as judged:
            verdict = judged
        except (Unsendable, Unresolved) as fault:
            verdict = judge.unplayable(self, fault)
        if phase == "postamble":
            self.notes.append(about(f"收尾 {line.text}", f"clean-up {line.text}", verdict.reason))
            return True
        self._judge(verdict, now)
        return False

    def _judge(self, judged: Judged, now: int) -> None:
        """The verdict stands; only the postamble is still played."""
        phase, _ = self._steps[self._index]
        if phase == "preamble" and judged.verdict is Verdict.FAIL:
            reason = about("前置步骤未达成", "the preamble was not reached", judged.reason)
            judged = Judged(Verdict.INCONCLUSIVE, reason, judged.differences)
        self._verdict, self._failed_at = judged, self._index
        self._index = len(self.case.preamble) + len(self.case.lines)
        self._begun, self._sending = now, None

    def _next(self, now: int) -> None:
        self._index += 1
        self._begun, self._sending = now, None

    def _play(self, line: Line, now: int) -> bool:
        """One line: whether it is done. Raises Judged."""
        match line.do:
            case "send":
                return self._send(line, now)
            case "raw":
                return self._raw(line, now)
            case "open":
                return self._wire(line, now) is not None
            case "close":
                return self._close(line)
            case "prompt":
                self._names[line.label] = self._prompt(line, now)
                return True
            case "wait":
                return now >= self._begun + self._limit(line)
            case "quiet":
                judge.quiet(self, line, self._begun)
                return now >= self._begun + self._limit(line)
        if judge.expect(self, line, now, self._begun):
            return True
        if now >= self._begun + self._limit(line):
            raise judge.overdue(self, line, self._limit(line))
        return False

    def _limit(self, line: Line) -> int:
        """How long a line may take (ms)."""
        pics = self.paper.pics
        if line.within:
            return pics.time(line.within)
        if line.do in ("send", "open"):
            return pics.time("connect") + pics.time("receipt")
        if line.what in ("answer", "receipt", "heartbeat_reply"):
            return pics.time("answer" if line.what == "answer" else "receipt")
        return pics.time("close" if line.what == "closed" else "settle" if line.do == "quiet" else "result")

    def _wire(self, line: Line, now: int) -> Wire | None:
        """The line's connection, once it stands. Raises Judged where it cannot."""
        name = line.on or line.party
        wire = self.wires.get(name)
        if wire is not None and wire.state == "ended" and (not line.on or line.do == "open"):
            wire = None
        if wire is None:
            self.wires[name] = Wire(line.party)
            self.orders.append(Open(name, line.party))
            return None
        if wire.state == "failed":
            raise judge.unreached(wire)
        if wire.state == "ended":
            raise Judged(Verdict.FAIL, about(f"连接 {name} 已被关闭", f"connection {name} was closed", wire.why))
        return wire if wire.state == "open" else None

    def _send(self, line: Line, now: int) -> bool:
        if self._sending is not None:
            return self._write_due(line, now)
        if "answers" in line.args:
            self.answer(self.came[line.args["answers"]], line, now)
            return True
        wire = self._wire(line, now)
        if wire is None:
            return False
        written = self._compose(line, now)
        name = line.on or line.party
        asked = Asked(line, written, name, now)
        if line.label:
            self.asked[line.label] = asked
            self._names[line.label] = {**written.document.get("body", {}), "header": written.document.get("header", {})}
        if "again" in line.args:
            asked.answers = []
        self.by_serial[written.packet.serial] = asked
        self.record_sent(line, written, name, now)
        if line.args.get("hold"):
            wire.held += written.raw
            return True
        pieces = writes(line, written.pieces)
        pieces[0], wire.held = wire.held + pieces[0], b""
        pause = span_ms(line.args.get("pause", "0ms")) or 0
        self._sending = [(now + n * pause, piece, None if n else written.packet) for n, piece in enumerate(pieces)]
        return self._write_due(line, now)

    def _write_due(self, line: Line, now: int) -> bool:
        """Write the pieces whose time has come; whether all are written."""
        assert self._sending is not None
        name = line.on or line.party
        while self._sending and self._sending[0][0] <= now:
            self.orders.append(Write(name, *self._sending.pop(0)[1:]))
        return not self._sending

    def _compose(self, line: Line, now: int) -> Written:
        if line.what == HEARTBEAT:
            return self.paper.heartbeat(line.party, now)
        label = line.args.get("again") or line.args.get("ref")
        if label is not None and label not in self._names:
            raise Unresolved(label)
        if "again" in line.args:
            return self.paper.again(self.asked[line.args["again"]].written, line, now)
        ref_serial = str(self._names[label]["header"]["serial"]) if label else None
        return self.paper.message(line, self._body(line), self.scope(now), ref_serial)

    def _prompt(self, line: Line, now: int) -> dict[str, Any]:
        """Ask the operator for the line's message; its body. Raises Unsendable, Unresolved."""
        filled = self.paper.filled(self._body(line), line, self.scope(now))
        text = f"请操作员发起 {line.what} / its operator is asked for {line.what}"
        self.record("note", "", "", now, document={"body": filled}, text=text)
        self.orders.append(Prompt(line.what, filled))
        return filled

    def _body(self, line: Line) -> dict[str, Any]:
        named = line.args.get("body", line.what)
        body: dict[str, Any] = self._bodies[named] if isinstance(named, str) else named
        return body

    def _raw(self, line: Line, now: int) -> bool:
        wire = self._wire(line, now)
        if wire is None:
            return False
        args = line.args
        data = args["text"].encode("utf-8") if "text" in args else bytes.fromhex(args.get("hex", ""))
        data += self._entropy.token(args["random"]) if "random" in args else b""
        data = data * args.get("times", 1)
        if len(data) > _MAX_RAW:
            raise Judged(Verdict.ERROR, f"{line.place}: 原始字节过多 / too many raw bytes")
        name = line.on or line.party
        self.record("sent", line.party, name, now, raw=data[:65_536], text=f"{len(data)} 原始字节 / raw bytes")
        self.orders.append(Write(name, wire.held + data))
        wire.held = b""
        return True

    def _close(self, line: Line) -> bool:
        name = line.on or line.party
        if name == INBOUND:
            self.orders.append(Cut(line.party))
            return True
        wire, how = self.wires.get(name), line.args.get("how", "end")
        if wire is not None and wire.state == "open":
            wire.ours = how != "half"
            self.orders.append(Shut(name, how))
        return True

    def _finish(self, now: int) -> None:
        for name, wire in self.wires.items():
            if wire.state in ("opening", "open"):
                self.orders.append(Shut(name, "end"))
        verdict = self._verdict.verdict if self._verdict is not None else Verdict.PASS
        explanation = None
        if self._verdict is not None:
            phase, line = self._steps[self._failed_at]
            before = self._from_pics() if phase == "preamble" else ()
            explanation = explained(self.case, self._verdict, line, self._failed_at + 1, phase, self._repeat, before)
        self.result = CaseResult(self.case, verdict, explanation, self._started, now, self.log, self.notes)

    def _from_pics(self) -> list[str]:
        """The test values the preamble is played with."""
        sent = [line for line in self.case.preamble if line.do == "send"]
        bodies = [self._bodies.get(str(line.args.get("body", line.what)), {}) for line in sent]
        found = [hole for value in (*bodies, *(line.args for line in sent)) for hole in holes(value)]
        return [hole.removeprefix("pixit.") for hole in found if hole.startswith("pixit.")]

    def _record_got(self, got: Got, name: str, now: int) -> None:
        reading = got.reading
        text = " ".join((reading.symbol, "; ".join(fault.text for fault in reading.faults))).strip()
        self.record("got", got.party, name, now, got.raw, header_fields(reading.packet), reading.document, text)
