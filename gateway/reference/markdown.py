"""Pages as Markdown: a file a page, the index as README.md."""

from __future__ import annotations

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

MADE = "<!-- 由 `bssgw docs build` 从数据生成。Made by `bssgw docs build` from the data files: change those, not this page. -->"
_NEST = "&nbsp;&nbsp;"


def markdown(book: Book, language: Language) -> dict[str, str]:
    """Every page by its file name."""
    writer = _Writer(language)
    return {file_of(page.name): writer.page(page) for page in book.pages}


def file_of(page: str) -> str:
    """The file a page stands in."""
    return "README.md" if page == "index" else f"{page}.md"


def said(text: Said, language: Language, between: str = " / ") -> str:
    """A text in the language wanted, or in both."""
    if language == "zh" or text.zh == text.en:
        return text.zh
    if language == "en":
        return text.en
    first, zh, en = text.apart()
    return f"{first}{zh}{between}{en}"


class _Writer:
    def __init__(self, language: Language) -> None:
        self._language = language

    def page(self, page: Page) -> str:
        title = said(page.title, self._language, " · ")
        parts = [MADE, f"# {page.mark} {title}".replace("#  ", "# ")]
        if page.name != "index":
            parts.append(f"[{said(Said('目录', 'Index'), self._language)}](README.md)")
        return "\n\n".join([*parts, *map(self._block, page.blocks)]) + "\n"

    def _block(self, block: Block) -> str:
        match block:
            case Heading():
                return f"{'#' * block.level} {said(block.text, self._language, ' · ')}"
            case Para():
                return self._text(block.text)
            case Table():
                return self._table(block)
            case Listing():
                return self._listing(block)
            case Figure():
                return f"```mermaid\n{block.mermaid}\n```"

    def _text(self, text: Text) -> str:
        return "".join(self._inline(one) for one in text)

    def _inline(self, one: Inline) -> str:
        match one:
            case Said():
                return _plain(said(one, self._language))
            case Mono():
                return f"`{one.text}`" if one.text else ""
            case Link():
                label = one.label if isinstance(one.label, str) else said(one.label, self._language)
                return f"[{_plain(label)}]({f'../{one.page}' if one.file else file_of(one.page)})"
            case str():
                return _plain(one)

    def _table(self, table: Table) -> str:
        heads = table.columns or tuple(Said("", "") for _ in table.rows[0])
        lines = [
            f"| {' | '.join(said(head, self._language) for head in heads)} |",
            f"|{'---|' * len(heads)}",
        ]
        for place, row in enumerate(table.rows):
            cells = [self._text(cell).replace("|", "\\|") for cell in row]
            if table.depths:
                cells[0] = _NEST * table.depths[place] + cells[0]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)

    def _listing(self, listing: Listing) -> str:
        fence = "````" if "```" in listing.text else "```"
        title = self._text(listing.title)
        code = f"{fence}{listing.language}\n{listing.text}\n{fence}"
        if not listing.folded:
            return f"**{title}**\n\n{code}" if title else code
        return f"<details><summary>\n\n{title}\n\n</summary>\n\n{code}\n\n</details>"


def _plain(text: str) -> str:
    """Without what Markdown reads as its own."""
    for mark in ("\\", "`", "*", "_"):
        text = text.replace(mark, f"\\{mark}")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
