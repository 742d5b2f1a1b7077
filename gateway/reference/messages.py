"""The page of a message: what it is, how it travels, its fields, refusals, samples, and what stands before and after it."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.soap.names import action
from gateway.reference.fields import FieldLine, lines_of
from gateway.reference.page import Block, Figure, Heading, Inline, Link, Listing, Mono, Page, Para, Said, Table, Text
from gateway.reference.samples import CHARSET, LAYOUT, Sample, Samples
from gateway.reference.sequence import mermaid, steps_of, svg
from schemas.fields import FieldTexts
from schemas.loader import RECEIPT, Catalogue
from schemas.model import MessageRow

PATTERNS = {
    "Q": Said("Q 请求与应答", "Q request and answer"),
    "C": Said("C 命令：先回执，后恰有一个结果", "C command: a receipt now, one result later"),
    "N": Said("N 通知：回执即止", "N notification: a receipt, no more"),
}
BINDINGS = {
    "socket": Said("套接字报文", "socket packets"),
    "soap": Said("SOAP", "SOAP"),
    "http": Said("HTTP 直传 XML", "plain XML over HTTP"),
    "files": Said("文件", "files"),
}
_COLUMNS = (
    Said("字段", "Field"), Said("必填", "Required"), Said("类型", "Type"), Said("长度、范围、取值", "Length, range, values"),
    Said("说明", "About"),
)  # fmt: skip
_YES = Said("是", "yes")
_REQUIRED = Said("必填", "required")
_GENERAL = Said(
    "任何报文还可能得到 1xxx（报文）、2xxx（调用方）、9xxx（技术）类结果码，见",
    "Any message may also get 1xxx (the document), 2xxx (the caller) and 9xxx (technical): see ",
)


def chapter_of(row: MessageRow) -> str:
    """The chapter of the index a message stands in: its clause."""
    return f"clause-{row.clause}"


def message_page(catalogue: Catalogue, row: MessageRow, texts: FieldTexts, samples: Samples) -> Page:
    """Everything about one message."""
    steps = steps_of(catalogue, row)
    blocks: list[Block] = [
        Para((Said(row.about_zh, row.about),)),
        _facts(catalogue, row),
        Heading(Said("时序", "Sequence")),
        Figure(svg(steps), mermaid(steps)),
    ]
    tables: dict[str, None] = {}
    for element in row.elements():
        lines = lines_of(catalogue.shape(element, row.version), element, texts)
        title = Said(f"{element} 字段", f"Fields of {element}")
        blocks += [Heading(title), field_table(lines)]
        tables |= {line.text.table: None for line in lines if line.text.table}
    blocks += [Heading(Said("拒绝", "Refusals")), *_refusals(catalogue, row)]
    if tables:
        links = [_table_link(catalogue, name) for name in sorted(tables)]
        blocks += [Heading(Said("所用代码表", "Code tables used")), Para(_joined(links))]
    blocks += [Heading(Said("样例", "Samples")), *_samples(row, samples)]
    return Page(row.code, chapter_of(row), Said(row.zh, row.name), tuple(blocks), row.code)


def field_table(lines: list[FieldLine]) -> Table:
    """Fields as they nest; what an entry of a list is called stands with how often it may."""
    rows = tuple(
        (
            (Mono(line.name), f" ×{line.repeats}") if line.repeats else (Mono(line.name),),
            (_REQUIRED,) if line.required else ("",),
            _type(line),
            _bounds(line),
            _about(line),
        )
        for line in lines
    )
    return Table(_COLUMNS, rows, tuple(line.depth for line in lines))


def _type(line: FieldLine) -> Text:
    known = line.kind[:1].isupper() and not line.path.endswith("Extension") and (line.bounds or line.values)
    return (Link("types", line.kind),) if known else (line.kind,)


def _bounds(line: FieldLine) -> Text:
    return (line.bounds, *_joined([Mono(value) for value in line.values], " "))


def _about(line: FieldLine) -> Text:
    told: Text = (Said(line.text.zh, line.text.en),)
    if not line.text.table or line.repeats:
        return told
    return (*told, " → ", Link(table_page(line.text.table), line.text.table))


def table_page(name: str) -> str:
    """The page of a code table."""
    return "results" if name == "results" else f"table-{name}"


def _table_link(catalogue: Catalogue, name: str) -> Link:
    if name == "results":
        return Link("results", Said("results 结果码", "results"))
    table = catalogue.table(name)
    return Link(table_page(name), Said(f"{name} {table.zh}", f"{name} {table.en}"))


def _joined(parts: Sequence[Inline], between: str = " · ") -> Text:
    return tuple(one for part in parts for one in (between, part))[1:]


def message_link(catalogue: Catalogue, code: str, version: str) -> Link:
    """A reference to another message."""
    row = catalogue.message(code, version)
    return Link(code, Said(f"{code} {row.zh}", f"{code} {row.name}"))


def _facts(catalogue: Catalogue, row: MessageRow) -> Table:
    release = catalogue.version(row.version)
    links = [message_link(catalogue, code, row.version) for code in row.result]
    answer: Text = (Mono(row.answer),) if row.answer else _joined(links) or (Link("receipt", RECEIPT),)
    named = Said("应答", "Answer") if row.answer else Said("结果", "Result") if row.result else Said("回执", "Receipt")
    facts: list[tuple[Said, Text]] = [
        (Said("名称", "Name"), (Mono(row.name), f" {row.zh}")),
        (Said("方向", "Direction"), _joined([f"{route.sender} → {route.receiver}" for route in row.routes], ", ")),
        (Said("模式", "Pattern"), (PATTERNS[row.pattern],)),
        (named, answer),
        (Said("条款", "Clause"), (row.clause,)),
        (Said("承载", "Bindings"), _joined([BINDINGS[name] for name in row.bindings])),
        (Said("时限", "Timers"), _timers(row)),
        (Said("业务键", "Business key"), _joined([Mono(name) for name in row.key], " + ") or (Said("无", "none"),)),
        (Said("保序键", "Kept in sequence by"), (Mono(row.order_key),) if row.order_key else (Said("无", "none"),)),
        (Said("只读", "Read only"), (_YES if row.read_only else Said("否", "no"),)),
        (Said("模式文件", "Schema"), (Link(f"xsd/{row.xsd}", row.xsd, file=True), f" · {row.version}")),
        (Said("命名空间", "Namespace"), (Mono(release.message_namespace),)),
    ]
    if "http" in row.bindings:
        facts.append((Said("HTTP", "HTTP"), (Mono(f"POST /if/{row.name}"),)))
    if "soap" in row.bindings:
        facts.append((Said("SOAPAction", "SOAPAction"), (Mono(action(release.message_namespace, row.name)),)))
    return Table((), tuple(((name,), told) for name, told in facts))


def _timers(row: MessageRow) -> Text:
    zh, en = f"回执 {row.receipt_timer} 秒", f"receipt {row.receipt_timer} s"
    if row.pattern != "N":
        zh, en = f"{zh}，阻塞应答 {row.answer_timer} 秒", f"{en}, blocking answer {row.answer_timer} s"
    if row.result_limit is not None:
        working = row.result_clock == "working"
        zh += f"，结果 {row.result_limit} 秒{'（工作时间）' if working else ''}"
        en += f", result {row.result_limit} s{' of working hours' if working else ''}"
    return (Said(zh, en),)


def _refusals(catalogue: Catalogue, row: MessageRow) -> list[Block]:
    results = [catalogue.result(code) for code in row.refusals]
    columns = (Said("结果码", "Code"), Said("符号", "Symbol"), Said("类别", "Category"), Said("说明", "Text"))
    rows = tuple(
        ((Link("results", one.code),), (Mono(one.symbol),), (one.category,), (Said(one.zh, one.en),)) for one in results
    )
    general = Para((_GENERAL, Link("results", Said("结果码", "result codes"))))
    return [Table(columns, rows), general] if rows else [general]


def _samples(row: MessageRow, samples: Samples) -> list[Block]:
    blocks: list[Block] = []
    found = samples.of(row)
    seen: dict[str, None] = {}
    for one in found:
        first = one.document is not None and one.element not in seen
        seen[one.element] = None
        blocks += _sample(row, samples, one, first)
    return blocks


def _sample(row: MessageRow, samples: Samples, one: Sample, first: bool) -> list[Block]:
    name = Mono(one.name)
    if one.document is None:
        told = Said("错误样例，结果码", "a wrong one; it gets")
        return [Listing((name, " · ", told, " ", Link("results", one.expects)), one.text, "xml")]
    blocks: list[Block] = [
        Heading(Said(f"{one.name} · {one.element}", f"{one.name} · {one.element}"), 3),
        Listing((Said("XML 文档", "XML document"),), one.text, "xml", folded=not first),
    ]
    if "socket" in row.bindings:
        title = Said(f"{LAYOUT} 十六进制报文（{CHARSET}）", f"{LAYOUT} packet in hex ({CHARSET})")
        listing = (title, " · ", Link(f"packets/{row.code}/{one.name}.bin", f"{len(one.packet)} bytes", file=True))
        blocks.append(Listing(listing, samples.dump(one.packet, whole=first)))
    if first and "soap" in row.bindings:
        if one.element == RECEIPT and one.document.body["code"] not in ("0000", "0001", "0002"):
            blocks.append(Listing((Said("SOAP 1.1 故障", "SOAP 1.1 Fault"),), samples.fault(one.document, "1.1"), "xml"))
        else:
            blocks.append(Listing((Said("SOAP 1.1 信封", "SOAP 1.1 envelope"),), samples.soap(one.document), "xml"))
    return blocks


def packets(catalogue: Catalogue, samples: Samples) -> dict[str, bytes]:
    """Every good sample as a packet, by its file's name below the reference."""
    return {
        f"packets/{row.code}/{one.name}.bin": one.packet
        for row in catalogue.messages()
        if "socket" in row.bindings
        for one in samples.of(row)
        if one.packet
    }
