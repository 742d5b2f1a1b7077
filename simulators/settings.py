"""How a simulated system is reached and whom it knows: rows, as the gateway has for its peers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from adapters.envelopes.dialect import PLAIN, Dialect
from adapters.wire.settings import SessionSettings
from schemas.model import LayoutRow


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """Login by LN01: ``user`` we log in as on lines we open (empty: we do not); ``required`` of the peer on those it opens,
    as ``peer_user`` (empty: its id)."""

    user: str = ""
    secret: str = ""
    required: bool = False
    peer_user: str = ""


@dataclass(frozen=True, slots=True)
class PeerSettings:
    """A system this one talks with. ``address`` None: it only ever connects to us; what is for it waits.

    ``mode`` is ``A`` or ``B`` for commands (Q is always B); ``long`` connections stay, short ones carry one exchange.
    ``dialect`` is what the peer's names and codes differ in; whose it is, is filled in.
    """

    system: str
    role: str
    address: str | None = None
    layout: str = "ctif-128"
    charset: str = "GB18030"
    mode: str = "A"
    long: bool = True
    session: SessionSettings = field(default_factory=SessionSettings)
    login: LoginSettings = field(default_factory=LoginSettings)
    envelope: str = "package"
    dialect: Dialect = PLAIN

    def beyond(self, system: str, role: str) -> PeerSettings:
        """Another system that is reached through this one: it is this one that logs in with us."""
        return replace(self, system=system, role=role, login=replace(self.login, required=False))


@dataclass(frozen=True, slots=True)
class HostSettings:
    """One simulated system: its id, where it listens and in which layout, its peers by system id.

    ``receipt_ms``: how long a receipt may take before the same bytes go again; ``unknown_ms``: after so long without any
    answer a message is undelivered; ``unsent_ms``: the same for one that never left.  ``remembered``: how many answers are
    kept for repeats, ``redeliverable``: how many sent messages RX03 can ask for.  ``defects``: seeded ones.  ``layouts``:
    rows of layouts besides those that ship.
    """

    system: str
    listen: str
    peers: dict[str, PeerSettings] = field(default_factory=dict)
    layout: str = "ctif-128"
    session: SessionSettings = field(default_factory=SessionSettings)
    receipt_ms: int = 15_000
    unknown_ms: int = 7_200_000
    unsent_ms: int = 86_400_000
    remembered: int = 100_000
    redeliverable: int = 5_000
    defects: tuple[str, ...] = ()
    layouts: tuple[LayoutRow, ...] = ()
