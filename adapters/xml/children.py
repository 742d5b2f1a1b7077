"""What is wrong with the children of one element: every one missing, misplaced, unknown or too many (spec 01.2 rule 5).

A validator stops at the first child its model cannot place, so of five elements left out it names one.  Here the content
model is walked to its end: what is missing is told and then taken as present, what has no place is told and passed over.
One mistake is one fault: a child that stands too late is told where it was expected, and an unknown one in the place of a
missing one is told together with it.

Our models are sequences and choices of which only single elements repeat (``schemas.shape`` refuses others).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from xmlschema.validators import XsdAnyElement, XsdElement, XsdGroup

from adapters.document import Fault
from adapters.xml.paths import Element, Siblings, local, namespace
from adapters.xml.sentences import missing, too_many, unexpected, wrong_namespace


def children_faults(model: XsdGroup, path: str, siblings: Siblings) -> tuple[Fault, ...]:
    """The faults of the children of the element at ``path`` against its content model, in the order they are met."""
    slots = _slots(model)
    walk = _Walk(slots, path, siblings)
    walk.sequence(slots, ())
    walk.rest()
    return tuple(walk.faults)


@dataclass(frozen=True, eq=False)
class _Slot:
    """One place of a sequence: an element, a wildcard, or a choice with the slots of each branch."""

    least: int
    most: int | None
    particles: tuple[XsdElement | XsdAnyElement, ...]
    branches: tuple[tuple[_Slot, ...], ...] = ()

    def takes(self, tag: str) -> bool:
        return any(one.is_matching(tag) for one in self.particles)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What a person is told to put here: of a branch of several elements its first."""
        told = [name for branch in self.branches for name in branch[0].names] or [one.name or "" for one in self.particles]
        return tuple(dict.fromkeys(local(name) for name in told if name))


def _slots(group: XsdGroup) -> tuple[_Slot, ...]:
    """The places of a sequence; an inner one that must stand is read as part of the outer."""
    found: list[_Slot] = []
    for part in group.content:
        if not isinstance(part, XsdGroup):
            found.append(_Slot(part.min_occurs, part.max_occurs, (part,)))
        elif part.model == "sequence" and part.min_occurs == 1:
            found.extend(_slots(part))
        else:
            branches = tuple(_branch(one) for one in part.content) if part.model == "choice" else (_slots(part),)
            leaves = tuple(leaf for branch in branches for slot in branch for leaf in slot.particles)
            found.append(_Slot(0 if part.is_emptiable() else 1, 1, leaves, branches))
    return tuple(found)


def _branch(part: XsdElement | XsdAnyElement | XsdGroup) -> tuple[_Slot, ...]:
    return _slots(part) if isinstance(part, XsdGroup) else (_Slot(part.min_occurs, part.max_occurs, (part,)),)


class _Walk:
    """A model and the children beside it, from the first of both to the last."""

    def __init__(self, model: tuple[_Slot, ...], path: str, siblings: Siblings) -> None:
        self.faults: list[Fault] = []
        self._model = model
        self._path = path
        self._siblings = siblings
        self._at = 0
        self._late: set[str] = set()  # told where they were expected, so not again where they stand
        self._told = -1  # the child told last as standing before what comes late
        self._last: dict[_Slot, int] = {}
        self._meant = _names(model)
        self._tags = [self._qualified(child) for child in siblings.children]

    def sequence(self, slots: tuple[_Slot, ...], after: tuple[_Slot, ...]) -> None:
        """Walk ``slots``; ``after`` is what may follow them in the outer sequence."""
        waiting = 0  # the first slot a child could still stand in, for telling what was expected
        for here, slot in enumerate(slots):
            later = (*slots[here + 1 :], *after)
            count = 0
            while self._at < len(self._tags):
                if slot.takes(self._tags[self._at]) and (slot.most is None or count < slot.most):
                    self._take(slot, later)
                    count += 1
                    waiting = here + (count == slot.most)
                elif self._belongs(later) or not self._passed_over(slot, count, (*slots[waiting:], *after)):
                    break
            if count < slot.least:
                self._lacking(slot)
                waiting = here + 1

    def _qualified(self, child: Element) -> str:
        """Its name; with the namespace it should have, once that is told, where only the namespace is wrong."""
        tag = str(child.tag)
        meant = self._meant.get(local(tag), self._meant.get("*", ""))
        if not meant or any(slot.takes(tag) for slot in self._model):
            return tag
        path = f"{self._path}/{self._siblings.steps[child]}"
        self.faults.append(wrong_namespace(path, local(tag), namespace(tag), meant))
        return f"{{{meant}}}{local(tag)}"

    def rest(self) -> None:
        """What stands behind the end of the model has no place."""
        while self._at < len(self._tags):
            self._misplaced(())

    def _take(self, slot: _Slot, later: tuple[_Slot, ...]) -> None:
        tag = self._tags[self._at]
        for branch in slot.branches:
            if any(part.takes(tag) for part in branch):
                self.sequence(branch, later)
                return
        self._at += 1

    def _belongs(self, later: tuple[_Slot, ...]) -> bool:
        tag = self._tags[self._at]
        return tag not in self._late and any(slot.takes(tag) for slot in later)

    def _passed_over(self, slot: _Slot, count: int, expected: tuple[_Slot, ...]) -> bool:
        """Whether the child here was told as one without a place; not so one that stands for what is missing."""
        tag = self._tags[self._at]
        room = slot.most is None or count < slot.most
        if not any(one.takes(tag) for one in self._model) and not (room and self._comes(slot)):
            return False
        self._misplaced(expected)
        return True

    def _misplaced(self, expected: tuple[_Slot, ...]) -> None:
        child = self._siblings.children[self._at]
        tag = self._tags[self._at]
        self._at += 1
        if tag in self._late:
            return
        name = local(tag)
        path = f"{self._path}/{self._siblings.steps[child]}"
        most = next((slot.most for slot in self._model if slot.takes(tag) and not slot.branches), None)
        if most is not None and self._tags.index(tag) < self._at - 1:
            self.faults.append(too_many(path, name, most))
        else:
            self.faults.append(unexpected(path, name, _told(expected)))

    def _lacking(self, slot: _Slot) -> None:
        here = self._tags[self._at] if self._at < len(self._tags) else ""
        if self._comes(slot):
            if self._told != self._at:
                step = self._siblings.steps[self._siblings.children[self._at]]
                self.faults.append(unexpected(f"{self._path}/{step}", local(here), slot.names))
            self._told = self._at
            self._late.add(self._tags[self._last[slot]])
            return
        instead = here != "" and not any(one.takes(here) for one in self._model)
        self.faults.append(missing("/".join((self._path, *slot.names[:1])), slot.names, local(here), instead))
        self._at += instead

    def _comes(self, slot: _Slot) -> bool:
        """Whether what ``slot`` takes stands further on; looked for once, a hostile document has thousands of children."""
        if slot not in self._last:
            places = range(len(self._tags) - 1, self._at - 1, -1)
            self._last[slot] = next((at for at in places if slot.takes(self._tags[at])), -1)
        return self._last[slot] >= self._at


def _names(model: tuple[_Slot, ...]) -> dict[str, str]:
    """The namespace of every element of a model by its local name; of a wildcard for one namespace as ``*``."""
    found: dict[str, str] = {}
    for part in (part for slot in model for part in slot.particles):
        if not isinstance(part, XsdAnyElement):
            found[part.local_name] = part.target_namespace
        elif len(part.namespace) == 1 and not min(part.namespace).startswith("##"):
            found["*"] = min(part.namespace)
    return found


def _told(slots: tuple[_Slot, ...]) -> tuple[str, ...]:
    """What may stand here: the elements that can be left out and the first that cannot."""
    names: list[str] = []
    for slot in slots:
        names += slot.names
        if slot.least:
            break
    return tuple(dict.fromkeys(names))
