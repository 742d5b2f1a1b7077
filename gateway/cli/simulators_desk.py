"""The desk of a simulated system: what a person there does, over a socket of its own in the data directory.

Resource management's planner drafts a cutover, starts it (or tries it dry), cancels it and looks at it (spec 5.12); and any
system's ledger can be written to a file, for the auditor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import control

if TYPE_CHECKING:
    from simulators.host import SimulatorHost

Tell = Callable[[control.Reply], None]


def desk_name(role: str) -> str:
    """Name of the socket a simulated system's desk has in the data directory."""
    return f"simulators-{role.lower()}"


async def open_desks(hosts: Iterable[SimulatorHost], data_dir: Path, endpoints: Any) -> list[Any]:
    """Listens for requests beside the data directory's gateway, a socket a system; returns the ports.

    Raises CannotListenError where another process has that system's desk.
    """
    ports = []
    for host in hosts:
        path = control.socket_path(data_dir, desk_name(host.brain.role))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        ports.append(await endpoints.server(f"unix://{path}").listen(control.ControlFactory(desk_of(host))))
    return ports


def desk_of(host: SimulatorHost) -> dict[str, control.Handler]:
    """Requests to a simulated system: its ledger; of resource management also its cutovers."""
    from simulators.rm.brain import RmBrain

    def ledger(request: dict[str, Any], reply: Tell) -> None:
        """``{"do": "ledger", "file"}``: what the system remembers, as JSON into a file of that name."""
        try:
            Path(str(request.get("file"))).write_text(json.dumps(host.ledger, ensure_ascii=False), encoding="utf-8")
        except OSError as fault:
            reply(control.refusal(f"不能写 {fault.filename}", f"cannot write {fault.filename}: {fault.strerror}"))
            return
        reply({"ok": True})

    handlers: dict[str, control.Handler] = {"ledger": ledger}
    if isinstance(host.brain, RmBrain):
        planner = CutoverPlanner(host, host.brain)
        handlers |= {"draft": planner.draft, "start": planner.start, "cancel": planner.cancel, "report": planner.report}
    return handlers


class CutoverPlanner:
    """The person at resource management who plans cutovers."""

    def __init__(self, host: SimulatorHost, brain: Any) -> None:
        self._host = host
        self._rm = brain

    def draft(self, request: dict[str, Any], reply: Tell) -> None:
        """``{"do": "draft", "res_type", "old_bureau", "new_bureau", "per_wave", "most"?}`` → ``items`` of a plan."""
        from simulators.rm.cutover_plan import draft

        plant = self._rm.plant
        try:
            kind, old, new = request["res_type"], request["old_bureau"], request["new_bureau"]
            per_wave = max(1, int(request["per_wave"]))
        except (KeyError, ValueError, TypeError) as fault:
            reply(_misshapen(fault))
            return
        instances = [
            name for name in plant.in_use if any(row.type == kind and row.bureau == old for row in plant.serving(name))
        ]
        reply({"ok": True, "items": draft(plant, instances[: request.get("most")], kind, new, per_wave)})

    def start(self, request: dict[str, Any], reply: Tell) -> None:
        """``{"do": "start", "plan", "dry_run"?}``: the fields of CT01 with all items."""
        self._act(lambda now: self._rm.start_cutover(request["plan"], now, bool(request.get("dry_run"))), reply)

    def cancel(self, request: dict[str, Any], reply: Tell) -> None:
        """``{"do": "cancel", "id", "reason", "roll_back"?}``: the running wave is finished, or rolled back."""
        roll_back = bool(request.get("roll_back"))
        self._act(lambda now: self._rm.cancel_cutover(request["id"], request["reason"], now, roll_back), reply)

    def report(self, _: dict[str, Any], reply: Tell) -> None:
        """``{"do": "report"}`` → ``cutovers`` by id with state and counts, ``dry_runs`` by id with their differences."""
        cutovers = self._rm.cutovers
        reply({"ok": True, "cutovers": cutovers.inspect(), "dry_runs": cutovers.reports, "trying": cutovers.trying()})

    def _act(self, work: Callable[[int], Any], reply: Tell) -> None:
        from simulators.rm.cutover_plan import PlanInvalid

        try:
            self._host.act(work)
        except PlanInvalid as wrong:
            zh, _, en = str(wrong).partition(" / ")
            reply(control.refusal(zh, en))
        except (KeyError, TypeError, AttributeError) as fault:
            reply(_misshapen(fault))
        else:
            reply({"ok": True})


def _misshapen(fault: Exception) -> control.Reply:
    return control.refusal(f"请求或计划缺少内容或类型不对：{fault!r}", f"the request or plan lacks something: {fault!r}")
