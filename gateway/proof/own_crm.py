"""Our own CRM, whole, for whoever judges it from outside: the real gateway over a store in a folder (spec 07.1, 06.5).

The peers are played by the judge; everything else is what ``bssgw run`` composes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adapters.store.engine import open_engine
from adapters.store.migration import upgrade_engine
from adapters.store.store import Store
from gateway.clock import Clock, Entropy
from gateway.config import Config, GatewayTable, Listen, Peer
from gateway.service import Gateway

AREAS = ("025", "0512", "020", "0755")
"""Local networks it serves."""
_LISTENER = "main"


class OwnCrm:
    """A gateway on given clock, entropy and endpoints, its SQLite store in ``config.data_dir``."""

    def __init__(self, config: Config, clock: Clock, entropy: Entropy, endpoints: Any) -> None:
        self._engine = open_engine(config.database_url)
        upgrade_engine(self._engine)
        self.gateway = Gateway(config, clock, entropy, endpoints, Store(self._engine))

    def start(self) -> None:
        """It listens and connects."""
        self.gateway.start()

    def drop(self) -> None:
        """Nobody asks it anything any more."""
        self.gateway.abandon()
        self._engine.dispose()


def judged_config(address: str, systems: Mapping[str, str], listen: Mapping[str, str], folder: Path) -> Config:
    """The configuration of a CRM that listens at ``address`` and whose peers, system id by role, are at ``listen``, an
    address by role; every timer is that of spec 01.1.5."""
    peers = tuple(
        Peer(id=systems[role], role=role, connect=(place,), listen=_LISTENER)  # type: ignore[arg-type]
        for role, place in listen.items()
        if role != "CRM"
    )
    table = GatewayTable(system_id=systems["CRM"], data_dir=folder, areas=AREAS)
    return Config(gateway=table, listen=(Listen(name=_LISTENER, address=address, layout="ctif-128"),), peer=peers)
