"""Documents as lists of atomic operations, ``SOO``, and back (spec 05.1): one message is one document, all of it or none.

What an operation carries, and of which message, is a row.  Input: the operations of one message in their order, their fields
in any; references are resolved first, all faults told at once.  Output: the row's operations in the row's order, later ones
naming earlier ones by temporary ids.  An answer has one for each asked, under its id.
"""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from adapters.document import Document, DocumentRefused, Fault
from adapters.envelopes.dialect import BodyMap
from adapters.envelopes.frame import local, text_of
from adapters.envelopes.references import TEMPORARY, References
from adapters.xml.canonical import canonical_form
from schemas.model import EnvelopeOperation, EnvelopeRow

ELEMENT = "SOO"
_ASKED, _ANSWERED = "_REQ_TYPE", "_RES_TYPE"
_ID = "SOO_ID"
_TYPE, _PARAM = "QRY_TYPE", "PARAM"
_SERIAL_END = 18
"""Characters of the message's serial, its date and sequence, that an id given to what it makes begins with."""

Told = tuple[tuple[str, str, str], ...]
"""Type, id and what was made of each operation."""


@dataclass(slots=True)
class _Operation:
    """One as it came: its row, its id, what holds it and the path to it for people; ``made`` is the id it was given."""

    row: EnvelopeOperation
    id: str
    element: etree._Element
    path: str
    made: str = ""


class Operations:
    """The operations of an envelope's row; ``names`` are the peer's for the fields of a message, or of its answer (True)."""

    def __init__(self, row: EnvelopeRow, names: dict[tuple[str, bool], BodyMap]) -> None:
        self._row = row
        self._names = names

    def of(self, code: str) -> list[EnvelopeOperation]:
        """The rows of a message, the body's own first; empty if it is never written so."""
        return sorted((one for one in self._row.operations if one.message == code), key=lambda one: one.at != "")

    # reading ------------------------------------------------------------------------------------------------------

    def compose(
        self, holder: etree._Element, codes: tuple[str, ...], names: dict[str, str], serial: str, references: References
    ) -> tuple[etree._Element | None, Told]:
        """The body a list of operations makes, under the name ``names`` has for its message by code, and what to answer.

        None where an answer's operations carry nothing.  Raises DocumentRefused with every fault.
        """
        faults: list[Fault] = []
        found = self._operations(holder, codes, faults)
        if faults:
            raise DocumentRefused("SCHEMA_FAULTS", tuple(faults))
        for one in found:
            self._resolve(one, serial, references)
        self._check_references(found, references)
        if references.faults:
            symbol = "SCHEMA_FAULTS" if "SCHEMA_FAULTS" in references.symbols else references.symbols[0]
            raise DocumentRefused(symbol, tuple(references.faults))
        told = tuple((one.row.type, one.id, one.made) for one in found)
        return self._body(found, names), told

    def _operations(self, holder: etree._Element, codes: tuple[str, ...], faults: list[Fault]) -> list[_Operation]:
        children = list(holder)
        types = [_bare(one.get("type") or "") for one in children]
        rows = self._rows(codes, types)
        found, ids = [], []
        for at, (child, name) in enumerate(zip(children, types, strict=True), 1):
            path = f"/{self._row.root}/{local(holder)}/{ELEMENT}[{at}]"
            row, said = rows.get(name), _id_of(child)
            if local(child) != ELEMENT:
                faults.append(Fault(path, "element", local(child), f"{path} 应为 {ELEMENT}", f"{path} should be {ELEMENT}"))
            elif row is None:
                zh, en = f"{path} 此报文没有操作 {name or '—'}", f"{path}: the message has no operation {name or '-'}"
                faults.append(Fault(f"{path}/@type", "operation", name, zh, en))
            elif not said:
                faults.append(Fault(path, "required", "", f"{path} 缺少 {_ID}", f"{path} lacks {_ID}"))
            elif said in ids:
                faults.append(Fault(path, "unique", said, f"{path} 的 {_ID} 重复", f"{path}: {_ID} stands twice"))
            else:
                found.append(_Operation(row, said, child, path))
            ids.append(said)
        heads = [one for one in found if not one.row.at]
        if not faults and len(heads) != 1:
            path, count = f"/{self._row.root}/{local(holder)}", str(len(heads))
            wanted = ", ".join(row.type for row in rows.values() if not row.at)
            faults.append(Fault(path, "one", count, f"操作 {wanted} 须恰有一个", f"exactly one operation {wanted} is needed"))
        return found

    def _rows(self, codes: tuple[str, ...], types: list[str]) -> dict[str, EnvelopeOperation]:
        """The operations of the message these are of, by type: of several that share a routing key the one that knows most."""
        known = [{one.type: one for one in self.of(code)} for code in codes]
        return max(known, key=lambda rows: sum(name in rows for name in types), default={})

    def _resolve(self, one: _Operation, serial: str, references: References) -> None:
        """Binds what the operation makes, then replaces every reference in it."""
        row, content = one.row, _content(one)
        made = _child(one.element, row.creates) if row.creates else None
        number = None if made is None else TEMPORARY.fullmatch(text_of(made).strip())
        if made is not None and number is not None:
            name = self._steps(row, row.key)[-1]
            key = _child(content, name)
            said = "" if key is None else references.value(text_of(key).strip(), f"{one.path}/{name}", own=True)
            if not said or TEMPORARY.fullmatch(said):
                said = one.made = f"{serial[-_SERIAL_END:]}{int(number.group(1)):04d}"
                key = etree.SubElement(content, name) if key is None else key
                key.text = said
            references.bind(number.group(1), said, f"{one.path}/{row.creates}")
            made.text = said
        for leaf in one.element.iter():
            if isinstance(leaf.tag, str) and not len(leaf) and leaf.text and leaf.text.strip()[:1] in ("$", ":"):
                leaf.text = references.value(leaf.text.strip(), f"{one.path}/{local(leaf)}")

    def _check_references(self, found: list[_Operation], references: References) -> None:
        """What an operation says an earlier one made must be what that one made."""
        for one in found:
            for element, kind in one.row.refers.items():
                said = _child(one.element, element)
                other = next((head for head in found if head.row.type == kind), None)
                made = None if other is None else _child(other.element, other.row.creates)
                key = None if other is None else _child(_content(other), self._steps(other.row, other.row.key)[-1])
                right = [text_of(it).strip() for it in (made, key) if it is not None]
                if said is not None and text_of(said).strip() and text_of(said).strip() not in right:
                    path, value = f"{one.path}/{element}", text_of(said).strip()
                    zh, en = f"{path} 不是本报文 {kind} 所建", f"{path} is not what {kind} of this message makes"
                    references.symbols.append("SCHEMA_FAULTS")
                    references.faults.append(Fault(path, "refers", value, zh, en))

    def _body(self, found: list[_Operation], names: dict[str, str]) -> etree._Element | None:
        head = next(one for one in found if not one.row.at)
        body = etree.Element(names[head.row.message])
        body.extend(_fields(head))
        answers = _answers(head)
        paths = head.row.answer_head if answers else head.row.head
        for element, path in paths.items():
            _move_in(head.element, element, body, self._steps(head.row, path, answers))
        by, param = _child(head.element, _TYPE), _child(head.element, _PARAM)
        if by is not None and param is not None and text_of(by).strip() in head.row.by:
            name = self._steps(head.row, head.row.by[text_of(by).strip()])[-1]
            etree.SubElement(body, name).text = text_of(param).strip()
        for one in found:
            if one.row.at and not answers:
                wrapper, entry = self._steps(one.row, "")
                holder = _child(body, wrapper)
                holder = etree.SubElement(body, wrapper) if holder is None else holder
                etree.SubElement(holder, entry).extend(_fields(one))
        return body if len(body) else None

    def _steps(self, row: EnvelopeOperation, path: str, answers: bool = False) -> list[str]:
        """The names on the way from the body to a field of the operation's part, as the peer has them."""
        names = self._names.get((row.message, answers))
        ours = [step for step in (*row.at.split("/"), *path.split("/")) if step]
        theirs = []
        for at in range(len(ours)):
            mapped = None if names is None else names.fields.get("/".join(ours[: at + 1]))
            theirs.append(ours[at] if mapped is None or mapped.name is None else mapped.name)
        return theirs

    # writing ------------------------------------------------------------------------------------------------------

    def request(self, body: etree._Element, code: str) -> str:
        """A message's body, under the peer's names and in no namespace, as its operations."""
        rows = self.of(code)
        parts: list[tuple[EnvelopeOperation, etree._Element]] = []
        for row in rows[1:]:
            holder = _child(body, self._steps(row, "")[0])
            if holder is not None:
                body.remove(holder)
                parts += [(row, entry) for entry in holder]
        made: dict[str, str] = {}
        written = []
        for number, (row, part) in enumerate([(rows[0], body), *parts], 1):
            soo = _opened(row.type + _ASKED, "PUB_REQ", str(number))
            if row.creates:
                made.setdefault(row.type, f"$-{number}$")
                etree.SubElement(soo, row.creates).text = f"$-{number}$"
            for element, kind in row.refers.items():
                etree.SubElement(soo, element).text = made[kind]
            self._write_head(soo, row, part)
            etree.SubElement(soo, row.element).extend(list(part))
            written.append(etree.tostring(soo, encoding="unicode"))
        return "".join(written)

    def _write_head(self, soo: etree._Element, row: EnvelopeOperation, part: etree._Element) -> None:
        for kind, path in row.by.items():
            steps = self._steps(row, path)
            if _child(part, steps[0]) is not None:
                etree.SubElement(soo, _TYPE).text = kind
                _move_out(part, steps, soo, _PARAM)
                break
        for element, path in row.head.items():
            _move_out(part, self._steps(row, path), soo, element)

    def answer(self, document: Document, body: etree._Element | None) -> str:
        """The answer to operations: one for each, under its id; the first carries what the answer says."""
        rows = {row.type: row for row in self.of(document.row.code)}
        written = []
        for at, (kind, name, made) in enumerate(document.header.operations):
            soo, row = _opened(kind + _ANSWERED, "PUB_RES", name), rows.get(kind)
            if row is not None and made and row.creates:
                etree.SubElement(soo, row.creates).text = made
            if row is not None and body is not None and at == 0:
                for element, path in row.answer_head.items():
                    _move_out(body, self._steps(row, path, True), soo, element)
                etree.SubElement(soo, row.element).extend(list(body))
            written.append(etree.tostring(soo, encoding="unicode"))
        return "".join(written)


def canonical(holder: etree._Element) -> str:
    """What a signature covers of a list of operations: the same however it is written."""
    return "".join(canonical_form(one).decode() for one in holder)


def _bare(kind: str) -> str:
    """An operation's type without what says request or response."""
    return kind.strip().removesuffix(_ASKED).removesuffix(_ANSWERED)


def _id_of(soo: etree._Element) -> str:
    for name in ("PUB_REQ", "PUB_RES"):
        part = _child(soo, name)
        found = None if part is None else _child(part, _ID)
        if found is not None:
            return text_of(found).strip()
    return ""


def _answers(one: _Operation) -> bool:
    return _child(one.element, "PUB_RES") is not None


def _content(one: _Operation) -> etree._Element:
    """What holds the operation's fields: its element, or the operation itself where the peer leaves that out."""
    found = _child(one.element, one.row.element)
    return one.element if found is None else found


def _fields(one: _Operation) -> list[etree._Element]:
    """The operation's fields of the document."""
    content = _content(one)
    if content is not one.element:
        return list(content)
    row = one.row
    around = {"PUB_REQ", "PUB_RES", row.creates, _TYPE, _PARAM, *row.refers, *row.head, *row.answer_head}
    return [child for child in content if local(child) not in around]


def _child(element: etree._Element, name: str) -> etree._Element | None:
    return next((child for child in element if local(child) == name), None)


def _opened(kind: str, part: str, name: str) -> etree._Element:
    soo = etree.Element(ELEMENT, {"type": kind})
    etree.SubElement(etree.SubElement(soo, part), _ID).text = name
    return soo


def _move_out(part: etree._Element, steps: list[str], soo: etree._Element, element: str) -> None:
    """A field leaves the part for the head; what held it alone goes, too."""
    at: etree._Element | None = part
    passed: list[etree._Element] = []
    for step in steps:
        if at is None:
            return
        passed.append(at)
        at = _child(at, step)
    if at is None:
        return
    etree.SubElement(soo, element).text = at.text
    passed[-1].remove(at)
    for holder, inner in zip(reversed(passed[:-1]), reversed(passed[1:]), strict=True):
        if not len(inner):
            holder.remove(inner)


def _move_in(soo: etree._Element, element: str, body: etree._Element, steps: list[str]) -> None:
    """A field of the head goes back to its place."""
    found = _child(soo, element)
    if found is None or not text_of(found).strip():
        return
    at = body
    for step in steps:
        inner = _child(at, step)
        at = etree.SubElement(at, step) if inner is None else inner
    at.text = text_of(found).strip()
