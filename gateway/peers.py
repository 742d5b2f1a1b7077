"""Who is who among the peers, from the configuration (spec 01: a peer is rows, never code)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from gateway.config.model import Config, Peer


class PeerBook:
    """Peers by system id and by the role they play for an area (``adapters.translate.Directory``)."""

    def __init__(self, config: Config) -> None:
        self._own = config.gateway.system_id
        self._peers = {peer.id: peer for peer in config.peer}
        self._networks = {peer.id: tuple(ip_network(a, strict=False) for a in peer.allow_addresses) for peer in config.peer}

    @property
    def own_id(self) -> str:
        """Our system id."""
        return self._own

    def all(self) -> tuple[Peer, ...]:
        """Every peer, in the order of the configuration."""
        return tuple(self._peers.values())

    def get(self, system_id: str) -> Peer | None:
        """The peer row of a system id."""
        return self._peers.get(system_id)

    def role_of(self, system_id: str) -> str | None:
        """The role of a peer; None for a stranger."""
        peer = self._peers.get(system_id)
        return None if peer is None else peer.role

    def receiver(self, role: str, area: str) -> str | None:
        """The first peer that plays ``role``, serves ``area`` (no areas listed: all) and can be reached."""
        for peer in self._peers.values():
            if peer.role == role and (not peer.areas or area in peer.areas) and self.reachable(peer.id):
                return peer.id
        return None

    def reachable(self, system_id: str) -> bool:
        """Whether a message can ever leave for it: we connect to it, or it takes messages on its own connections."""
        peer = self._peers.get(system_id)
        return peer is not None and bool(peer.connect or peer.duplex)

    def binding(self, system_id: str) -> str:
        """By what messages go to a system; empty for one that is no peer."""
        peer = self._peers.get(system_id)
        return "" if peer is None else peer.binding

    def allowed(self, peer: Peer, host: str) -> bool:
        """Whether ``host`` may speak for ``peer``: with a list, only an IP address on it."""
        networks = self._networks[peer.id]
        if not networks:
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in networks)
