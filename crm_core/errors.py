"""How the business says no: one class a symbolic code; numbers live in the result-code table (spec 02.2).

A ``DomainError`` refuses the whole command and changes nothing (spec 04).  ``fallout`` set means: refused *and* a person must
look, one side is wrong (spec 04.1, last line); the caller then opens a record in a transaction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing wrong with a request: where in the document, what was found, the symbol and both texts."""

    path: str
    found: str
    symbol: str
    zh: str
    en: str


class DomainError(Exception):
    """The business refuses. ``state`` is the current state where one is concerned; ``refusals`` lists every faulty part."""

    code = "INTERNAL"

    def __init__(
        self,
        zh: str,
        en: str,
        *,
        code: str | None = None,
        state: str | None = None,
        refusals: tuple[Refusal, ...] = (),
        fallout: str | None = None,
    ) -> None:
        super().__init__(f"{zh} / {en}")
        if code is not None:
            self.code = code
        self.zh = zh
        self.en = en
        self.state = state
        self.refusals = refusals
        self.fallout = fallout


class CustomerUnknown(DomainError):
    """No such customer (3001)."""

    code = "CUSTOMER_UNKNOWN"


class InstanceUnknown(DomainError):
    """No such product instance (3002)."""

    code = "INSTANCE_UNKNOWN"


class OrderUnknown(DomainError):
    """No such order (3003)."""

    code = "ORDER_UNKNOWN"


class StateConflict(DomainError):
    """The current state does not allow it (3004); carries the state."""

    code = "STATE_CONFLICT"


class OrderInFlight(DomainError):
    """Another order is under way on the instance (3006)."""

    code = "ORDER_IN_FLIGHT"


class StaleVersion(DomainError):
    """An older version or fence than the current one (3015)."""

    code = "STALE_VERSION"


class NoProcess(DomainError):
    """No process is defined for product and action (3019)."""

    code = "NO_PROCESS"


class AttributeInvalid(DomainError):
    """An attribute, product, reason or value the catalogue does not know (3020)."""

    code = "ATTRIBUTE_INVALID"


class KeyReused(DomainError):
    """The business key is known with other content (1009)."""

    code = "SERIAL_REUSED"
