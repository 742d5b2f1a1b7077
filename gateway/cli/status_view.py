"""The status of a gateway for people: what to do first, then links and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from gateway.cli.output import say, span, table, when

Row = dict[str, Any]


def to_do(found: Row, where: str = "") -> list[Row]:
    """What wants a person, the gravest first: both texts and the call that goes on (empty where it is no call), with ``where``,
    the options that name the gateway."""
    matters = (*_storage(found), *_links(found), *_desk(found))
    return [{"zh": zh, "en": en, "next": call and f"{call}{where}"} for zh, en, call in matters]


Matter = tuple[str, str, str]


def _storage(found: Row) -> Iterator[Matter]:
    fault = found["writer"]["storage_fault"]
    if fault:
        zh, _, en = fault.partition(" / ")
        yield (f"存储写不进去，什么都不受理：{zh}；改正后自动继续",
               f"the store cannot be written, nothing is accepted: {en or zh}; once mended it goes on", "")  # fmt: skip
    if found["store_fault"]:
        yield f"存储读不出来：{found['store_fault']}", f"the store cannot be read: {found['store_fault']}", "bssgw db status"
    for one in found["certificates"]:
        if one["state"] != "ok":
            yield f"证书 {one['where']} {one['ends']} {one['zh']}", f"certificate {one['where']} {one['ends']}: {one['en']}", ""


def _links(found: Row) -> Iterator[Matter]:
    for one in found["links"]:
        name, state, fault = one["peer"], one["state"], one["fault"]
        if state == "stopped":
            yield (f"链路 {name} 已停止：{one['stopped']}", f"link {name} is stopped: {one['stopped']}",
                   f"bssgw link resume {name} --reason …")  # fmt: skip
        elif state != "up" and (fault or state.startswith("circuit")):
            why = f": {fault}" if fault else ""
            yield f"链路 {name} 不通，{state}", f"link {name} does not work, {state}{why}", f"bssgw peer test {name}"
        elif state == "down" and one["waiting"]:
            yield (f"{one['waiting']} 条报文等 {name} 连上来", f"messages that wait until {name} connects: {one['waiting']}",
                   f"bssgw message list --peer {name} --state READY")  # fmt: skip
    if found["held_keys"]:
        number = len(found["held_keys"])
        yield f"{number} 个键被扣留", f"held keys: {number}", "bssgw message held"


def _desk(found: Row) -> Iterator[Matter]:
    for state, number in (found["stranded"] or {}).items():
        yield (f"{number} 条报文停住，等人决定（{state}）", f"messages that stand until somebody decides ({state}): {number}",
               f"bssgw message list --state {state}")  # fmt: skip
    records = found["fallouts"]
    if records and records["open"]:
        classes = ", ".join(f"{name} {number}" for name, number in records["by_class"].items())
        yield (f"{records['open']} 个异常单未关闭（{classes}）", f"open fallout records: {records['open']} ({classes})",
               "bssgw fallout list")  # fmt: skip


def tell(found: Row, now: int) -> None:
    """Prints it; ``now`` in ms."""
    click.echo(f"网关 gateway {found['system_id']} · {when(now)}")
    _tell_to_do(found["to_do"])
    table(
        "链路 links",
        ("对端 peer", "角色 role", "状态 state", "自 since", "等待 waiting", "在途 under way", "最早 oldest"),
        [
            (one["peer"], one["role"], one["state"], when(one.get("since")), _held(one), one["under_way"], _age(one, now))
            for one in found["links"]
        ],
        none="配置中没有可连的 [[peer]] / the configuration has no [[peer]] to link to",
    )
    table(
        "监听 listeners",
        ("名称 name", "连接 connections", "拒之门外 turned away"),
        [(one["name"], one["connections"], one["turned_away"]) for one in found["listeners"]],
    )
    _tell_more(found)
    click.echo("写入 writer")
    writer = found["writer"]
    say(
        f"等待 waiting {writer['waiting']} · 事务 groups {writer['groups']} · 作业 jobs {writer['jobs']}"
        f" · 拒绝 refused {writer['refused']} · 失败 failed {writer['failed']}",
        2,
    )


def _tell_to_do(matters: list[Row]) -> None:
    if not matters:
        click.echo("没有要处理的 / nothing to do")
        return
    click.echo("要做 to do")
    for one in matters:
        say(f"✘ {one['zh']}", 2)
        say(one["en"], 4)
        if one["next"]:
            say(f"→ {one['next']}", 4)


def _tell_more(found: Row) -> None:
    """What only some gateways have."""
    if found["rates"]:
        columns = ("对端 peer", "每秒 messages/s", "每地址 per address", "地址数 addresses", "超限 refused")
        names = ("peer", "messages", "per_address", "addresses", "refused")
        table("限速 rates", columns, [[one[name] for name in names] for one in found["rates"]])
    charsets = [(one["peer"], sort, n) for one in found["wrong_charsets"] for sort, n in one["documents"].items()]
    if charsets:
        table("字符集声明有误 wrong charsets", ("对端 peer", "声明 declared -> 实为 found", "文档数 documents"), charsets)
    if found["certificates"]:
        columns = ("何处 where", "主体 subject", "到期 ends", "剩余天数 days", "状态 state")
        names = ("where", "subject", "ends", "days", "state")
        table("证书 certificates", columns, [[one[name] for name in names] for one in found["certificates"]])


def _held(one: Row) -> str:
    return f"{one['waiting']}{'+' if one['more_in_table'] else ''}"


def _age(one: Row, now: int) -> str:
    return "" if one["oldest"] is None else span(max(0, now - one["oldest"]))
