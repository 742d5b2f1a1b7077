"""What the specification demands of every message, out of the message rows themselves (spec 02, 07.6).

``requirements.toml`` holds the sentences of the pages; these here stand once, in the catalogue: each message is taken when it
is valid, each refusal of its row has its situation, repeats and reused serials are found, faults of the document are listed.
"""

from __future__ import annotations

from conformance.model import Place, Requirement
from schemas.loader import Catalogue
from schemas.model import MessageRow

_EVERYBODY = "*"
_ROLES = ("CRM", "PF", "RM", "BILL")

_ASKED: tuple[tuple[str, str, str], ...] = (
    ("valid", "合法时须受理并应答", "valid, it MUST be taken and answered"),
    ("duplicate", "重到须得原应答且不二次生效", "a repeat MUST get the stored answer, once in effect"),
    ("reuse", "流水号携不同内容须拒 1009", "a serial with other content MUST be refused 1009"),
    ("1002", "不合模式须拒 1002 并列全部错误", "against its schema it MUST be refused 1002 with every fault"),
)
"""What every message is asked: name, Chinese, English."""


def of_messages(catalogue: Catalogue) -> dict[str, Requirement]:
    """Requirements of every message between systems, by id (``OH01.valid``, ``CN01.3003``)."""
    found: dict[str, Requirement] = {}
    for row in catalogue.messages():
        suts = receivers(row)
        if not suts:
            continue
        place = Place(f"catalogue {row.code}", 1)
        for name, zh, en in _ASKED:
            found[f"{row.code}.{name}"] = _made(row, name, suts, zh, en, place)
        for refusal in row.refusals:
            result = catalogue.result(refusal)
            en = f"{result.en}: it MUST be refused {refusal}"
            found[f"{row.code}.{refusal}"] = _made(row, refusal, suts, f"{result.zh}时须拒 {refusal}", en, place)
    return found


def receivers(row: MessageRow) -> tuple[str, ...]:
    """The roles that may be judged by a message: those that receive it."""
    roles = [route.receiver for route in row.routes]
    return _ROLES if _EVERYBODY in roles else tuple(dict.fromkeys(role for role in roles if role in _ROLES))


def _made(row: MessageRow, name: str, suts: tuple[str, ...], zh: str, en: str, place: Place) -> Requirement:
    sentences = (f"{row.code} {row.zh}：{zh}。", f"{row.code} {row.name}: {en}.")
    return Requirement(f"{row.code}.{name}", row.clause, "MUST", suts, *sentences, place, (row.code,))
