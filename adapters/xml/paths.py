"""Paths of elements as people read them, for documents in any tree."""

from __future__ import annotations

from collections import Counter
from typing import Any

Element = Any
"""An element of either tree, xmlschema's own or lxml's; only ``tag``, ``text``, ``attrib`` and children are asked."""


def local(name: str) -> str:
    """A name without its namespace or prefix."""
    return name.rpartition("}")[2].rpartition(":")[2]


def namespace(name: str) -> str:
    """The namespace of a name, empty where it has none."""
    return name[1:].partition("}")[0] if name.startswith("{") else ""


def found_in(element: Element) -> str:
    """What a fault shows of an element: its text, or its name when it holds elements."""
    if len(element):
        return f"<{local(str(element.tag))}>"
    return (element.text or "")[:200]


class Siblings:
    """Children of one element with what paths need to know of them, counted once: a hostile document has thousands."""

    def __init__(self, parent: Element) -> None:
        self.children = list(parent)
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.steps: dict[Element, str] = {}
        counts = Counter(str(child.tag) for child in self.children)
        seen: Counter[str] = Counter()
        for at, child in enumerate(self.children):
            tag = str(child.tag)
            name = local(tag)
            seen[tag] += 1
            self.first.setdefault(name, at)
            self.last[name] = at
            self.steps[child] = f"{name}[{seen[tag]}]" if counts[tag] > 1 else name


class Paths:
    """``/Package/Body/SubmitOrder/items/item[2]/action``: local names, a number only where siblings share the name."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self._parents = {child: parent for parent in root.iter() for child in parent}
        self._siblings: dict[Element, Siblings] = {}

    def siblings(self, parent: Element) -> Siblings:
        """The children of ``parent``, looked at once."""
        if parent not in self._siblings:
            self._siblings[parent] = Siblings(parent)
        return self._siblings[parent]

    def of(self, element: Element) -> str:
        """The path of ``element``."""
        steps: list[str] = []
        at = element
        while at in self._parents:
            parent = self._parents[at]
            steps.append(self.siblings(parent).steps[at])
            at = parent
        steps.append(local(str(at.tag)))
        return "/" + "/".join(reversed(steps))
