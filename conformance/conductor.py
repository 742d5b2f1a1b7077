"""Many cases side by side: which run now, whom what comes is for, and what the played parties do of themselves (spec 07.4).

Pure but for the clock's timers: sockets are the host's (``Wires``).  What the system under test sends finds its case by the
token every id of the case carries; what carries none belongs to somebody else and is only answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from adapters.wire.packet import Packet
from conformance.door import about_proof
from conformance.exchange import Cut, Got, Open, Reply, Shut, Write
from conformance.manners import Manners
from conformance.model import Case, CaseResult, Entry, Explanation, RunResult, Verdict
from conformance.paper import Paper, Reading
from conformance.ports import Clock, Entropy
from conformance.prompting import Prompt
from conformance.reasons import DEAF_AFTER, is_deaf, was_heard
from conformance.runner import CaseRun
from conformance.sources import Blocks
from conformance.stream import header_fields
from conformance.values import Scope, Unresolved
from conformance.verdict import Judged
from schemas.loader import UnknownName

_DIGITS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_MAX_STRAYS = 1_000
_ID = "_id"
_BUSINESS = frozenset({"OH", "CO", "CN", "PI", "PA", "DF", "LK", "CT", "RC", "SD", "RR", "BL", "PQ", "CH"})
"""Codes of messages about somebody's records; the others are about the link."""


class Wires(Protocol):
    """The sockets, as the conductor needs them."""

    def open(self, run: CaseRun, name: str, party: str) -> None:
        """Connect for a case; tells ``opened`` or ``failed`` of the run."""

    def write(self, run: CaseRun, name: str, data: bytes, packet: Packet | None) -> None:
        """Write on a case's connection; ``packet`` begins with these bytes."""

    def shut(self, run: CaseRun, name: str, how: str) -> None:
        """Close it."""

    def cut(self, party: str) -> None:
        """Break what the system under test opened to ``party``."""

    def reply(self, link: Any, data: bytes) -> None:
        """Write on the connection something came on."""

    def prompt(self, code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
        """Have the system under test send a message; ``failed`` hears why it could not be asked for."""

    def say(self, party: str, data: bytes, packet: Packet) -> None:
        """Write on the connection ``party`` keeps with the system under test."""


class Conductor:
    """``done`` is called once, when every case has its verdict; ``progress`` after each one."""

    def __init__(
        self, outcome: RunResult, sanity: list[Case], cases: list[Case], paper: Paper, blocks: Blocks, clock: Clock,
        entropy: Entropy, width: int, repeat: Callable[[Case], str], digits: int = 3,
    ) -> None:  # fmt: skip
        self.outcome = outcome
        self.runs: dict[str, CaseRun] = {}
        self.alone: CaseRun | None = None
        self._sanity = sanity
        self._todo = [case for case in cases if not case.alone]
        self._todo_alone = [case for case in cases if case.alone]
        self._order = {case.id: n for n, case in enumerate(cases)}
        self._paper = paper
        self._manners = Manners(blocks.manners, paper)
        self._bodies = blocks.bodies
        self._clock = clock
        self._entropy = entropy
        self._width = width
        self._repeat = repeat
        self._active: dict[str, CaseRun] = {}
        self._named: dict[tuple[str, str], CaseRun] = {}
        self._said: dict[str, CaseRun | None] = {}
        self._prefix = _token(clock.now() // 1000 % 34**5, 5) + _token(entropy.below(34**2), 2)
        outcome.namespace = self._prefix
        self._digits = digits
        self._mark = re.compile(self._prefix.encode() + rb"[0-9A-Z]{%d}" % digits)
        self._phase = "first"
        self._timers: dict[str, Any] = {}
        self._wires: Wires
        self.progress: Callable[[CaseResult, int, int], None] = lambda result, done, total: None
        self.done: Callable[[RunResult], None] = lambda outcome: None
        self.more: Callable[[], list[Case]] = list
        """What to play when everything has been played."""
        self.keeps: Callable[[CaseResult], bool] = lambda result: True
        """Whether a result belongs to the outcome; of others nothing is remembered."""
        self._total = len(cases)
        self._heard, self._deaf = False, 0

    def begin(self, wires: Wires) -> None:
        """The sanity case, then the others."""
        self._wires = wires
        self.outcome.started_at = self._clock.now()
        self._start(self._sanity)

    def stop(self) -> None:
        """Called off: what runs ends now, the rest is not executed; the outcome so far is valid."""
        if self._phase == "over":
            return
        self.outcome.partial = True
        self._phase = "last"
        for run in list(self._active.values()):
            run.interrupt(self._clock.now())
            self._after(run)
        self._leave("运行被中断 / the run was interrupted")
        self._over()

    # -- what the host says

    def happened(self, run: CaseRun, tell: Callable[[int], None]) -> None:
        """Something happened to a connection of a case: tell it, and carry out what it wants."""
        try:
            tell(self._clock.now())
        except Exception as fault:  # parked as this case's verdict: a fault of the suite must not end the run
            run.broken(f"{type(fault).__name__}: {fault}", self._clock.now())
        self._after(run)

    def message(self, party: str, packet: Packet, raw: bytes, link: Any) -> None:
        """The system under test sent ``party`` a message; what bears another sender's name gets no answer."""
        now = self._clock.now()
        reading = self._paper.read(packet)
        run = self._run_of(packet, reading)
        if packet.sender not in ("", self._paper.pics.systems[self._paper.sut]):
            self._stray(party, reading, raw, now)
            return
        why = self._manners.unproven(party, packet, now)
        if why and not (run is not None and about_proof(run.case)):
            self._turn_away(party, reading, raw, link, run, why)
            return
        if run is not None and run.result is None:
            got = Got(party, reading, link, raw, now)
            held = run.is_awaited(got)
            self.happened(run, lambda now: run.arrived(got, party, now))
            if held:
                return
        elif run is None:
            self._stray(party, reading, raw, now)
        self._answer(party, reading, link, run, now)

    def _turn_away(self, party: str, reading: Reading, raw: bytes, link: Any, run: CaseRun | None, why: str) -> None:
        """Over HTTP it did not prove who it is: its case can say nothing more."""
        now = self._clock.now()
        self._wires.reply(link, self._manners.turn_away(party, reading, self._scope(run, now)).raw)
        if run is None:
            self._stray(party, reading, raw, now)
            return
        run.record("got", party, party, now, raw, header_fields(reading.packet), reading.document, why)
        run.end(Judged(Verdict.INCONCLUSIVE, why), now)
        self._after(run)

    def answer(self, packet: Packet, raw: bytes) -> None:
        """The answer to something a party said of itself; a refusal is noted where it belongs."""
        run = self._said.pop(packet.serial, None)
        if run is None:
            return
        now = self._clock.now()
        reading = self._paper.read(packet)
        run.record("got", "", "", now, raw, header_fields(packet), reading.document, reading.symbol)
        code = str(reading.body.get("code", "0000"))
        if code[:1] not in ("0",):
            run.notes.append(f"{packet.code} 被拒 {code} / {packet.code} of a played party was refused: {code}")

    def locked_out(self, why: str) -> None:
        """A login was refused, either way: what goes on now can say nothing about the system under test."""
        for run in list(self._active.values()):
            run.end(Judged(Verdict.INCONCLUSIVE, why), self._clock.now())
            self._after(run)

    def beat(self, party: str, name: str) -> None:
        """A heartbeat came; it concerns a case that runs alone."""
        run = self.alone
        if run is not None:
            self.happened(run, lambda now: run.beat(party, name, now))

    def connected(self, party: str) -> None:
        """The system under test connected to a party."""
        run = self.alone
        if run is not None:
            self.happened(run, lambda now: run.connected(party, now))

    def garbled(self, party: str, reason: str) -> None:
        """What it wrote to a party is no packet: every case that runs is told, since nobody knows whose it was."""
        for run in list(self._active.values()):
            self.happened(run, lambda now, run=run: run.garbled(party, party, reason, now))  # type: ignore[misc]

    # -- the order of cases

    def _start(self, cases: list[Case]) -> None:
        for case in cases:
            self._begin(case)
        self._go_on()

    def _begin(self, case: Case) -> None:
        token = self._prefix + _token(len(self.runs), self._digits)
        run = CaseRun(case, self._paper, token, self._entropy, self._bodies, self._repeat(case))
        self.runs[token] = self._active[token] = run
        if case.alone:
            self.alone = run
        self.happened(run, run.start)

    def _go_on(self) -> None:
        """Start what may start now."""
        if self._phase == "first" and not self._active:
            self._phase = "cases" if self._sane() else "last"
        if self._phase == "cases":
            if not (self._todo or self._todo_alone or self._active):
                self._todo = self.more()
            while self._todo and len(self._active) < self._width:
                self._begin(self._todo.pop(0))
            if not self._todo and not self._active and self._todo_alone:
                self._begin(self._todo_alone.pop(0))
            if not (self._todo or self._todo_alone or self._active):
                self._phase = "last"
                self._start(self._sanity)
                return
        if self._phase == "last" and not self._active:
            self._over()

    def _sane(self) -> bool:
        """Whether the sanity case passed: if not, nothing that follows would say anything about the peer."""
        if all(result.verdict is Verdict.PASS for result in self.outcome.sanity):
            return True
        self._leave("健全性用例未通过 / the sanity case did not pass")
        return False

    def _heed(self, result: CaseResult) -> None:
        """A system of which nothing can be read, case after case, is not asked everything else."""
        self._heard = self._heard or was_heard(result)
        self._deaf += is_deaf(result)
        if self._deaf >= DEAF_AFTER and not self._heard:
            self._leave("被测方从未给出可读的应答 / nothing that can be read ever came from the system under test")

    def _leave(self, reason: str) -> None:
        """What has not begun is not executed."""
        now, left = self._clock.now(), [*self._todo, *self._todo_alone]
        self._todo, self._todo_alone = [], []
        for case in left:
            self._keep(CaseResult(case, Verdict.NOT_EXECUTED, Explanation(reason), now, now))

    def _after(self, run: CaseRun) -> None:
        """Carry out what a case wants, keep its timer, see whether it is over."""
        self._carry_out(run)
        timer = self._timers.pop(run.token, None)
        if timer is not None and timer.active():
            timer.cancel()
        if run.result is not None:
            if self._active.pop(run.token, None) is not None:
                self._ended(run, run.result)
            return
        due = run.next_due()
        if due is not None:
            delay = max(0, due - self._clock.now()) / 1000
            self._timers[run.token] = self._clock.callLater(delay, self._tick, run)

    def _tick(self, run: CaseRun) -> None:
        self._timers.pop(run.token, None)
        self.happened(run, run.tick)

    def _ended(self, run: CaseRun, result: CaseResult) -> None:
        if self.alone is run:
            self.alone = None
        if run.case in self._sanity:
            self.outcome.sanity.append(result)
        elif self.keeps(result):
            self._keep(result)
            self._heed(result)
        else:
            _forget(run)
        if self._phase != "over":
            self._clock.callLater(0, self._go_on)

    def _keep(self, result: CaseResult) -> None:
        self.outcome.results.append(result)
        self.progress(result, len(self.outcome.results), self._total)

    def _over(self) -> None:
        if self._phase == "over":
            return
        self._phase = "over"
        self.outcome.ended_at = self._clock.now()
        self.outcome.results.sort(key=lambda result: self._order.get(result.case.id, 0))
        self.done(self.outcome)

    def _carry_out(self, run: CaseRun) -> None:
        while run.orders:
            order = run.orders.pop(0)
            match order:
                case Open(name, party):
                    self._wires.open(run, name, party)
                case Write(name, data, packet):
                    self._wires.write(run, name, data, packet)
                case Shut(name, how):
                    self._wires.shut(run, name, how)
                case Cut(party):
                    self._wires.cut(party)
                case Reply(got, data):
                    self._wires.reply(got.link, data)
                case Prompt(code, body):
                    self._wires.prompt(code, body, run.notes.append)

    # -- the played parties

    def _run_of(self, packet: Packet, reading: Reading) -> CaseRun | None:
        """Whose a message is: the first token in it that is one of this run's, else the ids of its key, where the system under
        test has made them itself and named them in a message of that case before."""
        named = [(name, str(reading.body[name])) for name in self._key(packet.code) if name in reading.body]
        for match in self._mark.finditer(packet.body):
            run = self.runs.get(match.group().decode())
            if run is not None:
                self._named |= dict.fromkeys(named, run)
                return run
        return next((self._named[one] for one in named if one in self._named), None)

    def _key(self, code: str) -> tuple[str, ...]:
        """The fields of a message's business key that are ids."""
        try:
            key = self._paper.catalogue.message(code).key
        except UnknownName:
            return ()
        return tuple(name for name in key if name.endswith(_ID))

    def _answer(self, party: str, reading: Reading, link: Any, run: CaseRun | None, now: int) -> None:
        """What the party does of itself."""
        scope = self._scope(run, now)
        if run is None and reading.packet.code[:2] in _BUSINESS and not reading.symbol:
            self._wires.reply(link, self._manners.refuse_foreign(party, reading, scope).raw)
            return
        if not reading.symbol and reading.element != self._paper.request_of(reading.packet.code):
            self._wires.reply(link, self._manners.no_request(party, reading, scope).raw)
            return
        way = run.case.manners.get(reading.packet.code, "") if run is not None else ""
        try:
            answer = self._manners.react(party, reading, way, scope)
        except (Unresolved, ValueError) as fault:
            self._broken(run, f"{reading.packet.code}: {fault}", now)
            return
        if run is not None and run.result is None:
            written = answer.written
            run.record("sent", party, party, now, written.raw, header_fields(written.packet), written.document)
        self._wires.reply(link, answer.written.raw)
        if answer.locked_out:
            self.locked_out(answer.locked_out)
        if answer.then is not None:
            self._clock.callLater(answer.then[3] / 1000, self._follow, party, answer.then, reading, run)

    def _follow(self, party: str, then: Any, reading: Reading, run: CaseRun | None) -> None:
        now = self._clock.now()
        try:
            written = self._manners.follow(then, reading, self._scope(run, now))
        except (Unresolved, ValueError) as fault:
            self._broken(run, f"{reading.packet.code}: {fault}", now)
            return
        self._said[written.packet.serial] = run
        if run is not None and run.result is None:
            run.record("sent", party, party, now, written.raw, header_fields(written.packet), written.document)
        self._wires.say(party, written.raw, written.packet)

    def _broken(self, run: CaseRun | None, reason: str, now: int) -> None:
        """A played party could not say what it should: a fault of the data files, never of the system under test."""
        if run is not None:
            run.broken(reason, now)
            self._after(run)

    def _scope(self, run: CaseRun | None, now: int) -> Scope:
        if run is not None:
            return run.scope(now)
        return Scope({"pixit": dict(self._paper.pics.values)}, self._prefix, now)

    def _stray(self, party: str, reading: Reading, raw: bytes, now: int) -> None:
        if len(self.outcome.strays) < _MAX_STRAYS:
            fields, kept = header_fields(reading.packet), self._paper.recorded(raw)
            self.outcome.strays.append(Entry(now, "got", party, party, 0, kept, fields, reading.document, reading.symbol))


def _forget(run: CaseRun) -> None:
    """Nothing of a case that is over is looked at again; it is still known by its token."""
    for remembered in (run.log, run.inbox, run.asked, run.by_serial, run.came):
        remembered.clear()


def _token(number: int, width: int) -> str:
    """A number in ``width`` letters and digits."""
    text = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
