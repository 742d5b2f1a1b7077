"""The auditor: the invariants of spec 06.4 over a store, at rest or live, in every simulation and by command.

It trusts nothing the gateway says of itself: it reads the tables and holds rows against rows.  What simulated peers and
channels remember is held against the store in ``ledgers.py``.  Every violation names the invariant, the subject and, in
both languages, what is wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from adapters.store.history import COLUMNS, broken_links
from adapters.store.message_machine import DONE, OPEN, PARKED
from adapters.store.withdrawal import TAKEN_BACK
from crm_core.orders.fold import FINAL, fold
from crm_core.orders.item_states import ENDS
from crm_core.orders.moves import NOBODY
from schemas.loader import Catalogue


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be: ``clause`` of the specification, e.g. ``6.4/3``, whose it is, what is wrong."""

    clause: str
    subject: str
    zh: str
    en: str

    def __str__(self) -> str:
        return f"{self.clause} {self.subject}: {self.zh} / {self.en}"


Check = Callable[[Connection, Catalogue], Iterator[Violation]]


def audit(connection: Connection, catalogue: Catalogue, *, quiet: bool = False) -> list[Violation]:
    """Every violation found in the store behind ``connection``; ``quiet``: nothing is under way any more, so that nothing
    may be left open either."""
    found: list[Violation] = []
    for check in (*ALWAYS, *(AT_QUIESCENCE if quiet else ())):
        found += check(connection, catalogue)
    return found


def _rows(connection: Connection, sql: str, **values: Any) -> Iterator[Any]:
    yield from connection.execute(text(sql), values)


# 1: same serial and bytes, one effect -----------------------------------------------------------------------------


def one_effect_a_serial(connection: Connection, _catalogue: Catalogue) -> Iterator[Violation]:
    """No serial was applied twice, every inbox mark has its message, and no two messages of ours share a serial."""
    applied = "SELECT peer, serial, count(*) FROM message WHERE direction = 'in' AND state = :done GROUP BY peer, serial"
    for peer, serial, count in _rows(connection, f"{applied} HAVING count(*) > 1", done=DONE):
        yield Violation("6.4/1", f"{peer} {serial}", f"同一流水号生效 {count} 次", f"one serial took effect {count} times")
    orphans = (
        "SELECT i.sender, i.serial FROM inbox i LEFT JOIN message m ON m.id = i.message_id "
        "AND m.serial = i.serial AND m.peer = i.sender WHERE m.id IS NULL"
    )
    for sender, serial in _rows(connection, orphans):
        yield Violation("6.4/1", f"{sender} {serial}", "查重记录没有对应报文", "an inbox mark without its message")
    sent = "SELECT serial, count(*) FROM message WHERE direction = 'out' GROUP BY serial HAVING count(*) > 1"
    for serial, count in _rows(connection, sent):
        yield Violation("6.4/1", serial, f"{count} 个外发报文共用流水号", f"{count} messages of ours share a serial")


def orders_of_a_capture(connection: Connection, _catalogue: Catalogue) -> Iterator[Violation]:
    """A customer order has exactly the service orders it names: a repeat made no second ones."""
    named: dict[str, list[str]] = {}
    for customer_order, ids in _rows(connection, "SELECT id, service_order_ids_json FROM customer_order"):
        named[customer_order] = sorted(json.loads(ids))
    found: dict[str, list[str]] = {}
    for order, customer_order in _rows(connection, "SELECT id, customer_order_id FROM service_order ORDER BY id"):
        found.setdefault(customer_order, []).append(order)
    for customer_order in sorted({*named, *found}):
        if named.get(customer_order) != found.get(customer_order):
            yield Violation(
                "6.4/1",
                customer_order,
                f"客户订单所列定单 {named.get(customer_order)} 与实有 {found.get(customer_order)} 不符",
                f"the customer order names {named.get(customer_order)}, the store has {found.get(customer_order)}",
            )


# 2: one flow an instance ------------------------------------------------------------------------------------------


def one_flow_an_instance(connection: Connection, catalogue: Catalogue) -> Iterator[Violation]:
    """Orders in flight on one instance are compatible, or the later waits for the earlier in DRAFT (5.4 rule 2)."""
    pairs = {
        (str(row.extra["first"]), str(row.extra["second"])) for row in catalogue.table("compatible_actions").rows.values()
    }
    flights: dict[str, dict[str, list[str]]] = {}
    in_flight = (
        "SELECT i.instance_id, i.order_id, i.action, i.progress FROM order_item i JOIN service_order o "
        "ON o.id = i.order_id WHERE o.ended_at IS NULL AND o.state <> 'DRAFT' AND i.version = (SELECT max(n.version) "
        "FROM order_item n WHERE n.order_id = i.order_id AND n.item_id = i.item_id) ORDER BY i.order_id, i.position"
    )
    for instance, order, action, progress in _rows(connection, in_flight):
        if progress not in ENDS:
            flights.setdefault(instance, {}).setdefault(order, []).append(action)
    for instance, orders in flights.items():
        entries = [(order, action) for order, actions in orders.items() for action in actions]
        clashes = [
            (one, other)
            for index, (one, action) in enumerate(entries)
            for other, opposite in entries[index + 1 :]
            if one != other and not _compatible(pairs, action, opposite)
        ]
        if clashes:
            yield Violation(
                "6.4/2", instance, f"在途定单冲突 {clashes}", f"orders in flight on one instance conflict: {clashes}"
            )


def _compatible(pairs: set[tuple[str, str]], one: str, other: str) -> bool:
    return any((a, b) in pairs for a, b in ((one, other), (other, one), (one, "*"), (other, "*")))


# 3: what ended stays ended ----------------------------------------------------------------------------------------


def ended_stays_ended(connection: Connection, _catalogue: Catalogue) -> Iterator[Violation]:
    """The history of an order is one path, which leaves no final state; nor does a closed item."""
    states: dict[str, str] = {}
    moves = "SELECT subject_id, state_from, state_to, detail FROM history WHERE subject = 'order' ORDER BY at, chain, seq"
    for order, before, after, detail in _rows(connection, moves):
        known = states.get(order)
        if known is not None and known != before:
            yield Violation("6.4/3", order, f"历史断裂：{known} 之后为 {before}", f"history breaks: {before} after {known}")
        if before in FINAL and after != before:
            yield Violation("6.4/3", order, f"已结束 {before} 又到 {after}", f"ended {before}, then moved to {after}")
        states[order] = after
        for entry in (detail or "").split("|", 1)[0].split(";"):
            item, _, path = entry.partition(":")
            was, _, now = path.partition(">")
            if was in ENDS and now != was:
                yield Violation("6.4/3", f"{order}/{item}", f"已关闭 {was} 又到 {now}", f"closed {was}, then moved to {now}")
    for order, state in _rows(connection, "SELECT id, state FROM service_order"):
        if order in states and states[order] != state:
            yield Violation(
                "6.4/3", order, f"状态 {state} 与历史 {states[order]} 不符", f"is {state}, its history ends in {states[order]}"
            )


def state_is_the_fold(connection: Connection, _catalogue: Catalogue) -> Iterator[Violation]:
    """An order's state is what its items' states make it (4.2), and it has an end exactly if that state is final."""
    newest = (
        "SELECT i.order_id, i.progress, i.fallout, i.cancelling, i.amending FROM order_item i WHERE i.version = (SELECT "
        "max(n.version) FROM order_item n WHERE n.order_id = i.order_id AND n.item_id = i.item_id) ORDER BY i.order_id"
    )
    shown: dict[str, list[str]] = {}
    for order, progress, fallout, cancelling, amending in _rows(connection, newest):
        overlay = "FALLOUT" if fallout else "CANCELLING" if cancelling else "AMENDING" if amending else progress
        shown.setdefault(order, []).append(overlay)
    for order, state, ended_at in _rows(connection, "SELECT id, state, ended_at FROM service_order"):
        derived = fold(shown[order]) if order in shown else "no items"
        if state != derived:
            yield Violation("6.4/3", order, f"状态 {state}，由订单项应为 {derived}", f"is {state}, its items make {derived}")
        if (ended_at is not None) != (state in FINAL):
            yield Violation("6.4/3", order, f"状态 {state} 与结束时间不符", f"is {state}, which its end time contradicts")


# 5, 6: owners and versions ----------------------------------------------------------------------------------------


def one_owner_a_resource(connection: Connection, catalogue: Catalogue) -> Iterator[Violation]:
    """No resource serves two instances that are in service."""
    serving = [row.code for row in catalogue.table("instance_states").rows.values() if row.extra["in_service"]]
    owners: dict[str, str] = {}
    for instance, status, resources in _rows(connection, "SELECT id, status, resources_json FROM product_instance ORDER BY id"):
        for resource in json.loads(resources) if status in serving else ():
            res_inst_id = resource.get("res_inst_id")
            if res_inst_id is None:
                continue
            owner = owners.setdefault(res_inst_id, instance)
            if owner != instance:
                yield Violation(
                    "6.4/5", res_inst_id, f"同时属于 {owner} 和 {instance}", f"belongs to both {owner} and {instance}"
                )


def versions_grow(connection: Connection, catalogue: Catalogue) -> Iterator[Violation]:
    """Versions of an order were sent in growing order, none exceeds the order's, and no report was applied twice."""
    code = catalogue.for_event("OrderDispatched")[0].code
    sent: dict[str, int] = {}
    dispatched = (
        "SELECT m.order_key, d.document_json FROM message m JOIN message_document d ON d.message_id = m.id "
        "WHERE m.direction = 'out' AND m.code = :code ORDER BY m.id"
    )
    for order, document in _rows(connection, dispatched, code=code):
        version = int(json.loads(document)["version"])
        if version <= sent.get(order, 0):
            yield Violation(
                "6.4/6", order, f"版本 {version} 在 {sent[order]} 之后派发", f"version {version} was sent after {sent[order]}"
            )
        sent[order] = version
    above = "SELECT i.order_id, i.version, o.version FROM order_item i JOIN service_order o ON o.id = i.order_id"
    for order, version, highest in _rows(connection, f"{above} WHERE i.version > o.version"):
        yield Violation("6.4/6", order, f"订单项版本 {version} 高于定单 {highest}", f"item version {version} above {highest}")
    twice = "SELECT service_order_id, report_seq, count(*) FROM stage_record GROUP BY service_order_id, report_seq"
    for order, seq, count in _rows(connection, f"{twice} HAVING count(*) > 1 AND report_seq > 0"):
        yield Violation("6.4/6", order, f"报告 {seq} 被采用 {count} 次", f"report {seq} was applied {count} times")


# 12: billing ------------------------------------------------------------------------------------------------------

DONE_ITEMS = "SELECT cutover_id, instance_id FROM cutover_item WHERE state = 'done'"
"""What a cutover moved: its customer is told, once."""
MOVED = (
    "SELECT i.cutover_id, i.instance_id FROM cutover_item i JOIN product_instance p ON p.id = i.instance_id "
    "WHERE i.state = 'done' AND p.account_id IS NOT NULL"
)
"""What a cutover moved and somebody pays for: a change, told once."""


def billing_told_once(connection: Connection, catalogue: Catalogue) -> Iterator[Violation]:
    """Each completed action that bills has exactly one charging fact, and each fact exactly one notice."""
    kinds = {row.code: str(row.extra.get("billing_kind", "")) for row in catalogue.table("actions").rows.values()}
    expected: Counter[tuple[str, str, str]] = Counter()
    completed = "SELECT order_id, instance_id, action FROM order_item WHERE progress = 'COMPLETED'"
    for order, instance, action in _rows(connection, completed):
        if kinds.get(action):
            expected[order, instance, kinds[action]] = 1
    for moved, instance in _rows(connection, MOVED):
        expected[moved, instance, "change"] = 1
    facts: Counter[tuple[str, str, str]] = Counter()
    told = "SELECT service_order_id, instance_id, kind, serial, (SELECT count(*) FROM message m WHERE m.serial = b.serial "
    for order, instance, kind, serial, notices in _rows(connection, f"{told} AND m.direction = 'out') FROM billing_record b"):
        facts[order, instance, kind] += 1
        if kind == "reverse":  # 返销: the start is taken back, so no end is told
            expected[order, instance, "stop"] = 0
        if notices != 1:
            yield Violation("6.4/12", f"{order} {serial}", f"计费通知 {notices} 份", f"{notices} billing notices for one fact")
    for key in sorted({*expected, *facts}):
        order, instance, kind = key
        if kind != "reverse" and expected[key] != facts[key]:
            yield Violation(
                "6.4/12",
                f"{order} {instance}",
                f"计费 {kind} 应 {expected[key]} 次，实 {facts[key]} 次",
                f"billing {kind} should be told {expected[key]} times, was {facts[key]} times",
            )


# 9: cutovers ------------------------------------------------------------------------------------------------------


def customers_told_once(connection: Connection, catalogue: Catalogue) -> Iterator[Violation]:
    """Each instance a cutover moved has exactly one notice for its customer, and each notice exactly one message."""
    code = catalogue.for_event("CustomerNoticeIssued")[0].code
    sent = (
        "SELECT d.document_json FROM message m JOIN message_document d ON d.message_id = m.id "
        "WHERE m.direction = 'out' AND m.code = :code"
    )
    messages = Counter(str(json.loads(document)["notice_id"]) for (document,) in _rows(connection, sent, code=code))
    moved = Counter((cutover, instance) for cutover, instance in _rows(connection, DONE_ITEMS))
    for notice, about, instance in _rows(connection, "SELECT id, about, instance_id FROM customer_notice ORDER BY id"):
        moved[about, instance] -= 1
        if messages[notice] != 1:
            times = messages[notice]
            yield Violation("5.12", notice, f"客户告知报文 {times} 份", f"{times} messages for one notice")
    for (about, instance), missing in sorted(moved.items()):
        if missing:
            zh, en = "割接实例与客户告知不相符", "the notices for customers do not match what was moved"
            yield Violation("5.12", f"{about} {instance}", zh, en)


def cutovers_add_up(connection: Connection, _catalogue: Catalogue) -> Iterator[Violation]:
    """A cutover that was carried out accounts for every item, and nothing is frozen but by an item that says so."""
    ended = (
        "SELECT c.id, c.done + c.failed + c.excluded, count(i.id) FROM cutover c LEFT JOIN cutover_item i "
        "ON i.cutover_id = c.id WHERE c.state IN ('4', '97') GROUP BY c.id, c.done, c.failed, c.excluded ORDER BY c.id"
    )
    for cutover, accounted, planned in _rows(connection, ended):
        if accounted != planned:
            zh, en = f"计划 {planned} 项，有结果 {accounted} 项", f"{planned} items planned, {accounted} with a result"
            yield Violation("6.4/9", cutover, zh, en)
    frozen = (
        "SELECT p.id FROM product_instance p LEFT JOIN cutover_item i ON i.instance_id = p.id AND i.state = 'frozen' "
        "WHERE p.cutover_freeze AND i.id IS NULL ORDER BY p.id"
    )
    for (instance,) in _rows(connection, frozen):
        yield Violation("6.4/9", instance, "被冻结而无割接项", "is frozen without an item of a cutover")


def history_holds(connection: Connection, _catalogue: Catalogue) -> Iterator[Violation]:
    """Each writer's hash chain holds (message-store.md)."""
    for (chain,) in list(_rows(connection, "SELECT DISTINCT chain FROM history ORDER BY chain")):
        rows = _rows(connection, f"SELECT {', '.join(COLUMNS)} FROM history WHERE chain = :chain ORDER BY seq", chain=chain)
        for seq in broken_links(tuple(row) for row in rows):
            yield Violation("8.4", f"{chain}/{seq}", "审计链在此断裂", "the audit chain is broken here")


# 7: everything has an end -----------------------------------------------------------------------------------------


def nothing_is_left(connection: Connection, _catalogue: Catalogue) -> Iterator[Violation]:
    """At rest every message has its end, and every order is final, waits for its day, or a person has been called."""
    names = ", ".join(f"'{state}'" for state in OPEN)
    left = f"SELECT id, code, peer, state FROM message WHERE direction = 'out' AND state IN ({names}) ORDER BY id"
    for message, code, peer, state in _rows(connection, left):
        yield Violation("6.4/7", f"{message} {code} {peer}", f"报文仍为 {state}", f"the message is still {state}")
    unseen = (
        "SELECT m.id, m.code, m.state FROM message m WHERE m.state IN ('DEAD', :parked) "
        "AND COALESCE(m.error_class, '') <> :back "
        "AND NOT EXISTS (SELECT 1 FROM fallout f WHERE f.message_id = m.id) "
        "AND NOT (m.element = 'PackageGroup' AND EXISTS (SELECT 1 FROM fallout f JOIN message g ON g.id = f.message_id "
        "WHERE g.peer = m.peer AND g.order_key = m.order_key)) ORDER BY m.id"
    )
    for message, code, state in _rows(connection, unseen, parked=PARKED, back=TAKEN_BACK):
        yield Violation("6.4/7", f"{message} {code}", f"{state} 而没有异常单", f"is {state} without a fallout record")
    waiting = (
        "SELECT o.id, o.state FROM service_order o WHERE o.ended_at IS NULL "
        "AND NOT (o.state = 'DRAFT' AND o.effective_at IS NOT NULL) "
        "AND NOT EXISTS (SELECT 1 FROM fallout f WHERE f.service_order_id = o.id) ORDER BY o.id"
    )
    for order, state in _rows(connection, waiting):
        yield Violation("6.4/7", order, f"仍为 {state}，且无人知晓", f"is still {state} and nobody was told")


def one_terminal_report(connection: Connection, catalogue: Catalogue) -> Iterator[Violation]:
    """The channel, where one asked for it, heard of each ended order's end, once as the result of each thing it had asked for
    (an operation that comes too late is answered with the end, too); provisioning heard of each accepted completion once."""
    ends: Counter[tuple[str, str]] = Counter()
    results: Counter[tuple[str, str, str]] = Counter()
    accepted: Counter[tuple[str, str]] = Counter()
    codes = {event: catalogue.for_event(event)[0].code for event in ("OrderStateChanged", "CompletionDecided")}
    told = (
        "SELECT m.code, m.ref_serial, d.document_json FROM message m JOIN message_document d ON d.message_id = m.id "
        "WHERE m.direction = 'out' AND m.code IN (:notice, :decision)"
    )
    values = {"notice": codes["OrderStateChanged"], "decision": codes["CompletionDecided"]}
    for code, ref_serial, document in _rows(connection, told, **values):
        body = json.loads(document)
        if code == values["notice"]:
            results[body["service_order_id"], body["state"], ref_serial or ""] += 1
        else:
            for item in body.get("items", ()):
                if item.get("result") == "accepted":
                    accepted[body["service_order_id"], item["item_id"]] += 1
    for (order, state, _), times in results.items():
        ends[order, state] = max(ends[order, state], times)
    ended = (
        "SELECT o.id, o.state, c.notify FROM service_order o JOIN customer_order c ON c.id = o.customer_order_id "
        "WHERE o.ended_at IS NOT NULL ORDER BY o.id"
    )
    for order, state, notify in _rows(connection, ended):
        if ends[order, state] != (notify != NOBODY):
            times = ends[order, state]
            yield Violation("6.4/7", order, f"终态 {state} 通知 {times} 次", f"the end {state} was told {times} times")
    done = "SELECT DISTINCT order_id, item_id FROM order_item WHERE progress = 'COMPLETED' ORDER BY order_id, item_id"
    for order, item in _rows(connection, done):
        if accepted[order, item] != 1:
            times = accepted[order, item]
            yield Violation("6.4/7", f"{order}/{item}", f"竣工确认 {times} 次", f"its completion was accepted {times} times")


ALWAYS: tuple[Check, ...] = (
    one_effect_a_serial,
    orders_of_a_capture,
    one_flow_an_instance,
    ended_stays_ended,
    state_is_the_fold,
    one_owner_a_resource,
    versions_grow,
    billing_told_once,
    cutovers_add_up,
    customers_told_once,
    history_holds,
)
AT_QUIESCENCE: tuple[Check, ...] = (nothing_is_left, one_terminal_report)
