"""RC01: what a product can be served with at its ends, and perhaps the best of it pre-occupied (spec 5.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators.brain import Body
from simulators.rm.access import NUMBER, Access, End
from simulators.rm.ledger import Refused
from simulators.rm.reserving import Reserving

AVAILABLE, PARTIAL, UNAVAILABLE = "1", "2", "0"
_WORST_FIRST = (UNAVAILABLE, PARTIAL, AVAILABLE)
_INSTALL = "install"


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve both ends: A's end, and Z's where there is one."""

    ends: tuple[End, ...]
    result: str

    @property
    def free(self) -> int:
        """How many the scarcer end has."""
        return min(end.free for end in self.ends)

    def body(self) -> Body:
        """As on the wire: days are the longer end's, the cost is both ends'."""
        first = self.ends[0]
        return {
            "access_mode": first.mode.code,
            "bureau": first.bureau,
            "free_count": self.free,
            "distance_m": max(end.distance_m for end in self.ends),
            "lead_days": max(end.mode.lead_days for end in self.ends),
            "one_off_cost": sum(end.mode.one_off_cost for end in self.ends),
        }


class Confirmation:
    """Answers RC01."""

    def __init__(self, access: Access, reserving: Reserving) -> None:
        self._access = access
        self._reserving = reserving

    def confirm(self, body: Body, owner: str, now: int) -> tuple[Body, bool]:
        """The confirmation, and whether its reservation id was known already.

        Raises Refused 3002, 3019, 3022, and what RR01 is refused with where it pre-occupies.
        """
        self._check(body)
        options = self._options(body)
        best = options[0] if options else None
        result = best.result if best is not None else UNAVAILABLE
        answer: Body = {"result": result}
        if result != AVAILABLE:
            answer["reason"] = self._reason(best, body)
        offered = [option.body() for option in options if option.free]
        if offered:
            answer["options"] = offered
        if best is not None and NUMBER in best.ends[0].types and best.free:
            shown = self._access.table["numbers_shown"]
            found = self._access.plant.peek(best.ends[0].area, NUMBER, shown, best.ends[0].bureau)
            answer["numbers"] = [resource.code for resource in found]
        if "pre_occupy" not in body:
            return answer, False
        return self._pre_occupy(answer, best, body, owner, now)

    def _check(self, body: Body) -> None:
        table, action = self._access.table, body["action"]
        numberless = action == table["renumbering"] and body["product"] not in table["numbered"]
        if action not in table["actions"] or numberless:
            raise Refused("NO_PROCESS")
        self._access.serving(body["product"])
        for name in ("a_end", "z_end"):
            if name in body:
                self._access.bureaus(body[name])
        instance = body.get("product_instance_id")
        if instance is not None and body["action"] != _INSTALL and not self._access.plant.serving(instance):
            raise Refused("INSTANCE_UNKNOWN")

    def _options(self, body: Body) -> list[Option]:
        """The ways of the modes asked for, best first. With two ends a mode counts with the worse of its best ends."""
        table = self._access.table
        numbered = body["product"] in table["numbered"] and body["action"] in table["numbering"]
        found: list[Option] = []
        for mode in self._access.serving(body["product"]):
            if mode.code not in body["access_modes"]:
                continue
            a_ends = self._access.ends(mode, body["a_end"], numbered)
            z_ends = self._access.ends(mode, body["z_end"], False)[:1] if "z_end" in body else []
            if "z_end" in body:
                a_ends = a_ends[:1] if z_ends else []
            for end in a_ends:
                ends = (end, *z_ends)
                found.append(Option(ends, worst(_result(end, body["quantity"]) for end in ends)))
        return sorted(found, key=lambda option: -_WORST_FIRST.index(option.result))

    def _reason(self, best: Option | None, body: Body) -> Body:
        if best is None:
            return {"text": "所选接入方式均不可达 / no access mode asked for reaches the address"}
        for end in best.ends:
            for kind in end.types:
                if self._access.plant.free_count(end.area, kind, end.bureau) < body["quantity"]:
                    short = self._access.plant.types[kind].shortage
                    return {"text": short["text"], "code": short["code"]}
        raise AssertionError("an end that lacks nothing is available")

    def _pre_occupy(self, answer: Body, best: Option | None, body: Body, owner: str, now: int) -> tuple[Body, bool]:
        """Reserve the best way whole, or nothing; the same id again is told what it holds."""
        asked = body["pre_occupy"]
        request = _need(body)
        known = asked["reservation_id"] in self._reserving.ledger.entries
        if not known and (best is None or best.result != AVAILABLE):
            return answer, False
        head = {name: body[name] for name in ("area", "channel", "service_order_id") if name in body}
        items = _items(best, body["quantity"]) if best is not None else []
        wanted = head | asked | {"items": items, "all_or_nothing": True}
        held, known = self._reserving.reserve(wanted, owner, now, request)
        reserved: list[Body] = []
        for row in held["items"]:
            for resource in row.get("resources", []):
                reserved.append(resource | _side(row["item_no"], resource, body))
        if reserved:
            answer["reserved"] = reserved
        answer |= {name: held[name] for name in ("expires_at", "fence") if name in held}
        return answer, known


def worst(results: Iterable[str]) -> str:
    """The worse of results at several ends."""
    return min(results, key=_WORST_FIRST.index)


_Z_FROM = 101
"""Item numbers of the Z end's resources begin here."""


def _result(end: End, quantity: int) -> str:
    if end.free >= quantity:
        return AVAILABLE
    return PARTIAL if end.free else UNAVAILABLE


def _items(option: Option, quantity: int) -> list[Body]:
    items: list[Body] = []
    for end, first in zip(option.ends, (1, _Z_FROM), strict=False):
        for n, kind in enumerate(end.types):
            item: Body = {"item_no": first + n, "res_type": kind, "quantity": quantity, "rule": {"bureau": end.bureau}}
            items.append(item | {"area": end.area})
    return items


def _side(item_no: int, resource: Body, body: Body) -> Body:
    """Ports of a circuit say which end they are."""
    if "z_end" not in body or resource["role"] != "port":
        return {}
    return {"role": "Z" if item_no >= _Z_FROM else "A"}


def _need(body: Body) -> object:
    """What makes two pre-occupations the same one."""
    names = (
        "product",
        "action",
        "quantity",
        "bandwidth",
        "access_modes",
        "a_end",
        "z_end",
        "product_instance_id",
        "pre_occupy",
    )
    return [body.get(name) for name in names]
