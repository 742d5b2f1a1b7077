"""Every business refusal (3xxx) over the wire: asked in a packet, answered in one, and every table as it was (02.2, 04).

What the CRM itself refuses is asked of the CRM; what only the owner of the resources can refuse is asked of resource
management.  The codes come from the code table: a new one without a case fails here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from crm_core.resources.reserve import ReserveResource
from crm_core.schemes.request_scheme import RequestScheme
from gateway.proof.world import CHANNEL, CRM, PF, RM
from schemas.loader import load
from tests.crm_core.test_schemes import ITEMS
from tests.races.house import AMEND, CANCEL, DEFER, PLACE, Body, House
from tests.refusals.digest import digest

pytestmark = pytest.mark.simulation

CODES = sorted(row.code for row in load().results() if row.code.startswith("3"))
PICK = [{"item_no": 1, "res_type": "NUMBER", "quantity": 1}]


@dataclass(slots=True)
class Scene:
    """A house in which everything that can stand in the way does; order ids by what is special about them."""

    house: House
    customer: Body
    plain: str
    completed: str
    cancelled: str
    locked: str
    amending: str
    deferred: str
    busy_line: str
    frozen_line: str

    def submission(self, **fields: Any) -> Body:
        """SubmitOrder of the customer, under a number of its own, otherwise fine."""
        return self.house.submission(f"NO{self.house.at(0)}", **({"customer": self.customer} | fields))

    def modify(self, line: str, **fields: Any) -> Body:
        """A change of the tariff on a line."""
        plan = {"code": "PLAN", "new": "POTS30", "action": "M"}
        one = {"item_id": "1", "action": "modify", "product": "POTS", "product_instance_id": line, "attrs": [plan]}
        return self.submission(items=[one | fields])


@pytest.fixture(scope="module")
def scene() -> Scene:
    house = House()
    names = ("plain", "completed", "frozen", "cancelled", "locked", "amending", "deferred")
    house.submit("CO-FIRST")
    ((customer,),) = house.rows("SELECT id FROM customer")
    orders = {name: house.submit(f"CO-{name}", customer={"customer_id": customer}) for name in names}
    for name in names:
        house.accept(orders[name])
    lines = {}
    for name in ("completed", "frozen"):
        house.complete(orders[name], 2)
        lines[name] = house.seen(orders[name])["items"][0]["instance_id"]
    house.ask(orders["cancelled"], "cancel", {"reason": CANCEL})
    house.report(orders["cancelled"], "CancelResult", seq=2, ref=house.serial_of(orders["cancelled"], "cancel"),
                 items=[{"item_id": "1", "outcome": "cancelled"}])  # fmt: skip
    lease = {"reason": {"text": "核查"}, "locked_by": "OP1", "lease_until": house.at(864_000), "keep_resources": True}
    house.ask(orders["locked"], "lock", lease)
    house.ask(orders["amending"], "amend", {"reason": AMEND, "dates": later(house, 5)})
    for round_ in range(3):
        defer_and_end(house, orders["deferred"], 2 + 2 * round_)
    made = Scene(
        house, {"customer_id": customer}, orders["plain"], orders["completed"], orders["cancelled"], orders["locked"],
        orders["amending"], orders["deferred"], lines["completed"], lines["frozen"],
    )  # fmt: skip
    assert house.say(CHANNEL, "SubmitOrder", made.modify(made.busy_line))["code"] == "0001"
    window = {"begin": house.at(60), "end": house.at(86_400)}
    freeze = {"area": "025", "cutover_id": "CT1", "freeze_window": window, "dry_run": False, "part_no": 1, "is_last": True,
              "instances": [{"product_instance_id": made.frozen_line}]}  # fmt: skip
    assert house.say(PF, "CutoverFreeze", freeze)["code"] == "0001"
    assert house.rows(f"SELECT cutover_freeze FROM product_instance WHERE id = '{made.frozen_line}'") == [(1,)]
    return made


def later(house: House, days: int) -> Body:
    return {"captured_at": house.at(-60), "booked_at": house.at(days * 86_400)}


def defer_and_end(house: House, order: str, seq: int) -> None:
    assert house.ask(order, "defer", {"reason": DEFER, "until": house.at(86_400)})["code"] == "0001"
    house.report(order, "OperationResult", seq=seq, ref=house.serial_of(order, "defer"), operation="defer", outcome="applied")
    house.report(order, "DeferralEnded", seq=seq + 1, ended_by="date", state="ACCEPTED")


def with_scheme(scene: Scene, request: str, *results: tuple[int, int]) -> None:
    """A scheme designed in (version, valid for seconds)."""
    house = scene.house
    house.command(RequestScheme(request, "025", {"name": "张示例", "type": "1"}, ITEMS, house.at(90 * 86_400),
                                {"name": "张示例", "phone": "13800000000"}))  # fmt: skip
    option = {"no": 1, "access_mode": "FIBRE", "route": "示例路由", "days": 5, "resources": [],
              "costs": dict.fromkeys(("line", "equipment", "implementation", "wiring", "exploration", "total"), 0)}  # fmt: skip
    for version, valid in results:
        body = {"area": "025", "scheme_request_id": request, "scheme_id": f"SC-{request}", "version": version, "designer": "甲",
                "auditor": "乙", "valid_until": house.at(valid), "options": [option]}  # fmt: skip
        assert house.say(PF, "SchemeResult", body)["code"] == "0001"


def hold(scene: Scene, reservation: str, *, sender: str = CRM, to: str = RM) -> int:
    """A number held at resource management; the fence."""
    body = {"area": "025", "reservation_id": reservation, "kind": "PICK", "items": PICK, "all_or_nothing": True}
    answer = scene.house.say(sender, "ReserveResource", body, to=to)
    return int(answer["fence"])


Asked = tuple[str, str, Body, str]
"""Who asks what of whom."""
Case = Callable[[Scene], Asked]


def channel(body: Callable[[Scene], Body]) -> Case:
    return lambda scene: (CHANNEL, "SubmitOrder", body(scene), CRM)


def operation(which: str, name: str, fields: Callable[[House], Body], **more: Any) -> Case:
    def case(scene: Scene) -> Asked:
        body = {"service_order_id": getattr(scene, which, which), "area": "025", "operation": name, "dry_run": False}
        return CHANNEL, "OrderOperation", body | {name: fields(scene.house)} | more, CRM

    return case


def expired_reservation(scene: Scene) -> Asked:
    house = scene.house
    house.command(ReserveResource("RV-GONE", "025", "PICK", PICK, True, 1800))
    ((items,),) = house.rows("SELECT items_json FROM reservation WHERE id = 'RV-GONE'")
    resources = [item["resource"] for item in json.loads(items)]
    house.say(RM, "ReservationExpired", {"area": "025", "reservation_id": "RV-GONE", "resources": resources})
    return CHANNEL, "SubmitOrder", scene.submission(reservations=["RV-GONE"]), CRM


def superseded(scene: Scene) -> Asked:
    with_scheme(scene, "SR-OLD", (1, 864_000), (2, 864_000))
    return CHANNEL, "SubmitOrder", scene.submission(scheme={"scheme_id": "SC-SR-OLD", "version": 1}), CRM


def over(scene: Scene) -> Asked:
    with_scheme(scene, "SR-OVER", (1, 60))
    scene.house.advance(90)
    return CHANNEL, "SubmitOrder", scene.submission(scheme={"scheme_id": "SC-SR-OVER", "version": 1}), CRM


def taken_twice(scene: Scene) -> Asked:
    scene.house.submit("CO-TAKES", reservations=["RV-TAKEN"], customer=scene.customer)
    return CHANNEL, "SubmitOrder", scene.submission(reservations=["RV-TAKEN"]), CRM


def extension(reservation: str, fence: int) -> Asked:
    return CRM, "ExtendReservation", {"area": "025", "reservation_id": reservation, "fence": fence, "ttl_seconds": 3600}, RM


def extended_too_often(scene: Scene) -> Asked:
    fence = hold(scene, "RV-LONG")
    for _ in range(2):
        sender, name, body, to = extension("RV-LONG", fence)
        fence = int(scene.house.say(sender, name, body, to=to)["fence"])
    return extension("RV-LONG", fence)


def nothing_there(scene: Scene) -> Asked:
    item = {"item_no": 1, "res_type": "PORT", "res_inst_id": "PORT-NOWHERE", "quantity": 1}
    body = {"area": "025", "reservation_id": "RV-NONE", "kind": "PICK", "items": [item], "all_or_nothing": True}
    return CRM, "ReserveResource", body, RM


def not_covered(scene: Scene) -> Asked:
    where = PLACE | {"bureau": "NOWHERE"}
    body = {"area": "025", "product": "POTS", "action": "install", "quantity": 1, "access_modes": ["COPPER"], "a_end": where}
    return CRM, "ConfirmResource", body, RM


def until(seconds: int) -> Callable[[House], Body]:
    return lambda house: {"reason": DEFER, "until": house.at(seconds)}


def reappointed(house: House) -> Body:
    return {"reason": {"text": "改约"}, "dates": {"booked_at": house.at(518_400)}}


SOMEBODY = "C9999999999999999"
CASES: dict[str, tuple[Case, str | None]] = {
    "3001": (channel(lambda s: s.submission(customer={"customer_id": SOMEBODY})), None),
    "3002": (channel(lambda s: s.modify("PI9999999999999999")), None),
    "3003": (operation("SO999999999999", "cancel", lambda _: {"reason": CANCEL}), None),
    "3004": (operation("plain", "end_deferral", lambda h: {"appointment": h.at(7200)}), "ACCEPTED"),
    "3005": (operation("completed", "cancel", lambda _: {"reason": CANCEL}), "COMPLETED"),
    "3006": (channel(lambda s: s.modify(s.busy_line)), "ACKNOWLEDGED"),
    "3007": (operation("locked", "defer", until(86_400)), "ACCEPTED"),
    "3008": (operation("locked", "unlock", lambda _: {"fence": 1}, operator="OP2"), "ACCEPTED"),
    "3009": (nothing_there, None),
    "3010": (expired_reservation, "expired"),
    "3011": (lambda _: extension("RV-UNKNOWN", 1), None),
    "3012": (taken_twice, "ACKNOWLEDGED"),
    "3013": (operation("plain", "defer", until(-60)), "ACCEPTED"),
    "3014": (operation("deferred", "defer", until(86_400)), "ACCEPTED"),
    "3015": (operation("plain", "cancel", lambda _: {"reason": CANCEL}, version=7), "ACCEPTED"),
    "3016": (over, "30"),
    "3017": (superseded, "50"),
    "3018": (channel(lambda s: s.modify(s.frozen_line)), "active"),
    "3019": (channel(lambda s: s.submission(items=[{"item_id": "1", "action": "survey", "product": "CLIP"}])), None),
    "3020": (operation("plain", "cancel", lambda _: {"reason": CANCEL | {"code": "10C999"}}), "ACCEPTED"),
    "3021": (operation("amending", "reschedule", reappointed), "AMENDING"),
    "3022": (not_covered, None),
    "3023": (channel(lambda s: s.submission(customer=s.customer, account_id="A9999999999999999")), None),
    "3024": (channel(lambda s: s.modify(s.busy_line, depends_on=[s.cancelled])), "CANCELLED"),
    "3025": (extended_too_often, None),
}
"""Code -> what provokes it, and the state its answer carries (None: what it is about does not exist, or has no state)."""


def test_every_code_of_the_table_has_a_case() -> None:
    assert list(CASES) == CODES


@pytest.mark.parametrize("code", CODES)
def test_a_refusal_says_why_and_changes_nothing(scene: Scene, code: str) -> None:
    case, state = CASES[code]
    house = scene.house
    sender, name, body, to = case(scene)
    house.advance(2)
    with house.world.engine.connect() as connection:
        before = digest(connection)
    ledger = repr(house.world.hosts[RM].brain.inspect())
    answer = house.say(sender, name, body, to=to)
    with house.world.engine.connect() as connection:
        after = digest(connection, answer["serial"])
    assert (answer["code"], answer["result"], answer.get("state")) == (code, code, state), answer
    assert [name for name in before if before[name] != after[name]] == []
    assert repr(house.world.hosts[RM].brain.inspect()) == ledger


REPORTS: list[tuple[str, str, str, str | None]] = [
    ("3003", "SO999999999999", "send_back", None),
    ("3004", "completed", "pending", "COMPLETED"),
    ("3004", "completed", "send_back", "COMPLETED"),
    ("3004", "cancelled", "complete", "CANCELLED"),
]


@pytest.mark.parametrize(("code", "which", "report", "state"), REPORTS)
def test_a_report_that_contradicts_is_refused_calls_a_person_and_changes_nothing(
    scene: Scene, code: str, which: str, report: str, state: str | None
) -> None:
    house = scene.house
    order = getattr(scene, which, which)
    house.advance(2)
    with house.world.engine.connect() as connection:
        before = digest(connection)
    answer = getattr(house, report)(order, None)
    with house.world.engine.connect() as connection:
        after = digest(connection, answer["serial"])
    assert (answer["code"], answer.get("state")) == (code, state)
    assert [name for name in before if before[name] != after[name]] == []
    about = "SELECT count(*) FROM fallout f JOIN message m ON m.id = f.message_id"
    assert house.rows(f"{about} WHERE m.serial = '{answer['serial']}'") == [(int(state is not None),)]


def test_a_report_of_a_version_never_sent_is_refused_with_the_state(scene: Scene) -> None:
    answer = scene.house.stage(scene.plain, None, 5)
    assert (answer["code"], answer["state"]) == ("3015", "ACCEPTED")


def test_the_digest_sees_what_a_message_that_is_taken_changes(scene: Scene) -> None:
    house = scene.house
    with house.world.engine.connect() as connection:
        before = digest(connection)
    answer = house.ask(scene.plain, "amend", {"reason": AMEND, "dates": later(house, 9)})
    with house.world.engine.connect() as connection:
        after = digest(connection, answer["serial"])
    assert answer["code"] == "0001"
    changed = {name for name in before if before[name] != after[name]}
    assert {"service_order", "order_item", "history", "message"} <= changed
