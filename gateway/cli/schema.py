"""``bssgw schema``: the messages of the interface, their fields, and documents checked against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, say, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from adapters.xml.codec import Codec
    from schemas.loader import Catalogue
    from schemas.model import MessageRow
    from schemas.shape import Shape


@click.group(epilog=EXIT_HELP)
def schema() -> None:
    """报文目录与校验。The catalogue of messages, and documents checked against it.

    \b
    例 Examples:
      bssgw schema show OH01
      bssgw schema validate order.xml
    """


def _catalogue() -> Catalogue:
    from schemas.loader import load
    from schemas.rows import SchemaDataError

    try:
        return load()
    except SchemaDataError as fault:
        raise CommandFailed(Exit.FAILED, f"报文目录不可用：{fault.where} {fault.zh}", f"{fault.where}: {fault.en}") from fault


def _routes(row: MessageRow) -> str:
    return ", ".join(f"{route.sender}→{route.receiver}" for route in row.routes)


@schema.command("list", epilog=EXIT_HELP)
@click.option("--clause", "--area", "clause",
              help="只列一章，如 5.4（--area 为旧名，非本地网）。Only one clause, e.g. 5.4 (--area: its former name).")
@json_option
def list_messages(clause: str | None, as_json: bool) -> None:
    """列出全部报文。List every message.

    \b
    例 Example:  bssgw schema list --clause 5.4
    """
    rows = [row for row in _catalogue().messages() if clause is None or row.clause == clause]
    if not rows:
        known = ", ".join(dict.fromkeys(row.clause for row in _catalogue().messages()))
        raise CommandFailed(
            Exit.USAGE, f"没有章节 {clause} 的报文，可用 {known}", f"no message has the clause {clause}; there are: {known}"
        )
    columns = ("code", "message", "中文", "clause", "pattern", "routes", "answer / result")
    emit(
        as_json,
        [asdict(row) for row in rows],
        lambda: table(
            "",
            columns,
            (
                (row.code, row.name, row.zh, row.clause, row.pattern, _routes(row), row.answer or ", ".join(row.result))
                for row in rows
            ),
        ),
    )


@schema.command(epilog=EXIT_HELP)
@click.argument("message")
@json_option
def show(message: str, as_json: bool) -> None:
    """显示 MESSAGE（编码或名称）的字段。Show the fields of MESSAGE (code or name).

    \b
    例 Example:  bssgw schema show OH01
    """
    catalogue = _catalogue()
    row = _row(catalogue, message)
    fields = {
        element: [
            {"path": path, "type": kind, "required": required, "about": about}
            for path, kind, required, about in _fields(catalogue.shape(element, row.version), "")
        ]
        for element in row.elements()
    }
    samples = [str(path) for path in catalogue.samples(row.name)]

    def people() -> None:
        head = f"{row.code} {row.name} {row.zh} · {row.clause} · {row.pattern} · {_routes(row)}"
        for line in (head, row.about_zh, row.about):
            say(line)
        for title, values in (("业务键 key", row.key), ("结果 result", row.result), ("拒绝 refusals", row.refusals)):
            if values:
                say(f"{title}: {', '.join(values)}")
        for element, listed in fields.items():
            cells = ((entry["path"], entry["type"], "是 yes" if entry["required"] else "", entry["about"]) for entry in listed)
            table(element, ("字段 field", "类型 type", "必填 required", "说明 about"), cells)

    emit(as_json, {"row": asdict(row), "fields": fields, "samples": samples}, people)


def _row(catalogue: Catalogue, message: str) -> MessageRow:
    for look_up in (catalogue.message, catalogue.by_element):
        try:
            return look_up(message)
        except LookupError:
            continue
    raise CommandFailed(
        Exit.USAGE, f"没有报文 {message}，请用 bssgw schema list 查看", f"no message {message}: see bssgw schema list"
    )


def _fields(shape: Shape, path: str) -> Iterator[tuple[str, str, bool, str]]:
    from schemas.shape import ListOf, Struct

    if isinstance(shape, ListOf):
        yield from _fields(shape.item, f"{path}/{shape.name}[]")
    elif isinstance(shape, Struct):
        for field in shape.fields:
            inner = f"{path}/{field.name}" if path else field.name
            yield inner, _kind(field.shape), field.required, field.about
            yield from _fields(field.shape, inner)


def _kind(shape: Shape) -> str:
    from schemas.shape import Leaf, ListOf, Raw

    if isinstance(shape, Leaf):
        name = shape.type_name or shape.base
        return f"{name} ({' | '.join(shape.enumeration)})" if shape.enumeration else name
    if isinstance(shape, ListOf):
        return f"list {shape.minimum}..{shape.maximum if shape.maximum is not None else '*'}"
    return "any" if isinstance(shape, Raw) else shape.type_name or "structure"


@schema.command(epilog=EXIT_HELP)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--charset", help="包头或 HTTP 声明的字符集。Charset the packet or HTTP header declares.")
@json_option
@click.pass_context
def validate(ctx: click.Context, files: tuple[Path, ...], charset: str | None, as_json: bool) -> None:
    """校验文档（整个 Package 或单个报文体元素），列出全部错误。Check documents (a Package or a bare body element) and
    list every fault with path, rule and what was found.

    \b
    例 Example:  bssgw schema validate order.xml
    """
    from adapters.xml.codec import Codec

    codec = Codec(_catalogue())
    reports = [_validated(codec, path, charset) for path in files]

    def people() -> None:
        for report in reports:
            charset_said = f" · {report['charset']} ({report['charset_rule']})" if report["charset"] else ""
            verdict = "合格 valid" if report["ok"] else f"{report['code']} {report['symbol']} {report['text']}"
            click.echo(f"{report['file']}: {report['message'] or report['seems']} · {verdict}{charset_said}")
            if report["faults"]:
                cells = ((one["path"], one["rule"], one["found"], f"{one['zh']}\n{one['en']}") for one in report["faults"])
                table("", ("路径 path", "规则 rule", "实际 found", "说明 what to do"), cells)

    emit(as_json, reports, people)
    if not all(report["ok"] for report in reports):
        ctx.exit(Exit.FAILED)


def _validated(codec: Codec, path: Path, charset: str | None) -> dict[str, Any]:
    from adapters.document import DocumentRefused
    from gateway.cli.recognising import recognised

    report: dict[str, Any] = {
        "file": str(path), "ok": True, "message": None, "code": "0000", "symbol": "OK", "text": "",
        "charset": None, "charset_rule": None, "charset_wrong": [], "faults": [], "root": None, "seems": "",
    }  # fmt: skip
    raw = path.read_bytes()
    text = raw.decode("utf-8", "replace")
    try:
        reading = codec.read(raw, charset)
        text = bytes(reading.data).decode("utf-8", "replace")
        report |= {"charset": reading.charset, "charset_rule": reading.rule, "charset_wrong": list(reading.wrong)}
        report["message"] = codec.check(raw, charset)
    except DocumentRefused as refused:
        result = codec.catalogue.result(refused.symbol)
        seems = recognised(text, codec.catalogue)
        report |= {
            "ok": False,
            "message": seems.message,
            "root": seems.root,
            "seems": seems.for_people(),
            "code": result.code,
            "symbol": result.symbol,
            "text": f"{result.zh} / {result.en}",
            "faults": [asdict(fault) for fault in refused.faults],
        }
    return report


@schema.command("verify", epilog=EXIT_HELP)
@json_option
@click.pass_context
def verify_data(ctx: click.Context, as_json: bool) -> None:
    """检查报文目录本身：引用、样例、代码表、已发布模式。Check the catalogue itself: references, samples, code tables,
    released schemas.

    \b
    例 Example:  bssgw schema verify
    """
    from schemas.verify import verify

    catalogue = _catalogue()
    findings = verify(catalogue)

    def people() -> None:
        for finding in findings:
            click.echo(finding.text)
        counted = f"{len(catalogue.messages())} 报文 messages, {len(catalogue.tables())} 代码表 tables"
        click.echo(f"{counted}: {f'{len(findings)} 处问题 findings' if findings else '全部通过 all well'}")

    emit(as_json, {"ok": not findings, "findings": [asdict(finding) for finding in findings]}, people)
    if findings:
        ctx.exit(Exit.FAILED)


@schema.command(epilog=EXIT_HELP)
@json_option
def release(as_json: bool) -> None:
    """为尚未发布的 XSD 记录摘要；已发布的从不改动。Record the digests of XSDs not released yet; released ones are never
    touched.

    \b
    例 Example:  bssgw schema release
    """
    from schemas.release import release as record

    added = record(_catalogue())
    emit(as_json, {"released": list(added)}, lambda: click.echo("\n".join(added) or "没有新的模式 nothing new"))
