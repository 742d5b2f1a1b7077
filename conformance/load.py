"""The load profile: link tests at rising rates, until an answer is late, wrong or missing (spec 07.6).

Requests leave at their rate whether or not earlier ones were answered, as they do in life; what waits in a queue is measured
with the rest.  Only link tests are sent, so a profile may be taken of a system in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure

from adapters.wire.heartbeat import heartbeat_reply
from adapters.wire.packet import Kind, Packet
from conformance.door import Door
from conformance.model import Case, CaseResult, Difference, Explanation, Line, Place, Verdict
from conformance.paper import Paper, Unsendable, Written
from conformance.ports import Clock, Endpoints, TurnedAway
from conformance.values import Scope

PROBE = "LN03"
_UNANSWERED = "登录未得应答 / the login was not answered"
_LINE = ("send", Place("load", 1))
_TICK_S = 0.01
_KEPT_UP = 0.95
"""Share of a rate that must have left in time; below it this machine is measured, not the system under test."""
_MOST_PIPES = 64


class NotLetIn(ConnectError):
    """A login of ours was refused; the text says how, in both languages."""

    def __init__(self, why: str) -> None:
        ConnectError.__init__(self, None, why)

    def __str__(self) -> str:
        """As it is told."""
        return str(self.args[-1])


@dataclass(slots=True)
class Step:
    """One rate (requests a second) and what came of it; times in ms. ``fault`` is empty where the rate was held."""

    rate: int
    sent: int = 0
    times: list[int] = field(default_factory=list)
    wrong: int = 0
    fault: str = ""

    def percentile(self, share: float) -> int | None:
        """The time within which this share of the answers came."""
        times = sorted(self.times)
        return times[min(len(times) - 1, int(share * len(times)))] if times else None


class _Pipe(Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._flow = load.paper.flow(False)
        self._held: list[bytes] = []
        self._login: Written | None = None
        self.entered: Deferred[None] = Deferred()
        self.over = False

    @property
    def free(self) -> bool:
        """Whether one more request may go here."""
        return self._flow.free and not self.over

    def connectionMade(self) -> None:
        """It stands; some layouts register first, some systems want a login."""
        now = self._load.clock.now()
        self.write(self._flow.hello(now))
        try:
            self._login = self._load.greeting(now)
        except Unsendable as fault:
            self.entered.errback(NotLetIn(str(fault)))
            return
        if self._login is None:
            self.entered.callback(None)
        else:
            self._load.clock.callLater(self._load.paper.pics.time("receipt") / 1000, self._let_in, _UNANSWERED)
            self.ask(self._login.raw, self._login.packet)

    def _let_in(self, why: str) -> None:
        """The door is open, or not, and why."""
        if not self.entered.called:
            self.entered.errback(NotLetIn(why)) if why else self.entered.callback(None)

    def ask(self, data: bytes, packet: Packet) -> None:
        """A request of ours."""
        self._flow.sent(packet)
        if self._flow.ready:
            self.write(data)
        else:
            self._held.append(data)

    def dataReceived(self, data: bytes) -> None:
        """Answers, and heartbeats that want one."""
        arrival = self._flow.feed(data, self._load.clock.now())
        for reply in arrival.replies:
            self.write(reply)
        while self._held and self._flow.ready:
            self.write(self._held.pop(0))
        for packet, _ in arrival.packets:
            if packet.kind is Kind.HEARTBEAT:
                self.write(self._load.paper.layout.encode(heartbeat_reply(packet, self._load.clock.now())))
            elif packet.is_answer and self._login is not None and packet.serial == self._login.packet.serial:
                self._let_in(self._load.refusal(packet))
            elif packet.is_answer:
                self._load.answered(packet.serial, self._load.is_wrong(packet))
        if arrival.fault:
            self._load.broken(arrival.fault)

    def write(self, data: bytes) -> None:
        """Write."""
        wire: Any = self.transport
        wire.write(data)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Nobody asked for that, but over HTTP it may happen between two requests."""
        self.over = True
        self._let_in(_UNANSWERED)
        if self._load.paper.web is not None and not self._flow.busy:
            return
        if reason is not None and reason.check(TurnedAway) is not None:
            self._load.broken(reason.getErrorMessage())
        self._load.broken("被测方关闭连接 / the system under test closed the connection")


class Load:
    """A profile of what listens at ``target``, asked as the role ``party`` over ``width`` connections.

    ``limit_ms`` is how long 99 of 100 answers may take.  Where a connection carries one request at a time (HTTP), more are
    opened, up to ``_MOST_PIPES``; what finds none free waits, and its waiting is measured.
    """

    def __init__(
        self, paper: Paper, party: str, target: str, clock: Clock, endpoints: Endpoints, width: int = 4, limit_ms: int = 1_000,
        *, door: Door | None = None,
    ) -> None:  # fmt: skip
        self.paper = paper
        self._door = door
        self.clock = clock
        self.steps: list[Step] = []
        self._party = party
        self._factory: Any = Factory.forProtocol(lambda: _Pipe(self))
        self._factory.noisy = False
        self._target = target.removeprefix("soap+")
        self._endpoints = endpoints
        self._width = width
        self.limit = limit_ms
        self._pipes: list[_Pipe] = []
        self._entering: list[_Pipe] = []
        self._open: dict[str, int] = {}
        self._queue: list[tuple[bytes, Packet]] = []
        self._stopped = False

    async def run(self, rates: list[int], seconds: int) -> list[Step]:
        """Each rate for some seconds, up to the first that is not held. Raises what connecting raises."""
        try:
            for _ in range(self._width):
                await self._connect()
            for rate in rates:
                self.steps.append(Step(rate))
                await self._step(self.steps[-1], seconds)
                if self.steps[-1].fault:
                    break
        finally:
            self._stopped = True
            for pipe in (*self._pipes, *self._entering):
                wire: Any = pipe.transport
                wire.abortConnection()
        return self.steps

    async def _connect(self) -> None:
        pipe: _Pipe = await self._endpoints.client(self._target).connect(self._factory)
        self._entering.append(pipe)
        await pipe.entered
        self._entering.remove(pipe)
        self._pipes.append(pipe)

    def greeting(self, now: int) -> Written | None:
        """The login on a new connection, where one is wanted. Raises Unsendable."""
        return None if self._door is None or self.paper.web is not None else self._door.greeting(self._party, now)

    def refusal(self, packet: Packet) -> str:
        """Why the answer to it does not let us in; empty: it does."""
        return "" if self._door is None else self._door.refusal(self._party, packet)

    def is_wrong(self, packet: Packet) -> bool:
        """Whether an answer is none: flawed, or a refusal. Who refuses everything at once is not fast."""
        reading = self.paper.read(packet)
        return bool(reading.symbol) or reading.element != self.paper.answer_of(PROBE)

    def answered(self, serial: str, wrong: bool) -> None:
        """An answer came."""
        since = self._open.pop(serial, None)
        if since is not None:
            self.steps[-1].times.append(self.clock.now() - since)
            self.steps[-1].wrong += wrong
        self._flush()

    def _flush(self) -> None:
        """What waits goes where there is room."""
        for pipe in self._pipes:
            while self._queue and pipe.free:
                pipe.ask(*self._queue.pop(0))

    async def _widen(self) -> None:
        """One more connection, if something waits for one."""
        if self._queue and len(self._pipes) < _MOST_PIPES:
            await self._connect()
            self._flush()

    def broken(self, reason: str) -> None:
        """A connection cannot be used any more."""
        if self.steps and not self._stopped and not self.steps[-1].fault:
            self.steps[-1].fault = reason

    async def _step(self, step: Step, seconds: int) -> None:
        begun = self.clock.now()
        while (passed := self.clock.now() - begun) < seconds * 1_000 and not step.fault:
            for _ in range(step.rate * passed // 1_000 + 1 - step.sent):
                self._ask(step)
            await self._widen()
            await self._pause()
        ended = self.clock.now()
        while self._open and self.clock.now() - ended < self.limit and not step.fault:
            await self._pause()
        step.fault = step.fault or self._judged(step, seconds)
        self._open.clear()
        self._queue.clear()

    def _ask(self, step: Step) -> None:
        now = self.clock.now()
        line = Line(*_LINE, self._party, PROBE)
        written = self.paper.message(line, {"text": "load"}, Scope({}, "", now), None)
        self._open[written.packet.serial] = now
        pipe = self._pipes[step.sent % len(self._pipes)]
        if pipe.free:
            pipe.ask(written.raw, written.packet)
        else:
            self._queue.append((written.raw, written.packet))
            self._flush()
        step.sent += 1

    def _judged(self, step: Step, seconds: int) -> str:
        """Why the rate was not held, or nothing."""
        limit, slow = self.limit, step.percentile(0.99)
        if step.sent < _KEPT_UP * step.rate * seconds:
            return f"本机只发出 {step.sent} 个请求 / this machine sent {step.sent} requests only: inconclusive"
        if self._open:
            return f"{len(self._open)} 个请求 {limit} ms 内未应答 / {len(self._open)} requests not answered within {limit} ms"
        if step.wrong:
            return f"{step.wrong} 个应答不合规或为拒绝 / {step.wrong} answers were not valid, or refusals"
        if slow is not None and slow > limit:
            return f"p99 为 {slow} ms，超过 {limit} ms / p99 is {slow} ms, more than {limit} ms"
        return ""

    async def _pause(self) -> None:
        waiting: Deferred[None] = Deferred()
        self.clock.callLater(_TICK_S, waiting.callback, None)
        await waiting


async def load_case(load: Load, case: Case, values: Mapping[str, Any], repeat: str) -> CaseResult:
    """The verdict on the questionnaire's ``values``: ``load_rate`` a second for ``load_seconds``, p99 in ``load_p99_ms``."""
    rate, limit = int(values["load_rate"]), int(values["load_p99_ms"])
    began = load.clock.now()
    load.limit = limit
    try:
        (step,) = await load.run([rate], int(values["load_seconds"]))
    except ConnectError as fault:
        told = Explanation(f"无法连接被测方 / the system under test cannot be reached: {fault}", repeat=repeat)
        return CaseResult(case, Verdict.INCONCLUSIVE, told, began, load.clock.now())
    slow = step.percentile(0.99)
    shown = f"p50 {step.percentile(0.5)} ms · p99 {slow} ms · 发出 sent {step.sent} · 应答 answered {len(step.times)}"
    result = CaseResult(case, Verdict.PASS, None, began, load.clock.now(), notes=[f"{rate}/s · {shown}"])
    if not step.fault:
        result.notes.append(f"在 {rate} 个/秒内合格，p99 {slow} ms / conformant up to {rate}/s, p99 {slow} ms")
        return result
    short = step.sent < _KEPT_UP * rate * int(values["load_seconds"])
    differences = (Difference("p99", f"{limit} ms", f"{slow} ms"),)
    result.verdict = Verdict.INCONCLUSIVE if short else Verdict.FAIL
    result.explanation = Explanation(step.fault, None, 0, "", differences, case.cause, case.repair, repeat)
    return result


def profile(steps: list[Step]) -> dict[str, Any]:
    """The profile as plain values; ``up_to`` is the greatest rate that was held, 0 for none."""
    held = [step for step in steps if not step.fault]
    best = max(held, key=lambda step: step.rate, default=None)
    rows = [
        {
            "rate": step.rate, "sent": step.sent, "answered": len(step.times), "wrong": step.wrong, "fault": step.fault,
            "p50_ms": step.percentile(0.5), "p99_ms": step.percentile(0.99), "max_ms": max(step.times, default=None),
        }
        for step in steps
    ]  # fmt: skip
    return {"up_to": best.rate if best else 0, "p99_ms": best.percentile(0.99) if best else None, "steps": rows}
