"""Pages about what messages share: the Package, types, results, code tables, header layouts, envelopes, timers."""

from __future__ import annotations

from adapters.wire.layout import Layout
from gateway.config.model import Timers
from gateway.onboarding.layout_ruler import round_trip, ruler, sample_packets
from gateway.reference.fields import bounds_of, lines_of, values_of
from gateway.reference.messages import field_table, message_link, table_page
from gateway.reference.page import Block, Heading, Inline, Link, Listing, Mono, Page, Para, Said, Table, Text
from schemas.fields import PACKAGE, FieldTexts, package_shape
from schemas.loader import NATIVE, RECEIPT, Catalogue
from schemas.model import CodeRow, CodeTable, EnvelopeField, EnvelopeRow, LayoutField, LayoutRow, MessageRow
from schemas.shape import Leaf, named_leaves

_CODE, _ZH, _EN = Said("代码", "Code"), Said("中文", "Chinese"), Said("英文", "English")
_ABOUT = Said("说明", "About")


def shared_pages(catalogue: Catalogue, texts: FieldTexts) -> list[Page]:
    """The Package and Receipt every message travels with, and the named types."""
    package = lines_of(package_shape(catalogue), PACKAGE, texts)
    receipt = lines_of(catalogue.shape(RECEIPT), RECEIPT, texts)
    release = catalogue.version()
    return [
        Page("package", "shared", Said("报文封装 Package", "The Package"), (
            Para((Said("每个文档都是一个 Package：", "Every document is a Package: "), Mono(release.namespace))),
            field_table(package),
        )),
        Page("receipt", "shared", Said("回执 Receipt", "The Receipt"), (
            Para((Said("每个回执与每次拒绝都是 Receipt；拒绝列出全部错误，中英文并列。",
                       "Every receipt and every refusal is a Receipt; a refusal lists all faults, in Chinese and English."),)),
            field_table(receipt),
        )),
        Page("types", "shared", Said("数据类型", "Types"), (_types(catalogue),)),
    ]  # fmt: skip


def _types(catalogue: Catalogue) -> Table:
    bodies = (catalogue.shape(element, row.version) for row in catalogue.messages() for element in row.elements())
    named = named_leaves([*bodies, catalogue.shape(RECEIPT), package_shape(catalogue)])
    rows = tuple(_type_row(name, named[name]) for name in sorted(named))
    return Table((Said("类型", "Type"), Said("基类型", "Base"), Said("长度、范围、取值", "Length, range, values")), rows)


def _type_row(name: str, leaf: Leaf) -> tuple[Text, ...]:
    values: list[Inline] = [one for value in values_of(leaf) for one in (" ", Mono(value))]
    return (Mono(name),), (f"xs:{leaf.base}",), (bounds_of(leaf), *values)


def results_page(catalogue: Catalogue) -> Page:
    """Every result code with category and texts."""
    columns = (
        _CODE,
        Said("符号", "Symbol"),
        Said("类别", "Category"),
        _ZH,
        _EN,
        Said("何种报文会得到", "Messages that may get it"),
    )
    rows = tuple(
        (
            (Mono(one.code),), (Mono(one.symbol),), (one.category,), (one.zh,), (one.en,),
            _commas([Link(row.code, row.code) for row in catalogue.messages() if one.code in row.refusals]),
        )
        for one in catalogue.results()
    )  # fmt: skip
    return Page("results", "tables", Said("结果码", "Result codes"), (Table(columns, rows),), "results")


def table_pages(catalogue: Catalogue) -> list[Page]:
    """A page for each code table."""
    return [_table(table) for table in catalogue.tables()]


def _table(table: CodeTable) -> Page:
    extras = list(dict.fromkeys(name for row in table.rows.values() for name in row.extra))
    columns = (_CODE, _ZH, _EN, *(Said(name, name) for name in extras))
    rows = tuple((*_shown(row), *((_plain(row.extra.get(name, "")),) for name in extras)) for row in table.rows.values())
    title = Said(table.zh, table.en)
    return Page(table_page(table.name), "tables", title, (Para((_version(table.version),)), Table(columns, rows)), table.name)


def _shown(row: CodeRow) -> tuple[Text, ...]:
    return (Mono(row.code),), (row.zh,), (row.en,)


def _version(version: str) -> Said:
    return Said(f"版本 {version}", f"Version {version}")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "✓" if value else "—"
    return ", ".join(_plain(one) for one in value) if isinstance(value, list | tuple) else str(value)


def _commas(links: list[Link]) -> Text:
    return tuple(one for link in links for one in (", ", link))[1:]


def layout_pages(catalogue: Catalogue) -> list[Page]:
    """A page for each packet header layout that ships, with sample packets on a ruler."""
    return [_layout(row) for row in catalogue.layouts()]


def _layout(row: LayoutRow) -> Page:
    columns = (
        Said("位置", "At"), Said("宽", "Width"), Said("字段", "Field"), Said("写法", "Written as"), Said("角色", "Role"),
        Said("取值", "Values"), _ABOUT,
    )  # fmt: skip
    rows = tuple(
        (
            (str(one.offset),), (str(one.width),), (Mono(one.name),), (one.kind,), (one.role,),
            (", ".join(f"{ours} = {theirs}" for ours, theirs in one.values.items()) or repr(one.constant or "")[1:-1],),
            (_about(one),),
        )
        for one in row.fields
    )  # fmt: skip
    blocks: list[Block] = [Para((_about(row),)), Para((_counted(row),))]
    blocks += [Table(columns, rows)] if rows else []
    layout = Layout(row)
    for name, sample in sample_packets(layout).items():
        lines = "\n".join(ruler(row, round_trip(layout, sample)[0]))
        blocks.append(Listing((Said("样例报文", "Sample packet"), f" {name}"), lines, folded=name != "request"))
    return Page(f"layout-{row.name}", "layouts", Said(row.zh, row.name), tuple(blocks), row.name)


_ECHO = Said("（应答带回请求所填）", "(an answer repeats the request's)")


def _about(row: LayoutRow | LayoutField | EnvelopeRow | EnvelopeField) -> Said:
    """An operator's own row may have one text only."""
    return Said(row.about_zh or row.about, row.about)


def _counted(row: LayoutRow) -> Said:
    counts = {"packet": ("整包", "the whole packet"), "body": ("报文体", "the body"), "rest": ("其后各字节", "what follows it")}
    zh, en = counts[row.length_counts]
    adds = f" {row.length_adds:+d}" if row.length_adds else ""
    if row.framing == "delimiter":
        return Said("以分隔符结束，无长度字段。", "Ends with a delimiter; there is no length field.")
    return Said(
        f"包头 {row.header_size} 字节；长度字段计{zh}{adds}。",
        f"The header has {row.header_size} bytes; the length counts {en}{adds}.",
    )


def envelope_pages(catalogue: Catalogue) -> list[Page]:
    """A page for each envelope around the message."""
    return [_envelope(catalogue, row) for row in catalogue.envelopes() if row.name != NATIVE]


def _envelope(catalogue: Catalogue, row: EnvelopeRow) -> Page:
    columns = (
        Said("路径", "Path"), Said("角色", "Role"), Said("写于", "Written in"), Said("必填", "Required"), Said("宽", "Width"),
        Said("取值", "Values"), _ABOUT,
    )  # fmt: skip
    rows = tuple(
        (
            (Mono(f"{one.part}: {one.path}" if one.part else one.path),), (one.role,), (one.on,),
            ("✓" if one.required else "",), (str(one.width or ""),),
            (one.constant or ", ".join(f"{ours} = {theirs}" for ours, theirs in one.values.items()),),
            (_about(one), *((" ", _ECHO) if one.echo else ())),
        )
        for one in row.fields
    )  # fmt: skip
    blocks: list[Block] = [Para((_about(row),))]
    blocks += [Table(columns, rows)] if rows else []
    for line in row.lines:
        keys = (Said("键", "Key"), Said("报文中的位置", "Place in the body"), Said("缺省", "Default"))
        lines = tuple(((Mono(key),), (Mono(path),), (line.defaults.get(key, ""),)) for key, path in line.pairs.items())
        blocks += [Heading(Said(line.element, line.element)), Table(keys, lines)]
    blocks += _operations(row)
    maps = (
        (Said("报文编码", "Message codes"), row.codes), (Said("发出的结果", "Results sent"), row.result_out),
        (Said("收到的结果", "Results received"), row.result_in),
    )  # fmt: skip
    for title, pairs in maps:
        if pairs:
            both = (Said("本方", "Ours"), Said("对方", "Theirs"))
            both = both if pairs is not row.result_in else (both[1], both[0])
            cells = tuple(((Mono(ours),), (Mono(theirs),)) for ours, theirs in pairs.items())
            blocks += [Heading(title), Table(both, cells)]
    return Page(f"envelope-{row.name}", "envelopes", Said(row.zh, row.name), tuple(blocks), row.name)


def _operations(row: EnvelopeRow) -> list[Block]:
    """What a message is written as where it is a list of operations, and the functions that may stand for values in it."""
    blocks: list[Block] = []
    if row.operations:
        columns = (
            Said("报文", "Message"), Said("操作", "Operation"), Said("元素", "Element"), Said("承载", "Carries"),
            Said("临时标识", "Temporary id"), Said("查询头", "Head of a query"),
        )  # fmt: skip
        cells = tuple(
            (
                (one.message,), (Mono(f"{one.type}_REQ_TYPE"),), (Mono(one.element),), (one.at or "—",),
                (f"{one.creates} = {one.key}" if one.creates else "—",),
                (", ".join(f"{name} = {path}" for name, path in (one.head | one.answer_head).items()) or "—",),
            )
            for one in row.operations
        )  # fmt: skip
        blocks += [Heading(Said("操作", "Operations")), Table(columns, cells)]
    if row.functions:
        named = (
            Said("函数", "Function"), Said("参数", "Arguments"), Said("得到", "Finds"), Said("查不到或不唯一", "None, or two"),
        )  # fmt: skip
        found = tuple(
            (
                (Mono(f":{one.name}({', '.join(column or '-' for column in one.by)})"),), (", ".join(filter(None, one.by)),),
                (f"{one.table}.{one.column}",), (one.unknown,),
            )
            for one in row.functions
        )  # fmt: skip
        blocks += [Heading(Said("函数", "Functions")), Table(named, found)]
    return blocks


def timers_page(catalogue: Catalogue, texts: FieldTexts) -> Page:
    """Timers of links with their defaults, and of each message."""
    defaults = Timers()
    links = tuple(
        ((Mono(name),), (_seconds(getattr(defaults, name)),), (Said(texts.of("", name).zh, texts.of("", name).en),))
        for name in Timers.model_fields
    )
    columns = (Said("时限", "Timer"), Said("缺省", "Default"), _ABOUT)
    of_rows = tuple(_row_timers(catalogue, row) for row in catalogue.messages())
    heads = (Said("报文", "Message"), Said("回执", "Receipt"), Said("阻塞应答", "Blocking answer"), Said("结果", "Result"))
    return Page("timers", "shared", Said("时限", "Timers"), (
        Para((Said("各时限单位为秒，可按对端修改。", "In seconds; every peer may have its own."),)),
        Heading(Said("链路", "Links")), Table(columns, links),
        Heading(Said("报文", "Messages")), Table(heads, of_rows),
    ))  # fmt: skip


def _seconds(value: float | None) -> str | Said:
    return Said("按报文", "as the message says") if value is None else f"{value:g}"


def _row_timers(catalogue: Catalogue, row: MessageRow) -> tuple[Text, ...]:
    limit: Text = ("",)
    if row.result_limit is not None:
        limit = (str(row.result_limit), *((" ", Said("工作时间", "working hours")) if row.result_clock == "working" else ()))
    answer = str(row.answer_timer) if row.pattern != "N" else ""
    return (message_link(catalogue, row.code, row.version),), (str(row.receipt_timer),), (answer,), limit
