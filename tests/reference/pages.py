"""The pages for people: what stands in their fences, and the calls of ``bssgw`` in them and in their text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {path.name: path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_HEADING = re.compile(r"^#+ (.+)$", re.M)
_INLINE = re.compile(r"`(bssgw [^`]+)`")
_HEREDOC = re.compile(r"<<'END'$")
_COMMENT = re.compile(r"(^|\s)#.*")
_REDIRECT = re.compile(r"\s*>>?\s*\S+")


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block: what language it says (``sh`` is done by the reader, in order), its text, the page's line, and the
    heading above it."""

    page: str
    line: int
    language: str
    text: str
    heading: str


def text_of(page: str) -> str:
    return PAGES[page].read_text(encoding="utf-8")


def fences(page: str) -> list[Fence]:
    text = text_of(page)
    return [
        Fence(page, text.count("\n", 0, found.start()) + 2, found[1], found[2], _HEADING.findall(text, 0, found.start())[-1])
        for found in _FENCE.finditer(text)
    ]


def lines_of(shell: str) -> Iterator[str]:
    """The commands of a block, one by one: continued lines joined, a here-document with the command it is for."""
    waiting = iter(shell.replace("\\\n", " ").splitlines())
    for line in waiting:
        if not _HEREDOC.search(line):
            if bare := _COMMENT.sub("", line).strip():
                yield bare
            continue
        whole = [line]
        for inner in waiting:
            whole.append(inner)
            if inner == "END":
                break
        yield "\n".join(whole)


def calls(page: str) -> Iterator[tuple[int, str]]:
    """Every call of ``bssgw`` with the page's line: of the shell's blocks, and those that stand in the text as code."""
    outside = text_of(page)
    for fence in fences(page):
        outside = outside.replace(fence.text, "\n" * fence.text.count("\n"), 1)
        if fence.language in ("", "sh"):
            for line in lines_of(fence.text):
                for part in re.split(r" && | \| ", line.splitlines()[0]):
                    if part.removeprefix(".venv/bin/").startswith("bssgw "):
                        yield fence.line, _REDIRECT.sub("", part.removeprefix(".venv/bin/"))
    for found in _INLINE.finditer(outside):
        yield outside.count("\n", 0, found.start()) + 1, found[1]
