"""Scheme design at RM (spec 5.2): SD02 is designed after a while (SD03), a design loses its validity (SD08), SD07 ends all.

A design names free resources without holding them: they are reserved when the scheme is confirmed (RR01), or taken by then.
States are those of the code table ``scheme_states``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.rm.access import Access, Mode
from simulators.rm.ledger import Refused
from simulators.rm.script import Script

DESIGNING, DESIGNED, REJECTED, EXPIRED, CANCELLED = "20", "30", "50", "60", "70"
_DAY = 86_400_000
_BUDGETS = ("line", "equipment", "implementation", "wiring", "exploration")


@dataclass(eq=False, slots=True)
class Design:
    """One version: who asked by which serial, and its state."""

    request: str
    version: int
    body: Body
    sender: str
    serial: str
    state: str = DESIGNING
    valid_until: int | None = None


class Schemes:
    """All requests; of each the newest version counts."""

    def __init__(self, access: Access, script: Script) -> None:
        self._access = access
        self._script = script
        self._designs: dict[str, Design] = {}
        self._cancelled: dict[str, None] = {}
        self._agenda: Agenda[Design] = Agenda()

    def design(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD02. Raises Refused 1009, 3004 (cancelled, or a newer version is there), 3022. What no mode carries is designed,
        too: the result says that it cannot be."""
        request, version = body["scheme_request_id"], body.get("version", 1)
        if request in self._cancelled:
            raise Refused("STATE_CONFLICT", CANCELLED)
        known = self._designs.get(request)
        if known is not None and version <= known.version:
            if version < known.version:
                raise Refused("STATE_CONFLICT", known.state)
            if known.body["items"] != body["items"]:
                raise Refused("SERIAL_REUSED", known.state)
            return Reaction(known=True)
        for item in body["items"]:
            for address in _addresses(item):
                self._access.bureaus(address)
        design = Design(request, version, body, meta.sender, meta.serial)
        self._designs[request] = design
        by_hand = self._script.delay([item["product"] for item in body["items"]], body["area"])
        self._agenda.add(now + (by_hand or self._access.table["design_ms"]), design)
        return Reaction()

    def cancel(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD07: nothing is designed for this request any more, known or not. Raises Refused: it has ended otherwise 3004."""
        request = body["scheme_request_id"]
        design = self._designs.get(request)
        if design is not None and design.state in (REJECTED, EXPIRED):
            raise Refused("STATE_CONFLICT", design.state)
        self._cancelled[request] = None
        answer: Body = {"area": body["area"], "scheme_request_id": request, "state": CANCELLED}
        if design is not None:
            design.state = CANCELLED
            answer["version"] = design.version
        return Reaction(sends=[Send("SD08", answer, system=meta.sender, ref_serial=meta.serial)])

    def next_due(self) -> int | None:
        """The next design or expiry (ms)."""
        return self._agenda.next()

    def due(self, now: int) -> list[Send]:
        """Designs that are done, and newest versions whose validity is over."""
        sends: list[Send] = []
        for design in self._agenda.take(now):
            if design is not self._designs[design.request]:
                continue
            if design.state == DESIGNING:
                sends.append(self._designed(design, now))
            elif design.state == DESIGNED:
                design.state = EXPIRED
                body = {"area": design.body["area"], "scheme_request_id": design.request, "version": design.version}
                sends.append(Send("SD08", body | {"state": EXPIRED}, system=design.sender))
        return sends

    def _designed(self, design: Design, now: int) -> Send:
        """SD03: an option for every mode that can carry all items, the cheapest first; none: why."""
        body: Body = {"area": design.body["area"], "scheme_request_id": design.request, "version": design.version}
        options = [option for mode in self._access.modes.values() if (option := self._option(mode, design.body)) is not None]
        options.sort(key=lambda option: int(option["costs"]["total"]))
        if options:
            design.state = DESIGNED
            self._agenda.add(now + self._access.table["design_days"] * _DAY, design)
            body["options"] = [{"no": n} | option for n, option in enumerate(options, 1)]
        else:
            design.state = REJECTED
            body["reason"] = {"text": "没有接入方式可达全部端点，无法设计 / no access mode reaches every end"}
        return Send("SD03", body, system=design.sender, ref_serial=design.serial)

    def _option(self, mode: Mode, body: Body) -> Body | None:
        """All items by one mode, or None where it cannot carry one of them."""
        resources: list[Body] = []
        works: list[str] = []
        route: list[str] = []
        costs = dict.fromkeys(_BUDGETS, 0)
        for item in body["items"]:
            if item["product"] not in mode.products:
                return None
            for role, address in zip("AZ", _addresses(item), strict=False):
                ends = self._access.ends(mode, address, False)
                if not ends:
                    return None
                end = ends[0]
                wanted = item["quantity"] * (1 if item["protection"] == self._access.table["unprotected"] else 2)
                missing = self._pick(mode, end.area, end.bureau, wanted, role, resources)
                if missing:
                    works.append(mode.build.format(metres=end.distance_m))
                _add_costs(costs, mode, end.distance_m, wanted)
                route.append(f"{end.bureau}→{address['text']}")
        days = mode.build_days if works else mode.lead_days
        option: Body = {"access_mode": mode.code, "route": "；".join(route)[:2000]}
        if resources:
            option["resources"] = resources[:1000]
        if works:
            option["to_build"] = works[:50]
        return option | {"costs": costs | {"total": sum(costs.values())}, "days": days}

    def _pick(self, mode: Mode, area: str, bureau: str, wanted: int, role: str, resources: list[Body]) -> bool:
        """Add the free resources of an end, none twice; whether some have to be built."""
        missing = False
        named = {row["res_inst_id"] for row in resources}
        for kind in mode.types:
            found = self._access.plant.peek(area, kind, wanted + len(named), bureau)
            free = [resource for resource in found if resource.id not in named][:wanted]
            missing = missing or len(free) < wanted
            for resource in free:
                resources.append(resource.ref() | ({"role": role} if resource.role == "port" else {}))
        return missing


def _addresses(item: Body) -> list[Body]:
    return [item[name] for name in ("a_end", "z_end") if name in item]


def _add_costs(costs: dict[str, int], mode: Mode, metres: int, units: int) -> None:
    rates: dict[str, Any] = mode.costs
    costs["line"] += rates["line_per_m"] * metres * units
    for name in _BUDGETS[1:]:
        costs[name] += rates[name] * units
