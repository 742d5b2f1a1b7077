"""What a page of the reference is made of, before it is Markdown or HTML: blocks with texts in both languages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Language = Literal["zh", "en", "both"]


@dataclass(frozen=True, slots=True)
class Said:
    """A text in Chinese and in English."""

    zh: str
    en: str

    def apart(self) -> tuple[str, str, str]:
        """The code both begin with (``OH01 ``; often none), then the rest in Chinese and in English."""
        first, _, zh = self.zh.partition(" ")
        other, _, en = self.en.partition(" ")
        coded = first == other and zh and en and first[-1:].isdigit()
        return (f"{first} ", zh, en) if coded else ("", self.zh, self.en)


@dataclass(frozen=True, slots=True)
class Mono:
    """A name of the wire: a field, a code, a value."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A reference to the page ``page`` of the book; ``file`` instead leads to a file beside the pages."""

    page: str
    label: str | Said
    file: bool = False


Inline = str | Said | Mono | Link
Text = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a page: level 2 or 3."""

    text: Said
    level: int = 2


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph."""

    text: Text


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; ``depths`` indents the first cell of each row, where rows nest."""

    columns: tuple[Said, ...]
    rows: tuple[tuple[Text, ...], ...]
    depths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A text as it is: XML, hex; ``title`` above it; folded where a page would be too long to read."""

    title: Text
    text: str
    language: str = ""
    folded: bool = True


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing: SVG for HTML, Mermaid for Markdown."""

    svg: str
    mermaid: str


Block = Heading | Para | Table | Listing | Figure


@dataclass(frozen=True, slots=True)
class Page:
    """One page: ``name`` is its file and anchor, ``chapter`` where the index lists it, ``mark`` stands before its title."""

    name: str
    chapter: str
    title: Said
    blocks: tuple[Block, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """The whole reference: ``chapters`` by key in the order of the index, pages in the order of reading."""

    version: str
    chapters: dict[str, Said]
    pages: tuple[Page, ...]
    files: dict[str, bytes] = field(default_factory=dict)

    def of(self, chapter: str) -> tuple[Page, ...]:
        """The pages of a chapter."""
        return tuple(page for page in self.pages if page.chapter == chapter)
