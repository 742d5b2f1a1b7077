"""``bssgw reconcile`` through the running gateway."""

from __future__ import annotations

from tests.gateway.conftest import Running, bssgw

SPAN = ("--area", "025", "--from", "20261101000000", "--to", "20261201000000")


def test_a_peer_that_is_down_is_said_to_be(running: Running) -> None:
    done = bssgw("reconcile", "PF0001", *SPAN, "--config", running.config)
    assert (done.code, "PF0001 cannot be reached" in done.out) == (1, True)


def test_a_stranger_is_refused_as_json(running: Running) -> None:
    done = bssgw("reconcile", "NOBODY", *SPAN, "--json", "--config", running.config)
    assert (done.code, done.json["ok"]) == (1, False)


def test_a_span_is_needed(running: Running) -> None:
    assert bssgw("reconcile", "PF0001", "--area", "025", "--config", running.config).code == 2
