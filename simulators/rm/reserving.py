"""Reservations over the interface: RR01, RR02, RR03 (spec 5.3). Refusals are ``Refused``; nothing is changed by one."""

from __future__ import annotations

from typing import Any

from adapters.wire.times import wire_time
from schemas.loader import load
from simulators.brain import Body
from simulators.codes import number
from simulators.rm.ledger import Hold, Ledger, Refused, Reservation
from simulators.rm.plant import Plant, Resource


class Reserving:
    """What owners ask of the ledger, as bodies."""

    def __init__(self, plant: Plant, ledger: Ledger) -> None:
        self.plant = plant
        self.ledger = ledger
        self._limits: dict[str, int] = plant.table["limits"]
        self._policy: list[dict[str, Any]] = [row.extra for row in load().table("ttl_policy").rows.values()]

    def reserve(self, body: Body, owner: str, now: int, request: object = None) -> tuple[Body, bool]:
        """RR01: the answer, and whether the id was known already. Raises Refused 1009, 3009, 3010, 3012 (also: under this id
        another system holds), 3022.

        ``request`` tells a repeat from another reservation under the same id, where that is not said by the items.
        """
        known = self.ledger.entries.get(body["reservation_id"])
        request = request or _request(body)
        if known is not None:
            return self._again(known, request, owner), True
        if not self.plant.covers(body["area"]):
            raise Refused("ADDRESS_NOT_COVERED")
        entry = Reservation(
            id=body["reservation_id"],
            kind=body["kind"],
            owner=owner,
            area=body["area"],
            request=request,
            order=body.get("service_order_id"),
            channel=body.get("channel", ""),
            created=now,
            expires_at=now + 1000 * self._asked_ttl(body),
        )
        refused = self._hold_items(entry, body, now)
        self.ledger.open(entry)
        return self._answer(entry, refused), False

    def release(self, body: Body, owner: str, now: int) -> Body:
        """RR02: idempotent; an unknown id is closed and succeeds; what has ended is told before the fence, which grew with its
        end. What has passed on with an order under way is refused item by item (2002). Raises Refused 2002, 3009 (consumed),
        3015."""
        reservation_id = body["reservation_id"]
        if reservation_id not in self.ledger.entries:
            self.ledger.open(Reservation(reservation_id, "ORDER", owner, body["area"], created=now, closed=True))
            return {"reservation_id": reservation_id}
        entry = self.ledger.owned(reservation_id, owner)
        if not entry.closed:
            self.ledger.check(reservation_id, owner, body.get("fence"))
        chosen = _chosen(entry, body.get("items"))
        if chosen and all(hold.state == "consumed" for _, hold in chosen):
            raise Refused("RESOURCE_UNAVAILABLE", "consumed")
        results = []
        for item in dict.fromkeys(item for item, _ in chosen):
            results.append(self._release_item(entry, item, [hold for name, hold in chosen if name == item], now))
        answer: Body = {"reservation_id": entry.id, "fence": entry.fence}
        return answer | {"items": results} if results else answer

    def extend(self, body: Body, owner: str, now: int) -> Body:
        """RR03: what has ended is told before the fence, which grew with its end. Raises Refused 2002 (also: it has passed on
        with an order under way), 3009 (consumed), 3010, 3011, 3015, 3025, 3004 (a weaker kind)."""
        entry = self.ledger.owned(body["reservation_id"], owner)
        if self.ledger.passed_on(entry):
            raise Refused("NOT_PERMITTED")
        if entry.closed:
            raise _over(entry)
        self.ledger.check(entry.id, owner, body["fence"])
        until = now + 1000 * min(body["ttl_seconds"], self._limits["ttl_most"])
        self.ledger.extend(entry, body.get("kind", entry.kind), until, self._limits["extensions"], now)
        answer: Body = {"reservation_id": entry.id, "kind": entry.kind, "fence": entry.fence}
        return answer | ({} if entry.expires_at is None else {"expires_at": wire_time(entry.expires_at)})

    def ttl(self, kind: str, channel: str, res_types: list[str], asked: int | None, basis: str = "order") -> int:
        """Seconds a hold lasts: what was asked within the maximum, else the least of the policy over the types.

        A hold for a scheme lasts as long as the scheme, which is the asker's to say; unsaid, the maximum.
        """
        if asked is not None:
            return min(asked, self._limits["ttl_most"])
        return min(self._row_seconds(kind, basis, channel, res_type) for res_type in res_types)

    def afresh(self, entry: Reservation) -> int:
        """How long (ms) a reservation lasts that came back to its owner: as one made now through its channel (5.3)."""
        types = list(dict.fromkeys(hold.resource.type for hold in entry.held()))
        return 1000 * self.ttl(entry.kind, entry.channel, types, None)

    def _row_seconds(self, kind: str, basis: str, channel: str, res_type: str) -> int:
        wanted = {"kind": kind, "basis": basis, "channel": channel, "res_type": res_type}
        for row in self._policy:
            if all(row[column] in (value, "*") for column, value in wanted.items()):
                return int(row["ttl_seconds"]) if row["ends"] == "ttl" else self._limits["ttl_most"]
        return self._limits["ttl_most"]

    def _asked_ttl(self, body: Body) -> int:
        types = [item["res_type"] for item in body["items"]]
        basis = "scheme" if "scheme_id" in body else "order"
        return self.ttl(body["kind"], body.get("channel", ""), types, body.get("ttl_seconds"), basis)

    def _again(self, entry: Reservation, request: object, owner: str) -> Body:
        if entry.owner != owner:
            raise Refused("RESOURCE_HELD")
        if entry.closed or entry.request is None:
            raise Refused("RESOURCE_HELD") if self.ledger.passed_on(entry) else _over(entry)
        if entry.request != request:
            raise Refused("SERIAL_REUSED")
        return self._answer(entry, {})

    def _hold_items(self, entry: Reservation, body: Body, now: int) -> dict[int, Refused]:
        """Hold what is asked; items that cannot be: why. All or nothing, and nothing at all, raise the first reason."""
        refused: dict[int, Refused] = {}
        for item in body["items"]:
            try:
                self._hold_item(entry, item, now)
            except Refused as reason:
                refused[item["item_no"]] = reason
        if refused and (body["all_or_nothing"] or not entry.holds):
            for hold in entry.held():
                self.ledger.end(entry, hold, "released", now)
            raise next(iter(refused.values()))
        return refused

    def _hold_item(self, entry: Reservation, item: Body, now: int) -> None:
        if "res_inst_id" in item:
            named = self.plant.find(item["res_inst_id"])
            if named is None or named.type != item["res_type"]:
                raise Refused("RESOURCE_UNAVAILABLE")
            self.ledger.take(entry, named, str(item["item_no"]), now)
            return
        chosen = self.plant.choose(item.get("area", entry.area), item["res_type"], item["quantity"], item.get("rule"))
        if len(chosen) < item["quantity"]:
            self.plant.put_back(chosen)
            raise Refused("RESOURCE_UNAVAILABLE")
        for resource in chosen:
            self.ledger.take(entry, resource, str(item["item_no"]), now)

    def _release_item(self, entry: Reservation, item: str, holds: list[Hold], now: int) -> Body:
        if any(hold.state == "consumed" for hold in holds):
            return {"item_no": int(item), "result": "refused", "code": number("RESOURCE_UNAVAILABLE")}
        if self.ledger.passed_on(entry) and any(hold.state == "held" for hold in holds):
            return {"item_no": int(item), "result": "refused", "code": number("NOT_PERMITTED")}
        freed: list[Resource] = [hold.resource for hold in holds]
        for hold in holds:
            if hold.state == "held":
                self.ledger.end(entry, hold, "released", now)
        return {"item_no": int(item), "result": "released", "resources": [resource.ref() for resource in freed]}

    def _answer(self, entry: Reservation, refused: dict[int, Refused]) -> Body:
        items: list[Body] = []
        for item in dict.fromkeys(hold.item for hold in entry.holds):
            held = [hold.resource.ref() for hold in entry.holds if hold.item == item and hold.state == "held"]
            result: Body = {"item_no": int(item), "result": "held" if held else "released"}
            items.append(result | {"resources": held} if held else result)
        for item_no, reason in refused.items():
            items.append({"item_no": item_no, "result": "refused", "code": number(reason.symbol)})
        items.sort(key=lambda row: int(row["item_no"]))
        answer: Body = {"reservation_id": entry.id, "items": items, "fence": entry.fence}
        if entry.expires_at is not None:
            answer["expires_at"] = wire_time(entry.expires_at)
        return answer


def _over(entry: Reservation) -> Refused:
    """Why nothing more can be done with a reservation that has ended."""
    return Refused("RESOURCE_UNAVAILABLE", "consumed") if entry.used else Refused("HOLD_EXPIRED")


def _request(body: Body) -> object:
    """What makes two reservations the same one: everything asked but when and by which clerk."""
    return [body["kind"], body["items"], body["all_or_nothing"], body.get("ttl_seconds"), body.get("scheme_id")]


def _chosen(entry: Reservation, items: list[Body] | None) -> list[tuple[str, Hold]]:
    """What it holds, and what orders took over, each with the reservation's item; of all or of ``items``."""
    holds = [(hold.item, hold) for hold in entry.holds]
    holds += [(hold.origin[1], hold) for hold in entry.lent if hold.origin is not None and not entry.offer]
    if items is None:
        return holds
    wanted = {str(item["item_no"]): {ref.get("res_inst_id") for ref in item.get("resources", [])} for item in items}
    return [(item, hold) for item, hold in holds if item in wanted and (not wanted[item] or hold.resource.id in wanted[item])]
