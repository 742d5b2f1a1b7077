"""``bssgw reconcile`` through the running gateway."""

from __future__ import annotations

from typing import Any

from tests.gateway.conftest import Running, bssgw
from tests.gateway.rig import Rig

SPAN = ("--area", "025", "--from", "20261101000000", "--to", "20261201000000")


def test_a_peer_that_is_down_is_said_to_be(running: Running) -> None:
    done = bssgw("reconcile", "PF0001", *SPAN, "--config", running.config)
    assert (done.code, "PF0001 cannot be reached" in done.out) == (1, True)


def test_a_stranger_is_refused_as_json(running: Running) -> None:
    done = bssgw("reconcile", "NOBODY", *SPAN, "--json", "--config", running.config)
    assert (done.code, done.json["ok"]) == (1, False)


def test_a_span_is_needed(running: Running) -> None:
    assert bssgw("reconcile", "PF0001", "--area", "025", "--config", running.config).code == 2


def test_what_a_peers_envelope_cannot_say_is_told_at_once() -> None:
    systems = {"CRM001": "6001030001", "PF0001": "6001030011"}
    pf = {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "envelope": "contract-root", "dialect": {"systems": systems}}
    rig = Rig((pf,))
    rig.station("mem://pf")
    told: list[Any] = []
    asked = {"do": "reconcile", "peer": "PF0001", "area": "025", "begin": "20261121000000", "end": "20261122000000"}
    rig.gateway.reconciling.handle(asked, told.append)
    rig.run(1)
    assert [(one["ok"], "has no code for RX01" in one["en"]) for one in told] == [(False, True)]
