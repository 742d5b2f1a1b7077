"""What the parts of provisioning ask of each other: each says itself what it does, and is set on the floor by the brain."""

from __future__ import annotations

from typing import Protocol

from simulators.brain import Send
from simulators.pf.operations import Undo
from simulators.pf.order import Item, Order
from simulators.pf.reasons import ReasonRow
from simulators.pf.script import Act


class Walks(Protocol):
    """The walk of an order through its steps."""

    def advance(self, order: Order, now: int, out: list[Send]) -> None:
        """Start every step whose predecessors are done; report what is finished."""

    def settle(self, order: Order, n: int, now: int, out: list[Send]) -> None:
        """Go on with an active step."""

    def freeze(self, order: Order, now: int) -> None:
        """What a lock or deferral stops rests."""

    def thaw(self, order: Order, now: int, out: list[Send]) -> None:
        """Go on where it rested."""

    def hurry(self, order: Order, now: int) -> None:
        """催单."""

    def leave(self, order: Order, names: tuple[str, ...], now: int) -> None:
        """Steps of these items that are not done will not be done."""

    def pause(self, tries: int) -> int:
        """How long to wait before RM is asked again (ms)."""


class Undoes(Protocol):
    """Compensation."""

    def begin(self, order: Order, undo: Undo, now: int, out: list[Send], ask: bool = True) -> None:
        """Start; ``ask`` False: RM has nothing to give back."""

    def rearm(self, order: Order, n: int) -> None:
        """A step at work that was split off gets its time on the agenda."""

    def abort(self, order: Order, undo: Undo, now: int) -> None:
        """Another operation takes over."""

    def let_go(self, order: Order, names: tuple[str, ...], now: int) -> None:
        """Items are out of it: what is undone of others goes on."""


class Closes(Protocol):
    """Cancels, returns and whatever else ends an order."""

    def fails(self, order: Order, n: int, act: Act, now: int, out: list[Send]) -> bool:
        """A stage cannot be done, for the reason the script gives; False: it is done nevertheless."""

    def send_back(self, order: Order, names: list[str], reason: dict[str, str], n: int, now: int, out: list[Send]) -> None:
        """退单."""

    def go_back(self, order: Order, now: int, out: list[Send]) -> None:
        """What is undone ends."""

    def stuck(self, order: Order, undo: Undo, reason: dict[str, str], now: int, out: list[Send]) -> None:
        """An undo failed."""

    def undone(self, order: Order, undo: Undo, now: int, out: list[Send]) -> None:
        """Everything of ``undo`` is undone."""


class Waits(Protocol):
    """The waiting lists."""

    def scripted(self, item: Item, act: Act) -> dict[str, str]:
        """The shortage an act wants."""

    def enter(self, order: Order, item: Item, now: int, out: list[Send]) -> None:
        """The item waits for what it lacks."""

    def leave(self, order: Order, item: Item, out: list[Send]) -> None:
        """The item waits no longer."""

    def look_at_all(self, order: Order, now: int, out: list[Send]) -> None:
        """After a pause: what had to wait for its end."""

    def resume(self, order: Order, item: Item, ref: str | None, now: int, out: list[Send]) -> None:
        """The item has what it lacked and goes on."""


class Changes(Protocol):
    """Changes of an order, and going back within provisioning."""

    def look(self, order: Order, now: int, out: list[Send]) -> None:
        """RM has answered something: the change may go on, or cannot be had."""

    def give_up(self, order: Order, symbol: str, now: int, out: list[Send]) -> None:
        """The change is refused."""

    def rework(self, order: Order, names: list[str], reason: ReasonRow, n: int, now: int, out: list[Send]) -> None:
        """折返."""

    def undone(self, order: Order, undo: Undo, now: int, out: list[Send]) -> None:
        """Part of what a change or a going back undoes is undone."""


class Defers(Protocol):
    """Deferrals and appointments."""

    def look(self, order: Order, now: int, out: list[Send]) -> None:
        """End the deferral if its date has passed and no lock holds the order."""

    def propose(self, order: Order, reason: ReasonRow, ms: int, now: int, out: list[Send]) -> None:
        """Field staff propose one."""

    def put_off(self, order: Order, ms: int, now: int, out: list[Send]) -> None:
        """Field staff cannot keep the appointment."""
