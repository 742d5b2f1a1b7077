"""The door of a connection: registration, where the layout has it, then login, where the peer row wants one (spec 01.1.5)."""

from __future__ import annotations

from adapters.wire.layout import Layout
from adapters.wire.settings import SessionSettings


class Entry:
    """``unregistered`` and ``unadmitted`` say what has not happened yet; documents go only when neither stands."""

    def __init__(self, layout: Layout, settings: SessionSettings, now: int) -> None:
        self.unregistered = layout.registers
        self.unadmitted = settings.login
        self.seconds = settings.login_ms / 1000
        self._due = now + settings.login_ms

    @property
    def done(self) -> bool:
        """Whether documents may go."""
        return not (self.unregistered or self.unadmitted)

    def deadline(self) -> int | None:
        """When the door closes on who is not in, in ms; None for who is."""
        return None if self.done else self._due

    def is_late(self, now: int) -> bool:
        """Whether it took too long."""
        return not self.done and now >= self._due
