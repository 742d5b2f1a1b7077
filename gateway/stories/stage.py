"""The stage of a story: a simulated world, its people, and the names things have in the story."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from adapters.store import queries
from adapters.wire.layout import Layout
from adapters.wire.times import wire_time
from gateway.cli.demo import DemoOrder
from gateway.proof.world import START_MS, World, WorldPlan
from gateway.stories.network import StoryFaults
from gateway.stories.story import Story, StoryOrder
from schemas.loader import load

TOLD = "told"
"""Kind of the trace lines that say what people did."""

_ID = re.compile(rb"<customer_order_id>([^<]+)<")
_TURN_MS = 50
_PART = 20
"""Waiting looks up so often at first, then after each twentieth of what it has waited."""
_ASKING_S = 120.0
_RUN = "DEMO0000-"


class StoryFailed(Exception):
    """The story did not go as it is written; the text says where, in Chinese and English."""


class Stage:
    """The world and who acts in it. Nothing has happened yet; ``advance`` lets time go on."""

    def __init__(self, story: Story) -> None:
        self.story = story
        voices = {one.system: (one.envelope, one.charset) for one in story.dialects}
        self.world = World(WorldPlan(story.seed, 0, keep=None, scripts=story.scripts, voices=voices, hub=bool(voices)))
        layout = Layout(load().layout("ctif-128"))
        self.faults = StoryFaults(self.world.network, self.world.trace, layout, story.faults)
        self.layout = layout
        self._orders = {order.name: order for order in story.orders}
        self._customer_orders = {order.name: _customer_order(order) for order in story.orders}
        self.drawn_from = START_MS
        """When the drawn part of the story begins (ms)."""
        self.alone = 0
        """How many trace lines precede it."""

    @property
    def now(self) -> int:
        """The time (ms)."""
        return self.world.clock.now()

    def advance(self, seconds: float) -> None:
        """Virtual time goes on."""
        self.world.clock.advance(round(seconds * 1000))

    def until(self, done: Callable[[], bool], seconds: float, zh: str, en: str) -> None:
        """Time goes on until ``done``. Raises StoryFailed when that takes longer than ``seconds``."""
        begun = self.now
        while not done():
            waited = self.now - begun
            if waited >= seconds * 1000:
                raise StoryFailed(f"{seconds:g} 秒内未见：{zh} / not within {seconds:g} s: {en}")
            self.world.clock.advance(max(_TURN_MS, waited // _PART))

    def submission(self, name: str) -> DemoOrder:
        """An order of the story as the channel submits it."""
        order = self._orders[name]
        return DemoOrder(self._customer_orders[name], order.raw, order.expect)

    def order(self, name: str) -> str:
        """The service order of an order of the story. Raises StoryFailed: it has none yet."""
        with self.world.engine.connect() as connection:
            found = queries.service_order_ids(connection, self._customer_orders[name])
        if not found:
            raise StoryFailed(f"定单 {name} 尚未受理 / order {name} is not captured yet")
        return found[0]

    def row(self, name: str) -> dict[str, Any]:
        """An order as stored, with everything about it."""
        with self.world.engine.connect() as connection:
            row = queries.order(connection, self.order(name))
        assert row is not None
        return row

    def glance(self, name: str) -> dict[str, Any]:
        """How an order stands, and nothing about it that costs: its state, stage and version, whether it has an offer or an
        open fallout record."""
        query = (
            "SELECT o.state, o.stage, o.version, coalesce(json_extract(o.pending_json, '$.offer') IS NOT NULL, 0) AS offer, "
            "EXISTS (SELECT 1 FROM fallout f WHERE f.service_order_id = o.id AND f.closed_at IS NULL) AS fallout "
            "FROM service_order o WHERE o.customer_order_id = ?"
        )
        with self.world.engine.connect() as connection:
            row = connection.exec_driver_sql(query, (self._customer_orders[name],)).mappings().first()
        return dict(row) if row is not None else {}

    def value(self, query: str, *values: object) -> Any:
        """One value out of the store."""
        with self.world.engine.connect() as connection:
            return connection.exec_driver_sql(query, values).scalar()

    def filled(self, given: Any) -> Any:
        """``given`` with what begins with ``$`` filled in: ``$in 600`` (a wire time), ``$order A``, ``$fence A``,
        ``$scheme SR1``."""
        if isinstance(given, dict):
            return {name: self.filled(value) for name, value in given.items()}
        if isinstance(given, list):
            return [self.filled(value) for value in given]
        if not isinstance(given, str) or not given.startswith("$"):
            return given
        what, _, name = given[1:].partition(" ")
        return _FILL[what](self, name)

    def answer(self, replies: list[dict[str, Any]], before: int) -> dict[str, Any]:
        """The reply that joins ``replies``."""
        self.until(lambda: len(replies) > before, _ASKING_S, "应答", "an answer")
        return replies[before]

    def names(self) -> dict[str, str]:
        """What stands for ids in drawings: service orders by their name in the story, the rest without the demo's run."""
        with self.world.engine.connect() as connection:
            known = {
                order: name
                for name, customer_order in self._customer_orders.items()
                for order in queries.service_order_ids(connection, customer_order)
            }
        return known | {customer_order: name for name, customer_order in self._customer_orders.items()}


def plain_name(text: str) -> str:
    """An id of the demo without the number of its run."""
    return text.replace(_RUN, "")


def _customer_order(order: StoryOrder) -> str:
    found = _ID.search(order.raw)
    assert found is not None
    return found.group(1).decode()


_FILL: dict[str, Callable[[Stage, str], Any]] = {
    "in": lambda stage, seconds: wire_time(stage.now + int(seconds) * 1000),
    "order": Stage.order,
    "fence": lambda stage, name: stage.row(name)["lock"]["fence"],
    "scheme": lambda stage, name: stage.value("SELECT scheme_id FROM scheme_request WHERE id = ?", name),
}
