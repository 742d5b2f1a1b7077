"""Random interleavings of commands, time and answers: no order wedges, nothing is undone twice, reports have no gap (04.4)."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulators.pf.machine import CLOSED
from tests.simulators.pf_talk import DAY, PfTalk, undone_twice
from tests.simulators.talk import accept_all, decision, item

ACTS: list[dict[str, Any]] = [
    {"do": "return", "stage": "FIELD", "reason": "10R002"},
    {"do": "return", "stage": "TEST", "reason": "10R204", "mode": "AUTOMATIC", "item": "1"},
    {"do": "return", "stage": "DATA_CONFIG", "reason": "10W001", "ms": 2_000},
    {"do": "shortage", "res_type": "PORT", "reason": "10W001", "ms": 3_000},
    {"do": "shortage", "res_type": "VLAN", "reason": "10W009", "ms": 3_000, "item": "2"},
    {"do": "undo_fails", "stage": "DATA_CONFIG", "times": 2},
    {"do": "undo_fails", "stage": "RES_ASSIGN", "times": 1},
    {"do": "slow", "stage": "FIELD", "ms": 20_000},
    {"do": "manual_change", "ms": 4_000},
    {"do": "manual_change", "ms": 4_000, "outcome": "refused"},
    {"do": "late_change"},
    {"do": "separate", "times": 9},
]
ORDERS = [
    [item("1")],
    [item("1"), item("2", instance="PI2")],
    [item("1"), item("2", "IPTV", instance="PI2", depends_on=["1"]), item("3", "ADSL", instance="PI3")],
]
COMMANDS = ["wait", "wait", "wait", "cancel", "cancel_one", "change", "product", "leave_out", "defer", "end_deferral"]
COMMANDS += ["lock", "queue", "unlock", "force", "resume", "decline", "hurry", "dates", "by_hand", "refuse_next"]
COMMANDS += ["lock_loosely"]
step = st.tuples(st.sampled_from(COMMANDS), st.integers(0, 3_000))


class Walk:
    """Plays drawn commands on one order."""

    def __init__(self, items: list[dict[str, Any]], acts: list[dict[str, Any]]) -> None:
        self.talk = PfTalk(*acts)
        self.items = items
        self.asked = 1
        self.refusals = 0
        self.talk.decide = self.decided
        self.talk.begin(items)

    def decided(self, report: dict[str, Any]) -> dict[str, Any]:
        if self.refusals:
            self.refusals -= 1
            return decision(report, {report["items"][0]["item_id"]: "ATTRIBUTE_INVALID"})
        return accept_all(report)

    def play(self, command: str, ms: int) -> None:
        talk = self.talk
        talk.run(talk.now + ms)
        getattr(self, command)()
        self.hold()

    def hold(self) -> None:
        """What is true at any moment."""
        order = self.talk.order
        assert undone_twice(order) == []
        assert [body["report_seq"] for _, body in self.talk.crm] == list(range(1, len(self.talk.crm) + 1))
        for row in order.items.values():
            if row.progress in ("CANCELLED", "RETURNED"):
                assert not row.resources
                assert row.waiting is None

    def wait(self) -> None:
        pass

    def cancel(self) -> None:
        self.talk.cancel(version=self.talk.order.version)

    def cancel_one(self) -> None:
        self.talk.cancel(self.items[-1]["item_id"], version=self.talk.order.version)

    def _change(self, items: list[dict[str, Any]], code: str) -> None:
        self.asked += 1
        reaction = self.talk.change(items, base=self.talk.order.version, new=self.asked, code=code)
        if reaction.refusal is not None:
            self.asked -= 1

    def change(self) -> None:
        attrs = [{"code": "BANDWIDTH", "new": str(self.asked), "action": "M"}]
        self._change([self.items[0] | {"attrs": attrs}, *self.items[1:]], "10Q005")

    def product(self) -> None:
        self._change([self.items[0] | {"product": "LAN"}, *self.items[1:]], "10Q001")

    def leave_out(self) -> None:
        self._change([*self.items[:1], item("9", "IPTV", instance="PI9")], "10Q001")

    def defer(self) -> None:
        self.talk.defer(self.talk.now + DAY, version=self.talk.order.version)

    def end_deferral(self) -> None:
        self.talk.say("DF02", version=self.talk.order.version, appointment="20991201000000")

    def lock(self) -> None:
        self.talk.lock(self.talk.now + 4_000)

    def lock_loosely(self) -> None:
        self.talk.lock(self.talk.now + 4_000, keep=False)

    def queue(self) -> None:
        self.talk.lock(self.talk.now + 6_000, by="B", wait=True)

    def unlock(self) -> None:
        self.talk.unlock(self.talk.order.lock.fence if self.talk.order.lock else 1)

    def force(self) -> None:
        force = {"reason": {"text": "强制"}, "approved_by": "M1"}
        self.talk.unlock(self.talk.order.lock.fence if self.talk.order.lock else 1, operator="M2", force=force)

    def resume(self) -> None:
        self.talk.say("PA03", version=self.talk.order.version, accept=True)

    def decline(self) -> None:
        self.talk.say("PA03", version=self.talk.order.version, accept=False)

    def hurry(self) -> None:
        self.talk.say("OH10", version=self.talk.order.version, reason={"text": "催单"})

    def dates(self) -> None:
        dates = {"booked_at": "20991201000000"}
        self.talk.say("OH11", version=self.talk.order.version, reason={"text": "改约"}, dates=dates)

    def by_hand(self) -> None:
        row = {"item_id": self.items[-1]["item_id"], "result": "accepted"}
        self.talk.say("OH13", version=self.talk.order.version, items=[row], unasked=True)

    def refuse_next(self) -> None:
        self.refusals += 1

    def end(self) -> None:
        """With a CRM that takes every offer the order ends, and then holds nothing it has no right to."""
        for _ in range(40):
            if self.talk.order.closed:
                break
            self.talk.run(self.talk.now + DAY // 2)
            if self.talk.order.state == "PENDING_INSTALL":
                self.resume()
        assert self.talk.order.closed, (self.talk.order.state, self.talk.codes())
        self.hold()
        self.settled()

    def settled(self) -> None:
        talk, order = self.talk, self.talk.order
        assert (order.change, order.undos, order.cancels, order.locked) == (None, [], [], False)
        assert all(row.progress in CLOSED for row in order.items.values())
        asked = [code for code, result in talk.receipts if code in ("CN01", "CO01") and result == "0001"]
        final = [send for send in talk.heard if send.code in ("CN02", "CO02") and send.ref_serial and not _passing(send.body)]
        assert len(final) == len(asked)
        if not any(row.progress == "COMPLETED" for row in order.items.values()):
            assert talk.rm.ledger.counts["held"] == 0


def _passing(body: dict[str, Any]) -> bool:
    return body.get("outcome") == "manual" or any(row["outcome"] == "stuck" for row in body.get("items", ()))


@example(ORDERS[0], [ACTS[0], ACTS[2]], [("product", 1_100)])
@example([item("1"), item("2", instance="PI2")], [ACTS[0], ACTS[0], ACTS[2]], [("product", 1_100)])
@example(ORDERS[2], [ACTS[0]], [("hurry", 0), ("product", 1_225)])
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ORDERS), st.lists(st.sampled_from(ACTS), max_size=3), st.lists(step, max_size=12))
def test_random_commands_never_wedge_an_order(
    items: list[dict[str, Any]], acts: list[dict[str, Any]], commands: list[tuple[str, int]]
) -> None:
    walk = Walk(items, acts)
    for command, ms in commands:
        walk.play(command, ms)
    walk.end()
