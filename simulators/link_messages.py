"""Link messages every simulated system answers itself, whatever its brain is (spec 02.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.loader import Catalogue
from simulators.brain import Body, Meta, Reaction
from simulators.inbox import Inbox
from simulators.outbox import Row
from simulators.paper import Paper

Redeliver = Callable[[str, str], bool]
"""(peer, serial) -> whether that message goes again."""


class LinkMessages:
    """LN02, LN03, LN04, RX03, RX04. ``sent`` is what may be asked for again, by serial."""

    def __init__(self, paper: Paper, inbox: Inbox, serves: tuple[str, ...], sent: dict[str, Row], redeliver: Redeliver) -> None:
        self._paper = paper
        self._catalogue: Catalogue = paper.catalogue
        self._inbox = inbox
        self._serves = serves
        self._sent = sent
        self._redeliver = redeliver
        self.handlers: dict[str, Callable[[Body, Meta], Reaction]] = {
            "LN02": lambda body, meta: Reaction(),
            "LN03": lambda body, meta: Reaction(answer={"text": body["text"]}),
            "LN04": self._status,
            "RX03": self._again,
            "RX04": self._query,
        }

    def _status(self, body: Body, meta: Meta) -> Reaction:
        messages = sorted([*self._serves, *self.handlers])
        versions = list(self._catalogue.versions())
        return Reaction(answer={"schema_versions": versions, "messages": messages, "state": "normal"})

    def _again(self, body: Body, meta: Meta) -> Reaction:
        """RX03: the same serials, the same bytes. Of an order nothing was ever told about: 3003."""
        answer: dict[str, Any] = {}
        if "serials" in body:
            wanted = {serial: self._sent.get(serial) for serial in body["serials"]}
            unknown = [serial for serial, row in wanted.items() if row is None or not self._redeliver(meta.sender, serial)]
            again = [{"serial": serial} for serial in wanted if serial not in unknown]
            answer |= {"unknown_serials": unknown} if unknown else {}
        else:
            asked = range(body["from_seq"], body["to_seq"] + 1)
            about = [row for row in self._sent.values() if row.send.body.get("service_order_id") == body["service_order_id"]]
            if not about:
                return Reaction.refuse("ORDER_UNKNOWN")
            found = {seq: row.serial for row in about if (seq := row.send.body.get("report_seq")) in asked}
            done = {seq: serial for seq, serial in sorted(found.items()) if self._redeliver(meta.sender, serial)}
            again = [{"serial": serial, "report_seq": seq} for seq, serial in done.items()]
            missing = [seq for seq in asked if seq not in done]
            answer |= {"unknown_seqs": missing} if missing else {}
        return Reaction(answer=answer | {"redelivered": again} if again else answer)

    def _query(self, body: Body, meta: Meta) -> Reaction:
        """RX04: what became of a document of this sender's."""
        answer: Body = {"sender": body["sender"], "serial": body["serial"], "state": "unseen"}
        stored = self._inbox.find(body["sender"], body["serial"])
        if stored is None:
            return Reaction(answer=answer)
        document = self._paper.codec.read(stored.answer.body, stored.answer.charset).data.decode()
        kept = {"serial": stored.answer.serial, "result_code": stored.answer.result, "document": document}
        return Reaction(answer=answer | {"state": stored.state, "stored_answer": kept})
