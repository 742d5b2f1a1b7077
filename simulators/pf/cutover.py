"""割接 at PF (spec 5.12): the plan of RM (CT01), the freeze at the CRM (CT02), waves (CT04, CT05), the completion (CT06).

Orders in the way of an instance are handled as the plan says: waited for (``finish``), locked over the cutover (``lock``), or
left alone together with their instance (``exempt``).  A wave begins when every item is frozen or excluded and the window is
open; done + failed + excluded is planned in the end, whatever was refused, cancelled or late.
"""

from __future__ import annotations

from typing import Any, Protocol

from adapters.wire.times import from_wire_time
from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number
from simulators.parts import parts
from simulators.pf.cutover_plan import Cutover, Item, part_of, read_parts


class Orders(Protocol):
    """What a cutover wants of the orders PF has."""

    def in_flight(self) -> dict[str, list[str]]:
        """Ids of the open orders by product instance."""

    def is_closed(self, order: str) -> bool:
        """Whether PF is done with it (one it does not know is none of its business)."""

    def lock_over(self, order: str, cutover_id: str, until: int, now: int) -> list[Send]:
        """Lock an order over a cutover until ``until`` (ms); one that is locked stays so."""

    def unlock_after(self, order: str, cutover_id: str, now: int) -> list[Send]:
        """End the lock the cutover holds."""


class Cutovers:
    """All cutovers and dry runs by id."""

    def __init__(self, settings: dict[str, Any], orders: Orders) -> None:
        self.cutovers: dict[str, Cutover] = {}
        self._trials: dict[str, Cutover] = {}
        self._settings = settings
        self._orders = orders
        self._agenda: Agenda[Cutover] = Agenda()

    # -- messages

    def planned(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CT01, part by part; the last one there is sets it going. Refused: a cutover that is under way or over 3004, a window
        that is none or over, or not within the freeze 3013."""
        table = self._trials if body["dry_run"] else self.cutovers
        cutover = table.get(body["cutover_id"])
        if cutover is not None and cutover.phase != "collecting":
            known = part_of(body) in cutover.parts and cutover.phase != "closed"
            return Reaction(known=True) if known else Reaction.refuse("STATE_CONFLICT", cutover.state)
        window, freeze = _window(body, "window"), _window(body, "freeze_window")
        if window is None or freeze is None or window[1] <= now or not freeze[0] <= window[0] < window[1] <= freeze[1]:
            return Reaction.refuse("DATE_INVALID")
        if cutover is None:
            in_flight = body.get("in_flight", self._settings["in_flight"])
            cutover = Cutover(body["cutover_id"], body, meta.sender, window, in_flight, body["dry_run"])
            table[cutover.id] = cutover
        if part_of(body) in cutover.parts:
            return Reaction(known=True)
        cutover.parts[part_of(body)] = body["items"]
        if body.get("is_last", "part_no" not in body):
            cutover.last_part = part_of(body)
        cutover.serial = meta.serial
        if not read_parts(cutover):
            return Reaction()
        if cutover.dry_run or freeze[0] <= now:
            return Reaction(sends=self._freeze(cutover, list(cutover.items.values())))
        cutover.phase, cutover.state, cutover.accepted = "scheduled", "2", True
        self._agenda.add(freeze[0], cutover)
        return Reaction(sends=[self._answer(cutover, {"outcome": "accepted"})])

    def answered(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CT08 of the CRM: to the freeze, the completion or the cancel."""
        trial = self._trials.get(body["cutover_id"])
        cutover = trial or self.cutovers.get(body["cutover_id"])
        if cutover is None or cutover.phase in ("collecting", "scheduled", "ready", "executing", "closed"):
            return Reaction.refuse("STATE_CONFLICT", None if cutover is None else cutover.state)
        return Reaction(sends=self._heard(cutover, body, now))

    def executed(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CT05: a part of a wave's results; the last part closes the wave, what it does not tell has failed."""
        cutover = self.cutovers.get(body["cutover_id"])
        if cutover is None or cutover.phase != "executing" or cutover.wave != body["wave"]:
            return Reaction.refuse("STATE_CONFLICT", None if cutover is None else cutover.state)
        for row in body["items"]:
            item = cutover.items.get(row["product_instance_id"])
            if item is not None and item.wave == cutover.wave and item.state == "frozen":
                done = row["outcome"] == "done"
                item.state = "done" if done else "failed"
                item.reason = None if done else row.get("reason", {"text": row["outcome"]})
        if not body.get("is_last", "part_no" not in body):
            return Reaction()
        for item in cutover.of_wave(cutover.wave):
            item.end("failed", "RM 未报告结果 / RM reported no result")
        return Reaction(sends=self._next_wave(cutover, now))

    def cancelled(self, body: Body, meta: Meta, now: int) -> Reaction:
        """CT07: waves not begun are dropped, the running one is waited for. Refused 3004 once all is executed."""
        cutover = self.cutovers.get(body["cutover_id"])
        if cutover is None or cutover.phase in ("completing", "closed") or cutover.state == "99":
            return Reaction.refuse("STATE_CONFLICT", None if cutover is None else cutover.state)
        if cutover.cancel_serial is not None:
            return Reaction(known=True)
        cutover.cancel_serial, cutover.cancel_reason = meta.serial, body["reason"]
        sends = [] if cutover.accepted else [self._answer(cutover, {"outcome": "accepted"})]
        cutover.accepted = True
        if cutover.begun:
            for item in cutover.items.values():
                if item.wave not in cutover.begun:
                    item.end("excluded", body["reason"]["text"])
            return Reaction(sends=[*sends, self._cancel_answer(cutover)])
        cutover.phase = "cancelling"
        passed = cutover.head() | {"reason": body["reason"]}
        return Reaction(sends=[*sends, Send("CT07", passed, role="CRM", note=("cutover", cutover.id, "cancel"))])

    def refused(self, sent: Send, code: str, body: Body, now: int) -> list[Send]:
        """The CRM refuses a freeze, completion or cancel, or RM a wave: what that was about is excluded, the rest goes on."""
        _, cutover_id, what = sent.note
        cutover = self._trials.get(cutover_id) or self.cutovers[cutover_id]
        reason = f"{code} {body['text']}"[:500]
        if what == "wave":
            dropped = cutover.of_wave(cutover.wave)
            for item in dropped:
                item.end("excluded", reason)
            return [*self._thaw(cutover, dropped), *self._next_wave(cutover, now)]
        answer: Body = {"outcome": "rejected", "code": code, "reason": {"text": reason}}
        if "part_no" in sent.body:
            answer["part_no"] = sent.body["part_no"]
        return self._heard(cutover, answer, now)

    def frozen(self, instance: str, now: int) -> bool:
        """Whether a cutover holds the instance frozen."""
        return any(cutover.holds(instance, now) for cutover in self.cutovers.values())

    def next_due(self) -> int | None:
        """When orders are looked at again, or a window opens (ms)."""
        return self._agenda.next()

    def due(self, now: int) -> list[Send]:
        """Orders in the way may be finished; a window may be open."""
        sends: list[Send] = []
        for cutover in self._agenda.take(now):
            if cutover.phase == "scheduled":
                sends += self._freeze(cutover, list(cutover.items.values()))
            elif cutover.phase == "waiting":
                sends += self._look(cutover, now, polled=True)
            elif cutover.phase == "ready":
                sends += self._next_wave(cutover, now)
        return sends

    def inspect(self) -> dict[str, Any]:
        """State and counts of every cutover, for the auditor (06.4 invariant 9)."""
        return {
            cutover.id: {"state": cutover.state, "planned": len(cutover.items), "counts": cutover.counts()}
            for cutover in self.cutovers.values()
        }

    # -- the freeze

    def _freeze(self, cutover: Cutover, items: list[Item]) -> list[Send]:
        """CT02 for these items, in parts; each part is answered."""
        cutover.phase, cutover.asked = "freezing", {}
        sends = []
        for part_no, is_last, chunk in parts(items, Item.instance_body):
            cutover.asked[part_no] = chunk
            body = cutover.head() | {"freeze_window": cutover.plan["freeze_window"], "part_no": part_no, "is_last": is_last}
            if cutover.dry_run:
                body["dry_run"] = True
            body["instances"] = [item.instance_body() for item in chunk]
            sends.append(Send("CT02", body, role="CRM", note=("cutover", cutover.id, "freeze")))
        return sends

    def _heard(self, cutover: Cutover, body: Body, now: int) -> list[Send]:
        """An answer: take it, and go on when it was the last that is open."""
        if cutover.phase == "cancelling":
            return self._crm_cancelled(cutover, body, now)
        open_part = body.get("part_no", next(iter(cutover.asked), 0))
        chunk = cutover.asked.pop(open_part, [])
        rows = {row["product_instance_id"]: row for row in body.get("instances", [])}
        if cutover.phase == "completing":
            cutover.applied |= rows
            return [] if cutover.asked else self._close(cutover, now)
        cutover.differences += body.get("differences", [])
        for item in chunk:
            item.judge(rows.get(item.instance), body)
        if cutover.asked:
            return []
        return self._tried(cutover) if cutover.dry_run else self._frozen(cutover, now)

    def _frozen(self, cutover: Cutover, now: int) -> list[Send]:
        """All parts of the freeze are answered: orders in the way are handled by plan."""
        sends: list[Send] = []
        blocked = cutover.in_state("blocked")
        if cutover.in_flight == "exempt":
            for item in blocked:
                item.end("excluded", f"在途定单豁免 {' '.join(item.blocking)}")
        elif cutover.in_flight == "lock":
            sends += self._lock(cutover, blocked, now)
            if sends:
                return [*sends, *self._freeze(cutover, blocked)]
        if not cutover.accepted:
            sends += self._accept(cutover)
        elif not cutover.in_state("blocked"):
            sends += self._out_of_it(cutover)
        if cutover.phase != "cancelling":
            sends += self._look(cutover, now)
        return sends

    def _accept(self, cutover: Cutover) -> list[Send]:
        """Result of CT01: accepted with what is out of it; rejected if nothing is left to be cut over: then it ends at the CRM,
        too."""
        cutover.accepted = True
        if cutover.in_state("frozen") or cutover.in_state("blocked"):
            cutover.state = "2"
            return self._out_of_it(cutover) or [self._answer(cutover, {"outcome": "accepted"})]
        cutover.phase, cutover.state = "cancelling", "99"
        first = next(iter(cutover.items.values()))
        why = first.reason or {"text": first.state}
        cancel = Send("CT07", cutover.head() | {"reason": why}, role="CRM", note=("cutover", cutover.id, "cancel"))
        code = first.code or number("STATE_CONFLICT")
        return [self._answer(cutover, {"outcome": "rejected", "code": code, "reason": why}), cancel]

    def _out_of_it(self, cutover: Cutover) -> list[Send]:
        """CT08 with the instances RM is to leave out, those not told yet."""
        rows = []
        for item in cutover.in_state("excluded"):
            if item.told:
                continue
            item.told = True
            rows.append(item.row())
        if not rows:
            return []
        return [
            self._answer(cutover, {"outcome": "accepted", "part_no": no, "is_last": last, "instances": chunk})
            for no, last, chunk in parts(rows)
        ]

    def _lock(self, cutover: Cutover, blocked: list[Item], now: int) -> list[Send]:
        """Lock what is in the way; only what was not locked before says something."""
        sends: list[Send] = []
        for order in dict.fromkeys(order for item in blocked for order in item.blocking):
            if order not in cutover.locked:
                locking = self._orders.lock_over(order, cutover.id, cutover.window[1], now)
                if locking:
                    cutover.locked[order] = None
                sends += locking
        return sends

    def _look(self, cutover: Cutover, now: int, polled: bool = False) -> list[Send]:
        """Wait for orders in the way until the window opens, then for the window; then the first wave. What is finished or
        locked is asked for again, once a poll."""
        blocked = cutover.in_state("blocked")
        if blocked and now >= cutover.window[0]:
            for item in blocked:
                item.end("excluded", f"在途定单未完成 {' '.join(item.blocking)}")
            blocked = []
        if blocked:
            ready = [item for item in blocked if all(self._passable(cutover, order) for order in item.blocking)]
            if ready and polled:
                return self._freeze(cutover, ready)
            cutover.phase = "waiting"
            self._agenda.add(min(cutover.window[0], now + self._settings["poll_ms"]), cutover)
            return []
        sends = self._out_of_it(cutover)
        cutover.phase = "ready"
        if now < cutover.window[0]:
            self._agenda.add(cutover.window[0], cutover)
            return sends
        return [*sends, *self._next_wave(cutover, now)]

    def _passable(self, cutover: Cutover, order: str) -> bool:
        return order in cutover.locked or self._orders.is_closed(order)

    # -- waves

    def _next_wave(self, cutover: Cutover, now: int) -> list[Send]:
        """CT04 of the next wave with something to do; none: the completion. After the window nothing begins any more."""
        late = [item for item in cutover.in_state("frozen") if now >= cutover.window[1]]
        for item in late:
            item.end("excluded", "割接窗口已过 / the window is over")
        sends = self._thaw(cutover, late)
        wave = min((item.wave for item in cutover.in_state("frozen")), default=None)
        if wave is None:
            return [*sends, *self._complete(cutover)]
        cutover.phase, cutover.wave = "executing", wave
        cutover.begun[wave] = None
        body = cutover.head() | {"wave": wave}
        return [*sends, Send("CT04", body, role="RM", note=("cutover", cutover.id, "wave"))]

    def _thaw(self, cutover: Cutover, items: list[Item]) -> list[Send]:
        """CT03 of what is frozen and will not be cut over."""
        if not items:
            return []
        head = cutover.head()
        return [
            Send(
                "CT03",
                head | {"part_no": no, "is_last": last, "instances": [item.instance_body() for item in chunk]},
                role="CRM",
            )
            for no, last, chunk in parts(items, Item.instance_body)
        ]

    def _complete(self, cutover: Cutover) -> list[Send]:
        """CT06: every planned instance, done, failed or excluded."""
        cutover.phase, cutover.state, cutover.asked = "completing", "3", {}
        sends = []
        for part_no, is_last, chunk in parts(list(cutover.items.values()), Item.sides):
            cutover.asked[part_no] = chunk
            body = cutover.head() | {"part_no": part_no, "is_last": is_last}
            done = [item.sides() for item in chunk if item.state == "done"]
            body |= {"done": done} if done else {}
            for state in ("failed", "excluded"):
                rows = [item.reasoned() for item in chunk if item.state == state]
                body |= {state: rows} if rows else {}
            sends.append(Send("CT06", body, role="CRM", note=("cutover", cutover.id, "complete")))
        return sends

    def _close(self, cutover: Cutover, now: int) -> list[Send]:
        """The CRM has applied what it could: locks end, RM hears of every instance that was executed."""
        done = cutover.in_state("done")
        cutover.phase, cutover.state = "closed", "4" if done else "97"
        sends = [*self._unlock(cutover, now), *self._out_of_it(cutover)]
        rows = []
        for item in cutover.items.values():
            if item.wave in cutover.begun and item.state != "excluded":
                applied = item.state == "done" and cutover.applied.get(item.instance, {}).get("outcome") == "applied"
                rows.append({"product_instance_id": item.instance, "outcome": "applied" if applied else "refused"})
        for part_no, is_last, chunk in parts(rows):
            body: Body = {"outcome": "accepted", "part_no": part_no, "is_last": is_last}
            sends.append(self._answer(cutover, body | ({"instances": chunk} if chunk else {})))
        return sends

    # -- cancel and dry run

    def _cancel_answer(self, cutover: Cutover) -> Send:
        return Send("CT08", cutover.head() | {"outcome": "accepted"}, system=cutover.sender, ref_serial=cutover.cancel_serial)

    def _crm_cancelled(self, cutover: Cutover, body: Body, now: int) -> list[Send]:
        """The CRM has thawed everything (an answer to the freeze that crossed is passed over); of a rejected plan RM knows."""
        if "instances" in body:
            return []
        if cutover.cancel_serial is None:
            cutover.phase = "closed"
            return []
        for item in cutover.items.values():
            item.end("excluded", (cutover.cancel_reason or {})["text"])
        cutover.phase, cutover.state = "closed", "98"
        return [*self._unlock(cutover, now), self._cancel_answer(cutover)]

    def _unlock(self, cutover: Cutover, now: int) -> list[Send]:
        sends: list[Send] = []
        for order in cutover.locked:
            sends += self._orders.unlock_after(order, cutover.id, now)
        return sends

    def _tried(self, trial: Cutover) -> list[Send]:
        """The dry run is over: CT08 with what the CRM said and what PF has in flight; nothing was changed."""
        del self._trials[trial.id]
        differences = list(trial.differences)
        in_flight = self._orders.in_flight()
        for item in trial.items.values():
            for order in in_flight.get(item.instance, ()):
                row = {"product_instance_id": item.instance, "field": "in_flight", "expected": "无在途定单", "found": order}
                differences.append(row)
        rows = [item.row() for item in trial.items.values()]
        count = max(len(parts(rows)), len(parts(differences)))
        sends = []
        for n in range(count):
            body: Body = {"outcome": "accepted", "part_no": n + 1, "is_last": n + 1 == count}
            for name, entries in (("instances", rows), ("differences", differences)):
                chunks = parts(entries)
                if n < len(chunks) and chunks[n][2]:
                    body[name] = chunks[n][2]
            sends.append(self._answer(trial, body))
        return sends

    def _answer(self, cutover: Cutover, body: Body) -> Send:
        """CT08 to RM, result of CT01."""
        return Send("CT08", cutover.head() | body, system=cutover.sender, ref_serial=cutover.serial)


def _window(body: Body, name: str) -> tuple[int, int] | None:
    try:
        return from_wire_time(body[name]["begin"]), from_wire_time(body[name]["end"])
    except ValueError:
        return None
