"""方案 at PF (spec 5.2): SD01 → SD02 to RM → SD03 → SD04; SD05, SD06, SD07 → SD08; a version expires, the next follows.

One request has one scheme id and one current version; states are those of the code table ``scheme_states``.  What a confirmed
version holds is reserved with RM by PF until the scheme's validity ends or an order uses it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from adapters.wire.times import wire_time
from simulators.agenda import Agenda
from simulators.brain import Body, Meta, Reaction, Send
from simulators.codes import number

REQUESTED, DESIGNING, DESIGNED, CONFIRMED = "10", "20", "30", "40"
REJECTED, EXPIRED, CANCELLED = "50", "60", "70"
_DAY = 86_400_000
_HEAD = ("customer_order_id", "service_order_id", "area", "scheme_request_id")


@dataclass(eq=False, slots=True)
class Scheme:
    """A request with its current version. ``design`` is RM's SD03, ``asked`` the serial of the decision that waits for RM,
    ``ending`` that of SD07; ``valid_until`` ms."""

    request: str
    id: str
    sender: str
    serial: str
    body: Body
    version: int = 1
    state: str = REQUESTED
    design: Body = field(default_factory=dict)
    valid_until: int = 0
    option: Body = field(default_factory=dict)
    asked: str | None = None
    ending: str | None = None
    reservation: str | None = None

    def head(self, versioned: bool = True) -> Body:
        """Head of a message about it."""
        head: Body = {name: self.body[name] for name in _HEAD if name in self.body}
        return head | {"scheme_id": self.id, "version": self.version} if versioned else head


class Schemes:
    """All requests. ``uses`` tells whether an order that is open or completed is built on a scheme id."""

    def __init__(self, settings: dict[str, Any], takes: Callable[[list[int]], int], uses: Callable[[str], bool]) -> None:
        self.schemes: dict[str, Scheme] = {}
        self._settings = settings
        self._takes = takes
        self._uses = uses
        self._agenda: Agenda[tuple[str, Scheme, int]] = Agenda()
        self._reservations: dict[str, Scheme] = {}

    def request(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD01. Refused: nobody is named as customer 3001, another request under the same id 1009."""
        known = self.schemes.get(body["scheme_request_id"])
        if known is not None:
            same = known.body["items"] == body["items"]
            return Reaction(known=True) if same else Reaction.refuse("SERIAL_REUSED", known.state)
        if not {"customer_id", "name"} & body["customer"].keys():
            return Reaction.refuse("CUSTOMER_UNKNOWN")
        name = f"SC{body['area']}{len(self.schemes) + 1:010d}"
        scheme = Scheme(body["scheme_request_id"], name, meta.sender, meta.serial, body)
        self.schemes[scheme.request] = scheme
        return Reaction(sends=[self._design(scheme)])

    def designed(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD03 of the version that is being designed; another is no longer of use (3004)."""
        scheme = self.schemes.get(body["scheme_request_id"])
        if scheme is None or scheme.state != DESIGNING or body.get("version", 1) != scheme.version:
            return Reaction.refuse("STATE_CONFLICT", None if scheme is None else scheme.state)
        scheme.design = body
        self._agenda.add(now + self._takes(self._settings["audit_ms"]), ("audit", scheme, scheme.version))
        return Reaction()

    def confirm(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD05: the option's resources are reserved, SD08 follows RM's answer. Refused 3004, 3016, 3017, 3020."""
        scheme = self._decidable(body, now)
        if isinstance(scheme, Reaction):
            return scheme
        chosen = next((row for row in scheme.design["options"] if row["no"] == body["option_no"]), None)
        if chosen is None:
            return Reaction.refuse("ATTRIBUTE_INVALID", scheme.state)
        scheme.option, scheme.asked = chosen, meta.serial
        if "resources" not in chosen:
            return Reaction(sends=[self._confirmed(scheme, {})])
        return Reaction(sends=[self._reserve(scheme, now)])

    def reject(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD06: with redo the next version is designed. Refused 3004, 3016, 3017."""
        scheme = self._decidable(body, now)
        if isinstance(scheme, Reaction):
            return scheme
        scheme.state = REJECTED
        sends = [self._told(scheme, {"state": REJECTED, "reason": body["reason"]}, meta.serial)]
        return Reaction(sends=[*sends, self._redo(scheme)] if body["redo"] else sends)

    def cancel(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD07: what is reserved goes back, RM designs no more, then SD08. Refused 3004, also while an order uses it."""
        scheme = self.schemes.get(body["scheme_request_id"])
        if scheme is None:
            return Reaction.refuse("STATE_CONFLICT")
        if scheme.state == CANCELLED or scheme.ending is not None:
            return Reaction(known=True)
        if scheme.state in (REJECTED, EXPIRED) or self._uses(scheme.id):
            return Reaction.refuse("STATE_CONFLICT", scheme.state)
        scheme.ending = meta.serial
        ending = scheme.head(versioned=False) | {"reason": body["reason"]}
        return Reaction(sends=[*self._give_back(scheme), Send("SD07", ending, role="RM", note=("scheme", scheme.request))])

    def reported(self, body: Body, meta: Meta, now: int) -> Reaction:
        """SD08 of RM: it has ended the request, or its design is not valid any more."""
        scheme = self.schemes.get(body["scheme_request_id"])
        if scheme is None:
            return Reaction.refuse("STATE_CONFLICT")
        if body.get("state") == CANCELLED and scheme.ending is not None:
            return Reaction(sends=self._ended(scheme))
        if body.get("state") == EXPIRED and body.get("version") == scheme.version and scheme.state == DESIGNED:
            return Reaction(sends=[self._expired(scheme)])
        return Reaction(known=True)

    def answered(self, sent: Send, body: Body, now: int) -> list[Send]:
        """RM has reserved the option (the receipts of SD02 and SD07 need no thought)."""
        scheme = self.schemes[sent.note[1]]
        if sent.note[0] != "reserve" or scheme.reservation != sent.note[2]:
            return []
        if scheme.ending is not None:
            return self._give_back(scheme)
        return [self._confirmed(scheme, body)]

    def refused(self, sent: Send, code: str, body: Body, now: int) -> list[Send]:
        """RM says no: to the design (SD04 tells why), to the reservation (a new version follows what was taken meanwhile), or
        to the end of a request (which ends anyhow)."""
        scheme = self.schemes[sent.note[1]]
        if sent.note[0] == "reserve":
            return self._taken_meanwhile(scheme, code, body) if scheme.reservation == sent.note[2] else []
        if scheme.ending is not None:
            return self._ended(scheme)
        if scheme.state != DESIGNING:
            return []
        scheme.design = {"reason": {"text": body["text"][:500], "code": code}}
        return [self._result(scheme, now)]

    def expired(self, scheme_id: str) -> bool:
        """Whether a scheme has expired; one PF does not know has not."""
        return any(one.id == scheme_id and one.state == EXPIRED for one in self.schemes.values())

    def holds(self, reservation_id: str) -> bool:
        """Whether a reservation was made for a scheme."""
        return reservation_id in self._reservations

    def lost(self, reservation_id: str) -> list[Send]:
        """RR04: what a confirmed scheme held is gone; one no order uses has expired."""
        scheme = self._reservations.pop(reservation_id, None)
        if scheme is None or scheme.state != CONFIRMED or self._uses(scheme.id):
            return []
        return [self._expired(scheme)]

    def next_due(self) -> int | None:
        """The next audit or expiry (ms)."""
        return self._agenda.next()

    def due(self, now: int) -> list[Send]:
        """Designs that are audited; versions whose validity is over."""
        sends: list[Send] = []
        for what, scheme, version in self._agenda.take(now):
            if version != scheme.version or scheme.ending is not None:
                continue
            if what == "audit" and scheme.state == DESIGNING:
                sends.append(self._result(scheme, now))
            elif what == "expire" and scheme.state == DESIGNED and scheme.asked is None:
                sends.append(self._expired(scheme))
            elif what == "expire" and scheme.state == CONFIRMED and not self._uses(scheme.id):
                sends += [self._expired(scheme), *self._give_back(scheme)]
        return sends

    def _decidable(self, body: Body, now: int) -> Scheme | Reaction:
        """The scheme a decision is about, or its refusal."""
        scheme = self.schemes.get(body["scheme_request_id"])
        if scheme is None or scheme.id != body["scheme_id"] or body["version"] > scheme.version:
            return Reaction.refuse("STATE_CONFLICT", None if scheme is None else scheme.state)
        if body["version"] < scheme.version:
            return Reaction.refuse("SCHEME_SUPERSEDED", scheme.state)
        if scheme.state == EXPIRED or (scheme.state == DESIGNED and now >= scheme.valid_until):
            return Reaction.refuse("SCHEME_EXPIRED", EXPIRED)
        if scheme.state != DESIGNED or scheme.asked is not None or scheme.ending is not None:
            return Reaction.refuse("STATE_CONFLICT", scheme.state)
        return scheme

    def _design(self, scheme: Scheme) -> Send:
        """SD02 of the current version."""
        scheme.state = DESIGNING
        body = scheme.head(versioned=False) | {"version": scheme.version, "items": scheme.body["items"]}
        return Send("SD02", body, role="RM", note=("scheme", scheme.request))

    def _redo(self, scheme: Scheme) -> Send:
        scheme.version += 1
        scheme.option, scheme.design, scheme.reservation = {}, {}, None
        return self._design(scheme)

    def _result(self, scheme: Scheme, now: int) -> Send:
        """SD04: the options, or without any why."""
        found = {name: scheme.design[name] for name in ("options", "reason") if name in scheme.design}
        designed = "options" in found
        scheme.state = DESIGNED if designed else REJECTED
        scheme.valid_until = now + (self._settings["valid_days"] * _DAY if designed else 0)
        if designed:
            self._agenda.add(scheme.valid_until, ("expire", scheme, scheme.version))
        people = {name: self._settings[name] for name in ("designer", "auditor")}
        body = scheme.head() | found | people | {"valid_until": wire_time(scheme.valid_until)}
        return Send("SD04", body, system=scheme.sender, ref_serial=scheme.serial)

    def _reserve(self, scheme: Scheme, now: int) -> Send:
        """RR01 of the option's resources until the scheme's validity ends."""
        name = f"RS{scheme.id[2:]}V{scheme.version}"
        scheme.reservation = name
        self._reservations[name] = scheme
        items = [
            {"item_no": n, "res_type": row["res_type"], "res_inst_id": row["res_inst_id"], "quantity": 1}
            for n, row in enumerate(scheme.option["resources"], 1)
        ]
        seconds = (scheme.valid_until - now) // 1000
        body: Body = {"area": scheme.body["area"], "reservation_id": name, "kind": "ADVANCE", "items": items}
        body |= {"all_or_nothing": True, "ttl_seconds": seconds, "scheme_id": scheme.id}
        return Send("RR01", body, role="RM", note=("reserve", scheme.request, name))

    def _confirmed(self, scheme: Scheme, held: Body) -> Send:
        scheme.state, serial, scheme.asked = CONFIRMED, scheme.asked, None
        body: Body = {"state": CONFIRMED}
        if held:
            resources = [resource for row in held["items"] for resource in row.get("resources", [])]
            body |= {"reservation_id": scheme.reservation, "resources": resources, "expires_at": held["expires_at"]}
        return self._told(scheme, body, serial)

    def _taken_meanwhile(self, scheme: Scheme, code: str, body: Body) -> list[Send]:
        serial, scheme.asked = scheme.asked, None
        gone = code in (number("RESOURCE_HELD"), number("RESOURCE_UNAVAILABLE"))
        told = {"code": number("RESOURCE_HELD") if gone else code, "reason": {"text": body["text"][:500]}}
        sends = [self._told(scheme, told, serial)]
        if scheme.ending is not None or not gone:
            return sends
        return [*sends, self._redo(scheme)]

    def _give_back(self, scheme: Scheme) -> list[Send]:
        if scheme.reservation is None:
            return []
        name, scheme.reservation = scheme.reservation, None
        self._reservations.pop(name, None)
        body = {"area": scheme.body["area"], "reservation_id": name, "reason": {"text": "方案结束"}}
        return [Send("RR02", body, role="RM")]

    def _ended(self, scheme: Scheme) -> list[Send]:
        """The request is cancelled; a decision that still waited is answered by that."""
        serial, scheme.ending, scheme.asked, scheme.state = scheme.ending, None, None, CANCELLED
        return [*self._give_back(scheme), self._told(scheme, {"state": CANCELLED}, serial)]

    def _expired(self, scheme: Scheme) -> Send:
        scheme.state = EXPIRED
        return self._told(scheme, {"state": EXPIRED}, None)

    def _told(self, scheme: Scheme, body: Body, serial: str | None) -> Send:
        """SD08 to who requested it."""
        return Send("SD08", scheme.head() | body, system=scheme.sender, ref_serial=serial)
