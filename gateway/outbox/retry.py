"""What follows a failed attempt: the policy of spec 06.1, read from the code table ``error_classes``.

A failure is classified by what happened on the wire (``not_sent``, ``unknown``, ``lost_framing``) or by the result code the
peer gave; the class's row says what to do, when, and how long.  Retries stop: every class has a budget in tries or in age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from gateway.clock import Entropy
from schemas.model import Category, CodeTable

Action = Literal["resend", "query", "refused", "fallout"]


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """One row of the table; seconds and counts as there."""

    name: str
    action: str
    schedule: str
    delays: tuple[int, ...]
    first_seconds: int
    factor: int
    max_seconds: int
    jitter: str
    retransmissions: int
    max_tries: int
    max_age_seconds: int
    after: str
    pause_link: bool
    stop_link: bool
    circuit: bool
    alarm: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """``action`` and, where it comes later, ``due_at`` (ms); what it means for the link."""

    action: Action
    error_class: str
    due_at: int = 0
    pause_until: int = 0
    stop_link: bool = False
    circuit: bool = False


class RetryPolicy:
    """The table as decisions. ``entropy`` gives the jitter."""

    def __init__(self, table: CodeTable, entropy: Entropy) -> None:
        self._entropy = entropy
        self._classes: dict[str, ErrorClass] = {}
        self._by_code: dict[str, str] = {}
        self._by_outcome: dict[str, str] = {}
        self._by_category: dict[str, str] = {}
        for row in table.rows.values():
            extra: dict[str, Any] = row.extra
            names = ErrorClass.__dataclass_fields__
            values = {name: extra[name] for name in names if name != "name"}
            values["delays"] = tuple(values["delays"])
            self._classes[row.code] = ErrorClass(name=row.code, **values)
            for key, index in (("codes", self._by_code), ("outcomes", self._by_outcome), ("categories", self._by_category)):
                for value in extra[key]:
                    index[value] = row.code

    def class_of_code(self, code: str, category: Category) -> str:
        """The class of a refusal: our code first, else the category a peer's own code stands for."""
        found = self._by_code.get(code) or self._by_category.get(category)
        return found or self._by_category["rejected"]

    def class_of_outcome(self, outcome: str) -> str:
        """The class of what happened on the wire."""
        return self._by_outcome[outcome]

    def decide(self, name: str, tries: int, first_seen: int, now: int, *, finds_duplicates: bool) -> Decision:
        """What follows the ``tries``-th failure of this class; ``first_seen`` (ms) is when its age began to count."""
        row = self._classes[name]
        if row.action == "originator":
            return Decision("refused", name)
        if row.action not in ("resend", "query"):
            return Decision("fallout", name, stop_link=row.stop_link)
        age_spent = bool(row.max_age_seconds) and now - first_seen >= row.max_age_seconds * 1000
        if age_spent or (row.max_tries and tries >= row.max_tries):
            return Decision("refused" if row.after == "originator" else "fallout", name, stop_link=row.stop_link)
        if row.action == "query":
            if finds_duplicates and tries <= row.retransmissions:
                return Decision("resend", name, due_at=now, circuit=row.circuit)
            asked = tries - 1 - (row.retransmissions if finds_duplicates else 0)
            return Decision("query", name, due_at=now + self._delay(row, max(asked, 0)), circuit=row.circuit)
        delay = self._delay(row, max(tries - 1, 0))
        pause = now + delay if row.pause_link else 0
        return Decision("resend", name, due_at=now + delay, pause_until=pause, stop_link=row.stop_link, circuit=row.circuit)

    def expired(self, name: str, first_seen: int, now: int) -> bool:
        """Whether a message that could not be sent at all is past the age of its class."""
        row = self._classes[name]
        return bool(row.max_age_seconds) and now - first_seen >= row.max_age_seconds * 1000

    def _delay(self, row: ErrorClass, step: int) -> int:
        """Milliseconds before try ``step`` + 2."""
        if row.schedule == "list":
            seconds: float = row.delays[min(step, len(row.delays) - 1)]
        else:
            seconds = min(row.first_seconds * row.factor ** min(step, 30), row.max_seconds)
            if row.jitter == "full":
                seconds = self._entropy.uniform(row.first_seconds / 2, seconds)
        return int(seconds * 1000)
