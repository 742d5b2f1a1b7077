"""What the specification demands of every message, out of the message rows themselves (spec 02, 07.6).

``requirements.toml`` holds the sentences of the pages; these here stand once, in the catalogue: each message is taken when it
is valid, each refusal of its row has its situation, repeats and reused serials are found, faults of the document are listed;
it may come late or early, its sender may stop waiting and try again, and its own answer may be late.  What a message cannot be
asked stands in ``data/exempt.toml``, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

from conformance.model import Place, Requirement
from conformance.sources import Fault, Source
from schemas.loader import Catalogue
from schemas.model import MessageRow

_EVERYBODY = "*"
_ROLES = ("CRM", "PF", "RM", "BILL")

_ASKED: tuple[tuple[str, str, str], ...] = (
    ("valid", "合法时须受理并应答", "valid, it MUST be taken and answered"),
    ("duplicate", "重到须得原应答且不二次生效", "a repeat MUST get the stored answer, once in effect"),
    ("reuse", "流水号携不同内容须拒 1009", "a serial with other content MUST be refused 1009"),
    ("1002", "不合模式须拒 1002 并列全部错误", "against its schema it MUST be refused 1002 with every fault"),
    ("retried", "发送方超时重发：只生效一次", "its sender gave up and tries again: the answer, once in effect"),
    ("late", "所属事项已结束才到：按矩阵应答，不得生效", "behind the end of what it belongs to: judged by state, no effect"),
    ("early", "先于其前提到达：拒绝、记录或暂存", "before what it builds on: refused, recorded or held"),
)
"""What every message is asked of who receives it: name, Chinese, English."""
_OF_SENDERS: tuple[tuple[str, str, str], ...] = (
    ("unanswered", "应答迟到：原样重发，应答按流水号对上", "its answer is late: the same again, answers matched by serial"),
)
"""What it is asked of who sends it."""
KINDS = {
    "valid": ("valid",),
    "refusals": ("1002",),
    "duplicate": ("duplicate",),
    "serial reuse": ("reuse",),
    "late answer": ("retried", "late", "unanswered"),
    "out of order": ("early",),
}
"""The six kinds of 07.6, by the names of what is asked; the refusals of a row stand under their codes."""


@dataclass(frozen=True, slots=True)
class Exempt:
    """What these messages are not asked, of these roles (empty: any), and why."""

    kind: str
    codes: tuple[str, ...]
    suts: tuple[str, ...]
    zh: str
    en: str
    place: Place

    def frees(self, kind: str, code: str, sut: str) -> bool:
        """Whether it speaks of this."""
        return kind == self.kind and code in self.codes and (not self.suts or sut in self.suts)


def read_exempt(source: Source, catalogue: Catalogue, faults: list[Fault]) -> list[Exempt]:
    """Every exemption of the file; a row that frees nobody is a fault."""
    found = []
    asked = [name for name, _, _ in (*_ASKED, *_OF_SENDERS)]
    known = {row.code: row for row in catalogue.messages()}
    for n, row in enumerate(source.data.get("exempt", [])):
        place = source.place("exempt", n)
        missing = [name for name in ("kind", "codes", "zh", "en") if not row.get(name)]
        idle = [code for code in row.get("codes", ()) if code not in known or not _roles(known[code], row.get("kind", ""))]
        if missing or idle or row["kind"] not in asked:
            about = ", ".join(missing or idle or [row["kind"]])
            faults.append(Fault(place, f"豁免不完整或无所指：{about}", f"exemption incomplete, or of nothing: {about}"))
            continue
        found.append(Exempt(row["kind"], tuple(row["codes"]), tuple(row.get("suts", ())), row["zh"], row["en"], place))
    return found


def of_messages(catalogue: Catalogue, exempt: list[Exempt]) -> dict[str, Requirement]:
    """Requirements of every message between systems, by id (``OH01.valid``, ``CN01.3003``)."""
    found: dict[str, Requirement] = {}
    for row in catalogue.messages():
        place = Place(f"catalogue {row.code}", 1)
        for name, zh, en in (*_ASKED, *_OF_SENDERS):
            suts = tuple(sut for sut in _roles(row, name) if not any(one.frees(name, row.code, sut) for one in exempt))
            if suts:
                found[f"{row.code}.{name}"] = _made(row, name, suts, zh, en, place)
        for refusal in row.refusals if receivers(row) else ():
            result = catalogue.result(refusal)
            en = f"{result.en}: it MUST be refused {refusal}"
            found[f"{row.code}.{refusal}"] = _made(row, refusal, receivers(row), f"{result.zh}时须拒 {refusal}", en, place)
    return found


def receivers(row: MessageRow) -> tuple[str, ...]:
    """The roles that may be judged by a message: those that receive it."""
    return _known([route.receiver for route in row.routes])


def senders(row: MessageRow) -> tuple[str, ...]:
    """The roles that may be judged by sending it."""
    return _known([route.sender for route in row.routes])


def _known(roles: list[str]) -> tuple[str, ...]:
    return _ROLES if _EVERYBODY in roles else tuple(dict.fromkeys(role for role in roles if role in _ROLES))


def _roles(row: MessageRow, name: str) -> tuple[str, ...]:
    """Of whom this is asked."""
    return senders(row) if any(name == one for one, _, _ in _OF_SENDERS) else receivers(row)


def _made(row: MessageRow, name: str, suts: tuple[str, ...], zh: str, en: str, place: Place) -> Requirement:
    sentences = (f"{row.code} {row.zh}：{zh}。", f"{row.code} {row.name}: {en}.")
    return Requirement(f"{row.code}.{name}", row.clause, "MUST", suts, *sentences, place, (row.code,))
