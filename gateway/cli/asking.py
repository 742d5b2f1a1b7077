"""Asking the running gateway for something that changes its store, and saying plainly why it cannot be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway import control
from gateway.cli.output import CommandFailed, Exit

if TYPE_CHECKING:
    from gateway.config.model import Config


def ask(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    """The gateway's reply. Raises CommandFailed where none runs or it gave no answer."""
    try:
        return control.ask(config.data_dir, request)
    except control.ControlUnreachable as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"{config.data_dir} 没有运行中的网关：先在另一个终端运行 bssgw run",
            f"no gateway runs on {config.data_dir}: start one in another terminal with bssgw run",
        ) from fault
    except control.ControlSilent as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            "网关没有应答（操作可能已执行）：查看后重试，重复执行没有第二次效果",
            "the gateway gave no answer (it may have been done): look, then try again; a second time has no effect",
        ) from fault
