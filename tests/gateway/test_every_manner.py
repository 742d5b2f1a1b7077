"""Every pattern in every layout and envelope, framed, segmented, registered and answered as on a socket (spec 01, 02, 05).

A system of its own speaks with the gateway over an in-memory wire that splits and merges: commands, notices and queries both
ways, receipts, replies and refusals, and heartbeats while nothing is said.  What comes of it is the same in every manner; a
line of pairs carries queries, and what it does not carry is parked with its cause.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from adapters.envelopes.dialect import Dialect, mirrored
from adapters.store import tables as t
from adapters.wire.layout import Layout
from gateway.clock import Entropy
from gateway.proof.fault_plan import FaultPlan
from gateway.proof.heap_clock import HeapClock
from gateway.proof.memory_store import memory_store
from gateway.proof.network import MemoryNetwork
from simulators.brain import Body, Meta, Reaction
from simulators.brain import Send as Say
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, PeerSettings
from tests.adapters.envelopes.speech import GROUP_CODES
from tests.gateway.rig import CATALOGUE, CODEC, START, Rig, Send, sample

TEXT = "生僻字㐀𠮷䶮]]>&lt"
SYSTEMS = {"CRM001": "6001030001", "PF0001": "6001030011"}
SPLIT = FaultPlan(split=0.5, merge=0.3)
ASKED = ("OH01", "OH13", "PQ01", "PQ02")
LINES = tuple(row.name for row in CATALOGUE.envelopes() if row.shape == "line")
LAYOUTS = {row.name: Layout(row) for row in CATALOGUE.layouts()}
MANNERS = [
    (name, row.name)
    for name, layout in LAYOUTS.items()
    for row in CATALOGUE.envelopes()
    if (layout.carries("code") if row.name in LINES else not layout.encloses)
]


class Everything:
    """A provisioning system that takes all there is and remembers how it went."""

    role = "PF"
    codes = ASKED

    def __init__(self) -> None:
        self.took: dict[str, Body] = {}
        self.heard: dict[str, Any] = {}

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        self.took[code] = body
        if code == "PQ01":
            path = next(path for path in CATALOGUE.samples("QueryProcess") if path.name == "ok_answer.xml")
            return Reaction(answer=CODEC.decode(path.read_bytes()).body)
        return Reaction.refuse("ORDER_UNKNOWN") if code == "PQ02" else Reaction(known=code == "OH13")

    def on_answer(self, sent: Say, body: Body, now: int) -> Reaction:
        self.heard[sent.code] = body.get("text") if sent.code == "LN03" else body["code"]
        return Reaction()

    def on_refusal(self, sent: Say, code: str, body: Body, now: int) -> Reaction:
        self.heard[sent.code] = code
        return Reaction()

    def due(self, now: int) -> Reaction:
        return Reaction()

    def next_due(self) -> int | None:
        return None

    def inspect(self) -> dict[str, Any]:
        return {}


@pytest.fixture(scope="module")
def store() -> Engine:
    """One database for all, emptied before each use."""
    return memory_store()


def talk(layout: str, envelope: str, engine: Engine) -> tuple[Rig, Everything]:
    """Everything said once; then nothing for four minutes."""
    with engine.begin() as connection:
        for table in t.metadata.sorted_tables:
            connection.execute(table.delete())
    row = CATALOGUE.envelope(envelope)
    named = {"systems": SYSTEMS, "codes": GROUP_CODES} if row.code_pattern else {}
    peer = {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s", "layout": layout, "envelope": envelope}
    clock = HeapClock(START)
    network = MemoryNetwork(clock, Entropy(3), SPLIT)
    around = {"layout": layout, "clock": clock, "network": network, "engine": engine}
    rig = Rig(({**peer, "window": 1, "dialect": named},), start=False, **around)  # type: ignore[arg-type]
    dialect = mirrored(replace(Dialect(), **named))
    crm = PeerSettings("CRM001", "CRM", "mem://crm", layout, envelope=envelope, dialect=dialect)
    crm = replace(crm, session=replace(crm.session, window=1))
    brain = Everything()
    host = SimulatorHost(brain, HostSettings("PF0001", "mem://pf", {"CRM001": crm}, layout), clock, Entropy(5), network)
    host.start()
    rig.start()
    for code in ASKED:
        rig.gateway.writer.submit(Send("PF0001", [code], code))
    says = [Say("LN03", {"text": TEXT}, "CRM")]
    if envelope not in LINES:
        reports = {"OH07": "StageReport", "OH08": "CompletionReport"}
        says += [Say(code, CODEC.decode(sample(name)).body, "CRM") for code, name in reports.items()]
    host.act(lambda now: Reaction(sends=says))
    rig.run(270)
    return rig, brain


def results(rig: Rig) -> dict[str, tuple[str, str | None]]:
    """State and result of every message by direction and code."""
    found = rig.rows("SELECT direction, code, state, result_code FROM message WHERE code <> 'LN03' ORDER BY id")
    return {f"{direction} {code}": (state, result) for direction, code, state, result in found}


@pytest.fixture(scope="module")
def native(store: Engine) -> tuple[dict[str, tuple[str, str | None]], Everything]:
    """How it goes in our own header and envelope."""
    rig, brain = talk("ctif-128", "package", store)
    return results(rig), brain


def test_what_comes_of_it(native: tuple[dict[str, tuple[str, str | None]], Everything]) -> None:
    found, brain = native
    assert found == {
        "out OH01": ("DONE", "0001"), "out OH13": ("DONE", "0002"), "out PQ01": ("DONE", "0000"),
        "out PQ02": ("REJECTED", "3003"), "in OH07": ("REJECTED", "3003"), "in OH08": ("REJECTED", "3003"),
    }  # fmt: skip
    assert brain.heard == {"LN03": TEXT, "OH07": "3003", "OH08": "3003"}
    assert set(brain.took) == set(ASKED)


@pytest.mark.parametrize(("layout", "envelope"), MANNERS)
def test_the_same_in_every_manner(
    layout: str, envelope: str, native: tuple[dict[str, Any], Everything], store: Engine
) -> None:
    rig, brain = talk(layout, envelope, store)
    wanted, first = native
    if envelope in LINES:
        wanted = dict.fromkeys(("out OH01", "out OH13", "out PQ02"), ("PARKED", None)) | {"out PQ01": wanted["out PQ01"]}
    assert results(rig) == wanted
    assert brain.heard == {code: told for code, told in first.heard.items() if code == "LN03" or envelope not in LINES}
    assert [code for code in ASKED if code in brain.took] == [code for code in ASKED if wanted[f"out {code}"][0] != "PARKED"]
    if envelope not in LINES:
        assert brain.took == first.took
    links = rig.gateway.status()["links"]
    assert [link["connects"] for link in links] == [1] if LAYOUTS[layout].heartbeats else [2]
