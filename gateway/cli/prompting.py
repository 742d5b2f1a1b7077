"""How the operator of a system under test is asked to have it send a message: by commands, or at our own desk (spec 07.3)."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from gateway import control

_SHOWN = 400
_KEPT = 4 * _SHOWN
"""Bytes kept of what a command says: its last words."""
_OPERATOR = "OP025001"


class Prompts:
    """Runs the command of a message's code, the body as JSON on its standard input, and does not wait for it."""

    def __init__(self, reactor: Any, commands: Mapping[str, str]) -> None:
        self._reactor = reactor
        self._commands = commands

    def __call__(self, code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
        """``failed`` hears why nothing was asked for: the command is none, or ended otherwise than with 0."""
        document = json.dumps(body, ensure_ascii=False).encode("utf-8")
        try:
            words = shlex.split(self._commands[code])
            self._reactor.spawnProcess(_Asking(code, document, failed), words[0], words, env=dict(os.environ))
        except (OSError, IndexError, ValueError) as fault:
            failed(f"{code}：命令无法运行 {fault} / the command cannot be run: {fault}")


class AtTheDesk:
    """Asks the product's own gateway of a data directory, as ``bssgw request`` does."""

    def __init__(self, reactor: Any, data_dir: Path) -> None:
        self._reactor = reactor
        self._data_dir = data_dir

    def __call__(self, code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
        """``failed`` hears why nothing was asked for."""
        request = {"do": "request", "code": code, "body": body, "operator": _OPERATOR}

        def told(reply: dict[str, Any]) -> None:
            if not reply["ok"]:
                failed(f"{code} {reply.get('code', '')} {reply['zh']} / {reply['en']}")

        asking = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), control.ask, self._data_dir, request)
        asking.addCallbacks(told, lambda fault: failed(f"{code} {fault.getErrorMessage()}"))


class _Asking(ProcessProtocol):
    def __init__(self, code: str, document: bytes, failed: Callable[[str], None]) -> None:
        self._code = code
        self._document = document
        self._failed = failed
        self._said = b""

    def connectionMade(self) -> None:
        """It runs: this is the message."""
        transport: Any = self.transport
        transport.write(self._document)
        transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """What it says."""
        self._said = (self._said + data)[-_KEPT:]

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        """It is over."""
        status = getattr(reason.value, "exitCode", None)
        if status != 0:
            said = self._said.decode("utf-8", "replace").strip()[-_SHOWN:]
            self._failed(f"{self._code}：命令以 {status} 结束：{said} / the command ended with {status}: {said}")
