"""The store of one writer: what a group of commands loads, changes and writes, all by set (architecture 4).

A group's life: ``begin`` · ``prefetch`` (one statement a table) · for each command a ``StoreUnit`` that is merged or dropped ·
``flush`` (one executemany a table, row counts checked) · ``commit`` (may run on another thread) · ``committed``.  Anything that
goes wrong with the *database* ends in ``rollback``: counters, chain head and everything remembered go back with it.

From ``flush`` to ``committed`` a group is ``under_way``: the next one may already be loaded and executed (SQLite), to begin
behind it.  What the one under way wrote is remembered, so entities and serials are read beside it over a connection of their
own; every other reading stands behind the commit and raises ``CommitUnderWay`` during it.  If that commit fails, ``rollback``
takes both groups back.

What was loaded or written is remembered for later groups (``remember`` entities at most) where this process is the only one
that writes, which SQLite guarantees through the data directory's lock; with several processes on PostgreSQL nothing is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from itertools import islice
from typing import Any

from sqlalchemy.engine import Engine

from adapters.store.driver import Driver, StoreFault
from adapters.store.engine import is_memory, reading
from adapters.store.history import GENESIS, Chain
from adapters.store.loading import Loader
from adapters.store.mapping import BY_KIND, ENTITIES, ITEM, clone_order
from adapters.store.relays import Relays
from adapters.store.rows import MessageRecord, inserts, updates
from adapters.store.sql import Dialect, EntitySql, Insert, Update
from adapters.store.withdrawal import Withdrawals
from crm_core.orders.model import OrderItem, ServiceOrder

Key = tuple[str, str]
Seen = tuple[bytes, int, tuple[bytes, str] | None]
"""Hash of a payload, the message's id, and its answer where that was given so recently that it is not in the log yet."""


COUNTER_BLOCK = 1000
"""Numbers reserved at a time; a restart leaves a gap of at most so many in ids and serials."""


class StaleWrite(Exception):
    """A row was changed by somebody else between load and write: the group is rolled back and replayed."""


class Store:
    """The writing side of one database. ``chain`` numbers the writer; ``remember`` bounds entities kept between groups."""

    def __init__(self, engine: Engine, *, chain: int = 1, remember: int = 6000) -> None:
        self.engine = engine
        self.dialect = Dialect(engine.dialect.name)
        self.chain = Chain(chain, 0, GENESIS)
        self._sql = {m.kind: EntitySql(m, self.dialect) for m in ENTITIES}
        self._inserts = inserts(self.dialect)
        self._updates = updates(self.dialect)
        self._item_insert = Insert(ITEM.table, ("order_id", "position", *ITEM.columns), self.dialect)
        self._item_update = Update(ITEM, ("order_id", "item_id", "version"), self.dialect)
        self._remember = remember if self.dialect.sqlite else 0
        self._shared = self._remember > 0 and not is_memory(str(engine.url))
        self._driver: Driver | None = None
        self._reader: Driver | None = None
        self.under_way = False
        self._commit_open = False
        self._loader = Loader(self.dialect, self._sql)
        self._known: OrderedDict[Key, Any] = OrderedDict()
        self._absent: list[Key] = []
        self._inbox: dict[Key, Seen] = {}
        self._written_inbox: dict[Key, Seen] = {}
        self.withdrawn = Withdrawals(self.dialect)
        self.relays = Relays(self.dialect)
        self._counters: dict[str, int] = {}
        self._stored_counters: dict[str, int] = {}
        self._blocks: dict[str, int] = {}
        self._reserving: dict[str, int] = {}
        self._stored_chain = (0, GENESIS)
        self._written: tuple[dict[str, int], tuple[int, bytes]] = ({}, (0, GENESIS))
        self._new: dict[Key, Any] = {}
        self._dirty: dict[Key, Any] = {}
        self._items_new: list[tuple[str, int, OrderItem]] = []
        self._items_changed: dict[tuple[str, str, int], tuple[OrderItem, OrderItem]] = {}
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in (*self._inserts, *self._updates)}

    # -- opening and ending a group -------------------------------------------------------------------------------

    @property
    def driver(self) -> Driver:
        """The writer's connection, opened on first use; counters and the chain's head are read then."""
        if self._driver is None:
            driver = Driver(self.engine)
            try:
                self._counters = self._loader.counters(driver)
                seq, head = self._loader.chain_head(driver, self.chain.number)
                driver.rollback()
            except StoreFault:
                driver.close()
                raise
            self._driver = driver
            self._stored_counters = dict(self._counters)
            self._blocks = dict(self._counters)
            self.chain.seq, self.chain.head = seq, head
            self._stored_chain = (seq, head)
        return self._driver

    @property
    def _beside(self) -> Driver:
        """For what a group under way has changed nothing of that is not remembered: waits for no commit where there is a
        file two connections can share."""
        if not (self.under_way and self._shared):
            return self.driver
        if self._reader is None:
            self._reader = Driver(reading(self.engine))
        return self._reader

    def close(self) -> None:
        """Gives the connections back; what was not committed is gone."""
        self._drop_reader()
        if self._driver is not None:
            self._driver.close()
            self._driver = None
            self._commit_open = False
            self._forget()

    def _drop_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.close()

    def begin(self) -> None:
        """Opens the group's transaction; on SQLite this takes the write lock or fails at once."""
        self.driver.begin()

    def prefetch(self, keys: Iterable[Key], inbox: Iterable[tuple[str, str]]) -> None:
        """Loads by set what the group named and is not remembered."""
        wanted: dict[str, dict[str, None]] = {}
        for kind, entity_id in keys:
            if (kind, entity_id) not in self._known:
                wanted.setdefault(kind, {})[entity_id] = None
        for kind, ids in wanted.items():
            found = self._loader.load(self._beside, kind, list(ids))
            if kind == "billing_serial":  # a fact known under its id may be newer than its row
                found = {name: self._known.setdefault(("billing", fact.id), fact) for name, fact in found.items()}
            for entity_id in ids:
                self._known[kind, entity_id] = entity = found.get(entity_id)
                if entity is None:
                    self._absent.append((kind, entity_id))
        by_sender: dict[str, list[str]] = {}
        for sender, serial in inbox:
            by_sender.setdefault(sender, []).append(serial)
        for sender, serials in by_sender.items():
            self._inbox.update(self._loader.inbox(self._beside, sender, serials))

    def find(self, kind: str, entity_id: str) -> Any:
        """The entity as committed or as the group's earlier commands left it; None where there is none."""
        key = (kind, entity_id)
        known = self._known
        if key in known:
            known.move_to_end(key)
            return known[key]
        self.prefetch((key,), ())
        return known[key]

    def seen(self, sender: str, serial: str) -> Seen | None:
        """What the inbox knows of a serial: payload hash, message id, and the answer if it was given in this very group or
        the one under way."""
        key = (sender, serial)
        return self._written_inbox.get(key) or self._inbox.get(key)

    def stored_answer(self, message_id: int) -> tuple[bytes, str]:
        """The answer an inbound message got and its result code, from the message log."""
        return self._loader.answer(self.driver, message_id)

    def fate(self, sender: str, serial: str) -> tuple[str, str, bytes | None] | None:
        """What became of a sender's message: state, result code, answer; None if it was never seen (RX04)."""
        return self._loader.fate(self.driver, sender, serial)

    def outbound(self, ids: list[int]) -> dict[int, tuple[dict[str, Any] | None, bytes | None]]:
        """Document and, once framed, bytes of outbound messages that were committed before."""
        return self._loader.outbound(self._beside, ids)

    def sent_to(self, peer: str, serials: list[str]) -> list[MessageRecord]:
        """Our messages to a peer under these serials, as the last group left them."""
        return self._loader.sent_to(self.driver, peer, serials)

    def outbound_state(self, message_id: int) -> tuple[str, str | None]:
        """State and error class of a message of ours as earlier jobs of this group leave them."""
        moved = [row for row in self._rows["message_state"] if row[-1] == message_id]
        if moved:
            return moved[-1][0], moved[-1][1]
        unparked = [row for row in self._rows["message_peer"] if row[-1] == message_id]
        return (unparked[-1][2], None) if unparked else self._loader.message_state(self.driver, message_id)

    def unsent(self, serial: str) -> int | None:
        """The id of our message with this serial if nobody has tried to send it yet."""
        return self.withdrawn.unsent(self.driver, self._rows, serial)

    def next(self, counter: str) -> int:
        """The next number of a counter, from the block this writer holds; given back if the group is rolled back."""
        value = self._counters.get(counter, 0) + 1
        self._counters[counter] = value
        return value

    # -- what a merged unit hands over ----------------------------------------------------------------------------

    def put(self, kind: str, entity: Any, *, added: bool) -> None:
        """A unit was merged: ``entity`` is how things stand now."""
        key = (kind, entity.id)
        if added or key in self._new:
            self._new[key] = entity
        else:
            base = self._known[key]
            self._dirty.setdefault(key, base)
            if kind == "order":
                self._note_items(base, entity)
        self._known[key] = entity
        if kind == "billing" and entity.serial:
            self._known["billing_serial", entity.serial] = entity

    def _note_items(self, base: ServiceOrder, order: ServiceOrder) -> None:
        old = base.items
        for position, item in enumerate(order.items):
            if position >= len(old):
                self._items_new.append((order.id, position, item))
            elif item != old[position]:
                key = (order.id, item.item_id, item.version)
                self._items_changed[key] = (self._items_changed.get(key, (old[position],))[0], item)

    def put_row(self, name: str, row: tuple[Any, ...]) -> None:
        """A row for one of the lists of ``rows.inserts`` or ``rows.updates``."""
        self._rows[name].append(row)

    def put_inbox(
        self, sender: str, serial: str, payload_hash: bytes, message_id: int, answer: tuple[bytes, str], again: bool
    ) -> None:
        """A serial was seen, before (``again``) or now; a repeat in this very group gets ``answer``."""
        self._inbox[sender, serial] = (payload_hash, message_id, answer)
        if not again:
            self._rows["inbox"].append((sender, serial, payload_hash, message_id))

    # -- writing --------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Writes everything merged since the last; raises ``StaleWrite`` if a row was not the one loaded."""
        driver = self.driver
        born: dict[str, list[Any]] = {}
        for (kind, _), entity in self._new.items():
            born.setdefault(kind, []).append(entity)
        dirty: dict[str, list[tuple[Any, Any]]] = {}
        for key, base in self._dirty.items():
            entity = self._known[key]
            entity.row_version = base.row_version + 1
            dirty.setdefault(key[0], []).append((base, entity))
        for mapping in ENTITIES:
            kind, sql = mapping.kind, self._sql[mapping.kind]
            if kind in born:
                driver.many(*sql.insert.filled([mapping.row(entity, self.dialect.json) for entity in born[kind]]))
            if kind in dirty:
                keys = [(base.id, base.row_version) for base, _ in dirty[kind]]
                self._change(sql.update, dirty[kind], keys, kind)
        self._flush_items(driver)
        for name, insert in self._inserts.items():
            if rows := self._rows[name]:
                driver.many(*insert.filled(rows))
        for name, text in self._updates.items():
            rows = self._rows[name]
            if rows and driver.many(text, rows) != len(rows):
                raise StaleWrite(name)
        self._flush_counters(driver)
        self._next_group()

    def _flush_items(self, driver: Driver) -> None:
        rows = [
            (order.id, position, *ITEM.row(item, self.dialect.json))
            for (kind, _), order in self._new.items()
            if kind == "order"
            for position, item in enumerate(order.items)
        ]
        rows.extend((order_id, position, *ITEM.row(item, self.dialect.json)) for order_id, position, item in self._items_new)
        if rows:
            driver.many(*self._item_insert.filled(rows))
        if self._items_changed:
            self._change(self._item_update, list(self._items_changed.values()), list(self._items_changed), "item")

    def _change(self, update: Update, pairs: list[tuple[Any, Any]], keys: list[tuple[Any, ...]], kind: str) -> None:
        changed = update.changed(pairs, keys)
        if changed is not None and self.driver.many(*changed) != len(pairs):
            raise StaleWrite(kind)

    def _flush_counters(self, driver: Driver) -> None:
        """Numbers are taken in blocks: the table holds the end of each block, so most groups do not touch it."""
        mark = self.dialect.mark
        for name, value in self._counters.items():
            reserved = self._blocks.get(name)
            if reserved is None:
                driver.all(f"INSERT INTO counter (name, value) VALUES ({mark}, {mark})", (name, value + COUNTER_BLOCK))
            elif value > reserved:
                sql = f"UPDATE counter SET value = {mark} WHERE name = {mark} AND value = {mark}"
                if driver.many(sql, [(value + COUNTER_BLOCK, name, reserved)]) != 1:
                    raise StaleWrite("counter")
            else:
                continue
            self._reserving[name] = value + COUNTER_BLOCK

    @property
    def in_doubt(self) -> bool:
        """A commit was begun and failed: nobody knows whether it took place."""
        return self._commit_open

    def commit(self) -> None:
        """The commit alone: touches nothing but the connection, so it may run on another thread."""
        self._commit_open = True
        self.driver.commit()
        self._commit_open = False

    def committed(self) -> None:
        """What was flushed is durable: a later failure goes back to here."""
        self._stored_counters, self._stored_chain = self._written
        self._blocks.update(self._reserving)
        self._reserving.clear()
        self.withdrawn.committed()
        self._written_inbox.clear()
        self.under_way = False
        excess = len(self._known) - self._remember
        if excess > 0:
            for key in list(islice(self._known, excess)):
                if not self._unwritten(key):
                    del self._known[key]

    def _unwritten(self, key: Key) -> bool:
        """Whether the next group has yet to write what is remembered under ``key``."""
        if key[0] == "billing_serial" and self._known[key] is not None:
            key = ("billing", self._known[key].id)
        return key in self._dirty or key in self._new

    def rollback(self) -> None:
        """Nothing of the group happened; after a commit that failed nobody knows, so counters and chain are read afresh."""
        try:
            if self._driver is not None:
                self._driver.rollback()
        finally:
            self._forget()
            self._drop_reader()
            if self._commit_open:
                self.close()

    def _forget(self) -> None:
        self._counters = dict(self._stored_counters)
        self.chain.seq, self.chain.head = self._stored_chain
        self._known.clear()
        self.withdrawn.dropped()
        self._reserving.clear()
        self._inbox.clear()
        self._written_inbox.clear()
        self.under_way = False
        self._end_group()

    def _next_group(self) -> None:
        """What was merged is written: what is merged from now on belongs to the next group."""
        self._written = (dict(self._counters), (self.chain.seq, self.chain.head))
        self.withdrawn.written()
        self._written_inbox, self._inbox = self._inbox, {}
        self.under_way = True
        self._end_group()

    def _end_group(self) -> None:
        """Nothing is merged."""
        for key in self._absent:
            if key in self._known and self._known[key] is None:
                del self._known[key]
        self._absent.clear()
        self._new.clear()
        self._dirty.clear()
        self._items_new.clear()
        self._items_changed.clear()
        for rows in self._rows.values():
            rows.clear()


def working_copy(kind: str, entity: Any) -> Any:
    """A copy a command may change."""
    return clone_order(entity) if kind == "order" else BY_KIND[kind].clone(entity)
