"""Flaws of what a system decides and says, above the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Body, Meta, Reaction, Refusal, Send
from simulators.codes import number
from simulators.defects.flaw import Flaw

Change = Callable[[Body], Body]
When = Callable[[Body], bool]


def always(body: Body) -> bool:
    """Every document."""
    return True


class Says(Flaw):
    """Refuses ``code`` as ``instead`` where the right refusal is ``symbol``; an empty ``instead``: takes it."""

    def __init__(self, code: str, symbol: str, instead: str = "") -> None:
        self._code, self._symbol, self._other = code, symbol, instead

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        refusal = reaction.refusal
        if code != self._code or refusal is None or refusal.symbol != self._symbol:
            return reaction
        changed = Refusal(self._other, refusal.state) if self._other else None
        return Reaction(reaction.answer, changed, reaction.known, reaction.sends)


class TakesAnew(Flaw):
    """Says of ``code`` that it is new, where it knew it under another serial."""

    def __init__(self, code: str) -> None:
        self._code = code

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        if code == self._code:
            reaction.known = False
        return reaction


class NamesState(Flaw):
    """Names ``state`` in every refusal."""

    def __init__(self, state: str) -> None:
        self._state = state

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        if reaction.refusal is not None:
            reaction.refusal = replace(reaction.refusal, state=self._state)
        return reaction


class Twice(Flaw):
    """Sends ``code`` twice, as two messages."""

    def __init__(self, code: str) -> None:
        self._code = code

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [copy for send in sends for copy in ([send, send] if send.code == self._code else [send])]


class Forgets(Flaw):
    """Never sends ``code``, where ``when`` holds of its body."""

    def __init__(self, code: str, when: When = always) -> None:
        self._code, self._when = code, when

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [send for send in sends if send.code != self._code or not self._when(send.body)]


class Delays(Flaw):
    """Sends ``code`` so much later (ms) than its other messages."""

    def __init__(self, code: str, ms: int) -> None:
        self._code, self._ms = code, ms

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [replace(send, after_ms=send.after_ms + self._ms) if send.code == self._code else send for send in sends]


class Alters(Flaw):
    """Changes the body of ``code`` before it goes."""

    def __init__(self, code: str, change: Change) -> None:
        self._code, self._change = code, change

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [replace(send, body=self._change(dict(send.body))) if send.code == self._code else send for send in sends]


class Refers(Flaw):
    """Names ``reference`` as the command ``code`` is the result of; None: names none."""

    def __init__(self, code: str, reference: str | None) -> None:
        self._code, self._reference = code, reference

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [replace(send, ref_serial=self._reference) if send.code == self._code else send for send in sends]


class Hears(Flaw):
    """Understands ``code`` otherwise than it was said."""

    def __init__(self, code: str, change: Change) -> None:
        self._code, self._change = code, change

    def hears(self, code: str, body: Body, now: int) -> Body:
        """See ``Flaw``."""
        return self._change(dict(body)) if code == self._code else body


class Anew(Flaw):
    """Takes every ``code`` for a new one: its ``key`` means nothing."""

    def __init__(self, code: str, key: str) -> None:
        self._code, self._key = code, key
        self._count = 0
        self._asked = ""

    def hears(self, code: str, body: Body, now: int) -> Body:
        """See ``Flaw``."""
        if code != self._code:
            return body
        self._count += 1
        self._asked = body[self._key]
        return body | {self._key: f"{self._asked[:20]}-{self._count}"}

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """The answer names what was asked."""
        if code == self._code and reaction.answer is not None:
            reaction.answer = reaction.answer | {self._key: self._asked}
        return reaction


class Replies(Flaw):
    """Changes the answer of ``code``."""

    def __init__(self, code: str, change: Change) -> None:
        self._code, self._change = code, change

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        if code == self._code and reaction.answer is not None:
            reaction.answer = self._change(dict(reaction.answer))
        return reaction


class Swallows(Flaw):
    """Acknowledges ``code`` and does nothing; ``answer``: what it says to a question, ``then``: what it reports, instead."""

    def __init__(
        self, code: str, when: When = always, answer: Change | None = None, then: Callable[[Body, Meta], Send] | None = None
    ) -> None:
        self._code, self._when, self._answer, self._then = code, when, answer, then

    def instead(self, code: str, body: Body, meta: Meta, now: int) -> Reaction | None:
        """See ``Flaw``."""
        if code != self._code or not self._when(body):
            return None
        sends = [self._then(body, meta)] if self._then is not None else []
        return Reaction(answer=self._answer(body) if self._answer is not None else None, sends=sends)


class Refuses(Flaw):
    """Refuses ``code`` as ``symbol`` the ``after``-th time it comes about one ``key`` and ever after."""

    def __init__(self, code: str, symbol: str, key: str, after: int = 1) -> None:
        self._code, self._symbol, self._key, self._after = code, symbol, key, after
        self._count: dict[Any, int] = {}

    def instead(self, code: str, body: Body, meta: Meta, now: int) -> Reaction | None:
        """See ``Flaw``."""
        if code != self._code:
            return None
        about = body.get(self._key)
        self._count[about] = self._count.get(about, 0) + 1
        return Reaction.refuse(self._symbol) if self._count[about] >= self._after else None


class RefusesUnseen(Flaw):
    """Refuses ``code`` as ``symbol`` about a ``key`` no ``first`` came about."""

    def __init__(self, code: str, symbol: str, key: str, first: str) -> None:
        self._code, self._symbol, self._key, self._first = code, symbol, key, first
        self._seen: dict[Any, None] = {}

    def instead(self, code: str, body: Body, meta: Meta, now: int) -> Reaction | None:
        """See ``Flaw``."""
        if code == self._first:
            self._seen[body.get(self._key)] = None
        return Reaction.refuse(self._symbol) if code == self._code and body.get(self._key) not in self._seen else None


class Also(Flaw):
    """On ``code``, where ``when`` holds of it, sends what ``make`` makes of its body, too."""

    def __init__(self, code: str, make: Callable[[Body, Meta], Send], when: When = always) -> None:
        self._code, self._make, self._when = code, make, when

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        if code == self._code and reaction.refusal is None and self._when(body):
            reaction.sends = [*reaction.sends, self._make(body, meta)]
        return reaction


class After(Flaw):
    """Behind ``code``, where ``when`` holds of its body, sends what ``make`` makes of it."""

    def __init__(self, code: str, when: When, make: Callable[[Send], Send]) -> None:
        self._code, self._when, self._make = code, when, make

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [*sends, *(self._make(send) for send in sends if send.code == self._code and self._when(send.body))]


class Counts(Flaw):
    """Gives another number in field ``name`` every time."""

    def __init__(self, code: str, name: str) -> None:
        self._code, self._name = code, name
        self._count = 0

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        if code == self._code and reaction.answer is not None:
            self._count += 1
            reaction.answer = reaction.answer | {self._name: f"WT{self._count:016d}"}
        return reaction


class Repeats(Flaw):
    """Gives again what it gave first: ``take`` reads it from a body that goes, ``put`` writes it into the later ones."""

    def __init__(self, code: str, take: Callable[[Body], Any], put: Callable[[Body, Any], Body]) -> None:
        self._code, self._take, self._put = code, take, put
        self._first: Any = None

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """See ``Flaw``."""
        if code == self._code and reaction.answer is not None:
            reaction.answer = self._given(reaction.answer)
        return reaction

    def sends(self, sends: list[Send]) -> list[Send]:
        """See ``Flaw``."""
        return [replace(send, body=self._given(send.body)) if send.code == self._code else send for send in sends]

    def _given(self, body: Body) -> Body:
        found = self._take(body)
        if self._first is None:
            self._first = found
            return body
        return self._put(dict(body), self._first) if found is not None else body


class LeaseWithoutEnd(Flaw):
    """A short lease is kept a day, whatever it was asked for."""

    _DAY = 86_400_000

    def __init__(self) -> None:
        self._asked = ""

    def hears(self, code: str, body: Body, now: int) -> Body:
        """See ``Flaw``."""
        if code != "LK01" or not now < from_wire_time(body["lease_until"]) < now + self._DAY:
            return body
        self._asked = body["lease_until"]
        return body | {"lease_until": wire_time(now + self._DAY)}

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """The answer says what was asked for."""
        if code == "LK01" and self._asked and reaction.answer is not None and "lease_until" in reaction.answer:
            reaction.answer = reaction.answer | {"lease_until": self._asked}
        self._asked = ""
        return reaction


class AnyFence(Flaw):
    """Unlocks with whatever fence it is shown."""

    def __init__(self) -> None:
        self._granted: dict[str, int] = {}

    def hears(self, code: str, body: Body, now: int) -> Body:
        """See ``Flaw``."""
        granted = self._granted.get(body.get("service_order_id", ""))
        return body | {"fence": granted} if code == "LK02" and granted is not None else body

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """What fence it granted last."""
        if code == "LK01" and reaction.answer is not None and "fence" in reaction.answer:
            self._granted[body["service_order_id"]] = reaction.answer["fence"]
        return reaction


class Blocked(Flaw):
    """Refuses ``code`` as ``symbol`` once ``by`` was taken for the same order."""

    def __init__(self, code: str, symbol: str, by: str) -> None:
        self._code, self._symbol, self._by = code, symbol, by
        self._blocked: dict[str, None] = {}

    def instead(self, code: str, body: Body, meta: Meta, now: int) -> Reaction | None:
        """See ``Flaw``."""
        blocked = code == self._code and body.get("service_order_id", "") in self._blocked
        return Reaction.refuse(self._symbol) if blocked else None

    def reaction(self, code: str, body: Body, meta: Meta, reaction: Reaction) -> Reaction:
        """What was taken."""
        if code == self._by and reaction.refusal is None:
            self._blocked[body.get("service_order_id", "")] = None
        return reaction


def without(*names: str) -> Change:
    """The body less these fields."""
    return lambda body: {key: value for key, value in body.items() if key not in names}


def fields(**values: Any) -> Change:
    """The body with these fields."""
    return lambda body: body | values


def rows(change: Change) -> Change:
    """Every row of ``items`` changed."""
    return lambda body: body | {"items": [change(dict(row)) for row in body["items"]]} if "items" in body else body


def refused_as(symbol: str, instead: str) -> Change:
    """A refusal with another code."""
    wrong = {"code": number(instead)}
    return lambda body: body | wrong if body.get("code") == number(symbol) else body
