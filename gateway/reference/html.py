"""The whole book as one HTML file that needs nothing else: no network, search inside, both languages with a switch.

It is written so that XML parsers read it, too.  Without JavaScript every page stands below the other.
"""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files

from gateway.reference.page import (
    Block,
    Book,
    Figure,
    Heading,
    Inline,
    Language,
    Link,
    Listing,
    Mono,
    Page,
    Para,
    Said,
    Table,
    Text,
)

_FIND = Said("查找编码、名称、字段", "Find a code, name, field")
TITLE = Said("BSS 接口参考", "BSS interface reference")
_TAGS = re.compile(r"(&lt;[/?!]?)([\w:.-]+)|(&lt;!--.*?--&gt;)", re.DOTALL)


def html(book: Book, language: Language) -> str:
    """The one file."""
    return _Writer(language).book(book)


class _Writer:
    def __init__(self, language: Language) -> None:
        self._language = language

    def book(self, book: Book) -> str:
        style, script = (files("gateway.reference").joinpath(name).read_text("utf-8") for name in ("book.css", "book.js"))
        tongue = "en" if self._language == "en" else "zh-CN"
        title = TITLE.en if self._language == "en" else TITLE.zh
        switch = (
            '<span class="switch"><button data-say="zh">中文</button><button data-say="en">EN</button>'
            '<button data-say="both">中/EN</button></span>'
            if self._language == "both"
            else ""
        )
        find = escape(self._attribute(_FIND))
        menu = escape(self._attribute(Said("目录", "Contents")))
        return "".join(
            (
                f'<!DOCTYPE html>\n<html lang="{tongue}" xmlns="http://www.w3.org/1999/xhtml"><head><meta charset="utf-8"/>',
                '<meta name="viewport" content="width=device-width, initial-scale=1"/>',
                f"<title>{escape(title)} {book.version}</title>\n<style>{style}</style></head>\n",
                f'<body class="say-{self._language}"><header><button id="menu" aria-label="{menu}">☰</button>',
                f'<a class="brand" href="#index">{self._said(TITLE)}<small> {book.version}</small></a>',
                f'<input id="find" type="search" placeholder="{find}" aria-label="{find}" autocomplete="off"',
                f' data-zh="{_FIND.zh}" data-en="{_FIND.en}"/>',
                f"{switch}</header>\n",
                f'<nav id="nav">{self._contents(book)}</nav>\n<main><section id="found" hidden="hidden"></section>\n',
                *(self._page(page) for page in book.pages),
                f"</main>\n<script>/*<![CDATA[*/\n{script}\n/*]]>*/</script></body></html>\n",
            )
        )

    def _contents(self, book: Book) -> str:
        parts = []
        for key, title in book.chapters.items():
            links = "".join(f'<li><a href="#{page.name}">{self._marked(page)}</a></li>' for page in book.of(key))
            parts.append(f'<details open="open"><summary>{self._said(title)}</summary><ul>{links}</ul></details>')
        return "".join(parts)

    def _marked(self, page: Page) -> str:
        return f"<b>{escape(page.mark)}</b> {self._said(page.title)}" if page.mark else self._said(page.title)

    def _page(self, page: Page) -> str:
        mark = f'<span class="mark">{escape(page.mark)}</span> ' if page.mark else ""
        title = f"<h1>{mark}{self._said(page.title)}</h1>"
        return f'<section class="page" id="{page.name}">{title}{"".join(map(self._block, page.blocks))}</section>\n'

    def _block(self, block: Block) -> str:
        match block:
            case Heading():
                return f"<h{block.level}>{self._said(block.text)}</h{block.level}>"
            case Para():
                return f"<p>{self._text(block.text)}</p>"
            case Table():
                return self._table(block)
            case Listing():
                shown = _marked(block.text) if block.language == "xml" else escape(block.text, quote=False)
                opened = "" if block.folded else ' open="open"'
                return f"<details{opened}><summary>{self._text(block.title)}</summary><pre>{shown}</pre></details>"
            case Figure():
                return f'<div class="figure">{block.svg}</div>'

    def _table(self, table: Table) -> str:
        heads = "".join(f"<th>{self._said(head)}</th>" for head in table.columns)
        rows = []
        for place, row in enumerate(table.rows):
            depth = table.depths[place] if table.depths else 0
            first = f' style="padding-left:{0.6 + 1.1 * depth:.1f}em"' if depth else ""
            cells = "".join(f"<td{first if at == 0 else ''}>{self._text(cell)}</td>\n" for at, cell in enumerate(row))
            rows.append(f"<tr>{cells}</tr>")
        kind = "facts" if not table.columns else "fields" if table.depths else "rows"
        head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
        return f'<div class="scroll"><table class="{kind}">{head}<tbody>{"".join(rows)}</tbody></table></div>'

    def _text(self, text: Text) -> str:
        return "".join(self._inline(one) for one in text)

    def _inline(self, one: Inline) -> str:
        match one:
            case Said():
                return self._said(one)
            case Mono():
                return f"<code>{escape(one.text, quote=False)}</code>" if one.text else ""
            case Link():
                label = escape(one.label, quote=False) if isinstance(one.label, str) else self._said(one.label)
                return f'<a href="{escape(one.page)}">{label}</a>' if one.file else f'<a href="#{one.page}">{label}</a>'
            case str():
                return escape(one, quote=False)

    def _said(self, text: Said) -> str:
        if self._language == "en":
            return escape(text.en, quote=False)
        if self._language == "zh" or text.zh == text.en:
            return escape(text.zh, quote=False)
        first, zh, en = (escape(part, quote=False) for part in text.apart())
        return f'{first}<span class="zh" lang="zh-CN">{zh}</span> <span class="en" lang="en">{en}</span>'

    def _attribute(self, text: Said) -> str:
        return {"zh": text.zh, "en": text.en}.get(self._language, f"{text.zh} {text.en}")


def _marked(xml: str) -> str:
    """XML with its names and comments coloured."""

    def mark(found: re.Match[str]) -> str:
        if found[3]:
            return f"<i>{found[3]}</i>"
        return f"{found[1]}<b>{found[2]}</b>"

    return _TAGS.sub(mark, escape(xml, quote=False))
