"""Requests of people to a running gateway: one action on a fallout record, the answer to an offer (control socket)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crm_core.fallout.desk import WorkFallout
from crm_core.orders.inquiry import InquireOperation, QueryProcess
from crm_core.orders.process_query import QueryProcesses
from crm_core.orders.resume_pending import ResumePending
from crm_core.ports import Command
from gateway import control
from gateway.desk.links import link_request
from gateway.desk.requested import RequestRefused, Requests
from gateway.service import Gateway

BY = {
    "order": "service_order_id",
    "customer-order": "customer_order_id",
    "instance": "product_instance_id",
    "number": "access_number",
}
"""What orders are asked for by, as people say it."""
TEXTS = ("id", "action", "operator", "reason", "approved_by")


def desk_requests(gateway: Gateway) -> dict[str, control.Handler]:
    """Handlers by the name of the request."""

    def fallout(request: dict[str, Any], reply: Callable[[control.Reply], None]) -> None:
        """``{"do": "fallout", "id", "action", "operator", "reason", "approved_by"?, "changes"?, "dry_run"?}``."""
        fields = {name: request.get(name, "") for name in TEXTS}
        changes = request.get("changes")
        if not all(isinstance(value, str) for value in fields.values()) or not isinstance(changes, dict | None):
            reply(control.refusal("请求不完整", "the request is incomplete"))
            return
        work = WorkFallout(
            fields["id"], fields["action"], fields["operator"], fields["reason"], fields["approved_by"], changes,
            bool(request.get("dry_run")),
        )  # fmt: skip
        gateway.desk.work(work, reply)

    def resume(request: dict[str, Any], reply: Callable[[control.Reply], None]) -> None:
        """``{"do": "resume", "id", "accept", "operator", "new_date"?, "reason"?}``."""
        order_id, operator, accept = request.get("id"), request.get("operator"), request.get("accept")
        if not isinstance(order_id, str) or not isinstance(operator, str) or not isinstance(accept, bool):
            reply(control.refusal("请求不完整", "the request is incomplete"))
            return
        text = request.get("reason")
        reason = {"text": str(text)} if text else None
        command = ResumePending(order_id, accept, request.get("new_date"), reason, operator)
        gateway.desk.run(command, operator, "resume", reply)

    def inquire(request: dict[str, Any], reply: Callable[[control.Reply], None]) -> None:
        """``{"do": "inquire", "id", "operator", "operation"?}``: without an operation how far the order is; ``by`` another key
        (a number with ``range`` and ``area``) every order under that ``id`` is asked for."""
        order_id, operator, operation = request.get("id"), request.get("operator"), request.get("operation")
        by, span, area = request.get("by", "order"), request.get("range"), request.get("area")
        known = isinstance(by, str) and by in BY and isinstance(span, dict | None) and isinstance(area, str | None)
        if not known or not isinstance(order_id, str) or not isinstance(operator, str) or not isinstance(operation, str | None):
            reply(control.refusal("请求不完整", "the request is incomplete"))
            return
        command: Command = QueryProcess(order_id) if operation is None else InquireOperation(order_id, operation)
        if by != "order":
            command = QueryProcesses(**{BY[by]: order_id}, time_range=span, area=area)
        gateway.desk.run(command, operator, "inquire", reply)

    link = link_request(gateway.links.get, gateway.writer, gateway.codec.catalogue)
    message = gateway.message_desk.handle
    return {"fallout": fallout, "resume": resume, "inquire": inquire, "link": link, "message": message,
            "request": _sending(gateway), "reconcile": gateway.reconciling.handle}  # fmt: skip


def _sending(gateway: Gateway) -> control.Handler:
    """``{"do": "request", "code", "body", "operator"}``: the CRM sends a message a person asks for."""
    requests = Requests(gateway.codec)

    def send(request: dict[str, Any], reply: Callable[[control.Reply], None]) -> None:
        code, body, operator = request.get("code"), request.get("body"), request.get("operator")
        if not isinstance(code, str) or not isinstance(body, dict) or not isinstance(operator, str):
            reply(control.refusal("请求不完整", "the request is incomplete"))
            return
        try:
            command = requests.command(code, body, operator)
        except RequestRefused as fault:
            faults = [{"path": one.path, "found": one.found, "text": one.text} for one in fault.faults]
            reply({"ok": False, "code": fault.code, "zh": fault.zh, "en": fault.en, "faults": faults})
            return
        gateway.desk.run(command, operator, f"request {code}", reply)

    return send
