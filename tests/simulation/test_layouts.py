"""Whole orders with a link in every layout that carries documents, and in one that stands in no program (spec 01.1.2)."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.wire.outlet import Outlet
from gateway.clock import Entropy
from gateway.proof.fault_plan import PERFECT, FaultPlan
from gateway.proof.world import CRM, PF, RM, World, WorldPlan
from simulators.host import SimulatorHost
from simulators.settings import LoginSettings

pytestmark = pytest.mark.simulation

LAYOUTS = ("ascii-145", "dc-64", "len4-be", "len4-le", "ascii-len-8", "newline")
BAD = FaultPlan(latency=(0.002, 0.08), split=0.2, merge=0.1, reset=0.01, refuse=0.1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_orders_end_with_provisioning_in_another_layout(layout: str) -> None:
    outcome = World(WorldPlan(seed=21, orders=3, faults=PERFECT, layouts={PF: layout})).run()
    assert outcome.sound, outcome


@pytest.mark.parametrize("layout", ["ascii-145", "dc-64"])
def test_orders_end_over_a_bad_network_in_another_layout(layout: str) -> None:
    outcome = World(WorldPlan(seed=22, orders=8, faults=BAD, layouts={PF: layout})).run()
    assert outcome.sound, outcome
    assert outcome.faults["reset"] > 0


def test_a_layout_of_ones_own_needs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, decimal, hexadecimal and binary fields, narrow serials, registration and fetched packets: a file says it all."""
    shutil.copy(Path(__file__).with_name("vendor_layout.toml"), tmp_path)
    fetched: list[int] = []
    turn = Outlet.next_page
    monkeypatch.setattr(Outlet, "next_page", lambda self, *asked: (fetched.append(1), turn(self, *asked))[1])
    world = World(WorldPlan(seed=23, orders=3, faults=PERFECT, layouts={PF: "vendor-x"}, layouts_in=tmp_path))
    outcome = world.run()
    assert outcome.sound, outcome
    assert world.gateway.links[PF].connects == 1
    assert len(fetched) > 6


@pytest.mark.parametrize("layout", ["ctif-128", "dc-64"])
def test_orders_end_where_everybody_logs_in_over_a_bad_network(layout: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("一个共享的密钥", encoding="utf-8")
    world = World(WorldPlan(seed=24, orders=4, faults=BAD, layouts={PF: layout}, secret_file=secret))
    outcome = world.run()
    assert outcome.sound, outcome
    assert not any(host.door.refused for host in world.hosts.values())


def test_two_layouts_meet_in_the_hub_where_everybody_logs_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("一个共享的密钥", encoding="utf-8")
    layouts = {PF: "dc-64", RM: "ascii-145"}
    world = World(WorldPlan(seed=26, orders=3, layouts=layouts, secret_file=secret, hub=True))
    outcome = world.run()
    assert outcome.sound, outcome


def test_a_system_with_another_secret_gets_nothing_done(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("一个共享的密钥", encoding="utf-8")
    world = World(WorldPlan(seed=25, orders=1, secret_file=secret))
    secret.write_text("another", encoding="utf-8")
    plan = world.hosts[PF].settings
    crm = replace(plan.peers[CRM], login=LoginSettings(PF, "another", required=True))
    world.hosts[PF] = SimulatorHost(
        world.provisioning, replace(plan, peers={**plan.peers, CRM: crm}), world.clock, Entropy(1), world.network
    )
    world.start()
    world.clock.advance(60_000)
    assert world.hosts[PF].door.refused > 0
    assert world.gateway.links[PF].epoch == 0
    assert world.hosts[PF].counts["received"] == 0
