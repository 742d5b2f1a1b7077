"""What a failed attempt means for its message and its link: budgets of each error class, the circuit, the texts (spec 06.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import structlog

from adapters.document import DocumentRefused, Fault
from adapters.envelopes.names import UNMAPPED
from adapters.store.message_machine import UNKNOWN
from gateway.answers import Verdict
from gateway.clock import Clock
from gateway.outbox.attempts import Entry, Result
from gateway.outbox.lane import Lane
from gateway.outbox.retry import Decision, RetryPolicy
from schemas.loader import Catalogue
from schemas.model import ResultCode

log = structlog.get_logger()

TEXTS = {
    "not_sent": ("PEER_UNAVAILABLE", "无法送达对端", "The peer could not be reached"),
    "unknown": ("OUTCOME_UNKNOWN", "对端没有应答，结果不明", "No answer from the peer: outcome unknown"),
}
"""By what happened on the wire: the symbol recorded and both texts."""
Said = Verdict | None
"""What somebody who does not know says of it, where anybody does."""


def unreadable(event: str, entry: Entry, refusal: DocumentRefused) -> Verdict:
    """What is said of an answer that cannot be read: where the first fault is, of how many.  The log has the place only."""
    fault = refusal.faults[0] if refusal.faults else Fault("/", refusal.symbol, "", refusal.symbol, refusal.symbol)
    log.warning(event, peer=entry.peer, serial=entry.serial, symbol=refusal.symbol, path=fault.path, rule=fault.rule)
    count = len(refusal.faults)
    zh = f"对端的应答读不懂（{refusal.symbol}，{count} 处）：{fault.path} {fault.zh}"
    en = f"The peer's answer cannot be read ({refusal.symbol}, {count} faults): {fault.path} {fault.en}"
    return Verdict("", refusal.symbol, "retry", zh, en)


class Verdicts:
    """Failures into results; counts what each class has used of its budget on the entry itself."""

    def __init__(self, catalogue: Catalogue, clock: Clock, policy: RetryPolicy) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._policy = policy

    def must_ask(self, lane: Lane, entry: Entry) -> bool:
        """UNKNOWN beyond retransmission: the peer is asked whether it has seen the serial. What only reads is just asked again
        (01.1.5)."""
        if self._catalogue.message(entry.code).read_only:
            return False
        peer, name = lane.link.peer, self._policy.class_of_outcome("unknown")
        decision = self._policy.decide(
            name, entry.spent.get(name, 0), entry.unknown_since, self._clock.now(), finds_duplicates=peer.finds_duplicates
        )
        return decision.action != "resend"

    def refusal(self, lane: Lane, entry: Entry, said: Verdict | ResultCode, reply: bytes) -> tuple[Result, Decision]:
        """The peer said no, at once or when asked."""
        decision = self._decide(lane, entry, self._policy.class_of_code(self._known(said.code), said.category))
        if not decision.circuit:
            lane.link.note_success()
        given = {"refused": "refused", "fallout": "give_up"}.get(decision.action, "again")
        return Result(given, said.code, said.symbol, decision, reply, said.zh, said.en), decision

    def _known(self, code: str) -> str:
        """A code nobody has mapped says nothing of the link: its message goes to a person (02.2)."""
        try:
            return self._catalogue.result(code).code
        except LookupError:
            return self._catalogue.result(UNMAPPED).code

    def failure(
        self, lane: Lane, entry: Entry, outcome: str, reply: bytes | None, early: bool = False, said: Said = None
    ) -> tuple[Result, Decision]:
        """Nothing came back (``unknown``), or nothing left (``not_sent``). ``early``: before its time was up; the same bytes go
        again at the receipt timer all the same (06.1), or a peer that restarts would get all of them at once."""
        decision = self._decide(lane, entry, self._policy.class_of_outcome(outcome))
        if early and decision.action == "resend" and outcome == "unknown":
            row = self._catalogue.message(entry.code)
            wait_s = lane.link.peer.answer_seconds(row) if row.pattern == "Q" else lane.link.peer.receipt_seconds(row)
            decision = replace(decision, due_at=max(decision.due_at, self._clock.now() + int(wait_s * 1000)))
        given = "give_up" if decision.action == "fallout" else ("again" if outcome == "not_sent" else "no_answer")
        result = self._result(given, outcome, decision, reply)
        return (result if said is None else replace(result, zh=said.zh, en=said.en)), decision

    def too_old(self, entry: Entry, now: int) -> bool:
        """Whether a message that cannot leave, or cannot be asked after, is past the age of its class."""
        if entry.state == UNKNOWN:
            return self._policy.expired(self._policy.class_of_outcome("unknown"), entry.unknown_since, now)
        return self._policy.expired(self._policy.class_of_outcome("not_sent"), entry.first_seen, now)

    def expiry(self, entry: Entry) -> Result:
        """It goes to fallout for its age."""
        outcome, given = ("unknown", "give_up") if entry.state == UNKNOWN else ("not_sent", "expire")
        return self._result(given, outcome, Decision("fallout", self._policy.class_of_outcome(outcome)), None)

    def refusal_of(self, body: dict[str, Any]) -> ResultCode:
        """The code a peer that was asked says it refused with; it may not say, or say one of its own."""
        try:
            return self._catalogue.result(body.get("stored_answer", {}).get("result_code", "INTERNAL"))
        except LookupError:
            return self._catalogue.result("INTERNAL")

    def _result(self, given: str, outcome: str, decision: Decision, reply: bytes | None) -> Result:
        symbol, zh, en = TEXTS[outcome]
        return Result(given, self._catalogue.result(symbol).code, symbol, decision, reply, zh, en)

    def _decide(self, lane: Lane, entry: Entry, name: str) -> Decision:
        """One more failure of class ``name``: what follows, for the message and for the link's circuit."""
        now = self._clock.now()
        entry.spent[name] = entry.spent.get(name, 0) + 1
        since = entry.first_seen
        if name == self._policy.class_of_outcome("unknown"):
            since = entry.unknown_since = entry.unknown_since or now
        decision = self._policy.decide(name, entry.spent[name], since, now, finds_duplicates=lane.link.peer.finds_duplicates)
        if decision.circuit:
            lane.link.note_failure(now)
        return decision
