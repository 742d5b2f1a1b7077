"""缓装 and dates: the customer's wishes about when (spec 5.4 OH10, OH11; 5.10). PF's clock ends a deferral; the clock stops."""

from __future__ import annotations

from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Body, Meta, Reaction, Send
from simulators.pf import bodies, results
from simulators.pf.floor import TEMPORARY, Floor, Task
from simulators.pf.legality import Ruling, Verdict
from simulators.pf.machine import RESUMING
from simulators.pf.operations import Deferral, Undo
from simulators.pf.order import Order
from simulators.pf.reasons import ReasonRow, find_reason

_DEFER = "10P"
_DAY = 86_400_000
_IMAGE_DATES = ("effective_at", "booked_at", "required_finish")


class Deferring:
    """Deferrals and dates."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    # -- dates

    def expedite(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """OH10: a wish; what is left goes faster."""
        return self._dates(order, "expedite", {"wanted_date": body["wanted_date"]} if "wanted_date" in body else {}, meta, now)

    def reschedule(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """OH11: only dates change."""
        return self._dates(order, "reschedule", body["dates"], meta, now)

    def _dates(self, order: Order, operation: str, dates: Body, meta: Meta, now: int) -> Reaction:
        ruling = self._ruling(order, "dates")
        if ruling.verdict is Verdict.REFUSED:
            return self._refuse(order, operation, ruling.symbol, meta)
        if any(from_wire_time(date) < now for date in dates.values()):
            return self._refuse(order, operation, "DATE_INVALID", meta)
        told = {}
        if operation == "reschedule":
            kept = {name: date for name, date in dates.items() if name in _IMAGE_DATES}
            order.image = order.image | {"dates": order.image["dates"] | kept}
            if "required_finish" in kept:
                order.expected_finish = from_wire_time(kept["required_finish"])
            told = {name: from_wire_time(date) for name, date in kept.items()}
        else:
            self._floor.flow.hurry(order, now)
        if order.expected_finish is not None:
            told["expected_finish"] = order.expected_finish
        return self._applied(order, operation, told, meta)

    # -- deferral

    def defer(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """DF01."""
        until = from_wire_time(body["until"])
        same = order.deferral is not None and order.deferral.until == until
        rulings = {item.id: self._floor.rule(order, item, "defer", same) for item in order.going()}
        ruling = _most_lenient(rulings) or self._ruling(order, "defer")
        if ruling.verdict is Verdict.REFUSED:
            return self._refuse(order, "defer", ruling.symbol, meta)
        if ruling.verdict is Verdict.ALLOWED:
            symbol = self._wrong(order, body, until, now)
            if symbol:
                return self._refuse(order, "defer", symbol, meta)
            for name, one in rulings.items():
                item = order.items[name]
                if one.verdict is Verdict.ALLOWED and item.progress != "DEFERRED":
                    item.resumes = item.progress
                    item.move("defer")
            self._begin(order, until, now)
        return self._applied(order, "defer", {"deferred_until": until}, meta)

    def _wrong(self, order: Order, body: Body, until: int, now: int) -> str:
        settings = self._floor.table.settings
        if not now < until <= now + settings["deferral_days"] * _DAY:
            return "DATE_INVALID"
        if find_reason(body["reason"]["code"], _DEFER, order.image["area"], order.stages) is None:
            return "ATTRIBUTE_INVALID"
        if order.deferrals >= settings["deferrals"]:
            return "DEFERRAL_LIMIT"
        return ""

    def _begin(self, order: Order, until: int, now: int) -> None:
        order.deferrals += 1
        order.since = now
        if order.deferral is None:
            order.deferral = Deferral(now, until)
            self._floor.later("hold_limit", order, now + self._floor.table.settings["hold_days"] * _DAY)
        order.deferral.until = until
        self._floor.flow.freeze(order, now)
        self._floor.later("deferral", order, until)

    def due(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """The date has come; while locked it waits for the unlock."""
        if order.deferral is not None and order.deferral.until == task.at:
            self.look(order, now, out)

    def look(self, order: Order, now: int, out: list[Send]) -> None:
        """End the deferral if its date has passed and no lock holds the order."""
        if order.deferral is not None and order.deferral.until <= now and not order.locked:
            self._end(order, "date", None, now, out)

    def end(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """DF02; of a deferral that has ended already: success without effect (04.9)."""
        ruling = self._ruling(order, "end_deferral")
        if ruling.verdict is Verdict.REFUSED:
            if order.deferral is None and order.deferrals and not order.closed and ruling.symbol not in TEMPORARY:
                return self._applied(order, "end_deferral", {}, meta)
            return self._refuse(order, "end_deferral", ruling.symbol, meta)
        appointment = from_wire_time(body["appointment"])
        if appointment < now:
            return self._refuse(order, "end_deferral", "DATE_INVALID", meta)
        out: list[Send] = []
        order.image = order.image | {"dates": order.image["dates"] | {"booked_at": wire_time(appointment)}}
        self._end(order, "request", meta.serial, now, out)
        return Reaction(sends=out)

    def _end(self, order: Order, by: str, ref: str | None, now: int, out: list[Send]) -> None:
        order.deferral, order.since = None, now
        for item in order.going():
            if item.progress == "DEFERRED":
                item.move(RESUMING[item.resumes])
        said = Send("DF03", results.deferral_ended(order, by), system=order.sender, ref_serial=ref)
        out.append(said)
        self._floor.flow.thaw(order, now, out)

    def hold_limit(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """A deferred order keeps its resources so long and no longer: released, and assigned anew on resume (5.10)."""
        if order.deferral is None or order.deferral.since + self._floor.table.settings["hold_days"] * _DAY != task.at:
            return
        busy = [name for undo in order.undos for name in undo.items]
        again = {}
        for item in order.going():
            holds = item.progress == "DEFERRED" and item.assigned and item.resources and not item.archived
            if holds and item.process.assign is not None and item.id not in busy:
                again[item.id] = frozenset({item.process.assign})
        if again and order.change is None:
            undo = Undo("rework", tuple(again), {"text": "缓装超过占用期限"}, again=again)
            self._floor.undoing.begin(order, undo, now, out)

    def propose(self, order: Order, reason: ReasonRow, ms: int, now: int, out: list[Send]) -> None:
        """DF04: field staff propose; the CRM's DF01 follows, or its OH14 refuses."""
        body = bodies.report_head(order) | {"reason": reason.body(), "until": wire_time(now + ms)}
        body["proposed_by"] = self._floor.table.settings["accepted_by"]
        out.append(Send("DF04", body, system=order.sender))

    def put_off(self, order: Order, ms: int, now: int, out: list[Send]) -> None:
        """OH11: field staff cannot keep the appointment; the new one holds once the CRM's OH14 agrees."""
        body = bodies.report_head(order) | {"dates": {"booked_at": wire_time(now + ms)}, "reason": {"text": "装维人员改约"}}
        out.append(Send("OH11", body, system=order.sender))

    def answered(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """OH14 of the CRM: what became of a proposal or of new dates; a refusal is noted for people."""
        if body["outcome"] == "refused":
            text = body.get("reason", {}).get("text", "服务开通的请求被拒")
            self._floor.note(order, {"text": text, "code": body.get("code", "")}, None, now)
        elif body["operation"] == "reschedule":
            kept = {name: date for name, date in body.get("dates", {}).items() if name in _IMAGE_DATES}
            order.image = order.image | {"dates": order.image["dates"] | kept}
        return Reaction()

    # -- answers

    def _ruling(self, order: Order, column: str) -> Ruling:
        """Of the open items the most lenient: what is over for one does not stop the others; of a closed order its own."""
        rulings = {item.id: self._floor.rule(order, item, column) for item in order.going() or list(order.items.values())}
        return _most_lenient(rulings) or Ruling(Verdict.REFUSED, "STATE_CONFLICT")

    def _refuse(self, order: Order, operation: str, symbol: str, meta: Meta) -> Reaction:
        """OH14 refused; what the CRM is to try again stands in the receipt."""
        if symbol in TEMPORARY:
            return Reaction.refuse(symbol, order.state)
        body = results.operation_refused(order, operation, symbol, order.state)
        return Reaction(sends=[Send("OH14", body, system=meta.sender, ref_serial=meta.serial)])

    def _applied(self, order: Order, operation: str, dates: dict[str, int], meta: Meta) -> Reaction:
        body = results.operation_result(order, operation, dates)
        return Reaction(sends=[Send("OH14", body, system=meta.sender, ref_serial=meta.serial)])


def _most_lenient(rulings: dict[str, Ruling]) -> Ruling | None:
    return min(rulings.values(), key=lambda ruling: ruling.verdict, default=None)
