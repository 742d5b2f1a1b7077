"""改单: an order in flight takes a new image; and processes that go back to an earlier stage by themselves (spec 5.6, 04.3).

RM turns resources first (CO03); then what the change invalidates is undone, once, in reverse order; then the new version
counts, CO02 says so, and the stages are done again.  Until then nothing new starts.  Where only dates differ nothing is redone.
"""

from __future__ import annotations

from simulators.brain import Body, Meta, Reaction, Send
from simulators.pf import bodies, results, steps
from simulators.pf.floor import TEMPORARY, Floor, Task
from simulators.pf.image import wrong
from simulators.pf.legality import Verdict
from simulators.pf.operations import Change, Undo
from simulators.pf.order import Item, Order, action_name
from simulators.pf.reasons import ReasonRow, find_reason

_CHANGE = "10Q"
_ANEW = ("action", "product", "a_end", "z_end")
"""Where one of these differs the item begins anew, whatever the reason says."""
_ENVELOPE = ("base_version", "new_version", "reason", "changes")


class Changing:
    """Changes of orders."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def change(self, order: Order, body: Body, meta: Meta, now: int) -> Reaction:
        """CO01."""
        change = Change(meta.serial, meta.sender, body)
        symbol, state = self._examine(order, change)
        if symbol in TEMPORARY:
            return Reaction.refuse(symbol, state)
        late = symbol == "PAST_NO_RETURN" and self._floor.act(order, "late_change") is not None
        order.highest = max(order.highest, change.version)
        out: list[Send] = []
        if symbol and not late:
            out.append(self._told(order, change, "refused", **results.refusal(symbol, state)))
            return Reaction(sends=out)
        order.change = change
        act = self._floor.act(order, "manual_change") if order.acts else None
        if late:
            self._reopen(order, now)
            self._apply(order, {}, now, out)
        elif act is not None:
            change.phase, change.decides_at = "manual", now + act.ms
            change.verdict = "" if act.outcome == "applied" else act.code
            self._floor.later("decide", order, change.decides_at)
            out.append(self._told(order, change, "manual"))
        else:
            self._proceed(order, change, now, out)
        return Reaction(sends=out)

    def decide(self, order: Order, task: Task, now: int, out: list[Send]) -> None:
        """A person has decided."""
        change = order.change
        if change is None or change.phase != "manual" or change.decides_at != task.at:
            return
        symbol = change.verdict or self._past(order, change)
        if symbol:
            self.give_up(order, symbol, now, out)
        else:
            self._proceed(order, change, now, out)

    def _told(self, order: Order, change: Change, outcome: str, **said: object) -> Send:
        body = results.change_result(order, change, outcome, **said)
        return Send("CO02", body, system=change.sender, ref_serial=change.serial)

    # -- may it be

    def _examine(self, order: Order, change: Change) -> tuple[str, str]:
        """Symbol of the refusal (or empty) and the state met; fills in what the change is about."""
        body = change.body
        for item in order.going() or list(order.items.values()):
            ruling = self._floor.rule(order, item, "change")
            if ruling.verdict is Verdict.REFUSED:
                return ruling.symbol, order.shown(item)
        if body["base_version"] != order.version or change.version <= order.highest:
            return "STALE_VERSION", order.state
        reason = find_reason(body["reason"]["code"], _CHANGE, order.image["area"], order.stages)
        if reason is None:
            return "ATTRIBUTE_INVALID", order.state
        images = {image["item_id"]: image for image in body["items"]}
        if any(self._process(image) is None for image in images.values()):
            return "NO_PROCESS", order.state
        if steps.circular(images):
            return "DEPENDENCY_NOT_MET", order.state
        impossible = wrong(body)
        if impossible is not None:
            return impossible[0], order.state
        change.dropped = tuple(item.id for item in order.going() if item.id not in images)
        change.added = tuple(name for name in images if name not in order.items)
        for item in order.going():
            if item.id in images and images[item.id] != item.image:
                change.again[item.id] = self._again(item, images[item.id], reason)
        if len(change.dropped) == len(order.going()) and not change.added:
            return "ATTRIBUTE_INVALID", order.state
        return self._past(order, change), order.state

    def _past(self, order: Order, change: Change) -> str:
        concerned = [order.items[name] for name in (*change.again, *change.dropped)]
        return "PAST_NO_RETURN" if any(self._floor.point(order, item) == "hard" for item in concerned) else ""

    def _process(self, image: Body) -> object:
        return self._floor.table.find(image["product"], action_name(image))

    def _again(self, item: Item, image: Body, reason: ReasonRow) -> frozenset[str]:
        """Stages of the item that the change invalidates."""
        anew = any(item.image.get(name) != image.get(name) for name in _ANEW)
        return self._built_upon(item, None if anew else reason.target)

    def _built_upon(self, item: Item, start: str | None) -> frozenset[str]:
        return steps.built_upon(item.process, start, {code: stage.rank for code, stage in self._floor.table.stages.items()})

    # -- resources first

    def _proceed(self, order: Order, change: Change, now: int, out: list[Send]) -> None:
        """RM turns what it assigned to new needs; one that still works on the old ones is let finish."""
        concerned = [order.items[name] for name in change.again if order.items[name].open]
        if any(item.asked is not None for item in concerned):
            change.phase = "asked"
            return
        rows = [row for item in concerned if item.assigned and (row := self._turn(item, change)) is not None]
        if not rows:
            self._undo(order, change, now, out)
            return
        change.phase, change.reassigned = "resources", tuple(row["item_id"] for row in rows)
        for name in change.reassigned:
            order.items[name].asked = change.version
        head = order.head() | {"version": change.version}
        out.append(Send("CO03", head | {"items": rows}, role="RM", note=("reassigned", order.id, order.epoch, -1)))

    def _turn(self, item: Item, change: Change) -> Body | None:
        """A row of CO03; None where the needs stay what they are."""
        image = next(image for image in change.body["items"] if image["item_id"] == item.id)
        process = self._floor.table.find(image["product"], action_name(image))
        assert process is not None
        old, new = bodies.needs_of(item), bodies.needs_of(Item(item.id, image, process))
        if old == new:
            return None
        row = {"item_id": item.id, "product": image["product"], "product_instance_id": item.instance}
        said = {"old_needs": old, "new_needs": new, "old_resources": item.resources}
        return row | {name: value for name, value in said.items() if value}

    def _turn_back(self, order: Order, change: Change, items: list[Item], out: list[Send]) -> None:
        """The change cannot be had: items that RM has turned are turned back."""
        rows = [row for item in items if (row := self._turn(item, change)) is not None]
        for row in rows:
            row["old_needs"], row["new_needs"] = row.get("new_needs", []), row.get("old_needs", [])
            order.items[row["item_id"]].asked = order.version
        if rows:
            rows = [{name: value for name, value in row.items() if value} for row in rows]
            out.append(Send("CO03", order.head() | {"items": rows}, role="RM", note=("reassigned", order.id, order.epoch, -1)))

    def look(self, order: Order, now: int, out: list[Send]) -> None:
        """RM has answered something: the change may go on, or cannot be had."""
        change = order.change
        if change is not None and change.phase == "busy":
            self._undo(order, change, now, out)
            return
        if change is None or change.phase not in ("asked", "resources"):
            return
        if change.phase == "asked":
            self._proceed(order, change, now, out)
            return
        turned = [order.items[name] for name in change.reassigned]
        if any(item.asked is not None for item in turned):
            return
        lost = [item for item in turned if item.shortage is not None or item.refused is not None]
        for item in lost:
            item.shortage = item.refused = None
        if lost:
            self._turn_back(order, change, [item for item in turned if item not in lost], out)
            self.give_up(order, "RESOURCE_UNAVAILABLE", now, out)
        else:
            self._undo(order, change, now, out)

    def refused(self, order: Order, now: int, out: list[Send]) -> None:
        """RM does not take the CO03."""
        change = order.change
        if change is not None and change.phase == "resources":
            for name in change.reassigned:
                order.items[name].asked = None
            self.give_up(order, "RESOURCE_UNAVAILABLE", now, out)

    # -- then what is built upon them

    def _undo(self, order: Order, change: Change, now: int, out: list[Send]) -> None:
        concerned = (*change.again, *change.dropped)
        if any(undo.purpose == "rework" and any(name in concerned for name in undo.items) for undo in order.undos):
            change.phase = "busy"
            return
        change.phase = "undoing"
        reason = {"text": change.body["reason"]["text"], "code": change.body["reason"]["code"]}
        busy = [name for undo in order.undos for name in undo.items]
        again = {name: change.again[name] for name in change.again if order.items[name].open and name not in busy}
        for name in again:
            n = order.step_of(order.items[name])
            if n is not None and order.steps[n].stage.code in again[name]:
                self._floor.waiting.leave(order, order.items[name], out)
        dropped = tuple(name for name in change.dropped if order.items[name].open and name not in busy)
        if dropped:
            self._floor.undoing.begin(order, Undo("drop", dropped, reason), now, out)
        if again and order.change is change:
            self._floor.undoing.begin(order, Undo("change", tuple(again), reason, again=again), now, out, ask=False)
        if not dropped and not again:
            self._apply(order, {}, now, out)

    def undone(self, order: Order, undo: Undo, now: int, out: list[Send]) -> None:
        """Part of what a change or a going back undoes is undone."""
        change = order.change
        if undo.purpose == "rework":
            self.look(order, now, out)
            self._floor.flow.advance(order, now, out)
            return
        if change is None or change.phase != "undoing":
            return
        for stages in undo.undone.values():
            change.redone |= {stage["code"]: stage for stage in stages}
        if not any(other.purpose in ("change", "drop") for other in order.undos):
            self._apply(order, change.redone, now, out)

    def _apply(self, order: Order, redone: dict[str, Body], now: int, out: list[Send]) -> None:
        """The new version counts."""
        change = order.change
        assert change is not None
        order.change = None
        order.version = change.version
        order.image = {name: value for name, value in change.body.items() if name not in _ENVELOPE} | {"version": order.version}
        self._floor.admission.leave(order)
        fresh = self._images(order, change)
        steps.set_levels({item.id: item for item in order.going()})
        if order.accepted_at is not None:
            for step in order.steps:
                if step.state == "waiting" and not step.extra and any(name in fresh for name in step.items):
                    step.state = "dropped"
            order.steps += steps.plan([order.items[name] for name in fresh], self._floor.table.stages)
            steps.link(order)
        self._floor.admission.enter(order)
        order.since = now
        said: Body = {"redone_stages": list(redone.values())} if redone else {}
        if order.expected_finish is not None:
            said["expected_finish"] = results.at(order.expected_finish)
        out.append(self._told(order, change, "applied", **said))
        self._floor.flow.advance(order, now, out)

    def _images(self, order: Order, change: Change) -> list[str]:
        """Give items their new images and processes; the ids of those whose steps are to be planned (new process, added). Those
        on their way out keep what they are undone by."""
        fresh = []
        leaving = [name for undo in order.undos for name in undo.items]
        for image in change.body["items"]:
            process = self._floor.table.find(image["product"], action_name(image))
            assert process is not None
            known = order.items.get(image["item_id"])
            if known is None:
                order.items[image["item_id"]] = item = Item(image["item_id"], image, process)
                self._begin(order, item)
                fresh.append(item.id)
            elif known.open and known.id not in leaving:
                if known.process is not process:
                    steps.part(order, [known.id])
                    fresh.append(known.id)
                known.image, known.process = image, process
        return fresh

    def _begin(self, order: Order, item: Item) -> None:
        if order.accepted_at is not None:
            item.move("accept")
            item.move("begin")
        if order.deferral is not None:
            item.resumes = item.progress
            item.move("defer")

    def _reopen(self, order: Order, now: int) -> None:
        """The change crossed the completion and is taken: back to the summary, which is done again (二次报竣)."""
        for n, step in enumerate(order.steps):
            if step.extra and step.state == "done" and all(order.items[name].progress == "COMPLETING" for name in step.items):
                assert step.work is not None
                work = self._floor.issue(order, order.steps[n], step.items, now)
                work.direction, work.state, work.finished, work.undoes = "reverse", "done", now, step.work.id
                step.state = "undone"
        for item in order.items.values():
            if item.progress == "COMPLETING":
                item.move("repair")

    def give_up(self, order: Order, symbol: str, now: int, out: list[Send]) -> None:
        """The change is refused: CO02. What it had undone is done again as it was; items on their way out go on their way."""
        change = order.change
        assert change is not None
        order.change = None
        for undo in list(order.undos):
            if undo.purpose == "change":
                self._floor.undoing.abort(order, undo, now)
            elif undo.purpose == "drop":
                undo.purpose, undo.rule = "cancel", True
                for name in undo.items:
                    order.items[name].cancelling = True
        out.append(self._told(order, change, "refused", **results.refusal(symbol, order.state)))
        if not order.closed:
            self._floor.flow.advance(order, now, out)

    # -- back to an earlier stage

    def rework(self, order: Order, names: list[str], reason: ReasonRow, n: int, now: int, out: list[Send]) -> None:
        """折返 within provisioning: items go back to the stage their reason names and are worked on from there."""
        again = {}
        for name in names:
            item = order.items[name]
            stages = self._built_upon(item, reason.target) | {order.steps[n].stage.code}
            again[name] = stages
        asked = any(order.items[name].process.assign in again[name] for name in names)
        undo = Undo("rework", tuple(names), reason.plain(), at=n, again=again)
        self._floor.note(order, reason.plain(), order.steps[n].stage.code, now)
        self._floor.undoing.begin(order, undo, now, out, ask=asked)
