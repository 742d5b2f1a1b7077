"""The whole reference as pages in the order people read them (``bssgw docs build``)."""

from __future__ import annotations

from dataclasses import replace

from gateway.reference.messages import BINDINGS, chapter_of, message_page, packets
from gateway.reference.page import Block, Book, Heading, Link, Mono, Page, Para, Said, Table, Text
from gateway.reference.samples import Samples
from gateway.reference.tables import (
    envelope_pages,
    layout_pages,
    results_page,
    shared_pages,
    table_pages,
    timers_page,
)
from schemas.fields import read_fields
from schemas.loader import RELEASE, Catalogue
from schemas.model import MessageRow

_SHARED = {
    "shared": Said("公共部分", "What all messages share"),
    "tables": Said("代码表", "Code tables"),
    "layouts": Said("包头布局", "Header layouts"),
    "envelopes": Said("其他封装", "Other envelopes"),
}
_WELCOME = Said(
    "本参考由报文目录、XSD 与样例生成，与网关校验所用的数据完全一致。",
    "Written from the same rows, XSDs and samples the gateway judges messages by, so it cannot differ from them.",
)
_FILES = Said(
    "同一压缩包内：xsd/ 模式（整个报文用 interface.xsd 校验），wsdl/ 各角色的服务描述，samples/ 样例，"
    "packets/ 样例的 ctif-128 报文，markdown/ 同一内容。",
    "In the same archive: xsd/ schemas (a whole document is judged by interface.xsd), wsdl/ services by role, samples/, "
    "packets/ the samples as ctif-128 packets, markdown/ the same pages.",
)
_MESSAGES = (
    Said("编码", "Code"), Said("名称", "Name"), Said("方向", "Direction"), Said("模式", "Pattern"),
    Said("应答、结果", "Answer, result"), Said("承载", "Bindings"),
)  # fmt: skip
_OTHERS = (Said("页", "Page"), Said("名称", "Name"))


def book_of(catalogue: Catalogue) -> Book:
    """Every page of the interface, and the sample packets they refer to.

    Raises SchemaDataError, LookupError where the data files are incomplete (``bssgw schema verify`` says where).
    """
    texts, samples = read_fields(catalogue), Samples(catalogue)
    clauses = read_fields(catalogue, "clauses").texts
    rows = sorted(catalogue.messages(), key=lambda row: list(clauses).index(row.clause))
    chapters = {chapter_of(row): _chapter(row.clause, clauses[row.clause].zh, clauses[row.clause].en) for row in rows}
    pages = [
        *shared_pages(catalogue, texts),
        timers_page(catalogue, read_fields(catalogue, "timers")),
        *(message_page(catalogue, row, texts, samples) for row in rows),
        results_page(catalogue),
        *table_pages(catalogue),
        *layout_pages(catalogue),
        *envelope_pages(catalogue),
    ]
    order = {"shared": _SHARED["shared"], **chapters, **_SHARED}
    book = Book(RELEASE, order, tuple(pages), packets(catalogue, samples))
    return replace(book, pages=(_index(book, {row.code: row for row in rows}), *pages))


def _chapter(clause: str, zh: str, en: str) -> Said:
    return Said(f"{clause} {zh}", f"{clause} {en}")


def _index(book: Book, rows: dict[str, MessageRow]) -> Page:
    """What there is, by chapter."""
    blocks: list[Block] = [Para((_WELCOME,)), Para((_FILES,))]
    for key, title in book.chapters.items():
        pages = book.of(key)
        blocks.append(Heading(title))
        if pages[0].name in rows:
            blocks.append(Table(_MESSAGES, tuple(_listed(page, rows[page.name]) for page in pages)))
        else:
            blocks.append(Table(_OTHERS, tuple(((Link(page.name, page.mark or page.name),), (page.title,)) for page in pages)))
    return Page("index", "", Said("BSS 接口参考", "BSS interface reference"), tuple(blocks))


def _listed(page: Page, row: MessageRow) -> tuple[Text, ...]:
    routes = ", ".join(f"{route.sender} → {route.receiver}" for route in row.routes)
    answers = (row.answer,) if row.answer else row.result
    told: Text = tuple(one for name in answers for one in (" ", Link(name, name) if name in row.result else Mono(name)))
    bindings: Text = tuple(one for name in row.bindings for one in (" · ", BINDINGS[name]))
    return (Link(page.name, page.name),), (Mono(row.name), f" {row.zh}"), (routes,), (row.pattern,), told[1:], bindings[1:]
