"""What a person may have the CRM send, which no other system's message asks of it: a survey, a design, a reservation (spec 02).

A message's row names the use case by which it is asked for (``asked``); what the person gives are the message's fields, held
against its schema before anything happens.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.translate import use_cases
from adapters.xml.codec import Codec
from crm_core.ports import Command
from schemas.loader import UnknownName

_NEVER_SENT = Header("", "0", "CRM", "CRM", "", "20000101000000", "0.9", "A")
"""Head of the document that is only held against the schema."""


class RequestRefused(Exception):
    """It cannot be asked for like that: ``code`` of the result table, both languages, and every fault of the content."""

    def __init__(self, code: str, zh: str, en: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(f"{zh} / {en}")
        self.code, self.zh, self.en, self.faults = code, zh, en, faults


class Requests:
    """The messages that can be asked for, by code."""

    def __init__(self, codec: Codec) -> None:
        known = use_cases()
        self._codec = codec
        self._asked = {row.code: known[row.asked] for row in codec.catalogue.messages() if row.asked is not None}

    @property
    def codes(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(self._asked)

    def command(self, code: str, body: dict[str, Any], operator: str) -> Command:
        """The use case with the message's fields. Raises RequestRefused."""
        use_case = self._asked.get(code)
        if use_case is None:
            there = " ".join(self.codes)
            raise RequestRefused("1003", f"没有人可以发起 {code}，可用：{there}", f"nobody asks for {code}; there are: {there}")
        given = self._checked(code, {"operator": operator, **body})
        command: Command = use_case(**{field.name: given[field.name] for field in fields(use_case) if field.name in given})
        return command

    def _checked(self, code: str, body: dict[str, Any]) -> dict[str, Any]:
        """The fields as its schema reads them."""
        row = self._codec.catalogue.message(code)
        header = replace(_NEVER_SENT, code=code, area=str(body.get("area", "")))
        try:
            text = self._codec.encode(Document(row, row.name, header, body), "UTF-8")
            return self._codec.decode(text, "UTF-8").body
        except DocumentRefused as refusal:
            zh, en = "内容不合模式", "the content is against its schema"
            raise RequestRefused("1002", zh, en, refusal.faults) from refusal
        except (LookupError, TypeError, ValueError, UnknownName) as fault:
            zh, _, en = str(fault).partition(" / ")
            raise RequestRefused("1002", f"内容不合模式：{zh}", f"the content is against its schema: {en or zh}") from fault
