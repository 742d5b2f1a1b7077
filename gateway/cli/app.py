"""The command ``bssgw``: groups are imported when they are used, so that help and small commands are quick."""

from __future__ import annotations

import click

from gateway.cli.help_cells import install
from gateway.cli.output import EXIT_HELP
from gateway.cli.root import Root

COMMANDS = {
    "run": ("gateway.cli.run:run", "启动网关。Run the gateway."),
    "status": ("gateway.cli.status:status", "运行中的网关：要做什么、链路、异常单。A running gateway: what to do, links."),
    "link": ("gateway.cli.link:link", "链路：停止、恢复。Links: stop, resume."),
    "order": ("gateway.cli.order:order", "提交与查看定单。Submit orders and look at them."),
    "message": ("gateway.cli.message:message", "查看报文。Look at messages, raw and decoded."),
    "request": ("gateway.cli.request:request", "发起勘查、方案、预留等报文。Have a survey, a scheme, a reservation asked for."),
    "fallout": ("gateway.cli.fallout:fallout", "异常单：查看与处理。Fallout records: look and act."),
    "watchdog": ("gateway.cli.waiting:watchdog", "尚无结果的命令。Commands without result."),
    "cutover": ("gateway.cli.cutover:cutover", "割接：查看、计划、启动。Cutovers: look, plan, start."),
    "product": ("gateway.cli.product:product", "产品：列出、检查、取得示例。Products: list, check, get the example."),
    "peer": ("gateway.cli.peer:peer", "对端：新建、检查、列出、测试。Peers: new, check, list, test."),
    "reconcile": ("gateway.cli.reconcile:reconcile", "对账：与对端比对。Reconcile with a peer."),
    "route": ("gateway.cli.route:route", "路由：列出、解释。Routes: list, explain."),
    "config": ("gateway.cli.configure:config", "检查配置、取得示例。Check a configuration, get the example."),
    "db": ("gateway.cli.db:db", "数据库结构升级。The database's schema."),
    "schema": ("gateway.cli.schema:schema", "报文目录与校验。The message catalogue, and validation."),
    "docs": ("gateway.cli.docs:docs", "接口参考：生成、打包。The interface reference: build, pack."),
    "layout": ("gateway.cli.layout:layout", "报文头布局：解释、检查。Header layouts: explain, check."),
    "simulate": ("gateway.cli.simulate:simulate", "启动对端模拟器。Run simulated peers."),
    "model": ("gateway.cli.model:model", "穷举检查状态机。Search the state machines exhaustively."),
    "conformance": ("gateway.cli.conformance:conformance", "一致性测试。Judge systems against the interfaces."),
    "demo": ("gateway.cli.demo_stories:demo", "演示故事：各系统之间会发生什么。Stories: what happens between all systems."),
    "bench": ("gateway.cli.bench:bench", "性能测量。Measure."),
}
"""Command -> where it stands and its line in the list of commands."""

install()


@click.group(
    cls=Root,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog=EXIT_HELP,
)
@click.version_option(package_name="bss-gateway", prog_name="bssgw")
def bssgw() -> None:
    """BSS 接口网关：CRM 与服务开通、资源、计费之间的定单与报文。

    The BSS integration gateway: orders and messages between CRM, provisioning, resources and billing.

    \b
    例 Examples:
      bssgw run --with-simulators --demo 20
      bssgw order show SO000000000001
      bssgw message list --state UNKNOWN --json
    """
