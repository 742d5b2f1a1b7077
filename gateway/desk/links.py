"""What a person does to a link: stop it, let it go on (spec 06.1 promise 6, 06.2).

The history says who and why; a link that was stopped by a person is so after a restart, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from adapters.store.unit import StoreUnit
from crm_core.errors import AttributeInvalid, DomainError
from crm_core.ports import Origin
from gateway.control import Handler, Reply, refusal
from gateway.outbox.log import OutboxLog
from gateway.writer import Writer
from schemas.loader import Catalogue

STOP, RESUME = "stop", "resume"


class StoppableLink(Protocol):
    """The part of a link a person acts on (``gateway.links.links``)."""

    @property
    def state(self) -> str:
        """For people."""

    def stop(self, why: str) -> None:
        """Nothing more leaves."""

    def resume(self) -> None:
        """Go on."""


@dataclass(frozen=True, slots=True)
class LinkAct:
    """``action`` stop or resume; ``operator`` who, ``reason`` why."""

    peer: str
    action: str
    operator: str
    reason: str


class LinkJob:
    """One act: recorded first, done after the commit."""

    def __init__(self, act: LinkAct, link: StoppableLink, catalogue: Catalogue, reply: Callable[[Reply], None]) -> None:
        self.origin = Origin(act.operator, "", f"link {act.action}")
        self._act = act
        self._link = link
        self._catalogue = catalogue
        self._reply = reply
        self._refusal: Reply | None = None

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """Nothing of the core's."""
        return ()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """Record it. Raises ``AttributeInvalid`` (3020) without a person or a reason, 2002 for one who may not."""
        act, before = self._act, self._link.state
        if not act.operator or not act.reason:
            raise AttributeInvalid("须说明操作人与原因", "Say who acts and why", state=before)
        if not unit.reference.may(act.operator, "link"):
            zh, en = f"{act.operator} 无权停止或恢复链路", f"{act.operator} may not stop or resume links"
            raise DomainError(zh, en, code="NOT_PERMITTED", state=before)
        unit.note("link", act.peer, act.action, before, "stopped" if act.action == STOP else "resumed", act.reason[:400])

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Nothing is done."""
        row = self._catalogue.result(error.code)
        self._refusal = {"ok": False, "code": row.code, "zh": error.zh, "en": error.en, "state": error.state}

    def committed(self) -> None:
        """Durable: now it counts."""
        if self._refusal is not None:
            self._reply(self._refusal)
            return
        before = self._link.state
        if self._act.action == STOP:
            self._link.stop(f"{self._act.operator}: {self._act.reason}")
        else:
            self._link.resume()
        row = self._catalogue.result("OK")
        self._reply({"ok": True, "code": row.code, "zh": row.zh, "en": row.en, "before": before, "state": self._link.state})

    def failed(self, symbol: str) -> None:
        """Nothing was kept, nothing is done."""
        row = self._catalogue.result(symbol)
        self._reply({"ok": False, "code": row.code, "zh": row.zh, "en": row.en})


def keep_stopped(links: Mapping[str, StoppableLink], outbox: OutboxLog) -> None:
    """Before anything is sent: what a person stopped stays stopped."""
    for peer, link in links.items():
        last = outbox.last_act("link", peer)
        if last is not None and last[0] == STOP:
            link.stop(f"{last[1]}: {last[2]}")


def link_request(links: Callable[[str], StoppableLink | None], writer: Writer, catalogue: Catalogue) -> Handler:
    """The handler of ``{"do": "link", "action", "peer", "operator", "reason"}``."""

    def handle(request: Reply, reply: Callable[[Reply], None]) -> None:
        given = [request.get(name) for name in ("peer", "action", "operator", "reason")]
        peer, action, operator, reason = (one if isinstance(one, str) else "" for one in given)
        link = links(peer)
        if link is None or action not in (STOP, RESUME):
            reply(refusal(f"没有链路 {peer} 或操作 {action}", f"there is no link {peer}, or no action {action}"))
            return
        writer.submit(LinkJob(LinkAct(peer, action, operator, reason), link, catalogue, reply))

    return handle
