"""The real gateway with its real store, and a test that speaks for everybody else in packets.

Resources, billing and the channel's notices are simulated as everywhere; provisioning is the test's: what the CRM sends it is
received and acknowledged, what it reports the test writes, when and in which order it likes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from adapters.document import Document, Header
from adapters.store import queries
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from crm_core.ports import Command
from gateway.proof.world import CHANNEL, CRM, PF, World, WorldPlan, address_of
from gateway.timers import CommandJob
from tests.gateway.rig import CODEC, CTIF, Station, Wire, Wires, echo, receipt_for

Body = dict[str, Any]
AMEND = {"type": "10Q", "code": "10Q001", "text": "客户改速率"}
CANCEL = {"type": "10C", "code": "10C001", "text": "客户不要了"}
DEFER = {"type": "10P", "code": "10P002", "text": "用户外出"}
BACK = {"type": "10R", "code": "10R001", "text": "用户地址不详"}
SHORT = {"type": "10W", "code": "10W001", "text": "无端口"}
STAGE = {"code": "FIELD", "name": "外线施工"}
PLACE = {"text": "南京市鼓楼区示例路1号", "area": "025"}


class House:
    """One world. ``answers`` are those to what was said last, by code."""

    def __init__(self, seed: int = 3) -> None:
        self.world = World(WorldPlan(seed=seed, orders=0))
        self._said = 0
        self._wires: dict[tuple[str, str], Wire] = {}
        self._fence = 0
        for system, host in self.world.hosts.items():
            if system != PF:
                host.start()
        self.station = Station(SimpleNamespace(network=self.world.network), address_of(PF), self._script)  # type: ignore[arg-type]
        self.world.gateway.start()
        self.advance(1)

    def _script(self, packet: Packet) -> Packet:
        """What provisioning says at once: a receipt, or the answer to a question about a lock."""
        row = CODEC.catalogue.message(packet.code)
        if row.name not in ("LockOrder", "UnlockOrder"):
            return receipt_for(packet)
        asked = CODEC.decode(packet.body, packet.charset).body
        body: Body = {"service_order_id": asked["service_order_id"]}
        if row.name == "LockOrder":
            self._fence += 1
            body |= {"fence": self._fence, "lease_until": asked["lease_until"]}
        else:
            body |= {"outcome": "unlocked"}
        header = Header(packet.code, packet.serial, packet.receiver, packet.sender, packet.area, packet.send_time, "0.9", "B",
                        result_code="0000")  # fmt: skip
        raw = CODEC.encode(Document(row, row.answer or "", header, body), "GB18030")
        return echo(packet, raw, Kind.REPLY, "0000")

    def advance(self, seconds: float) -> None:
        """Virtual time goes on."""
        self.world.clock.advance(int(seconds * 1000))

    def at(self, seconds: float) -> str:
        """A wire time from now."""
        return wire_time(self.world.clock.now() + int(seconds * 1000))

    def wire(self, sender: str, to: str = CRM) -> Wire:
        """The connection on which ``sender`` speaks to ``to``."""
        if (sender, to) not in self._wires:
            wires = Wires(lambda wire, packet: None, CTIF)
            self.world.network.client(address_of(to)).connect(wires)
            self.advance(0.05)
            self._wires[sender, to] = wires.made[0]
        return self._wires[sender, to]

    def packet(self, sender: str, name: str, body: Body, *, ref: str | None = None, to: str = CRM) -> Packet:
        """A message as a packet of its own serial."""
        self._said += 1
        row = next(row for row in CODEC.catalogue.messages() if row.name == name)
        mode = "B" if row.pattern == "Q" else "A"
        now = self.at(0)
        header = Header(row.code, f"{sender}{now}9{self._said:09d}", sender, to, "025", now, "0.9", mode, ref_serial=ref)
        raw = CODEC.encode(Document(row, row.name, header, body), "GB18030")
        kind = Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST
        return Packet(raw, kind, row.code, sender, to, "025", header.serial, now, mode=mode, charset="GB18030")

    def say(self, sender: str, name: str, body: Body, *, ref: str | None = None, to: str = CRM) -> Body:
        """Say it; the body of the answer that came back, with ``result`` the packet's code and ``serial`` the message's."""
        packet = self.packet(sender, name, body, ref=ref, to=to)
        wire = self.wire(sender, to)
        wire.send(packet)
        self.advance(0.5)
        (answer,) = [got for got in wire.got if got.serial == packet.serial]
        return CODEC.decode(answer.body, answer.charset).body | {"result": answer.result, "serial": packet.serial}

    # -- the channel ----------------------------------------------------------------------------------------------------

    def fresh(self) -> str:
        """A customer order id nobody has."""
        return f"CO{self._said:010d}"

    def submission(self, name: str, **fields: Any) -> Body:
        """SubmitOrder of the house's customer, a new one the first time."""
        given: Body = {
            "customer_order_id": name, "area": "025", "customer": {"name": "张示例", "type": "1"},
            "dates": {"captured_at": self.at(-60)}, "contact": {"name": "张示例", "phone": "13800000000"},
            "items": [{"item_id": "1", "action": "install", "product": "POTS", "a_end": PLACE}], "notify": "each",
        }  # fmt: skip
        return given | fields

    def submit(self, name: str, **fields: Any) -> str:
        """Submitted; the id of its first service order."""
        answer = self.say(CHANNEL, "SubmitOrder", self.submission(name, **fields))
        assert answer["code"] == "0001", answer
        with self.world.engine.connect() as connection:
            return queries.service_order_ids(connection, name)[0]

    def ask(self, order: str, operation: str, fields: Body, **more: Any) -> Body:
        """CH03 and its receipt."""
        body = {"service_order_id": order, "area": "025", "operation": operation, "dry_run": False, operation: fields}
        return self.say(CHANNEL, "OrderOperation", body | more)

    def command(self, command: Command) -> None:
        """Somebody at a counter of the CRM itself."""
        self.world.gateway.writer.submit(CommandJob(command, CRM, type(command).__name__))
        self.advance(5)

    # -- provisioning ---------------------------------------------------------------------------------------------------

    def report(
        self, order: str, name: str, *, seq: int | None = None, version: int = 1, ref: str | None = None, **fields: Any
    ) -> Body:
        """A message of provisioning about an order."""
        numbered = {} if seq is None else {"report_seq": seq}
        body = {"service_order_id": order, "version": version, "area": "025", **numbered, **fields}
        return self.say(PF, name, body, ref=ref)

    def accept(self, order: str, seq: int | None = 1, version: int = 1) -> Body:
        """OH02."""
        return self.report(order, "OrderAccepted", seq=seq, version=version, accepted_by="调度员甲", accepted_at=self.at(0),
                           expected_finish=self.at(86_400), phone="025-81000001")  # fmt: skip

    def stage(self, order: str, seq: int | None = 2, version: int = 1) -> Body:
        """OH07."""
        return self.report(order, "StageReport", seq=seq, version=version, stage=STAGE, work_order_id=f"WO{self._said:06d}",
                           state="done", time=self.at(0))  # fmt: skip

    def complete(self, order: str, seq: int | None = 3, version: int = 1, item: str = "1") -> Body:
        """OH08 with number and port."""
        found = {"NUMBER": f"0258{self._said:07d}", "PORT": "NJ-1"}
        attrs = [{"code": code, "new": new, "action": "A"} for code, new in found.items()]
        return self.report(order, "CompletionReport", seq=seq, version=version, completed_by="装维员乙", time=self.at(0),
                           items=[{"item_id": item, "attrs": attrs}])  # fmt: skip

    def send_back(self, order: str, seq: int | None = 3, version: int = 1) -> Body:
        """OH09."""
        return self.report(order, "ReturnOrder", seq=seq, version=version, reason=BACK, stage=STAGE, audited_by="审核员乙")

    def pending(self, order: str, seq: int | None = 3, version: int = 1) -> Body:
        """PI01."""
        return self.report(order, "PendingInstall", seq=seq, version=version, stage="LINE_ASSIGN", reason=SHORT,
                           missing_res_type="PORT", address=PLACE, found_at=self.at(0))  # fmt: skip

    def serial_of(self, order: str, operation: str) -> str:
        """Under which an open operation left."""
        return str([entry for entry in self.seen(order)["operations"] if entry["operation"] == operation][-1]["serial"])

    def sent(self, code: str, order: str) -> list[Body]:
        """What provisioning received of a code about an order."""
        return [body for body in self.heard(code) if body.get("service_order_id") == order]

    def heard(self, code: str) -> list[Body]:
        """What provisioning received of a code."""
        return [CODEC.decode(packet.body, packet.charset).body for packet in self.station.received if packet.code == code]

    # -- what the store says --------------------------------------------------------------------------------------------

    def seen(self, order: str) -> Any:
        """The order as stored."""
        with self.world.engine.connect() as connection:
            return queries.order(connection, order)

    def state(self, order: str) -> str:
        """The order's state."""
        return str(self.seen(order)["state"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the database."""
        with self.world.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]
